//! Tells the page what happens, as it happens.

use std::rc::Rc;

use js_sys::{Function, Object, Reflect};
use redress_std::{
    AttemptEnd, AttemptStart, BreakerState, Cause, Clock, ErrorClass, Event, Instant, Millis, Observer, Outcome,
    StopReason, WebClock,
};
use wasm_bindgen::JsValue;

/// The page's ear: a function that takes one object with `what`, `at` and what belongs to it. Times are milliseconds
/// since the start of the run.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    listener: Rc<Function>,
    start: Instant,
}

impl Page {
    pub(crate) fn new(listener: Function) -> Self {
        Self { listener: Rc::new(listener), start: WebClock.now() }
    }

    fn tell(&self, what: &Told) {
        // An exception in the page is the page's own, and shows up in its console.
        let _ = self.listener.call1(&JsValue::UNDEFINED, &what.0);
    }

    #[expect(clippy::cast_precision_loss, reason = "a run is shorter than 285 years")]
    fn now_ms(&self) -> f64 {
        WebClock.now().ticks_since(self.start) as f64 / 1_000.0
    }
}

/// Tells of one call.
#[derive(Clone, Debug)]
pub(crate) struct Teller {
    pub(crate) page: Page,
    pub(crate) client: u32,
    pub(crate) call: u32,
}

impl Teller {
    fn told(&self, what: &str) -> Told {
        Told(Object::new())
            .with("what", what)
            .with("at", self.page.now_ms())
            .with("client", self.client)
            .with("call", self.call)
    }

    /// The call is over.
    pub(crate) fn end<T, E>(&self, outcome: &Outcome<T, E>) {
        let told = self
            .told("end")
            .with("ok", outcome.is_ok())
            .with("attempts", outcome.attempts)
            .with("elapsed", outcome.elapsed.get())
            .with("reason", outcome.stop_reason.map(StopReason::as_str))
            .with("class", outcome.last_class.map(ErrorClass::as_str))
            .with("notTaken", outcome.next_delay.map(Millis::get));
        self.page.tell(&told);
    }
}

impl Observer for Teller {
    fn on_event(&mut self, event: &Event) {
        let told = self
            .told("event")
            .with("kind", event.kind.as_str())
            .with("attempt", event.attempt)
            .with("state", event.state.map(BreakerState::as_str))
            .with("retryAfter", event.retry_after.map(Millis::get));
        self.page.tell(&told);
    }

    fn on_attempt_start(&mut self, start: &AttemptStart) {
        self.page.tell(&self.told("attempt").with("attempt", start.attempt));
    }

    fn on_attempt_end(&mut self, end: &AttemptEnd) {
        let told = self
            .told("answer")
            .with("attempt", end.attempt)
            .with("class", end.class.map(ErrorClass::as_str))
            .with("cause", end.cause.map(Cause::as_str))
            .with("decision", end.decision.as_str())
            .with("delay", end.delay.get());
        self.page.tell(&told);
    }
}

/// An object for JavaScript.
struct Told(Object);

impl Told {
    fn with(self, name: &str, value: impl Into<JsValue>) -> Self {
        // Fails for objects that are frozen, and this one is new.
        let _ = Reflect::set(&self.0, &name.into(), &value.into());
        self
    }
}
