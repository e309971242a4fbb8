//! A budget as a share of recent traffic, against a model that keeps a list of everything and looks through it each time.

use std::time::Duration;

use proptest::prelude::*;
use redress_core::{
    Attempts, Backoff, BreakerConfig, Budget, BudgetConfig, BudgetView, CircuitBreaker, Clock, Decision, ErrorClass,
    Instant, Policy, Retry, StopReason,
    testing::{ManualClock, TestAsyncEnv, TestEnv, block_on},
};

fn set(clock: &ManualClock, millis: u64) {
    clock.set(Instant::from_ticks(millis));
}

#[derive(Clone, Copy, Debug)]
struct Rules {
    percent: u8,
    min_per_second: u16,
    window: u64,
    parts: u64,
}

impl Rules {
    fn config(self) -> BudgetConfig {
        BudgetConfig::ratio(self.percent, Duration::from_millis(self.window)).min_per_second(self.min_per_second)
    }

    fn width(self) -> u64 {
        self.window.div_ceil(self.parts)
    }
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Call,
    Retry(u16),
    /// So many milliseconds pass.
    Pass(u64),
    /// The clock jumps ahead by months; not while it is being found out that it was set back, which is measured in 32 bits.
    Leap(u64),
    /// The clock is set back, or a caller is late by so much.
    Back(u64),
}

/// Everything that ever happened, each with the number of the part of the window it fell into.
struct Model {
    rules: Rules,
    calls: Vec<u64>,
    retries: Vec<(u64, u64)>,
    part: u64,
    /// When the part began.
    began: u64,
    /// Since when each reading was before that.
    behind_since: Option<u64>,
}

impl Model {
    fn new(rules: Rules) -> Self {
        Self { rules, calls: Vec::new(), retries: Vec::new(), part: 0, began: 0, behind_since: None }
    }

    fn look(&mut self, now: u64) {
        let whole = self.rules.width() * self.rules.parts;
        if now < self.began {
            match self.behind_since {
                Some(since) if now >= since && now - since >= whole => self.begin_anew(now),
                Some(since) if now >= since => {}
                _ => self.behind_since = Some(now),
            }
            return;
        }
        self.behind_since = None;
        let passed = (now - self.began) / self.rules.width();
        if passed >= self.rules.parts {
            self.begin_anew(now);
        } else {
            self.part += passed;
            self.began += passed * self.rules.width();
        }
    }

    fn begin_anew(&mut self, now: u64) {
        self.part += self.rules.parts;
        self.began = now;
        self.behind_since = None;
    }

    /// In hundredths of a retry, times a second.
    fn left(&self) -> i128 {
        let counts = |part: u64| part + self.rules.parts > self.part;
        let calls = self.calls.iter().filter(|part| counts(**part)).count() as i128;
        let retries: i128 = self.retries.iter().filter(|(part, _)| counts(*part)).map(|(_, n)| i128::from(*n)).sum();
        let minimum = i128::from(self.rules.min_per_second) * i128::from(self.rules.window) * 100;
        minimum + calls * i128::from(self.rules.percent) * 1_000 - retries * 100_000
    }

    fn retry(&mut self, cost: u16) -> bool {
        // No retries are there for the taking, also where calls have left the window before their retries.
        let is_enough = self.left().max(0) >= i128::from(cost) * 100_000;
        if is_enough {
            self.retries.push((self.part, cost.into()));
        }
        is_enough
    }
}

/// Does the same to the budget and to the model. Returns how many retries there were, and how many were refused.
fn compare(rules: Rules, budget: &BudgetView, start: u64, deeds: &[Deed]) -> (u32, u32) {
    let (mut model, clock) = (Model::new(rules), ManualClock::new());
    set(&clock, start);
    let (mut given, mut refused) = (0, 0);
    for (at, deed) in deeds.iter().enumerate() {
        match deed {
            Deed::Pass(span) => set(&clock, clock.now().ticks() + span),
            Deed::Leap(span) if clock.now().ticks() >= model.began => set(&clock, clock.now().ticks() + span),
            Deed::Leap(_) => {}
            Deed::Back(span) => set(&clock, clock.now().ticks().saturating_sub(*span)),
            Deed::Call => {
                budget.record_call(&clock);
                model.look(clock.now().ticks());
                model.calls.push(model.part);
            }
            Deed::Retry(cost) => {
                model.look(clock.now().ticks());
                let expected = model.retry(*cost);
                assert_eq!(budget.try_consume(*cost, &clock), expected, "{rules:?}, {at} of {deeds:?}");
                *if expected { &mut given } else { &mut refused } += 1;
            }
        }
    }
    model.look(clock.now().ticks());
    let left = (model.left() / 100_000).clamp(0, u16::MAX.into());
    assert_eq!(i128::from(budget.remaining(&clock)), left, "{rules:?}, {deeds:?}");
    (given, refused)
}

