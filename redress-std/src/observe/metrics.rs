//! Counters and histograms.

use std::{
    fmt, ptr,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use ::metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};
use redress_core::{
    AttemptDecision, AttemptEnd, BreakerState, ErrorClass, Event, EventKind, Millis, Observer, StopReason,
};

use super::{
    catch::quietly,
    facts::{outcome, stop_reason},
};

/// Counts and measures, through the `metrics` facade. Feature `metrics`.
///
/// | name | kind | labels | counts or measures |
/// |---|---|---|---|
/// | [`redress_calls_started_total`](Self::CALLS_STARTED) | counter | `operation` | calls that began |
/// | [`redress_calls_total`](Self::CALLS) | counter | `operation`, `outcome`, `class` | calls that ended; `class` is that of the last failure |
/// | [`redress_attempts_total`](Self::ATTEMPTS) | counter | `operation`, `decision`, `class` | attempts that ended; those with `decision="retry"` are followed by a retry |
/// | [`redress_breaker_transitions_total`](Self::BREAKER_TRANSITIONS) | counter | `operation`, `state` | changes of the breaker into a state, by the operation that caused them |
/// | [`redress_call_attempts`](Self::CALL_ATTEMPTS) | histogram | `operation`, `outcome` | attempts per call that ended |
/// | [`redress_call_duration_seconds`](Self::CALL_DURATION) | histogram | `operation`, `outcome` | time per call that ended, waits included |
/// | [`redress_retry_delay_seconds`](Self::RETRY_DELAY) | histogram | `operation`, `class` | delays that were decided, one per retry |
/// | [`redress_sessions_total`](Self::SESSIONS) | counter | `operation`, `session`, `class` | sessions of a [kept](redress_core::keeper) connection that were established or lost |
/// | [`redress_session_duration_seconds`](Self::SESSION_DURATION) | histogram | `operation` | time that a session was established, when it is lost |
/// | [`redress_session_attempts`](Self::SESSION_ATTEMPTS) | histogram | `operation` | attempts that it took to establish a session |
/// | [`redress_session_offline_seconds`](Self::SESSION_OFFLINE) | histogram | `operation` | time without a session that lasted, when one is established |
///
/// | label | values |
/// |---|---|
/// | `operation` | the name of the operation, empty if it has none |
/// | `outcome` | `success`, or one of [`StopReason`](redress_core::StopReason): `max_attempts_global`, `circuit_open`, … |
/// | `class` | one of [`ErrorClass`]: `transient`, `rate_limit`, …; `none` without a failure |
/// | `decision` | one of [`AttemptDecision`]: `success`, `retry`, `raise`, … |
/// | `session` | `established` or `lost` |
/// | `state` | one of [`BreakerState`](redress_core::BreakerState): `open`, `half_open`, `closed` |
///
/// All values come from a fixed list but the operation's name, which is a static string: the number of series is bounded
/// by the program's text.
///
/// Calls that are in progress or were dropped are the difference between those that began and those that ended. A call
/// that was [scheduled](redress_core::StopReason::Scheduled) ends, and begins again when it is resumed.
///
/// There is no gauge of the breaker's state: a breaker may be shared between operations, and the one that opened it is
/// not always the one that sees it close.
///
/// A panic of the recorder does not reach the call. Without a recorder all of it does nothing.
///
/// ```
/// use std::io;
/// use redress_std::{Backoff, Policy, Retry, Threads, observe::MetricsObserver};
///
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));
///
/// // In a program, once, after the recorder is installed:
/// MetricsObserver::describe();
/// let mut orders = POLICY.context(Threads).operation("fetch_orders").observe(MetricsObserver::new());
/// let mut failures = vec![io::ErrorKind::ConnectionReset];
/// let fetched = orders.call(|| match failures.pop() {
///     Some(kind) => Err(io::Error::from(kind)),
///     None => Ok(3),
/// });
/// assert_eq!(fetched.unwrap(), 3);
/// // redress_calls_total{operation="fetch_orders",outcome="success",class="none"} 1
/// // redress_attempts_total{operation="fetch_orders",decision="retry",class="transient"} 1
/// ```
///
/// # Handles
///
/// The observer and its clones share the handles that the recorder gave for each operation, outcome, decision and class, so that
/// calls neither look them up, nor lock, nor allocate. They take 3 KB per operation. The facade does not tell whether there is a
/// recorder, so without one the handles do nothing, and calls are timed all the same. Create it once, after the recorder is installed, and add clones to contexts.
#[derive(Clone, Debug, Default)]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub struct MetricsObserver {
    operations: Arc<RwLock<Vec<Arc<Operation>>>>,
    /// The operation of the latest event.
    latest: Option<Arc<Operation>>,
}

