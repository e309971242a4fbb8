//! How long to wait before the next attempt.
//!
//! A [`Backoff`] is plain data, `Copy` and const-built, so it can stand in a policy in flash. A [`Strategy`] is code:
//! any `Fn(&BackoffContext) -> Millis`, or a function of three arguments through [`by_args`].

mod bounds;
mod delay;
mod strategy;

use core::time::Duration;

pub(crate) use delay::{Formulas, part};
pub use strategy::{BackoffContext, ByArgs, Strategy, by_args};

use crate::{Classification, ConfigError, Millis};

/// The longest jitter that may be added to a server's hint: one hour.
pub const MAX_RETRY_AFTER_JITTER: Duration = Duration::from_secs(3_600);

/// A backoff, as data.
///
/// `n` is the number of the failed attempt, from 1; spans are rounded up to whole milliseconds.
///
/// | constructor | delay | source |
/// |---|---|---|
/// | [`none`](Self::none) | 0 | |
/// | [`constant`](Self::constant) | the same each time | |
/// | [`fixed`](Self::fixed) | element n of a list, then its last | |
/// | [`exponential`](Self::exponential) | min(max, base 2^(n-1)): base first, then doubling | |
/// | [`full_jitter`](Self::full_jitter) | uniform from \[0, c\], c = min(max, base 2^n) | AWS Architecture Blog, 2015 |
/// | [`equal_jitter`](Self::equal_jitter) | uniform from \[c/2, c\], c = min(max, base 2^n) | AWS Architecture Blog, 2015 |
/// | [`decorrelated_jitter`](Self::decorrelated_jitter) | min(max, uniform from \[base, max(base, 3 previous)\]) | AWS Architecture Blog, 2015 |
/// | [`token_backoff`](Self::token_backoff) | uniform from \[c/2, c\], c = min(max, base 1.5^n) | the Python library redress |
///
/// Both jitters spread the delay d of the plain exponential: equal over \[d, 2d\], full over \[0, 2d\] with d as its mean.
#[derive(Clone, Copy)]
pub struct Backoff<'a> {
    formula: Formula<'a>,
}

/// A formula and what becomes of a server's Retry-After.
///
/// # Design
///
/// A policy has six of these, whether it uses them or not. In each variant the three bytes of the hint lie beside the
/// tag, which makes it three words.
#[derive(Clone, Copy)]
enum Formula<'a> {
    /// No strategy is configured.
    Missing {
        retry_after: RetryAfter,
    },
    /// A constant delay is one with equal bounds.
    Doubling {
        retry_after: RetryAfter,
        base: u32,
        max: u32,
    },
    FullJitter {
        retry_after: RetryAfter,
        base: u32,
        max: u32,
    },
    EqualJitter {
        retry_after: RetryAfter,
        base: u32,
        max: u32,
    },
    Decorrelated {
        retry_after: RetryAfter,
        base: u32,
        max: u32,
    },
    Token {
        retry_after: RetryAfter,
        base: u32,
        max: u32,
    },
    Fixed {
        retry_after: RetryAfter,
        delays: &'a [Millis],
    },
    Custom {
        retry_after: RetryAfter,
        strategy: &'a dyn Strategy,
    },
}

/// A formula of any kind, with what it does with a Retry-After.
macro_rules! formula {
    ($retry_after:ident) => {
        (Formula::Missing { $retry_after }
            | Formula::Doubling { $retry_after, .. }
            | Formula::FullJitter { $retry_after, .. }
            | Formula::EqualJitter { $retry_after, .. }
            | Formula::Decorrelated { $retry_after, .. }
            | Formula::Token { $retry_after, .. }
            | Formula::Fixed { $retry_after, .. }
            | Formula::Custom { $retry_after, .. })
    };
}

/// How a server's Retry-After is followed, as a number of 24 bits: 0 ignores it; 1 adds jitter as long as the hint; from 2 on,
/// two more than the milliseconds of jitter that are added at most. The highest bit: any hint is taken as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct RetryAfter([u8; 3]);

