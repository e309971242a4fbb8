//! What a careful programmer writes without a crate, and what the crates are measured against.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::script::{FAILED, Fault, Random, Script, block_on, sleep, sleep_async};
use crate::{ATTEMPTS, BASE, CAP, Contender, DEADLINE, RECOVERY, THRESHOLD, Work, call_site, in_line};
use crate::{full, readme};

/// No logic at all, the operation until it succeeds: what harness and operation cost in every other row.
pub(crate) const BARE: Contender = Contender {
    blocking: Some(bare),
    asynch: Some(|| bare_async(Script::call_async)),
    block: Some(|| bare_async(Script::call_in_block)),
    breaker_closed: Some(bare_in_line),
    ..Contender::named("no logic")
};

/// Settings as constants in the loop; breaker of one owner who brings the time.
pub(crate) const CONSTANTS: Contender = Contender {
    blocking: Some(constants),
    asynch: Some(|| constants_async(Script::call_async)),
    block: Some(|| constants_async(Script::call_in_block)),
    breaker_closed: Some(breaker_closed),
    breaker_open: Some(breaker_open),
    ..Contender::named("hand")
};

/// Settings in a struct the optimiser cannot see into.
pub(crate) const SETTINGS: Contender = Contender {
    blocking: Some(settings),
    asynch: Some(|| settings_async(Script::call_async)),
    block: Some(|| settings_async(Script::call_in_block)),
    deadline: Some(deadline),
    readme: Some(readme::hand),
    full: Some(full::hand::by_hand),
    full_async: Some(full::hand::by_hand_async),
    ..Contender::named("hand, settings")
};

/// Breaker of two atomics in a static, with the real clock.
pub(crate) const SHARED: Contender = Contender {
    breaker_closed: Some(shared_closed),
    breaker_open: Some(shared_open),
    ..Contender::named("hand, shared")
};

fn bare() -> Work {
    call_site(|script| {
        loop {
            if let Ok(value) = script.call() {
                return value;
            }
        }
    })
}

fn bare_async<F: Future<Output = Result<u32, Fault>> + 'static>(
    operation: impl Fn(&'static Script) -> F + Copy + 'static,
) -> Work {
    call_site(move |script| {
        block_on(async {
            loop {
                if let Ok(value) = operation(script).await {
                    return value;
                }
            }
        })
    })
}

fn bare_in_line() -> Work {
    in_line(|script| script.call().unwrap_or(FAILED))
}

const BASE_US: u32 = micros(BASE);
const CAP_US: u32 = micros(CAP);

#[expect(clippy::cast_possible_truncation, reason = "the settings are under an hour")]
const fn micros(span: Duration) -> u32 {
    span.as_micros() as u32
}

fn constants() -> Work {
    let random = Random::new();
    call_site(move |script| {
        let mut delay = BASE_US;
        let mut attempt = 1;
        loop {
            match script.call() {
                Ok(value) => return value,
                Err(fault) if attempt < ATTEMPTS && fault.is_transient() => {
                    sleep(jittered(&random, delay));
                    delay = (delay * 2).min(CAP_US);
                    attempt += 1;
                }
                Err(_) => return FAILED,
            }
        }
    })
}

fn constants_async<F: Future<Output = Result<u32, Fault>> + 'static>(
    operation: impl Fn(&'static Script) -> F + Copy + 'static,
) -> Work {
    let random = Random::new();
    call_site(move |script| {
        block_on(async {
            let mut delay = BASE_US;
            let mut attempt = 1;
            loop {
                match operation(script).await {
                    Ok(value) => return value,
                    Err(fault) if attempt < ATTEMPTS && fault.is_transient() => {
                        sleep_async(jittered(&random, delay)).await;
                        delay = (delay * 2).min(CAP_US);
                        attempt += 1;
                    }
                    Err(_) => return FAILED,
                }
            }
        })
    })
}

pub(crate) struct Settings {
    pub(crate) attempts: u32,
    pub(crate) base_us: u32,
    pub(crate) cap_us: u32,
    pub(crate) factor: u32,
    pub(crate) deadline: Duration,
}

impl Settings {
    pub(crate) const fn new() -> Self {
        Self { attempts: ATTEMPTS, base_us: BASE_US, cap_us: CAP_US, factor: 2, deadline: DEADLINE }
    }

    #[inline]
    pub(crate) fn grow(&self, delay: u32) -> u32 {
        delay.saturating_mul(self.factor).min(self.cap_us)
    }
}

#[inline]
pub(crate) fn jittered(random: &Random, delay: u32) -> Duration {
    Duration::from_micros(random.up_to(delay).into())
}

