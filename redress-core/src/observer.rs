//! Observers: what is called with each event.

use crate::{AttemptEnd, AttemptStart, Event};

/// Receives what happens during calls. It cannot fail and cannot change a decision.
///
/// `()` observes nothing and costs nothing. Closures of `&Event`, pairs and triples of observers and mutable references to a
/// [`RetryTimeline`](crate::RetryTimeline) are observers.
///
/// An observer MUST NOT panic and SHOULD NOT block. The environments of `redress-std` keep a panic of it from the call.
pub trait Observer {
    /// Whether there is an observer at all.
    const ACTIVE: bool = true;

    /// Whether [`Event::elapsed`] is to be filled in, which costs reading the clock.
    const WANTS_TIME: bool = true;

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
}

impl<F: FnMut(&Event)> Observer for F {
    fn on_event(&mut self, event: &Event) {
        self(event);
    }
}

macro_rules! observe_together {
    ($($name:ident $index:tt),*) => {
        impl<$($name: Observer),*> Observer for ($($name,)*) {
            const ACTIVE: bool = $($name::ACTIVE)||*;
            const WANTS_TIME: bool = $($name::WANTS_TIME)||*;

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
