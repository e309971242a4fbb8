//! A shop whose warehouse is flaky and whose payment service is down, and what its calls tell.
//!
//! - `cargo run -p observability --bin prometheus` serves metrics on loopback and logs to stderr
//! - `cargo run -p observability --bin opentelemetry` prints the spans that a collector would get
//!
//! Both make the same calls, by [`run`], which counts for itself what it did: what is exported can be checked against it.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, ErrorKind},
    time::Duration,
};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use redress_std::{Backoff, BreakerConfig, CircuitBreaker, Observer, Policy, Retry, StopReason, Threads};
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;

const RETRY: Retry =
    Retry::new(Backoff::full_jitter(Duration::from_millis(2), Duration::from_millis(20))).max_attempts(3);

/// The counts of the run itself, to compare with what was scraped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// By operation and outcome: calls, and attempts they made.
    pub rows: BTreeMap<(&'static str, &'static str), (u64, u64)>,
}

impl Report {
    fn add(&mut self, operation: &'static str, stopped: Option<StopReason>, attempts: u64) {
        let outcome = stopped.map_or("success", StopReason::as_str);
        let (calls, all_attempts) = self.rows.entry((operation, outcome)).or_default();
        *calls += 1;
        *all_attempts += attempts;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<16}{:<22}{:>6}{:>10}", "operation", "outcome", "calls", "attempts")?;
        for ((operation, outcome), (calls, attempts)) in &self.rows {
            writeln!(f, "{operation:<16}{outcome:<22}{calls:>6}{attempts:>10}")?;
        }
        Ok(())
    }
}

/// Makes all calls, and tells this observer of them. Takes some tenths of a second.
pub fn run<O: Observer + Clone>(observer: &O) -> Report {
    let mut report = Report::default();

    // Answers at the first to the fourth attempt, and every tenth request is refused.
    let warehouse = Policy::new(RETRY);
    for request in 0..20_u32 {
        let mut attempts = 0;
        let outcome = warehouse.context(Threads).operation("fetch_stock").observe(observer.clone()).execute(|| {
            attempts += 1;
            if request % 10 == 9 {
                return Err(io::Error::from(ErrorKind::PermissionDenied));
            }
            if attempts <= request % 4 { Err(ErrorKind::ConnectionReset.into()) } else { Ok(request) }
        });
        report.add("fetch_stock", outcome.stop_reason, u64::from(attempts));
    }

    // Is down: after two calls the breaker saves it and us the rest.
    let breaker = CircuitBreaker::<2>::new(BreakerConfig::new(2));
    let payments = Policy::new(RETRY).circuit_breaker(&breaker);
    for _ in 0..10 {
        let mut attempts = 0;
        let mut charge = payments.context(Threads).operation("charge_card").observe(observer.clone());
        let outcome = charge.execute(|| {
            attempts += 1;
            Err::<(), _>(io::Error::from(ErrorKind::ConnectionRefused))
        });
        report.add("charge_card", outcome.stop_reason, attempts);
    }
    report
}

/// A subscriber that gives spans to OpenTelemetry.
pub fn opentelemetry(provider: &SdkTracerProvider) -> impl Subscriber + Send + Sync + use<> {
    // Every span is created in the observer, so its source location says nothing about the call.
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("shop")).with_location(false);
    tracing_subscriber::registry().with(tracing_subscriber::filter::LevelFilter::DEBUG).with(layer)
}
