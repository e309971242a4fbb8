//! The same through the crate.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use redress_core::{
    Attempts, Backoff, BlockingEnvironment, BreakerConfig, Budget, BudgetConfig, Cause, CircuitBreaker, ClassSet,
    Classification, Clock, Decision, Environment, ErrorClass, Instant, Millis, Policy, Retry, SelfClassifier,
    SleepDecision, StopReason, env::mode,
};

use crate::{BreakerRules, BudgetRules, DRAWS, Deed, Delay, GAP, Rules, Symbol, Told};

/// Clock, script and draws.
struct Stage<'s> {
    now: Cell<u64>,
    start: Cell<u64>,
    symbols: RefCell<std::slice::Iter<'s, Symbol>>,
    deed: Cell<Deed>,
    aborted: Cell<bool>,
    drawn: Cell<usize>,
    sleeps: RefCell<Vec<u64>>,
}

impl<'s> Stage<'s> {
    fn new(symbols: &'s [Symbol]) -> Self {
        Self {
            now: Cell::new(0),
            start: Cell::new(0),
            symbols: RefCell::new(symbols.iter()),
            deed: Cell::new(Deed::Succeed),
            aborted: Cell::new(false),
            drawn: Cell::new(0),
            sleeps: RefCell::default(),
        }
    }

    fn is_over(&self) -> bool {
        self.symbols.borrow().as_slice().is_empty()
    }

    fn begin(&self) {
        self.now.set(self.now.get() + GAP);
        self.start.set(self.now.get());
        self.aborted.set(false);
        self.sleeps.borrow_mut().clear();
    }

    fn attempt(&self) -> Result<Option<ErrorClass>, Classification> {
        let (deed, took) = self.symbols.borrow_mut().next().copied().unwrap_or((Deed::Succeed, 0));
        self.deed.set(deed);
        self.now.set(self.now.get() + took);
        self.aborted.set(matches!(deed, Deed::SucceedAborted | Deed::FailAborted(_)));
        match deed {
            Deed::Succeed | Deed::SucceedAborted => Ok(None),
            Deed::Value(class) => Ok(Some(class)),
            Deed::Abort => Err(Classification::abort()),
            Deed::Hint(class, hint) => {
                Err(Classification::new(class).retry_after(Millis::new(u32::try_from(hint).expect("a short hint"))))
            }
            Deed::Fail(class)
            | Deed::FailAborted(class)
            | Deed::AbortedWait(class)
            | Deed::Oversleep(class, _)
            | Deed::Answer(class, _) => Err(class.into()),
        }
    }

    fn answer(&self) -> SleepDecision {
        if let Deed::Answer(_, answer) = self.deed.get() { answer } else { SleepDecision::Sleep }
    }

    fn sleep(&self, ticks: u64) {
        self.sleeps.borrow_mut().push(ticks);
        let over = if let Deed::Oversleep(_, over) = self.deed.get() { over } else { 0 };
        self.now.set(self.now.get() + ticks + over);
        self.aborted.set(matches!(self.deed.get(), Deed::AbortedWait(_)));
    }

    fn random(&self) -> u32 {
        let drawn = self.drawn.get();
        self.drawn.set(drawn + 1);
        DRAWS[drawn % DRAWS.len()].1
    }
}

impl Clock for Stage<'_> {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(self.now.get())
    }
}

struct Env<'a, 's>(&'a Stage<'s>);

impl Clock for Env<'_, '_> {
    const TICK_HZ: u32 = Stage::TICK_HZ;

    fn now(&self) -> Instant {
        self.0.now()
    }
}

impl Environment for Env<'_, '_> {
    type Mode = mode::Blocking;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    fn random(&mut self) -> u32 {
        self.0.random()
    }
}

impl BlockingEnvironment for Env<'_, '_> {
    fn sleep(&mut self, ticks: u64) {
        self.0.sleep(ticks);
    }
}

fn span(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn byte(number: usize) -> u8 {
    u8::try_from(number).expect("a small number")
}

fn backoff(delay: Delay) -> Backoff<'static> {
    match delay {
        Delay::Fixed(delays) => Backoff::fixed(delays),
        Delay::Exponential(base, max) => Backoff::exponential(span(base), span(max)),
        Delay::Equal(base, max) => Backoff::equal_jitter(span(base), span(max)),
        Delay::Decorrelated(base, max) => Backoff::decorrelated_jitter(span(base), span(max)),
        Delay::HintOr(fallback, jitter) => backoff(*fallback).or_retry_after_as_is(span(jitter)),
        Delay::HintAbove(fallback, jitter) => backoff(*fallback).or_retry_after_jittered(span(jitter)),
    }
}

