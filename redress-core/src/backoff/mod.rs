//! How long to wait before the next attempt.
//!
//! A [`Backoff`] is plain data, `Copy` and const-built, so it can stand in a policy in flash. A [`Strategy`] is code:
//! any `Fn(&BackoffContext) -> Millis`, or a function of three arguments through [`by_args`].

mod bounds;
mod formula;

use core::time::Duration;

use formula::Choice;

use crate::{Classification, ConfigError, ErrorClass, Millis, policy::BARE};

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
        hint: Hint,
    },
    /// A constant delay is one with equal bounds.
    Doubling {
        hint: Hint,
        base: u32,
        max: u32,
    },
    FullJitter {
        hint: Hint,
        base: u32,
        max: u32,
    },
    EqualJitter {
        hint: Hint,
        base: u32,
        max: u32,
    },
    Decorrelated {
        hint: Hint,
        base: u32,
        max: u32,
    },
    Token {
        hint: Hint,
        base: u32,
        max: u32,
    },
    Fixed {
        hint: Hint,
        delays: &'a [Millis],
    },
    Custom {
        hint: Hint,
        strategy: &'a dyn Strategy,
    },
}

/// What becomes of a server's Retry-After, as a number of 24 bits: 0, it is ignored; 1, jitter is in proportion to it; from 2
/// on, two more than the milliseconds which are added at most.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Hint([u8; 3]);

impl Hint {
    const IGNORED: Self = Self([0; 3]);
    /// The hint plus up to an eighth of it, at least up to 250 ms.
    const PROPORTIONAL: Self = Self([1, 0, 0]);

    /// The hint plus up to so many milliseconds, at most an hour.
    const fn jitter(millis: u32) -> Self {
        let [a, b, c, _] = millis.wrapping_add(2).to_le_bytes();
        Self([a, b, c])
    }

    #[inline]
    const fn number(self) -> u32 {
        let [a, b, c] = self.0;
        u32::from_le_bytes([a, b, c, 0])
    }

    #[inline]
    const fn is_ignored(self) -> bool {
        self.number() == 0
    }
}

/// The code of delays. A policy keeps the one for the formulas it has, so that an image contains no others; one with none
/// but plain ones keeps none. `None` if it takes a random number and none is given: a closure in its place would keep the
/// environment out of registers.
pub(crate) type DelayCode = fn(&Backoff<'_>, &Asked<'_>, Option<u32>) -> Option<u32>;

/// What backoffs need beside the code of plain ones, a bit for each.
#[derive(Clone, Copy)]
pub(crate) struct Needs(u8);

impl Needs {
    pub(crate) const NOTHING: Self = Self(0);

    const HINT: u8 = 1;
    const DECORRELATED: u8 = 2;
    const FIXED: u8 = 4;
    const TOKEN: u8 = 8;
    const CUSTOM: u8 = 16;
    const EVERYTHING: u8 = 31;

    /// What these and those need.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The code that does, and no more than that. Being a constant, it is all that is linked.
    #[expect(clippy::indexing_slicing, reason = "five bits")]
    pub(crate) const fn code(self) -> Option<DelayCode> {
        macro_rules! all {
            ($($needs:literal)*) => { [$(delay::<$needs>),*] };
        }
        const CODE: [DelayCode; 32] =
            all!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
        if self.0 == 0 { None } else { Some(CODE[(self.0 & Self::EVERYTHING) as usize]) }
    }
}

/// What a delay may depend on, but for random numbers.
pub(crate) struct Asked<'a> {
    pub(crate) attempt: u32,
    pub(crate) classification: &'a Classification,
    pub(crate) previous: Millis,
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
            Ok(Self::of(Formula::$variant { hint: Hint::IGNORED, base, max }))
        }
    )*};
}

