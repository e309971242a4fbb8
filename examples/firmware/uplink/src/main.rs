//! Delivers readings over a serial modem that is not always there, one request and one acknowledgement at a time, while
//! a second task shows that no wait holds up the executor.
//!
//! No reading is given up: one that failed is tried again, as a call of its own, and one that the open circuit rejects
//! is tried again when the rejection says.
//!
//! Start it with the words `device=N` and, if wanted, `requests=N` and `scale=N`. Exits with 0 if every reading was
//! acknowledged, the circuit is closed, no wait was too short and the heartbeat was never late, else with 1; with 2
//! without a device.

#![no_std]
#![no_main]

mod heartbeat;
mod link;
mod waits;

use core::time::Duration;

use cortex_m_rt::entry;
use defmt_semihosting as _;
use embassy_time::{Instant, Timer};
use firmware_support::lm3s6965::Uart0;
use firmware_support::lm3s6965::sysctl::{self, CORE_HZ};
use firmware_support::{args, executor, exit, time_driver};
use frame::Request;
use redress_embassy::{
    Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, CircuitBreaker, DefmtObserver, Embassy, ErrorClass,
    Policy, Recoverable, Retry, StopReason,
};

use crate::link::Link;
use crate::waits::Waits;

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

static BREAKER: CircuitBreaker<4> =
    CircuitBreaker::new(BreakerConfig::new(4).window(secs(60)).recovery_timeout(secs(30)));

/// Limits the retries during a minute without modem; the first attempt of each call is not counted.
static BUDGET: Budget<16> = Budget::new(BudgetConfig::rolling(16, secs(60)));

static UPLINK: Policy = Policy::new(
    Retry::new(Backoff::decorrelated_jitter(millis(50), secs(5)))
        .max_attempts(6)
        .deadline(secs(30))
        // The link gives up sooner; this is for a port that hangs.
        .attempt_timeout(secs(1))
        .backoff_for(ErrorClass::RateLimit, Backoff::equal_jitter(millis(500), secs(60)).or_retry_after())
        .limit_for(ErrorClass::RateLimit, 3),
)
.circuit_breaker(&BREAKER)
.budget(&BUDGET);

/// The time that one attempt waits for its answer.
const ANSWER_TIMEOUT: embassy_time::Duration = embassy_time::Duration::from_millis(400);

/// The time between two readings.
const PERIOD: embassy_time::Duration = embassy_time::Duration::from_millis(100);

defmt::timestamp!("{=u64:ms}", Instant::now().as_ticks());

#[entry]
fn main() -> ! {
    sysctl::init();
    let (Some(core), Some(uart)) = (cortex_m::Peripherals::take(), Uart0::take()) else { exit(1) };
    // There is no default: devices that share an id would also share their jitter.
    let Some(device) = args::value("device") else {
        defmt::error!("no device id");
        exit(2)
    };
    let requests = args::value("requests").unwrap_or(5);
    time_driver::start(core.SYST, CORE_HZ, args::value("scale").unwrap_or(1));
    executor::run(|spawner| {
        let (Ok(heartbeat), Ok(uplink)) = (heartbeat::run(), uplink(uart, device, requests)) else { exit(1) };
        spawner.spawn(heartbeat);
        spawner.spawn(uplink);
    })
}

#[embassy_executor::task]
async fn uplink(uart: Uart0, device: u32, requests: u16) {
    let link = Link::new(uart, ANSWER_TIMEOUT);
    let mut link = Recoverable::new(link, async |link: &mut Link<Uart0>| link.drain().await);
    let mut uplink = UPLINK
        .context(Embassy::seeded(device.into()))
        .operation("uplink")
        .observe(DefmtObserver)
        .observe(Waits::default());
    for seq in 0..requests {
        let payload = reading(seq);
        let Some(request) = Request::new(device, seq, &payload) else { exit(1) };
        loop {
            let exchange = async |link: &mut Link<Uart0>| link.exchange(&request).await;
            let error = match uplink.call(link.run(exchange)).await {
                Ok(ack) => break defmt::info!("seq {=u16}: delivered", ack.seq),
                Err(error) => error,
            };
            defmt::warn!("seq {=u16}: {}", seq, error);
            match (error.reason, error.next_delay) {
                (StopReason::NonRetryableClass, _) => exit(1),
                (StopReason::CircuitOpen | StopReason::RetryAfterTooLong, Some(left)) => {
                    Timer::after_millis(left.get().into()).await;
                }
                _ => Timer::after(PERIOD).await,
            }
        }
        Timer::after(PERIOD).await;
    }

    let beats = heartbeat::beats();
    let worst = heartbeat::worst_lateness_ms();
    defmt::info!("{=u16} delivered, {=u32} heartbeats, latest by {=u32} ms", requests, beats, worst);
    defmt::info!("{=u32} waits, latest by {=u32} ms", waits::count(), waits::worst_lateness_ms());
    let well = heartbeat::was_steady() && waits::were_kept() && BREAKER.state() == BreakerState::Closed;
    exit(i32::from(!well))
}

/// Returns the reading of this number: invented, but the same on each attempt.
fn reading(seq: u16) -> [u8; 4] {
    let [a, b] = seq.to_le_bytes();
    [b'T', a, b, a ^ 0x5A]
}
