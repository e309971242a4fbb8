//! Serves the metrics of a run for Prometheus, until stdin ends or a line is entered.
//!
//! ```text
//! cargo run -p observability --bin prometheus [address]
//! curl http://127.0.0.1:9464/metrics
//! ```

use std::{io, net::SocketAddr};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};
use observability::run;
use redress_std::observe::{MetricsObserver, TracingObserver};

fn install(address: SocketAddr) -> Result<(), BuildError> {
    let exact = |name: &str| Matcher::Full(name.to_owned());
    PrometheusBuilder::new()
        .with_http_listener(address)
        .set_buckets_for_metric(exact(MetricsObserver::CALL_ATTEMPTS), MetricsObserver::ATTEMPTS_BUCKETS)?
        .set_buckets_for_metric(exact(MetricsObserver::CALL_DURATION), MetricsObserver::SECONDS_BUCKETS)?
        .set_buckets_for_metric(exact(MetricsObserver::RETRY_DELAY), MetricsObserver::SECONDS_BUCKETS)?
        .install()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9464".to_owned()).parse()?;
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let served = install(address);
    match &served {
        Ok(()) => MetricsObserver::describe(),
        // Nobody's orders wait for the metrics.
        Err(error) => eprintln!("no metrics at {address}: {error}"),
    }

    print!("{}", run(&(TracingObserver::new(), MetricsObserver::new())));

    if served.is_ok() {
        println!("metrics at http://{address}/metrics; Enter ends");
        io::stdin().read_line(&mut String::new())?;
    }
    Ok(())
}