impl<'a> Backoff<'a> {
    pub(crate) const MISSING: Self = Self::of(Formula::Missing { hint: Hint::IGNORED });

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
        Self::of(Formula::Doubling { hint: Hint::IGNORED, base: delay, max: delay })
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
            Ok(Self::of(Formula::Fixed { hint: Hint::IGNORED, delays }))
        }
    }

    /// A formula of your own.
    pub const fn custom(strategy: &'a dyn Strategy) -> Self {
        Self::of(Formula::Custom { hint: Hint::IGNORED, strategy })
    }

    base_and_max! {
        /// Doubles from `base` up to `max`, without jitter: use it only where nobody else retries the same thing.
        exponential, try_exponential, Doubling;
        /// Exponential with full jitter: the least work for the other side when many retry.
        full_jitter, try_full_jitter, FullJitter;
        /// Exponential with equal jitter: never shorter than the plain exponential.
        equal_jitter, try_equal_jitter, EqualJitter;
        /// Decorrelated jitter: grows from the previous delay of the same class, never below `base`.
        decorrelated_jitter, try_decorrelated_jitter, Decorrelated;
        /// Grows by half each time, with equal jitter: gentler than doubling.
        token_backoff, try_token_backoff, Token;
    }

    /// Follows the server's Retry-After where there is one; this backoff decides where there is none.
    ///
    /// The hint is never shortened, and jitter is only ever added: up to an eighth of the hint, at least up to 250 ms,
    /// so that those who got the same hint do not come back together.
    pub const fn or_retry_after(self) -> Self {
        self.hinted(Hint::PROPORTIONAL)
    }

    const fn hinted(mut self, new: Hint) -> Self {
        let (Formula::Missing { hint }
        | Formula::Doubling { hint, .. }
        | Formula::FullJitter { hint, .. }
        | Formula::EqualJitter { hint, .. }
        | Formula::Decorrelated { hint, .. }
        | Formula::Token { hint, .. }
        | Formula::Fixed { hint, .. }
        | Formula::Custom { hint, .. }) = &mut self.formula;
        *hint = new;
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
    pub const fn try_or_retry_after_jittered(self, jitter: Duration) -> Result<Self, ConfigError> {
        let jitter = Millis::from_duration(jitter).get();
        if jitter > Millis::from_duration(MAX_RETRY_AFTER_JITTER).get() {
            return Err(ConfigError::JitterTooLong);
        }
        Ok(self.hinted(Hint::jitter(jitter)))
    }

    #[inline]
    const fn hint(&self) -> Hint {
        let (Formula::Missing { hint }
        | Formula::Doubling { hint, .. }
        | Formula::FullJitter { hint, .. }
        | Formula::EqualJitter { hint, .. }
        | Formula::Decorrelated { hint, .. }
        | Formula::Token { hint, .. }
        | Formula::Fixed { hint, .. }
        | Formula::Custom { hint, .. }) = self.formula;
        hint
    }

    #[inline]
    pub(crate) const fn is_missing(&self) -> bool {
        matches!(self.formula, Formula::Missing { .. })
    }

    /// An exponential one which ignores hints.
    #[inline]
    pub(crate) const fn is_plain_exponential(&self) -> bool {
        self.hint().is_ignored()
            && matches!(
                self.formula,
                Formula::Doubling { .. } | Formula::FullJitter { .. } | Formula::EqualJitter { .. }
            )
    }

    /// What it needs beside the code of the plain exponential ones.
    pub(crate) const fn needs(&self) -> Needs {
        let formula = match self.formula {
            Formula::Missing { .. } => return Needs::NOTHING,
            Formula::Doubling { .. } | Formula::FullJitter { .. } | Formula::EqualJitter { .. } => 0,
            Formula::Decorrelated { .. } => Needs::DECORRELATED,
            Formula::Token { .. } => Needs::TOKEN,
            Formula::Fixed { .. } => Needs::FIXED,
            Formula::Custom { .. } => Needs::CUSTOM,
        };
        Needs(if self.hint().is_ignored() { formula } else { formula | Needs::HINT })
    }

    /// The delay of a [plain exponential](Self::is_plain_exponential) backoff; see [`delay`](Self::delay).
    #[inline]
    pub(crate) fn plain_delay(&self, attempt: u32, draw: impl FnOnce() -> u32) -> Millis {
        if BARE {
            let choice = self.formula.choice::<0>(attempt, 0);
            return Millis::new(choice.by(if choice.open { draw() } else { 0 }));
        }
        // The same, for whom instructions count: each choice is made by an expression of its own.
        Millis::new(match self.formula {
            Formula::Doubling { base, max, .. } => formula::doubled(base, max, attempt.saturating_sub(1)),
            Formula::FullJitter { base, max, .. } => Choice::below(formula::doubled(base, max, attempt)).by(draw()),
            Formula::EqualJitter { base, max, .. } => {
                Choice::upper_half(formula::doubled(base, max, attempt)).by(draw())
            }
            _ => 0,
        })
    }

    /// The delay after a failure of this attempt; the first is 1, and 0 counts as that. `draw` is asked at most once, and only if
    /// the formula needs a random number.
    pub fn delay(
        &self,
        attempt: u32,
        classification: &Classification,
        previous: Millis,
        draw: impl FnOnce() -> u32,
    ) -> Millis {
        // The number of an attempt is at least 1.
        let attempt = attempt.max(1);
        self.delay_by(delay::<{ Needs::EVERYTHING }>, &Asked { attempt, classification, previous }, draw)
    }

    /// [`delay`](Self::delay), by the code of the policy it is from.
    #[inline]
    pub(crate) fn delay_by(&self, code: DelayCode, asked: &Asked<'_>, draw: impl FnOnce() -> u32) -> Millis {
        Millis::new(code(self, asked, None).or_else(|| code(self, asked, Some(draw()))).unwrap_or_default())
    }
}

