//! Vectors as they stand in a table.

use core::time::Duration;

use redress_core::{
    Backoff, BackoffContext, BreakerConfig, BreakerState, Budget, BudgetConfig, CircuitBreaker, ClassSet,
    Classification, ConfigError, ErrorClass, Millis, Policy, Retry, SleepDecision,
};

use crate::Item;

/// Slots of each breaker and budget: more than any threshold a byte can hold.
pub(crate) const SLOTS: usize = 256;

/// Calls under one policy, and the items that they produce.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct Vector {
    pub id: &'static str,
    pub policy: PolicySpec,
    pub draws: &'static [u32],
    pub calls: &'static [CallSpec],
    /// In a table, equal items are one.
    pub expected: &'static [&'static Item],
}

/// A policy.
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct PolicySpec {
    pub max_attempts: u32,
    pub deadline: Millis,
    pub attempt_timeout: Option<Millis>,
    pub max_unknown: Option<u8>,
    /// `None`: hints of any length are followed.
    pub retry_after_cap: Option<Millis>,
    pub limits: &'static [(ErrorClass, u8)],
    pub backoff: Option<BackoffSpec>,
    pub class_backoffs: &'static [(ErrorClass, BackoffSpec)],
    pub budget: Option<BudgetSpec>,
    pub breaker: Option<BreakerSpec>,
}

/// A backoff and the jitter on hints, where it follows them.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct BackoffSpec {
    pub formula: FormulaSpec,
    pub retry_after: Option<Millis>,
}

/// A formula, with base and maximum where it has both.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the constructors of `Backoff`")]
pub enum FormulaSpec {
    None,
    Constant(Millis),
    Fixed(&'static [Millis]),
    Exponential(Millis, Millis),
    FullJitter(Millis, Millis),
    EqualJitter(Millis, Millis),
    DecorrelatedJitter(Millis, Millis),
    TokenBackoff(Millis, Millis),
    Custom,
}

/// A budget.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the configuration")]
pub enum BudgetSpec {
    Rolling { max_retries: u16, window: Millis },
    Bucket { capacity: u16, per_success: u32, per_second: u32 },
}

/// A breaker.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct BreakerSpec {
    pub failure_threshold: u8,
    pub window: Millis,
    pub recovery_timeout: Millis,
    pub probes: u8,
    pub trip_on: Option<&'static [ErrorClass]>,
    pub class_thresholds: &'static [(ErrorClass, u8)],
}

/// The script of one call. Times are in milliseconds.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct CallSpec {
    pub operation: &'static str,
    pub gap: u32,
    pub attempts: &'static [AttemptSpec],
    pub abort_at: Option<u32>,
    pub answers: &'static [SleepDecision],
    pub oversleep: &'static [u32],
}

/// The script of one attempt.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct AttemptSpec {
    pub took: u32,
    pub result: Answered,
    pub class: ErrorClass,
    pub retry_after: Option<Millis>,
}

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub enum Answered {
    Ok,
    Error,
    ResultFailure,
    Abort,
    /// Never: the attempt timeout or the deadline ends it. For async calls only.
    Hangs,
}

/// Delays of one backoff.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct DelayVector {
    pub id: &'static str,
    pub backoff: BackoffSpec,
    pub rows: &'static [DelayRow],
}

/// One delay, and how many random numbers it took.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct DelayRow {
    pub attempt: u32,
    pub previous: Millis,
    pub draw: u32,
    pub retry_after: Option<Millis>,
    pub delay: Millis,
    pub draws: u8,
}

/// What a budget is used for, and what is left.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct BudgetVector {
    pub id: &'static str,
    pub budget: BudgetSpec,
    pub ops: &'static [BudgetOp],
}

/// A withdrawal of this cost at this millisecond and whether it succeeds; without cost, only the rest is read.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of the vectors' schema")]
pub struct BudgetOp {
    pub at: u32,
    pub consumed: Option<(u16, bool)>,
    pub remaining: u16,
}

/// The strategy of [`FormulaSpec::Custom`]: all that it is given goes into the delay.
static CUSTOM: fn(&BackoffContext) -> Millis = |context| {
    let class = u32::from(context.classification.class() as u8);
    Millis::new(
        context.attempt.wrapping_mul(7).wrapping_add(class) + (context.random >> 26) + context.previous.get() / 2,
    )
};

