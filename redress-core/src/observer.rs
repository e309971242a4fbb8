//! Observers: what is called with each event, and with the error that an event reports.

use crate::{AttemptEnd, AttemptStart, Event, EventKind};

/// Receives what happens during calls. It cannot fail and cannot change a decision.
///
/// `()` observes nothing and costs nothing. Closures of `&Event`, pairs and triples of observers and mutable references to a
/// [`RetryTimeline`](crate::RetryTimeline) are observers.
///
/// An observer MUST NOT panic and SHOULD NOT block. The environments of `redress-std` keep a panic of it from the call.
pub trait Observer {
    /// Whether there is an observer at all.
    const ACTIVE: bool = true;

    /// Whether [`Event::elapsed`] may have to be filled in, which costs reading the clock.
    const WANTS_TIME: bool = true;

    /// Whether the breaker's wish for times, for admission before each attempt and for word of abandoned calls is met: see
    /// [`Context::watched`](crate::Context::watched).
    const WATCHES: bool = false;

    /// Returns whether [`Event::elapsed`] is to be filled in during the call that begins. Not called where
    /// [`WANTS_TIME`](Self::WANTS_TIME) is false.
    fn wants_time(&self) -> bool {
        Self::WANTS_TIME
    }

    /// Whether [`is_idle`](Self::is_idle) may hold.
    const CAN_BE_IDLE: bool = false;

    /// Returns whether the observer ignores all events. A call that begins while it does sends it none, and
    /// takes no longer for it. Not called where [`CAN_BE_IDLE`](Self::CAN_BE_IDLE) is false.
    fn is_idle(&self) -> bool {
        false
    }

    /// Called when a call starts, or goes on after it was resumed.
    fn on_call_start(&mut self, operation: &'static str) {
        let _ = operation;
    }

    /// Called for each event.
    fn on_event(&mut self, event: &Event) {
        let _ = event;
    }

    /// Called when an attempt begins.
    fn on_attempt_start(&mut self, start: &AttemptStart) {
        let _ = start;
    }

    /// Called when an attempt has ended, before any wait.
    fn on_attempt_end(&mut self, end: &AttemptEnd) {
        let _ = end;
    }
}

impl Observer for () {
    const ACTIVE: bool = false;
    const WANTS_TIME: bool = false;

    fn is_idle(&self) -> bool {
        true
    }
}

impl<F: FnMut(&Event)> Observer for F {
    fn on_event(&mut self, event: &Event) {
        self(event);
    }
}

/// The methods of an observer around another, its first field.
macro_rules! forward {
    () => {
        fn wants_time(&self) -> bool {
            self.0.wants_time()
        }

        fn is_idle(&self) -> bool {
            self.0.is_idle()
        }

        fn on_call_start(&mut self, operation: &'static str) {
            self.0.on_call_start(operation);
        }

        fn on_event(&mut self, event: &Event) {
            self.0.on_event(event);
        }

        fn on_attempt_start(&mut self, start: &AttemptStart) {
            self.0.on_attempt_start(start);
        }

        fn on_attempt_end(&mut self, end: &AttemptEnd) {
            self.0.on_attempt_end(end);
        }
    };
}

macro_rules! observe_together {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Observer),*> Observer for ($($name,)*) {
            const ACTIVE: bool = $($name::ACTIVE)||*;
            const WANTS_TIME: bool = $($name::WANTS_TIME)||*;
            const WATCHES: bool = $($name::WATCHES)||*;
            const CAN_BE_IDLE: bool = $($name::CAN_BE_IDLE)||*;

            fn wants_time(&self) -> bool {
                $(self.$index.wants_time())||*
            }

            fn is_idle(&self) -> bool {
                $(self.$index.is_idle())&&*
            }

            fn on_call_start(&mut self, operation: &'static str) {
                $(self.$index.on_call_start(operation);)*
            }

            fn on_event(&mut self, event: &Event) {
                $(self.$index.on_event(event);)*
            }

            fn on_attempt_start(&mut self, start: &AttemptStart) {
                $(self.$index.on_attempt_start(start);)*
            }

            fn on_attempt_end(&mut self, end: &AttemptEnd) {
                $(self.$index.on_attempt_end(end);)*
            }
        }
    };
}

observe_together!(A 0, B 1);
observe_together!(A 0, B 1, C 2);