// ---- Against the model --------------------------------------------------------------------------------------------

#[test]
fn every_short_sequence_is_as_the_model_says() {
    // All times are even, because a clock that was set back is recognised to two milliseconds.
    let deeds =
        [Deed::Call, Deed::Retry(1), Deed::Retry(2), Deed::Pass(2), Deed::Pass(6), Deed::Pass(16), Deed::Back(10)];
    let rules = [
        Rules { percent: 50, min_per_second: 0, window: 8, parts: 4 },
        Rules { percent: 100, min_per_second: 125, window: 16, parts: 4 },
        Rules { percent: 60, min_per_second: 250, window: 6, parts: 1 },
        Rules { percent: 0, min_per_second: 300, window: 10, parts: 3 },
    ];
    let (mut given, mut refused) = (0, 0);
    for rules in rules {
        for number in 0..deeds.len().pow(6) {
            let sequence: Vec<_> = (0..6).map(|place| deeds[number / deeds.len().pow(place) % deeds.len()]).collect();
            let (more_given, more_refused) = match rules.parts {
                1 => compare(rules, &Budget::<1>::new(rules.config()), 20, &sequence),
                3 => compare(rules, &Budget::<3>::new(rules.config()), 20, &sequence),
                _ => compare(rules, &Budget::<4>::new(rules.config()), 20, &sequence),
            };
            (given, refused) = (given + more_given, refused + more_refused);
        }
    }
    // Both answers come up often, so that neither is left out of the comparison.
    assert!(given > 100_000 && refused > 100_000, "{given} given, {refused} refused");
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        8 => Just(Deed::Call),
        6 => (0..4_u16).prop_map(Deed::Retry),
        4 => (0..400_u64).prop_map(|span| Deed::Pass(2 * span)),
        1 => Just(Deed::Pass(1 << 20)),
        1 => prop_oneof![Just(1 << 33), Just(1 << 41)].prop_map(Deed::Leap),
        1 => (0..5_000_u64).prop_map(|span| Deed::Back(2 * span)),
        1 => Just(Deed::Back(1 << 25)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_sequences_with_a_clock_that_jumps_are_as_the_model_says(
        percent in 0..=100_u8,
        min_per_second in prop_oneof![Just(0), 0..=5_u16],
        window in (1..2_000_u64).prop_map(|half| 2 * half),
        start in prop_oneof![Just(0), Just(1 << 20), Just(1 << 35)],
        deeds in prop::collection::vec(deeds(), 1..300),
    ) {
        let rules = |parts| Rules { percent, min_per_second, window, parts };
        compare(rules(1), &Budget::<1>::new(rules(1).config()), start, &deeds);
        compare(rules(2), &Budget::<2>::new(rules(2).config()), start, &deeds);
        compare(rules(10), &Budget::<10>::new(rules(10).config()), start, &deeds);
    }

    #[test]
    fn retries_are_never_more_than_the_share_of_the_calls_and_the_minimum(
        percent in 0..=100_u8,
        min_per_second in 0..=3_u16,
        steps in prop::collection::vec((0..900_u64, 0..20_u32), 1..100),
    ) {
        let config = BudgetConfig::ratio(percent, Duration::from_secs(10)).min_per_second(min_per_second);
        let (budget, clock) = (Budget::<10>::new(config), ManualClock::new());
        let (mut calls, mut retries) = (Vec::new(), Vec::new());
        for (gap, started) in steps {
            set(&clock, clock.now().ticks() + gap);
            let now = clock.now().ticks();
            for _ in 0..started {
                budget.record_call(&clock);
                calls.push(now);
                if !budget.try_consume(1, &clock) {
                    continue;
                }
                retries.push(now);
                // A call counts for ten seconds at most, a retry for nine at least.
                let recent = calls.iter().filter(|at| now - **at < 10_000).count() as u64;
                let made = retries.iter().filter(|at| now - **at < 9_000).count() as u64;
                prop_assert!(made * 100 <= recent * u64::from(percent) + 1_000 * u64::from(min_per_second));
            }
        }
    }
}

// ---- Through a policy ---------------------------------------------------------------------------------------------

const RETRY: Retry<'static> = Retry::new(Backoff::none()).max_attempts(3).no_deadline();

/// A quarter of the calls of ten seconds.
fn quarter() -> Budget<10> {
    Budget::new(BudgetConfig::ratio(25, Duration::from_secs(10)))
}

const fn fails() -> Result<(), ErrorClass> {
    Err(ErrorClass::Transient)
}

#[test]
fn each_call_counts_once_however_many_attempts_it_makes() {
    let budget = quarter();
    let policy = Policy::new(RETRY).budget(&budget);
    let mut context = policy.context(TestEnv::new());
    for _ in 0..11 {
        context.call(|| Ok::<(), ErrorClass>(())).unwrap();
    }
    let clock = context.env().clone();
    assert_eq!(budget.remaining(clock.clock()), 2);
    // The twelfth gives the third retry.
    let outcome = context.execute(fails);
    assert_eq!((outcome.attempts, outcome.stop_reason), (3, Some(StopReason::MaxAttemptsGlobal)));
    let mut script = [Ok(()), Err(ErrorClass::Transient)].into_iter().rev();
    assert_eq!(context.call(|| script.next().unwrap()), Ok(()));
    assert_eq!(budget.remaining(context.env().clock()), 0);
    // Thirteen calls have earned 3.25 retries, three were made: three more calls for the next.
    for refused in [true, true, false] {
        assert_eq!(context.execute(fails).attempts, if refused { 1 } else { 2 });
    }
}

#[test]
fn many_policies_share_it_and_all_forms_of_a_call_count() {
    let budget = quarter();
    let one = Policy::new(RETRY).budget(&budget);
    let other = Policy::new(RETRY.max_attempts(2)).budget(&budget);
    let now = Instant::from_ticks(0);
    one.context(TestEnv::new()).call(|| Ok::<_, ErrorClass>(())).unwrap();
    block_on(other.context(TestAsyncEnv::new()).call(async || Ok::<_, ErrorClass>(()))).unwrap();
    Attempts::<1_000>::start(&one, now).unwrap().on_success(now);
    assert_eq!(budget.remaining(TestEnv::new().clock()), 0);
    other.context(TestEnv::new()).start().unwrap().succeed(());
    assert_eq!(budget.remaining(TestEnv::new().clock()), 1);
}

#[test]
fn the_bare_machine_counts_its_calls_by_the_time_it_is_told() {
    let budget = quarter();
    let policy = Policy::new(RETRY).budget(&budget);
    for second in 0..4 {
        let now = Instant::from_ticks(second * 1_000);
        let mut attempts = Attempts::<1_000>::start(&policy, now).unwrap();
        let decision = attempts.on_failure(now, ErrorClass::Transient, || 0);
        let expected = if second == 3 { Decision::RetryAt(now) } else { Decision::Stop(StopReason::BudgetExhausted) };
        assert_eq!(decision, expected, "second {second}");
    }
    // The fourth call leaves the window with its retry, the first three before them.
    let later = Instant::from_ticks(13_000);
    let mut attempts = Attempts::<1_000>::start(&policy, later).unwrap();
    assert_eq!(attempts.on_failure(later, ErrorClass::Transient, || 0), Decision::Stop(StopReason::BudgetExhausted));
}

#[test]
fn what_is_not_admitted_and_what_is_not_retried_does_not_count() {
    let budget = Budget::<10>::new(BudgetConfig::ratio(100, Duration::from_secs(10)));
    let breaker = CircuitBreaker::<1>::new(BreakerConfig::new(1));
    let policy = Policy::new(RETRY).budget(&budget).circuit_breaker(&breaker);
    let mut context = policy.context(TestEnv::new());
    context.execute(|| Err::<(), _>(ErrorClass::Auth));
    drop(context.start());
    breaker.record_failure(ErrorClass::Transient, context.env().clock());
    assert_eq!(context.execute(fails).stop_reason, Some(StopReason::CircuitOpen));
    assert_eq!(budget.remaining(context.env().clock()), 0);
}

#[test]
fn a_quiet_client_retries_by_the_minimum() {
    let config = BudgetConfig::ratio(20, Duration::from_secs(10)).min_per_second(1);
    let budget = Budget::<10>::new(config);
    let policy = Policy::new(RETRY).budget(&budget);
    let mut context = policy.context(TestEnv::new());
    let attempts: u32 = (0..6).map(|_| context.execute(fails).attempts).sum();
    // Ten of the minimum, and one by the six calls.
    assert_eq!(attempts, 6 + 11);
    context.env().clock().advance(Duration::from_secs(10));
    assert_eq!(budget.remaining(context.env().clock()), 10);
}
