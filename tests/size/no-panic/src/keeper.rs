//! Connections that are kept up: the bare machine in any order, the blocking driver and its loop form, suspended and resumed.

use core::time::Duration;

use redress_core::{
    Backoff, Blocking, Checkpoint, Policy, Recoverable, Retry, SeededRandom, SleepDecision,
    keeper::{Keep, KeepConfig, LinkUp, Sessions},
};

use crate::{blocking, opaque, shared, sink::Sink};

static LINK_UP: LinkUp = LinkUp::new();

pub static KEEP: Keep = Keep::new(
    Policy::new(Retry::new(Backoff::full_jitter(Duration::from_secs(1), Duration::from_secs(60)).or_retry_after()))
        .circuit_breaker(&shared::BREAKER)
        .budget(&shared::ROLLING),
    KeepConfig::new(Duration::from_secs(30)).spread(Duration::from_secs(60)).attempts_per_day(100),
);

pub fn run() {
    drive::<1>(&KEEP);
    drive::<1_000_000>(&KEEP);
    kept(&KEEP);
    let config = KeepConfig::new(opaque::span())
        .spread(opaque::span())
        .wake_interval(opaque::span())
        .attempts_per_session(opaque::word())
        .attempts_per_day(opaque::word())
        .deadline(opaque::span());
    match Keep::try_new(shared::POLICY, config) {
        Ok(keep) => {
            drive::<1_000>(&keep);
            kept(&keep);
        }
        Err(error) => error.sink(),
    }
}

/// Also in an order that no connection has.
fn drive<const HZ: u32>(keep: &Keep<'_>) {
    let mut link = Sessions::<HZ>::new(keep, opaque::instant(), opaque::word);
    while opaque::flag() {
        link.on_wake(opaque::instant()).sink();
        link.on_established(opaque::instant());
        link.on_tick(opaque::instant()).sink();
        link.on_link_up(opaque::instant(), opaque::word);
        link.on_lost(opaque::instant(), opaque::classification(), opaque::word).sink();
        link.poll_at().sink();
        link.attempt().sink();
    }
    let checkpoint = link.suspend(opaque::instant());
    checkpoint.sink();
    match Sessions::<HZ>::resume(keep, &checkpoint, opaque::millis(), opaque::instant()) {
        Ok(link) => link.poll_at().sink(),
        Err(error) => error.sink(),
    }
}

fn kept(keep: &Keep<'_>) {
    let handler = |_: &_, _| if opaque::flag() { SleepDecision::Defer } else { SleepDecision::Sleep };
    let environment = Blocking::new(shared::BoardClock, |_| (), SeededRandom::for_boot(opaque::long(), opaque::word()));
    let mut context = keep
        .context(environment)
        .abort_if(opaque::flag)
        .sleep_handler(handler)
        .slice(opaque::span(), || board::report(0))
        .observe(|event: &redress_core::Event| event.sink());
    let mut link = context.keep().wake_if(|| LINK_UP.take());
    if let Ok(checkpoint) = Checkpoint::from_bytes(&opaque::bytes::<32>()) {
        link.resume(&checkpoint, opaque::span()).sink();
    }
    let mut device = Recoverable::of_unknown((), |(): &mut ()| blocking::recovery());
    link.run(device.session(|(): &mut (), session| {
        let value = blocking::operation()?;
        session.established();
        session.attempt().sink();
        Ok::<_, blocking::Fault>(value)
    }))
    .sink();
    link.begin().sink();
    link.established();
    link.tick().sink();
    if let Err(fault) = blocking::operation() {
        link.lost(fault).sink();
    }
    link.closed::<blocking::Fault>().sink();
    LINK_UP.raise();
    link.link_up();
    link.wait().sink();
    link.suspend().sink();
}
