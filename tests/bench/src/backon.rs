//! backon: the builder is the policy, kept and copied; its jitter is additive and seeded per call from thread state.

use std::hint::black_box;

use backon::{BlockingRetryable, ExponentialBuilder, Retryable};

use crate::script::{FAILED, Fault, Script, block_on, sleep, sleep_async};
use crate::{ATTEMPTS, BASE, CAP, Contender, Work, call_site};

pub(crate) const BACKON: Contender = Contender {
    blocking: Some(blocking),
    asynch: Some(|| asynch(Script::call_async)),
    block: Some(|| asynch(Script::call_in_block)),
    ..Contender::named("backon")
};

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
        (|| script.call()).retry(*black_box(&policy)).when(Fault::is_transient).sleep(sleep).call().unwrap_or(FAILED)
    })
}

fn asynch<F: Future<Output = Result<u32, Fault>> + 'static>(
    operation: impl Fn(&'static Script) -> F + Copy + 'static,
) -> Work {
    let policy = policy();
    call_site(move |script| {
        block_on(
            (|| operation(script))
                .retry(*black_box(&policy))
                .when(Fault::is_transient)
                .sleep(sleep_async)
                .into_future(),
        )
        .unwrap_or(FAILED)
    })
}
