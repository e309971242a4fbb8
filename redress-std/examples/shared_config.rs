//! `RetryConfig`: settings that several policies share. Run by `cargo run -p redress-std --example shared_config`.

use std::time::Duration;

use redress_std::{ByClass, ConfigError, ErrorClass, Millis, Policy, RetryConfig, StopReason, testing::TestEnv};

fn main() -> Result<(), ConfigError> {
    let mut limits = ByClass::default();
    *limits.get_mut(ErrorClass::RateLimit) = Some(2);
    let config = RetryConfig {
        deadline_ms: Some(Millis::from_secs(45)),
        max_attempts: Some(6),
        limits,
        ..RetryConfig::default()
    };

    // Two policies of the same settings; the classifier is chosen where calls are made.
    for policy in [Policy::from_config(&config)?, Policy::from_config(&config)?] {
        for (class, attempts, reason) in [
            (ErrorClass::RateLimit, 3, StopReason::MaxAttemptsPerClass),
            (ErrorClass::Transient, 6, StopReason::MaxAttemptsGlobal),
        ] {
            let outcome = policy.context(TestEnv::new()).execute(|| Err::<(), _>(class));
            println!("{class}: {attempts} attempts, then {reason}");
            assert_eq!((outcome.attempts, outcome.stop_reason), (attempts, Some(reason)));
        }
        assert_eq!(policy.retry().deadline_after(), Some(Duration::from_secs(45)));
    }

    let nonsense = RetryConfig { max_attempts: Some(0), ..config };
    let error = Policy::from_config(&nonsense).unwrap_err();
    println!("and one that contradicts itself: {error}");
    assert_eq!(error.field(), "max_attempts");
    Ok(())
}
