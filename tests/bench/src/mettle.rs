//! mettle: an owned backoff per call, made from the kept one; its clock is injected. Without a budget it reads the
//! clock once at the start all the same, which is a fixed instant here and the real clock in the deadline rows.

use std::future::IntoFuture;
use std::hint::black_box;
use std::time::{Duration, Instant};

use mettle::{Backoff, ExponentialBackoff, ExponentialBackoffConfig, Jittered};

use crate::script::{FAILED, Fault, Random, Script, Sleep, block_on, sleep, sleep_async};
use crate::{ATTEMPTS, BASE, CAP, Contender, DEADLINE, Work, call_site};

pub(crate) const METTLE: Contender = Contender {
    blocking: Some(blocking),
    asynch: Some(|| asynch(Script::call_async)),
    block: Some(|| asynch(Script::call_in_block)),
    deadline: Some(deadline),
    ..Contender::named("mettle")
};

fn policy() -> ExponentialBackoff {
    ExponentialBackoff::new(ExponentialBackoffConfig {
        factor: 2,
        base: BASE,
        max_retries: ATTEMPTS - 1,
        max_delay: CAP,
    })
    .expect("the settings are in order")
}

/// Seeding from a generator at hand is cheaper than mettle's own seeding from thread state; the row has the cheaper one.
#[inline]
fn backoff(policy: &ExponentialBackoff, random: &Random) -> Jittered<ExponentialBackoff> {
    black_box(policy).clone().jittered_with_seed(random.bits().into())
}

struct Still(Instant);

impl mettle::blocking::Clock for Still {
    fn now(&self) -> Instant {
        self.0
    }

    fn sleep(&self, delay: Duration) {
        sleep(delay);
    }
}

impl mettle::Clock for Still {
    type Sleep = Sleep;

    fn now(&self) -> Instant {
        self.0
    }

    fn sleep(&self, delay: Duration) -> Sleep {
        sleep_async(delay)
    }
}

struct Real;

impl mettle::blocking::Clock for Real {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, delay: Duration) {
        sleep(delay);
    }
}

fn blocking() -> Work {
    let policy = policy();
    let random = Random::new();
    let clock = Still(Instant::now());
    call_site(move |script| {
        mettle::blocking::retry(|| script.call())
            .backoff(backoff(&policy, &random))
            .clock(&clock)
            .when(Fault::is_transient)
            .call()
            .unwrap_or(FAILED)
    })
}

fn asynch<F: Future<Output = Result<u32, Fault>> + 'static>(
    operation: impl Fn(&'static Script) -> F + Copy + 'static,
) -> Work {
    let policy = policy();
    let random = Random::new();
    let clock = Still(Instant::now());
    call_site(move |script| {
        block_on(
            mettle::retry(|| operation(script))
                .backoff(backoff(&policy, &random))
                .clock(&clock)
                .when(Fault::is_transient)
                .into_future(),
        )
        .unwrap_or(FAILED)
    })
}

fn deadline() -> Work {
    let policy = policy();
    let random = Random::new();
    call_site(move |script| {
        mettle::blocking::retry(|| script.call())
            .backoff(backoff(&policy, &random))
            .clock(Real)
            .when(Fault::is_transient)
            .max_elapsed(*black_box(&DEADLINE))
            .call()
            .unwrap_or(FAILED)
    })
}
