//! `RetryConfig` for shared settings.

use std::time::Duration;

use redress_std::{ByClass, ConfigError, ErrorClass, Millis, Policy, RetryConfig, StopReason, testing::TestEnv};

fn main() -> Result<(), ConfigError> {
    let mut limits = ByClass::default();
    *limits.get_mut(ErrorClass::RateLimit) = Some(2);
    *limits.get_mut(ErrorClass::ServerError) = Some(4);
    let config = RetryConfig {
        deadline_ms: Some(Millis::from_secs(45)),
        max_attempts: Some(6),
        limits,
        ..RetryConfig::default()
    };

    // Two policies of the same settings; the classifier is chosen where calls are made.
    let (orders, stock) = (Policy::from_config(&config)?, Policy::from_config(&config)?);
    for policy in [orders, stock] {
        for (class, attempts, reason) in [
            (ErrorClass::RateLimit, 3, StopReason::MaxAttemptsPerClass),
            (ErrorClass::ServerError, 5, StopReason::MaxAttemptsPerClass),
            (ErrorClass::Transient, 6, StopReason::MaxAttemptsGlobal),
        ] {
            let outcome = policy.context(TestEnv::new()).execute(|| Err::<(), _>(class));
            assert_eq!((outcome.attempts, outcome.stop_reason), (attempts, Some(reason)));
        }
        assert_eq!(policy.retry().deadline_after(), config.deadline_ms.map(Duration::from));
    }
    println!(
        "two policies: deadline {:?}, {:?} attempts, {:?}",
        config.deadline_ms, config.max_attempts, config.limits
    );

    let nonsense = RetryConfig { max_attempts: Some(0), ..config };
    let error = Policy::from_config(&nonsense).unwrap_err();
    println!("and one that contradicts itself: {error}");
    assert_eq!(error.field(), "max_attempts");
    Ok(())
}
