//! Formulas of your own.

use crate::{Classification, ErrorClass, Millis};

/// The facts that a strategy decides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BackoffContext {
    /// The number of the attempt that failed; the first is 1.
    pub attempt: u32,
    /// The class of the failure, with hint and code.
    pub classification: Classification,
    /// The delay before this attempt, if the failure before was of the same class; otherwise zero.
    pub previous: Millis,
    /// A random number, uniform over all of `u32`; zero if the strategy [draws](Strategy::draws) none.
    pub random: u32,
}

/// A formula of your own.
///
/// It MUST NOT panic. Its delay is taken as it is; a delay that reaches the deadline ends the call like any other.
pub trait Strategy: Sync {
    /// Returns the delay before the next attempt.
    fn delay(&self, context: &BackoffContext) -> Millis;

    /// Returns whether a random number is drawn for it. Default: yes.
    fn draws(&self) -> bool {
        true
    }
}

impl<F: Fn(&BackoffContext) -> Millis + Sync> Strategy for F {
    fn delay(&self, context: &BackoffContext) -> Millis {
        self(context)
    }
}

/// A strategy made of a function of three arguments: attempt, class, previous delay. See [`by_args`].
#[derive(Clone, Copy)]
pub struct ByArgs<F>(F);

/// Creates a strategy from a function of three arguments: the number of the failed attempt, its class, and the previous
/// delay (zero if there was none for this class). It draws no random number.
///
/// ```
/// use redress_core::{Backoff, ErrorClass, Millis, Retry, backoff::{ByArgs, by_args}};
///
/// static LINEAR: ByArgs<fn(u32, ErrorClass, Millis) -> Millis> = by_args(|attempt, _, _| Millis::new(100 * attempt));
/// static RETRY: Retry = Retry::new(Backoff::custom(&LINEAR));
/// ```
pub const fn by_args<F: Fn(u32, ErrorClass, Millis) -> Millis + Sync>(function: F) -> ByArgs<F> {
    ByArgs(function)
}

impl<F: Fn(u32, ErrorClass, Millis) -> Millis + Sync> Strategy for ByArgs<F> {
    fn delay(&self, context: &BackoffContext) -> Millis {
        (self.0)(context.attempt, context.classification.class(), context.previous)
    }

    fn draws(&self) -> bool {
        false
    }
}

impl<F> core::fmt::Debug for ByArgs<F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ByArgs(..)")
    }
}