/// Any delay that needs no more than these. See [`DelayCode`].
fn delay<const NEEDS: u8>(backoff: &Backoff<'_>, asked: &Asked<'_>, random: Option<u32>) -> Option<u32> {
    let Asked { attempt, classification, previous } = *asked;
    let choice = match (classification.hint(), backoff.formula) {
        (Some(hint), _) if NEEDS & Needs::HINT != 0 && !backoff.hint().is_ignored() => {
            after_hint(hint.get(), backoff.hint())
        }
        (_, Formula::Custom { strategy, .. }) if NEEDS & Needs::CUSTOM != 0 => {
            let random = if strategy.draws() { random? } else { 0 };
            let context = BackoffContext { attempt, classification: *classification, previous, random };
            return Some(strategy.delay(&context).get());
        }
        (_, formula) => formula.choice::<NEEDS>(attempt, previous.get()),
    };
    Some(choice.by(if choice.open { random? } else { 0 }))
}

/// Never sooner than the server asks, and not at the same time as everybody else.
fn after_hint(hint: u32, spread: Hint) -> Choice {
    Choice::above(hint, spread.number().checked_sub(2).unwrap_or_else(|| (hint >> 3).max(250)))
}

impl Formula<'_> {
    /// What there is to choose from, for a formula that needs no more than these.
    #[inline]
    #[expect(clippy::indexing_slicing, reason = "compared first")]
    const fn choice<const NEEDS: u8>(&self, attempt: u32, previous: u32) -> Choice {
        match *self {
            Self::Decorrelated { base, max, .. } if NEEDS & Needs::DECORRELATED != 0 => {
                Choice::decorrelated(base, max, previous)
            }
            Self::Token { base, max, .. } if NEEDS & Needs::TOKEN != 0 => {
                Choice::upper_half(formula::grown_by_half(base, max, attempt))
            }
            Self::Fixed { delays, .. } if NEEDS & Needs::FIXED != 0 => {
                let (last, index) = (delays.len().saturating_sub(1), attempt.saturating_sub(1) as usize);
                let index = if index < last { index } else { last };
                Choice::exactly(if index < delays.len() { delays[index].get() } else { 0 })
            }
            Self::Doubling { base, max, .. }
            | Self::FullJitter { base, max, .. }
            | Self::EqualJitter { base, max, .. } => {
                // Without jitter, the first delay is the base.
                let exact = matches!(self, Self::Doubling { .. });
                let n = attempt.wrapping_sub(exact as u32);
                let ceiling = formula::doubled(base, max, n);
                Choice::up_to(ceiling, !exact, matches!(self, Self::EqualJitter { .. }))
            }
            _ => Choice::exactly(0),
        }
    }
}

