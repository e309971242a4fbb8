//! Restarts in the middle of its work and carries on from what it kept in retained memory.
//!
//! It resets itself, keeping its record in RAM that start-up leaves alone. Started with the word `power=off` it goes
//! through nights in which RAM is lost: it prints `checkpoint=HEX`, exits with 10, and is to be started again with that
//! word too, as a board would that keeps its record in backup registers or an EEPROM. Exits 0 when the record went
//! through all restarts, else 1.

#![no_std]
#![no_main]

use cortex_m_rt::entry;
use firmware_support::lm3s6965::sysctl::{self, CORE_HZ};
use firmware_support::{args, exit, lm3s6965, print, println, retained, rtc, systick};

/// Restarts before the work is done.
const RESTARTS: u32 = 3;

/// How long it works between two restarts.
const AWAKE_MS: u32 = 50;

/// The exit code that asks to be started again.
const START_ME_AGAIN: i32 = 10;

/// What must be known after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    restarts: u32,
    slept_at_ms: u64,
}

impl Record {
    const SIZE: usize = 12;

    fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let (restarts, slept_at_ms) = bytes.split_at_mut(4);
        restarts.copy_from_slice(&self.restarts.to_le_bytes());
        slept_at_ms.copy_from_slice(&self.slept_at_ms.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (restarts, slept_at_ms) = bytes.split_first_chunk::<4>()?;
        Some(Self {
            restarts: u32::from_le_bytes(*restarts),
            slept_at_ms: u64::from_le_bytes(slept_at_ms.try_into().ok()?),
        })
    }
}

#[entry]
fn main() -> ! {
    sysctl::init();
    let Some(core) = cortex_m::Peripherals::take() else { exit(1) };
    systick::start(core.SYST, CORE_HZ, 0);

    let mut buffer = [0; retained::CAPACITY];
    let handed_in = args::hex("checkpoint", &mut buffer).and_then(|len| buffer.get(..len));
    let kept = match handed_in {
        Some(bytes) => Record::from_bytes(bytes),
        None => retained::load(&mut buffer).and_then(Record::from_bytes),
    };
    if let Some(record) = kept {
        println!("woke with {record:?}, {} ms asleep", rtc::millis().saturating_sub(record.slept_at_ms));
    } else {
        println!("cold start");
    }

    while systick::millis() < AWAKE_MS {
        systick::wait_for_interrupt();
    }

    let restarts = kept.map_or(0, |record| record.restarts);
    if restarts == RESTARTS {
        exit(0)
    }
    let record = Record { restarts: restarts + 1, slept_at_ms: rtc::millis() };
    if args::has("power=off") {
        print!("checkpoint=");
        for byte in record.to_bytes() {
            print!("{byte:02x}");
        }
        println!();
        exit(START_ME_AGAIN)
    }
    if !retained::store(&record.to_bytes()) {
        exit(1)
    }
    lm3s6965::restart()
}
