//! Promises that hold for every input: any configuration, any clock, any random number, any order of events.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};

use proptest::prelude::*;
use redress_core::{
    Attempts, Backoff, Blocking, BreakerConfig, BreakerState, Budget, BudgetConfig, Checkpoint, CheckpointError,
    CircuitBreaker, ClassSet, Classification, Clock, Decision, ErrorClass, Event, EventKind, Instant, Millis, Policy,
    Retry, SleepDecision, StopReason, breaker::Permit,
};

/// A clock which tests set; also backwards.
#[derive(Clone, Copy, Debug)]
struct Ticks<'a, const HZ: u32>(&'a Cell<u64>);

impl<const HZ: u32> Clock for Ticks<'_, HZ> {
    const TICK_HZ: u32 = HZ;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.0.get())
    }
}

/// A clock whose readings have nothing to do with each other.
#[derive(Debug)]
struct Erratic {
    readings: Vec<u64>,
    next: Cell<usize>,
}

impl Clock for Erratic {
    const TICK_HZ: u32 = 1_000_000;

    fn now(&self) -> Instant {
        let next = self.next.get();
        self.next.set(next + 1);
        Instant::from_ticks(self.readings[next % self.readings.len()])
    }
}

#[derive(Clone, Debug)]
enum Kind {
    None,
    Constant(u32),
    Fixed(Vec<Millis>),
    Exponential(u32, u32),
    FullJitter(u32, u32),
    EqualJitter(u32, u32),
    Decorrelated(u32, u32),
    Token(u32, u32),
}

#[derive(Clone, Debug)]
enum Hint {
    Ignored,
    Followed,
    Jittered(u32),
    AsIs(u32),
}

const HOUR: u32 = 3_600_000;

fn millis(millis: u32) -> Duration {
    Duration::from_millis(millis.into())
}

fn backoff<'a>(kind: &'a Kind, hint: &Hint) -> Backoff<'a> {
    let plain = match kind {
        Kind::None => Backoff::none(),
        Kind::Constant(delay) => Backoff::constant(millis(*delay)),
        Kind::Fixed(delays) => Backoff::fixed(delays),
        Kind::Exponential(base, max) => Backoff::exponential(millis(*base), millis(*max)),
        Kind::FullJitter(base, max) => Backoff::full_jitter(millis(*base), millis(*max)),
        Kind::EqualJitter(base, max) => Backoff::equal_jitter(millis(*base), millis(*max)),
        Kind::Decorrelated(base, max) => Backoff::decorrelated_jitter(millis(*base), millis(*max)),
        Kind::Token(base, max) => Backoff::token_backoff(millis(*base), millis(*max)),
    };
    match hint {
        Hint::Ignored => plain,
        Hint::Followed => plain.or_retry_after(),
        Hint::Jittered(jitter) => plain.or_retry_after_jittered(millis(*jitter)),
        Hint::AsIs(jitter) => plain.or_retry_after_as_is(millis(*jitter)),
    }
}

/// Numbers of all magnitudes, and the ends.
fn any_size() -> impl Strategy<Value = u32> {
    prop_oneof![2 => (0..32_u32, any::<u32>()).prop_map(|(shift, n)| n >> shift), 1 => Just(u32::MAX), 1 => 0..8_u32]
}

/// A base and a max which fit together, up to `most`. (Saturated spans are not configurable: one more `Duration` and
/// they would not be what was asked for.)
fn bounds(most: u32) -> impl Strategy<Value = (u32, u32)> {
    (any_size(), any_size()).prop_map(move |(a, b)| {
        let (a, b) = (a.clamp(1, most), b.clamp(1, most));
        (a.min(b), a.max(b))
    })
}

fn kinds(most: u32) -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::None),
        any_size().prop_map(move |delay| Kind::Constant(delay.min(most))),
        prop::collection::vec(any_size().prop_map(move |delay| Millis::new(delay.min(most))), 1..5)
            .prop_map(Kind::Fixed),
        bounds(most).prop_map(|(base, max)| Kind::Exponential(base, max)),
        bounds(most).prop_map(|(base, max)| Kind::FullJitter(base, max)),
        bounds(most).prop_map(|(base, max)| Kind::EqualJitter(base, max)),
        bounds(most).prop_map(|(base, max)| Kind::Decorrelated(base, max)),
        bounds(most).prop_map(|(base, max)| Kind::Token(base, max)),
    ]
}

fn hints() -> impl Strategy<Value = Hint> {
    prop_oneof![
        Just(Hint::Ignored),
        Just(Hint::Followed),
        (0..=HOUR).prop_map(Hint::Jittered),
        (0..=HOUR).prop_map(Hint::AsIs),
    ]
}

fn classes() -> impl Strategy<Value = ErrorClass> {
    prop::sample::select(&ErrorClass::ALL[..])
}

fn classifications() -> impl Strategy<Value = Classification> {
    (classes(), prop::option::of(any_size()), prop::option::of(any::<u32>()), prop::bool::weighted(0.02)).prop_map(
        |(class, hint, code, aborts)| {
            let plain = if aborts { Classification::abort() } else { Classification::new(class) };
            let hinted = hint.map_or(plain, |hint| plain.retry_after(Millis::new(hint)));
            code.map_or(hinted, |code| hinted.code(code))
        },
    )
}

/// `min(max, base * factor^n)` by numbers wide enough, for factors 2 and 3/2.
fn grown(base: u32, max: u32, n: u32, (times, per): (u128, u128)) -> u32 {
    if n > 60 {
        return max; // even 1 ms has outgrown every max
    }
    u32::try_from(u128::from(base) * times.pow(n) / per.pow(n)).map_or(max, |value| value.min(max))
}

