//! Observers whose panics stay with them.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use redress_core::{AttemptEnd, AttemptStart, ErrorObserver, Event, Observer};

/// Runs a callback and keeps its panic, if there is one, from the caller; `false` if it panicked.
///
/// The panic hook has reported the panic already.
pub(crate) fn quietly(told: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(told)) else { return true };
    // A payload is any type, and dropping it may panic as well.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(payload);
    }
    false
}

/// Tells the observer in it, and keeps its panics from the call.
///
/// After a panic the observer gets no more events of the same call; with the next call it gets them again.
///
/// ```
/// use std::io;
/// use redress_std::{Backoff, ByRef, Event, Policy, Retry, Threads, observe::CatchPanics};
///
/// static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));
///
/// let mut fragile = CatchPanics::new(|event: &Event| panic!("cannot write {}", event.kind));
/// let value = POLICY.context(Threads).observe(ByRef(&mut fragile)).call(|| Ok::<_, io::Error>(7));
/// assert_eq!(value.unwrap(), 7);
/// assert_eq!(fragile.panics(), 1);
/// ```
///
/// # When it is needed
///
/// The environments of this crate keep panics of observers from the call without it. It adds that the observers after
/// this one get the same event, that this one gets no more events of a call it has half seen, that panics are
/// counted, and that it does so in every environment: others, as [`Blocking`](crate::Blocking), let panics of observers
/// unwind through the call, and if that is at its last event, the breaker has learnt of the call already.
///
/// Data that an observer borrows may be half changed after its panic.
///
/// Programs built with `panic = "abort"` end all the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct CatchPanics<O> {
    observer: O,
    panics: u32,
    muted: bool,
}

impl<O: Observer> CatchPanics<O> {
    /// Keeps the panics of this observer.
    pub const fn new(observer: O) -> Self {
        Self { observer, panics: 0, muted: false }
    }

    /// How often it panicked.
    pub const fn panics(&self) -> u32 {
        self.panics
    }

    /// The observer.
    pub const fn get_ref(&self) -> &O {
        &self.observer
    }

    /// The observer, by value.
    pub fn into_inner(self) -> O {
        self.observer
    }

    fn tell(&mut self, tell: impl FnOnce(&mut O)) {
        if !self.muted && !quietly(|| tell(&mut self.observer)) {
            self.muted = true;
            self.panics = self.panics.saturating_add(1);
        }
    }
}

impl<O: Observer> Observer for CatchPanics<O> {
    const ACTIVE: bool = O::ACTIVE;
    const WANTS_TIME: bool = O::WANTS_TIME;
    const CAN_BE_IDLE: bool = O::CAN_BE_IDLE;

    fn is_idle(&self) -> bool {
        self.observer.is_idle()
    }

    fn wants_time(&self) -> bool {
        self.observer.wants_time()
    }

    fn on_call_start(&mut self, operation: &'static str) {
        self.muted = false;
        self.tell(|observer| observer.on_call_start(operation));
    }

    fn on_event(&mut self, event: &Event) {
        self.tell(|observer| observer.on_event(event));
    }

    fn on_attempt_start(&mut self, start: &AttemptStart) {
        self.tell(|observer| observer.on_attempt_start(start));
    }

    fn on_attempt_end(&mut self, end: &AttemptEnd) {
        self.tell(|observer| observer.on_attempt_end(end));
    }
}

impl<X, O: ErrorObserver<X>> ErrorObserver<X> for CatchPanics<O> {
    fn on_error(&mut self, error: &X, event: &Event) {
        self.tell(|observer| observer.on_error(error, event));
    }
}
