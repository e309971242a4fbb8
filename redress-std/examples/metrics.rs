//! Counters and histograms by the `metrics` facade. Feature `metrics`. Run by `cargo run -p redress-std --example metrics`.

use metrics::SetRecorderError;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use redress_std::{Backoff, ErrorClass, Policy, Retry, Threads, observe::MetricsObserver};

static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));

fn main() -> Result<(), SetRecorderError<DebuggingRecorder>> {
    // In a program: the Prometheus exporter, see `examples/observability`.
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    recorder.install()?;

    let mut failures = vec![ErrorClass::Transient];
    let mut context = POLICY.context(Threads).operation("sync_account").observe(MetricsObserver::new());
    assert_eq!(context.call(|| failures.pop().map_or(Ok("answer"), Err)), Ok("answer"));

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