/// The least and the most which the documentation promises.
fn promised(kind: &Kind, attempt: u32, previous: u32) -> (u32, u32) {
    match *kind {
        Kind::None => (0, 0),
        Kind::Constant(delay) => (delay, delay),
        Kind::Fixed(ref delays) => {
            let index = usize::try_from(attempt.max(1) - 1).unwrap().min(delays.len() - 1);
            (delays[index].get(), delays[index].get())
        }
        Kind::Exponential(base, max) => {
            let delay = grown(base, max, attempt.max(1) - 1, (2, 1));
            (delay, delay)
        }
        Kind::FullJitter(base, max) => (0, grown(base, max, attempt, (2, 1))),
        Kind::EqualJitter(base, max) => {
            let ceiling = grown(base, max, attempt, (2, 1));
            (ceiling.div_ceil(2), ceiling)
        }
        Kind::Decorrelated(base, max) => {
            let previous = if previous == 0 { base } else { previous };
            (base, max.min(base.max(previous.saturating_mul(3))))
        }
        Kind::Token(base, max) => {
            // No whole number of milliseconds: the next one up or down.
            let ceiling = grown(base, max, attempt, (3, 2));
            (ceiling.div_ceil(2), ceiling.saturating_add(1).min(max))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_delay_is_within_its_bounds_whatever_the_attempt_the_class_the_delay_before_and_the_random_number(
        kind in kinds(u32::MAX),
        hint in hints(),
        attempt in any_size(),
        previous in any_size(),
        random in prop_oneof![Just(0), Just(u32::MAX), any::<u32>()],
        failure in classifications(),
    ) {
        let drawn = Cell::new(0);
        let delay = backoff(&kind, &hint).delay(attempt, &failure, Millis::new(previous), || {
            drawn.set(drawn.get() + 1);
            random
        });
        let (own_least, own_most) = promised(&kind, attempt.max(1), previous);
        let jitter = |asked: u32| match hint {
            Hint::Jittered(jitter) | Hint::AsIs(jitter) => jitter,
            _ => asked.max(250),
        };
        let (least, most) = match (failure.hint().map(Millis::get), &hint) {
            (None, _) | (_, Hint::Ignored) => (own_least, own_most),
            (Some(asked), Hint::AsIs(_)) => (asked, asked.saturating_add(jitter(asked))),
            // Never sooner than either asks; later than the backoff only by what the server asks for.
            (Some(asked), _) => (
                own_least.max(asked),
                if asked > own_least { own_most.max(asked.saturating_add(jitter(asked))) } else { own_most },
            ),
        };
        prop_assert!((least..=most).contains(&delay.get()), "{delay} is not from {least} to {most}");
        prop_assert!(drawn.get() <= 1 + u32::from(failure.hint().is_some()));
    }

    #[test]
    fn jitter_reaches_both_ends_of_its_range(bounds in bounds(u32::MAX), attempt in 1_u32..40) {
        let failure = Classification::new(ErrorClass::Transient);
        let (base, max) = bounds;
        for kind in [Kind::FullJitter(base, max), Kind::EqualJitter(base, max), Kind::Token(base, max)] {
            let backoff = backoff(&kind, &Hint::Ignored);
            let (least, most) = promised(&kind, attempt, 0);
            prop_assert!(backoff.delay(attempt, &failure, Millis::ZERO, || 0).get() - least <= 1);
            // The largest random number stands for just under 1, so the end itself is met but for rounding.
            prop_assert!(most - backoff.delay(attempt, &failure, Millis::ZERO, || u32::MAX).get() <= 1);
        }
    }
}

#[derive(Clone, Debug)]
struct Limits {
    max_attempts: u32,
    deadline: Option<u32>,
    attempt_timeout: Option<u32>,
    max_unknown: Option<u8>,
    of_classes: Vec<(ErrorClass, u8)>,
    default: Option<(Kind, Hint)>,
    own: Vec<(ErrorClass, Kind, Hint)>,
}

impl Limits {
    fn retry(&self) -> Retry<'_> {
        let mut retry = match &self.default {
            Some((kind, hint)) => Retry::new(backoff(kind, hint)),
            None => Retry::per_class().backoff_for(ErrorClass::Transient, Backoff::none()),
        };
        retry = retry.max_attempts(self.max_attempts);
        retry = self.deadline.map_or(retry.no_deadline(), |deadline| retry.deadline(millis(deadline)));
        retry = self.max_unknown.map_or(retry.no_unknown_cap(), |cap| retry.max_unknown(cap));
        if let Some(timeout) = self.attempt_timeout {
            retry = retry.attempt_timeout(millis(timeout));
        }
        for (class, limit) in &self.of_classes {
            retry = retry.limit_for(*class, *limit);
        }
        for (class, kind, hint) in &self.own {
            retry = retry.backoff_for(*class, backoff(kind, hint));
        }
        retry
    }

    fn limit(&self, class: ErrorClass) -> Option<u8> {
        self.of_classes.iter().rev().find(|(of, _)| *of == class).map(|(_, limit)| *limit)
    }
}

fn limits(most: u32) -> impl Strategy<Value = Limits> {
    (
        1..12_u32,
        prop::option::of(1..=most),
        prop::option::of(1..=most),
        prop::option::of(0..5_u8),
        prop::collection::vec((classes(), 0..4_u8), 0..3),
        prop::option::weighted(0.9, (kinds(most), hints())),
        prop::collection::vec((classes(), kinds(most), hints()), 0..3),
    )
        .prop_map(|(max_attempts, deadline, attempt_timeout, max_unknown, of_classes, default, own)| Limits {
            max_attempts,
            deadline,
            attempt_timeout,
            max_unknown,
            of_classes,
            default,
            own,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn attempts_are_bounded_by_every_limit(
        limits in limits(HOUR),
        failures in prop::collection::vec(classifications(), 1..20),
        random in any::<u32>(),
    ) {
        let policy = Policy::new(limits.retry());
        let clock = Cell::new(0);
        let env = Blocking::new(Ticks::<1_000>(&clock), |ticks| clock.set(clock.get() + ticks), || random);
        let mut made = Vec::new();
        let outcome = policy.context(env).execute(|| {
            let failure = failures[made.len() % failures.len()];
            made.push(failure);
            Err::<(), _>(failure)
        });
        prop_assert!(!outcome.is_ok());
        prop_assert_eq!(outcome.attempts as usize, made.len());
        prop_assert!(outcome.attempts <= limits.max_attempts);
        let failed = |class| made.iter().filter(|made| made.class() == class && !made.is_abort()).count();
        for class in ErrorClass::ALL {
            let most = match class {
                ErrorClass::Auth | ErrorClass::Permission | ErrorClass::Permanent => limits.limit(class).or(Some(0)),
                ErrorClass::Unknown => limits.max_unknown.into_iter().chain(limits.limit(class)).min(),
                _ => limits.limit(class),
            };
            if let Some(retries) = most {
                prop_assert!(failed(class) <= usize::from(retries) + 1, "{} of {class}", failed(class));
            }
        }
    }
}

/// Runs one call on a clock of this rate which moves by what attempts and sleeps take, and checks every wait against
/// exact arithmetic.
fn deadline_holds<const HZ: u32>(limits: &Limits, took: &[u64], failures: &[Classification], random: u32) {
    const START: u64 = 1 << 40;

    let deadline = limits.deadline.unwrap();
    let policy = Policy::new(limits.retry());
    let clock = Cell::new(START);
    let (asked, decided) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let sleep = |ticks| {
        asked.borrow_mut().push(ticks);
        clock.set(clock.get() + ticks);
        // Milliseconds of whole ticks are converted exactly, others with 31 bits of precision.
        let (passed, limit) = (u128::from(clock.get() - START) * 1_000, u128::from(deadline) * u128::from(HZ));
        let slack = if HZ.is_multiple_of(1_000) { 0 } else { 1_000 + (limit >> 31) };
        assert!(passed < limit + slack, "slept into the deadline");
    };
    let mut context = policy.context(Blocking::new(Ticks::<HZ>(&clock), sleep, || random)).observe(|event: &Event| {
        if event.kind == EventKind::Retry {
            decided.borrow_mut().push(event.delay);
        }
    });
    let mut made = 0;
    let outcome = context.execute(|| {
        clock.set(clock.get() + in_ticks::<HZ>(took[made % took.len()]));
        made += 1;
        Err::<(), _>(failures[made % failures.len()])
    });
    assert_eq!(asked.borrow().len(), decided.borrow().len());
    for (ticks, delay) in asked.borrow().iter().zip(decided.borrow().iter()) {
        let exact = u128::from(delay.get()) * u128::from(HZ);
        assert!(u128::from(*ticks) * 1_000 >= exact, "{delay} became {ticks} ticks");
    }
    if let (Some(StopReason::DeadlineExceeded), Some(delay)) = (outcome.stop_reason, outcome.next_delay) {
        let (elapsed, left) = (u128::from(clock.get() - START) * 1_000, u128::from(delay.get()) * u128::from(HZ));
        // The start and the failure are known to the millisecond, and neither may make the call longer.
        let early = if is_whole::<HZ>() { 0 } else { 2 * u128::from(HZ) };
        let reached = elapsed + left + early >= u128::from(deadline) * u128::from(HZ);
        assert!(reached, "stopped although the wait of {delay} ended before the deadline");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_wait_overruns_the_deadline_at_any_tick_rate(
        limits in limits(1_000_000),
        deadline in prop_oneof![1..100_u32, 1..1_000_000_u32, Just(500_001), Just(u32::MAX)],
        took in prop::collection::vec(prop_oneof![0..2_000_u64, 0..50_000_000_u64], 1..6),
        failures in prop::collection::vec(classifications(), 1..6),
        random in any::<u32>(),
    ) {
        let limits = Limits { deadline: Some(deadline), ..limits };
        deadline_holds::<100>(&limits, &took, &failures, random);
        deadline_holds::<1_000>(&limits, &took, &failures, random);
        deadline_holds::<32_768>(&limits, &took, &failures, random);
        deadline_holds::<1_000_000>(&limits, &took, &failures, random);
        deadline_holds::<133_333_333>(&limits, &took, &failures, random);
        deadline_holds::<1_000_000_000>(&limits, &took, &failures, random);
    }

    #[test]
    fn a_deferred_call_neither_waits_into_the_deadline_nor_makes_an_attempt_more(
        limits in limits(2_000),
        deadline in 1..4_000_u32,
        took in prop::collection::vec(0..3_000_000_u64, 1..6),
        slept in prop::collection::vec(0..3_000_u32, 1..6),
        failures in prop::collection::vec(classifications(), 1..6),
        random in any::<u32>(),
    ) {
        let limits = Limits { deadline: Some(deadline), ..limits };
        let policy = Policy::new(limits.retry());
        let deadline = u64::from(deadline) * 1_000;
        // What the call has taken, by everybody's clock; the device's starts anew each time.
        let (total, clock) = (Cell::new(0), Cell::new(0));
        let sleep = |ticks| {
            clock.set(clock.get() + ticks);
            total.set(total.get() + ticks);
            assert!(ticks == 0 || total.get() < deadline, "slept into the deadline");
        };
        let mut made = 0_usize;
        let mut operation = || {
            let micros = took[made % took.len()];
            clock.set(clock.get() + micros);
            total.set(total.get() + micros);
            made += 1;
            Err::<(), _>(failures[made % failures.len()])
        };
        let defer = |_: &_, _| SleepDecision::Defer;
        let env = || Blocking::new(Ticks::<1_000_000>(&clock), sleep, || random);
        let mut outcome = policy.context(env()).sleep_handler(defer).execute(&mut operation);
        let mut times = 0;
        while let Some(checkpoint) = outcome.checkpoint {
            let away = slept[times % slept.len()];
            total.set(total.get() + u64::from(away) * 1_000);
            clock.set(u64::from(away) << 20);
            times += 1;
            let mut context = policy.context(env()).sleep_handler(defer);
            outcome = context.resume(&checkpoint, Millis::new(away)).unwrap().execute(&mut operation);
        }
        prop_assert!(made <= limits.max_attempts as usize);
        prop_assert!(made <= times + 1);
    }
}

/// All that has state, driven by a clock which makes no sense. Termination and bounds are what can be asked of it.
fn survives(limits: &Limits, readings: &[u64], failures: &[Classification], random: u32, sliced: bool) {
    let trips = ClassSet::of(&ErrorClass::ALL);
    let breaker = CircuitBreaker::<8>::new(
        BreakerConfig::new(2).trip_on(trips).window(millis(500)).recovery_timeout(millis(30)).probes(2),
    );
    let rolling = Budget::<8>::new(BudgetConfig::rolling(8, Duration::from_millis(200)));
    let bucket = Budget::<0>::new(BudgetConfig::token_bucket(5).refill_per_second(1_500));
    let policies = [
        Policy::new(limits.retry()).circuit_breaker(&breaker).budget(&rolling),
        Policy::new(limits.retry()).budget(&bucket),
    ];
    let clock = Erratic { readings: readings.to_vec(), next: Cell::new(0) };
    let mut next = 0;
    let mut fail = || {
        next += 1;
        if next % 7 == 0 { Ok(()) } else { Err(failures[next % failures.len()]) }
    };
    for policy in &policies {
        for call in 0..6 {
            let env = Blocking::new(&clock, |_| (), || random);
            let attempts = if sliced {
                policy.context(env).slice(millis(1_000), || ()).execute(&mut fail).attempts
            } else {
                policy.context(env).observe(|_: &Event| ()).execute(&mut fail).attempts
            };
            assert!(attempts <= limits.max_attempts);
            let _ = breaker.record_failure(failures[call % failures.len()].class(), &clock);
            let _ = (rolling.remaining(&clock), bucket.remaining(&clock));
        }
        let Ok(mut attempts) = Attempts::<1_000_000>::start(policy, clock.now()) else { continue };
        for failure in failures.iter().cycle().take(100) {
            let now = clock.now();
            match attempts.on_failure(now, *failure, || random) {
                Decision::Stop(_) => break,
                Decision::RetryAt(at) => assert!(at >= now),
            }
            let _ = (attempts.poll_at(), attempts.attempt().remaining);
            let checkpoint = attempts.suspend(clock.now());
            attempts = Attempts::resume(policy, &checkpoint, Millis::new(random), clock.now()).unwrap();
            if attempts.on_wake(clock.now()).is_err() {
                break;
            }
            assert!(attempts.attempt().number <= limits.max_attempts);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_clock_makes_anything_panic_or_run_on(
        limits in limits(10_000),
        readings in prop::collection::vec(
            prop_oneof![Just(0), Just(u64::MAX), any::<u64>(), 0..1_000_000_u64, (0..5_000_000_u64).prop_map(|n| u64::MAX - n)],
            1..30,
        ),
        failures in prop::collection::vec(classifications(), 1..6),
        random in any::<u32>(),
        sliced in any::<bool>(),
    ) {
        // A hint may be 49 days, which in slices of a second are four million of them.
        let failures: Vec<_> = if sliced {
            failures.iter().map(|failure| Classification::new(failure.class())).collect()
        } else {
            failures
        };
        survives(&limits, &readings, &failures, random, sliced);
    }
}

#[test]
fn a_clock_may_stand_still_or_sit_at_its_end_or_jump_there_and_back() {
    let limits = Limits {
        max_attempts: 9,
        deadline: Some(5_000),
        attempt_timeout: Some(100),
        max_unknown: None,
        of_classes: Vec::new(),
        default: Some((Kind::Decorrelated(10, 1_000), Hint::Followed)),
        own: Vec::new(),
    };
    let failures = [ErrorClass::Transient, ErrorClass::Unknown, ErrorClass::RateLimit].map(Classification::new);
    for readings in
        [&[0][..], &[u64::MAX], &[12_345], &[u64::MAX, 0], &[1 << 40, 1 << 39, 1 << 50], &[5, 0, u64::MAX - 1]]
    {
        for sliced in [false, true] {
            survives(&limits, readings, &failures, 0x5EED_5EED, sliced);
        }
    }
}

// ---- Breaker ------------------------------------------------------------------------------------------------------

#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire,
    Succeed(usize),
    Fail(usize, ErrorClass),
    Drop(usize),
    Advance(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Acquire),
        2 => any::<usize>().prop_map(Step::Succeed),
        1 => (any::<usize>(), classes()).prop_map(|(which, class)| Step::Fail(which, class)),
        2 => any::<usize>().prop_map(Step::Drop),
        2 => (0..400_u64).prop_map(Step::Advance),
    ];
    prop::collection::vec(step, 1..200)
}

const RECOVERY: u64 = 300;
const LEASE: u64 = 500;

fn take<'b>(held: &mut VecDeque<(Permit<'b>, u32)>, which: usize) -> Option<(Permit<'b>, u32)> {
    if held.is_empty() { None } else { held.remove(which % held.len()) }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn half_open_admits_no_more_probes_than_configured(probes in 1..=15_u8, steps in steps()) {
        let config = BreakerConfig::new(1)
            .recovery_timeout(Duration::from_millis(RECOVERY))
            .probe_lease(Duration::from_millis(LEASE))
            .probes(probes);
        let breaker = CircuitBreaker::<1>::new(config);
        let time = Cell::new(0);
        let clock = Ticks::<1_000>(&time);
        // The model counts, for the current half-open period (numbered, so that late permits are known), what is out
        // and what succeeded. A lease that ran out is a new period which keeps the successes.
        let (mut period, mut out, mut succeeded, mut lease_until) = (0_u32, 0, 0, 0);
        let mut held = VecDeque::new();
        for step in steps {
            let before = breaker.state();
            match step {
                Step::Advance(ms) => time.set(time.get() + ms),
                Step::Acquire => {
                    let admitted = breaker.try_acquire(&clock);
                    match (before, &admitted) {
                        (BreakerState::Closed, admitted) => prop_assert!(admitted.is_ok()),
                        (BreakerState::Open, Ok(_)) => {
                            period += 1;
                            (out, succeeded, lease_until) = (1, 0, time.get() + LEASE);
                        }
                        (BreakerState::HalfOpen, Ok(_)) => {
                            if out + succeeded == u32::from(probes) {
                                prop_assert!(time.get() >= lease_until, "one probe too many");
                                period += 1;
                                out = 0;
                            }
                            out += 1;
                            lease_until = time.get() + LEASE;
                        }
                        (BreakerState::Open, Err(rejected)) => prop_assert!(rejected.retry_after().get() > 0),
                        (BreakerState::HalfOpen, Err(rejected)) => {
                            prop_assert_eq!(out + succeeded, u32::from(probes), "a free place was refused");
                            prop_assert_eq!(u64::from(rejected.retry_after().get()), lease_until - time.get());
                        }
                        (state, _) => prop_assert!(false, "no state of the model: {state}"),
                    }
                    if let Ok(permit) = admitted {
                        let mark = if before == BreakerState::Closed { 0 } else { period };
                        held.push_back((permit, mark));
                    }
                }
                Step::Succeed(which) => {
                    let Some((permit, mark)) = take(&mut held, which) else { continue };
                    let counts = before == BreakerState::HalfOpen && mark == period;
                    let changed = permit.success(&clock);
                    if counts {
                        out -= 1;
                        succeeded += 1;
                    }
                    let closes = counts && succeeded == u32::from(probes);
                    prop_assert_eq!(changed, closes.then_some(BreakerState::Closed));
                }
                Step::Fail(which, class) => {
                    let Some((permit, mark)) = take(&mut held, which) else { continue };
                    let trips = matches!(class, ErrorClass::Transient | ErrorClass::ServerError);
                    let counts = before == BreakerState::HalfOpen && mark == period;
                    let changed = permit.failure(class, &clock);
                    let answers = !trips && class != ErrorClass::Unknown;
                    if counts && !trips {
                        out -= 1; // a failure that says nothing gives the place back
                        succeeded += u32::from(answers); // an answer is an answer
                    }
                    if counts {
                        let closes = (answers && succeeded == u32::from(probes)).then_some(BreakerState::Closed);
                        prop_assert_eq!(changed, if trips { Some(BreakerState::Open) } else { closes });
                    }
                    if before == BreakerState::Open || before == BreakerState::HalfOpen && !counts {
                        prop_assert_eq!(changed, None, "a result from an earlier state changed this one");
                    }
                }
                Step::Drop(which) => {
                    let Some((permit, mark)) = take(&mut held, which) else { continue };
                    if before == BreakerState::HalfOpen && mark == period {
                        out -= 1;
                    }
                    drop(permit);
                    prop_assert_eq!(breaker.state(), before);
                }
            }
            if breaker.state() != BreakerState::HalfOpen && before == BreakerState::HalfOpen {
                period += 1; // whoever is still out is late now
            }
        }
    }

    #[test]
    fn a_permit_that_is_dropped_never_was(
        threshold in 1..4_u8,
        probes in 1..4_u8,
        script in prop::collection::vec((prop::option::of(classes()), 0..200_u64, any::<bool>()), 1..60),
    ) {
        let config = BreakerConfig::new(threshold)
            .window(Duration::from_millis(900))
            .recovery_timeout(Duration::from_millis(RECOVERY))
            .probes(probes);
        let (plain, disturbed) = (CircuitBreaker::<4>::new(config), CircuitBreaker::<4>::new(config));
        let time = Cell::new(0);
        let clock = Ticks::<1_000>(&time);
        for (result, gap, disturb) in script {
            time.set(time.get() + gap);
            if disturb {
                drop(disturbed.try_acquire(&clock));
                if let Ok(permit) = disturbed.try_acquire(&clock) {
                    permit.release();
                }
            }
            let [a, b] = [&plain, &disturbed].map(|breaker| {
                let admitted = breaker.try_acquire(&clock).ok();
                let ran = admitted.is_some();
                let changed = admitted.and_then(|permit| match result {
                    None => permit.success(&clock),
                    Some(class) => permit.failure(class, &clock),
                });
                (ran, changed, breaker.state())
            });
            prop_assert_eq!(a, b);
        }
    }
}

/// Threads fight for the probes of one breaker; all give up without a result, so that it stays half-open.
#[test]
fn half_open_admits_no_more_probes_than_configured_to_many_threads() {
    const PROBES: u32 = 3;

    struct Frozen;
    impl Clock for Frozen {
        const TICK_HZ: u32 = 1_000;
        fn now(&self) -> Instant {
            Instant::from_ticks(1_000_000)
        }
    }

    let config = BreakerConfig::new(1).recovery_timeout(Duration::from_millis(1)).probes(3);
    let breaker = CircuitBreaker::<1>::new(config);
    let past = Cell::new(0);
    breaker.record_failure(ErrorClass::Transient, &Ticks::<1_000>(&past));
    assert_eq!(breaker.state(), BreakerState::Open);

    let (inside, most, admitted) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    let Ok(permit) = breaker.try_acquire(&Frozen) else { continue };
                    most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                    admitted.fetch_add(1, SeqCst);
                    std::thread::yield_now();
                    inside.fetch_sub(1, SeqCst);
                    drop(permit);
                }
            });
        }
    });
    assert!(most.into_inner() <= PROBES);
    assert!(admitted.into_inner() >= PROBES);
    let permits: Vec<_> = (0..PROBES).map(|_| breaker.try_acquire(&Frozen).unwrap()).collect();
    assert!(breaker.try_acquire(&Frozen).is_err(), "every place is taken");
    drop(permits);
}

