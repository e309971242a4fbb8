//! Spans and events of `tracing`.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use ::tracing::{
    Instrument, Level, Span, enabled, event,
    field::{Empty, display},
    info_span,
    instrument::Instrumented,
    level_filters::LevelFilter,
};
use redress_core::{
    AttemptDecision, AttemptEnd, AttemptInfo, AttemptStart, BreakerState, Cause, ErrorClass, ErrorObserver, Event,
    Millis, Observer, StopReason,
    operation::{LocalOperation, Operation, SpawnedOperation},
};

use super::{
    TARGET,
    catch::quietly,
    facts::{delay_ms, outcome, stop_reason},
    text::Text,
};

/// A span per call, and in it an event for each thing that happens, through `tracing`. Feature `tracing`.
///
/// The span of a call is `redress.call`, of level `INFO`. It is a child of the span the call is made in, opens with the call
/// and closes with its end, also if nothing ran. With [`with_attempts`](Self::with_attempts) there is a span
/// `redress.attempt` in it for each attempt, in which the operation runs. The message of an event is its kind, as in
/// [`EventKind`](redress_core::EventKind), or `attempt_start` or `attempt_end`.
///
/// Fields are present where a value is known; OpenTelemetry has them as attributes of the same name:
///
/// | field | type | of | |
/// |---|---|---|---|
/// | `operation` | string | call, event | the name of the operation |
/// | `outcome` | string | call | `success`, the reason to stop, or `dropped` if the call was given up without an end |
/// | `attempts` | integer | call | the number of attempts |
/// | `attempt` | integer | attempt, event | the number of the attempt; the first is 1 |
/// | `class` | string | call, event | the class of the failure |
/// | `code` | integer | event | the numeric code of the failure |
/// | `error` | string | call, event | what the error says, if the observer was added with [`observe_errors`](redress_core::Context::observe_errors): see [the module](super#errors) |
/// | `decision` | string | event `attempt_end` | what was decided |
/// | `stop_reason`, `cause`, `state` | string | event | why the call stopped; what the failure was; the state of the breaker |
/// | `delay_ms`, `retry_after_ms`, `elapsed_ms` | integer | event | milliseconds |
/// | `otel.name`, `otel.status_code` | string | call | only with [`opentelemetry`](Self::opentelemetry): `tracing-opentelemetry` takes them for the span's name and status, not for attributes |
///
/// For levels and target see [the module](super).
///
/// A panic of the subscriber does not reach the call. A clone has no span of its own until it observes a call. While the
/// subscriber takes no warnings of target `redress`, the observer needs no reading of the clock. While there is no subscriber when a
/// call begins, it gets no events of that call; then tracing's feature `log` has nothing to write either: use
/// [`LogObserver`](super::LogObserver) for that.
///
/// ```
/// use std::io;
/// use redress_std::{Backoff, Policy, Retry, Threads, observe::TracingObserver};
///
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));
///
/// // In a program, once: tracing_subscriber::fmt::init();
/// let (observer, attempts) = TracingObserver::new().with_attempts();
/// let mut orders = POLICY.context(Threads).operation("fetch_orders").observe(observer);
/// let mut failures = vec![io::ErrorKind::ConnectionReset];
/// let fetched = orders.call(attempts.run(|| match failures.pop() {
///     Some(kind) => Err(io::Error::from(kind)),
///     None => Ok(3),
/// }));
/// assert_eq!(fetched.unwrap(), 3);
/// ```
///
/// # What it cannot know
///
/// - A call that is dropped in the middle reports nothing. Its span closes with the context, as it does at once in
///   `policy.context(Tokio).observe(TracingObserver::new()).call(..).await`, or when the context makes its next call.
/// - The circuit opens or closes after the call that caused it has ended, so `circuit_opened` and `circuit_closed` are
///   events of the span the call was made in.
///
/// # Design
///
/// An observer is not called around an attempt, because a call whose attempts are not traced must not pay for that. So the
/// operation is wrapped by the caller, for which a future is entered at each poll and left after it.
#[derive(Debug, Default)]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub struct TracingObserver {
    call: Call,
    opentelemetry: bool,
    attempts: Option<AttemptSpans>,
}

impl TracingObserver {
    /// Creates an observer that opens a span per call.
    pub const fn new() -> Self {
        Self { call: Call::NONE, opentelemetry: false, attempts: None }
    }

    /// Fills in fields that `tracing-opentelemetry` gives a meaning: the span is named like the operation, and a call
    /// that failed has the status `ERROR`.
    pub const fn opentelemetry(mut self) -> Self {
        self.opentelemetry = true;
        self
    }

