//! The bare machine: every step, suspended, deferred and resumed, with breaker and budget, at clocks of several rates.

use redress_core::{Attempts, Checkpoint, Policy, RandomSource, SeededRandom};

use crate::{configuration, opaque, shared, sink::Sink};

pub fn run() {
    let policy = if opaque::flag() { &shared::POLICY } else { &shared::PER_CLASS };
    drive::<1>(policy);
    drive::<1_000>(policy);
    drive::<32_768>(policy);
    drive::<1_000_000>(policy);
    drive::<{ u32::MAX }>(policy);
    if let Ok(policy) = Policy::from_config(&configuration::retry()) {
        drive::<1_000>(&policy);
        drive::<1_000>(&policy.circuit_breaker(&shared::BREAKER).budget(&shared::ROLLING));
        drive::<1_000>(&policy.budget(&shared::BUCKET).once());
    }
}

fn drive<const HZ: u32>(policy: &Policy<'_>) {
    match Attempts::<HZ>::start(policy, opaque::instant()) {
        Ok(attempts) => steps(attempts, policy),
        Err(rejected) => rejected.sink(),
    }
    match Checkpoint::from_bytes(&opaque::bytes::<32>()) {
        Ok(checkpoint) => resume::<HZ>(policy, &checkpoint),
        Err(error) => error.sink(),
    }
    let short = opaque::bytes::<32>();
    Checkpoint::from_bytes(short.get(..usize::from(opaque::byte())).unwrap_or_default()).sink();
}

fn steps<const HZ: u32>(mut attempts: Attempts<'_, HZ>, policy: &Policy<'_>) {
    let mut random = SeededRandom::new(opaque::long());
    // Also in an order that no call has.
    while opaque::flag() {
        let decision = if opaque::flag() {
            attempts.on_failure(opaque::instant(), opaque::classification(), opaque::word)
        } else {
            attempts.on_failure(opaque::instant(), opaque::class(), || random.next_u32())
        };
        decision.sink();
        attempts.poll_at().sink();
        attempts.attempt().sink();
        attempts.delay().sink();
        attempts.last_class().sink();
        attempts.on_wake(opaque::instant()).sink();
    }
    match opaque::byte() {
        0 => attempts.on_success(opaque::instant()),
        1 => drop(attempts),
        2 => {
            let checkpoint = attempts.suspend(opaque::instant());
            checkpoint.sink();
            resume::<HZ>(policy, &checkpoint);
        }
        _ => attempts.defer(opaque::instant()).sink(),
    }
}

fn resume<const HZ: u32>(policy: &Policy<'_>, checkpoint: &Checkpoint) {
    let resumed = if opaque::flag() {
        Attempts::<HZ>::resume(policy, checkpoint, opaque::span(), opaque::instant())
    } else {
        Attempts::<HZ>::resume(policy, checkpoint, opaque::millis(), opaque::instant())
    };
    match resumed {
        Ok(mut attempts) => {
            attempts.poll_at().sink();
            attempts.on_wake(opaque::instant()).sink();
            attempts.on_failure(opaque::instant(), opaque::class(), opaque::word).sink();
            attempts.defer(opaque::instant()).sink();
        }
        Err(error) => error.sink(),
    }
}
