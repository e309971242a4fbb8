//! Calls to be measured, whose operation fails a given number of times.

use core::{
    hint::black_box,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use redress_core::{
    Attempts, Backoff, Blocking, BreakerConfig, CircuitBreaker, Clock, Decision, ErrorClass, Instant, Policy, Retry,
};

const ATTEMPTS: u32 = 5;
const BASE_MS: u32 = 10;
const CAP_MS: u32 = 1_000;
const JITTER: Backoff = Backoff::full_jitter(Duration::from_millis(10), Duration::from_secs(1));
const RETRY: Retry = Retry::new(JITTER).max_attempts(ATTEMPTS);

static BASIC: Policy = Policy::new(RETRY.no_deadline());
static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4));
static FULL: Policy = Policy::new(RETRY.limit_for(ErrorClass::RateLimit, 2).backoff_for(
    ErrorClass::RateLimit,
    Backoff::equal_jitter(Duration::from_secs(1), Duration::from_secs(10)).or_retry_after(),
))
.circuit_breaker(&BREAKER);

/// The same call with different ends.
pub(crate) struct Calls {
    pub(crate) name: &'static str,
    pub(crate) first_try: fn(),
    pub(crate) one_failure: fn(),
}

pub(crate) const ALL: [Calls; 4] = [
    Calls { name: "hand", first_try: || hand(0), one_failure: || hand(1) },
    Calls { name: "machine", first_try: || machine(&BASIC, 0), one_failure: || machine(&BASIC, 1) },
    Calls { name: "driver", first_try: || call(&BASIC, 0), one_failure: || call(&BASIC, 1) },
    Calls { name: "full-driver", first_try: || call(&FULL, 0), one_failure: || call(&FULL, 1) },
];

/// Makes the operation alone, which all calls contain.
pub(crate) fn operation_alone() {
    let mut failures = black_box(0);
    let _ = black_box(operation(&mut failures));
}

#[inline(never)]
fn operation(failures: &mut u32) -> Result<u32, ErrorClass> {
    if *failures == 0 {
        return Ok(black_box(1));
    }
    *failures -= 1;
    Err(ErrorClass::Transient)
}

static STATE: AtomicU32 = AtomicU32::new(0x5EED);

#[inline(never)]
fn random() -> u32 {
    let mut state = STATE.load(Relaxed);
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    STATE.store(state, Relaxed);
    state
}

struct Still;

impl Clock for Still {
    const TICK_HZ: u32 = 1_000;

    #[inline(never)]
    fn now(&self) -> Instant {
        Instant::from_ticks(black_box(7))
    }
}

#[inline(never)]
fn sleep(ticks: u64) {
    black_box(ticks);
}

fn call(policy: &Policy<'_>, failures: u32) {
    let mut failures = black_box(failures);
    let mut context = black_box(policy).context(Blocking::new(Still, sleep, random));
    let _ = black_box(context.call(|| operation(&mut failures)).is_ok());
}

fn machine(policy: &Policy<'_>, failures: u32) {
    let mut failures = black_box(failures);
    let Ok(mut attempts) = Attempts::<1_000>::start(black_box(policy), Still.now()) else { return };
    while let Err(class) = operation(&mut failures) {
        if let Decision::RetryAt(at) = attempts.on_failure(Still.now(), class, random) {
            sleep(at.ticks());
        }
        let _ = black_box(attempts.on_wake(Still.now()));
    }
    attempts.on_success(Still.now());
}

/// A loop as it is written without a crate: delays of 32 bits, settings as constants.
fn hand(failures: u32) {
    let mut failures = black_box(failures);
    let mut ceiling = 2 * BASE_MS;
    let mut attempt = 1;
    let result = loop {
        match operation(&mut failures) {
            Ok(value) => break Ok(value),
            Err(class) if attempt < ATTEMPTS && class == ErrorClass::Transient => {
                sleep((u64::from(ceiling) * u64::from(random())) >> 32);
                ceiling = (2 * ceiling).min(CAP_MS);
                attempt += 1;
            }
            Err(class) => break Err(class),
        }
    };
    let _ = black_box(result);
}
