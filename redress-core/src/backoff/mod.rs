//! How long to wait before the next attempt.
//!
//! A [`Backoff`] is plain data, `Copy` and const-built, so it can stand in a policy in flash. A [`Strategy`] is code:
//! any `Fn(&BackoffContext) -> Millis`, or a function of three arguments through [`by_args`].

mod formula;

use core::time::Duration;

use crate::{Classification, ConfigError, ErrorClass, Millis};

/// What a strategy may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BackoffContext {
    /// The number of the attempt that failed; the first is 1.
    pub attempt: u32,
    /// What the failure was.
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
    /// The delay before the next attempt.
    fn delay(&self, context: &BackoffContext) -> Millis;

    /// Whether a random number is drawn for it. Default: yes.
    fn draws(&self) -> bool {
        true
    }
}

impl<F: Fn(&BackoffContext) -> Millis + Sync> Strategy for F {
    fn delay(&self, context: &BackoffContext) -> Millis {
        self(context)
    }
}

/// A strategy out of a function of three arguments: attempt, class, previous delay. See [`by_args`].
#[derive(Clone, Copy)]
pub struct ByArgs<F>(F);

/// Makes a strategy of a function of three arguments: the number of the failed attempt, its class, and the previous
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
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backoff<'a> {
    formula: Formula<'a>,
    hint: Hint,
}

#[derive(Clone, Copy)]
enum Formula<'a> {
    /// No strategy is configured.
    Missing,
    Fixed(&'a [Millis]),
    Constant(u32),
    Exponential {
        base: u32,
        max: u32,
        jitter: Jitter,
    },
    Decorrelated {
        base: u32,
        max: u32,
    },
    Token {
        base: u32,
        max: u32,
    },
    Custom(&'a dyn Strategy),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Jitter {
    No,
    Full,
    Equal,
}

/// What becomes of a server's Retry-After.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Hint {
    Ignored,
    /// The hint plus up to an eighth of it, at least up to 250 ms.
    Proportional,
    /// The hint plus up to so many milliseconds.
    Jitter(u32),
}

macro_rules! base_and_max {
    ($($(#[$doc:meta])* $name:ident, $try_name:ident, $variant:ident { $($jitter:tt)* };)*) => {$(
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
            Ok(Self::of(Formula::$variant { base, max, $($jitter)* }))
        }
    )*};
}

impl<'a> Backoff<'a> {
    pub(crate) const MISSING: Self = Self::of(Formula::Missing);

    const fn of(formula: Formula<'a>) -> Self {
        Self { formula, hint: Hint::Ignored }
    }

    /// Retries at once.
    pub const fn none() -> Self {
        Self::of(Formula::Constant(0))
    }

    /// The same delay each time.
    pub const fn constant(delay: Duration) -> Self {
        Self::of(Formula::Constant(Millis::from_duration(delay).get()))
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
        if delays.is_empty() { Err(ConfigError::NoDelays) } else { Ok(Self::of(Formula::Fixed(delays))) }
    }

    /// A formula of your own.
    pub const fn custom(strategy: &'a dyn Strategy) -> Self {
        Self::of(Formula::Custom(strategy))
    }

    base_and_max! {
        /// Doubles from `base` up to `max`, without jitter: use it only where nobody else retries the same thing.
        exponential, try_exponential, Exponential { jitter: Jitter::No };
        /// Exponential with full jitter: the least work for the other side when many retry.
        full_jitter, try_full_jitter, Exponential { jitter: Jitter::Full };
        /// Exponential with equal jitter: never shorter than the plain exponential.
        equal_jitter, try_equal_jitter, Exponential { jitter: Jitter::Equal };
        /// Decorrelated jitter: grows from the previous delay of the same class, never below `base`.
        decorrelated_jitter, try_decorrelated_jitter, Decorrelated {};
        /// Grows by half each time, with equal jitter: gentler than doubling.
        token_backoff, try_token_backoff, Token {};
    }

