// Plays fleets, one at a time, off the thread of the page.

import load, { Fleet, Happening, Jitter, Settings } from "/wasm/web_page.js";

const ready = load();

addEventListener("message", async ({ data: { policy, fleet, peer } }) => {
  await ready;
  const began = performance.now();
  try {
    const played = fill(new Fleet(), fleet).play(fill(new Settings(), policy), peer);
    const { verdict, picture, events } = played;
    postMessage({ verdict, picture, events: Number(events), tookMs: performance.now() - began });
  } catch (error) {
    postMessage({ problem: error.message ?? String(error) });
  }
});

// Into the object that WASM takes; names of choices become their numbers.
function fill(target, from) {
  for (const [field, value] of Object.entries(from)) {
    const names = { jitter: Jitter, happening: Happening }[field];
    target[field] = names ? names[value] : value;
  }
  return target;
}
