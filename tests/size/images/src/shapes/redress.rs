//! redress.

use core::{hint::black_box, time::Duration};

use board::{Fault, operation, report, report_result, second_operation, sleep_ms, third_operation};
use redress_core::{
    Backoff, BackoffConfig, Blocking, BlockingEnvironment, Budget, BudgetConfig, ByClass, Clock, DelayConfig, Instant,
    Millis, Outcome, Policy, Retry, RetryConfig, env::mode,
};

use super::{FIRST, SECOND, SECOND_ATTEMPTS, THIRD, THIRD_ATTEMPTS};
use crate::{
    ATTEMPTS, BASE, CAP,
    redress::{BASIC, classify, environment, last_error, retried},
};

/// A clock of a microsecond, as timers of microcontrollers have it.
struct MicroClock;

impl Clock for MicroClock {
    const TICK_HZ: u32 = 1_000_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(board::now())
    }
}

fn microseconds() -> impl BlockingEnvironment<Mode = mode::Blocking> {
    #[expect(clippy::cast_possible_truncation, reason = "delays are below an hour")]
    Blocking::new(MicroClock, |ticks| sleep_ms(ticks as u32), board::random)
}

fn on_microseconds(policy: &Policy<'_>, operation: impl FnMut() -> Result<u32, Fault>) {
    report_result(policy.context(microseconds()).classifier(classify).call(operation).map_err(last_error));
}

const DECORRELATED: Backoff = Backoff::decorrelated_jitter(FIRST, CAP);
static FIRST_POLICY: Policy = Policy::new(Retry::new(DECORRELATED));

/// Default deadline and attempts, on a clock of a millisecond.
pub fn default() {
    retried!(FIRST_POLICY, operation);
}

/// The same on a clock of a microsecond.
pub fn default_on_microseconds() {
    on_microseconds(&FIRST_POLICY, operation);
}

/// The same with a budget: the first policy of the README as it stands there.
pub fn readme() {
    static BUDGET: Budget = Budget::new(BudgetConfig::DEFAULT);
    static POLICY: Policy = Policy::new(Retry::new(DECORRELATED)).budget(&BUDGET);
    loop {
        on_microseconds(&POLICY, operation);
    }
}

static SECOND_POLICY: Policy =
    Policy::new(Retry::new(Backoff::full_jitter(SECOND, CAP)).max_attempts(SECOND_ATTEMPTS).no_deadline());
static THIRD_POLICY: Policy =
    Policy::new(Retry::new(Backoff::full_jitter(THIRD, CAP)).max_attempts(THIRD_ATTEMPTS).no_deadline());

/// Two policies, a call site each.
pub fn two_policies() {
    retried!(BASIC, operation);
    retried!(SECOND_POLICY, second_operation);
}

/// Three policies, a call site each.
pub fn three_policies() {
    retried!(BASIC, operation);
    retried!(SECOND_POLICY, second_operation);
    retried!(THIRD_POLICY, third_operation);
}

/// A policy behind a pointer that the optimiser cannot see through.
pub fn pointer() {
    retried!(black_box(&BASIC), operation);
}

/// Attempts that are known only at run time.
pub fn runtime_attempts() {
    let retry = Retry::new(Backoff::full_jitter(BASE, CAP)).max_attempts(board::opaque()).no_deadline();
    let Ok(policy) = Policy::try_new(retry) else { return report(0) };
    retried!(policy, operation);
}

/// A backoff that is known only at run time.
pub fn runtime_backoff() {
    let [base, max] = [(); 2].map(|()| Duration::from_millis(board::opaque().into()));
    let Ok(backoff) = Backoff::try_full_jitter(base, max) else { return report(0) };
    let Ok(policy) = Policy::try_new(Retry::new(backoff).max_attempts(ATTEMPTS).no_deadline()) else {
        return report(0);
    };
    retried!(policy, operation);
}

/// A whole configuration that is known only at run time.
pub fn runtime_config() {
    let [base_ms, max_ms] = [(); 2].map(|()| Millis::new(board::opaque()));
    let backoff = BackoffConfig::from(DelayConfig::FullJitter { base_ms, max_ms });
    let config = black_box(RetryConfig {
        max_attempts: Some(board::opaque()),
        deadline_ms: Some(Millis::new(board::opaque())),
        backoff: Some(backoff.clone()),
        backoffs: ByClass { rate_limit: Some(backoff), ..ByClass::default() },
        limits: ByClass { rate_limit: Some(2), ..ByClass::default() },
        ..RetryConfig::default()
    });
    let Ok(policy) = Policy::from_config(&config) else { return report(0) };
    retried!(policy, operation);
}

/// A report about the call, of which attempts, elapsed time and reason are used.
pub fn execute() {
    let outcome: Outcome<u32, Fault> = BASIC.context(environment()).classifier(classify).execute(operation);
    report(outcome.attempts);
    report(outcome.elapsed.get());
    report(outcome.stop_reason.map_or(0, |reason| reason as u32));
    report_result(outcome.into_result().map_err(last_error));
}
