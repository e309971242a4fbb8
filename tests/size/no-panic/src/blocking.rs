//! The blocking driver: closures and loops, with every hook and with none, resumed and handed over.

use core::time::Duration;

use redress_core::{
    Attempt, BackoffContext, Blocking, BlockingEnvironment, Checkpoint, Classification, Classifier, Classify, Context,
    Environment, Event, Policy, RetryTimeline, SeededRandom, SleepDecision,
    context::{HookSet, ResultClassifier},
    env::mode,
};

use crate::{
    configuration, opaque,
    shared::{self, BoardClock},
    told::Told,
};

/// An error which knows its class.
pub(crate) struct Fault;

impl Classify for Fault {
    fn classify(&self) -> Classification {
        opaque::classification()
    }
}

impl Told for Fault {
    fn told(self) {}
}

#[expect(clippy::cast_possible_truncation, reason = "the board sleeps for 49 days at most")]
fn sleep(ticks: u64) {
    board::sleep_ms(ticks as u32);
}

fn operation() -> Result<u32, Fault> {
    if opaque::flag() { Ok(opaque::word()) } else { Err(Fault) }
}

fn recovery() -> Result<(), Fault> {
    if opaque::flag() { Ok(()) } else { Err(Fault) }
}

pub(crate) fn run() {
    let policy = if opaque::flag() { &shared::POLICY } else { &shared::PER_CLASS };
    under(policy);
    if let Ok(policy) = Policy::from_config(&configuration::retry()) {
        under(&policy);
    }
}

fn under(policy: &Policy<'_>) {
    let environment = || Board::new(BoardClock, sleep, SeededRandom::new(opaque::long()));
    let mut plain = policy.context(environment());
    plain.env().now().told();
    plain.policy().retry().deadline_after().told();
    forms(&mut plain);

    let mut timeline = RetryTimeline::<8>::new();
    forms(
        &mut policy
            .context(environment())
            .operation("everything")
            .classifier(|_: &Fault| opaque::classification())
            .retry_result(|value: &u32| (*value == 0).then(opaque::classification))
            .abort_if(opaque::flag)
            .sleep_handler(|context: &BackoffContext, delay| {
                context.attempt.told();
                context.previous.told();
                delay.told();
                match opaque::byte() {
                    0 => SleepDecision::Sleep,
                    1 => SleepDecision::Defer,
                    _ => SleepDecision::Abort,
                }
            })
            .observe(|event: &Event| event.told())
            .observe(&mut timeline)
            .on_attempt_start(|start| start.told())
            .on_attempt_end(|end| end.told())
            .slice(Duration::from_millis(u64::from(opaque::word())), || opaque::word().told()),
    );
    timeline.events().for_each(Told::told);
    timeline.dropped().told();
}

type Board = Blocking<BoardClock, fn(u64), SeededRandom>;

/// Every form of a call, wherever it runs.
pub(crate) fn forms<E, H>(context: &mut Context<'_, E, mode::Blocking, H>)
where
    E: BlockingEnvironment,
    H: HookSet,
    H::Classifier: Classifier<Fault>,
    H::Results: ResultClassifier<u32>,
{
    let with_attempt = |attempt: Attempt| {
        attempt.number.told();
        attempt.remaining.told();
        operation()
    };
    context.call(operation).told();
    context.call_with(with_attempt).told();
    context.execute(operation).told();
    context.execute_with(with_attempt).told();
    context.call_on(&mut 0_u32, |_| operation(), |_| recovery()).told();
    context.execute_on(&mut 0_u32, |_| operation(), |_| opaque::word().told()).told();
    match context.start() {
        Ok(mut run) => loop {
            run.attempt().number.told();
            match operation() {
                Ok(value) => break run.succeed(value).told(),
                Err(error) if opaque::flag() => {
                    if let Err(error) = run.failed(error) {
                        break error.told();
                    }
                }
                Err(_) if opaque::flag() => {
                    if let Err(error) = run.failed_result::<Fault>(opaque::classification()) {
                        break error.told();
                    }
                }
                Err(error) => {
                    if let Err(error) = run.failed_as(opaque::class(), error) {
                        break error.told();
                    }
                }
            }
            if opaque::flag() {
                break run.suspend().told();
            }
        },
        Err(rejected) => rejected.told(),
    }
    let Ok(checkpoint) = Checkpoint::from_bytes(&opaque::bytes::<32>()) else { return };
    match (context.resume(&checkpoint, opaque::span()), opaque::byte()) {
        (Ok(resumed), 0) => resumed.call(operation).told(),
        (Ok(resumed), 1) => resumed.call_with(with_attempt).told(),
        (Ok(resumed), 2) => resumed.execute(operation).told(),
        (Ok(resumed), 3) => resumed.execute_with(with_attempt).told(),
        (Ok(resumed), 4) => resumed.call_on(&mut 0_u32, |_| operation(), |_| recovery()).told(),
        (Ok(resumed), 5) => resumed.execute_on(&mut 0_u32, |_| operation(), |_| recovery()).told(),
        (Ok(resumed), _) => resumed.start().map(|run| run.succeed(1_u32)).told(),
        (Err(error), _) => error.told(),
    }
}
