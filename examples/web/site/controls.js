// The form: scenarios fill it in, a person changes it, a run reads it.

import { scenarios } from "./scenarios.js";

const byId = (id) => document.getElementById(id);
const inputs = [...document.querySelectorAll("form input, form select:not(#scenario)")];

// What the policy is made of; the rest is the server's plan.
const POLICY = ["clients", "calls", "pause_ms", "jitter", "base_ms", "cap_ms", "retry_after", "max_attempts", "deadline_ms", "threshold", "recovery_ms", "budget", "budget_ms"];
const PLAN = ["trouble", "failure_percent", "outage_ms", "fail_first", "capacity", "retry_after_s", "latency_ms"];

export function setUp() {
  const select = byId("scenario");
  for (const { id, title } of scenarios) select.add(new Option(title, id));
  select.addEventListener("change", choose);
  for (const input of inputs) input.addEventListener("input", () => show(input));
  choose();
  // On a small screen the settings are folded, so that the chart is near.
  if (matchMedia("(max-width: 860px)").matches) for (const group of document.querySelectorAll("form > details")) group.open = false;
}

function choose() {
  const { about, settings } = scenarios.find(({ id }) => id === byId("scenario").value);
  byId("about").textContent = about;
  for (const [id, value] of Object.entries(settings)) {
    const input = byId(id);
    if (input.type === "checkbox") input.checked = value;
    else input.value = value;
  }
  inputs.forEach(show);
}

function show(input) {
  if (input.type !== "range") return;
  const { unit = "", zero } = input.dataset;
  const value = Number(input.value);
  let text = unit === "ms" && value >= 1000 ? `${value / 1000} s` : `${value} ${unit}`;
  if (value === 0 && zero) text = zero;
  document.querySelector(`output[for=${input.id}]`).textContent = text;
  input.setAttribute("aria-valuetext", text.trim());
}

const value = (id) => {
  const input = byId(id);
  if (input.type === "checkbox") return input.checked;
  return input.type === "range" ? Number(input.value) : input.value;
};

export const settings = () => Object.fromEntries([...POLICY, ...PLAN].map((id) => [id, value(id)]));
export const plan = () => Object.fromEntries(PLAN.map((id) => [id, value(id)]));

// Into the object that WASM takes.
export function fill(target, from, jitters) {
  for (const id of POLICY) target[id] = id === "jitter" ? jitters[from.jitter] : from[id];
  return target;
}
