//! Two threads whose transfers are in each other's way.

use std::{
    collections::BTreeMap,
    sync::{
        Barrier,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use postgres::{Error, error::SqlState};
use redress_std::{ErrorClass, Event, EventKind, classify::sqlstate::unpack};

use crate::{
    ledger::{Booked, Ledger, Order, Step, transfer},
    teller::Teller,
};

/// The reaction of the threads to a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// Retries as the policy [`BANK`](crate::teller::BANK) decides.
    Policy,
    /// Gives up at the first failure.
    None,
}

/// The results of all orders of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Orders that were booked.
    pub done: u32,
    /// Orders that were not, by SQLSTATE, or `connection`.
    pub failed: BTreeMap<String, u32>,
    /// Retries, by SQLSTATE, or `connection`.
    pub retries: BTreeMap<String, u32>,
}

impl Tally {
    fn count(counts: &mut BTreeMap<String, u32>, state: Option<&str>) {
        *counts.entry(state.unwrap_or("connection").to_owned()).or_default() += 1;
    }

    fn end(&mut self, result: Result<Booked, Option<Error>>) {
        match result {
            Ok(_) => self.done += 1,
            Err(error) => Self::count(&mut self.failed, error.as_ref().and_then(Error::code).map(SqlState::code)),
        }
    }

    /// Counts a retry: after a conflict by its SQLSTATE, which is the event's code, else as `connection`.
    fn retry(&mut self, event: &Event) {
        if event.kind == EventKind::Retry {
            let conflict = event.class == Some(ErrorClass::Concurrency);
            let state = event.code.filter(|_| conflict).map(unpack);
            Self::count(&mut self.retries, state.as_ref().and_then(|state| str::from_utf8(state).ok()));
        }
    }

    /// Orders that were not booked.
    pub fn lost(&self) -> u32 {
        self.failed.values().sum()
    }

    fn add(mut self, other: &Self) -> Self {
        self.done += other.done;
        for (ours, theirs) in [(&mut self.failed, &other.failed), (&mut self.retries, &other.retries)] {
            for (state, count) in theirs {
                *ours.entry(state.clone()).or_default() += count;
            }
        }
        self
    }
}

/// A rendezvous of two attempts, as one of them holds it. Dropping it releases the other attempt.
struct Meeting {
    tell: Sender<()>,
    hear: Receiver<()>,
}

impl Meeting {
    fn pair() -> [Self; 2] {
        let ((tell, heard), (told, hear)) = (channel(), channel());
        [Self { tell, hear }, Self { tell: told, hear: heard }]
    }

    /// Waits for the other one, unless he is gone.
    fn meet(&self) {
        if self.tell.send(()).is_ok() {
            let _ = self.hear.recv();
        }
    }
}

/// The two orders of a round, and where their first attempts meet: by turns both take from one account, and each locks
/// what the other needs next.
fn round(number: u32, first_key: i64) -> ([Order; 2], Step) {
    let key = first_key + 2 * i64::from(number);
    let (pairs, step) =
        if number.is_multiple_of(2) { ([(1, 2), (1, 3)], Step::Keyed) } else { ([(1, 2), (2, 1)], Step::Taken) };
    let order = |thread: usize, key| Order { key, from: pairs[thread].0, to: pairs[thread].1, amount: 100 };
    ([order(0, key), order(1, key + 1)], step)
}

/// Two threads book an order each, in each of these rounds. `midway` happens in the middle of both first attempts of the
/// round in the middle. Keys begin with `first_key`.
///
/// # Panics
///
/// If one of the threads does.
pub fn run(ledger: &Ledger, care: Care, rounds: u32, first_key: i64, midway: impl Fn() + Sync) -> Tally {
    let start = Barrier::new(2);
    let (start, midway) = (&start, &midway);
    let (ours, theirs): (Vec<_>, Vec<_>) = (0..rounds).map(|_| Meeting::pair().into()).unzip();
    thread::scope(|scope| {
        let threads = [ours, theirs].into_iter().enumerate().map(|(thread, meetings)| {
            scope.spawn(move || {
                let (mut teller, mut tally) = (ledger.teller(), Tally::default());
                for (number, meeting) in (0..).zip(meetings) {
                    start.wait();
                    let (orders, step) = round(number, first_key);
                    let mut meeting = Some(meeting);
                    book(&mut teller, care, &orders[thread], &mut tally, || {
                        // Only the first attempt takes part. If it fails before, the other thread's attempt goes on.
                        let meeting = meeting.take();
                        move |at| {
                            if let Some(meeting) = meeting.as_ref().filter(|_| at == step) {
                                if thread == 0 && number == rounds / 2 {
                                    midway();
                                }
                                meeting.meet();
                            }
                        }
                    });
                }
                tally
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().fold(Tally::default(), |all, thread| all.add(&thread.join().expect("no panic")))
    })
}

/// Books an order. `at` makes the callback for the steps of an attempt, one for each attempt.
fn book<F: FnMut(Step)>(teller: &mut Teller, care: Care, order: &Order, tally: &mut Tally, mut at: impl FnMut() -> F) {
    match care {
        Care::None => {
            let result = teller.once(|client| transfer(client, order, at()));
            tally.end(result.map_err(Some));
        }
        Care::Policy => {
            let retry = |event: &Event| tally.retry(event);
            let outcome = teller.call("transfer", retry, |client| transfer(client, order, at()));
            tally.end(outcome.into_result().map_err(|error| error.error));
        }
    }
}