pub(crate) fn retry(rules: &Rules) -> Retry<'static> {
    let mut retry = rules.default.map_or_else(Retry::per_class, |delay| Retry::new(backoff(delay)));
    retry = rules.max_attempts.map_or(retry.unlimited_attempts(), |attempts| retry.max_attempts(attempts));
    retry = rules.deadline.map_or(retry.no_deadline(), |deadline| retry.deadline(span(deadline)));
    retry = rules.cap.map_or(retry, |cap| retry.retry_after_cap(span(cap)));
    retry = rules.max_unknown.map_or(retry.no_unknown_cap(), |cap| retry.max_unknown(byte(cap)));
    for (class, retries) in rules.limits {
        retry = retry.limit_for(*class, byte(*retries));
    }
    for (class, delay) in rules.own {
        retry = retry.backoff_for(*class, backoff(*delay));
    }
    retry
}

/// The most failures or retries which any of the policies has to remember, and not one more.
const SLOTS: usize = 5;

fn breaker(rules: &BreakerRules) -> CircuitBreaker<SLOTS> {
    let mut config = BreakerConfig::new(byte(rules.threshold))
        .window(span(rules.window))
        .recovery_timeout(span(rules.recovery))
        .trip_on(ClassSet::of(rules.trip_on))
        .probes(byte(rules.probes));
    for (class, threshold) in rules.own {
        config = config.threshold_for(*class, byte(*threshold));
    }
    CircuitBreaker::new(config)
}

fn budget(rules: BudgetRules) -> Budget<SLOTS> {
    Budget::new(match rules {
        BudgetRules::Rolling(retries, window) => BudgetConfig::rolling(byte(retries).into(), span(window)),
        BudgetRules::Bucket(tokens, back) => BudgetConfig::token_bucket(u16::try_from(tokens).expect("few tokens"))
            .refill_per_success(u32::try_from(back).expect("a part of a token")),
        BudgetRules::Ratio(percent, window, minimum) => {
            let per_second = u16::try_from(minimum / window).expect("few retries");
            BudgetConfig::ratio(byte(usize::try_from(percent).expect("small")), span(window)).min_per_second(per_second)
        }
    })
}

/// Through what the calls of a sequence are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// `execute` of the driver.
    Execute,
    /// `call` of the driver, which for plain policies is another copy of the loop.
    Call,
    /// The machine.
    Machine,
}

impl Through {
    pub(crate) const ALL: [Self; 3] = [Self::Execute, Self::Call, Self::Machine];

    /// Takes out of what should have been told what is not told here.
    pub(crate) fn mute(self, told: &mut Told) {
        match self {
            Self::Call => {
                told.elapsed = 0;
                told.last_attempt = None;
                // A success comes back as the plain value, without a report.
                if told.reason.is_none() {
                    told.attempts = 0;
                }
            }
            // The machine names its verdict; the delay which it refused is told by the drivers.
            Self::Machine
                if matches!(told.reason, Some(StopReason::DeadlineExceeded | StopReason::RetryAfterTooLong)) =>
            {
                told.next_delay = None;
            }
            Self::Execute | Self::Machine => {}
        }
    }
}

/// The calls which this sequence gives.
///
/// `hooked`: with all hooks, and not only those without which the sequence could not be played.
pub(crate) fn calls(rules: &Rules, retry: &Retry<'_>, symbols: &[Symbol], through: Through, hooked: bool) -> Vec<Told> {
    let breaker = rules.breaker.as_ref().map(breaker);
    let budget = rules.budget.map(budget);
    let mut policy = Policy::new(*retry);
    if let Some(breaker) = &breaker {
        policy = policy.circuit_breaker(breaker);
    }
    if let Some(budget) = &budget {
        policy = policy.budget(budget);
    }
    let stage = Stage::new(symbols);
    let mut told = Vec::new();
    while !stage.is_over() {
        let drawn = stage.drawn.get();
        stage.begin();
        let mut call = match through {
            Through::Execute => by_execute(&stage, &policy, hooked),
            Through::Call => by_call(&stage, &policy, hooked),
            Through::Machine => by_machine(&stage, &policy),
        };
        call.sleeps.clone_from(&stage.sleeps.borrow());
        call.draws = stage.drawn.get() - drawn;
        call.breaker = breaker.as_ref().map(|breaker| breaker.state());
        call.budget = budget.as_ref().map(|budget| budget.remaining(&stage).into());
        told.push(call);
    }
    told
}

