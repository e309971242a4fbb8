//! One policy, and four stories it carries a client through. Each checks that it ended as it should.

use std::{error::Error, thread, time::Duration};

use quickstart::{
    client::Failure,
    server::{Fault, HEALTHY},
};
use redress_std::{
    AttemptInfo, Backoff, BreakerConfig, BreakerState, Budget, BudgetConfig, ByRef, CHECKPOINT_LEN, Checkpoint,
    CheckpointError, CircuitBreaker, ErrorClass, Millis, Outcome, Policy, Retry, SelfClassifier, SleepDecision,
    StdClock, StopReason, Threads,
};

use crate::{api::Api, check::expect, file::CheckpointFile, journal::Journal};

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

// ---- The policy: plain data, checked while compiling, shared by every caller of the service --------------------------

static BREAKER: CircuitBreaker<8> = CircuitBreaker::new(BreakerConfig::new(3).recovery_timeout(ms(800)));
static BUDGET: Budget<24> = Budget::new(BudgetConfig::rolling(RETRIES, Duration::from_secs(60)));
const RETRIES: u16 = 24;

static SERVICE: Policy = Policy::new(
    Retry::new(Backoff::decorrelated_jitter(ms(100), ms(1_000)))
        .backoff_for(ErrorClass::ServerError, Backoff::equal_jitter(ms(50), ms(500)))
        .limit_for(ErrorClass::ServerError, 2)
        .backoff_for(ErrorClass::RateLimit, Backoff::equal_jitter(ms(50), ms(800)).or_retry_after())
        .limit_for(ErrorClass::RateLimit, 3)
        .max_attempts(8)
        .attempt_timeout(ms(500))
        .deadline(Duration::from_secs(10)),
)
.circuit_breaker(&BREAKER)
.budget(&BUDGET);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

// ---- The call sites -------------------------------------------------------------------------------------------------

/// Waits on this thread, however long the policy says.
fn fetch(api: &Api, journal: &mut Journal, path: &str) -> Outcome<String, Failure> {
    SERVICE
        .context(Threads)
        .operation("fetch")
        .classifier(SelfClassifier)
        .observe(ByRef(journal))
        .execute(|attempt: AttemptInfo| api.get(path, attempt.remaining))
}

/// Waits on this thread only if it is not for long. Otherwise the call ends with a checkpoint.
fn fetch_or_defer(api: &Api, journal: &mut Journal, path: &str) -> Outcome<String, Failure> {
    SERVICE
        .context(Threads)
        .operation("fetch_or_defer")
        .classifier(SelfClassifier)
        .observe(ByRef(journal))
        .sleep_handler(|_, delay| if delay < LONG { SleepDecision::Sleep } else { SleepDecision::Defer })
        .execute(|attempt: AttemptInfo| api.get(path, attempt.remaining))
}

const LONG: Millis = Millis::from_secs(2);

/// Resumes a call from its checkpoint, made `slept` ago, in loop form. Returns the value and the number of its attempt.
fn go_on(
    api: &Api,
    journal: &mut Journal,
    path: &str,
    checkpoint: &Checkpoint,
    slept: Duration,
) -> Result<(String, u32)> {
    let mut context =
        SERVICE.context(Threads).operation("fetch_or_defer").classifier(SelfClassifier).observe(ByRef(journal));
    let mut run = context.resume(checkpoint, slept)?.start()?;
    loop {
        let attempt = run.attempt();
        match api.get(path, attempt.remaining) {
            Ok(value) => return Ok((run.succeed(value), attempt.number)),
            Err(failure) => run.failed(failure)?,
        }
    }
}

// ---- The stories ----------------------------------------------------------------------------------------------------

/// Six faults, six kinds of wait, then an answer.
pub(crate) fn success_after_trouble(api: &Api, journal: &mut Journal) -> Result {
    journal.open("1. success after trouble");
    api.script(
        "/trouble",
        &[
            Fault::Reset,
            Fault::Hang,
            Fault::Status(503),
            Fault::RetryAfterSeconds { status: 429, secs: 1 },
            Fault::RetryAfterDate { status: 429, secs: 1 },
            Fault::Status(500),
        ],
    );
    let outcome = fetch(api, journal, "/trouble");
    journal.close("fetch");
    journal.say(&format!("\n{outcome}"));

    expect("value", outcome.value().map(String::as_str), Some(HEALTHY))?;
    expect("attempts", outcome.attempts, 7)?;
    // The server's own log shows that no attempt came sooner than the server had asked for.
    let requests = api.requests("/trouble");
    expect("requests", requests.len(), 7)?;
    expect("seconds respected", pause_before(5, &requests) >= ms(1_000), true)?;
    expect("date respected", pause_before(6, &requests) >= ms(1_000), true)
}

/// Shows that a permanent failure is not retried.
pub(crate) fn give_up_on_refusal(api: &Api, journal: &mut Journal) -> Result {
    journal.open("2a. giving up: the answer will not change");
    api.script("/private", &[Fault::Status(503), Fault::Status(401)]);
    let outcome = fetch(api, journal, "/private");
    journal.close("fetch");
    journal.say(&format!("\n{outcome}"));

    expect("stop reason", outcome.stop_reason, Some(StopReason::NonRetryableClass))?;
    expect("class", outcome.last_class, Some(ErrorClass::Auth))?;
    expect("status", outcome.error().and_then(Failure::status), Some(401))?;
    expect("requests", api.requests("/private").len(), 2)
}