/// Whole ticks in so many microseconds.
fn in_ticks<const HZ: u32>(micros: u64) -> u64 {
    u64::try_from(u128::from(micros) * u128::from(HZ) / 1_000_000).unwrap()
}

/// Whether each tick is so many whole milliseconds. Then nothing is rounded.
const fn is_whole<const HZ: u32>() -> bool {
    1_000 % HZ == 0
}

/// By how many ticks a span of breakers and budgets, which count milliseconds, may be too long.
fn longer<const HZ: u32>() -> u64 {
    if is_whole::<HZ>() { 0 } else { u64::from(HZ.div_ceil(1_000)) }
}

/// Failures at these moments open the breaker when so many lie within a window, and not when they do not.
fn window_slides<const HZ: u32>(threshold: u8, window: u32, gaps: &[u64]) {
    let config = BreakerConfig::new(threshold).window(millis(window));
    let breaker = CircuitBreaker::<8>::new(config);
    let time = Cell::new(u64::from(HZ) * 100_000);
    let clock = Ticks::<HZ>(&time);
    let mut moments: Vec<u64> = Vec::new();
    for gap in gaps {
        time.set(time.get() + in_ticks::<HZ>(*gap));
        let now = time.get();
        moments.push(now);
        let within = |ticks: u64| moments.iter().filter(|moment| now - **moment < ticks).count();
        let exact = (u64::from(window) * u64::from(HZ)).div_ceil(1_000);
        // To the millisecond, in both directions.
        let (surely, maybe) = (within(exact.saturating_sub(longer::<HZ>())), within(exact + longer::<HZ>()));
        let opened = breaker.record_failure(ErrorClass::Transient, &clock).is_some();
        assert!(opened || surely < usize::from(threshold), "{surely} failures of {threshold} within {window} ms");
        assert!(!opened || maybe >= usize::from(threshold), "opened by failures older than {window} ms");
        if opened {
            return;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_window_slides(
        threshold in 1..=8_u8,
        window in prop_oneof![1..20_u32, 1..60_000_u32, Just(43_200_000)],
        gaps in prop::collection::vec(prop_oneof![0..3_000_u64, 0..10_000_000_u64, 0..80_000_000_000_u64], 1..60),
    ) {
        window_slides::<1_000>(threshold, window, &gaps);
        window_slides::<32_768>(threshold, window, &gaps);
        window_slides::<1_000_000>(threshold, window, &gaps);
        window_slides::<1_000_000_000>(threshold, window, &gaps);
    }
}

/// An open circuit rejects for its recovery timeout, not a tick less and hardly more; and a half-open one without a place for
/// the lease of its probes, to the millisecond.
fn circuit_stays_shut<const HZ: u32>(start: u64, recovery: u32, lease: u32) {
    let config = BreakerConfig::new(1).recovery_timeout(millis(recovery)).probe_lease(millis(lease));
    let breaker = CircuitBreaker::<1>::new(config);
    let time = Cell::new(in_ticks::<HZ>(start));
    let clock = Ticks::<HZ>(&time);
    let shut_for = |span: u32, shorter: u64| {
        let begin = time.get();
        let exact = (u64::from(span) * u64::from(HZ)).div_ceil(1_000);
        // Milliseconds have 31 bits of precision, where ticks are not divided by a constant.
        let surely = (exact - 1 - (exact >> 31)).saturating_sub(shorter);
        for passed in [0, surely / 2, surely] {
            time.set(begin + passed);
            let left = breaker.try_acquire(&clock).err().map(|rejected| u64::from(rejected.retry_after().get()));
            assert!(
                left.is_some_and(|left| left * u64::from(HZ) >= (surely - passed) * 1_000),
                "{passed} ticks of {exact} at {HZ} Hz: {left:?} ms are left"
            );
        }
        time.set(begin + exact + longer::<HZ>());
    };
    breaker.record_failure(ErrorClass::Transient, &clock);
    shut_for(recovery, 0);
    let lost = breaker.try_acquire(&clock).expect("the recovery timeout is over");
    shut_for(lease, longer::<HZ>());
    breaker.try_acquire(&clock).unwrap_or_else(|left| panic!("{left:?}: the lease is over at {HZ} Hz")).success(&clock);
    assert_eq!((breaker.state(), lost.success(&clock)), (BreakerState::Closed, None));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_circuit_stays_shut_as_long_as_configured_at_any_tick_rate(
        start in 0..100_000_000_000_u64,
        recovery in prop_oneof![1..20_u32, 1..100_000_u32, Just(24 * 86_400_000)],
        lease in prop_oneof![1..20_u32, 1..100_000_u32, Just(24 * 86_400_000)],
    ) {
        circuit_stays_shut::<100>(start, recovery, lease);
        circuit_stays_shut::<1_000>(start, recovery, lease);
        circuit_stays_shut::<32_768>(start, recovery, lease);
        circuit_stays_shut::<1_000_000>(start, recovery, lease);
        circuit_stays_shut::<133_333_333>(start, recovery, lease);
        circuit_stays_shut::<1_000_000_000>(start, recovery, lease);
    }
}

// ---- Budget -------------------------------------------------------------------------------------------------------

fn budget_holds<const HZ: u32>(most: u16, window: u32, steps: &[(u64, u16)]) {
    let budget = Budget::<8>::new(BudgetConfig::rolling(most, millis(window)));
    let time = Cell::new(u64::from(HZ) * 100_000);
    let clock = Ticks::<HZ>(&time);
    let exact = (u64::from(window) * u64::from(HZ)).div_ceil(1_000);
    let mut given: Vec<u64> = Vec::new();
    for (gap, cost) in steps {
        time.set(time.get() + in_ticks::<HZ>(*gap));
        let now = time.get();
        let within = |ticks: u64| given.iter().filter(|moment| now - **moment < ticks).count();
        let (surely, maybe) = (within(exact), within(exact + longer::<HZ>()));
        let left = usize::from(budget.remaining(&clock));
        assert!(left + surely <= usize::from(most), "{left} left after {surely} of {most} within {window} ms");
        assert!(left + maybe >= usize::from(most), "only {left} left after {maybe} of {most} within {window} ms");
        let got = budget.try_consume(*cost, &clock);
        assert_eq!(got, usize::from(*cost) <= left, "all or nothing");
        if got {
            given.extend((0..*cost).map(|_| now));
        }
    }
}

/// Each late reading is late by itself: together they do not make the stamps older than they are.
#[test]
fn late_readings_do_not_age_the_window() {
    let budget = Budget::<1>::new(BudgetConfig::rolling(1, Duration::from_secs(10)));
    let time = Cell::new(1 << 30);
    let clock = Ticks::<1_000_000>(&time);
    assert!(budget.try_consume(1, &clock));
    for _ in 0..9_000 {
        let now = time.get() + 1_000;
        time.set(now - 500_000);
        assert_eq!(budget.remaining(&clock), 0);
        time.set(now);
        assert_eq!(budget.remaining(&clock), 0);
    }
    time.set(time.get() + 1_002_000);
    assert_eq!(budget.remaining(&clock), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rolling_budget_never_gives_more_than_configured_in_any_window(
        most in 0..=8_u16,
        window in prop_oneof![1..20_u32, 1..60_000_u32, Just(43_200_000)],
        steps in prop::collection::vec((prop_oneof![0..3_000_u64, 0..10_000_000_u64, 0..80_000_000_000_u64], 0..4_u16), 1..60),
    ) {
        budget_holds::<1_000>(most, window, &steps);
        budget_holds::<32_768>(most, window, &steps);
        budget_holds::<1_000_000>(most, window, &steps);
        budget_holds::<1_000_000_000>(most, window, &steps);
    }

    #[test]
    fn readings_of_one_clock_that_arrive_out_of_order_lose_no_token_and_no_failure(
        steps in prop::collection::vec(0..2_000_u64, 1..8),
        late in prop::collection::vec(0..2_000_u64, 8),
    ) {
        // Two tasks read the clock, and the one which read first comes second.
        let budget = Budget::<16>::new(BudgetConfig::rolling(16, Duration::from_secs(10)));
        let breaker = CircuitBreaker::<16>::new(BreakerConfig::new(16));
        let time = Cell::new(1 << 30);
        let clock = Ticks::<1_000_000>(&time);
        let mut now = time.get();
        for (count, (step, late)) in steps.iter().zip(&late).enumerate() {
            now += step;
            for reading in [now, now - late] {
                time.set(reading);
                prop_assert!(budget.try_consume(1, &clock));
                breaker.record_failure(ErrorClass::Transient, &clock);
            }
            time.set(now);
            prop_assert_eq!(usize::from(budget.remaining(&clock)), 16 - 2 * (count + 1));
        }
        for more in 2 * steps.len()..16 {
            let opened = breaker.record_failure(ErrorClass::Transient, &clock);
            prop_assert_eq!(opened.is_some(), more == 15);
        }
    }

    #[test]
    fn a_token_bucket_gives_no_more_than_it_was_given(
        (capacity, initial) in (1..=4_000_u16).prop_flat_map(|capacity| (Just(capacity), 0..=capacity)),
        per_success in 0..=1_000_u32,
        per_second in 0..=1_000_u32,
        start in any_size(),
        steps in prop::collection::vec((0..5_000_u64, 0..3_u16, any::<bool>()), 1..80),
    ) {
        let config = BudgetConfig::token_bucket(capacity).initial(initial).refill_per_success(per_success);
        let budget = Budget::<0>::new(config.refill_per_second(per_second));
        let time = Cell::new(u64::from(start));
        let clock = Ticks::<1_000>(&time);
        // All in millionths of a token, as exact as the bucket claims to be.
        let million = 1_000_000;
        let (mut taken, mut added) = (0, u64::from(initial) * million);
        // The bucket begins to fill when it is first looked at: a clock may start anywhere.
        prop_assert_eq!(budget.remaining(&clock), initial);
        for (gap, cost, success) in steps {
            time.set(time.get() + gap);
            added += gap * u64::from(per_second);
            if success {
                budget.record_success();
                added += u64::from(per_success) * 1_000;
            }
            let left = u64::from(budget.remaining(&clock));
            prop_assert!(left <= u64::from(capacity));
            prop_assert!(taken + left * million <= added);
            if budget.try_consume(cost, &clock) {
                taken += u64::from(cost) * million;
            } else {
                prop_assert!(left < u64::from(cost));
            }
        }
    }
}

// ---- Checkpoints --------------------------------------------------------------------------------------------------

/// The checksum of a checkpoint, from its definition: CRC-16/CCITT-FALSE, bit by bit.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc: u16, _| (crc << 1) ^ ((crc >> 15) * 0x1021))
    })
}

