//! Logging and metrics hooks together.

use std::sync::Mutex;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use redress_std::{
    Backoff, ErrorClass, Policy, Retry, Threads,
    observe::{LogObserver, MetricsObserver},
};
use seed::service;

static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// In a program: `env_logger`, `fern`, or any other.
struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LINES.lock().expect("no panic").push(format!("{} {}", record.level(), record.args()));
    }

    fn flush(&self) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    log::set_logger(&Logger)?;
    log::set_max_level(log::LevelFilter::Info);
    // In a program: the Prometheus exporter, see `examples/observability`.
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    recorder.install()?;

    let answer = POLICY
        .context(Threads)
        .operation("sync_account")
        .observe(MetricsObserver::new())
        .observe(LogObserver::new())
        .call(service([ErrorClass::Transient], "answer"));
    assert_eq!(answer.ok(), Some("answer"));

    for line in LINES.lock()?.iter() {
        println!("{line}");
        assert!(line.contains("operation=sync_account"));
    }
    assert!(LINES.lock()?[0].starts_with("INFO retry operation=sync_account attempt=1 class=transient"));

    let mut attempts = 0;
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let key = key.key();
        assert!(key.labels().any(|label| (label.key(), label.value()) == ("operation", "sync_account")));
        if let (MetricsObserver::ATTEMPTS, DebugValue::Counter(count)) = (key.name(), value) {
            println!("{key} {count}");
            attempts += count;
        }
    }
    assert_eq!(attempts, 2);
    Ok(())
}
