//! A connection that is kept up, once with the async keeper and once with the bare machine.

use core::time::Duration;

use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use redress_core::{
    AsyncSleeper, Backoff, Clock, Decision, ErrorClass, Instant, Local, Policy, Retry, StopReason,
    embedded::WrappingClock,
    keeper::{Keep, KeepConfig, Sessions},
};
use rtic_monotonics::systick::prelude::*;

use crate::Mono;
use crate::story::{FIRST, Script};

/// The carrier is back. One for each of the two that wait.
pub(crate) static CARRIER_OF_KEEPER: Signal<CriticalSectionRawMutex, ()> = Signal::new();
pub(crate) static CARRIER_OF_MACHINE: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// The clock of all: the monotonic, which wraps after 49.7 days.
pub(crate) static CLOCK: WrappingClock<fn() -> u32, 1_000> =
    WrappingClock::new(|| Mono::now().as_ticks().wrapping_add(FIRST));

const SECOND: Duration = Duration::from_secs(1);

static LINK: Keep = Keep::new(
    Policy::new(Retry::new(Backoff::exponential(SECOND, Duration::from_secs(60)))),
    KeepConfig::new(Duration::from_secs(30)).wake_interval(Duration::from_secs(10)),
);

/// Waits on the monotonic.
struct MonoSleeper;

impl AsyncSleeper for MonoSleeper {
    async fn sleep(&mut self, ticks: u64) {
        sleep(ticks).await;
    }
}

/// Waits so many ticks, in as many parts as the 32 bits of the monotonic need.
pub(crate) async fn sleep(mut ticks: u64) {
    while let Some(part) = u32::try_from(ticks.min(1 << 30)).ok().filter(|part| *part > 0) {
        Mono::delay(part.millis()).await;
        ticks -= u64::from(part);
    }
}

/// Waits until the clock has reached `at`.
pub(crate) async fn sleep_until(at: Instant) {
    sleep(at.ticks_since(CLOCK.now())).await;
}

/// Keeps the connection with the keeper. Returns why it gave up.
pub(crate) async fn keep(script: &mut Script<'_>) -> StopReason {
    let mut context = LINK.context(Local::new(&CLOCK, MonoSleeper, || 0));
    let mut link = context.keep().wake_on(|| CARRIER_OF_KEEPER.wait());
    let gave_up = link
        .run(async |session| {
            script.connect()?;
            session.established();
            Err::<(), ErrorClass>(script.serve().await)
        })
        .await;
    gave_up.reason
}

/// Keeps the connection with the bare machine. Returns why it gave up.
pub(crate) async fn keep_bare(script: &mut Script<'_>) -> StopReason {
    let mut link = Sessions::<1_000>::new(&LINK, CLOCK.now(), || 0);
    loop {
        while let Some(at) = link.poll_at() {
            if let Either::Second(()) = select(sleep_until(at), CARRIER_OF_MACHINE.wait()).await {
                link.on_link_up(CLOCK.now(), || 0);
                continue;
            }
            match link.on_wake(CLOCK.now()) {
                Ok(true) => break,
                Ok(false) => {}
                Err(rejected) => return rejected.reason(),
            }
        }
        let error = match script.connect() {
            Ok(()) => {
                link.on_established(CLOCK.now());
                script.serve().await
            }
            Err(error) => error,
        };
        if let Decision::Stop(reason) = link.on_lost(CLOCK.now(), error, || 0) {
            return reason;
        }
    }
}
