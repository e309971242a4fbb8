//! Faults of the part, and the expected course of the readings.
//!
//! | seconds | the part |
//! |---|---|
//! | 0 to 1 | is well |
//! | 1 to 3 | misses its address or hears noise every fourth time |
//! | 3 to 5 | loses the bus to another controller every fourth time |
//! | 5 to 20 | is unplugged |
//! | 20 to 25 | is well |

use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
use firmware_support::{println, systick};
use redress_core::{BreakerState, Clock, Instant, Millis, StopReason};

use crate::part::{Part, TEMPERATURE};
use crate::reader::{BREAKER, BUDGET_WINDOW, CLOCK, DEADLINE, MAX_ATTEMPTS, RECOVERY, RETRIES, Reader, Step};

const UNPLUGGED_MS: u64 = 5_000;
const PLUGGED_IN_MS: u64 = 20_000;
const END_MS: u64 = 25_000;

/// A step may be that late: the loop wakes once a millisecond, and steps take time.
const LATE_MS: u64 = 2;

fn fault(ms: u64, transfer: u32) -> Option<ErrorKind> {
    let unacknowledged = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
    match ms {
        1_000..3_000 if transfer.is_multiple_of(8) => Some(ErrorKind::Bus),
        1_000..3_000 if transfer.is_multiple_of(4) => Some(unacknowledged),
        3_000..UNPLUGGED_MS if transfer.is_multiple_of(4) => Some(ErrorKind::ArbitrationLoss),
        UNPLUGGED_MS..PLUGGED_IN_MS => Some(unacknowledged),
        _ => None,
    }
}

/// Plays all of it, asleep whenever nothing is due.
pub(crate) fn run(device: u64) -> Result<(), &'static str> {
    let start = CLOCK.now();
    let mut reader = Reader::new(Part::new(|transfer| fault(CLOCK.now().ticks_since(start), transfer)), device);
    let mut watch = Watch::default();
    let mut wakes = 0;
    while CLOCK.now().ticks_since(start) < END_MS {
        let before = Before { due: reader.poll_at(), state: BREAKER.state(), transfers: reader.bus().transfers() };
        if let Some(step) = reader.poll() {
            let now = CLOCK.now();
            let outage = (UNPLUGGED_MS..=PLUGGED_IN_MS + LATE_MS).contains(&now.ticks_since(start));
            watch.on_step(now, &before, step, reader.bus().transfers(), outage)?;
        } else {
            systick::wait_for_interrupt();
            wakes += 1;
        }
    }
    println!("{wakes} times asleep, {:?}", watch.seen);
    watch.seen.verdict(wakes)
}

/// The state before a step.
struct Before {
    due: Instant,
    state: BreakerState,
    transfers: u32,
}

/// Counts of all that happened.
#[derive(Debug, Default)]
struct Seen {
    readings: u32,
    retries: u32,
    gave_up: u32,
    out_of_budget: u32,
    rejected: u32,
    opened: u32,
    reopened: u32,
    closed: u32,
    latest_ms: u64,
}

impl Seen {
    fn verdict(&self, wakes: u64) -> Result<(), &'static str> {
        require(self.latest_ms <= LATE_MS, "a step came late")?;
        // One interrupt a millisecond ends one sleep: a loop that spins would sleep less often.
        require(wakes >= END_MS - END_MS / 20, "the core did not sleep")?;
        require(self.readings >= 36, "readings are missing")?;
        require(self.out_of_budget > 0, "the budget never ran out, so its bound was not tried")?;
        require(self.opened == 1 && self.closed == 1, "the circuit opens and closes once")?;
        require(self.reopened >= 2 && self.rejected > self.reopened, "probes find the part unplugged")
    }
}