/// The handles of an operation. Those of an end are boxed, because few of them occur.
#[derive(Default)]
struct Operation {
    name: &'static str,
    started: OnceLock<Counter>,
    ends: Handles<Box<End>, { (1 + StopReason::ALL.len()) * CLASSES }>,
    attempts: Handles<Counter, { AttemptDecision::ALL.len() * CLASSES }>,
    delays: Handles<Histogram, CLASSES>,
    transitions: Handles<Counter, { BreakerState::ALL.len() }>,
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Operation").field(&self.name).finish()
    }
}

/// The handles of an end of calls.
struct End {
    calls: Counter,
    attempts: Histogram,
    duration: Histogram,
}

/// The classes, and none.
const CLASSES: usize = 1 + ErrorClass::ALL.len();

/// A handle per number, read without a lock.
struct Handles<H, const N: usize>([OnceLock<H>; N]);

impl<H, const N: usize> Default for Handles<H, N> {
    fn default() -> Self {
        Self([const { OnceLock::new() }; N])
    }
}

impl<H, const N: usize> Handles<H, N> {
    /// Uses the handle with this number, made by the recorder when it is first needed.
    fn with(&self, number: usize, make: impl FnOnce() -> H, tell: impl FnOnce(&H)) {
        if let Some(handle) = self.0.get(number) {
            tell(handle.get_or_init(make));
        }
    }
}

impl MetricsObserver {
    /// The name of the counter of calls that began.
    pub const CALLS_STARTED: &str = "redress_calls_started_total";
    /// The name of the counter of calls that ended.
    pub const CALLS: &str = "redress_calls_total";
    /// The name of the counter of attempts that ended.
    pub const ATTEMPTS: &str = "redress_attempts_total";
    /// The name of the counter of changes of the breaker.
    pub const BREAKER_TRANSITIONS: &str = "redress_breaker_transitions_total";
    /// The name of the histogram of attempts per call.
    pub const CALL_ATTEMPTS: &str = "redress_call_attempts";
    /// The name of the histogram of time per call.
    pub const CALL_DURATION: &str = "redress_call_duration_seconds";
    /// The name of the counter of sessions.
    pub const SESSIONS: &str = "redress_sessions_total";
    /// The name of the histogram of the length of sessions.
    pub const SESSION_DURATION: &str = "redress_session_duration_seconds";
    /// The name of the histogram of attempts per session.
    pub const SESSION_ATTEMPTS: &str = "redress_session_attempts";
    /// The name of the histogram of time offline.
    pub const SESSION_OFFLINE: &str = "redress_session_offline_seconds";
    /// The name of the histogram of delays.
    pub const RETRY_DELAY: &str = "redress_retry_delay_seconds";

    /// Buckets that fit [`CALL_ATTEMPTS`](Self::CALL_ATTEMPTS), for exporters that ask for some.
    pub const ATTEMPTS_BUCKETS: &[f64] = &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 13.0, 21.0];
    /// Buckets that fit [`CALL_DURATION`](Self::CALL_DURATION) and [`RETRY_DELAY`](Self::RETRY_DELAY), in seconds.
    pub const SECONDS_BUCKETS: &[f64] =
        &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

    /// Creates an observer without handles.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the handles of an operation.
    fn operation(&mut self, name: &'static str) -> &Operation {
        if self.latest.as_ref().is_none_or(|latest| !ptr::eq(latest.name, name)) {
            self.latest = Some(self.find(name));
        }
        self.latest.get_or_insert_default()
    }

    fn find(&self, name: &'static str) -> Arc<Operation> {
        let same = |operation: &&Arc<Operation>| operation.name == name;
        let known = self.operations.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(operation) = known.iter().find(same) {
            return Arc::clone(operation);
        }
        drop(known);
        // Another thread may have been first.
        let mut known = self.operations.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(operation) = known.iter().find(same) {
            return Arc::clone(operation);
        }
        let operation = Arc::new(Operation { name, ..Operation::default() });
        known.push(Arc::clone(&operation));
        operation
    }

    /// Tells the recorder that is installed what each metric means, in which unit.
    pub fn describe() {
        describe_counter!(Self::CALLS_STARTED, Unit::Count, "Calls that began.");
        describe_counter!(Self::CALLS, Unit::Count, "Calls that ended, by outcome and class of the last failure.");
        describe_counter!(Self::ATTEMPTS, Unit::Count, "Attempts that ended, by what was decided and class.");
        describe_counter!(Self::BREAKER_TRANSITIONS, Unit::Count, "Changes of circuit breakers into a state.");
        describe_histogram!(Self::CALL_ATTEMPTS, Unit::Count, "Attempts per call that ended.");
        describe_histogram!(Self::CALL_DURATION, Unit::Seconds, "Time per call that ended, waits included.");
        describe_counter!(Self::SESSIONS, Unit::Count, "Sessions of kept connections that were established or lost.");
        describe_histogram!(Self::SESSION_DURATION, Unit::Seconds, "Time that sessions were established.");
        describe_histogram!(Self::SESSION_ATTEMPTS, Unit::Count, "Attempts per session that was established.");
        describe_histogram!(Self::SESSION_OFFLINE, Unit::Seconds, "Time offline before a session was established.");
        describe_histogram!(Self::RETRY_DELAY, Unit::Seconds, "Delays before retries, as decided.");
    }
}

