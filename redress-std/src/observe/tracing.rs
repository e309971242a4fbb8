//! Spans and events of `tracing`.

use ::tracing::{Level, Span, event, field::Empty, info_span};
use redress_core::{
    AttemptDecision, AttemptEnd, AttemptStart, BreakerState, Cause, ErrorClass, Event, Millis, Observer, StopReason,
};

use super::{
    TARGET,
    catch::quietly,
    facts::{delay_ms, outcome, stop_reason},
};

/// A span per call, and in it an event for whatever happens, through `tracing`. Feature `tracing`.
///
/// The span is `redress.call`, of level `INFO`. It is a child of the span the call is made in, it opens with the call
/// and closes with its end, also if nothing ran. Its fields:
///
/// | field | |
/// |---|---|
/// | `operation` | its name |
/// | `outcome` | `success`, the reason to stop, or `dropped` if the call was given up without an end |
/// | `attempts` | how many there were |
/// | `class` | the class of the last failure, if the call failed |
/// | `otel.name`, `otel.status_code` | only with [`opentelemetry`](Self::opentelemetry) |
///
/// The message of an event is its kind, as in [`EventKind`](redress_core::EventKind), or `attempt_start` or
/// `attempt_end`. Its fields are `operation`, `attempt`, `class`, `decision` (at the end of an attempt), `stop_reason`,
/// `cause`, `state` (of the breaker), `delay_ms`, `retry_after_ms`, `code` and `elapsed_ms`, as far as they are known.
/// For levels and target see [the module](super).
///
/// A panic of the subscriber does not reach the call. A clone has no span of its own until it observes a call.
///
/// ```
/// use std::io;
/// use redress_std::{Backoff, Policy, Retry, Threads, observe::TracingObserver};
///
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));
///
/// // In a program, once: tracing_subscriber::fmt::init();
/// let mut orders = POLICY.context(Threads).operation("fetch_orders").observe(TracingObserver::new());
/// let mut failures = vec![io::ErrorKind::ConnectionReset];
/// let fetched = orders.call(|| match failures.pop() {
///     Some(kind) => Err(io::Error::from(kind)),
///     None => Ok(3),
/// });
/// assert_eq!(fetched.unwrap(), 3);
/// ```
///
/// # What it cannot know
///
/// - A call that is dropped in the middle tells nobody. Its span closes with the context, as it does at once in
///   `policy.context(Tokio).observe(TracingObserver::new()).call(..).await`, or when the context makes its next call.
/// - The circuit opens or closes after the call that caused it has ended, so `circuit_opened` and `circuit_closed` are
///   events of the span the call was made in.
/// - What the operation itself tells is not in the span: the observer is not told whether an attempt stays on one
///   thread, and a span entered across an `.await` would swallow what other tasks tell. `operation` and the span
///   around the call connect them.
#[derive(Debug, Default)]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub struct TracingObserver {
    call: Call,
    opentelemetry: bool,
}

impl TracingObserver {
    /// The observer.
    pub const fn new() -> Self {
        Self { call: Call::NONE, opentelemetry: false }
    }

    /// Fills in fields that `tracing-opentelemetry` gives a meaning: the span is named like the operation, and a call
    /// that failed has the status `ERROR`.
    pub const fn opentelemetry(mut self) -> Self {
        self.opentelemetry = true;
        self
    }
}

impl Clone for TracingObserver {
    fn clone(&self) -> Self {
        Self { call: Call::NONE, ..*self }
    }
}

/// The span of the call that is observed.
///
/// Each step that reaches the subscriber is kept apart: a second panic, in what is dropped while the first one unwinds,
/// would end the process.
#[derive(Debug, Default)]
struct Call {
    span: Option<Span>,
    attempts: u32,
    /// An attempt was begun and has not ended: its end is told after the event which ends the call.
    in_attempt: bool,
}

impl Call {
    const NONE: Self = Self { span: None, attempts: 0, in_attempt: false };

