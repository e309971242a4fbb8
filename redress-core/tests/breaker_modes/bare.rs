//! The bare machine does with a breaker what a watched context does.

use proptest::prelude::*;
use redress_core::{
    Attempts, Backoff, Blocking, BreakerState, Clock, Decision, ErrorClass, Instant, Policy, RandomSource, Retry,
    StopReason, Watched,
    breaker::{Counts, RateBreaker, RateConfig},
    testing::ManualClock,
};

use super::{calls::Halves, compare::span};

const BASE: RateConfig = RateConfig::new(50).minimum_calls(3).recovery_timeout(span(40));
static CONFIGS: [RateConfig; 4] = [
    BASE,
    BASE.per_attempt(),
    BASE.slow_calls(span(10), 50),
    BASE.slow_calls(span(10), 50).per_attempt().failure_count(3),
];

/// How long an attempt takes, and whether it succeeds.
type Step = (u64, bool);

/// The state after a call: breaker, window, moment, attempts, reason.
type After = (BreakerState, Counts, Instant, u32, Option<StopReason>);

fn result(succeeds: bool) -> Result<(), ErrorClass> {
    if succeeds { Ok(()) } else { Err(ErrorClass::Transient) }
}

/// One call in a context. Attempts beyond the script succeed at once.
fn in_a_context(policy: &Policy<'_>, breaker: &RateBreaker<10>, clock: &ManualClock, script: &[Step]) -> After {
    let mut script = script.iter();
    let mut context = policy.context(Blocking::new(clock, |ticks| clock.advance_ticks(ticks), Halves)).watched();
    let outcome = context.execute(|| {
        let (took, succeeds) = *script.next().unwrap_or(&(0, true));
        clock.advance_ticks(took);
        result(succeeds)
    });
    (breaker.state(), breaker.counts(clock), clock.now(), outcome.attempts, outcome.stop_reason)
}

/// The same by the bare machine.
fn by_hand(policy: &Policy<'_>, breaker: &RateBreaker<10>, clock: &ManualClock, script: &[Step]) -> After {
    let mut script = script.iter();
    let (mut attempts, mut reason) = (0, Some(StopReason::CircuitOpen));
    if let Ok(call) = Attempts::<1_000>::start(policy, clock.now()) {
        let mut call: Attempts<'_, 1_000, Watched> = call.watched();
        reason = loop {
            attempts = call.attempt().number;
            let (took, succeeds) = *script.next().unwrap_or(&(0, true));
            clock.advance_ticks(took);
            let Err(class) = result(succeeds) else {
                call.on_success(clock.now());
                break None;
            };
            match call.on_failure(clock.now(), class, || Halves.next_u32()) {
                Decision::Stop(reason) => break Some(reason),
                Decision::RetryAt(at) => clock.set(at),
            }
            if let Err(rejected) = call.on_wake(clock.now()) {
                break Some(rejected.reason());
            }
        };
    }
    (breaker.state(), breaker.counts(clock), clock.now(), attempts, reason)
}

proptest! {
    #[test]
    fn a_watched_machine_tells_the_breaker_what_a_watched_context_does(
        config in 0..CONFIGS.len(),
        calls in prop::collection::vec((0..60_u64, prop::collection::vec((0..20_u64, any::<bool>()), 0..5)), 1..30),
        deadline in prop::option::of(1..100_u64),
    ) {
        let retry = Retry::new(Backoff::exponential(span(1), span(8))).max_attempts(4);
        let retry = deadline.map_or(retry.no_deadline(), |millis| retry.deadline(span(millis)));
        let breakers = [(); 2].map(|()| RateBreaker::<10>::new(&CONFIGS[config]));
        let clocks = [(); 2].map(|()| ManualClock::new());
        for (gap, script) in &calls {
            for clock in &clocks {
                clock.advance_ticks(*gap);
            }
            let [context, bare] = [&breakers[0], &breakers[1]].map(|breaker| Policy::new(retry).circuit_breaker(breaker));
            let expected = in_a_context(&context, &breakers[0], &clocks[0], script);
            let actual = by_hand(&bare, &breakers[1], &clocks[1], script);
            prop_assert_eq!(actual, expected);
        }
    }
}

#[test]
fn a_machine_that_is_abandoned_in_an_attempt_counts_as_the_breaker_says() {
    static COUNTS: RateConfig = BASE.failure_count(1).abandoned_calls(span(1_000), ErrorClass::Transient);
    static DEFAULT: RateConfig = BASE.failure_count(1);
    let cases: [(&'static RateConfig, u64, bool, BreakerState); 4] = [
        (&COUNTS, 1_000, false, BreakerState::Open),
        (&COUNTS, 999, false, BreakerState::Closed),
        (&COUNTS, 60_000, true, BreakerState::Closed),
        (&DEFAULT, 60_000, false, BreakerState::Closed),
    ];
    for (config, after, in_a_wait, state) in cases {
        let breaker = RateBreaker::<10>::new(config);
        let policy = Policy::new(Retry::new(Backoff::none())).circuit_breaker(&breaker);
        let begin = Instant::from_ticks(7);
        let mut call = Attempts::<1_000>::start(&policy, begin).unwrap().watched();
        if in_a_wait {
            assert_eq!(call.on_failure(begin, ErrorClass::Transient, || 0), Decision::RetryAt(begin));
        }
        call.abandon(begin.saturating_add(after));
        assert_eq!(breaker.state(), state, "{after} ms, in a wait: {in_a_wait}");
    }
}

#[test]
fn a_probe_that_is_abandoned_or_dropped_gives_its_place_back() {
    static CONFIG: RateConfig = BASE.failure_count(1).abandoned_calls(span(1_000), ErrorClass::Transient);
    let breaker = RateBreaker::<10>::new(&CONFIG);
    let policy = Policy::new(Retry::new(Backoff::none())).circuit_breaker(&breaker);
    let clock = ManualClock::new();
    breaker.open(&clock);
    clock.advance(span(40));
    for abandons in [true, false, true] {
        let probe = Attempts::<1_000>::start(&policy, clock.now()).unwrap().watched();
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert_eq!(
            Attempts::<1_000>::start(&policy, clock.now()).err().map(|error| error.reason()),
            Some(StopReason::CircuitOpen)
        );
        if abandons {
            probe.abandon(clock.now());
        } else {
            drop(probe);
        }
    }
    let probe = Attempts::<1_000>::start(&policy, clock.now()).unwrap().watched();
    probe.abandon(clock.now().saturating_add(1_000));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn a_machine_that_was_resumed_is_watched_too() {
    let breaker = RateBreaker::<10>::new(&CONFIGS[3]);
    let policy = Policy::new(Retry::new(Backoff::none())).circuit_breaker(&breaker);
    let clock = ManualClock::new();
    let call = Attempts::<1_000>::start(&policy, clock.now()).unwrap().watched();
    let checkpoint = call.suspend(clock.now());
    let mut call = Attempts::<1_000>::resume(&policy, &checkpoint, span(1), clock.now()).unwrap().watched();
    call.on_wake(clock.now()).unwrap();
    clock.advance_ticks(10);
    assert!(matches!(call.on_failure(clock.now(), ErrorClass::Transient, || 0), Decision::RetryAt(_)));
    let counts = breaker.counts(&clock);
    assert_eq!((counts.calls, counts.failed, counts.slow), (1, 1, 1));
}
