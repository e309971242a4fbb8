//! redress: policies in statics, seen through `black_box`; a context per call site, as a service or a driver keeps it.

use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use redress_core::{
    AsyncEnvironment, Backoff, BlockingEnvironment, BreakerConfig, CircuitBreaker, CircuitBreakerView, Classification,
    Clock, Environment, ErrorClass, Instant, Policy, Retry, SelfClassifier,
    breaker::{Counter, RateBreaker, RateConfig},
    env::mode,
};

use redress_std::StdClock;

use crate::script::{FAILED, Fault, Random, Script, block_on, sleep, sleep_async};
use crate::{ATTEMPTS, BASE, CAP, Contender, DEADLINE, RECOVERY, THRESHOLD, Work, call_site, in_line};
use crate::{full, observers, readme};

pub(crate) const REDRESS: Contender = Contender {
    blocking: Some(blocking),
    asynch: Some(asynch),
    block: Some(block),
    deadline: Some(deadline),
    breaker_closed: Some(breaker_closed),
    breaker_open: Some(breaker_open),
    readme: Some(readme::redress),
    full: Some(full::ours::redress),
    full_async: Some(full::ours::redress_async),
    observed: Some(observers::none),
    ..Contender::named("redress")
};

/// The breaker that counts rates, of the latest calls and of a span of time, for which each success takes a reading of the clock:
/// of the real one, and of one that costs a load.
pub(crate) const RATES_OF_CALLS: Contender =
    Contender { breaker_closed: Some(rates_of_calls), ..Contender::named("redress, rates of calls") };
pub(crate) const RATES: Contender =
    Contender { breaker_closed: Some(rates_closed), ..Contender::named("redress, rates") };
pub(crate) const RATES_OF_MEMORY: Contender =
    Contender { breaker_closed: Some(rates_of_memory), ..Contender::named("redress, rates, clock in memory") };

pub(crate) const RETRY: Retry = Retry::new(Backoff::full_jitter(BASE, CAP)).max_attempts(ATTEMPTS);
static POLICY: Policy = Policy::new(RETRY.no_deadline());
static DEADLINE_POLICY: Policy = Policy::new(RETRY.deadline(DEADLINE));

/// The harness's sleeper and generator under the real clock.
#[derive(Clone, Copy)]
pub(crate) struct Env(&'static Random);

impl Env {
    pub(crate) fn new() -> Self {
        Self(Box::leak(Box::new(Random::new())))
    }
}

impl Clock for Env {
    const TICK_HZ: u32 = StdClock::TICK_HZ;

    #[inline]
    fn now(&self) -> Instant {
        StdClock.now()
    }
}

impl Environment for Env {
    type Mode = mode::Blocking;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    #[inline]
    fn random(&mut self) -> u32 {
        self.0.bits()
    }
}

impl BlockingEnvironment for Env {
    #[inline]
    fn sleep(&mut self, ticks: u64) {
        sleep(Duration::from_nanos(ticks));
    }
}

/// The same for futures.
pub(crate) struct AsyncEnv(pub(crate) Env);

impl Clock for AsyncEnv {
    const TICK_HZ: u32 = StdClock::TICK_HZ;

    #[inline]
    fn now(&self) -> Instant {
        self.0.now()
    }
}

impl Environment for AsyncEnv {
    type Mode = mode::Local;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    #[inline]
    fn random(&mut self) -> u32 {
        self.0.random()
    }
}

impl AsyncEnvironment for AsyncEnv {
    #[inline]
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        sleep_async(Duration::from_nanos(ticks))
    }
}

#[inline]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature of a classifier")]
pub(crate) fn classify(fault: &Fault) -> Classification {
    Classification::new(if fault.is_transient() { ErrorClass::Transient } else { ErrorClass::Permanent })
}

fn blocking() -> Work {
    let mut context = black_box(&POLICY).context(Env::new()).classifier(classify);
    call_site(move |script| context.call(|| script.call()).unwrap_or(FAILED))
}

