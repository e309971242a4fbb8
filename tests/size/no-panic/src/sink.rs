//! Writes every public field of a value into a register, so that the compiler keeps its computation.

use core::time::Duration;

use board::report;
use redress_core::{
    AttemptDecision, AttemptEnd, AttemptInfo, AttemptStart, BreakerState, Cause, Classification, Decision, ErrorClass,
    Event, EventKind, Failure, Instant, Millis, Outcome, Rejected, RetryError, StopReason, TimelineEvent, lint::Lint,
};

use crate::opaque;

/// A value that can be written into a register.
pub trait Sink: Sized {
    fn sink(self);
}

macro_rules! as_number {
    ($($name:ty),*) => {$(impl Sink for $name {
        fn sink(self) {
            report(self as u32);
        }
    })*};
}

as_number!(ErrorClass, Cause, StopReason, EventKind, AttemptDecision, BreakerState);

macro_rules! into_number {
    ($($name:ty),*) => {$(impl Sink for $name {
        fn sink(self) {
            report(self.into());
        }
    })*};
}

into_number!(u8, u16, u32, bool);

impl Sink for u64 {
    #[expect(clippy::cast_possible_truncation, reason = "both halves are written")]
    fn sink(self) {
        report(self as u32);
        report((self >> 32) as u32);
    }
}

impl Sink for () {
    fn sink(self) {}
}

impl Sink for Millis {
    fn sink(self) {
        report(self.get());
    }
}

impl Sink for Duration {
    #[expect(clippy::cast_possible_truncation, reason = "both parts are written")]
    fn sink(self) {
        report(self.as_secs() as u32);
        report(self.subsec_nanos());
    }
}

impl Sink for Instant {
    #[expect(clippy::cast_possible_truncation, reason = "both halves are written")]
    fn sink(self) {
        report(self.ticks() as u32);
        report((self.ticks() >> 32) as u32);
    }
}

impl Sink for &str {
    fn sink(self) {
        self.bytes().for_each(Sink::sink);
    }
}

impl Sink for &[u8] {
    fn sink(self) {
        self.iter().copied().for_each(Sink::sink);
    }
}

impl<T: Sink> Sink for Option<T> {
    fn sink(self) {
        self.is_some().sink();
        if let Some(value) = self {
            value.sink();
        }
    }
}

impl<T: Sink, E: Sink> Sink for Result<T, E> {
    fn sink(self) {
        self.is_ok().sink();
        match self {
            Ok(value) => value.sink(),
            Err(error) => error.sink(),
        }
    }
}

impl Sink for redress_core::ConfigError {
    fn sink(self) {
        self.message().sink();
        self.field().sink();
    }
}

impl Sink for redress_core::CheckpointError {
    fn sink(self) {
        matches!(self, Self::OtherPolicy).sink();
    }
}

impl Sink for Classification {
    fn sink(self) {
        self.class().sink();
        self.is_abort().sink();
        self.hint().sink();
        self.numeric_code().sink();
    }
}

impl Sink for AttemptInfo {
    fn sink(self) {
        self.number.sink();
        self.remaining.sink();
    }
}

impl Sink for Decision {
    fn sink(self) {
        match self {
            Self::RetryAt(at) => at.sink(),
            Self::Stop(reason) => reason.sink(),
        }
    }
}

impl Sink for Rejected {
    fn sink(self) {
        self.reason().sink();
        redress_core::Classify::classify(&self.reason()).sink();
        self.retry_after().sink();
        redress_core::Classify::classify(&self).sink();
    }
}

impl Sink for redress_core::Checkpoint {
    fn sink(self) {
        self.to_bytes().as_slice().sink();
        self.remaining().sink();
        self.attempts().sink();
        self.elapsed().sink();
    }
}

impl<E: Sink> Sink for RetryError<E> {
    fn sink(self) {
        redress_core::Classify::classify(&self).sink();
        self.error.sink();
        self.reason.sink();
        self.reason.as_str().sink();
        self.attempts.sink();
        self.last_class.sink();
        self.cause.sink();
        self.next_delay.sink();
        self.checkpoint.sink();
    }
}

impl<T: Sink, E: Sink> Sink for Outcome<T, E> {
    fn sink(self) {
        self.is_ok().sink();
        self.value().is_some().sink();
        self.error().is_some().sink();
        self.last_failure_attempt.sink();
        self.elapsed.sink();
        if opaque::flag() {
            return self.into_result().sink();
        }
        match self.result {
            Ok(value) => value.sink(),
            Err(failure) => failure.and_then(Failure::into_error).sink(),
        }
    }
}

impl Sink for &Event {
    fn sink(self) {
        self.kind.as_str().sink();
        (self.level() as u32).sink();
        self.operation.sink();
        self.attempt.sink();
        self.elapsed.sink();
        self.delay.sink();
        self.class.map(ErrorClass::as_str).sink();
        self.stop_reason.sink();
        self.cause.sink();
        self.state.map(BreakerState::as_str).sink();
        self.retry_after.sink();
        self.code.sink();
    }
}

impl Sink for &TimelineEvent {
    fn sink(self) {
        self.event.sink();
        self.attempt.sink();
        self.elapsed.sink();
        self.delay.sink();
        self.class.sink();
        self.stop_reason.sink();
        self.cause.sink();
        self.state.sink();
    }
}

impl Sink for Lint {
    fn sink(self) {
        self.name().sink();
        self.severity().as_str().sink();
        self.field().sink();
        self.message().sink();
    }
}

impl Sink for &AttemptStart {
    fn sink(self) {
        self.operation.sink();
        self.attempt.sink();
        self.elapsed.sink();
    }
}

impl Sink for &AttemptEnd {
    fn sink(self) {
        self.operation.sink();
        self.attempt.sink();
        self.elapsed.sink();
        self.decision.as_str().sink();
        self.class.sink();
        self.stop_reason.sink();
        self.cause.sink();
        self.delay.sink();
    }
}
