//! The world in which a scenario takes place: clock, draws, waits and operation as its script says.

use std::{
    future::poll_fn,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
};

use redress_core::{
    AsyncEnvironment, AttemptEnd, AttemptStart, BlockingEnvironment, Classification, Classify, Clock, Environment,
    ErrorClass, Event, Instant, Millis, SelfClassifier, SleepDecision, env::mode,
};

use crate::{
    scenario::{Answer, AttemptResult, AttemptSpec, Call, hint},
    trace::{CallTrace, EndTrace, EventTrace, micros},
};

/// What an attempt returns, as value or as error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The attempt it came from.
    pub attempt: u32,
    /// What it is.
    pub result: AttemptResult,
    /// The class it will be given.
    pub classification: Classification,
}

impl AttemptSpec {
    fn classification(&self) -> Classification {
        if self.result == AttemptResult::Abort {
            return Classification::abort();
        }
        let classification = Classification::new(self.class.map_or(ErrorClass::Unknown, |class| class.0));
        self.retry_after_ms.map_or(classification, |millis| classification.retry_after(hint(millis)))
    }
}

impl Classify for Step {
    fn classify(&self) -> Classification {
        self.classification
    }
}

impl Step {
    /// The class of a returned value that is a failure.
    pub fn failure(&self) -> Option<Classification> {
        (self.result == AttemptResult::ResultFailure).then_some(self.classification)
    }
}

/// The world; clones are the same world. It can go to other threads, so that futures with it inside can.
#[derive(Clone, Debug)]
pub struct World(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    now: u64,
    draws: Vec<u32>,
    drawn: usize,
    /// The script of the current call, and how far it has come.
    attempts: Vec<AttemptSpec>,
    operation: &'static str,
    abort_at: Option<u64>,
    answers: Option<Vec<Answer>>,
    oversleep: Vec<u64>,
    start: u64,
    drawn_before: usize,
    attempt: usize,
    answered: usize,
    trace: CallTrace,
    errors: Vec<String>,
}

