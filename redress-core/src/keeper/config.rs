//! The configuration of a connection that is kept up.

use core::time::Duration;

use crate::{
    BudgetView, ConfigError, Context, Millis, Policy, context::Hooks, drive::steps::Steps, env::Environment,
    error::valid_or_panic, retry::UNLIMITED,
};

const DAY: Millis = Millis::from_secs(86_400);
const MOST_PER_DAY: u32 = 86_400;

/// When a session counts as stable, and what bounds the attempts at the next one.
///
/// Defaults:
/// - no limit on attempts, neither per session nor per day, and no deadline
/// - the first attempts after boot and after a wake are not spread
/// - a wake cuts a wait short at most every 10 s to 15 s
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct KeepConfig {
    stable_after: Millis,
    spread: Millis,
    wake_interval: Millis,
    per_session: u32,
    /// More than the most stands for no limit.
    per_day: u32,
    /// Zero for none; one more than the most is an error when it is validated.
    deadline: Option<Duration>,
}

impl KeepConfig {
    /// Creates a configuration with the defaults above. A session that has been established for this long, 1 ms to 24 hours, is
    /// stable: the next one begins with the first delay of the backoff, no failures counted and the whole deadline. A shorter
    /// session is a failure of its class.
    pub const fn new(stable_after: Duration) -> Self {
        Self {
            stable_after: Millis::from_duration(stable_after),
            spread: Millis::ZERO,
            wake_interval: Millis::from_secs(10),
            per_session: UNLIMITED,
            per_day: u32::MAX,
            deadline: None,
        }
    }

    /// Delays the first attempt after boot, and the first after each wake, by a random part of this span, at most 24 hours. A
    /// fleet that gets its power or its access point back does not arrive in the same second.
    pub const fn spread(mut self, spread: Duration) -> Self {
        self.spread = Millis::from_duration(spread);
        self
    }

    /// Sets the interval after a wake within which another cannot cut a wait short, 1 ms to 24 hours. It is lengthened by a
    /// random part of its half, so that the devices behind a link that flaps do not come in step. Default: 10 s.
    pub const fn wake_interval(mut self, interval: Duration) -> Self {
        self.wake_interval = Millis::from_duration(interval);
        self
    }

    /// Limits the attempts until a session is stable, at least 1. After a stable session is lost, that session counts as the
    /// first. Beyond the limit the keeper gives up.
    pub const fn attempts_per_session(mut self, attempts: u32) -> Self {
        self.per_session = attempts;
        self
    }

    /// Limits the attempts of any 24 hours, 1 to 86,400. Half of them may come at once; the others are spread over the day. Beyond
    /// the limit the keeper waits.
    pub const fn attempts_per_day(mut self, attempts: u32) -> Self {
        self.per_day = if attempts > MOST_PER_DAY { 0 } else { attempts };
        self
    }

    /// Limits the time without a stable session, at least 1 ms, from the start or from the loss of the last one. Beyond it the
    /// keeper gives up.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }
}

/// A policy under which a connection is kept up, and how: plain data, `Copy`, usable in a `static`.
///
/// Bind it to an environment with [`context`](Self::context), then [`keep`](Context::keep). See the [module](crate::keeper).
///
/// Backoffs, limits of single classes, attempt timeout, breaker and budget are those of the policy. Its limit on attempts, its
/// deadline and its cap on `Unknown` failures are not taken: a keeper has those of its [`KeepConfig`].
///
/// Without a cap on a delay it does not compile in a `static`:
///
/// ```compile_fail,E0080
/// # use core::time::Duration;
/// # use redress_core::{Backoff, Policy, Retry, keeper::{Keep, KeepConfig}};
/// const BACKOFF: Backoff = Backoff::exponential(Duration::from_secs(1), Duration::MAX);
/// static KEEP: Keep = Keep::new(Policy::new(Retry::new(BACKOFF)), KeepConfig::new(Duration::from_secs(30)));
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Keep<'a> {
    /// Without its budget, because that delays an attempt of a keeper instead of ending it.
    pub(super) policy: Policy<'a>,
    pub(super) budget: Option<&'a BudgetView>,
    pub(super) stable_after: Millis,
    pub(super) spread: Millis,
    pub(super) wake_interval: Millis,
    /// The addition of an attempt to the debt of the day, which falls by a millisecond in each; zero without a limit.
    pub(super) cost: Millis,
    /// The most debt with which an attempt may begin.
    pub(super) credit: Millis,
}