#[cfg(feature = "defmt")]
#[allow(clippy::match_same_arms, reason = "to the linker each literal is a symbol of its own")]
impl defmt::Format for Backoff<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        use Formula::{Custom, Decorrelated, Doubling, EqualJitter, Fixed, FullJitter, Missing, Token};
        match self.formula {
            Missing { .. } => defmt::write!(f, "Missing"),
            Fixed { delays, .. } => defmt::write!(f, "Fixed({})", delays),
            Doubling { base, max, .. } => defmt::write!(f, "Exponential({=u32}..{=u32} ms)", base, max),
            FullJitter { base, max, .. } => defmt::write!(f, "FullJitter({=u32}..{=u32} ms)", base, max),
            EqualJitter { base, max, .. } => defmt::write!(f, "EqualJitter({=u32}..{=u32} ms)", base, max),
            Decorrelated { base, max, .. } => defmt::write!(f, "DecorrelatedJitter({=u32}..{=u32} ms)", base, max),
            Token { base, max, .. } => defmt::write!(f, "TokenBackoff({=u32}..{=u32} ms)", base, max),
            Custom { .. } => defmt::write!(f, "Custom(..)"),
        }
        match self.hint().number() {
            0 => {}
            1 => defmt::write!(f, " or Retry-After"),
            jitter => defmt::write!(f, " or Retry-After, jitter {=u32} ms", jitter.saturating_sub(2)),
        }
    }
}

impl core::fmt::Debug for Backoff<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.formula {
            Formula::Missing { .. } => f.write_str("Missing"),
            Formula::Fixed { delays, .. } => f.debug_tuple("Fixed").field(&delays).finish(),
            Formula::Doubling { base, max, .. } => write!(f, "Exponential({base}..{max} ms)"),
            Formula::FullJitter { base, max, .. } => write!(f, "FullJitter({base}..{max} ms)"),
            Formula::EqualJitter { base, max, .. } => write!(f, "EqualJitter({base}..{max} ms)"),
            Formula::Decorrelated { base, max, .. } => write!(f, "DecorrelatedJitter({base}..{max} ms)"),
            Formula::Token { base, max, .. } => write!(f, "TokenBackoff({base}..{max} ms)"),
            Formula::Custom { .. } => f.write_str("Custom(..)"),
        }?;
        match self.hint().number() {
            0 => Ok(()),
            1 => f.write_str(" or Retry-After"),
            jitter => write!(f, " or Retry-After, jitter {} ms", jitter.saturating_sub(2)),
        }
    }
}

impl Backoff<'_> {
    /// Adds what tells this backoff from another; of a custom one only that it is custom.
    pub(crate) const fn fingerprint(&self, hash: &mut crate::rng::Fnv) {
        let (kind, a, b) = match self.formula {
            Formula::Missing { .. } => (0, 0, 0),
            Formula::Doubling { base, max, .. } => (1, base, max),
            Formula::FullJitter { base, max, .. } => (2, base, max),
            Formula::EqualJitter { base, max, .. } => (3, base, max),
            Formula::Decorrelated { base, max, .. } => (4, base, max),
            Formula::Token { base, max, .. } => (5, base, max),
            Formula::Fixed { delays: mut rest, .. } => {
                while let [delay, others @ ..] = rest {
                    hash.add(delay.get());
                    rest = others;
                }
                (6, 0, 0)
            }
            Formula::Custom { .. } => (7, 0, 0),
        };
        hash.add(kind);
        hash.add(a);
        hash.add(b);
        hash.add(self.hint().number());
    }
}
