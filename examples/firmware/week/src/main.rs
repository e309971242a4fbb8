//! Keeps a session with its modem for a week and delivers a reading in it every ten minutes. While there is no session, waits of
//! more than a minute are slept through: the core starts anew, from the checkpoint of the connection.
//!
//! Time and the end are the modem's: see [`world`]. The rest is what an application has.
//!
//! Start it with the word `device=N`. Exits with 0 when the modem ends the week; with 1 if the keeper gives up or a checkpoint is
//! refused, with 2 without a device. What the device made of the week is for the modem to say.

#![no_std]
#![no_main]

mod modem;
mod retained;
mod world;

use core::time::Duration;

use cortex_m_rt::entry;
use defmt_semihosting as _;
use embassy_futures::select::{Either, select};
use embassy_time::{Instant, Timer};
use firmware_support::lm3s6965::Uart0;
use firmware_support::lm3s6965::sysctl;
use firmware_support::lm3s6965::uart::Sender;
use firmware_support::{args, executor, exit};
use redress_embassy::{
    Backoff, BackoffContext, BreakerConfig, CircuitBreaker, DefmtObserver, Embassy, EmbassyClock, Millis, Policy,
    Recoverable, Retry, SeededRandom, SleepDecision,
    keeper::{Keep, KeepConfig, Session},
};

use crate::modem::{CARRIER_UP, Modem, ModemError};
use crate::retained::Retained;

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

type Breaker = CircuitBreaker<4>;

const CLOCK: EmbassyClock = EmbassyClock;

static BREAKER: Breaker = Breaker::new(BreakerConfig::new(4).window(secs(3_600)).recovery_timeout(secs(900)));

/// As `tests/modem/plans/week.toml` expects.
static UPLINK: Keep = Keep::new(
    Policy::new(Retry::new(Backoff::equal_jitter(secs(4), secs(3_600))).attempt_timeout(secs(30)))
        .circuit_breaker(&BREAKER),
    KeepConfig::new(secs(60)).spread(secs(60)).wake_interval(secs(10)).attempts_per_day(40),
);

/// Longer waits are slept through.
const AWAKE: Millis = Millis::from_secs(60);

/// The time between two readings.
const PERIOD: embassy_time::Duration = embassy_time::Duration::from_secs(600);

defmt::timestamp!("{=u64:ms}", firmware_support::told_time::rtc().unwrap_or(0));

#[entry]
fn main() -> ! {
    sysctl::init();
    let Some(uart) = Uart0::take() else { exit(1) };
    // There is no default: devices that share an id would also share their jitter.
    let Some(device) = args::value("device") else {
        defmt::error!("no device id");
        exit(2)
    };
    let line = uart.sender();
    world::boot(line, device);
    executor::run_with(
        |spawner| {
            let (Ok(modem), Ok(uplink)) = (modem::run(uart), uplink(line, device)) else { exit(1) };
            spawner.spawn(modem);
            spawner.spawn(uplink);
        },
        || world::idle(line),
    )
}

/// Runs from one start of the core to the next.
#[embassy_executor::task]
async fn uplink(line: Sender, device: u32) {
    let now = world::started().await;
    let kept = Retained::load();
    let mut random = match &kept {
        // Else a device whose first draw is small would have it small after each sleep.
        Some(kept) => SeededRandom::from_state(kept.random),
        None => SeededRandom::new(device.into()),
    };
    let mut modem = Recoverable::of_unknown(Modem::new(line, device), async |modem: &mut Modem| modem.reset());
    let mut context =
        UPLINK.context(Embassy::with(&mut random)).operation("uplink").observe(DefmtObserver).sleep_handler(
            |_: &BackoffContext, delay| if delay > AWAKE { SleepDecision::Defer } else { SleepDecision::Sleep },
        );
    let mut uplink = context.keep().wake_on(|| CARRIER_UP.wait());
    if let Some(kept) = kept {
        let slept = Millis::new(u32::try_from(now.saturating_sub(kept.slept_at)).unwrap_or(u32::MAX));
        let Ok(checkpoint) = kept.restore(slept) else { exit(1) };
        if uplink.resume(&checkpoint, slept).is_err() {
            exit(1)
        }
    }
    let (wait, checkpoint) = if uplink.wait() > AWAKE && !CARRIER_UP.signaled() {
        // The alarm came too early, which is no reason to stay awake.
        (uplink.wait(), uplink.suspend())
    } else {
        let gave_up = uplink.run(modem.local_session(serve)).await;
        let (Some(wait), Some(checkpoint)) = (gave_up.next_delay, gave_up.checkpoint) else {
            defmt::error!("gave up: {}", gave_up);
            exit(1)
        };
        drop(uplink);
        (wait, checkpoint)
    };
    let slept_at = now + Instant::now().as_millis();
    match Retained::new(&checkpoint, random.state(), slept_at) {
        Ok(record) if record.store() => world::sleep_deeply(line, slept_at + u64::from(wait.get())),
        _ => exit(1),
    }
}

/// Connects, and delivers readings until the session is lost.
async fn serve(modem: &mut Modem, session: Session<'_>) -> Result<(), ModemError> {
    modem.connect(session.attempt().number).await?;
    session.established();
    for reading in 0_u32.. {
        modem.deliver(&reading.to_le_bytes()).await?;
        if let Either::Second(lost) = select(Timer::after(PERIOD), modem.lost()).await {
            return Err(lost);
        }
    }
    Ok(())
}