    /// Follows the server's Retry-After where there is one; this backoff decides where there is none.
    ///
    /// The hint is never shortened, and jitter is only ever added: up to an eighth of the hint, at least up to 250 ms,
    /// so that those who got the same hint do not come back together.
    pub const fn or_retry_after(mut self) -> Self {
        self.hint = Hint::Proportional;
        self
    }

    /// Like [`or_retry_after`](Self::or_retry_after), with up to `jitter` added.
    ///
    /// # Panics
    ///
    /// If `jitter` is above [`MAX_RETRY_AFTER_JITTER`]; in a `static` this is a compile error.
    pub const fn or_retry_after_jittered(self, jitter: Duration) -> Self {
        crate::error::valid_or_panic!(self.try_or_retry_after_jittered(jitter))
    }

    /// [`or_retry_after_jittered`](Self::or_retry_after_jittered), or an error if `jitter` is too long.
    pub const fn try_or_retry_after_jittered(mut self, jitter: Duration) -> Result<Self, ConfigError> {
        let jitter = Millis::from_duration(jitter).get();
        if jitter > Millis::from_duration(MAX_RETRY_AFTER_JITTER).get() {
            return Err(ConfigError::JitterTooLong);
        }
        self.hint = Hint::Jitter(jitter);
        Ok(self)
    }

    #[inline]
    pub(crate) const fn is_missing(&self) -> bool {
        matches!(self.formula, Formula::Missing)
    }

    /// An exponential one which ignores hints.
    pub(crate) const fn is_plain_exponential(&self) -> bool {
        matches!((self.formula, self.hint), (Formula::Exponential { .. }, Hint::Ignored))
    }

    /// The delay of a [plain exponential](Self::is_plain_exponential) backoff; see [`delay`](Self::delay).
    #[inline]
    pub(crate) fn plain_delay(&self, attempt: u32, draw: impl FnOnce() -> u32) -> Millis {
        match self.formula {
            Formula::Exponential { base, max, jitter } => Millis::new(exponential(base, max, jitter, attempt, draw)),
            _ => Millis::ZERO,
        }
    }

    /// The delay after a failure. `draw` is asked at most once, and only if the formula needs a random number.
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    pub fn delay(
        &self,
        attempt: u32,
        classification: &Classification,
        previous: Millis,
        draw: impl FnOnce() -> u32,
    ) -> Millis {
        match (self.hint, classification.hint()) {
            (Hint::Ignored, _) | (_, None) => Millis::new(self.formula.delay(attempt, classification, previous, draw)),
            (spread, Some(hint)) => Millis::new(after_hint(hint.get(), spread, draw)),
        }
    }
}

/// Never sooner than the server asks, and not at the same time as everybody else.
#[cold]
fn after_hint(hint: u32, spread: Hint, draw: impl FnOnce() -> u32) -> u32 {
    let jitter = match spread {
        Hint::Jitter(jitter) => jitter,
        Hint::Proportional | Hint::Ignored => (hint >> 3).max(250),
    };
    let random = if jitter == 0 { 0 } else { draw() };
    formula::uniform(hint, hint.saturating_add(jitter), random)
}

#[inline]
fn exponential(base: u32, max: u32, jitter: Jitter, attempt: u32, draw: impl FnOnce() -> u32) -> u32 {
    match jitter {
        Jitter::No => formula::doubled(base, max, attempt.saturating_sub(1)),
        Jitter::Full => formula::uniform(0, formula::doubled(base, max, attempt), draw()),
        Jitter::Equal => formula::upper_half(formula::doubled(base, max, attempt), draw()),
    }
}

