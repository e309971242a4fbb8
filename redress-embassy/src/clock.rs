//! embassy's time as redress reads it.

use redress_core::{Clock, Instant};

/// embassy's clock: ticks as they are, at the rate the application chose for embassy-time.
///
/// Pass it where a clock is needed: to the [bare machine](redress_core::Attempts), or to
/// [`record_failure`](redress_core::CircuitBreakerView::record_failure) of a breaker that tasks, executors of different
/// priority and interrupt handlers share.
///
/// ```
/// use redress_embassy::{BreakerConfig, CircuitBreaker, EmbassyClock, ErrorClass};
///
/// static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4));
///
/// fn on_parity_error_interrupt() {
///     BREAKER.record_failure(ErrorClass::Transient, &EmbassyClock);
/// }
/// # on_parity_error_interrupt();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EmbassyClock;

/// Rates are between 1 Hz and 5.2 GHz; the upper end does not fit.
const fn rate(hz: u64) -> u32 {
    assert!(hz <= u32::MAX as u64, "embassy-time: tick rate must be below 4.3 GHz");
    #[expect(clippy::cast_possible_truncation, reason = "compared above")]
    let hz = hz as u32;
    hz
}

impl Clock for EmbassyClock {
    const TICK_HZ: u32 = rate(embassy_time::TICK_HZ);

    #[inline]
    fn now(&self) -> Instant {
        Instant::from_ticks(embassy_time::Instant::now().as_ticks())
    }
}
