//! The virtual clock: futures, and the moments at which they are polled.

use std::{
    cell::{Cell, RefCell},
    ops::DerefMut,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use redress_core::{
    AsyncEnvironment, Clock, Environment, Instant, RandomSource, SeededRandom, SelfClassifier, env::mode,
};

use super::queue::Queue;

/// Nanoseconds since the start of a run.
pub(super) type Nanos = u64;

pub(super) const MILLI: Nanos = 1_000_000;
pub(super) const SECOND: Nanos = 1_000 * MILLI;

/// The bits of an event that are the task; those above are the time in microseconds.
const TASK_BITS: u32 = 24;

/// Stands for the end of a part of the run in place of a task. At the same moment it comes last.
const END: u32 = (1 << TASK_BITS) - 1;

/// The most tasks of a run.
pub(super) const MAX_TASKS: u32 = END;

/// The last moment of an event, after 12 days. No run lasts that long.
const LAST: Nanos = ((1 << (64 - TASK_BITS)) - 1) * MICRO;

const MICRO: Nanos = 1_000;

/// The time of a run, and which task is polled when. A task is polled at each moment that was asked for; what it waits for may
/// be gone by then. A task asks for itself only, so that no event is sooner than the one before.
///
/// # Design
///
/// An event is one word, because a large fleet is as fast as its memory: 8 bytes of time and task in place of 16.
#[derive(Default)]
pub(super) struct Clockwork {
    now: Cell<Nanos>,
    queue: RefCell<Queue>,
}

/// Why [`Clockwork::run`] has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ran {
    /// The end has come, or nothing is left to happen.
    ToEnd,
    /// Tasks have been polled as often as was allowed.
    OutOfPolls,
}

impl Clockwork {
    pub(super) fn now(&self) -> Nanos {
        self.now.get()
    }

    /// Polls a task at this moment, rounded up to whole microseconds.
    pub(super) fn wake(&self, task: u32, at: Nanos) {
        let micros = at.clamp(self.now(), LAST).div_ceil(MICRO);
        self.queue.borrow_mut().push(micros << TASK_BITS | u64::from(task));
    }

    /// Waits in a task, without end with `Nanos::MAX`.
    pub(super) fn sleep_until(&self, task: u32, at: Nanos) -> Sleep {
        if at != Nanos::MAX {
            self.wake(task, at);
        }
        Sleep { at }
    }

    /// Forgets all that was to happen, and goes on at this moment.
    pub(super) fn skip_to(&self, now: Nanos) {
        *self.queue.borrow_mut() = Queue::default();
        self.now.set(now);
    }

    /// Ends [`run`](Self::run) at this moment, after all else that is planned for it. To be called before that is planned.
    pub(super) fn end_at(&self, at: Nanos) {
        self.wake(END, at);
    }

    /// Polls tasks until the next end, or until they have been polled so often. Tasks that are ready are dropped. Returns how
    /// often.
    pub(super) fn run<P>(&self, tasks: &mut [Option<Pin<P>>], polls: u64) -> (Ran, u64)
    where
        P: DerefMut<Target: Future>,
    {
        let mut context = Context::from_waker(Waker::noop());
        for polled in 0..polls {
            let next = self.queue.borrow_mut().pop();
            let Some(event) = next else { return (Ran::ToEnd, polled) };
            self.now.set((event >> TASK_BITS) * MICRO);
            POLLED_AT.set(self.now());
            let task = event & u64::from(END);
            if task == u64::from(END) {
                return (Ran::ToEnd, polled);
            }
            #[expect(clippy::cast_possible_truncation, reason = "24 bits")]
            let slot = tasks.get_mut(task as usize);
            if let Some(slot) = slot
                && let Some(future) = slot
                && future.as_mut().poll(&mut context).is_ready()
            {
                *slot = None;
            }
        }
        (Ran::OutOfPolls, polls)
    }
}

thread_local! {
    /// The moment at which the clockwork that runs in this thread polls.
    static POLLED_AT: Cell<Nanos> = const { Cell::new(0) };
}

/// A wait. It is ready once its time has come, for any task that polls it.
///
/// # Design
///
/// It does not refer to its clockwork, because each client has room for one beside its attempt.
pub(super) struct Sleep {
    at: Nanos,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if POLLED_AT.get() >= self.at { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The environment of a task.
pub(super) struct Virtual<'c> {
    pub(super) clockwork: &'c Clockwork,
    pub(super) task: u32,
    pub(super) random: SeededRandom,
}

impl Clock for Virtual<'_> {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.clockwork.now() / MILLI)
    }
}

impl Environment for Virtual<'_> {
    type Mode = mode::Local;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    fn random(&mut self) -> u32 {
        self.random.next_u32()
    }
}

impl AsyncEnvironment for Virtual<'_> {
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        self.clockwork.sleep_until(self.task, self.clockwork.now() + ticks * MILLI)
    }
}

/// Random numbers of the server and of the clients' habits: `SplitMix64` (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// Returns a number from 0 to below 1, with 53 random bits.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns an exponentially distributed number with mean 1. The logarithm is that of libm, which is the same on every target.
    pub(super) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }
}

/// Scales a span; the product is rounded to whole nanoseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "spans are days, which 53 bits hold to the nanosecond, and the cast saturates"
)]
pub(super) fn scaled(span: Nanos, factor: f64) -> Nanos {
    (span as f64 * factor + 0.5) as Nanos
}
