//! `defmt::Format` where it cannot be derived.

use defmt::{Format, Formatter, write};

#[cfg(feature = "testing")]
use crate::testing::{DeterministicStrategy, TestAsyncEnv, TestEnv};
use crate::{
    Attempts, Context, ErrorObserver,
    backoff::ByArgs,
    embedded::{CountingSleeper, SleptClock, WrappingClock},
    env::Environment,
    keeper::Sessions,
};
#[cfg(any(feature = "embedded-hal-v1", feature = "embedded-hal-async-v1"))]
use crate::{Clock, embedded};

/// A format string and its arguments for each type, which `this` is.
macro_rules! format {
    ($([$($generics:tt)*] $type:ty, $this:ident => $($text:expr),*;)*) => {$(
        impl<$($generics)*> Format for $type {
            fn format(&self, f: Formatter<'_>) {
                let $this = self;
                write!(f, $($text),*);
            }
        }
    )*};
}

format! {
    [F] ByArgs<F>, _this => "ByArgs(..)";
    [const HZ: u32, O: ErrorObserver<()> + Copy] Attempts<'_, HZ, O>, this =>
        "Attempts(attempt {=u32}, delay {}, last {})", this.attempt().number, this.delay(), this.last_class();
    [const HZ: u32] Sessions<'_, HZ>, this => "Sessions(attempt {=u32})", this.attempt().number;
    [E: Environment, H, P, M] Context<'_, E, H, P, M>, this => "Context({=str})", this.site.operation;
    [F, const HZ: u32] WrappingClock<F, HZ>, _this => "WrappingClock({=u32} Hz)", HZ;
    [const HZ: u32] SleptClock<HZ>, _this => "SleptClock({=u32} Hz)", HZ;
    [S: Format, const HZ: u32] CountingSleeper<'_, S, HZ>, this => "CountingSleeper({})", this.inner;
}

#[cfg(any(feature = "embedded-hal-v1", feature = "embedded-hal-async-v1"))]
format! {
    [D, C: Clock] embedded::DelaySleeper<D, C>, _this => "DelaySleeper({=u32} Hz)", C::TICK_HZ;
}

#[cfg(feature = "testing")]
format! {
    [] DeterministicStrategy<'_>, this => "DeterministicStrategy(asked {=usize} times)", this.asked();
    [E] TestEnv<E>, this => "TestEnv({}, {=usize} sleeps)", this.clock(), this.sleeps().count();
    [E] TestAsyncEnv<E>, this => "TestAsyncEnv({}, {=usize} sleeps)", this.clock(), this.sleeps().count();
}

#[cfg(test)]
mod tests {
    use crate::*;

    fn format<T: defmt::Format + ?Sized>() {}

    type Hooked = context::Hooks<SelfClassifier>;
    type Env = Blocking<embedded::SleptClock<1_000>, embedded::CountingSleeper<'static, (), 1_000>, SeededRandom>;

    #[test]
    fn public_types_have_a_format() {
        format::<AttemptInfo>();
        format::<AttemptDecision>();
        format::<AttemptEnd>();
        format::<AttemptStart>();
        format::<Attempts<'_, 1_000>>();
        format::<Backoff<'_>>();
        format::<BackoffConfig>();
        format::<BackoffContext>();
        format::<BreakerConfig>();
        format::<BreakerState>();
        format::<Budget>();
        format::<BudgetConfig>();
        format::<BudgetView>();
        format::<ByClass<u8>>();
        format::<ByRef<'_, ()>>();
        format::<Cause>();
        format::<Checkpoint>();
        format::<CheckpointError>();
        format::<CircuitBreaker<4>>();
        format::<CircuitBreakerView>();
        format::<ClassSet>();
        format::<Classification>();
        format::<ConfigError>();
        format::<Context<'_, Env, Hooked>>();
        format::<Decision>();
        format::<DelayConfig>();
        format::<DelayList>();
        format::<ErrorClass>();
        format::<Event>();
        format::<EventKind>();
        format::<Failure<u8, u8>>();
        format::<Hooked>();
        format::<Instant>();
        format::<Level>();
        format::<Local<(), (), ()>>();
        format::<Recoverable<(), ()>>();
        format::<Millis>();
        format::<OnAttemptEnd<()>>();
        format::<OnAttemptStart<()>>();
        format::<Outcome<u8, u8>>();
        format::<Policy<'_>>();
        format::<Rejected>();
        format::<Resumed<'_, Env, Hooked>>();
        format::<Retry<'_>>();
        format::<RetryConfig>();
        format::<RetryError<u8>>();
        format::<RetryTimeline<4>>();
        format::<Run<'_, Env, Hooked>>();
        format::<SeededRandom>();
        format::<SelfClassifier>();
        format::<SleepDecision>();
        format::<StopReason>();
        format::<TimelineEvent>();
        format::<backoff::ByArgs<()>>();
        format::<breaker::Permit<'_>>();
        format::<classify::name::NameBuffer>();
        format::<classify::rate_limit::Quota>();
        format::<classify::retry_after::UnixSeconds>();
        format::<embedded::WrappingClock<(), 1_000>>();
        format::<keeper::BlockingSession<'_>>();
        format::<keeper::Keep<'_>>();
        format::<keeper::KeepConfig>();
        format::<keeper::Keeper<'_, Env, Hooked>>();
        format::<keeper::LinkUp>();
        format::<keeper::Session<'_>>();
        format::<keeper::Sessions<'_, 1_000>>();
        format::<lint::Lint>();
        format::<lint::Lints>();
        format::<lint::Severity>();
        format::<env::mode::Local>();
        format::<testing::DeterministicStrategy<'_>>();
        format::<testing::FakeCircuitBreaker>();
        format::<testing::ManualClock>();
        format::<testing::RecordingPolicy<4>>();
        format::<testing::Script<'_, u8, u8>>();
        format::<testing::TestAsyncEnv>();
        format::<testing::TestEnv>();
    }
}