impl World {
    /// A world at this moment, with these draws from `[0, 1)`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a draw is below 1, and exact in 12 bits"
    )]
    pub fn new(now: u64, draws: &[f64]) -> Self {
        let draws = draws.iter().map(|u| (u * 4_294_967_296.0) as u32).collect();
        Self(Arc::new(Mutex::new(State { now, draws, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics while holding the world")
    }

    /// Lets the gap before a call pass and takes up its script.
    pub fn begin(&self, call: &Call, operation: &'static str) {
        let mut state = self.state();
        state.now += call.gap_ms;
        state.start = state.now;
        state.attempts.clone_from(&call.attempts);
        state.operation = operation;
        state.abort_at = call.abort_if.map(|abort| abort.at_ms);
        state.answers.clone_from(&call.sleep_decisions);
        state.oversleep.clone_from(&call.oversleep_ms);
        state.drawn_before = state.drawn;
        state.attempt = 0;
        state.answered = 0;
        state.trace = CallTrace::default();
    }

    /// What happened since the call began.
    pub fn finish(&self) -> CallTrace {
        let mut state = self.state();
        let draws = state.drawn - state.drawn_before;
        CallTrace { draws, ..std::mem::take(&mut state.trace) }
    }

    /// What an implementation must not do: the first thing it did.
    pub fn error(&self) -> Option<String> {
        self.state().errors.first().cloned()
    }

    /// Notes something that must not happen.
    pub fn complain(&self, error: impl Into<String>) {
        self.state().errors.push(error.into());
    }

    /// Notes it unless this holds.
    pub fn check(&self, holds: bool, error: impl FnOnce() -> String) {
        if !holds {
            self.complain(error());
        }
    }

    /// The name of the current operation.
    pub fn operation(&self) -> &'static str {
        self.state().operation
    }

    /// Attempts made in this call.
    pub fn attempts(&self) -> u32 {
        u32::try_from(self.state().attempt).unwrap_or(u32::MAX)
    }

    /// Milliseconds since the call began.
    pub fn elapsed(&self) -> Millis {
        let state = self.state();
        Millis::new(u32::try_from(state.now - state.start).unwrap_or(u32::MAX))
    }

    /// Whether the call has an abort condition.
    pub fn has_abort(&self) -> bool {
        self.state().abort_at.is_some()
    }

    /// Whether the call has a sleep handler.
    pub fn has_handler(&self) -> bool {
        self.state().answers.is_some()
    }

    /// The abort condition.
    pub fn is_aborted(&self) -> bool {
        let state = self.state();
        state.abort_at.is_some_and(|at| state.now - state.start >= at)
    }

    /// The sleep handler.
    pub fn decide(&self) -> SleepDecision {
        let mut state = self.state();
        let answer = state.answers.as_ref().and_then(|answers| answers.get(state.answered)).copied();
        state.answered += 1;
        match answer.unwrap_or(Answer::Sleep) {
            Answer::Sleep => SleepDecision::Sleep,
            Answer::Defer => SleepDecision::Defer,
            Answer::Abort => SleepDecision::Abort,
        }
    }

    /// The operation.
    pub fn attempt(&self) -> Result<Step, Step> {
        let mut state = self.state();
        let Some(spec) = state.attempts.get(state.attempt).copied() else {
            let error = format!("attempt {} is beyond the script", state.attempt + 1);
            state.errors.push(error);
            // Ends every call.
            return Err(Step { attempt: 0, result: AttemptResult::Abort, classification: Classification::abort() });
        };
        state.attempt += 1;
        state.now += spec.took_ms;
        let attempt = u32::try_from(state.attempt).unwrap_or(u32::MAX);
        let step = Step { attempt, result: spec.result, classification: spec.classification() };
        match spec.result {
            AttemptResult::Ok | AttemptResult::ResultFailure => Ok(step),
            AttemptResult::Error | AttemptResult::Abort => Err(step),
        }
    }

    /// The next draw.
    pub fn random(&self) -> u32 {
        let mut state = self.state();
        let draw = state.draws.get(state.drawn).copied();
        state.drawn += 1;
        draw.unwrap_or_else(|| {
            let error = format!("draw {} is beyond the list", state.drawn);
            state.errors.push(error);
            0
        })
    }

    /// A wait is asked for: notes it, and says how long it will really last.
    pub fn ask_sleep(&self, ticks: u64) -> u64 {
        let mut state = self.state();
        let wait = state.trace.sleeps_us.len();
        state.trace.sleeps_us.push(ticks * 1_000);
        ticks + state.oversleep.get(wait).copied().unwrap_or(0)
    }

    /// Lets time pass.
    pub fn pass(&self, ticks: u64) {
        self.state().now += ticks;
    }

    /// Notes an event.
    pub fn push_event(&self, event: EventTrace) {
        self.state().trace.events.push(event);
    }

    /// Notes the start of an attempt, now.
    pub fn push_start(&self) {
        let now = micros(self.elapsed());
        self.state().trace.attempt_starts_us.push(now);
    }

    /// Notes the end of an attempt.
    pub fn push_end(&self, end: EndTrace) {
        self.state().trace.attempt_ends.push(end);
    }

    /// Observes an event.
    pub fn on_event(&self, event: &Event) {
        self.check_report(event.kind.as_str(), event.elapsed, event.operation);
        self.push_event(event.into());
    }

    /// Observes the start of an attempt.
    pub fn on_start(&self, start: &AttemptStart) {
        self.check_report("attempt start", start.elapsed, start.operation);
        let expected = self.state().attempt + 1;
        self.check(usize::try_from(start.attempt) == Ok(expected), || {
            format!("attempt {} is announced as {}", expected, start.attempt)
        });
        self.push_start();
    }

    /// Observes the end of an attempt.
    pub fn on_end(&self, end: &AttemptEnd) {
        self.check_report("attempt end", end.elapsed, end.operation);
        self.push_end(end.into());
    }

    /// What is reported has to be what is: only the comparison with the vectors has a tolerance.
    fn check_report(&self, what: &str, elapsed: Millis, operation: &str) {
        let now = self.elapsed();
        self.check(elapsed == now, || format!("{what}: reports {elapsed} at {now}"));
        let expected = self.operation();
        self.check(operation == expected, || format!("{what}: of operation {operation:?}, not {expected:?}"));
    }
}

impl Clock for World {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.state().now)
    }
}

/// The world as an environment of one of the modes.
#[derive(Debug)]
pub struct Env<M> {
    world: World,
    mode: PhantomData<fn() -> M>,
}

impl<M> Env<M> {
    /// An environment in this world.
    pub fn new(world: &World) -> Self {
        Self { world: world.clone(), mode: PhantomData }
    }

    /// Waits when the future is polled for the second time: an attempt that is raced against it is ready by then.
    fn sleep_later(&self, ticks: u64) -> impl Future<Output = ()> + Send + use<M> {
        let world = self.world.clone();
        async move {
            yield_once().await;
            world.pass(world.ask_sleep(ticks));
        }
    }
}

impl<M> Clock for Env<M> {
    const TICK_HZ: u32 = World::TICK_HZ;

    fn now(&self) -> Instant {
        self.world.now()
    }
}

impl<M: mode::Mode> Environment for Env<M> {
    type Mode = M;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    fn random(&mut self) -> u32 {
        self.world.random()
    }
}

impl BlockingEnvironment for Env<mode::Blocking> {
    fn sleep(&mut self, ticks: u64) {
        let lasts = self.world.ask_sleep(ticks);
        self.world.pass(lasts);
    }
}

impl AsyncEnvironment for Env<mode::Local> {
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        self.sleep_later(ticks)
    }
}

impl AsyncEnvironment for Env<mode::Spawned> {
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        self.sleep_later(ticks)
    }
}

/// Is pending once, so that a driver which forgets to wait for something does not get away with it.
pub async fn yield_once() {
    let mut yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
