//! The defaults of other libraries, as policies of this one.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use redress_core::{Backoff, Budget, BudgetConfig, ConfigError, Policy, Retry, RetryConfig};

use crate::SharedPolicy;

/// The defaults of a library, as a policy to compare with. Which failures count as failures is decided by redress for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Peer {
    /// The defaults of redress: [`RetryConfig`] and [`BudgetConfig::DEFAULT`].
    Default,
    /// No retries: each call is one attempt.
    None,
    /// backon 1.6, `ExponentialBuilder::default()`: 3 retries after 1 s, 2 s and 4 s, without jitter, at most 60 s.
    ///
    /// Source: the documentation of `ExponentialBuilder`, <https://docs.rs/backon>.
    Backon,
    /// Polly 8, `RetryStrategyOptions`: 3 retries, each after 2 s, without jitter.
    ///
    /// Source: `src/Polly.Core/Retry/RetryConstants.cs`, <https://github.com/App-vNext/Polly>.
    Polly,
    /// resilience4j 2, `RetryConfig.ofDefaults()`: 2 retries, each after 500 ms, without jitter.
    ///
    /// Source: <https://resilience4j.readme.io/docs/retry>.
    Resilience4j,
    /// The standard mode of AWS SDKs, with the figures of the SDK for Rust: 2 retries with full jitter from 1 s, at most 20 s, and
    /// a bucket of 500 tokens from which a retry of a transient failure takes 10 and into which a success puts 1: 50 retries, and a
    /// tenth for each success. An SDK puts 10 back if the retry succeeds; here that is a tenth as well.
    ///
    /// Source: `token_bucket.rs` of `aws-smithy-runtime`, <https://github.com/smithy-lang/smithy-rs>, and
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>, before `AWS_NEW_RETRIES_2026`.
    Aws,
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Default, Self::None, Self::Backon, Self::Polly, Self::Resilience4j, Self::Aws];

    /// Returns its name on the command line: `resilience4j`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::None => "none",
            Self::Backon => "backon",
            Self::Polly => "polly",
            Self::Resilience4j => "resilience4j",
            Self::Aws => "aws",
        }
    }

    /// Returns what it is called in a report: `Polly 8 (defaults)`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "redress (defaults)",
            Self::None => "a policy without retries",
            Self::Backon => "backon 1.6 (defaults)",
            Self::Polly => "Polly 8 (defaults)",
            Self::Resilience4j => "resilience4j 2 (defaults)",
            Self::Aws => "AWS SDK (standard mode)",
        }
    }

    /// Creates the policy.
    #[expect(clippy::missing_panics_doc, reason = "the figures are constants, and a test makes each policy")]
    pub fn policy(self) -> SharedPolicy {
        self.try_policy().unwrap_or_else(|error| panic!("{}: {error}", self.name()))
    }

    fn try_policy(self) -> Result<SharedPolicy, ConfigError> {
        static DEFAULT: LazyLock<RetryConfig> = LazyLock::new(RetryConfig::default);

        let secs = Duration::from_secs;
        let retry = |backoff: Backoff<'static>, attempts: u32| {
            SharedPolicy::try_new(Retry::new(backoff).max_attempts(attempts).no_deadline())
        };
        Ok(match self {
            Self::Default => SharedPolicy::from(Policy::from_config(&DEFAULT)?).budget(budget(BudgetConfig::DEFAULT)?),
            Self::None => retry(Backoff::none(), 1)?.no_budget(),
            Self::Backon => retry(Backoff::try_exponential(secs(1), secs(60))?, 4)?.no_budget(),
            Self::Polly => retry(Backoff::constant(secs(2)), 4)?.no_budget(),
            Self::Resilience4j => retry(Backoff::constant(Duration::from_millis(500)), 3)?.no_budget(),
            // The first ceiling is twice the base.
            Self::Aws => retry(Backoff::try_full_jitter(Duration::from_millis(500), secs(20))?, 3)?
                .budget(budget(BudgetConfig::token_bucket(50).refill_per_success(100).refill_per_second(0))?),
        })
    }
}

fn budget(config: BudgetConfig) -> Result<Arc<Budget<0>>, ConfigError> {
    Budget::try_new(config).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use redress_core::{Attempts, Decision, ErrorClass, Instant};

    use super::*;

    /// Returns the waits of a call that always fails, in milliseconds.
    fn waits(peer: Peer, random: u32) -> Vec<u64> {
        let shared = peer.policy();
        let mut now = Instant::ZERO;
        let mut attempts = Attempts::<1_000>::start(shared.policy(), now).expect("no breaker");
        let mut waits = Vec::new();
        while let Decision::RetryAt(at) = attempts.on_failure(now, ErrorClass::Transient, || random) {
            waits.push(at.ticks_since(now));
            now = at;
            attempts.on_wake(now).expect("no limit but that on attempts");
        }
        waits
    }

    #[test]
    fn each_peer_waits_as_it_is_documented() {
        assert!(waits(Peer::None, 0).is_empty());
        assert_eq!(waits(Peer::Backon, 0), [1_000, 2_000, 4_000]);
        assert_eq!(waits(Peer::Polly, 0), [2_000; 3]);
        assert_eq!(waits(Peer::Resilience4j, 0), [500; 2]);
        assert_eq!([waits(Peer::Aws, 0), waits(Peer::Aws, u32::MAX)], [[0, 0], [999, 1_999]]);
        assert_eq!(waits(Peer::Default, 0), [250, 500, 1_000, 2_000, 4_000]);
    }

    #[test]
    fn only_two_of_them_have_a_budget() {
        let with: Vec<&str> =
            Peer::ALL.into_iter().filter(|peer| peer.policy().retry_budget().is_some()).map(Peer::as_str).collect();
        assert_eq!(with, ["default", "aws"]);
    }
}