impl<'a> Keep<'a> {
    /// Creates it of a policy.
    ///
    /// # Panics
    ///
    /// If a value is out of its bounds or a delay has no cap; in a `static` this is a compile error.
    /// [`try_new`](Self::try_new) returns an error instead.
    pub const fn new(policy: Policy<'a>, config: KeepConfig) -> Self {
        valid_or_panic!(Self::try_new(policy, config))
    }

    /// Creates it of a policy.
    ///
    /// # Errors
    ///
    /// The field that is out of its bounds. Each delay needs a cap: the longest of each backoff, and of hints where the
    /// backoff follows them, is from 1 ms to 24 hours. A custom strategy has none.
    pub const fn try_new(policy: Policy<'a>, config: KeepConfig) -> Result<Self, ConfigError> {
        let KeepConfig { stable_after, spread, wake_interval, per_session, per_day, deadline } = config;
        if stable_after.get() == 0 || stable_after.get() > DAY.get() {
            return Err(ConfigError::StableAfterOutOfRange);
        }
        if spread.get() > DAY.get() {
            return Err(ConfigError::SpreadTooLong);
        }
        if wake_interval.get() == 0 || wake_interval.get() > DAY.get() {
            return Err(ConfigError::WakeIntervalOutOfRange);
        }
        if per_session == 0 {
            return Err(ConfigError::ZeroAttemptsPerSession);
        }
        if per_day == 0 {
            return Err(ConfigError::AttemptsPerDayOutOfRange);
        }
        let retry = policy.retry.max_attempts(per_session).no_unknown_cap();
        let retry = match deadline {
            Some(deadline) => retry.deadline(deadline),
            None => retry.no_deadline(),
        };
        if !retry.waits_up_to(DAY) {
            return Err(ConfigError::DelayWithoutCap);
        }
        let budget = policy.budget;
        let policy = match Policy::try_new(retry) {
            Ok(of_retry) => Policy { breaker: policy.breaker, ..of_retry },
            Err(error) => return Err(error),
        };
        let (cost, credit) = daily(per_day);
        let mut keep = Self { policy, budget, stable_after, spread, wake_interval, cost, credit };
        keep.policy.fingerprint ^= keep.fingerprint();
        Ok(keep)
    }

    /// Returns a number that tells keepers from calls, and keepers apart.
    const fn fingerprint(&self) -> u16 {
        let mut hash = crate::rng::Fnv::new();
        hash.add(self.stable_after.get());
        hash.add(self.wake_interval.get());
        hash.add(self.cost.get());
        hash.folded() | 1
    }

    /// Binds it to where the connection is made.
    pub const fn context<E: Environment>(&self, env: E) -> Context<'_, E, Hooks<E::Classifier>, &Self> {
        Context::of(self, env, Steps::NONE)
    }
}

/// Returns what an attempt adds to the debt of the day, and the most debt with which another may begin.
///
/// With `n` attempts a day, `b` may come at once, and another every `c` ms. An attempt begins with a debt of at most `(b - 1) c`, so
/// `k` of them take at least `(k - b) c` ms. With `c` of a day by `n - b + 1`, fewer than `n + 1` begin in less than a day. A
/// millisecond is added for what is lost between two readings of a clock.
#[expect(clippy::arithmetic_side_effects, reason = "n is from 1 to 86,400, so that products stay in 32 bits")]
const fn daily(per_day: u32) -> (Millis, Millis) {
    if per_day > MOST_PER_DAY {
        return (Millis::ZERO, Millis::ZERO);
    }
    let rest = per_day >> 1;
    let cost = DAY.get().div_ceil(rest + 1) + 1;
    (Millis::new(cost), Millis::new((per_day - rest - 1) * cost))
}