/// A checkpoint of a call which was deferred after some failures.
fn deferred(policy: &Policy<'_>, failures: &[Classification], random: u32) -> Option<Checkpoint> {
    let clock = Cell::new(77);
    let env = Blocking::new(Ticks::<1_000>(&clock), |ticks| clock.set(clock.get() + ticks), || random);
    let mut made = 0;
    let mut sleeps = 0;
    let last = failures.len();
    let handler = |_: &_, _| {
        sleeps += 1;
        if sleeps == last { SleepDecision::Defer } else { SleepDecision::Sleep }
    };
    let outcome = policy.context(env).sleep_handler(handler).execute(|| {
        made += 1;
        Err::<(), _>(failures[made - 1])
    });
    outcome.checkpoint
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_checkpoint_survives_its_bytes_and_goes_on_where_it_was(
        limits in limits(1_000),
        failures in prop::collection::vec(classifications(), 1..6),
        random in any::<u32>(),
    ) {
        let limits = Limits { max_attempts: 8, deadline: None, ..limits };
        let policy = Policy::new(limits.retry());
        let Some(checkpoint) = deferred(&policy, &failures, random) else { return Ok(()) };
        let bytes = checkpoint.to_bytes();
        prop_assert_eq!(Checkpoint::from_bytes(&bytes), Ok(checkpoint));
        prop_assert_eq!(checkpoint.attempts() as usize, failures.len());

        // The same call in one piece and in two ends alike.
        let attempts = |mut attempts: Attempts<'_, 1_000>| {
            let mut now = Instant::from_ticks(10_000_000);
            let mut trace = Vec::new();
            while attempts.on_wake(now).is_ok() {
                let decision = attempts.on_failure(now, ErrorClass::Transient, || random);
                trace.push((attempts.attempt().number, decision));
                let Decision::RetryAt(at) = decision else { break };
                now = at;
            }
            trace
        };
        let now = Instant::from_ticks(5_000_000);
        let whole = Attempts::<1_000>::resume(&policy, &checkpoint, Millis::ZERO, now).unwrap();
        let again = Checkpoint::from_bytes(&whole.suspend(now).to_bytes()).unwrap();
        prop_assert_eq!(again, checkpoint);
        let whole = Attempts::<1_000>::resume(&policy, &checkpoint, Millis::ZERO, now).unwrap();
        let parts = Attempts::resume(&policy, &again, Millis::ZERO, now).unwrap();
        prop_assert_eq!(attempts(whole), attempts(parts));
    }

    #[test]
    fn any_bytes_are_refused_or_a_checkpoint_and_nothing_panics(
        mut bytes in prop::array::uniform32(any::<u8>()),
        sealed in any::<bool>(),
        ours in any::<bool>(),
        length in 0..80_usize,
        slept in any_size(),
        limits in limits(1_000),
        reading in any::<u64>(),
    ) {
        let policy = Policy::new(limits.retry());
        let genuine = Attempts::<1_000>::start(&policy, Instant::ZERO).unwrap().suspend(Instant::ZERO).to_bytes();
        if ours {
            // Everything is arbitrary but what says that this policy wrote it.
            bytes[0] = genuine[0] & !3 | bytes[0] & 3;
            bytes[2..4].copy_from_slice(&genuine[2..4]);
        }
        if sealed {
            let checksum = crc16(&bytes[..30]).to_be_bytes();
            bytes[30..].copy_from_slice(&checksum);
        }
        let long: Vec<u8> = bytes.iter().copied().cycle().take(length).collect();
        if length != 32 {
            prop_assert_eq!(Checkpoint::from_bytes(&long), Err(CheckpointError::Length));
        }
        let Ok(checkpoint) = Checkpoint::from_bytes(&bytes) else { return Ok(()) };
        let now = Instant::from_ticks(reading);
        let resumed = Attempts::<1_000>::resume(&policy, &checkpoint, Millis::new(slept), now);
        let Ok(mut attempts) = resumed else { return Ok(()) };
        let _ = (attempts.poll_at(), attempts.attempt().remaining);
        for _ in 0..20 {
            if attempts.on_wake(now).is_err() {
                break;
            }
            if let Decision::Stop(_) = attempts.on_failure(now, ErrorClass::Transient, || 7) {
                break;
            }
        }
        let _ = attempts.suspend(Instant::ZERO).to_bytes();
    }
}

#[test]
fn a_checkpoint_with_any_single_bit_flipped_is_refused() {
    let policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(1_234))).max_attempts(9));
    let classes = [ErrorClass::Transient, ErrorClass::RateLimit, ErrorClass::Unknown].map(Classification::new);
    for made in 1..=classes.len() {
        let bytes = deferred(&policy, &classes[..made], 0x1234_5678).unwrap().to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let refused = Checkpoint::from_bytes(&flipped);
            assert!(
                matches!(refused, Err(CheckpointError::Corrupt | CheckpointError::Version)),
                "bit {bit} flipped: {refused:?}"
            );
        }
    }
}