impl Observer for MetricsObserver {
    fn on_call_start(&mut self, operation: &'static str) {
        quietly(|| {
            let handles = self.operation(operation);
            handles.started.get_or_init(|| counter!(Self::CALLS_STARTED, "operation" => operation)).increment(1);
        });
    }

    fn on_event(&mut self, event: &Event) {
        quietly(|| {
            let operation = event.operation;
            if let Some(outcome) = outcome(event) {
                let make = || {
                    Box::new(End {
                        calls: counter!(Self::CALLS, "operation" => operation, "outcome" => outcome, "class" => name(event.class)),
                        attempts: histogram!(Self::CALL_ATTEMPTS, "operation" => operation, "outcome" => outcome),
                        duration: histogram!(Self::CALL_DURATION, "operation" => operation, "outcome" => outcome),
                    })
                };
                let reason = stop_reason(event).map_or(0, |reason| 1 + reason as usize);
                self.operation(operation).ends.with(reason * CLASSES + number(event.class), make, |end| {
                    end.calls.increment(1);
                    end.attempts.record(f64::from(event.attempt));
                    end.duration.record(seconds(event.elapsed));
                });
            } else if let Some(state) = event.state.filter(|_| event.kind != EventKind::CircuitRejected) {
                let make = || counter!(Self::BREAKER_TRANSITIONS, "operation" => operation, "state" => state.as_str());
                self.operation(operation)
                    .transitions
                    .with(state as usize, make, |transitions| transitions.increment(1));
            }
            let session = match event.kind {
                EventKind::SessionEstablished => {
                    histogram!(Self::SESSION_ATTEMPTS, "operation" => operation).record(f64::from(event.attempt));
                    histogram!(Self::SESSION_OFFLINE, "operation" => operation).record(seconds(event.elapsed));
                    "established"
                }
                EventKind::SessionLost => {
                    histogram!(Self::SESSION_DURATION, "operation" => operation).record(seconds(event.elapsed));
                    "lost"
                }
                _ => return,
            };
            let class = name(event.class);
            counter!(Self::SESSIONS, "operation" => operation, "session" => session, "class" => class).increment(1);
        });
    }

    fn on_attempt_end(&mut self, end: &AttemptEnd) {
        quietly(|| {
            let (operation, class) = (end.operation, name(end.class));
            let handles = self.operation(operation);
            let decision = end.decision.as_str();
            let make = || counter!(Self::ATTEMPTS, "operation" => operation, "decision" => decision, "class" => class);
            let place = end.decision as usize * CLASSES + number(end.class);
            handles.attempts.with(place, make, |attempts| attempts.increment(1));
            // Not at the event of the retry: the sleep handler may still decide that there is none.
            if end.decision == AttemptDecision::Retry {
                let make = || histogram!(Self::RETRY_DELAY, "operation" => operation, "class" => class);
                handles.delays.with(number(end.class), make, |delays| delays.record(seconds(end.delay)));
            }
        });
    }
}

/// Returns the place of a class, or of none, among [`CLASSES`].
fn number(class: Option<ErrorClass>) -> usize {
    class.map_or(0, |class| 1 + class as usize)
}

fn name(class: Option<ErrorClass>) -> &'static str {
    class.map_or("none", ErrorClass::as_str)
}

fn seconds(span: Millis) -> f64 {
    f64::from(span.get()) / 1_000.0
}
