//! The bare machine: every decision, suspended and resumed, at clocks of several rates.

use redress_core::{Attempts, Checkpoint, Decision, Hz, Policy, SeededRandom, TickRate};

use crate::{configuration, opaque, shared, told::Told};

pub(crate) fn run() {
    let policy = if opaque::flag() { &shared::POLICY } else { &shared::PER_CLASS };
    drive::<Hz<1>>(policy);
    drive::<Hz<1_000>>(policy);
    drive::<Hz<32_768>>(policy);
    drive::<Hz<1_000_000>>(policy);
    drive::<Hz<{ u32::MAX }>>(policy);
    if let Ok(policy) = Policy::from_config(&configuration::retry()) {
        drive::<Hz<1_000>>(&policy);
    }
}

fn drive<R: TickRate>(policy: &Policy<'_>) {
    let mut attempts = Attempts::<R>::new(policy, opaque::instant());
    let mut random = SeededRandom::new(opaque::long());
    while opaque::flag() {
        let decision = if opaque::flag() {
            attempts.on_failure(opaque::instant(), opaque::classification(), &mut || opaque::word())
        } else {
            attempts
                .on_failure(opaque::instant(), opaque::class(), || redress_core::RandomSource::next_u32(&mut random))
        };
        match decision {
            Decision::RetryAt(at) => at.told(),
            Decision::Stop(reason) => reason.told(),
        }
        attempts.poll_at().told();
        attempts.remaining().told();
        attempts.attempt().told();
        attempts.delay().told();
        attempts.last_class().told();
        attempts.on_wake(opaque::instant()).told();
    }
    let checkpoint = attempts.suspend(opaque::instant());
    checkpoint.told();
    resume::<R>(policy, &checkpoint);
    match Checkpoint::from_bytes(&opaque::bytes::<32>()) {
        Ok(checkpoint) => resume::<R>(policy, &checkpoint),
        Err(error) => error.told(),
    }
    let short = opaque::bytes::<32>();
    Checkpoint::from_bytes(short.get(..usize::from(opaque::byte())).unwrap_or_default()).told();
}

fn resume<R: TickRate>(policy: &Policy<'_>, checkpoint: &Checkpoint) {
    match Attempts::<R>::resume(policy, checkpoint, opaque::span(), opaque::instant()) {
        Ok(mut attempts) => {
            attempts.poll_at().told();
            attempts.on_wake(opaque::instant()).told();
        }
        Err(error) => error.told(),
    }
}
