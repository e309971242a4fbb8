//! Listeners for changes of state.

use crate::{BreakerState, ErrorClass, Millis};

/// A change of a breaker's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Transition {
    /// The state before.
    pub from: BreakerState,
    /// The state that was entered. It is the same where a breaker that was open is opened by hand.
    pub to: BreakerState,
    /// The class of the failure that opened the circuit; `None` by hand and where slow calls opened it.
    pub class: Option<ErrorClass>,
    /// How long the circuit stays open; zero in other states.
    pub open_for: Millis,
}

/// Hears every change of a breaker's state. Any `Fn(&Transition) + Sync` is one.
///
/// It is called after the lock of the breaker was released, in the call, task or interrupt that caused the change. Changes that
/// come close after one another may be heard in another order. It MUST NOT panic and SHOULD NOT block.
pub trait BreakerListener: Sync {
    /// Called after a change.
    fn on_transition(&self, transition: &Transition);
}

impl<F: Fn(&Transition) + Sync> BreakerListener for F {
    fn on_transition(&self, transition: &Transition) {
        self(transition);
    }
}
