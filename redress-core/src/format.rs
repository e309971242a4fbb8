//! `defmt::Format` where it cannot be derived, or where what is derived would not say what the other sinks say.
//!
//! Names are interned: an image carries their addresses, the text stays on the host.

#![allow(clippy::match_same_arms, reason = "to the linker each literal is a symbol of its own")]

use defmt::{Format, Formatter, write};

use crate::{
    Attempts, BreakerState, Context, ErrorClass, Run,
    backoff::ByArgs,
    embedded::{CountingSleeper, SleptClock, WrappingClock},
    env::Environment,
    run::Resumed,
    time::TickRate,
};

impl Format for ErrorClass {
    fn format(&self, f: Formatter<'_>) {
        let name = match self {
            Self::Auth => defmt::intern!("auth"),
            Self::Permission => defmt::intern!("permission"),
            Self::Permanent => defmt::intern!("permanent"),
            Self::Concurrency => defmt::intern!("concurrency"),
            Self::RateLimit => defmt::intern!("rate_limit"),
            Self::ServerError => defmt::intern!("server_error"),
            Self::Transient => defmt::intern!("transient"),
            Self::Unknown => defmt::intern!("unknown"),
        };
        write!(f, "{=istr}", name);
    }
}

impl Format for BreakerState {
    fn format(&self, f: Formatter<'_>) {
        let name = match self {
            Self::Closed => defmt::intern!("closed"),
            Self::Open => defmt::intern!("open"),
            Self::HalfOpen => defmt::intern!("half_open"),
        };
        write!(f, "{=istr}", name);
    }
}

impl<F> Format for ByArgs<F> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "ByArgs(..)");
    }
}

impl<R: TickRate> Format for Attempts<'_, R> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Attempts(attempt {=u32}, delay {}, last {})", self.attempt(), self.delay(), self.last_class());
    }
}

impl<E, M, H> Format for Context<'_, E, M, H> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Context({=str})", self.operation);
    }
}

impl<E: Environment, M, H> Format for Run<'_, '_, E, M, H> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Run({=str}, attempt {=u32})", self.context.operation, self.progress.attempt());
    }
}

impl<E: Environment, M, H> Format for Resumed<'_, '_, E, M, H> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Resumed({})", self.0);
    }
}

impl<F, const HZ: u32> Format for WrappingClock<F, HZ> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "WrappingClock({=u32} Hz)", HZ);
    }
}

impl<const HZ: u32> Format for SleptClock<HZ> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "SleptClock({=u32} Hz)", HZ);
    }
}

impl<S: Format, const HZ: u32> Format for CountingSleeper<'_, S, HZ> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "CountingSleeper({})", self.inner);
    }
}

#[cfg(any(feature = "embedded-hal-v1", feature = "embedded-hal-async-v1"))]
impl<D, R: TickRate> Format for crate::embedded::DelaySleeper<D, R> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "DelaySleeper({=u32} Hz)", R::HZ);
    }
}

#[cfg(feature = "testing")]
mod testing {
    use defmt::{Format, Formatter, write};

    use crate::{
        Clock,
        testing::{DeterministicStrategy, TestAsyncEnv, TestEnv},
    };

    impl Format for DeterministicStrategy<'_> {
        fn format(&self, f: Formatter<'_>) {
            write!(f, "DeterministicStrategy(asked {=usize} times)", self.asked());
        }
    }

    macro_rules! format_env {
        ($name:ident) => {
            impl Format for $name {
                fn format(&self, f: Formatter<'_>) {
                    write!(
                        f,
                        "{=str}({}, {=usize} sleeps)",
                        stringify!($name),
                        self.clock().now(),
                        self.sleeps().count()
                    );
                }
            }
        };
    }

    format_env!(TestEnv);
    format_env!(TestAsyncEnv);
}

#[cfg(test)]
mod tests {
    use crate::*;

    fn format<T: defmt::Format + ?Sized>() {}

    type Hooked = context::Hooks<SelfClassifier>;
    type Env = Blocking<embedded::SleptClock<1_000>, embedded::CountingSleeper<'static, (), 1_000>, SeededRandom>;

    #[test]
    fn public_types_have_a_format() {
        format::<Attempt>();
        format::<AttemptDecision>();
        format::<AttemptEnd>();
        format::<AttemptStart>();
        format::<Attempts<'_, Hz<1_000>>>();
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
        format::<Context<'_, Env, env::mode::Blocking, Hooked>>();
        format::<Decision>();
        format::<DelayConfig>();
        format::<ErrorClass>();
        format::<Event>();
        format::<EventKind>();
        format::<Failure<u8, u8>>();
        format::<Hooked>();
        format::<Hz<1_000>>();
        format::<Instant>();
        format::<Local<(), (), ()>>();
        format::<Millis>();
        format::<OnAttemptEnd<()>>();
        format::<OnAttemptStart<()>>();
        format::<Outcome<u8, u8>>();
        format::<Policy<'_>>();
        format::<Rejected>();
        format::<Resumed<'_, '_, Env, env::mode::Blocking, Hooked>>();
        format::<Retry<'_>>();
        format::<RetryConfig>();
        format::<RetryError<u8>>();
        format::<RetryTimeline<4>>();
        format::<Run<'_, '_, Env, env::mode::Blocking, Hooked>>();
        format::<SeededRandom>();
        format::<SelfClassifier>();
        format::<SleepDecision>();
        format::<StopReason>();
        format::<TimelineEvent>();
        format::<backoff::ByArgs<()>>();
        format::<breaker::Permit<'_>>();
        format::<classify::name::NameBuffer>();
        format::<classify::retry_after::UnixSeconds>();
        format::<embedded::WrappingClock<(), 1_000>>();
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
