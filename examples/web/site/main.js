// Starts runs, hears what happens in them, shows it.

import load, { Jitter, Run, Settings } from "/wasm/web_page.js";
import { Chart, legend } from "./chart.js";
import { fill, plan, setUp, settings } from "./controls.js";
import { Model, busiest, inWords } from "./model.js";

const byId = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const chart = new Chart(byId("chart"), byId("tip"));
let run = null;

byId("controls").addEventListener("submit", (event) => {
  event.preventDefault();
  start().catch((error) => problem(error.message ?? String(error)));
});
byId("stop").addEventListener("click", () => run?.stop());

legend(byId("legend"));
setUp();
await load();
state("ready", "Choose a scenario and press Start.");

async function start() {
  problem("");
  state("running", "Running …");
  const chosen = settings();
  const answer = await fetch("/runs", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(plan()) });
  if (!answer.ok) throw new Error(`the server refuses the plan: ${answer.status}`);
  const { run: number, window_ms: windowMs } = await answer.json();
  const model = new Model(chosen);
  // Settings that contradict each other are refused here, before anything is sent.
  run = new Run(fill(new Settings(), chosen, Jitter), `${location.origin}/runs/${number}/work`);
  document.body.dataset.run = number;
  chart.show(model, windowMs);
  showNumbers(model);
  byId("rows").replaceChildren();

  const began = performance.now();
  const ended = run.start((told) => model.hear(told));
  animate(model, began);
  await ended;
  model.running = false;

  const log = await (await fetch(`/runs/${number}/log`)).json();
  chart.draw();
  showNumbers(model, log, windowMs);
  showRows(model);
  state("done", summary(model, log));
}

function animate(model, began) {
  let shown = -Infinity;
  const frame = (now) => {
    if (!model.running) return;
    // Whoever asked for less motion gets a new picture twice a second.
    if (now - shown >= (calm.matches ? 500 : 0)) {
      shown = now;
      chart.draw(now - began);
      showNumbers(model);
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

function showNumbers(model, log, windowMs) {
  const numbers = model.numbers();
  numbers.budget = run.budgetLeft();
  numbers.logged = log?.length;
  numbers.busiest = log && busiest(log.map((entry) => entry.at_ms), windowMs);
  for (const element of document.querySelectorAll("[data-number]")) {
    element.textContent = numbers[element.dataset.number] ?? "–";
  }
  const states = model.breaker.map(({ state }) => state.replace("_", "-"));
  byId("breaker").textContent = states.length ? `Breaker: ${states.join(" → ")}` : "";
}

function showRows(model) {
  byId("rows").replaceChildren(...model.ended().map((call) => {
    const row = document.createElement("tr");
    const { attempts, waits, end, took } = inWords(call);
    row.append(...[call.client, call.number, attempts, waits, end, took].map((text) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      return cell;
    }));
    return row;
  }));
}

function summary(model, log) {
  const { calls, succeeded } = model.numbers();
  const reasons = model.reasons().map(([reason, count]) => `${count} × ${reason}`);
  const same = log.length === model.attempts.length ? "The server's log has the same number of requests." : "The server's log disagrees.";
  return `Done: ${succeeded} of ${calls} calls succeeded${reasons.length ? `; ${reasons.join(", ")}` : ""}. ${same}`;
}

function state(name, text) {
  document.body.dataset.state = name;
  byId("status").textContent = text;
  byId("start").disabled = name === "running" || name === "loading";
  byId("stop").disabled = name !== "running";
}

function problem(text) {
  byId("problem").textContent = text;
  if (text) state("ready", "Nothing was sent.");
}