/// A server may ask for a longer wait than the whole call may take. Then the call ends at once, and names what the server asked for.
pub(crate) fn give_up_before_the_deadline(api: &Api, journal: &mut Journal) -> Result {
    journal.open("2b. giving up: the server asks for more than the deadline");
    api.script("/busy", &[Fault::Status(503), Fault::RetryAfterSeconds { status: 429, secs: 30 }]);
    let outcome = fetch(api, journal, "/busy");
    let not_taken = outcome.next_delay.unwrap_or_default();
    let deadline = SERVICE.retry().deadline_after().map(Millis::from_duration).unwrap_or_default();
    let left = deadline.saturating_sub(outcome.elapsed);
    journal.note(format!("{not_taken} not taken, {left} left"));
    journal.close("fetch");
    journal.say(&format!("\n{outcome}"));

    expect("stop reason", outcome.stop_reason, Some(StopReason::RetryAfterTooLong))?;
    expect("hint of the server", not_taken, Millis::from_secs(30))?;
    expect("time saved", left > Millis::ZERO, true)?;
    expect("requests", api.requests("/busy").len(), 2)
}

/// Three calls fail, and the fourth is not made. Once the time has passed, one goes ahead to see.
pub(crate) fn breaker(api: &Api, journal: &mut Journal) -> Result {
    journal.open("3. the breaker opens, rejects, recovers");
    api.script("/down", &[Fault::Status(500); 9]);
    for _ in 0..3 {
        let outcome = fetch(api, journal, "/down");
        expect("stop reason", outcome.stop_reason, Some(StopReason::MaxAttemptsPerClass))?;
    }
    expect("breaker", BREAKER.state(), BreakerState::Open)?;

    let rejected = fetch(api, journal, "/down");
    expect("stop reason", rejected.stop_reason, Some(StopReason::CircuitOpen))?;
    expect("requests", api.requests("/down").len(), 9)?;
    let come_back = rejected.next_delay.unwrap_or_default();
    // Rounded up, so that no call comes too soon.
    expect("time to come back", come_back > Millis::ZERO && come_back <= Millis::new(801), true)?;
    journal.note(format!("come back in {come_back}"));
    thread::sleep(come_back.to_duration());

    let probe = fetch(api, journal, "/down");
    journal.close("fetch");
    journal.say(&format!("\n{rejected}\n{probe}"));
    expect("value", probe.value().map(String::as_str), Some(HEALTHY))?;
    expect("requests", api.requests("/down").len(), 10)?;
    expect("breaker", BREAKER.state(), BreakerState::Closed)
}

/// The call is put down in the middle and taken up again: nothing but a file goes from one half to the other.
pub(crate) fn deferral(api: &Api, journal: &mut Journal) -> Result {
    journal.open("4. deferral, and resumption from a file");
    api.script("/report", &[Fault::Status(503), Fault::RetryAfterSeconds { status: 429, secs: 2 }, Fault::Status(500)]);
    let file = CheckpointFile::in_temp_dir();

    let outcome = fetch_or_defer(api, journal, "/report");
    expect("stop reason", outcome.stop_reason, Some(StopReason::Scheduled))?;
    let checkpoint = outcome.checkpoint.ok_or("no checkpoint")?;
    file.write(&checkpoint)?;
    journal.note(format!("checkpoint written: {CHECKPOINT_LEN} bytes"));

    // Here the process may end. Whoever finds the file goes on.
    thread::sleep(ms(800));

    let (found, slept) = file.read()?;
    expect("checkpoint", found, checkpoint)?;
    journal.note(format!("checkpoint read, {} ms slept", slept.as_millis()));
    let (value, attempt) = go_on(api, journal, "/report", &found, slept)?;
    journal.close("fetch_or_defer");

    expect("value", value.as_str(), HEALTHY)?;
    expect("attempt, counted from the first", attempt, 4)?;
    let requests = api.requests("/report");
    expect("requests", requests.len(), 4)?;
    // The time slept is handed over in whole milliseconds, rounded up.
    expect("seconds respected", pause_before(3, &requests) >= ms(1_999), true)?;

    let mut harmed = checkpoint.to_bytes();
    harmed[5] ^= 1;
    expect("one bit flipped", Checkpoint::from_bytes(&harmed), Err(CheckpointError::Corrupt))
}

/// Checks the totals of all calls, and the tokens that are left in the budget.
pub(crate) fn summary(journal: &Journal) -> Result {
    let left = BUDGET.remaining(&StdClock);
    let Journal { calls, resumptions, attempts, retries, .. } = journal;
    journal.say(&format!("  {calls} calls ({resumptions} resumed), {attempts} attempts, {retries} of them retries"));
    journal.say(&format!("  budget: {left} of {RETRIES} retries left"));
    journal.say(&format!("  breaker: {}", BREAKER.state()));

    expect("calls", (*calls, *resumptions), (9, 1))?;
    expect("attempts", *attempts, 25)?;
    // Each call but the rejected one begins with an attempt that is not a retry.
    expect("retries", *retries, attempts - (calls - 1))?;
    expect("budget left", u32::from(left), u32::from(RETRIES) - retries)
}

/// The time from the request before to this one, the first being 1, as the server saw it.
fn pause_before(number: usize, requests: &[Duration]) -> Duration {
    requests[number - 1].saturating_sub(requests[number - 2])
}
