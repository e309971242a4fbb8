//! The metrics of a run, scraped over HTTP, against what the run counted.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use metrics_exporter_prometheus::{ExporterFuture, PrometheusBuilder, PrometheusRecorder};
use observability::run;
use redress_std::observe::MetricsObserver;
use tokio::runtime::Runtime;

/// A program that ends with the test.
struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(address: SocketAddr) -> Running {
    let mut child = Command::new(env!("CARGO_BIN_EXE_prometheus"))
        .arg(address.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(child.stdout.take().expect("it is piped"));
    Running { child, lines }
}

/// By operation and outcome: calls and attempts.
type Rows = BTreeMap<(String, String), (u64, u64)>;

impl Running {
    /// What the program printed up to this word at the beginning of a line, or all of it.
    fn report(&mut self, until: &str) -> (Rows, bool) {
        let mut rows = Rows::new();
        let mut line = String::new();
        while self.lines.read_line(&mut line).expect("it is text") > 0 {
            if line.starts_with(until) {
                return (rows, true);
            }
            let words: Vec<_> = line.split_whitespace().collect();
            if let [operation, outcome, calls, attempts] = words[..]
                && let (Ok(calls), Ok(attempts)) = (calls.parse(), attempts.parse())
            {
                rows.insert((operation.to_owned(), outcome.to_owned()), (calls, attempts));
            }
            line.clear();
        }
        (rows, false)
    }

    /// Lets it end, as Enter does.
    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("it ends").success());
    }
}

/// A run that serves its metrics, and where. The port was free a moment ago; if somebody else was faster, another is.
fn serving() -> (Running, SocketAddr, Rows) {
    for _ in 0..10 {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
        let mut running = start(free);
        if let (rows, true) = running.report("metrics at") {
            return (running, free, rows);
        }
    }
    panic!("no port stays free");
}

/// The body of `GET /metrics`.
fn scrape(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("not zero");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    body.to_owned()
}

/// The sum of all samples of this name that have these labels.
fn sum(body: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let labels: Vec<_> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
    let samples = body.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (its_name, its_labels) = series.split_once('{')?;
        let matches = its_name == name && labels.iter().all(|label| its_labels.contains(label));
        matches.then(|| value.parse::<f64>().expect("a number"))
    });
    samples.sum()
}

#[expect(clippy::cast_precision_loss, reason = "counts of a test are small")]
fn assert_count(body: &str, name: &str, labels: &[(&str, &str)], expected: u64) {
    let found = sum(body, name, labels);
    assert!((found - expected as f64).abs() < 1e-9, "{name} {labels:?}: {found} instead of {expected}\n{body}");
}

#[test]
fn what_is_scraped_is_what_was_done() {
    let (running, address, rows) = serving();
    let body = scrape(address);

    assert_eq!(rows.len(), 5, "success, exhausted, refused; exhausted, rejected: {rows:?}");
    for ((operation, outcome), &(calls, attempts)) in &rows {
        let labels = [("operation", operation.as_str()), ("outcome", outcome.as_str())];
        assert_count(&body, "redress_calls_total", &labels, calls);
        assert_count(&body, "redress_call_attempts_count", &labels, calls);
        assert_count(&body, "redress_call_attempts_sum", &labels, attempts);
        assert_count(&body, "redress_call_duration_seconds_count", &labels, calls);
    }
    for operation in ["fetch_stock", "charge_card"] {
        let of_it = || rows.iter().filter(|((name, _), _)| name == operation).map(|(_, counted)| *counted);
        let calls: u64 = of_it().map(|(calls, _)| calls).sum();
        let attempts: u64 = of_it().map(|(_, attempts)| attempts).sum();
        let retries: u64 =
            of_it().filter(|(_, attempts)| *attempts > 0).map(|(calls, attempts)| attempts - calls).sum();
        let label = [("operation", operation)];
        assert_count(&body, "redress_calls_started_total", &label, calls);
        assert_count(&body, "redress_attempts_total", &label, attempts);
        assert_count(&body, "redress_attempts_total", &[label[0], ("decision", "retry")], retries);
        assert_count(&body, "redress_retry_delay_seconds_count", &label, retries);
    }
    assert_count(&body, "redress_breaker_transitions_total", &[("operation", "charge_card"), ("state", "open")], 1);
    assert_count(&body, "redress_breaker_transitions_total", &[("operation", "fetch_stock")], 0);
    assert_count(&body, "redress_attempts_total", &[("class", "permission")], 2);

    assert!(body.contains("# TYPE redress_retry_delay_seconds histogram"), "{body}");
    assert!(body.contains("# HELP redress_calls_total Calls that ended"), "{body}");
    assert!(body.contains("redress_call_attempts_bucket{"), "{body}");

    // Scraping changes nothing.
    let calls = rows.values().map(|(calls, _)| calls).sum();
    assert_count(&scrape(address), "redress_calls_total", &[], calls);
    running.end();
}

#[test]
fn the_run_is_the_same_if_nobody_scrapes() {
    let (running, _, rows) = serving();
    running.end();
    let (other, _, others) = serving();
    other.end();
    assert_eq!(rows, others);
}

#[test]
fn the_run_is_the_same_if_metrics_cannot_be_served() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut running = start(taken.local_addr().expect("an address"));
    let (rows, served) = running.report("metrics at");
    assert!(!served);
    running.end();
    let (other, _, others) = serving();
    other.end();
    assert_eq!(rows, others);
}

#[test]
fn scrapers_that_hang_or_hang_up_do_no_harm() {
    let (running, address, rows) = serving();
    let silent = TcpStream::connect(address).expect("it listens");
    let mut rude = TcpStream::connect(address).expect("it listens");
    rude.write_all(b"GET /metr").expect("it reads");
    drop(rude);
    let calls = rows.values().map(|(calls, _)| calls).sum();
    assert_count(&scrape(address), "redress_calls_total", &[], calls);
    drop(silent);
    running.end();
}

#[test]
fn the_run_is_the_same_without_a_recorder() {
    let (running, _, rows) = serving();
    running.end();
    assert_eq!(owned(&run(&MetricsObserver::new())), rows);
}

/// The endpoint dies between two runs, as with the runtime that serves it. Nothing is lost: whoever reads the recorder
/// later finds both.
#[test]
fn the_run_is_the_same_when_the_endpoint_goes_away() {
    let runtime = Runtime::new().expect("a runtime");
    let (recorder, exporter, address) = listening(&runtime);
    runtime.spawn(exporter);
    let once = || metrics::with_local_recorder(&recorder, || owned(&run(&MetricsObserver::new())));

    let rows = once();
    let calls = rows.values().map(|(calls, _)| calls).sum();
    assert_count(&scrape(address), "redress_calls_total", &[], calls);

    drop(runtime);
    assert!(TcpStream::connect(address).is_err(), "nobody listens");
    assert_eq!(once(), rows);
    assert_count(&recorder.handle().render(), "redress_calls_total", &[], 2 * calls);
}

/// A recorder, and its endpoint on a port that was free a moment ago.
fn listening(runtime: &Runtime) -> (PrometheusRecorder, ExporterFuture, SocketAddr) {
    let _inside = runtime.enter();
    for _ in 0..10 {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
        if let Ok((recorder, exporter)) = PrometheusBuilder::new().with_http_listener(free).build() {
            return (recorder, exporter, free);
        }
    }
    panic!("no port stays free");
}

/// The rows as a program prints them.
fn owned(report: &observability::Report) -> Rows {
    report
        .rows
        .iter()
        .map(|((operation, outcome), counts)| (((*operation).into(), (*outcome).into()), *counts))
        .collect()
}
