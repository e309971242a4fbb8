//! What a simulated client takes of memory, counted.

use std::time::Duration;

use redress_std::{
    Backoff, Policy, Retry,
    simulate::{Incident, Scenario},
};

/// A million clients are to fit in 256 MiB, and the process itself takes 5.
#[test]
fn a_client_takes_less_than_a_millionth_of_251_mib() {
    const CLIENTS: u32 = 40_000;
    static UPLINK: Policy = Policy::new(
        Retry::new(Backoff::full_jitter(Duration::from_secs(1), Duration::from_secs(300)))
            .unlimited_attempts()
            .no_deadline(),
    );
    let scenario = Scenario::new(CLIENTS, Duration::from_secs(60), f64::from(CLIENTS) / 48.0)
        .exact()
        .event(Incident::outage(Duration::from_secs(60)))
        .watch(Duration::from_secs(10))
        .seeds(1);
    let mut report = None;
    let taken = allocation_counter::measure(|| report = Some(scenario.run("uplink", &UPLINK)));
    let run = &report.expect("it was run").runs[0];
    assert!(run.attempts.refused > u64::from(CLIENTS), "each client waits in the middle of a call");
    let each = taken.bytes_max / u64::from(CLIENTS);
    assert!((200..=251 * 1_024 * 1_024 / 1_000_000).contains(&each), "{each} B for each client");
}
