//! Calls that block: real waits, short ones, and ends of them that come early.

use std::{
    io::{self, ErrorKind, Read},
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use redress_std::{
    AttemptInfo, Backoff, BreakerConfig, BreakerState, Cause, CircuitBreaker, Clock, ErrorClass, Millis, Policy,
    PolicyExt, Retry, RetryError, RetryTimeline, StdClock, StopReason, Threads,
};

/// Longer than any machine is late, and shorter than the wait which is cut.
const SOON: Duration = Duration::from_secs(60);

static PATIENT: Policy =
    Policy::new(Retry::new(Backoff::constant(Duration::from_secs(3_600))).no_deadline().no_unknown_cap());
static QUICK: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(15))).max_attempts(3));

fn reset() -> io::Error {
    ErrorKind::ConnectionReset.into()
}

#[test]
fn waits_are_waited() {
    let before = Instant::now();
    let outcome = QUICK.context(Threads).execute(|| Err::<(), _>(reset()));
    assert!(before.elapsed() >= Duration::from_millis(30));
    assert!(outcome.elapsed >= Millis::new(30));
    assert_eq!((outcome.attempts, outcome.stop_reason), (3, Some(StopReason::MaxAttemptsGlobal)));
    assert_eq!(outcome.error().map(io::Error::kind), Some(ErrorKind::ConnectionReset));
}

#[test]
fn an_abort_from_another_thread_cuts_the_wait() {
    static SHUTDOWN: AtomicBool = AtomicBool::new(false);

    let before = Instant::now();
    let stopper = thread::spawn(|| {
        thread::sleep(Duration::from_millis(40));
        SHUTDOWN.store(true, Relaxed);
    });
    let outcome = PATIENT.context(Threads).abort_if(|| SHUTDOWN.load(Relaxed)).execute(|| Err::<(), _>(reset()));
    stopper.join().expect("no panic");
    assert!(before.elapsed() < SOON);
    assert_eq!((outcome.attempts, outcome.stop_reason), (1, Some(StopReason::Aborted)));
    assert_eq!(outcome.last_class, Some(ErrorClass::Transient));
}

#[test]
fn the_abort_condition_is_asked_all_through_the_wait() {
    let asked = AtomicU32::new(0);
    let outcome =
        PATIENT.context(Threads).abort_if(|| asked.fetch_add(1, Relaxed) >= 8).execute(|| Err::<(), _>(reset()));
    // Before the attempt, after the failure, and then after each slice.
    assert_eq!((asked.load(Relaxed), outcome.stop_reason), (10, Some(StopReason::Aborted)));
    assert!(outcome.elapsed >= Millis::new(50), "{}", outcome.elapsed);
}

#[test]
fn an_abort_condition_does_not_shorten_waits() {
    let outcome = QUICK.context(Threads).abort_if(|| false).execute(|| Err::<(), _>(reset()));
    assert!(outcome.elapsed >= Millis::new(30), "{}", outcome.elapsed);
    assert_eq!(outcome.attempts, 3);
}

#[test]
fn a_closure_may_borrow_what_it_changes() {
    let mut sent = Vec::new();
    let mut context = QUICK.context(Threads).operation("send");
    let result = context.call(|| {
        sent.push(sent.len());
        if sent.len() < 3 { Err(reset()) } else { Ok(sent.len()) }
    });
    assert_eq!(result.expect("the third succeeds"), 3);
    assert_eq!(sent, [0, 1, 2]);
}

#[test]
fn the_loop_form_gives_up_with_the_error() {
    fn connect() -> Result<(), RetryError<io::Error>> {
        let mut context = QUICK.context(Threads);
        let mut run = context.start()?;
        loop {
            match Err(io::Error::from(ErrorKind::PermissionDenied)) {
                Ok(()) => {
                    run.succeed(());
                    return Ok(());
                }
                Err(error) => run.failed(error)?,
            }
        }
    }

    let error = connect().expect_err("never retried");
    assert_eq!((error.reason, error.attempts), (StopReason::NonRetryableClass, 1));
    assert_eq!(error.error.map(|error| error.kind()), Some(ErrorKind::PermissionDenied));
}

#[test]
fn an_attempt_sets_its_time_on_the_socket() {
    static SILENT: Policy =
        Policy::new(Retry::new(Backoff::none()).attempt_timeout(Duration::from_millis(20)).max_attempts(2));

    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let mut timeline = RetryTimeline::<8>::new();
    let outcome = SILENT.context(Threads).observe(&mut timeline).execute(|attempt: AttemptInfo| {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(attempt.remaining.map(Duration::from))?;
        stream.read(&mut [0])
    });
    assert_eq!((outcome.attempts, outcome.last_class), (2, Some(ErrorClass::Transient)));
    assert_eq!(outcome.cause, Some(Cause::Error));
    assert!(timeline.events().count() >= 2);
}

#[test]
fn one_policy_serves_many_threads() {
    static CALLS: AtomicU32 = AtomicU32::new(0);

    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let result = QUICK.call(|| {
                    CALLS.fetch_add(1, Relaxed);
                    Err::<(), _>(reset())
                });
                assert_eq!(result.expect_err("never succeeds").attempts, 3);
            });
        }
    });
    assert_eq!(CALLS.load(Relaxed), 24);
}

#[test]
fn a_panic_gives_the_probe_back() {
    static BREAKER: CircuitBreaker<1> =
        CircuitBreaker::new(BreakerConfig::new(1).recovery_timeout(Duration::from_millis(1)));
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1)).circuit_breaker(&BREAKER);

    assert!(POLICY.call(|| Err::<(), _>(reset())).is_err());
    thread::sleep(Duration::from_millis(2));
    let panicked = thread::spawn(|| POLICY.call(|| -> io::Result<()> { panic!("on purpose, in a probe") })).join();
    assert!(panicked.is_err());
    assert_eq!(BREAKER.state(), BreakerState::HalfOpen);
    assert!(POLICY.call(|| Ok::<_, io::Error>(())).is_ok());
    assert_eq!(BREAKER.state(), BreakerState::Closed);
}

#[test]
fn a_call_needs_one_line() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let stream = QUICK.call(|| TcpStream::connect(listener.local_addr()?))?;
    assert!(stream.peer_addr().is_ok());
    assert!(QUICK.execute(|| Ok::<_, io::Error>(())).is_ok());
    Ok(())
}

#[test]
fn the_clock_moves_with_the_threads_sleep() {
    let before = StdClock.now();
    thread::sleep(Duration::from_millis(5));
    assert!(StdClock.now().ticks_since(before) >= 5_000_000);
}
