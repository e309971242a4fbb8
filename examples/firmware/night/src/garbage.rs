//! Bytes that are no checkpoint: noise, damaged checkpoints, those of another policy. All are refused without a panic.

use core::time::Duration;

use firmware_support::println;
use redress_core::{
    Attempts, Backoff, BreakerConfig, BreakerState, CHECKPOINT_LEN, Checkpoint, CheckpointError, Decision, ErrorClass,
    Instant, Millis, Policy, RandomSource, Retry, SeededRandom,
};

use crate::report::{Breaker, CLOCK, REPORT};
use crate::story::require;

const ROUNDS: u32 = 20_000;

/// Checks that all are refused.
pub(crate) fn refuse_all() -> Result<(), &'static str> {
    noise()?;
    calls()?;
    breakers()?;
    println!("{ROUNDS} times noise and every flipped bit: refused");
    Ok(())
}

/// Checks memory that has lost its content.
fn noise() -> Result<(), &'static str> {
    let mut random = SeededRandom::new(1);
    let breaker = Breaker::new(BreakerConfig::new(2));
    let mut bytes = [0; CHECKPOINT_LEN];
    for _ in 0..ROUNDS {
        for word in bytes.chunks_mut(4) {
            word.copy_from_slice(&random.next_u32().to_le_bytes());
        }
        require(Checkpoint::from_bytes(&bytes).is_err(), "noise passed for a call")?;
        let noise = bytes.get(..Breaker::CHECKPOINT_LEN).unwrap_or_default();
        require(breaker.restore(noise, Millis::ZERO, &CLOCK).is_err(), "noise passed for a breaker")?;
    }
    require(breaker.state() == BreakerState::Closed, "noise changed a breaker")?;
    for erased in [[0; CHECKPOINT_LEN], [0xFF; CHECKPOINT_LEN]] {
        require(Checkpoint::from_bytes(&erased).is_err(), "erased memory passed for a call")?;
    }
    require(Checkpoint::from_bytes(&[]) == Err(CheckpointError::Length), "nothing passed for a call")
}

fn calls() -> Result<(), &'static str> {
    static OTHER: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(1))));
    let now = Instant::ZERO;
    let mut attempts = Attempts::<1_000>::start(&REPORT, now).map_err(|_| "the circuit is open from the start")?;
    let decision = attempts.on_failure(now, ErrorClass::Transient, || 7);
    require(matches!(decision, Decision::RetryAt(_)), "no retry")?;
    let checkpoint = attempts.suspend(now);
    let bytes = checkpoint.to_bytes();
    require(Checkpoint::from_bytes(&bytes) == Ok(checkpoint), "a sound call was refused")?;
    each_bit_flipped(bytes, |harmed| Checkpoint::from_bytes(harmed).is_err())?;
    let resumed = Attempts::<1_000>::resume(&OTHER, &checkpoint, Millis::ZERO, now).err();
    require(resumed == Some(CheckpointError::OtherPolicy), "a call went on under another policy")
}

fn breakers() -> Result<(), &'static str> {
    let config = BreakerConfig::new(2);
    let (breaker, fresh) = (Breaker::new(config), Breaker::new(config));
    breaker.record_failure(ErrorClass::Transient, &CLOCK);
    let mut bytes = [0; Breaker::CHECKPOINT_LEN];
    let written = breaker.checkpoint(&CLOCK, &mut bytes);
    require(written.is_ok(), "a checkpoint has room")?;
    each_bit_flipped(bytes, |harmed| fresh.restore(harmed, Millis::ZERO, &CLOCK).is_err())?;
    let other = Breaker::new(config.probes(2)).restore(&bytes, Millis::ZERO, &CLOCK);
    require(other == Err(CheckpointError::OtherPolicy), "a breaker went on under another configuration")?;
    require(fresh.restore(&bytes, Millis::ZERO, &CLOCK).is_ok(), "a sound breaker was refused")
}

fn each_bit_flipped<const N: usize>(bytes: [u8; N], refused: impl Fn(&[u8]) -> bool) -> Result<(), &'static str> {
    for byte in 0..N {
        for bit in 0..8 {
            let mut harmed = bytes;
            if let Some(byte) = harmed.get_mut(byte) {
                *byte ^= 1 << bit;
            }
            require(refused(&harmed), "a flipped bit was not noticed")?;
        }
    }
    Ok(())
}
