// Settings that show one thing each. What a scenario does not name is as below.

const QUIET = {
  clients: 1, calls: 1, pause_ms: 500,
  jitter: "Decorrelated", base_ms: 250, cap_ms: 4000, retry_after: true, max_attempts: 6, deadline_ms: 0,
  threshold: 0, recovery_ms: 1500, budget: 0, budget_ms: 10000,
  trouble: "unavailable", failure_percent: 0, outage_ms: 0, fail_first: 0, capacity: 0, retry_after_s: 0, latency_ms: 20,
};

export const scenarios = [
  {
    id: "recovers", title: "Trouble, then success",
    about: "The first three attempts of each call fail. Each client waits a random time, longer after each failure, and the fourth attempt succeeds: nobody has to know.",
    settings: { clients: 4, fail_first: 3 },
  },
  {
    id: "forbidden", title: "Not worth a retry",
    about: "403 will be 403 tomorrow. The class of the error says so, and the call ends after one attempt without any wait.",
    settings: { clients: 3, trouble: "forbidden", failure_percent: 100 },
  },
  {
    id: "exhausted", title: "Attempts used up",
    about: "The connection drops, every time. After five attempts the call ends and says why: max_attempts_global.",
    settings: { clients: 3, trouble: "hang_up", failure_percent: 100, max_attempts: 5, base_ms: 100, cap_ms: 1000 },
  },
  {
    id: "retry_after", title: "The server says when",
    about: "429 with Retry-After: 1. No client comes back sooner than it was told to, and each adds a little of its own, so that they do not all come back at once. Untick “Honour Retry-After” to see the difference.",
    settings: { clients: 5, trouble: "busy", fail_first: 2, retry_after_s: 1, base_ms: 100 },
  },
  {
    id: "deadline", title: "No wait in vain",
    about: "The server is down for longer than the deadline. The wait that would reach the deadline is not begun: the call ends at once, while there is still time to do something else. The dashed bar is the wait not taken.",
    settings: { clients: 3, jitter: "None", base_ms: 400, deadline_ms: 2000, outage_ms: 10000 },
  },
  {
    id: "breaker", title: "A breaker opens, recovers",
    about: "The server is down for four seconds. Four failed calls open the breaker, which then rejects calls without a request. Once in a while a probe goes through; the first that succeeds closes it again.",
    settings: { clients: 4, calls: 20, pause_ms: 400, max_attempts: 2, base_ms: 100, cap_ms: 500, threshold: 4, recovery_ms: 1500, outage_ms: 4000 },
  },
  {
    id: "budget", title: "The budget is spent",
    about: "Everything fails. Without a budget, six attempts per call would be six times the load on a server in trouble. All clients together may retry 12 times in 10 seconds; then calls fail after one attempt: budget_exhausted.",
    settings: { clients: 6, calls: 4, pause_ms: 300, failure_percent: 100, base_ms: 100, cap_ms: 800, budget: 12 },
  },
  {
    id: "in_step", title: "A herd, in step",
    about: "Thirty clients fail at the same moment and retry without jitter. They come back all at the same moment, again and again, to a server that takes six requests per quarter of a second. Look at the towers at the bottom.",
    settings: { clients: 30, jitter: "None", base_ms: 400, cap_ms: 3200, max_attempts: 8, fail_first: 1, capacity: 6 },
  },
  {
    id: "spread", title: "The same herd, with jitter",
    about: "The same thirty clients, the same server, the same base and cap, but with full jitter. The retries are spread, few meet a full server, and the last client is done much sooner.",
    settings: { clients: 30, jitter: "Full", base_ms: 400, cap_ms: 3200, max_attempts: 8, fail_first: 1, capacity: 6 },
  },
  {
    id: "weather", title: "Ordinary bad weather",
    about: "A third of all requests fail in one way or another. Play: more failures, fewer attempts, a breaker, a budget.",
    settings: { clients: 8, calls: 5, failure_percent: 35, trouble: "mixed", retry_after_s: 1, base_ms: 150, cap_ms: 2000, deadline_ms: 6000 },
  },
].map((scenario) => ({ ...scenario, settings: { ...QUIET, ...scenario.settings } }));