fn settings() -> Work {
    let random = Random::new();
    let settings = Settings::new();
    call_site(move |script| {
        let settings = black_box(&settings);
        let mut delay = settings.base_us;
        let mut attempt = 1;
        loop {
            match script.call() {
                Ok(value) => return value,
                Err(fault) if attempt < settings.attempts && fault.is_transient() => {
                    sleep(jittered(&random, delay));
                    delay = settings.grow(delay);
                    attempt += 1;
                }
                Err(_) => return FAILED,
            }
        }
    })
}

fn settings_async<F: Future<Output = Result<u32, Fault>> + 'static>(
    operation: impl Fn(&'static Script) -> F + Copy + 'static,
) -> Work {
    let random = Random::new();
    let settings = Settings::new();
    call_site(move |script| {
        let settings = black_box(&settings);
        block_on(async {
            let mut delay = settings.base_us;
            let mut attempt = 1;
            loop {
                match operation(script).await {
                    Ok(value) => return value,
                    Err(fault) if attempt < settings.attempts && fault.is_transient() => {
                        sleep_async(jittered(&random, delay)).await;
                        delay = settings.grow(delay);
                        attempt += 1;
                    }
                    Err(_) => return FAILED,
                }
            }
        })
    })
}

/// A wait which would reach the deadline is not begun. The clock is read at the start and after each failure.
fn deadline() -> Work {
    let random = Random::new();
    let settings = Settings::new();
    call_site(move |script| {
        let settings = black_box(&settings);
        let start = Instant::now();
        let mut delay = settings.base_us;
        let mut attempt = 1;
        loop {
            match script.call() {
                Ok(value) => return value,
                Err(fault) if attempt < settings.attempts && fault.is_transient() => {
                    let wait = jittered(&random, delay);
                    if start.elapsed() + wait >= settings.deadline {
                        return FAILED;
                    }
                    sleep(wait);
                    delay = settings.grow(delay);
                    attempt += 1;
                }
                Err(_) => return FAILED,
            }
        }
    })
}

/// Consecutive failures; time is an argument, in milliseconds.
struct Breaker {
    failures: Cell<u32>,
    open_until: Cell<u64>,
    threshold: u32,
    recovery: u64,
}

impl Breaker {
    fn new() -> Self {
        Self { failures: Cell::new(0), open_until: Cell::new(0), threshold: THRESHOLD, recovery: millis(RECOVERY) }
    }

    #[inline]
    fn call(&self, now: u64, script: &Script) -> u32 {
        if self.failures.get() >= self.threshold && now < self.open_until.get() {
            return FAILED;
        }
        if let Ok(value) = script.call() {
            self.failures.set(0);
            value
        } else {
            self.failed(now);
            FAILED
        }
    }

    #[cold]
    #[inline(never)]
    fn failed(&self, now: u64) {
        self.failures.set(self.failures.get().saturating_add(1));
        self.open_until.set(now + self.recovery);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "no process runs for that long")]
fn millis(span: Duration) -> u64 {
    span.as_millis() as u64
}

fn breaker_closed() -> Work {
    let breaker = Breaker::new();
    in_line(move |script| black_box(&breaker).call(black_box(1), script))
}

fn breaker_open() -> Work {
    let breaker = Breaker::new();
    for _ in 0..THRESHOLD {
        breaker.failed(1);
    }
    in_line(move |script| black_box(&breaker).call(black_box(2), script))
}

/// Consecutive failures, shareable: the clock is read only where the count says open. Its half-open state admits
/// everyone, which is what one gets by hand.
pub(crate) struct Shared {
    failures: AtomicU32,
    open_until: AtomicU64,
    threshold: u32,
    recovery: Duration,
}

impl Shared {
    pub(crate) const fn new() -> Self {
        Self { failures: AtomicU32::new(0), open_until: AtomicU64::new(0), threshold: THRESHOLD, recovery: RECOVERY }
    }

    /// Milliseconds since the process first asked: what fits an atomic.
    fn now() -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        millis(START.get_or_init(Instant::now).elapsed())
    }

    #[inline]
    fn call(&self, script: &Script) -> u32 {
        if self.is_open() {
            return FAILED;
        }
        if let Ok(value) = script.call() {
            self.succeeded();
            value
        } else {
            self.failed();
            FAILED
        }
    }

    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.failures.load(Ordering::Acquire) >= self.threshold && Self::now() < self.open_until.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn succeeded(&self) {
        self.failures.store(0, Ordering::Release);
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn failed(&self) {
        self.open_until.store(Self::now() + millis(self.recovery), Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::AcqRel);
    }
}

fn shared_closed() -> Work {
    static BREAKER: Shared = Shared::new();
    in_line(|script| black_box(&BREAKER).call(script))
}

fn shared_open() -> Work {
    static BREAKER: Shared = Shared::new();
    for _ in 0..THRESHOLD {
        BREAKER.failed();
    }
    in_line(|script| black_box(&BREAKER).call(script))
}