fn asynch() -> Work {
    let mut context = black_box(&POLICY).context(AsyncEnv(Env::new())).classifier(classify);
    call_site(move |script| block_on(context.call(|| script.call_async())).unwrap_or(FAILED))
}

fn block() -> Work {
    let mut context = black_box(&POLICY).context(AsyncEnv(Env::new())).classifier(classify);
    call_site(move |script| block_on(context.call(async || script.call_in_block().await)).unwrap_or(FAILED))
}

fn deadline() -> Work {
    let mut context = black_box(&DEADLINE_POLICY).context(Env::new()).classifier(classify);
    call_site(move |script| context.call(|| script.call()).unwrap_or(FAILED))
}

#[expect(clippy::cast_possible_truncation, reason = "the threshold is 5")]
pub(crate) const BREAKER: BreakerConfig = BreakerConfig::new(THRESHOLD as u8).recovery_timeout(RECOVERY);

/// Asks the breaker, calls, and tells it what became of the call.
#[inline(always)]
#[expect(clippy::inline_always, reason = "breaker rows are open to inlining, for every contender")]
fn guarded<S: Counter>(breaker: &'static CircuitBreakerView<S>, script: &Script) -> u32 {
    guarded_by(breaker, &StdClock, script)
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "breaker rows are open to inlining, for every contender")]
fn guarded_by<S: Counter>(breaker: &'static CircuitBreakerView<S>, clock: &impl Clock, script: &Script) -> u32 {
    let Ok(permit) = breaker.try_acquire(clock) else { return FAILED };
    match script.call() {
        Ok(value) => {
            permit.success(clock);
            value
        }
        Err(fault) => {
            permit.failure(classify(&fault).class(), clock);
            FAILED
        }
    }
}

fn breaker_closed() -> Work {
    static BREAKER_CLOSED: CircuitBreaker<8> = CircuitBreaker::new(
        BREAKER.trip_on(redress_core::ClassSet::of(&[ErrorClass::Transient, ErrorClass::Permanent])),
    );
    in_line(|script| guarded(&BREAKER_CLOSED, script))
}

fn rates_of_calls() -> Work {
    static CONFIG: RateConfig = RateConfig::new(50).minimum_calls(5).window_of_calls(10_000);
    static RATES_CLOSED: RateBreaker<10> = RateBreaker::new(&CONFIG);
    in_line(|script| guarded(&RATES_CLOSED, script))
}

static RATE: RateConfig = RateConfig::new(50).minimum_calls(5);
const _: () = assert!(THRESHOLD == 5, "the least number of calls above");

fn rates_closed() -> Work {
    static RATES_CLOSED: RateBreaker<10> = RateBreaker::new(&RATE);
    in_line(|script| guarded(&RATES_CLOSED, script))
}

/// A clock of milliseconds that something else moves on, as a timer interrupt does.
struct InMemory;

static MILLIS: AtomicU64 = AtomicU64::new(0);

impl Clock for InMemory {
    const TICK_HZ: u32 = 1_000;

    #[inline]
    fn now(&self) -> Instant {
        Instant::from_ticks(MILLIS.load(Relaxed))
    }
}

fn rates_of_memory() -> Work {
    static RATES_CLOSED: RateBreaker<10> = RateBreaker::new(&RATE);
    MILLIS.store(black_box(1_000_000), Relaxed);
    in_line(|script| guarded_by(&RATES_CLOSED, &InMemory, script))
}

fn breaker_open() -> Work {
    static BREAKER_OPEN: CircuitBreaker<8> = CircuitBreaker::new(BREAKER);
    for _ in 0..THRESHOLD {
        BREAKER_OPEN.record_failure(ErrorClass::Transient, &StdClock);
    }
    in_line(|script| guarded(&BREAKER_OPEN, script))
}
