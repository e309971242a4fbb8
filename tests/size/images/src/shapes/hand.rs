//! By hand, with numbers of 32 bits where the task allows it.

use core::hint::black_box;

use board::{Fault, now, operation, report, report_result, second_operation, sleep_ms, third_operation};

use super::{FIRST_MS, SECOND_ATTEMPTS, SECOND_MS, THIRD_ATTEMPTS, THIRD_MS};
use crate::{ATTEMPTS, BASE_MS, CAP_MS, DEADLINE_MS, hand::up_to, passes};

/// What a policy has unless it says otherwise.
const DEFAULT_ATTEMPTS: u32 = 6;
const DEFAULT_DEADLINE_MS: u32 = 2 * DEADLINE_MS;

/// Returns the next delay of decorrelated jitter.
fn decorrelated(previous: u32) -> u32 {
    CAP_MS.min(FIRST_MS + up_to(3 * previous - FIRST_MS))
}

/// A loop with default deadline and attempts. `unit`: ticks of a millisecond.
#[inline]
fn defaults(unit: u32, mut may_retry: impl FnMut() -> bool) -> Result<u32, Option<Fault>> {
    let start = now();
    let mut delay = FIRST_MS;
    let mut attempt = 1;
    loop {
        match operation() {
            Ok(value) => return Ok(value),
            Err(fault) if attempt < DEFAULT_ATTEMPTS && passes(&fault) => {
                delay = decorrelated(delay);
                #[expect(clippy::cast_possible_truncation, reason = "calls end within the deadline")]
                let elapsed = (now() - start) as u32;
                if elapsed + delay * unit >= DEFAULT_DEADLINE_MS * unit || !may_retry() {
                    return Err(Some(fault));
                }
                sleep_ms(delay * unit);
                attempt += 1;
            }
            Err(fault) => return Err(Some(fault)),
        }
    }
}

/// Default deadline and attempts, on a clock of a millisecond.
pub fn default() {
    report_result(defaults(1, || true));
}

/// The same on a clock of a microsecond.
pub fn default_on_microseconds() {
    report_result(defaults(1_000, || true));
}

/// A bucket of ten tokens in thousandths, with a tenth of one per success and a thousandth of one per second.
struct Bucket {
    tokens: u32,
    at: u32,
}

impl Bucket {
    const FULL: u32 = 10_000;

    fn consume(&mut self) -> bool {
        // Nearly a second, for want of a division.
        #[expect(clippy::cast_possible_truncation, reason = "nobody waits for 136 years")]
        let now = (now() >> 20) as u32;
        let refilled = self.tokens.saturating_add(now - self.at).min(Self::FULL);
        self.at = now;
        let consumed = refilled.checked_sub(1_000);
        self.tokens = consumed.unwrap_or(refilled);
        consumed.is_some()
    }
}

/// The same with a budget.
pub fn readme() {
    let mut bucket = Bucket { tokens: Bucket::FULL, at: 0 };
    loop {
        let result = defaults(1_000, || bucket.consume());
        if result.is_ok() {
            bucket.tokens = Bucket::FULL.min(bucket.tokens + 100);
        }
        report_result(result);
    }
}

/// The settings of a loop that serves several.
struct Settings {
    base: u32,
    cap: u32,
    attempts: u32,
}

static BASIC: Settings = Settings { base: BASE_MS, cap: CAP_MS, attempts: ATTEMPTS };
static SECOND: Settings = Settings { base: SECOND_MS, cap: CAP_MS, attempts: SECOND_ATTEMPTS };
static THIRD: Settings = Settings { base: THIRD_MS, cap: CAP_MS, attempts: THIRD_ATTEMPTS };

fn retried(settings: &Settings, mut operation: impl FnMut() -> Result<u32, Fault>) {
    let mut ceiling = settings.base.saturating_mul(2).min(settings.cap);
    let mut attempt = 1;
    report_result(loop {
        match operation() {
            Ok(value) => break Ok(value),
            Err(fault) if attempt < settings.attempts && passes(&fault) => {
                sleep_ms(up_to(ceiling));
                ceiling = ceiling.saturating_mul(2).min(settings.cap);
                attempt += 1;
            }
            Err(fault) => break Err(Some(fault)),
        }
    });
}

/// Two policies, a call site each.
pub fn two_policies() {
    retried(&BASIC, operation);
    retried(&SECOND, second_operation);
}

/// Three policies, a call site each.
pub fn three_policies() {
    retried(&BASIC, operation);
    retried(&SECOND, second_operation);
    retried(&THIRD, third_operation);
}

/// Settings behind a pointer that the optimiser cannot see through.
pub fn pointer() {
    retried(black_box(&BASIC), operation);
}

