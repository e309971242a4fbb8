//! reliakit-retry and reliakit-circuit: functions of closures; jitter and time come from the caller, so the jitter is
//! drawn where the caller sleeps and the breaker is told the time.

use std::hint::black_box;
use std::time::Duration;

use reliakit_backoff::{Backoff, full_jitter};
use reliakit_circuit::CircuitBreaker;
use reliakit_retry::{RetryPolicy, retry_async, retry_with_sleep};

use crate::script::{FAILED, Fault, Random, Script, block_on, sleep, sleep_async};
use crate::{ATTEMPTS, BASE, CAP, Contender, RECOVERY, THRESHOLD, Work, call_site, in_line};

pub(crate) const RELIAKIT: Contender = Contender {
    blocking: Some(blocking),
    asynch: Some(|| asynch(Script::call_async)),
    block: Some(|| asynch(Script::call_in_block)),
    breaker_closed: Some(breaker_closed),
    breaker_open: Some(breaker_open),
    ..Contender::named("reliakit")
};

fn policy() -> RetryPolicy {
    RetryPolicy::new(ATTEMPTS, Backoff::exponential(BASE, 2).with_max_delay(CAP)).expect("attempts are not zero")
}

fn blocking() -> Work {
    let policy = policy();
    let random = Random::new();
    call_site(move |script| {
        retry_with_sleep(
            black_box(&policy),
            || script.call(),
            Fault::is_transient,
            |delay: Duration| sleep(full_jitter(delay, random.bits())),
        )
        .unwrap_or(FAILED)
    })
}

fn asynch<F: Future<Output = Result<u32, Fault>> + 'static>(
    operation: impl Fn(&'static Script) -> F + Copy + 'static,
) -> Work {
    let policy = policy();
    let random = Random::new();
    call_site(move |script| {
        block_on(retry_async(
            black_box(&policy),
            || operation(script),
            Fault::is_transient,
            |delay: Duration| sleep_async(full_jitter(delay, random.bits())),
        ))
        .unwrap_or(FAILED)
    })
}

#[inline]
fn call(breaker: &mut CircuitBreaker, now: u64, script: &Script) -> u32 {
    if !breaker.allow(now) {
        return FAILED;
    }
    if let Ok(value) = script.call() {
        breaker.on_success();
        value
    } else {
        breaker.on_failure(now);
        FAILED
    }
}

fn breaker() -> CircuitBreaker {
    CircuitBreaker::new(THRESHOLD, RECOVERY.as_secs())
}

fn breaker_closed() -> Work {
    let mut breaker = breaker();
    in_line(move |script| call(black_box(&mut breaker), black_box(1), script))
}

fn breaker_open() -> Work {
    let mut breaker = breaker();
    for _ in 0..THRESHOLD {
        breaker.on_failure(1);
    }
    in_line(move |script| call(black_box(&mut breaker), black_box(2), script))
}
