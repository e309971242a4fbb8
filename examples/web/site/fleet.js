// The page of the fleet: every move of a control plays it again, in a worker for each policy.

const byId = (id) => document.getElementById(id);
const inputs = [...document.querySelectorAll("form input, form select")];
const POLICY = ["jitter", "base_ms", "cap_ms", "max_attempts", "threshold", "recovery_ms", "retry_after"];
const FLEET = ["happening", "lasts_s", "boot_spread_s", "tokens", "shared_by", "clients", "every_s", "capacity_percent", "queue_s", "client_timeout_s", "retry_after_s"];
const UNLIMITED = 0xffffffff;

// A worker that plays the newest of what it is asked for, and leaves out what came before it.
class Player {
  constructor() {
    this.worker = new Worker("fleet-worker.js", { type: "module" });
    this.worker.addEventListener("message", ({ data }) => this.played(data));
    this.worker.addEventListener("error", (event) => this.played({ problem: event.message || "the worker did not start" }));
    this.running = null;
    this.next = null;
  }

  play(wish) {
    this.next?.done(undefined);
    return new Promise((done) => {
      this.next = { wish, done };
      this.go();
    });
  }

  go() {
    if (this.running || !this.next) return;
    [this.running, this.next] = [this.next, null];
    this.worker.postMessage(this.running.wish);
  }

  played(data) {
    this.running?.done(data);
    this.running = null;
    this.go();
  }
}

// Two workers, so that two policies are played at the same time.
const players = [0, 1].map(() => new Player());
let moves = 0;

for (const input of inputs) {
  show(input);
  input.addEventListener("input", () => {
    show(input);
    play();
  });
}
if (matchMedia("(max-width: 860px)").matches) for (const group of document.querySelectorAll("form > details")) group.open = false;
play();

async function play() {
  const move = ++moves;
  document.body.dataset.state = "running";
  const against = byId("against").value;
  const sides = [undefined, ...(against ? [against] : [])];
  const played = await Promise.all(sides.map((peer, side) => players[side].play({ policy: values(POLICY), fleet: values(FLEET), peer })));
  // A later move has come in between.
  if (move !== moves || played.includes(undefined)) return;
  const problem = played.find(({ problem }) => problem)?.problem ?? "";
  byId("problem").textContent = problem;
  document.body.dataset.state = "done";
  document.body.dataset.moves = move;
  if (problem) {
    byId("status").textContent = "Nothing was played.";
    return;
  }
  byId("pictures").innerHTML = played.map(({ picture }) => picture).join("");
  const events = played.reduce((sum, one) => sum + one.events, 0);
  const took = Math.max(...played.map(({ tookMs }) => tookMs));
  Object.assign(document.body.dataset, { events, took: Math.round(took) });
  byId("status").textContent = played.map(({ verdict }) => verdict).join(". ") + ".";
}

function values(ids) {
  return Object.fromEntries(ids.map((id) => {
    const input = byId(id);
    if (input.type === "checkbox") return [id, input.checked];
    if (input.type !== "range") return [id, input.value];
    return [id, input.dataset.most && input.value === input.max ? UNLIMITED : Number(input.value)];
  }));
}

function show(input) {
  if (input.type !== "range") return;
  const { unit = "", zero, one, most } = input.dataset;
  const value = Number(input.value);
  let text = `${value.toLocaleString("en")} ${unit}`;
  if (unit === "ms" && value >= 1000) text = `${value / 1000} s`;
  if (unit === "s" && value >= 60) text = value % 60 ? `${Math.floor(value / 60)} min ${value % 60} s` : `${value / 60} min`;
  if (value === 0 && zero) text = zero;
  if (value === 1 && one) text = one;
  if (most && input.value === input.max) text = most;
  document.querySelector(`output[for=${input.id}]`).textContent = text;
  input.setAttribute("aria-valuetext", text.trim());
}
