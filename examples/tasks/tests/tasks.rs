//! Each program before a server on loopback.
//!
//! Times are only awaited: none of these assertions fails on a machine that is slow.

use std::{
    fmt::Debug,
    sync::{Arc, OnceLock},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use reqwest::Client;
use tasks::{
    breaker, limits,
    server::{Answer, Server},
};
use tokio::time::sleep;

fn client() -> Client {
    Client::builder().no_proxy().build().expect("a client")
}

fn serve(script: impl Fn(u32) -> Answer + Send + Sync + 'static) -> Server {
    Server::start(script).expect("a loopback")
}

/// Answers 503 so many times, then 200.
fn busy(times: u32) -> impl Fn(u32) -> Answer {
    move |before| Answer::Status(if before < times { 503 } else { 200 })
}

/// A test of each program of a task.
macro_rules! each {
    ($task:ident, $check:path) => {
        mod $task {
            use tasks::$task;

            use super::*;

            #[tokio::test]
            async fn redress() {
                $check(async |client, url| $task::redress::get(client, url).await).await;
            }

            #[tokio::test]
            async fn backon() {
                $check(async |client, url| $task::backon::get(client, url).await).await;
            }

            #[tokio::test]
            async fn tower() {
                $check(async |client, url| $task::tower::get(client, url).await).await;
            }

            #[tokio::test]
            async fn tower_resilience() {
                $check(async |client, url| $task::tower_resilience::get(client, url).await).await;
            }
        }
    };
}

each!(jitter, four_attempts);

async fn four_attempts<E: Debug>(get: impl AsyncFn(&Client, &str) -> Result<String, E>) {
    for (failures, requests) in [(0, 1), (2, 3), (3, 4), (9, 4)] {
        let server = serve(busy(failures));
        let result = get(&client(), &server.url).await;
        assert_eq!(result.is_ok_and(|text| text == "hello"), failures < 4);
        assert_eq!(server.requests(), requests);
    }
}

each!(logged, a_filter_and_a_log);

/// What was logged, by all tests.
struct Lines(Mutex<Vec<String>>);

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.target().starts_with("tasks") {
            self.0.lock().expect("no panic").push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Returns the lines about errors of this server.
fn lines(server: &Server) -> Vec<String> {
    static LINES: OnceLock<&Lines> = OnceLock::new();
    let lines = LINES.get_or_init(|| {
        let lines = Box::leak(Box::new(Lines(Mutex::default())));
        log::set_logger(lines).expect("no other");
        log::set_max_level(log::LevelFilter::Warn);
        lines
    });
    lines.0.lock().expect("no panic").iter().filter(|line| line.contains(&server.url)).cloned().collect()
}

async fn a_filter_and_a_log<E: Debug>(get: impl AsyncFn(&Client, &str) -> Result<String, E>) {
    let server = serve(busy(2));
    assert_eq!(lines(&server), [""; 0]);
    assert_eq!(get(&client(), &server.url).await.expect("the third"), "hello");
    let said = lines(&server);
    assert_eq!((server.requests(), said.len()), (3, 2), "{said:?}");
    assert!(said.iter().all(|line| line.contains("503")), "{said:?}");

    let server = serve(|_| Answer::Status(404));
    assert!(get(&client(), &server.url).await.is_err());
    assert_eq!((server.requests(), lines(&server)), (1, vec![]));
}

each!(retry_after, a_wait_as_asked_for);

/// The server counts the seconds: it answers who comes back too soon as before.
async fn a_wait_as_asked_for<E: Debug>(get: impl AsyncFn(&Client, &str) -> Result<reqwest::Response, E>) {
    let asked = OnceLock::<Instant>::new();
    let server = serve(move |_| match asked.get_or_init(Instant::now).elapsed().as_secs() {
        0 => Answer::RetryAfter(1),
        _ => Answer::Status(200),
    });
    let response = get(&client(), &server.url).await.expect("the second");
    assert_eq!((response.status().as_u16(), server.requests()), (200, 2));
}

mod shared_breaker {
    use super::*;

    /// A test of each program, by how a client is created.
    macro_rules! breaker {
        ($($name:ident: $new:expr;)*) => {$(
            #[tokio::test]
            async fn $name() {
                clones_share_the_circuit($new, async |stock, url| stock.get(url).await).await;
            }
        )*};
    }

    breaker! {
        redress: |client, failures, open| breaker::redress::Stock::new(client, failures, open).expect("sound");
        backon: breaker::backon::Stock::new;
        tower: |client, failures, open| breaker::tower::Stock::new(&client, failures, open);
        tower_resilience: |client, failures, open| {
            breaker::tower_resilience::Stock::new(&client, failures, open).expect("sound")
        };
    }
}

async fn clones_share_the_circuit<S: Clone, E: Debug>(
    new: impl Fn(Client, u8, Duration) -> S,
    get: impl AsyncFn(&S, &str) -> Result<String, E>,
) {
    let is_up = Arc::new(AtomicBool::new(false));
    let server = serve({
        let is_up = Arc::clone(&is_up);
        move |_| Answer::Status(if is_up.load(Relaxed) { 200 } else { 503 })
    });
    // All clones know what one of them found out.
    let stock = new(client(), 3, Duration::from_secs(3_600));
    for _ in 0..3 {
        assert!(get(&stock.clone(), &server.url).await.is_err());
    }
    assert_eq!(server.requests(), 6);
    assert!(get(&stock.clone(), &server.url).await.is_err());
    assert_eq!(server.requests(), 6, "nothing was sent");

    let stock = new(client(), 1, Duration::from_millis(20));
    assert!(get(&stock, &server.url).await.is_err());
    is_up.store(true, Relaxed);
    sleep(Duration::from_millis(30)).await;
    for _ in 0..3 {
        assert_eq!(get(&stock, &server.url).await.expect("the circuit is closed"), "hello");
    }
    assert_eq!(server.requests(), 11);
}

mod time_limits {
    use super::*;

    macro_rules! limits {
        ($($name:ident)*) => {$(
            #[tokio::test]
            async fn $name() {
                attempts_and_calls_end(async |client, url, attempt, deadline| {
                    limits::$name::get(client, url, attempt, deadline).await
                })
                .await;
            }
        )*};
    }

    limits!(redress backon tower tower_resilience);
}

async fn attempts_and_calls_end<E: Debug>(get: impl AsyncFn(&Client, &str, Duration, Duration) -> Result<String, E>) {
    // A hanging attempt ends, and the next one gets the answer.
    let server = serve(|before| if before == 0 { Answer::Nothing } else { Answer::Status(200) });
    let text = get(&client(), &server.url, Duration::from_millis(300), Duration::from_secs(600)).await;
    assert_eq!(text.expect("the second"), "hello");
    assert!(server.requests() >= 2);

    // All hang, and the call ends: each attempt took its time, so there were no more than these.
    let server = serve(|_| Answer::Nothing);
    assert!(get(&client(), &server.url, Duration::from_millis(100), Duration::from_millis(350)).await.is_err());
    assert!((1..=4).contains(&server.requests()), "{}", server.requests());
}

/// What only redress knows of a call that hung until its deadline.
#[tokio::test]
async fn the_report_of_a_call_that_hung() {
    let server = serve(|_| Answer::Nothing);
    let (client, attempt, deadline) = (client(), Duration::from_millis(50), Duration::from_millis(120));
    let call = limits::redress::get(&client, &server.url, attempt, deadline);
    let said = call.await.expect_err("it hangs").to_string();
    assert!(said.contains(" attempt"), "{said}");
    assert!(said.ends_with(": no time left before the deadline (transient, timed out)"), "{said}");
}
