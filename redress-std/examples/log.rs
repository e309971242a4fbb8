//! A log line per event. Feature `log`. Run by `cargo run -p redress-std --example log`.

use std::io::{Error, ErrorKind};

use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};
use redress_std::{Backoff, Policy, Retry, Threads, observe::LogObserver};

static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));

/// In a program: `env_logger`, `fern`, or any other.
struct Logger;

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        println!("{} {}: {}", record.level(), record.target(), record.args());
        assert!(record.args().to_string().contains("operation=sync_account"));
    }

    fn flush(&self) {}
}

fn main() -> Result<(), SetLoggerError> {
    log::set_logger(&Logger)?;
    log::set_max_level(LevelFilter::Info);
    // `observe_errors` adds what the error's `Display` says; `observe` leaves it out.
    let mut context = POLICY.context(Threads).operation("sync_account").observe_errors(LogObserver::new());
    let error = context.call(|| Err::<(), _>(Error::from(ErrorKind::ConnectionReset))).unwrap_err();
    println!("{error}");
    assert_eq!(error.attempts, 3);
    Ok(())
}
