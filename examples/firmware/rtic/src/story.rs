//! The world around the connection, and the checks on the tasks that keep it.
//!
//! Waits double from a second on. A session of less than half a minute counts as a failure, a longer one lets them begin anew. The
//! carrier that is back cuts the wait of eight seconds short.

use firmware_support::{exit, println};
use redress_core::{Clock, ErrorClass, StopReason};

use crate::link::{CLOCK, sleep};
use crate::meter;

/// The count with which the clock starts: it wraps after twenty seconds.
pub(crate) const FIRST: u32 = u32::MAX - 20_000;

/// The result of an attempt.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// No connection.
    Fails,
    /// One that lives for so many seconds.
    Lives(u64),
    /// The server refuses the credentials.
    Refused,
}

/// The steps, each with its moment in seconds after the first.
const STEPS: [(u64, Step); 9] = [
    (0, Step::Fails),
    (1, Step::Fails),
    (3, Step::Lives(1)),
    (8, Step::Fails),
    (16, Step::Lives(40)),
    (57, Step::Fails),
    (59, Step::Fails),
    (63, Step::Fails),
    // Its turn would be at 71.
    (CARRIER_BACK_AT, Step::Refused),
];

const CARRIER_BACK_AT: u64 = 65;

/// Most milliseconds by which an attempt comes late: a tick for each of the waits before, which end with the tick after.
const LATE_MS: u64 = 20;

/// Waits until the carrier is back.
pub(crate) async fn carrier_is_back() {
    sleep(CARRIER_BACK_AT * 1_000).await;
}

/// The moments of the attempts, in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    at: [u64; STEPS.len()],
    made: usize,
}

/// Plays the world, and writes down when the attempts are made.
pub(crate) struct Script<'d> {
    diary: &'d mut Diary,
}

impl<'d> Script<'d> {
    pub(crate) const fn new(diary: &'d mut Diary) -> Self {
        Self { diary }
    }

    /// Makes an attempt.
    pub(crate) fn connect(&mut self) -> Result<(), ErrorClass> {
        let Some((at, (_, step))) = self.diary.at.get_mut(self.diary.made).zip(STEPS.get(self.diary.made)) else {
            return Err(ErrorClass::Permanent);
        };
        *at = CLOCK.now().ticks();
        self.diary.made += 1;
        match step {
            Step::Fails => Err(ErrorClass::Transient),
            Step::Lives(_) => Ok(()),
            Step::Refused => Err(ErrorClass::Auth),
        }
    }

    /// Uses the connection until it fails.
    pub(crate) async fn serve(&mut self) -> ErrorClass {
        if let Some((_, Step::Lives(seconds))) = self.diary.made.checked_sub(1).and_then(|latest| STEPS.get(latest)) {
            sleep(seconds * 1_000).await;
        }
        ErrorClass::Transient
    }
}

pub(crate) const KEEPER: usize = 0;
pub(crate) const MACHINE: usize = 1;

/// The reports of the tasks.
#[derive(Debug, Default)]
pub struct Book {
    links: [Option<(StopReason, Diary)>; 2],
    meter: Option<Result<(u32, u64), StopReason>>,
}

impl Book {
    /// Takes the report of a task that kept the connection.
    pub(crate) fn close(&mut self, task: usize, ended: StopReason, diary: Diary) {
        if let Some(link) = self.links.get_mut(task) {
            *link = Some((ended, diary));
        }
        self.judge();
    }

    /// Takes the report of the meter.
    pub(crate) fn close_meter(&mut self, ended: Result<(u32, u64), StopReason>) {
        self.meter = Some(ended);
        self.judge();
    }

    /// Exits once all reports are there.
    fn judge(&self) {
        let Self { links: [Some(keeper), Some(machine)], meter: Some(result) } = self else { return };
        println!("keeper: {keeper:?}");
        println!("machine: {machine:?}");
        println!("meter: {result:?}");
        let period = 1_000 * meter::PERIOD.as_secs();
        let is_read = result.is_ok_and(|(attempts, took)| attempts == 4 && is_at(took, 3 * period));
        let has_wrapped = CLOCK.now().ticks() > u64::from(u32::MAX - FIRST);
        exit(i32::from(!(is_due(keeper) && is_due(machine) && is_read && has_wrapped)))
    }
}

fn is_at(moment: u64, expected: u64) -> bool {
    (expected..=expected + LATE_MS).contains(&moment)
}

/// Returns whether each attempt came at its moment and the last one ended it.
fn is_due((ended, diary): &(StopReason, Diary)) -> bool {
    let [first, ..] = diary.at;
    let moments = diary.at.iter().zip(&STEPS);
    *ended == StopReason::NonRetryableClass
        && diary.made == STEPS.len()
        && moments.into_iter().all(|(at, (expected, _))| is_at(at - first, expected * 1_000))
}