impl RetryAfter {
    const IGNORED: Self = Self([0; 3]);
    /// Adds up to the length of the hint, at least up to 250 ms.
    const PROPORTIONAL: Self = Self([1, 0, 0]);
    const AS_IS: u32 = 1 << 23;

    /// Adds up to so many milliseconds, at most an hour.
    const fn jitter(millis: u32) -> Self {
        let [a, b, c, _] = millis.wrapping_add(2).to_le_bytes();
        Self([a, b, c])
    }

    /// Takes any hint as it is, with the same jitter.
    const fn as_is(self) -> Self {
        let [a, b, c] = self.0;
        Self([a, b, c | 0x80])
    }

    const fn number(self) -> u32 {
        let [a, b, c] = self.0;
        u32::from_le_bytes([a, b, c, 0])
    }

    const fn is_ignored(self) -> bool {
        self.number() == 0
    }

    const fn is_as_is(self) -> bool {
        self.number() & Self::AS_IS != 0
    }

    /// Returns the configured jitter; `None` if it is as long as the hint.
    const fn configured_jitter(self) -> Option<u32> {
        (self.number() & !Self::AS_IS).checked_sub(2)
    }
}

macro_rules! base_and_max {
    ($($(#[$doc:meta])* $name:ident, $try_name:ident, $variant:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        ///
        /// If `base` is zero or above `max`; in a `static` this is a compile error.
        pub const fn $name(base: Duration, max: Duration) -> Self {
            crate::error::valid_or_panic!(Self::$try_name(base, max))
        }

        #[doc = concat!("[`", stringify!($name), "`](Self::", stringify!($name), "), or what is wrong with its bounds.")]
        pub const fn $try_name(base: Duration, max: Duration) -> Result<Self, ConfigError> {
            let (base, max) = (Millis::from_duration(base).get(), Millis::from_duration(max).get());
            if base == 0 {
                return Err(ConfigError::ZeroBase);
            }
            if base > max {
                return Err(ConfigError::BaseAboveMax);
            }
            Ok(Self::of(Formula::$variant { retry_after: RetryAfter::IGNORED, base, max }))
        }
    )*};
}

impl<'a> Backoff<'a> {
    pub(crate) const MISSING: Self = Self::of(Formula::Missing { retry_after: RetryAfter::IGNORED });

    const fn of(formula: Formula<'a>) -> Self {
        Self { formula }
    }

    /// Retries at once.
    pub const fn none() -> Self {
        Self::constant(Duration::ZERO)
    }

    /// The same delay each time.
    pub const fn constant(delay: Duration) -> Self {
        let delay = Millis::from_duration(delay).get();
        Self::of(Formula::Doubling { retry_after: RetryAfter::IGNORED, base: delay, max: delay })
    }

    /// The delays of a list, the last one again and again.
    ///
    /// # Panics
    ///
    /// If the list is empty; in a `static` this is a compile error.
    pub const fn fixed(delays: &'a [Millis]) -> Self {
        crate::error::valid_or_panic!(Self::try_fixed(delays))
    }

    /// [`fixed`](Self::fixed), or what is wrong with the list.
    pub const fn try_fixed(delays: &'a [Millis]) -> Result<Self, ConfigError> {
        if delays.is_empty() {
            Err(ConfigError::NoDelays)
        } else {
            Ok(Self::of(Formula::Fixed { retry_after: RetryAfter::IGNORED, delays }))
        }
    }

    /// A formula of your own.
    pub const fn custom(strategy: &'a dyn Strategy) -> Self {
        Self::of(Formula::Custom { retry_after: RetryAfter::IGNORED, strategy })
    }

    base_and_max! {
        /// Doubles from `base` up to `max`, without jitter. Use it only where no other client retries the same operation.
        exponential, try_exponential, Doubling;
        /// Exponential with full jitter, the formula with the least load on the server when many clients retry.
        full_jitter, try_full_jitter, FullJitter;
        /// Exponential with equal jitter: never shorter than the plain exponential.
        equal_jitter, try_equal_jitter, EqualJitter;
        /// Decorrelated jitter: grows from the previous delay of the same class, never below `base`.
        decorrelated_jitter, try_decorrelated_jitter, Decorrelated;
        /// Grows by half each time, with equal jitter: gentler than doubling.
        token_backoff, try_token_backoff, Token;
    }

    /// Follows the server's Retry-After where it asks for more than this backoff.
    ///
    /// - A hint that is longer than the delay of this backoff replaces it.
    /// - Any other hint has no effect: with zero, a date that has passed or a millisecond, the backoff stays in force and goes on
    ///   growing, so that no server can configure a hot loop.
    /// - A hint is never shortened. One beyond [`Retry::retry_after_cap`](crate::Retry::retry_after_cap) ends the call.
    /// - Jitter is added, up to the length of the hint and at least up to 250 ms, so that clients that got the same hint do not
    ///   come back together. Where a call has a deadline, the jitter ends before it.
    ///
    /// # Design
    ///
    /// Jitter is as long as the hint because that is what brings a fleet back. In a simulation with this state machine (a queue
    /// of 10 s in front of a server with 1.25 times the capacity that the fleet needs, an outage of 10 min, then a hint of 60 s for
    /// everybody), 99 % of the clients had their answer 124 s after the outage; with jitter of an eighth of the hint they stayed in
    /// step, and it took 517 s.
    pub const fn or_retry_after(self) -> Self {
        self.following(RetryAfter::PROPORTIONAL)
    }

    const fn following(mut self, new: RetryAfter) -> Self {
        let formula!(retry_after) = &mut self.formula;
        *retry_after = new;
        self
    }

    /// Like [`or_retry_after`](Self::or_retry_after), with up to `jitter` added to a hint.
    ///
    /// # Panics
    ///
    /// If `jitter` is above [`MAX_RETRY_AFTER_JITTER`]; in a `static` this is a compile error.
    pub const fn or_retry_after_jittered(self, jitter: Duration) -> Self {
        crate::error::valid_or_panic!(self.try_or_retry_after_jittered(jitter))
    }

    /// [`or_retry_after_jittered`](Self::or_retry_after_jittered), or an error if `jitter` is too long.
    pub const fn try_or_retry_after_jittered(self, jitter: Duration) -> Result<Self, ConfigError> {
        let jitter = Millis::from_duration(jitter).get();
        if jitter > Millis::from_duration(MAX_RETRY_AFTER_JITTER).get() {
            return Err(ConfigError::JitterTooLong);
        }
        Ok(self.following(RetryAfter::jitter(jitter)))
    }

    /// Takes any Retry-After of the server as it is, plus up to `jitter`; this backoff decides only where there is none.
    ///
    /// A server that says zero then gets the next attempt after no more than the jitter. Use it only for a server that is known
    /// to send sound hints; [`or_retry_after`](Self::or_retry_after) never undercuts the backoff. The cap on hints applies.
    ///
    /// # Panics
    ///
    /// If `jitter` is above [`MAX_RETRY_AFTER_JITTER`]; in a `static` this is a compile error.
    pub const fn or_retry_after_as_is(self, jitter: Duration) -> Self {
        crate::error::valid_or_panic!(self.try_or_retry_after_as_is(jitter))
    }

    /// [`or_retry_after_as_is`](Self::or_retry_after_as_is), or an error if `jitter` is too long.
    pub const fn try_or_retry_after_as_is(self, jitter: Duration) -> Result<Self, ConfigError> {
        match self.try_or_retry_after_jittered(jitter) {
            Ok(jittered) => Ok(jittered.hints_as_they_are()),
            Err(error) => Err(error),
        }
    }

    /// Returns the same backoff, which takes the hints that it follows as they are.
    pub(crate) const fn hints_as_they_are(self) -> Self {
        self.following(self.retry_after().as_is())
    }

    const fn retry_after(&self) -> RetryAfter {
        let formula!(retry_after) = self.formula;
        retry_after
    }

    pub(crate) const fn is_missing(&self) -> bool {
        matches!(self.formula, Formula::Missing { .. })
    }

    /// Returns the delay after a failure of this attempt; the first is 1, and 0 counts as that. `draw` is called only if a random
    /// number is needed: at most once for the formula, and at most once for the jitter on a hint. Deadlines and the cap on hints
    /// are matters of the policy.
    pub fn delay(
        &self,
        attempt: u32,
        classification: &Classification,
        previous: Millis,
        mut draw: impl FnMut() -> u32,
    ) -> Millis {
        let (formulas, classification) = (self.formulas(), *classification);
        let attempt = attempt.max(1);
        let context = || BackoffContext { attempt, classification, previous, random: 0 };
        let hint = formulas.hint(self, &classification);
        formulas.delay(self, attempt, context, hint, Millis::MAX, &mut draw, |draw| draw())
    }
}

impl Backoff<'_> {
    /// Returns number, name and bounds of the formula; those of a list and of a formula of your own are zero.
    const fn parts(&self) -> (u32, &'static str, u32, u32) {
        match self.formula {
            Formula::Missing { .. } => (0, "Missing", 0, 0),
            Formula::Doubling { base, max, .. } => (1, "Exponential", base, max),
            Formula::FullJitter { base, max, .. } => (2, "FullJitter", base, max),
            Formula::EqualJitter { base, max, .. } => (3, "EqualJitter", base, max),
            Formula::Decorrelated { base, max, .. } => (4, "DecorrelatedJitter", base, max),
            Formula::Token { base, max, .. } => (5, "TokenBackoff", base, max),
            Formula::Fixed { .. } => (6, "Fixed", 0, 0),
            Formula::Custom { .. } => (7, "Custom", 0, 0),
        }
    }

    /// Adds what tells this backoff from another to a hash. Formulas of your own are all the same to it.
    pub(crate) const fn fingerprint(&self, hash: &mut crate::rng::Fnv) {
        if let Formula::Fixed { delays: mut rest, .. } = self.formula {
            while let [delay, others @ ..] = rest {
                hash.add(delay.get());
                rest = others;
            }
        }
        let (kind, _, base, max) = self.parts();
        hash.add(kind);
        hash.add(base);
        hash.add(max);
        hash.add(self.retry_after().number());
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Backoff<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        let (_, name, base, max) = self.parts();
        if let Formula::Fixed { delays, .. } = self.formula {
            defmt::write!(f, "Fixed({})", delays);
        } else {
            defmt::write!(f, "{=str}({=u32}..{=u32} ms)", name, base, max);
        }
        let retry_after = self.retry_after();
        if !retry_after.is_ignored() {
            let as_is = if retry_after.is_as_is() { " as it is" } else { "" };
            match retry_after.configured_jitter() {
                None => defmt::write!(f, " or Retry-After{=str}", as_is),
                Some(jitter) => defmt::write!(f, " or Retry-After{=str}, jitter {=u32} ms", as_is, jitter),
            }
        }
    }
}

impl core::fmt::Debug for Backoff<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (_, name, base, max) = self.parts();
        match self.formula {
            Formula::Fixed { delays, .. } => f.debug_tuple(name).field(&delays).finish(),
            _ => write!(f, "{name}({base}..{max} ms)"),
        }?;
        let retry_after = self.retry_after();
        if retry_after.is_ignored() {
            return Ok(());
        }
        f.write_str(if retry_after.is_as_is() { " or Retry-After as it is" } else { " or Retry-After" })?;
        match retry_after.configured_jitter() {
            None => Ok(()),
            Some(jitter) => write!(f, ", jitter {jitter} ms"),
        }
    }
}
