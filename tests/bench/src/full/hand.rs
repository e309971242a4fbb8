//! The full policy by hand: one loop, its breaker and its bucket.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::{Bucket, Told};
use crate::hand::{self, Settings};
use crate::script::{FAILED, Fault, Random, block_on, observe, sleep, sleep_async};
use crate::{Work, call_site};

/// Everything a loop by hand has, in memory that the optimiser cannot see into.
struct Hand {
    settings: Settings,
    rate_limit: Settings,
    breaker: hand::Shared,
    bucket: Bucket,
    random: Random,
}

impl Hand {
    fn new() -> Self {
        let rate_limit = Settings { base_us: 50_000, ..Settings::new() };
        Self {
            settings: Settings::new(),
            rate_limit,
            breaker: hand::Shared::new(),
            bucket: Bucket::new(),
            random: Random::new(),
        }
    }

    fn succeeded(&self, attempt: u32) {
        self.breaker.succeeded();
        self.bucket.refill();
        observe(&Told { what: "success", attempt, wait: Duration::ZERO });
    }

    /// The wait before the next attempt, if there is one.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "a loop by hand looks at its error as others do")]
    fn failed(&self, fault: &Fault, attempt: u32, start: Instant, delays: &mut [u32; 2]) -> Option<Duration> {
        let class = usize::from(fault.is_rate_limit());
        let settings = [&self.settings, &self.rate_limit][class];
        if attempt < settings.attempts && (fault.is_transient() || class == 1) {
            let wait = hand::jittered(&self.random, delays[class]);
            if start.elapsed() + wait < settings.deadline && self.bucket.take() {
                delays[class] = settings.grow(delays[class]);
                observe(&Told { what: "retry", attempt, wait });
                return Some(wait);
            }
        }
        self.breaker.failed();
        observe(&Told { what: "gave up", attempt, wait: Duration::ZERO });
        None
    }
}

pub(crate) fn by_hand() -> Work {
    let hand = Hand::new();
    call_site(move |script| {
        let hand = black_box(&hand);
        if hand.breaker.is_open() {
            return FAILED;
        }
        let (start, mut attempt) = (Instant::now(), 1);
        let mut delays = [hand.settings.base_us, hand.rate_limit.base_us];
        loop {
            match script.call() {
                Ok(value) => {
                    hand.succeeded(attempt);
                    return value;
                }
                Err(fault) => match hand.failed(&fault, attempt, start, &mut delays) {
                    Some(wait) => sleep(wait),
                    None => return FAILED,
                },
            }
            attempt += 1;
        }
    })
}

pub(crate) fn by_hand_async() -> Work {
    let hand = Hand::new();
    call_site(move |script| {
        let hand = black_box(&hand);
        block_on(async {
            if hand.breaker.is_open() {
                return FAILED;
            }
            let (start, mut attempt) = (Instant::now(), 1);
            let mut delays = [hand.settings.base_us, hand.rate_limit.base_us];
            loop {
                match script.call_async().await {
                    Ok(value) => {
                        hand.succeeded(attempt);
                        return value;
                    }
                    Err(fault) => match hand.failed(&fault, attempt, start, &mut delays) {
                        Some(wait) => sleep_async(wait).await,
                        None => return FAILED,
                    },
                }
                attempt += 1;
            }
        })
    })
}