    /// Runs this in the span, or, after its end, in the one around it.
    fn within(&self, tell: impl FnOnce()) {
        match &self.span {
            Some(span) => quietly(|| {
                span.in_scope(|| quietly(tell));
            }),
            None => quietly(tell),
        };
    }

    fn record(&self, field: &str, value: impl ::tracing::Value) {
        if let Some(span) = &self.span {
            quietly(|| {
                span.record(field, value);
            });
        }
    }

    fn open(&mut self, span: impl FnOnce() -> Span) {
        quietly(|| self.span = Some(span()));
    }

    fn close(&mut self) {
        self.record("attempts", number(self.attempts));
        (self.attempts, self.in_attempt) = (0, false);
        let span = self.span.take();
        quietly(|| drop(span));
    }

    /// Closes a span whose call did not end.
    fn abandon(&mut self) {
        self.record("outcome", "dropped");
        self.close();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.span.is_some() {
            self.abandon();
        }
    }
}

impl Observer for TracingObserver {
    fn on_call_start(&mut self, operation: &'static str) {
        self.call.abandon();
        self.call.open(|| {
            info_span!(
                target: TARGET,
                "redress.call",
                operation,
                outcome = Empty,
                attempts = Empty,
                class = Empty,
                otel.name = Empty,
                otel.status_code = Empty,
            )
        });
        if self.opentelemetry && !operation.is_empty() {
            self.call.record("otel.name", operation);
        }
    }

    fn on_event(&mut self, event: &Event) {
        self.call.within(|| tell(event));
        let Some(outcome) = outcome(event) else { return };
        self.call.record("outcome", outcome);
        if let Some(class) = event.class {
            self.call.record("class", class.as_str());
        }
        if self.opentelemetry && stop_reason(event).is_some() {
            self.call.record("otel.status_code", "ERROR");
        }
        if !self.call.in_attempt {
            self.call.close();
        }
    }

    fn on_attempt_start(&mut self, start: &AttemptStart) {
        self.call.in_attempt = true;
        self.call.attempts = start.attempt;
        self.call.within(|| {
            event!(
                target: TARGET,
                Level::TRACE,
                operation = start.operation,
                attempt = number(start.attempt),
                elapsed_ms = number(start.elapsed.get()),
                "attempt_start"
            );
        });
    }

    fn on_attempt_end(&mut self, end: &AttemptEnd) {
        self.call.in_attempt = false;
        self.call.within(|| {
            event!(
                target: TARGET,
                Level::DEBUG,
                operation = end.operation,
                attempt = number(end.attempt),
                class = end.class.map(ErrorClass::as_str),
                decision = end.decision.as_str(),
                stop_reason = end.stop_reason.map(StopReason::as_str),
                cause = end.cause.map(Cause::as_str),
                delay_ms = (end.decision == AttemptDecision::Retry).then(|| number(end.delay.get())),
                elapsed_ms = number(end.elapsed.get()),
                "attempt_end"
            );
        });
        if end.decision != AttemptDecision::Retry {
            self.call.close();
        }
    }
}

fn tell(event: &Event) {
    // The level of an event is part of what `tracing` keeps of the place in the source.
    macro_rules! at {
        ($level:ident) => {
            event!(
                target: TARGET,
                Level::$level,
                operation = event.operation,
                attempt = number(event.attempt),
                class = event.class.map(ErrorClass::as_str),
                stop_reason = stop_reason(event).map(StopReason::as_str),
                cause = event.cause.map(Cause::as_str),
                state = event.state.map(BreakerState::as_str),
                delay_ms = delay_ms(event).map(number),
                retry_after_ms = event.retry_after.map(Millis::get).map(number),
                code = event.code.map(number),
                elapsed_ms = number(event.elapsed.get()),
                "{}",
                event.kind
            )
        };
    }
    match event.level() {
        redress_core::Level::Debug => at!(DEBUG),
        redress_core::Level::Info => at!(INFO),
        _ => at!(WARN),
    }
}

/// A signed number, because OpenTelemetry has no other: unsigned ones become text on the way there.
fn number(value: u32) -> i64 {
    value.into()
}
