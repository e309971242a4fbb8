//! A call that goes on after deep sleep: 32 bytes keep its counts and its deadline. Run by
//! `cargo run -p redress-core --example deep_sleep`.

use core::time::Duration;

use redress_core::{
    Backoff, Checkpoint, CheckpointError, ErrorClass, Millis, Policy, Retry, SleepDecision, StopReason,
    testing::TestEnv,
};

static UPLINK: Policy = Policy::new(
    Retry::new(Backoff::constant(Duration::from_secs(60))).max_attempts(3).deadline(Duration::from_secs(600)),
);

/// One start of the chip: an attempt, then sleep. Returns what to keep, and for how long to sleep.
fn on_boot(kept: Option<[u8; 32]>, slept: Millis) -> Result<(Option<[u8; 32]>, Option<Millis>), CheckpointError> {
    let mut uplink = UPLINK.context(TestEnv::new()).sleep_handler(|_, _| SleepDecision::Defer);
    let send = || Err::<(), _>(ErrorClass::Transient);
    let outcome = match kept {
        None => uplink.execute(send),
        Some(bytes) => uplink.resume(&Checkpoint::from_bytes(&bytes)?, slept)?.execute(send),
    };
    println!("{outcome}");
    let deferred = outcome.stop_reason == Some(StopReason::Scheduled);
    assert_eq!(outcome.checkpoint.is_some(), deferred);
    Ok((outcome.checkpoint.map(|checkpoint| checkpoint.to_bytes()), outcome.next_delay.filter(|_| deferred)))
}

fn main() -> Result<(), CheckpointError> {
    let (mut kept, mut slept) = (None, Millis::ZERO);
    let mut boots = 0;
    while let (bytes, Some(delay)) = on_boot(kept, slept)? {
        (kept, slept) = (bytes, delay);
        boots += 1;
    }
    assert_eq!(boots, 2, "two waits between three attempts");
    Ok(())
}
