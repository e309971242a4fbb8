//! The night and its expected course. There is no network until the eighth attempt.
//!
//! 1. A call uses up its three attempts, with deep sleep in each backoff.
//! 2. A call is slept through for too long: its deadline is over before its second attempt.
//! 3. A call uses up its attempts again. It is the second failure, so the circuit opens; the first is known from the
//!    breaker's checkpoint, through two starts.
//! 4. The circuit is open, through a deep sleep too. The call it lets through at last delivers the report.
//!
//! Every other deep sleep is cut short: the core comes back in the middle of the wait, and waits out what is left.

use firmware_support::{println, systick};
use redress_core::{BreakerState, Checkpoint, Clock, ErrorClass, Millis, SeededRandom, StopReason};

use crate::record::{Chapter, Record};
use crate::report::{BASE, BREAKER, CLOCK, DEADLINE, RECOVERY, Step, report, sleep_until};

/// Attempts before the network is back.
const NIGHT: u8 = 7;

/// The end of the core's time.
pub(crate) enum Ending {
    /// The report is delivered.
    Delivered,
    /// The core goes off and resumes with this record.
    Asleep(Record),
}

/// Plays from the first start.
pub(crate) fn begin(device: u64, rtc: &dyn Fn() -> u64) -> Result<Ending, &'static str> {
    println!("cold start");
    play(device, rtc, Chapter::default(), None, Millis::ZERO)
}

/// Plays on after deep sleep.
pub(crate) fn go_on(device: u64, rtc: &dyn Fn() -> u64, record: Record) -> Result<Ending, &'static str> {
    let chapter = record.chapter;
    // The core was off meanwhile: for half of the wait, once for much longer.
    let overslept = chapter.gave_up == 1 && record.call.is_some();
    let off = if overslept { millis(DEADLINE) } else { chapter.wait / 2 };
    while rtc() < record.slept_at + u64::from(off) {
        systick::wait_for_interrupt();
    }
    let slept = Millis::new(u32::try_from(rtc().saturating_sub(record.slept_at)).unwrap_or(u32::MAX));
    println!("woke after {slept}, {chapter:?}");
    record.restore_breaker(slept).map_err(|_| "the breaker's checkpoint was refused")?;
    play(device, rtc, chapter, record.call, slept)
}

fn play(
    device: u64,
    rtc: &dyn Fn() -> u64,
    mut chapter: Chapter,
    mut call: Option<Checkpoint>,
    slept: Millis,
) -> Result<Ending, &'static str> {
    // The generator starts anew with the core: with the device alone as seed it would draw the same each time.
    let mut random = SeededRandom::new(device << 32 ^ rtc());
    loop {
        let mut early = false;
        let send = || {
            let since = rtc().saturating_sub(chapter.tried_at);
            early = chapter.tried > 0 && since < u64::from(chapter.wait);
            chapter = Chapter { tried: chapter.tried + 1, tried_at: rtc(), wait: 0, ..chapter };
            println!("attempt {} in all, {since} ms after the one before", chapter.tried);
            if chapter.tried > NIGHT { Ok(()) } else { Err(ErrorClass::Transient) }
        };
        let step = report(call.take().as_ref(), slept, &mut random, send);
        let step = step.map_err(|_| "the call's checkpoint was refused")?;
        require(!early, "a wait was cut short")?;
        println!("{step:?}");
        let call = match step {
            Step::Delivered => {
                require(chapter.gave_up == 3 && chapter.rejected == 2, "delivered, but not after all that")?;
                require(BREAKER.state() == BreakerState::Closed, "the circuit did not close")?;
                return Ok(Ending::Delivered);
            }
            Step::RetryIn(wait, checkpoint) => {
                retry_is_due(&chapter, wait, &checkpoint)?;
                chapter.wait = wait.get();
                Some(checkpoint)
            }
            Step::Rejected(left) => {
                rejection_is_due(&chapter, left, rtc())?;
                chapter.rejected += 1;
                chapter.wait = millis(RECOVERY);
                if chapter.rejected == 2 {
                    sleep_until(CLOCK.now().saturating_add(left.get().into()));
                    continue;
                }
                None
            }
            Step::GaveUp(reason, attempts) => {
                chapter.gave_up += 1;
                end_is_due(&chapter, reason, attempts)?;
                continue;
            }
        };
        let record = Record::new(chapter, call, rtc()).map_err(|_| "the breaker's checkpoint has no room")?;
        return Ok(Ending::Asleep(record));
    }
}

/// Checks that attempts are counted on across starts, and so that the backoff doubles.
fn retry_is_due(chapter: &Chapter, wait: Millis, checkpoint: &Checkpoint) -> Result<(), &'static str> {
    let before = [0, 3, 4].get(usize::from(chapter.gave_up)).ok_or("a call too many")?;
    require(checkpoint.attempts() + before == chapter.tried.into(), "attempts were forgotten")?;
    require(wait.get() >= millis(BASE) << (checkpoint.attempts() - 1), "the backoff does not go on")
}

fn rejection_is_due(chapter: &Chapter, left: Millis, now: u64) -> Result<(), &'static str> {
    require(chapter.gave_up == 3, "the circuit is open too soon")?;
    // It opened right after the latest attempt. What was slept is rounded down, so it may be open a little longer.
    let open = u64::from(left.get()) + now.saturating_sub(chapter.tried_at);
    let recovery = u64::from(millis(RECOVERY));
    require((recovery - 1..=recovery + 100).contains(&open), "the circuit is not open for its time")
}

fn end_is_due(chapter: &Chapter, reason: StopReason, attempts: u32) -> Result<(), &'static str> {
    let expected = match chapter.gave_up {
        1 => (StopReason::MaxAttemptsGlobal, 3, BreakerState::Closed),
        2 => (StopReason::DeadlineExceeded, 1, BreakerState::Closed),
        _ => (StopReason::MaxAttemptsGlobal, 3, BreakerState::Open),
    };
    require(reason == expected.0, "a call was given up for another reason")?;
    require(attempts == expected.1, "attempts were forgotten")?;
    require(BREAKER.state() == expected.2, "the circuit opens at the second failure")
}

fn millis(span: core::time::Duration) -> u32 {
    Millis::from_duration(span).get()
}

/// Returns the fault unless the expectation holds.
pub(crate) fn require(holds: bool, fault: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(fault) }
}
