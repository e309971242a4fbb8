//! backon: the builder is the policy, kept and copied; its jitter is additive and seeded per call from thread state.

use std::hint::black_box;
use std::time::Duration;

use backon::{BlockingRetryable, ExponentialBuilder, Retryable};

use crate::script::{FAILED, Fault, block_on, sleep, sleep_async};
use crate::{ATTEMPTS, BASE, CAP, Contender, Work, call_site};

pub(crate) const BACKON: Contender =
    Contender { blocking: Some(blocking), asynch: Some(asynch), ..Contender::named("backon") };

fn policy() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_jitter()
        .with_min_delay(BASE)
        .with_max_delay(CAP)
        .with_max_times(ATTEMPTS as usize - 1)
}

fn blocking() -> Work {
    let policy = policy();
    call_site(move |script| {
        (|| script.call())
            .retry(*black_box(&policy))
            .when(Fault::is_transient)
            .sleep(sleep::<Duration>)
            .call()
            .unwrap_or(FAILED)
    })
}

fn asynch() -> Work {
    let policy = policy();
    call_site(move |script| {
        block_on(
            (|| script.call_async())
                .retry(*black_box(&policy))
                .when(Fault::is_transient)
                .sleep(sleep_async::<Duration>)
                .into_future(),
        )
        .unwrap_or(FAILED)
    })
}
