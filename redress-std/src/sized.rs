//! Breakers whose capacity is known when the program runs: the least of a few that is enough.

use redress_core::{
    BreakerConfig, CircuitBreaker, CircuitBreakerView, ConfigError,
    breaker::{RateBreaker, RateConfig},
};

type Made = Result<Box<CircuitBreakerView>, ConfigError>;

/// Makes a breaker that counts failures.
pub(crate) fn failures(config: BreakerConfig) -> Made {
    fn sized<const N: usize>(config: BreakerConfig) -> Made {
        Ok(Box::new(CircuitBreaker::<N>::try_new(config)?))
    }
    for sized in [sized::<3>, sized::<6>, sized::<16>, sized::<64>, sized::<256>] {
        match sized(config) {
            Err(ConfigError::ThresholdAboveCapacity) => {}
            made => return made,
        }
    }
    // All thresholds at 255 need 2,033.
    sized::<2_048>(config)
}

/// Makes a breaker that counts rates in this many buckets, with a seed.
pub(crate) fn rates(config: RateConfig, buckets: u8, seed: u32) -> Made {
    fn sized<const N: usize>(config: RateConfig, seed: u32) -> Made {
        let breaker = RateBreaker::<N, RateConfig>::try_owning(config)?;
        breaker.seed(seed);
        Ok(Box::new(breaker))
    }
    let config = config.buckets(buckets);
    match buckets {
        0..=10 => sized::<10>(config, seed),
        11..=30 => sized::<30>(config, seed),
        31..=100 => sized::<100>(config, seed),
        101.. => sized::<255>(config, seed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use redress_core::breaker::BreakerKind;

    #[test]
    fn every_number_of_buckets_is_what_is_asked_for() {
        assert_eq!(rates(RateConfig::new(50), 0, 1).map(drop), Err(ConfigError::BucketsOutOfRange));
        for number in 1..=u8::MAX {
            let made = rates(RateConfig::new(50), number, 1).expect("sound").kind();
            assert!(matches!(made, BreakerKind::Rate { buckets, .. } if buckets == usize::from(number)), "{made:?}");
        }
    }

    #[test]
    fn every_threshold_is_made() {
        for threshold in 1..=u8::MAX {
            assert!(failures(BreakerConfig::new(threshold)).is_ok());
        }
        let most = redress_core::ErrorClass::ALL
            .into_iter()
            .fold(BreakerConfig::new(255), |config, class| config.threshold_for(class, 255));
        assert!(failures(most).is_ok());
        assert_eq!(failures(BreakerConfig::new(0)).map(drop), Err(ConfigError::ZeroThreshold));
    }
}
