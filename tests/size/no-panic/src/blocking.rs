//! The blocking driver: closures and loops, with every hook and with none, resumed and handed over.

use core::time::Duration;

use redress_core::{
    Attempt, BackoffContext, Blocking, Checkpoint, Classification, Classify, Context, Event, Policy, RetryTimeline,
    SeededRandom, SleepDecision, context::HookSet, env::mode,
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

pub(crate) fn run() {
    let policy = if opaque::flag() { &shared::POLICY } else { &shared::PER_CLASS };
    under(policy);
    if let Ok(policy) = Policy::from_config(&configuration::retry()) {
        under(&policy);
    }
}

fn under(policy: &Policy<'_>) {
    let environment = || Board::new(BoardClock, sleep, SeededRandom::new(opaque::long()));
    forms(&mut policy.context(environment()));

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
    for event in timeline.events() {
        event.event.told();
        event.elapsed.told();
    }
    timeline.dropped().told();
}

type Board = Blocking<BoardClock, fn(u64), SeededRandom>;

fn forms<H>(context: &mut Context<'_, Board, mode::Blocking, H>)
where
    H: HookSet,
    H::Classifier: redress_core::Classifier<Fault>,
    H::Results: redress_core::context::ResultClassifier<u32>,
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
    context.call_on(&mut 0_u32, |_| operation(), |_| if opaque::flag() { Err(Fault) } else { Ok(()) }).told();
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
        (Ok(resumed), 1) => resumed.execute(operation).told(),
        (Ok(resumed), _) => resumed.start().map(|run| run.succeed(1_u32)).told(),
        (Err(error), _) => error.told(),
    }
}
