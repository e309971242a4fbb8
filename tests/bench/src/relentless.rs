//! relentless: a policy kept and used by reference; jitter state is inside the policy, the clock is injected. Without a
//! timeout the clock stands still here; in the deadline rows it is the real one.

use std::hint::black_box;
use std::time::{Duration, Instant};

use relentless::clock::{AsyncClock, Clock, SyncClock};
use relentless::{RetryPolicy, Wait, predicate, stop, wait};

use crate::script::{FAILED, Fault, Script, Sleep, block_on, sleep, sleep_async};
use crate::{ATTEMPTS, BASE, CAP, Contender, DEADLINE, Work, call_site};

pub(crate) const RELENTLESS: Contender = Contender {
    blocking: Some(blocking),
    asynch: Some(|| asynch(Script::call_async)),
    block: Some(|| asynch(Script::call_in_block)),
    deadline: Some(deadline),
    ..Contender::named("relentless")
};

/// A macro, because the policy's type cannot be written down.
macro_rules! policy {
    () => {
        RetryPolicy::new()
            .stop(stop::attempts(ATTEMPTS))
            .wait(wait::exponential(BASE).full_jitter().cap(CAP))
            .when(predicate::error(Fault::is_transient))
    };
}

#[derive(Clone, Copy)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl SyncClock for Still {
    fn wait(&self, delay: Duration) {
        sleep(delay);
    }
}

impl AsyncClock for Still {
    type Wait = Sleep;

    fn wait_async(&self, delay: Duration) -> Sleep {
        sleep_async(delay)
    }
}

struct Real(Instant);

impl Clock for Real {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl SyncClock for Real {
    fn wait(&self, delay: Duration) {
        sleep(delay);
    }
}

fn blocking() -> Work {
    let policy = policy!();
    call_site(move |script| black_box(&policy).retry(|_| script.call()).clock(Still).call().unwrap_or(FAILED))
}

fn asynch<F: Future<Output = Result<u32, Fault>> + 'static>(
    operation: impl Fn(&'static Script) -> F + Copy + 'static,
) -> Work {
    let policy = policy!();
    call_site(move |script| {
        block_on(black_box(&policy).retry_async(|_| operation(script)).clock(Still).call()).unwrap_or(FAILED)
    })
}

fn deadline() -> Work {
    let policy = policy!().timeout(DEADLINE);
    let clock = Real(Instant::now());
    call_site(move |script| black_box(&policy).retry(|_| script.call()).clock(&clock).call().unwrap_or(FAILED))
}
