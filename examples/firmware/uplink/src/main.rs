//! Delivers readings over a serial modem, one request and one acknowledgement at a time, while a second task shows
//! that nothing here holds up the executor.
//!
//! Started with the words `device=N` and, if wanted, `requests=N` and `scale=N`. Exits 0 when every reading was
//! acknowledged and the heartbeat was never late, else 1; 2 when the words are missing.

#![no_std]
#![no_main]

mod heartbeat;
mod link;

use cortex_m_rt::entry;
use defmt_semihosting as _;
use embassy_time::{Duration, Instant, Timer};
use firmware_support::lm3s6965::Uart0;
use firmware_support::lm3s6965::sysctl::{self, CORE_HZ};
use firmware_support::{args, executor, exit, time_driver};
use frame::Request;

use crate::link::Link;

/// How long one attempt waits for its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(400);

/// Between one reading and the next.
const PERIOD: Duration = Duration::from_millis(100);

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
    let mut link = Link::new(uart, ANSWER_TIMEOUT);
    for seq in 0..requests {
        let payload = reading(seq);
        let Some(request) = Request::new(device, seq, &payload) else { exit(1) };
        match link.exchange(&request).await {
            Ok(ack) => defmt::info!("seq {=u16}: delivered", ack.seq),
            Err(error) => {
                defmt::error!("seq {=u16}: {}", seq, error);
                exit(1)
            }
        }
        Timer::after(PERIOD).await;
    }

    let beats = heartbeat::beats();
    let worst = heartbeat::worst_lateness_ms();
    defmt::info!("{=u16} delivered, {=u32} heartbeats, latest by {=u32} ms", requests, beats, worst);
    exit(i32::from(!heartbeat::was_steady()))
}

/// The reading of this number; made up, but the same on each attempt.
fn reading(seq: u16) -> [u8; 4] {
    let [a, b] = seq.to_le_bytes();
    [b'T', a, b, a ^ 0x5A]
}
