//! redress: policies in flash, one function per row.

use core::time::Duration;

use board::{Fault, operation, report, report_result, second_operation, sleep_ms, third_operation};
use redress_core::{
    Attempts, Backoff, BackoffContext, Blocking, BlockingEnvironment, BreakerConfig, Budget, BudgetConfig, Checkpoint,
    CircuitBreaker, Classification, Classifier, Clock, Decision, ErrorClass, Event, Instant, Millis, Outcome, Policy,
    Retry, RetryError, RetryTimeline, SleepDecision,
    backoff::{ByArgs, by_args},
    classify::{http, name::DefaultClassifier, retry_after::UnixSeconds, sqlstate},
    env::mode,
    keeper::{Keep, KeepConfig},
};

use crate::{ATTEMPTS, BASE, BUSY, CAP, DEADLINE};

const JITTER: Backoff = Backoff::full_jitter(BASE, CAP);

pub(crate) static BASIC: Policy = Policy::new(Retry::new(JITTER).max_attempts(ATTEMPTS).no_deadline());

static KEEP: Keep = Keep::new(Policy::new(Retry::new(JITTER)), KeepConfig::new(DEADLINE));

const LIMITED: Retry =
    Retry::new(JITTER).max_attempts(ATTEMPTS).deadline(DEADLINE).limit_for(ErrorClass::RateLimit, BUSY);
static WITH_DEADLINE: Policy = Policy::new(LIMITED);

const PER_CLASS: Retry =
    LIMITED.backoff_for(ErrorClass::RateLimit, Backoff::equal_jitter(CAP, Duration::from_secs(10)));
const WITH_TABLE: Policy = Policy::new(PER_CLASS);

static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4).recovery_timeout(DEADLINE));
static WITH_BREAKER: Policy = WITH_TABLE.circuit_breaker(&BREAKER);

static BUDGET: Budget<8> = Budget::new(BudgetConfig::rolling(8, Duration::from_secs(60)));
pub(crate) static WITH_BUDGET: Policy = WITH_TABLE.circuit_breaker(&BREAKER).budget(&BUDGET);

#[derive(Clone, Copy)]
pub(crate) struct BoardClock;