    /// Adds a span `redress.attempt` per attempt, in which the operation runs if it is passed to a call by
    /// [`AttemptSpans::run`]. The pair serves one call at a time; clones of the observer share it.
    pub fn with_attempts(mut self) -> (Self, AttemptSpans) {
        let spans = AttemptSpans::default();
        self.attempts = Some(spans.clone());
        (self, spans)
    }
}

/// The span of the current attempt, shared by a [`TracingObserver`] and the operations that run in it.
#[derive(Clone, Debug, Default)]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub struct AttemptSpans(Arc<Mutex<Option<Span>>>);

impl AttemptSpans {
    /// Returns the operation, blocking or async, to run in the span of each attempt.
    pub fn run<F>(&self, operation: F) -> Traced<F> {
        Traced { spans: self.clone(), operation }
    }

    fn set(&self, span: Option<Span>) {
        let before = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), span);
        quietly(|| drop(before));
    }

    fn current(&self) -> Span {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_else(Span::none)
    }
}

/// An operation that runs in the span of its attempt. Made by [`AttemptSpans::run`].
#[derive(Clone, Debug)]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub struct Traced<F> {
    spans: AttemptSpans,
    operation: F,
}

/// The shape of operations that run in a span, over the shape `K` of what they run.
#[derive(Debug)]
pub struct InSpan<K>(std::marker::PhantomData<fn(K)>);

#[diagnostic::do_not_recommend]
impl<K, T, X, F: Operation<K, T, X>> Operation<InSpan<K>, T, X> for Traced<F> {
    fn attempt(&mut self, info: AttemptInfo) -> Result<T, X> {
        self.spans.current().in_scope(|| self.operation.attempt(info))
    }
}

#[diagnostic::do_not_recommend]
impl<K, F: LocalOperation<K>> LocalOperation<InSpan<K>> for Traced<F> {
    type Output = F::Output;

    fn attempt(&mut self, info: AttemptInfo) -> impl Future<Output = F::Output> {
        let span = self.spans.current();
        self.operation.attempt(info).instrument(span)
    }
}

#[diagnostic::do_not_recommend]
impl<K, F: SpawnedOperation<K>> SpawnedOperation<InSpan<K>> for Traced<F> {
    type Output = F::Output;
    type Future = Instrumented<F::Future>;

    fn attempt(&mut self, info: AttemptInfo) -> Self::Future {
        let span = self.spans.current();
        self.operation.attempt(info).instrument(span)
    }
}

impl Clone for TracingObserver {
    fn clone(&self) -> Self {
        Self { call: Call::NONE, opentelemetry: self.opentelemetry, attempts: self.attempts.clone() }
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
    /// An attempt was begun and has not ended: its end comes after the event that ends the call.
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
    const CAN_BE_IDLE: bool = true;

    /// Whether there is no subscriber, or one that takes nothing, and no span of a call to close.
    fn is_idle(&self) -> bool {
        self.call.span.is_none() && LevelFilter::current() == LevelFilter::OFF
    }

    fn wants_time(&self) -> bool {
        let mut is_enabled = false;
        quietly(|| is_enabled = enabled!(target: TARGET, Level::WARN));
        is_enabled
    }

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
                error = Empty,
                otel.name = Empty,
                otel.status_code = Empty,
            )
        });
        if self.opentelemetry && !operation.is_empty() {
            self.call.record("otel.name", operation);
        }
    }

    fn on_event(&mut self, event: &Event) {
        self.report(event, None);
    }

    fn on_attempt_start(&mut self, start: &AttemptStart) {
        self.call.in_attempt = true;
        self.call.attempts = start.attempt;
        if let Some(attempts) = &self.attempts {
            let mut span = None;
            self.call.within(|| {
                span = Some(info_span!(target: TARGET, "redress.attempt", attempt = number(start.attempt)));
            });
            attempts.set(span);
        }
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
        if let Some(attempts) = &self.attempts {
            attempts.set(None);
        }
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

// Without the attribute, the compiler would only say that the error has no `Display`, and not what to do.
#[diagnostic::do_not_recommend]
impl<X: fmt::Display> ErrorObserver<X> for TracingObserver {
    fn on_error(&mut self, error: &X, event: &Event) {
        self.report(event, Some(Text::new(error)));
    }
}

impl TracingObserver {
    /// Reports an event, with the error that it reports.
    fn report(&mut self, event: &Event, error: Option<Text<'_>>) {
        self.call.within(|| tell(event, error));
        let Some(outcome) = outcome(event) else { return };
        self.call.record("outcome", outcome);
        if let Some(error) = error {
            self.call.record("error", display(error));
        }
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
}

fn tell(event: &Event, error: Option<Text<'_>>) {
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
                error = error.map(display),
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