/// What a call told by itself.
const UNTOLD: Told = Told {
    reason: None,
    attempts: 0,
    last: None,
    last_attempt: None,
    next_delay: None,
    elapsed: 0,
    sleeps: Vec::new(),
    draws: 0,
    breaker: None,
    budget: None,
};

macro_rules! hooked {
    ($stage:ident, $policy:ident) => {
        $policy
            .context(Env($stage))
            .retry_result(|value: &Option<ErrorClass>| *value)
            .abort_if(|| $stage.aborted.get())
            .sleep_handler(|_, _| $stage.answer())
    };
}

fn by_execute(stage: &Stage<'_>, policy: &Policy<'_>, hooked: bool) -> Told {
    let outcome = if hooked {
        hooked!(stage, policy).execute(|| stage.attempt())
    } else {
        policy.context(Env(stage)).execute(|| stage.attempt())
    };
    Told {
        reason: outcome.stop_reason,
        attempts: outcome.attempts,
        last: outcome.last_class.zip(outcome.cause),
        last_attempt: outcome.last_failure_attempt,
        next_delay: outcome.next_delay.map(|delay| delay.get().into()),
        elapsed: outcome.elapsed.get().into(),
        ..UNTOLD
    }
}

fn by_call(stage: &Stage<'_>, policy: &Policy<'_>, hooked: bool) -> Told {
    let result = if hooked {
        hooked!(stage, policy).call(|| stage.attempt())
    } else {
        policy.context(Env(stage)).call(|| stage.attempt())
    };
    let Err(error) = result else { return UNTOLD };
    Told {
        reason: Some(error.reason),
        attempts: error.attempts,
        last: error.last_class.zip(error.cause),
        next_delay: error.next_delay.map(|delay| delay.get().into()),
        ..UNTOLD
    }
}

fn by_machine(stage: &Stage<'_>, policy: &Policy<'_>) -> Told {
    let told = |reason, attempts, last: Option<(ErrorClass, Cause, u32)>, next_delay: Option<Millis>| Told {
        reason,
        attempts,
        last: last.filter(|_| reason.is_some()).map(|(class, cause, _)| (class, cause)),
        last_attempt: last.filter(|_| reason.is_some()).map(|(.., attempt)| attempt),
        next_delay: next_delay.map(|delay| delay.get().into()),
        elapsed: stage.now.get() - stage.start.get(),
        ..UNTOLD
    };
    let mut attempts = match Attempts::<{ Stage::TICK_HZ }>::start(policy, stage.now()) {
        Ok(attempts) => attempts,
        Err(rejected) => return told(Some(rejected.reason()), 0, None, Some(rejected.retry_after())),
    };
    let mut last = None;
    let reason = loop {
        let (classification, cause) = match stage.attempt() {
            Ok(None) => break None,
            Ok(Some(class)) => (class.into(), Cause::Result),
            Err(classification) => (classification, Cause::Error),
        };
        if !classification.is_abort() {
            last = Some((classification.class(), cause, attempts.attempt().number));
            if stage.aborted.get() {
                break Some(StopReason::Aborted);
            }
        }
        let now = stage.now();
        let at = match attempts.on_failure(now, classification, || stage.random()) {
            Decision::RetryAt(at) => at,
            Decision::Stop(reason) => break Some(reason),
        };
        match stage.answer() {
            SleepDecision::Sleep => stage.sleep(at.ticks_since(now)),
            SleepDecision::Defer => {
                let (number, delay) = (attempts.attempt().number, attempts.delay());
                let checkpoint = attempts.defer(now);
                assert_eq!((checkpoint.attempts(), checkpoint.remaining()), (number, delay));
                return told(Some(StopReason::Scheduled), number, last, Some(delay));
            }
            _ => break Some(StopReason::Aborted),
        }
        // Whoever owns the loop looks at the condition before the machine counts another attempt.
        let is_late = attempts.poll_at().is_some()
            && policy
                .retry()
                .deadline_after()
                .is_some_and(|deadline| span(stage.now.get() - stage.start.get()) >= deadline);
        if stage.aborted.get() && !is_late {
            break Some(StopReason::Aborted);
        }
        if let Err(rejected) = attempts.on_wake(stage.now()) {
            break Some(rejected.reason());
        }
    };
    let number = attempts.attempt().number;
    match reason {
        None => attempts.on_success(stage.now()),
        Some(_) => drop(attempts),
    }
    told(reason, number, last, None)
}
