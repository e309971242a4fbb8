// Draws a model: breaker, clients and load over one time axis.

import { answer, inWords, seconds } from "./model.js";

const SHAPES = {
  success: circle, transient: triangle, server_error: square, rate_limit: diamond, rejected: cross, other: hexagon,
};
const NAMES = {
  success: "success", transient: "transient: connection dropped, no answer in time", server_error: "server_error: 5xx",
  rate_limit: "rate_limit: 429", other: "permanent, permission, auth …", rejected: "rejected by the breaker, no request",
};
const BAND = 22;
const LOAD = 84;
const AXIS = 22;
const LEFT = 30;
const RIGHT = 12;
const GAP = 12;

export class Chart {
  constructor(canvas, tip) {
    this.canvas = canvas;
    this.tip = tip;
    this.model = null;
    this.spots = [];
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("pointerleave", () => (tip.hidden = true));
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  show(model, windowMs) {
    this.model = model;
    this.windowMs = windowMs;
    const rows = model.settings.clients;
    this.lane = Math.min(30, Math.max(9, 330 / rows));
    this.band = model.settings.threshold ? BAND + GAP : 0;
    this.height = this.band + rows * this.lane + GAP + LOAD + AXIS;
    this.canvas.style.height = `${this.height}px`;
    this.draw();
  }

  draw(now = this.model?.last ?? 0) {
    if (!this.model) return;
    const { canvas, model } = this;
    const width = canvas.clientWidth;
    const scale = devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(this.height * scale);
    const ink = (this.ink = canvas.getContext("2d"));
    ink.scale(scale, scale);
    const style = getComputedStyle(canvas);
    this.colour = (name) => style.getPropertyValue(`--${name}`).trim();
    ink.font = "12px system-ui, sans-serif";
    ink.textBaseline = "middle";

    const shown = span(Math.max(model.horizon, model.running ? now : 0));
    this.x = (ms) => LEFT + (Math.min(ms, shown) / shown) * (width - LEFT - RIGHT);
    this.now = model.running ? now : model.last;
    this.right = width - RIGHT;
    this.spots = [];

    this.drawGrid(shown);
    if (this.band) this.drawBreaker();
    this.drawLanes();
    this.drawLoad();
    if (model.running && now > 0) this.line(this.x(now), 0, this.x(now), this.height - AXIS, this.colour("accent"), 1);
  }

  drawGrid(shown) {
    const { ink } = this;
    const step = [250, 500, 1000, 2000, 5000, 10000, 20000, 60000].find((ms) => (this.x(ms) - this.x(0)) >= 58) ?? 60000;
    ink.textAlign = "center";
    for (let ms = 0; ms <= shown; ms += step) {
      this.line(this.x(ms), 0, this.x(ms), this.height - AXIS + 4, this.colour("line"), 1);
      this.text(`${ms / 1000} s`, Math.min(this.x(ms), this.right - 4), this.height - AXIS / 2 + 2, "soft");
    }
  }

  drawBreaker() {
    const { ink, model } = this;
    model.breaker.forEach(({ at, state }, index) => {
      const from = this.x(at);
      const to = this.x(model.breaker[index + 1]?.at ?? this.now);
      ink.fillStyle = this.colour(state);
      ink.fillRect(from, 0, Math.max(to - from, 1.5), BAND);
      if (state !== "closed") this.hatch(from, 0, to - from, BAND, state === "open" ? 6 : 14);
      const name = state.replace("_", "-");
      ink.textAlign = "left";
      if (ink.measureText(name).width + 10 < to - from) {
        ink.fillStyle = this.colour(state);
        ink.fillRect(from + 2, 3, ink.measureText(name).width + 8, BAND - 6);
        this.text(name, from + 6, BAND / 2 + 1, "ink");
      }
    });
  }

  drawLanes() {
    const { model } = this;
    const every = this.lane >= 14 ? 1 : 5;
    for (let client = 1; client <= model.settings.clients; client++) {
      const y = this.y(client);
      this.line(LEFT, y, this.right, y, this.colour("lane"), Math.max(this.lane * 0.5, 2));
      this.ink.textAlign = "right";
      if (client === 1 || client % every === 0) this.text(client, LEFT - 8, y, "soft");
    }
    for (const call of model.calls.values()) {
      call.attempts.forEach((attempt, index) => this.drawWait(call, attempt, call.attempts[index + 1]));
    }
    for (const call of model.calls.values()) {
      for (const attempt of call.attempts) this.drawAttempt(call, attempt);
      if (call.end && !call.end.ok) this.drawEnd(call);
    }
  }

  drawWait(call, attempt, next) {
    if (attempt.end === null) return;
    const y = this.y(call.client);
    const thick = Math.max(this.lane * 0.5, 3);
    if (attempt.decision === "retry") {
      const planned = attempt.end + attempt.delay;
      const over = next?.start ?? call.end?.at ?? this.now;
      this.line(this.x(attempt.end), y, this.x(planned), y, this.colour("wait"), thick);
      this.line(this.x(attempt.end), y, this.x(Math.min(over, planned)), y, this.colour("waited"), thick);
    } else if (call.end?.notTaken && attempt === call.attempts.at(-1)) {
      const { ink } = this;
      ink.save();
      ink.setLineDash([4, 3]);
      ink.lineWidth = 1.5;
      ink.strokeStyle = this.colour("server_error");
      ink.strokeRect(this.x(attempt.end), y - thick / 2, this.x(attempt.end + call.end.notTaken) - this.x(attempt.end), thick);
      ink.restore();
    }
  }

  drawAttempt(call, attempt) {
    const y = this.y(call.client);
    const kind = attempt.end === null ? null : kindOf(attempt.class);
    const x = this.x(attempt.start);
    this.line(x, y, this.x(attempt.end ?? this.now), y, this.colour(kind ?? "soft"), 2);
    const size = this.size();
    if (kind) this.mark(kind, x, y, size);
    else this.ring(x, y, size, "soft");
    this.spots.push({ x, y, call, attempt });
  }

  // A call that ended without success: a ring around its last attempt; a cross if the breaker let nothing through.
  drawEnd(call) {
    const y = this.y(call.client);
    const last = call.attempts.at(-1);
    if (last) {
      this.ring(this.x(last.start), y, this.size() + 3, "ink");
    } else {
      this.mark("rejected", this.x(call.end.at), y, this.size() * 0.8);
      this.spots.push({ x: this.x(call.end.at), y, call, attempt: null });
    }
  }

  drawLoad() {
    const { ink, model, windowMs } = this;
    const bottom = this.height - AXIS;
    const counts = new Map();
    for (const attempt of model.attempts) {
      const window = Math.floor(attempt.start / windowMs);
      const count = counts.get(window) ?? { good: 0, bad: 0 };
      if (attempt.end !== null) count[attempt.class === null ? "good" : "bad"] += 1;
      counts.set(window, count);
    }
    const capacity = model.settings.capacity;
    const most = Math.max(4, capacity * 1.3, ...[...counts.values()].map(({ good, bad }) => good + bad));
    const height = (count) => (count / most) * (LOAD - 16);
    for (const [window, { good, bad }] of counts) {
      const from = this.x(window * windowMs) + 0.5;
      const wide = Math.max(this.x((window + 1) * windowMs) - from - 0.5, 1);
      ink.fillStyle = this.colour("success");
      ink.fillRect(from, bottom - height(good), wide, height(good));
      ink.fillStyle = this.colour("refused");
      ink.fillRect(from, bottom - height(good + bad), wide, height(bad));
      this.hatch(from, bottom - height(good + bad), wide, height(bad), 5);
    }
    this.line(LEFT, bottom, this.right, bottom, this.colour("soft"), 1);
    ink.textAlign = "left";
    this.text("requests sent per ¼ s", LEFT + 2, bottom - LOAD + 5, "soft");
    ink.textAlign = "right";
    this.text(Math.round(most), LEFT - 8, bottom - height(most), "soft");
    if (capacity) {
      ink.save();
      ink.setLineDash([6, 4]);
      this.line(LEFT, bottom - height(capacity), this.right, bottom - height(capacity), this.colour("ink"), 1.2);
      ink.restore();
      this.text(`the server takes ${capacity}`, this.right, bottom - height(capacity) - 8, "ink");
    }
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const near = this.spots
      .map((spot) => ({ ...spot, far: Math.hypot(spot.x - x, spot.y - y) }))
      .reduce((best, spot) => (spot.far < best.far ? spot : best), { far: 14 });
    this.tip.hidden = !near.call;
    if (!near.call) return;
    const { end } = inWords(near.call);
    const { attempt, call } = near;
    const what = attempt ? `attempt ${attempt.number} at ${seconds(attempt.start)}: ${answer(attempt)}` : "no request";
    const wait = attempt?.decision === "retry" ? `, waits ${attempt.delay} ms` : `, ${end}`;
    this.tip.textContent = `Client ${call.client}, call ${call.number}, ${what}${wait}`;
    this.tip.style.left = `${Math.min(near.x + 8, box.width - this.tip.offsetWidth - 4)}px`;
    this.tip.style.top = `${near.y + 12}px`;
  }

  y(client) { return this.band + (client - 0.5) * this.lane; }

  size() { return Math.min(6, Math.max(3, this.lane * 0.34)); }

  mark(kind, x, y, size) {
    this.ink.beginPath();
    SHAPES[kind](this.ink, x, y, size);
    this.ink.lineWidth = 2;
    this.ink.fillStyle = this.ink.strokeStyle = this.colour(kind);
    if (kind === "rejected") this.ink.stroke();
    else this.ink.fill();
  }

  ring(x, y, size, colour) {
    this.ink.beginPath();
    this.ink.arc(x, y, size, 0, 7);
    this.ink.lineWidth = 1.5;
    this.ink.strokeStyle = this.colour(colour);
    this.ink.stroke();
  }

  hatch(x, y, width, height, step) {
    const { ink } = this;
    if (width < 1 || height < 1) return;
    ink.save();
    ink.beginPath();
    ink.rect(x, y, width, height);
    ink.clip();
    ink.globalAlpha = 0.35;
    for (let at = x - height; at < x + width; at += step) this.line(at, y + height, at + height, y, this.colour("ink"), 1);
    ink.restore();
  }

  line(x1, y1, x2, y2, colour, width) {
    this.ink.beginPath();
    this.ink.moveTo(x1, y1);
    this.ink.lineTo(x2, y2);
    this.ink.strokeStyle = colour;
    this.ink.lineWidth = width;
    this.ink.stroke();
  }

  text(text, x, y, colour) {
    this.ink.fillStyle = this.colour(colour);
    this.ink.fillText(text, x, y);
  }
}

// The same shapes in words.
export function legend(element) {
  const drawn = {
    success: '<circle cx="8" cy="8" r="6"/>', transient: '<path d="M8 1l7 13H1z"/>', server_error: '<path d="M2.5 2.5h11v11h-11z"/>',
    rate_limit: '<path d="M8 1l7 7-7 7-7-7z"/>', other: '<path d="M4.5 2h7L15 8l-3.5 6h-7L1 8z"/>', rejected: '<path d="M3 3l10 10M13 3L3 13" stroke="currentColor" stroke-width="2.5"/>',
  };
  const entry = (colour, drawing, name) =>
    `<span><svg viewBox="0 0 16 16" aria-hidden="true" style="color: var(--${colour})" fill="currentColor">${drawing}</svg>${name}</span>`;
  element.innerHTML = [
    ...Object.entries(drawn).map(([kind, drawing]) => entry(kind, drawing, NAMES[kind])),
    entry("ink", '<circle cx="8" cy="8" r="7" fill="none" stroke="currentColor" stroke-width="1.6"/>', "the call ended without success"),
    entry("half_open", '<path d="M0 3h16v10H0z"/>', "breaker half-open: probes"),
    entry("waited", '<path d="M0 4h16v8H0z"/>', "wait"),
    entry("server_error", '<path d="M1 4h14v8H1z" fill="none" stroke="currentColor" stroke-dasharray="4 3"/>', "wait not taken"),
  ].join("");
}

const kindOf = (failure) => (failure === null ? "success" : failure in SHAPES ? failure : "other");

// The axis grows in steps, so that it stands still most of the time.
const span = (ms) => [2000, 3000, 4000, 6000, 8000, 12000, 16000, 24000, 32000, 48000, 64000, 96000, 128000].find((span) => ms * 1.02 <= span) ?? ms * 1.02;

function circle(ink, x, y, size) { ink.arc(x, y, size, 0, 7); }
function square(ink, x, y, size) { ink.rect(x - size * 0.9, y - size * 0.9, size * 1.8, size * 1.8); }
function polygon(ink, points) { points.forEach(([x, y], index) => (index ? ink.lineTo(x, y) : ink.moveTo(x, y))); ink.closePath(); }
function triangle(ink, x, y, size) { polygon(ink, [[x, y - size * 1.15], [x + size * 1.1, y + size * 0.85], [x - size * 1.1, y + size * 0.85]]); }
function diamond(ink, x, y, size) { polygon(ink, [[x, y - size * 1.25], [x + size * 1.25, y], [x, y + size * 1.25], [x - size * 1.25, y]]); }
function hexagon(ink, x, y, size) { polygon(ink, [0, 1, 2, 3, 4, 5].map((n) => [x + size * 1.1 * Math.cos(n * Math.PI / 3), y + size * 1.1 * Math.sin(n * Math.PI / 3)])); }
function cross(ink, x, y, size) { ink.moveTo(x - size, y - size); ink.lineTo(x + size, y + size); ink.moveTo(x + size, y - size); ink.lineTo(x - size, y + size); }
