//! Observers cost no reading of the clock and no allocation while their level is off.

use std::{cell::Cell, sync::Mutex, time::Duration};

use allocation_counter::measure;
use metrics::with_local_recorder;
use metrics_util::debugging::DebuggingRecorder;
use redress_std::{
    Backoff, BlockingEnvironment, Clock, Environment, ErrorClass, Instant, Observer, Policy, Retry, SelfClassifier,
    env::mode,
    observe::{LogObserver, MetricsObserver, TracingObserver},
};

static POLICY: Policy =
    Policy::new(Retry::new(Backoff::constant(Duration::from_secs(1))).max_attempts(3).no_deadline());

/// Held by tests that set or rely on the level of `log`.
static LEVEL: Mutex<()> = Mutex::new(());

/// Counts the readings of its clock.
#[derive(Default)]
struct Counting(Cell<u32>);

impl Clock for &Counting {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        self.0.set(self.0.get() + 1);
        Instant::from_ticks(u64::from(self.0.get()))
    }
}

impl Environment for &Counting {
    type Mode = mode::Blocking;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    fn random(&mut self) -> u32 {
        0
    }
}

impl BlockingEnvironment for &Counting {
    fn sleep(&mut self, _ticks: u64) {}
}

/// Makes a call that succeeds at once, one that recovers, one that gives up; the readings of the clock.
fn readings(observer: impl Observer) -> u32 {
    let env = Counting::default();
    let mut context = POLICY.context(&env).operation("fetch").observe(observer);
    for failures in [0, 2, 9] {
        let mut left = failures;
        let result = context.call(|| {
            left -= 1;
            if left < 0 { Ok(()) } else { Err(ErrorClass::Transient) }
        });
        assert_eq!(result.is_ok(), failures < 3);
    }
    env.0.get()
}

struct Silent;

impl log::Log for Silent {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        assert_eq!(record.target(), "redress");
    }

    fn flush(&self) {}
}

#[test]
fn log_with_its_level_off_reads_no_clock_and_allocates_nothing() {
    let _held = LEVEL.lock();
    let _ = log::set_logger(&Silent);
    log::set_max_level(log::LevelFilter::Error);
    let mut read = 1;
    assert_eq!(measure(|| read = readings(LogObserver::new())).count_total, 0);
    assert_eq!(read, 0);
    log::set_max_level(log::LevelFilter::Warn);
    assert!(readings(LogObserver::new()) > 0);
}

#[test]
fn tracing_without_a_subscriber_reads_no_clock_and_allocates_nothing() {
    let mut read = 1;
    assert_eq!(measure(|| read = readings(TracingObserver::new())).count_total, 0);
    assert_eq!(read, 0);
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry());
    assert!(readings(TracingObserver::new()) > 0);
}

/// The level of one observer decides for all: if one wants the time, it is there for all of them.
#[test]
fn an_observer_that_listens_has_the_time_beside_one_that_does_not() {
    let _held = LEVEL.lock();
    log::set_max_level(log::LevelFilter::Off);
    let mut elapsed = Vec::new();
    let kept = |event: &redress_std::Event| elapsed.push(event.elapsed.get());
    assert!(readings((LogObserver::new(), kept)) > 0);
    assert!(elapsed.iter().any(|elapsed| *elapsed > 0));
}

#[test]
fn metrics_allocate_for_what_is_new_and_for_nothing_else() {
    let recorder = DebuggingRecorder::new();
    with_local_recorder(&recorder, || {
        let observer = MetricsObserver::new();
        let first = measure(|| {
            readings(observer.clone());
        });
        assert!(first.count_total > 0);
        // The recorder's own histograms keep every value, in a list of blocks.
        let again = measure(|| {
            for _ in 0..3 {
                readings(observer.clone());
            }
        });
        assert!(again.count_total <= 2, "{} allocations", again.count_total);
    });

    let idle = MetricsObserver::new();
    readings(idle.clone());
    assert_eq!(measure(|| assert!(readings(idle.clone()) > 0)).count_total, 0);
}

#[test]
fn clones_of_a_metrics_observer_share_its_handles_also_with_other_operations() {
    let recorder = DebuggingRecorder::new();
    let snapshot = with_local_recorder(&recorder, || {
        let observer = MetricsObserver::new();
        let env = Counting::default();
        for operation in ["a", "b", "a"] {
            let mut context = POLICY.context(&env).operation(operation).observe(observer.clone());
            assert!(context.call(|| Ok::<_, ErrorClass>(())).is_ok());
        }
        recorder.snapshotter().snapshot().into_vec()
    });
    let mut started: Vec<_> = snapshot
        .into_iter()
        .filter(|(key, ..)| key.key().name() == MetricsObserver::CALLS_STARTED)
        .map(|(key, _, _, value)| (key.key().labels().next().unwrap().value().to_owned(), value))
        .collect();
    started.sort_by(|one, other| one.0.cmp(&other.0));
    let counts: Vec<_> = started.iter().map(|(operation, value)| format!("{operation} {value:?}")).collect();
    assert_eq!(counts, ["a Counter(2)", "b Counter(1)"]);
}
