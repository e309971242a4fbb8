// What has happened in a run, out of what the WASM half tells.

export class Model {
  constructor(settings) {
    this.settings = settings;
    this.calls = new Map();
    this.attempts = [];
    // The breaker: since when it is in which state.
    this.breaker = settings.threshold ? [{ at: 0, state: "closed" }] : [];
    this.last = 0;
    this.running = true;
  }

  hear(told) {
    this.last = Math.max(this.last, told.at);
    const call = this.call(told);
    switch (told.what) {
      case "attempt": {
        const attempt = { call, number: told.attempt, start: told.at, end: null, class: null, cause: null, delay: 0, retryAfter: null };
        call.attempts.push(attempt);
        this.attempts.push(attempt);
        break;
      }
      case "answer":
        Object.assign(call.attempts.at(-1), {
          end: told.at, class: told.class ?? null, cause: told.cause ?? null, decision: told.decision, delay: told.delay,
        });
        break;
      case "event":
        if (told.state && told.state !== this.breaker.at(-1)?.state) this.breaker.push({ at: told.at, state: told.state });
        if (told.retryAfter != null && call.attempts.length) call.attempts.at(-1).retryAfter = told.retryAfter;
        break;
      case "end":
        call.end = told;
        break;
    }
  }

  call({ client, call, at }) {
    const key = `${client}/${call}`;
    if (!this.calls.has(key)) this.calls.set(key, { client, number: call, start: at, attempts: [], end: null });
    return this.calls.get(key);
  }

  // The latest moment that is to be seen, planned attempts included.
  get horizon() {
    let latest = this.last;
    if (this.running) {
      for (const { end, delay, decision } of this.attempts) if (decision === "retry") latest = Math.max(latest, end + delay);
    }
    for (const call of this.calls.values()) {
      if (call.end?.notTaken && call.attempts.length) latest = Math.max(latest, call.end.at + Math.min(call.end.notTaken, 1500));
    }
    return latest;
  }

  ended() { return [...this.calls.values()].filter((call) => call.end); }

  // Why calls ended without success, the most frequent reason first.
  reasons() {
    const counts = new Map();
    for (const { end } of this.ended()) if (!end.ok) counts.set(end.reason, (counts.get(end.reason) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  }

  numbers() {
    const ended = this.ended();
    const rejected = ended.filter(({ end }) => end.reason === "circuit_open" && end.attempts === 0).length;
    const succeeded = ended.filter(({ end }) => end.ok).length;
    return {
      calls: ended.length,
      succeeded,
      rejected,
      gave_up: ended.length - succeeded - rejected,
      requests: this.attempts.length,
      load: this.calls.size ? (this.attempts.length / this.calls.size).toFixed(2) : null,
      slowest: ended.length ? seconds(Math.max(...ended.map(({ end }) => end.elapsed))) : null,
    };
  }
}

// The most requests that came in one window, by the times given.
export function busiest(times, windowMs) {
  const counts = new Map();
  let most = 0;
  for (const time of times) {
    const window = Math.floor(time / windowMs);
    const count = (counts.get(window) ?? 0) + 1;
    counts.set(window, count);
    most = Math.max(most, count);
  }
  return most;
}

export const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

// The end of an attempt in words. One that is ended by the deadline has no answer, whatever the server would have sent.
export function answer({ end, cause, class: failure }) {
  if (end === null) return "under way";
  return cause === "timeout" ? "timed out" : failure ?? "success";
}

// A call in one line, for the table and for the chart's tip.
export function inWords(call) {
  const attempts = call.attempts.map(answer);
  const waits = call.attempts.filter(({ decision }) => decision === "retry").map(({ delay }) => `${Math.round(delay)} ms`);
  let end = "under way";
  if (call.end) end = call.end.ok ? "success" : call.end.reason;
  if (call.end?.notTaken) end += call.attempts.length ? ` (wait of ${call.end.notTaken} ms not taken)` : ` (back in ${call.end.notTaken} ms)`;
  return { attempts: attempts.join(", ") || "no request", waits: waits.join(", ") || "none", end, took: call.end ? seconds(call.end.elapsed) : "" };
}