/// Checks every step, times by the raw counter.
#[derive(Debug, Default)]
struct Watch {
    seen: Seen,
    /// When the current reading began, and how often it was tried.
    call: Option<(Instant, u32)>,
    /// The raw counter at the latest failure, and the wait decided then.
    waiting: Option<(u32, u64)>,
    opened_at: Option<u32>,
    /// The raw counter at the latest retries; the oldest is replaced next.
    retries: [Option<u32>; RETRIES as usize],
}

impl Watch {
    fn on_step(
        &mut self,
        now: Instant,
        before: &Before,
        step: Step,
        transfers: u32,
        outage: bool,
    ) -> Result<(), &'static str> {
        let raw = systick::millis();
        self.seen.latest_ms = self.seen.latest_ms.max(now.ticks_since(before.due));
        let tried = transfers - before.transfers;
        require(
            tried == u32::from(!matches!(step, Step::Rejected(_))),
            "one transfer, none where the circuit is open",
        )?;
        if tried > 0 {
            self.on_attempt(now, raw, before.state)?;
        }
        match step {
            Step::Read(value) => {
                require(value == TEMPERATURE, "a reading is wrong")?;
                self.seen.readings += 1;
            }
            Step::RetryAt(at) => {
                self.waiting = Some((raw, at.ticks_since(now)));
                self.on_retry(raw)?;
            }
            Step::GaveUp(reason) => {
                require(outage, "a reading was given up while the part was there")?;
                self.seen.gave_up += 1;
                self.seen.out_of_budget += u32::from(reason == StopReason::BudgetExhausted);
            }
            Step::Rejected(left) => {
                require(left <= Millis::from_duration(RECOVERY), "the circuit is to be open for too long")?;
                self.seen.rejected += 1;
            }
        }
        if !matches!(step, Step::RetryAt(_)) {
            self.call = None;
        }
        match (before.state, BREAKER.state()) {
            (BreakerState::Closed, BreakerState::Open) => self.seen.opened += 1,
            (BreakerState::HalfOpen, BreakerState::Open) => self.seen.reopened += 1,
            // A probe that fails or succeeds at once is half-open in between.
            (BreakerState::Open, BreakerState::Open) if tried > 0 => self.seen.reopened += 1,
            (BreakerState::HalfOpen | BreakerState::Open, BreakerState::Closed) => self.seen.closed += 1,
            _ => return Ok(()),
        }
        self.opened_at = (BREAKER.state() == BreakerState::Open).then_some(raw);
        Ok(())
    }

    fn on_attempt(&mut self, now: Instant, raw: u32, state: BreakerState) -> Result<(), &'static str> {
        let (started, attempt) = self.call.map_or((now, 1), |(started, attempt)| (started, attempt + 1));
        self.call = Some((started, attempt));
        require(attempt <= MAX_ATTEMPTS, "an attempt too many")?;
        require(now.ticks_since(started) <= millis(DEADLINE) + LATE_MS, "an attempt after the deadline")?;
        if let Some((failed, wait)) = self.waiting.take() {
            require(u64::from(raw.wrapping_sub(failed)) >= wait, "a wait was cut short")?;
        }
        let opened_at = self.opened_at.filter(|_| state == BreakerState::Open);
        let early = opened_at.is_some_and(|at| u64::from(raw.wrapping_sub(at)) < millis(RECOVERY));
        require(!early, "a probe before the recovery timeout")
    }

    fn on_retry(&mut self, raw: u32) -> Result<(), &'static str> {
        let slot = &mut self.retries[self.seen.retries as usize % usize::from(RETRIES)];
        self.seen.retries += 1;
        let oldest = slot.replace(raw);
        let early = oldest.is_some_and(|at| u64::from(raw.wrapping_sub(at)) + 1 < millis(BUDGET_WINDOW));
        require(!early, "more retries than the budget has")
    }
}

fn millis(span: core::time::Duration) -> u64 {
    Millis::from_duration(span).get().into()
}

/// Returns the fault unless the expectation holds.
pub(crate) fn require(holds: bool, fault: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(fault) }
}