/// Attempts that are known only at run time.
pub fn runtime_attempts() {
    match board::opaque() {
        0 => report(0),
        attempts => retried(&Settings { base: BASE_MS, cap: CAP_MS, attempts }, operation),
    }
}

/// A backoff that is known only at run time.
pub fn runtime_backoff() {
    let [base, cap] = [(); 2].map(|()| board::opaque());
    if base == 0 || cap < base {
        return report(0);
    }
    retried(&Settings { base, cap, attempts: ATTEMPTS }, operation);
}

/// The formulas of a configuration. The fixed list is left out.
#[expect(dead_code, reason = "a configuration may name any of them")]
#[derive(Clone, Copy)]
enum Formula {
    Constant,
    Exponential,
    FullJitter,
    EqualJitter,
    Decorrelated,
}

#[derive(Clone, Copy)]
struct Backoff {
    formula: Formula,
    base: u32,
    cap: u32,
}

impl Backoff {
    fn delay(&self, attempt: u32, previous: u32) -> u32 {
        let Self { formula, base, cap } = *self;
        let grown = |n: u32| if n < 32 && cap >> n >= base { base << n } else { cap };
        match formula {
            Formula::Constant => base,
            Formula::Exponential => grown(attempt - 1),
            Formula::FullJitter => up_to(grown(attempt)),
            Formula::EqualJitter => grown(attempt) / 2 + up_to(grown(attempt) / 2),
            Formula::Decorrelated => {
                let previous = if previous == 0 { base } else { previous };
                cap.min(base.saturating_add(up_to(previous.saturating_mul(3) - base)))
            }
        }
    }
}

/// A configuration: attempts, deadline, and a limit and a backoff for each kind of fault.
struct Config {
    attempts: u32,
    deadline: Option<u32>,
    limits: [Option<u8>; 4],
    backoffs: [Option<Backoff>; 4],
}

/// A whole configuration that is known only at run time.
pub fn runtime_config() {
    let [base, cap] = [(); 2].map(|()| board::opaque());
    let backoff = Backoff { formula: Formula::FullJitter, base, cap };
    let config = black_box(Config {
        attempts: board::opaque(),
        deadline: Some(board::opaque()),
        limits: [None, Some(2), None, Some(0)],
        backoffs: [Some(backoff); 4],
    });
    if config.attempts == 0 || config.deadline == Some(0) || base == 0 || cap < base {
        return report(0);
    }
    report_result(configured(&config));
}

fn configured(config: &Config) -> Result<u32, Option<Fault>> {
    let start = now();
    let (mut attempt, mut previous, mut counts) = (1, 0, [0_u8; 4]);
    loop {
        let fault = match operation() {
            Ok(value) => return Ok(value),
            Err(fault) => fault,
        };
        let kind = fault as usize - 1;
        if attempt >= config.attempts || config.limits[kind].is_some_and(|limit| counts[kind] >= limit) {
            return Err(Some(fault));
        }
        counts[kind] = counts[kind].saturating_add(1);
        let Some(backoff) = config.backoffs[kind] else { return Err(Some(fault)) };
        let delay = backoff.delay(attempt, previous);
        let after = now() - start + u64::from(delay);
        if config.deadline.is_some_and(|deadline| after >= u64::from(deadline)) {
            return Err(Some(fault));
        }
        sleep_ms(delay);
        (previous, attempt) = (delay, attempt + 1);
    }
}

/// A report about the call.
struct Report {
    result: Result<u32, Option<Fault>>,
    attempts: u32,
    elapsed: u32,
    /// 1 for the limit, 2 for a fault that does not pass.
    reason: u8,
}

fn reported(mut operation: impl FnMut() -> Result<u32, Fault>) -> Report {
    let start = now();
    let mut ceiling = 2 * BASE_MS;
    let mut attempts = 1;
    let (result, reason) = loop {
        match operation() {
            Ok(value) => break (Ok(value), 0),
            Err(fault) if !passes(&fault) => break (Err(Some(fault)), 2),
            Err(fault) if attempts >= ATTEMPTS => break (Err(Some(fault)), 1),
            Err(_) => {
                sleep_ms(up_to(ceiling));
                ceiling = (2 * ceiling).min(CAP_MS);
                attempts += 1;
            }
        }
    };
    #[expect(clippy::cast_possible_truncation, reason = "calls end within the deadline")]
    let elapsed = (now() - start) as u32;
    Report { result, attempts, elapsed, reason }
}

/// A report about the call, of which attempts, elapsed time and reason are used.
pub fn execute() {
    let outcome = reported(operation);
    report(outcome.attempts);
    report(outcome.elapsed);
    report(outcome.reason.into());
    report_result(outcome.result);
}
