//! Clock, draws, waits and operation as the script of a vector says.

use core::{
    cell::Cell,
    future::{pending, poll_fn},
    marker::PhantomData,
    task::Poll,
};

use redress_core::{
    AsyncEnvironment, BlockingEnvironment, Classification, Classify, Clock, Environment, Instant, Millis,
    SelfClassifier, SleepDecision, env::mode,
};

use crate::{Answered, CallSpec, Item, Vector, item::short};

/// The world of one vector.
pub(crate) struct World<'a> {
    draws: &'a [u32],
    seen: &'a dyn Fn(Item),
    call: Cell<Option<&'a CallSpec>>,
    now: Cell<u64>,
    start: Cell<u64>,
    drawn: Cell<usize>,
    drawn_before: Cell<usize>,
    attempt: Cell<usize>,
    answered: Cell<usize>,
    slept: Cell<usize>,
}

/// What an attempt returns, as value or as error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    result: Answered,
    classification: Classification,
}

impl Step {
    /// Returns the class of a returned value that is a failure.
    pub(crate) fn failure(&self) -> Option<Classification> {
        (self.result == Answered::ResultFailure).then_some(self.classification)
    }
}

impl Classify for Step {
    fn classify(&self) -> Classification {
        self.classification
    }
}

/// Returns a counter's value and counts on.
fn next(counter: &Cell<usize>) -> usize {
    let count = counter.get();
    counter.set(count + 1);
    count
}

impl<'a> World<'a> {
    pub(crate) fn new(now: u64, vector: &'a Vector, seen: &'a dyn Fn(Item)) -> Self {
        Self {
            draws: vector.draws,
            seen,
            call: Cell::new(None),
            now: Cell::new(now),
            start: Cell::new(now),
            drawn: Cell::new(0),
            drawn_before: Cell::new(0),
            attempt: Cell::new(0),
            answered: Cell::new(0),
            slept: Cell::new(0),
        }
    }

    /// Lets the gap before a call pass and takes up its script.
    pub(crate) fn begin(&self, call: &'a CallSpec) {
        self.call.set(Some(call));
        self.now.set(self.now.get() + u64::from(call.gap));
        self.start.set(self.now.get());
        self.drawn_before.set(self.drawn.get());
        for counter in [&self.attempt, &self.answered, &self.slept] {
            counter.set(0);
        }
    }

    pub(crate) fn saw(&self, item: Item) {
        (self.seen)(item);
    }

    /// Reports it unless this holds.
    pub(crate) fn require(&self, holds: bool, what: &'static str) {
        if !holds {
            self.saw(Item::Wrong(what));
        }
    }

    /// Returns the time since the call began.
    pub(crate) fn elapsed(&self) -> Millis {
        Millis::new(u32::try_from(self.now.get() - self.start.get()).unwrap_or(u32::MAX))
    }

    /// Returns the draws of this call.
    pub(crate) fn draws(&self) -> u8 {
        short(u32::try_from(self.drawn.get() - self.drawn_before.get()).unwrap_or(u32::MAX))
    }

    /// The abort condition.
    pub(crate) fn is_aborted(&self) -> bool {
        let at = self.call.get().and_then(|call| call.abort_at);
        at.is_some_and(|at| self.now.get() - self.start.get() >= u64::from(at))
    }

    /// The sleep handler.
    pub(crate) fn decide(&self) -> SleepDecision {
        let answer = self.call.get().and_then(|call| call.answers.get(next(&self.answered)));
        answer.copied().unwrap_or(SleepDecision::Sleep)
    }

    /// The operation. `None`: it never ends.
    pub(crate) fn attempt(&self) -> Option<Result<Step, Step>> {
        let spec = self.call.get().and_then(|call| call.attempts.get(next(&self.attempt)));
        let Some(spec) = spec else { return Some(Err(self.give_up("an attempt beyond the script"))) };
        self.now.set(self.now.get() + u64::from(spec.took));
        let step = Step { result: spec.result, classification: spec.classification() };
        match spec.result {
            Answered::Ok | Answered::ResultFailure => Some(Ok(step)),
            Answered::Error | Answered::Abort => Some(Err(step)),
            Answered::Hangs => None,
        }
    }

    /// Reports what must not happen, and returns the error that ends every call.
    pub(crate) fn give_up(&self, what: &'static str) -> Step {
        self.saw(Item::Wrong(what));
        Step { result: Answered::Abort, classification: Classification::abort() }
    }

    /// The operation as a future, which is ready when polled for the second time.
    pub(crate) async fn attempt_later(&self) -> Result<Step, Step> {
        yield_once().await;
        match self.attempt() {
            Some(result) => result,
            None => pending().await,
        }
    }

    fn random(&self) -> u32 {
        let draw = self.draws.get(next(&self.drawn)).copied();
        self.require(draw.is_some(), "a draw beyond the list");
        draw.unwrap_or(0)
    }

    /// Waits, as much longer as the script says.
    fn sleep(&self, ticks: u64) {
        self.saw(Item::Sleep(Millis::new(u32::try_from(ticks).unwrap_or(u32::MAX))));
        let longer = self.call.get().and_then(|call| call.oversleep.get(next(&self.slept)));
        self.now.set(self.now.get() + ticks + u64::from(longer.copied().unwrap_or(0)));
    }
}

impl Clock for World<'_> {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.now.get())
    }
}

/// The world as an environment of one of the modes.
pub(crate) struct Env<'w, 'a, M> {
    world: &'w World<'a>,
    mode: PhantomData<M>,
}

impl<'w, 'a, M> Env<'w, 'a, M> {
    pub(crate) fn new(world: &'w World<'a>) -> Self {
        Self { world, mode: PhantomData }
    }
}

impl<M> Clock for Env<'_, '_, M> {
    const TICK_HZ: u32 = World::TICK_HZ;

    fn now(&self) -> Instant {
        self.world.now()
    }
}

impl<M: mode::Mode> Environment for Env<'_, '_, M> {
    type Mode = M;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    fn random(&mut self) -> u32 {
        self.world.random()
    }
}

impl BlockingEnvironment for Env<'_, '_, mode::Blocking> {
    fn sleep(&mut self, ticks: u64) {
        self.world.sleep(ticks);
    }
}

impl AsyncEnvironment for Env<'_, '_, mode::Local> {
    /// Waits when polled for the third time: an attempt that is raced against it is ready by then.
    async fn sleep(&mut self, ticks: u64) {
        let world = self.world;
        yield_once().await;
        yield_once().await;
        world.sleep(ticks);
    }
}

/// Is pending once, so that a driver which forgets to wait for something does not get away with it.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if core::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
