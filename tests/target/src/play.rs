//! A vector as blocking and as async calls.

use core::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use redress_core::{
    AttemptEnd, AttemptStart, ConfigError, Event, Policy,
    env::mode::{Blocking, Local},
};

use crate::{
    Answered, FinishItem, Item, Vector,
    world::{Env, Step, World},
};

/// A form in which the calls of a vector are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `execute` of the blocking driver.
    Blocking,
    /// `execute` of the async driver.
    Async,
}

impl Form {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Blocking, Self::Async];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocking => "blocking",
            Self::Async => "async",
        }
    }

    /// Returns when its world begins: shortly before a stamp's or a word's count of milliseconds wraps.
    const fn epoch(self) -> u64 {
        match self {
            Self::Blocking => (1 << 28) - 1_500,
            Self::Async => (1 << 32) - 2_500,
        }
    }

    /// Returns whether calls of this form can express the vector: blocking ones cannot end an attempt that hangs.
    pub fn can_play(self, vector: &Vector) -> bool {
        let mut attempts = vector.calls.iter().flat_map(|call| call.attempts);
        self == Self::Async || attempts.all(|attempt| attempt.result != Answered::Hangs)
    }
}

/// Plays all calls of a vector and reports each item in order, with the number of its call.
///
/// # Errors
///
/// The field of the policy that contradicts another.
pub fn play(vector: &Vector, form: Form, seen: &dyn Fn(usize, Item)) -> Result<(), ConfigError> {
    let shared = vector.policy.shared()?;
    let policy = vector.policy.policy(&shared)?;
    let number = core::cell::Cell::new(0);
    let seen = |item| seen(number.get(), item);
    let world = World::new(form.epoch(), vector, &seen);
    for (i, call) in vector.calls.iter().enumerate() {
        number.set(i);
        world.begin(call);
        let finish = |outcome: &_| {
            let remaining = shared.budget.as_ref().map(|budget| budget.remaining(&world));
            FinishItem::new(outcome, world.draws(), shared.state(), remaining)
        };
        let finish = match form {
            Form::Blocking => finish(&blocking(&world, &policy, call.operation)),
            Form::Async => finish(&asynch(&world, &policy, call.operation)),
        };
        world.saw(Item::Finish(finish));
    }
    Ok(())
}

type Outcome = redress_core::Outcome<Step, Step>;

/// A context that reports everything.
macro_rules! context {
    ($world:ident, $policy:ident, $operation:ident, $mode:ident) => {
        $policy
            .context(Env::<$mode>::new($world))
            .operation($operation)
            .retry_result(Step::failure)
            .abort_if(|| $world.is_aborted())
            .sleep_handler(|_, _| $world.decide())
            .observe(|event: &Event| {
                $world.require(event.elapsed == $world.elapsed(), "an event at another time");
                $world.require(event.operation == $operation, "an event of another operation");
                $world.saw(event.into());
            })
            .on_attempt_start(|start: &AttemptStart| {
                $world.require(start.elapsed == $world.elapsed(), "an attempt begins at another time");
                $world.saw(Item::Start(start.elapsed));
            })
            .on_attempt_end(|end: &AttemptEnd| {
                $world.require(end.elapsed == $world.elapsed(), "an attempt ends at another time");
                $world.saw(end.into());
            })
    };
}

#[inline(never)]
fn blocking(world: &World<'_>, policy: &Policy<'_>, operation: &'static str) -> Outcome {
    context!(world, policy, operation, Blocking)
        .execute(|| world.attempt().unwrap_or_else(|| Err(world.give_up("a blocking attempt hangs"))))
}

#[inline(never)]
fn asynch(world: &World<'_>, policy: &Policy<'_>, operation: &'static str) -> Outcome {
    let mut context = context!(world, policy, operation, Local);
    let mut future = pin!(context.execute(async || world.attempt_later().await));
    let mut task = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut task) {
            return outcome;
        }
    }
}
