//! A device that has a report to deliver on a night without network, and sleeps deeply through every wait: each time
//! it starts anew and resumes from two checkpoints, of the call and of the breaker.
//!
//! It resets itself, keeping its [record](record) in RAM that start-up leaves alone. Started with the word `power=off`
//! it goes through nights in which RAM is lost: it prints `checkpoint=HEX`, exits with 10, and is to be started again
//! with that word too, as a board would that keeps its record in backup registers or an EEPROM. Then it also needs
//! `rtc=MS`, the time of a clock with a battery.
//!
//! [`report`] is the part of an application; [`story`] plays the night, [`garbage`] tries bytes that are no checkpoint.
//!
//! Start it with the word `device=N`. Exits with 0 if all expectations hold, else with 1; with 2 without a device.

#![no_std]
#![no_main]

mod garbage;
mod record;
mod report;
mod story;

use cortex_m_rt::entry;
use firmware_support::lm3s6965::sysctl::{self, CORE_HZ};
use firmware_support::{args, exit, lm3s6965, print, println, retained, rtc, systick};

use crate::record::Record;
use crate::story::Ending;

/// The exit code that asks to be started again.
const START_ME_AGAIN: i32 = 10;

#[entry]
fn main() -> ! {
    sysctl::init();
    let Some(core) = cortex_m::Peripherals::take() else { exit(1) };
    // There is no default: devices that share a seed retry in step.
    let Some(device) = args::value("device") else { exit(2) };
    systick::start(core.SYST, CORE_HZ, 0);
    let set_to = args::value("rtc").unwrap_or(0);
    let rtc = || set_to + rtc::millis();

    let ending = match kept() {
        Some(record) => story::go_on(device, &rtc, record),
        None => garbage::refuse_all().and_then(|()| story::begin(device, &rtc)),
    };
    match ending {
        Ok(Ending::Delivered) => exit(0),
        Ok(Ending::Asleep(record)) => sleep_deeply(&record),
        Err(fault) => {
            println!("FAIL {fault}");
            exit(1)
        }
    }
}

/// Returns the record of the previous start, if there is one.
fn kept() -> Option<Record> {
    let mut buffer = [0; retained::CAPACITY];
    let handed_in = args::hex("checkpoint", &mut buffer).and_then(|len| buffer.get(..len));
    let bytes = match handed_in {
        Some(bytes) => bytes,
        None => retained::load(&mut buffer)?,
    };
    match Record::from_bytes(bytes) {
        Ok(record) => Some(record),
        Err(error) => {
            println!("refused: {error}");
            None
        }
    }
}

/// Turns the core off; it starts again at its entry point.
fn sleep_deeply(record: &Record) -> ! {
    let bytes = record.to_bytes();
    if args::has("power=off") {
        print!("checkpoint=");
        for byte in bytes {
            print!("{byte:02x}");
        }
        println!();
        exit(START_ME_AGAIN)
    }
    if !retained::store(&bytes) {
        exit(1)
    }
    lm3s6965::restart()
}
