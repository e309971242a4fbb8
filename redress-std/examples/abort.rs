//! Cooperative abort, at a shutdown. Run by `cargo run -p redress-std --example abort`.

use std::{
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::channel,
    },
    thread,
    time::Duration,
};

use redress_std::{
    AbortRetryError, Backoff, BackoffContext, ErrorClass, Policy, Retry, SleepDecision, StopReason, Threads,
};

/// Would wait for hours.
static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(3_600))).no_deadline());
static SHUTDOWN: AtomicBool = AtomicBool::new(false);

fn main() {
    let (waits, waiting) = channel();
    let worker = thread::spawn(move || {
        let note = |_: &BackoffContext, _| waits.send(()).map_or(SleepDecision::Abort, |()| SleepDecision::Sleep);
        let mut worker = POLICY.context(Threads).abort_if(|| SHUTDOWN.load(Relaxed)).sleep_handler(note);
        worker.execute(|| Err::<(), _>(ErrorClass::Transient))
    });
    waiting.recv().expect("the worker is about to wait");
    SHUTDOWN.store(true, Relaxed);
    let outcome = worker.join().expect("no panic");
    println!("{outcome}");
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::Aborted), 1));

    // From inside of the operation.
    let outcome = POLICY.context(Threads).execute(|| Err::<(), _>(AbortRetryError));
    println!("{outcome}");
    assert_eq!((outcome.stop_reason, outcome.attempts), (Some(StopReason::Aborted), 1));
}