impl Clock for BoardClock {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(board::now())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "delays are milliseconds in 32 bits")]
fn sleep(ticks: u64) {
    sleep_ms(ticks as u32);
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature of a classifier")]
pub(crate) fn classify(fault: &Fault) -> ErrorClass {
    match fault {
        Fault::Lost => ErrorClass::Transient,
        Fault::Busy => ErrorClass::RateLimit,
        Fault::Broken => ErrorClass::ServerError,
        Fault::Refused => ErrorClass::Permanent,
    }
}

pub(crate) fn last_error(error: RetryError<Fault>) -> Option<Fault> {
    error.error
}

pub(crate) fn environment() -> impl BlockingEnvironment<Mode = mode::Blocking> {
    Blocking::new(BoardClock, sleep, board::random)
}

/// Makes a call. A macro, because without LTO a function would be the same for all images, with the policies of all.
macro_rules! retried {
    ($policy:expr, $operation:ident) => {{
        let mut context = $policy.context(environment()).classifier(classify);
        report_result(context.call(|| $operation()).map_err(last_error));
    }};
}

pub(crate) use retried;

/// The formula alone: the delay after attempt n.
pub fn jitter() {
    let transient = Classification::new(ErrorClass::Transient);
    report(JITTER.delay(board::opaque(), &transient, Millis::ZERO, board::random).get());
}

/// The bare machine in a superloop.
pub fn machine() {
    let Ok(mut attempts) = Attempts::<1_000>::start(&BASIC, BoardClock.now()) else { return };
    while let Err(fault) = operation() {
        match attempts.on_failure(BoardClock.now(), classify(&fault), board::random) {
            Decision::RetryAt(at) => while BoardClock.now() < at {},
            Decision::Stop(_) => return report(fault as u32),
        }
        if attempts.on_wake(BoardClock.now()).is_err() {
            return report(fault as u32);
        }
    }
    attempts.on_success(BoardClock.now());
}

/// Blocking driver, backoff and attempt limit.
pub fn basic() {
    retried!(BASIC, operation);
}

/// A connection that is kept up, in place of a call: each success is a session.
pub fn keeper() {
    let mut context = KEEP.context(environment()).classifier(classify);
    let gave_up = context.keep().run(|session| {
        let register = operation()?;
        session.established();
        report(register);
        operation()
    });
    report_result(Err(last_error(gave_up)));
}

/// The same at two call sites.
pub fn two_sites() {
    retried!(BASIC, operation);
    retried!(BASIC, second_operation);
}

/// The same at three.
pub fn three_sites() {
    retried!(BASIC, operation);
    retried!(BASIC, second_operation);
    retried!(BASIC, third_operation);
}

/// With a deadline, and a limit on the retries of a busy device.
pub fn deadline() {
    retried!(WITH_DEADLINE, operation);
}

/// With a backoff of its own for rate limits.
pub fn table() {
    static POLICY: Policy = WITH_TABLE;
    retried!(POLICY, operation);
}

/// With a breaker.
pub fn breaker() {
    loop {
        retried!(WITH_BREAKER, operation);
    }
}

/// With a budget.
pub fn budget() {
    loop {
        retried!(WITH_BUDGET, operation);
    }
}

/// With a timeline of 8.
pub fn timeline() {
    loop {
        let mut timeline = RetryTimeline::<8>::new();
        let mut context = WITH_BUDGET.context(environment()).classifier(classify).observe(&mut timeline);
        report_result(context.call(operation).map_err(last_error));
        timeline.events().for_each(|event| report(event.event as u32));
    }
}

/// Names, HTTP dates, SQLSTATE.
pub fn text() {
    let bytes: [u8; 29] = core::array::from_fn(|_| board::opaque().to_le_bytes()[0]);
    let now = UnixSeconds::new(board::now());
    let mut found = DefaultClassifier.classify(&operation()).class() as u32;
    if let Some(classification) = http::status_with_retry_after(503, Some(&bytes), Some(now)) {
        found ^= classification.hint().map_or(0, Millis::get);
    }
    if let Ok(state) = core::str::from_utf8(&bytes) {
        found ^= sqlstate::sqlstate_class(state) as u32;
    }
    report(found);
}

static DELAYS: [Millis; 3] = [Millis::new(10), Millis::new(20), Millis::new(50)];
static LINEAR: ByArgs<fn(u32, ErrorClass, Millis) -> Millis> =
    by_args(|attempt, _, previous| previous.saturating_add(Millis::new(attempt)));
static EVERYTHING: Policy = Policy::new(
    LIMITED
        .attempt_timeout(CAP)
        .backoff_for(ErrorClass::Concurrency, Backoff::fixed(&DELAYS))
        .backoff_for(ErrorClass::RateLimit, Backoff::token_backoff(CAP, DEADLINE).or_retry_after())
        .backoff_for(ErrorClass::ServerError, Backoff::decorrelated_jitter(BASE, DEADLINE))
        .backoff_for(ErrorClass::Unknown, Backoff::custom(&LINEAR)),
)
.circuit_breaker(&BREAKER)
.budget(&BUDGET);

#[inline(never)]
fn tell(outcome: Outcome<u32, Fault>) {
    report(outcome.attempts);
    if let Some(checkpoint) = outcome.checkpoint {
        checkpoint.to_bytes().iter().for_each(|byte| report((*byte).into()));
    }
    report_result(outcome.into_result().map_err(last_error));
}

/// Everything but the text classifiers.
pub fn everything() {
    loop {
        let bytes: [u8; 32] = core::array::from_fn(|_| board::opaque().to_le_bytes()[0]);
        let checkpoint = Checkpoint::from_bytes(&bytes);
        let mut timeline = RetryTimeline::<8>::new();
        let mut context = EVERYTHING
            .context(environment())
            .operation("everything")
            .classifier(|fault: &Fault| http::classify_status(*fault as u16).retry_after(Millis::new(board::opaque())))
            .retry_result(|value: &u32| http::status(u16::try_from(*value).unwrap_or_default()))
            .abort_if(|| board::opaque() == 0)
            .sleep_handler(
                |_: &BackoffContext, delay| {
                    if delay.get() > board::opaque() { SleepDecision::Defer } else { SleepDecision::Sleep }
                },
            )
            .observe(|event: &Event| report(event.kind as u32))
            .observe(&mut timeline)
            .slice(CAP, || report(1));
        if let Ok(checkpoint) = checkpoint
            && let Ok(resumed) = context.resume(&checkpoint, CAP)
        {
            tell(resumed.execute(operation));
        } else {
            tell(context.execute(operation));
        }
        timeline.events().for_each(|event| report(event.event as u32));
    }
}
