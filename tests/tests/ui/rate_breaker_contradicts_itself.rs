//! A window of 20 calls that loses a bucket does not hold 20 calls, and no share of the probes is none of them.

use redress_core::breaker::{RateBreaker, RateConfig};

static SHORT: RateConfig = RateConfig::new(50).window_of_calls(20);
static WINDOW: RateBreaker<10> = RateBreaker::new(&SHORT);
static NONE: RateConfig = RateConfig::new(50).probe_rate(0);
static PROBES: RateBreaker<10> = RateBreaker::new(&NONE);

fn main() {
    let _ = (&WINDOW, &PROBES);
}