/// Observes through a reference: for observers that are looked at after the call.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ByRef<'a, O>(pub &'a mut O);

impl<O: Observer> Observer for ByRef<'_, O> {
    const ACTIVE: bool = O::ACTIVE;
    const WANTS_TIME: bool = O::WANTS_TIME;
    const WATCHES: bool = O::WATCHES;
    const CAN_BE_IDLE: bool = O::CAN_BE_IDLE;

    forward!();
}

/// An observer made of a closure that is called at the end of each attempt.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OnAttemptEnd<F>(pub F);

impl<F: FnMut(&AttemptEnd)> Observer for OnAttemptEnd<F> {
    fn on_attempt_end(&mut self, end: &AttemptEnd) {
        (self.0)(end);
    }
}

/// An observer made of a closure that is called at the start of each attempt.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OnAttemptStart<F>(pub F);

impl<F: FnMut(&AttemptStart)> Observer for OnAttemptStart<F> {
    fn on_attempt_start(&mut self, start: &AttemptStart) {
        (self.0)(start);
    }
}

/// An observer that sees the errors of failed attempts too. Added by [`Context::observe_errors`](crate::Context::observe_errors).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot observe errors of type `{X}`",
    label = "an observer of this context does not take `{X}`",
    note = "a closure of `on_retry` takes `(&{X}, &Event)`",
    note = "`LogObserver` and `TracingObserver` show errors that implement `Display`; with `observe` they show none"
)]
pub trait ErrorObserver<X>: Observer {
    /// Whether it looks at errors. Where none does, calls do not keep them at hand.
    const SEES_ERRORS: bool = true;

    /// Called in place of [`on_event`](Observer::on_event) if the event reports a failed attempt that returned an error: before
    /// a retry, and at the end of a call that gave up. Time-outs and returned values have no error.
    fn on_error(&mut self, error: &X, event: &Event);
}

impl<X> ErrorObserver<X> for () {
    const SEES_ERRORS: bool = false;

    fn on_error(&mut self, _error: &X, _event: &Event) {}
}

impl<X, A: ErrorObserver<X>, B: Observer> ErrorObserver<X> for (A, B) {
    const SEES_ERRORS: bool = A::SEES_ERRORS;

    fn on_error(&mut self, error: &X, event: &Event) {
        self.0.on_error(error, event);
        self.1.on_event(event);
    }
}

impl<X, O: ErrorObserver<X>> ErrorObserver<X> for ByRef<'_, O> {
    fn on_error(&mut self, error: &X, event: &Event) {
        self.0.on_error(error, event);
    }
}

/// The observers of a context, of which the last sees errors.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WithErrors<A, B>(pub(crate) (A, B));

impl<A: Observer, B: Observer> Observer for WithErrors<A, B> {
    const ACTIVE: bool = true;
    const WANTS_TIME: bool = A::WANTS_TIME || B::WANTS_TIME;
    const WATCHES: bool = A::WATCHES || B::WATCHES;
    const CAN_BE_IDLE: bool = A::CAN_BE_IDLE || B::CAN_BE_IDLE;

    forward!();
}

impl<X, A: ErrorObserver<X>, B: ErrorObserver<X>> ErrorObserver<X> for WithErrors<A, B> {
    fn on_error(&mut self, error: &X, event: &Event) {
        self.0.0.on_error(error, event);
        self.0.1.on_error(error, event);
    }
}

/// An observer made of a closure that is called with the error before each retry.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OnRetry<F>(pub F);

impl<F> Observer for OnRetry<F> {}

impl<X, F: FnMut(&X, &Event)> ErrorObserver<X> for OnRetry<F> {
    fn on_error(&mut self, error: &X, event: &Event) {
        if event.kind == EventKind::Retry {
            (self.0)(error, event);
        }
    }
}

/// The observer of [`Context::watched`](crate::Context::watched), which observes nothing.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Watched;

impl Observer for Watched {
    const ACTIVE: bool = false;
    const WANTS_TIME: bool = false;
    const WATCHES: bool = true;

    fn is_idle(&self) -> bool {
        true
    }
}

impl<X> ErrorObserver<X> for Watched {
    const SEES_ERRORS: bool = false;

    fn on_error(&mut self, _error: &X, _event: &Event) {}
}