impl Formula<'_> {
    /// The exponential family is decided here, the rest further away: it is what most policies use.
    #[cfg_attr(not(any(target_os = "none", target_family = "wasm")), inline(always))]
    fn delay(
        &self,
        attempt: u32,
        classification: &Classification,
        previous: Millis,
        draw: impl FnOnce() -> u32,
    ) -> u32 {
        if let Self::Exponential { base, max, jitter } = *self {
            return exponential(base, max, jitter, attempt, draw);
        }
        self.other_delay(attempt, classification, previous, draw)
    }

    #[inline(never)]
    fn other_delay(
        &self,
        attempt: u32,
        classification: &Classification,
        previous: Millis,
        draw: impl FnOnce() -> u32,
    ) -> u32 {
        match *self {
            Self::Missing | Self::Exponential { .. } => 0,
            Self::Constant(delay) => delay,
            Self::Fixed(delays) => {
                let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
                delays.get(index).or(delays.last()).map_or(0, |delay| delay.get())
            }
            Self::Decorrelated { base, max } => formula::decorrelated(base, max, previous.get(), draw()),
            Self::Token { base, max } => formula::upper_half(formula::grown_by_half(base, max, attempt), draw()),
            Self::Custom(strategy) => {
                let random = if strategy.draws() { draw() } else { 0 };
                strategy.delay(&BackoffContext { attempt, classification: *classification, previous, random }).get()
            }
        }
    }
}

#[cfg(feature = "defmt")]
#[allow(clippy::match_same_arms, reason = "to the linker each literal is a symbol of its own")]
impl defmt::Format for Formula<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        match self {
            Self::Missing => defmt::write!(f, "Missing"),
            Self::Fixed(delays) => defmt::write!(f, "Fixed({})", delays),
            Self::Constant(delay) => defmt::write!(f, "Constant({=u32} ms)", delay),
            Self::Exponential { base, max, jitter } => {
                defmt::write!(f, "Exponential({=u32}..{=u32} ms, jitter {})", base, max, jitter);
            }
            Self::Decorrelated { base, max } => defmt::write!(f, "DecorrelatedJitter({=u32}..{=u32} ms)", base, max),
            Self::Token { base, max } => defmt::write!(f, "TokenBackoff({=u32}..{=u32} ms)", base, max),
            Self::Custom(_) => defmt::write!(f, "Custom(..)"),
        }
    }
}

impl core::fmt::Debug for Formula<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Missing => f.write_str("Missing"),
            Self::Fixed(delays) => f.debug_tuple("Fixed").field(delays).finish(),
            Self::Constant(delay) => write!(f, "Constant({delay} ms)"),
            Self::Exponential { base, max, jitter } => write!(f, "Exponential({base}..{max} ms, jitter {jitter:?})"),
            Self::Decorrelated { base, max } => write!(f, "DecorrelatedJitter({base}..{max} ms)"),
            Self::Token { base, max } => write!(f, "TokenBackoff({base}..{max} ms)"),
            Self::Custom(_) => f.write_str("Custom(..)"),
        }
    }
}

impl Backoff<'_> {
    /// Adds what tells this backoff from another; of a custom one only that it is custom.
    pub(crate) fn fingerprint(&self, hash: &mut crate::rng::Fnv) {
        let (kind, a, b) = match self.formula {
            Formula::Missing => (0, 0, 0),
            Formula::Constant(delay) => (1, delay, 0),
            Formula::Fixed(delays) => {
                for delay in delays {
                    hash.add(delay.get());
                }
                (2, 0, 0)
            }
            Formula::Exponential { base, max, jitter } => (3_u32.wrapping_add(jitter as u32), base, max),
            Formula::Decorrelated { base, max } => (6, base, max),
            Formula::Token { base, max } => (7, base, max),
            Formula::Custom(_) => (8, 0, 0),
        };
        let hint = match self.hint {
            Hint::Ignored => 0,
            Hint::Proportional => 1,
            Hint::Jitter(jitter) => jitter.wrapping_add(2),
        };
        for word in [kind, a, b, hint] {
            hash.add(word);
        }
    }
}