impl BackoffSpec {
    /// Returns the backoff, or the field that contradicts another.
    pub fn build(&self) -> Result<Backoff<'static>, ConfigError> {
        let backoff = match self.formula {
            FormulaSpec::None => Backoff::none(),
            FormulaSpec::Constant(delay) => Backoff::constant(delay.into()),
            FormulaSpec::Fixed(delays) => Backoff::try_fixed(delays)?,
            FormulaSpec::Exponential(base, max) => Backoff::try_exponential(base.into(), max.into())?,
            FormulaSpec::FullJitter(base, max) => Backoff::try_full_jitter(base.into(), max.into())?,
            FormulaSpec::EqualJitter(base, max) => Backoff::try_equal_jitter(base.into(), max.into())?,
            FormulaSpec::DecorrelatedJitter(base, max) => Backoff::try_decorrelated_jitter(base.into(), max.into())?,
            FormulaSpec::TokenBackoff(base, max) => Backoff::try_token_backoff(base.into(), max.into())?,
            FormulaSpec::Custom => Backoff::custom(&CUSTOM),
        };
        match self.retry_after {
            Some(jitter) => backoff.try_or_retry_after_as_is(jitter.into()),
            None => Ok(backoff),
        }
    }
}

impl BudgetSpec {
    /// Returns an unspent budget, or the field that contradicts another.
    pub fn build(&self) -> Result<Budget<SLOTS>, ConfigError> {
        Budget::try_new(match *self {
            Self::Rolling { max_retries, window } => BudgetConfig::rolling(max_retries, window.into()),
            Self::Bucket { capacity, per_success, per_second } => {
                BudgetConfig::token_bucket(capacity).refill_per_success(per_success).refill_per_second(per_second)
            }
        })
    }
}

impl BreakerSpec {
    /// Returns a closed breaker, or the field that contradicts another.
    pub fn build(&self) -> Result<CircuitBreaker<SLOTS>, ConfigError> {
        let mut config = BreakerConfig::new(self.failure_threshold)
            .window(self.window.into())
            .recovery_timeout(self.recovery_timeout.into())
            .probes(self.probes)
            .neutral(ClassSet::EMPTY);
        if let Some(classes) = self.trip_on {
            config = config.trip_on(classes.iter().fold(ClassSet::EMPTY, |set, class| set.with(*class)));
        }
        for (class, threshold) in self.class_thresholds {
            config = config.threshold_for(*class, *threshold);
        }
        CircuitBreaker::try_new(config)
    }
}

/// Breaker and budget, which the calls of a vector share.
#[derive(Debug)]
pub(crate) struct Shared {
    breaker: Option<CircuitBreaker<SLOTS>>,
    pub(crate) budget: Option<Budget<SLOTS>>,
}

impl Shared {
    pub(crate) fn state(&self) -> Option<BreakerState> {
        self.breaker.as_ref().map(|breaker| breaker.state())
    }
}

impl PolicySpec {
    pub(crate) fn shared(&self) -> Result<Shared, ConfigError> {
        Ok(Shared {
            breaker: self.breaker.as_ref().map(BreakerSpec::build).transpose()?,
            budget: self.budget.as_ref().map(BudgetSpec::build).transpose()?,
        })
    }

    pub(crate) fn policy<'a>(&self, shared: &'a Shared) -> Result<Policy<'a>, ConfigError> {
        let mut retry = match &self.backoff {
            Some(backoff) => Retry::new(backoff.build()?),
            None => Retry::per_class(),
        };
        retry = retry
            .max_attempts(self.max_attempts)
            .deadline(self.deadline.into())
            .retry_after_cap(self.retry_after_cap.map_or(Duration::MAX, Duration::from));
        retry = match self.max_unknown {
            Some(retries) => retry.max_unknown(retries),
            None => retry.no_unknown_cap(),
        };
        if let Some(timeout) = self.attempt_timeout {
            retry = retry.attempt_timeout(timeout.into());
        }
        for (class, retries) in self.limits {
            retry = retry.limit_for(*class, *retries);
        }
        for (class, backoff) in self.class_backoffs {
            retry = retry.backoff_for(*class, backoff.build()?);
        }
        let mut policy = Policy::try_new(retry)?;
        if let Some(breaker) = &shared.breaker {
            policy = policy.circuit_breaker(breaker);
        }
        if let Some(budget) = &shared.budget {
            policy = policy.budget(budget);
        }
        Ok(policy)
    }
}

impl AttemptSpec {
    pub(crate) fn classification(&self) -> Classification {
        if self.result == Answered::Abort {
            return Classification::abort();
        }
        let classification = Classification::new(self.class);
        self.retry_after.map_or(classification, |hint| classification.retry_after(hint))
    }
}
