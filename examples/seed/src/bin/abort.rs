//! Cooperative abort: shutdown and drain.

use std::{
    error::Error,
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::channel,
    },
    thread,
    time::Duration,
};

use redress_std::{
    AbortRetryError, AttemptDecision, AttemptEnd, Backoff, ErrorClass, Policy, Retry, StopReason, Threads, chain,
};

/// Would wait for hours.
static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(3_600))).no_deadline());
static SHUTDOWN: AtomicBool = AtomicBool::new(false);

fn main() {
    // Once the worker waits for its second attempt; the wait then ends.
    let (waits, waiting) = channel();
    let outcome = thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let mut worker = POLICY
                .context(Threads)
                .abort_if(|| SHUTDOWN.load(Relaxed))
                .on_attempt_end(|end: &AttemptEnd| waits.send(end.decision).expect("the receiver exists"));
            worker.execute(|| Err::<(), _>(ErrorClass::Transient))
        });
        assert_eq!(waiting.recv(), Ok(AttemptDecision::Retry));
        SHUTDOWN.store(true, Relaxed);
        worker.join().expect("no panic")
    });
    println!("shut down: {:?} after {} attempt", outcome.stop_reason, outcome.attempts);
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::Aborted), 1));

    // Before the first attempt: nothing runs.
    let mut calls = 0;
    let mut worker = POLICY.context(Threads).abort_if(|| SHUTDOWN.load(Relaxed));
    let error = worker
        .call(|| {
            calls += 1;
            Ok::<_, ErrorClass>(())
        })
        .unwrap_err();
    assert_eq!((error.reason, calls), (StopReason::Aborted, 0));

    // From inside of the operation.
    let work = || Err::<(), Box<dyn Error + Send + Sync>>(AbortRetryError.into());
    let outcome = POLICY.context(Threads).classifier(chain::boxed).execute(work);
    println!("the operation asks to stop: {:?} after {} attempt", outcome.stop_reason, outcome.attempts);
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::Aborted), 1));
}
