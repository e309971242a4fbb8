//! The first call of the README: nothing configured but the backoff, the crate's own clock, sleeper and generator, an
//! `io::Error`.
//!
//! redress has a deadline, a token bucket and a classifier there by default; `hand` has these too. backon and mettle have their
//! own defaults, which are fewer.

use std::hint::black_box;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use backon::{BlockingRetryable, ExponentialBuilder};
use mettle::{Backoff as _, ExponentialBackoff, ExponentialBackoffConfig};
use redress_std::{Backoff, Budget, BudgetConfig, Policy, PolicyExt, Retry};

use crate::script::{FAILED, Random, Script};
use crate::{CAP, Contender, Work, call_site};

/// The base of the README's backoff.
const FIRST: Duration = Duration::from_millis(5);

pub(crate) const BACKON: Contender = Contender { readme: Some(backon), ..Contender::named("backon, defaults") };
pub(crate) const METTLE: Contender = Contender { readme: Some(mettle), ..Contender::named("mettle, defaults") };

#[inline(always)]
#[expect(clippy::inline_always, reason = "as the operation itself")]
fn connect(script: &Script) -> io::Result<u32> {
    script.call().map_err(|_| io::ErrorKind::ConnectionRefused.into())
}

pub(crate) fn redress() -> Work {
    static BUDGET: Budget = Budget::new(BudgetConfig::DEFAULT);
    static DATABASE: Policy = Policy::new(Retry::new(Backoff::decorrelated_jitter(FIRST, CAP))).budget(&BUDGET);
    call_site(|script| black_box(&DATABASE).call(|| connect(script)).unwrap_or(FAILED))
}

fn backon() -> Work {
    call_site(|script| {
        (|| connect(script))
            .retry(black_box(ExponentialBuilder::default().with_jitter().with_min_delay(FIRST)))
            .sleep(std::thread::sleep)
            .call()
            .unwrap_or(FAILED)
    })
}

fn mettle() -> Work {
    let policy =
        ExponentialBackoff::new(ExponentialBackoffConfig { factor: 2, base: FIRST, max_retries: 4, max_delay: CAP })
            .expect("the settings are in order");
    let random = Random::new();
    call_site(move |script| {
        let backoff = black_box(&policy).clone().jittered_with_seed(random.bits().into());
        mettle::blocking::retry(|| connect(script)).backoff(backoff).call().unwrap_or(FAILED)
    })
}

/// Five attempts, decorrelated jitter, a deadline of a minute, a bucket of ten tokens, the kinds of `io::Error` that pass.
pub(crate) fn hand() -> Work {
    static TOKENS: AtomicU32 = AtomicU32::new(10_000);
    let random = Random::new();
    call_site(move |script| {
        let start = Instant::now();
        let mut wait = *black_box(&FIRST);
        let mut attempt = 1;
        loop {
            match connect(script) {
                Ok(value) => {
                    let tokens = TOKENS.load(Relaxed);
                    if tokens < 10_000 {
                        TOKENS.store((tokens + 100).min(10_000), Relaxed);
                    }
                    return value;
                }
                Err(error) if attempt < 5 && error.kind() == io::ErrorKind::ConnectionRefused => {
                    let most = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).saturating_mul(3);
                    wait = (FIRST + Duration::from_millis(random.up_to(most).into())).min(CAP);
                    let tokens = TOKENS.load(Relaxed);
                    if tokens < 1_000 || start.elapsed() + wait >= Duration::from_secs(60) {
                        return FAILED;
                    }
                    TOKENS.store(tokens - 1_000, Relaxed);
                    std::thread::sleep(wait);
                    attempt += 1;
                }
                Err(_) => return FAILED,
            }
        }
    })
}
