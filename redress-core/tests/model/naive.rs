//! The model: lists of everything that ever happened, looked through from the beginning each time.

use std::ops::ControlFlow;

use redress_core::{
    BreakerState, Cause,
    ErrorClass::{self, Auth, Permanent, Unknown},
    SleepDecision, StopReason,
};

use crate::{BudgetRules, DRAWS, Deed, Delay, GAP, Rules, Symbol, Told};

/// Everything that ever happened under a policy.
struct Model<'r> {
    rules: &'r Rules,
    now: u64,
    drawn: usize,
    state: BreakerState,
    opened: u64,
    answers: usize,
    /// Failures that counted, since the circuit last opened.
    stamps: Vec<(u64, ErrorClass)>,
    /// When retries were decided.
    retries: Vec<u64>,
    /// Thousandths of tokens.
    tokens: u64,
    /// Of a ratio: which part of the window it is, when it began, in which ones there were calls and retries.
    part: u64,
    part_began: u64,
    counted: Vec<u64>,
    retried: Vec<u64>,
}

/// What is known of a call while it runs.
#[derive(Default)]
struct Call {
    start: u64,
    attempts: u32,
    failures: Vec<ErrorClass>,
    last: Option<(ErrorClass, Cause, u32)>,
    retry_before: Option<(ErrorClass, u64)>,
    sleeps: Vec<u64>,
    next_delay: Option<u64>,
    is_aborted: bool,
}

/// The calls which this sequence gives.
pub(crate) fn calls(rules: &Rules, symbols: &[Symbol]) -> Vec<Told> {
    let tokens = if let Some(BudgetRules::Bucket(tokens, _)) = rules.budget { tokens * 1_000 } else { 0 };
    let mut model = Model {
        rules,
        now: 0,
        drawn: 0,
        state: BreakerState::Closed,
        opened: 0,
        answers: 0,
        stamps: Vec::new(),
        retries: Vec::new(),
        tokens,
        part: 0,
        part_began: 0,
        counted: Vec::new(),
        retried: Vec::new(),
    };
    let mut symbols = symbols.iter();
    let mut told = Vec::new();
    while !symbols.as_slice().is_empty() {
        told.push(model.call(&mut symbols));
    }
    told
}

impl Model<'_> {
    fn call(&mut self, symbols: &mut std::slice::Iter<'_, Symbol>) -> Told {
        self.now += GAP;
        let drawn = self.drawn;
        let mut call = Call { start: self.now, ..Call::default() };
        let reason = if self.admits() {
            let reason = self.attempts(&mut call, symbols);
            self.learn(reason, call.last.map(|(class, ..)| class));
            reason
        } else {
            Some(StopReason::CircuitOpen)
        };
        let last = call.last.filter(|_| reason.is_some());
        Told {
            reason,
            attempts: call.attempts,
            last: last.map(|(class, cause, _)| (class, cause)),
            last_attempt: last.map(|(.., attempt)| attempt),
            next_delay: if reason == Some(StopReason::CircuitOpen) {
                self.rules.breaker.map(|breaker| self.opened + breaker.recovery - self.now)
            } else {
                call.next_delay
            },
            elapsed: self.now - call.start,
            sleeps: call.sleeps,
            draws: self.drawn - drawn,
            breaker: self.rules.breaker.map(|_| self.state),
            budget: self.rules.budget.map(|_| self.left()),
        }
    }

    fn admits(&mut self) -> bool {
        let Some(breaker) = self.rules.breaker else { return true };
        if self.state == BreakerState::Open {
            if self.now < self.opened + breaker.recovery {
                return false;
            }
            self.state = BreakerState::HalfOpen;
            self.answers = 0;
        }
        true
    }

    fn learn(&mut self, reason: Option<StopReason>, last: Option<ErrorClass>) {
        let Some(breaker) = self.rules.breaker else { return };
        if reason == Some(StopReason::Aborted) {
            return;
        }
        let own = |class| breaker.own.iter().find(|(own, _)| *own == class).map(|(_, threshold)| *threshold);
        let failure = reason.and(last).filter(|class| breaker.trip_on.contains(class) || own(*class).is_some());
        let learnt_nothing = failure.is_none() && reason.and(last) == Some(Unknown);
        match (self.state, failure) {
            (_, None) if learnt_nothing => {}
            (BreakerState::HalfOpen, None) => {
                self.answers += 1;
                if self.answers == breaker.probes {
                    self.state = BreakerState::Closed;
                }
            }
            (BreakerState::HalfOpen, Some(_)) => self.open(),
            (BreakerState::Closed, None) => {}
            (BreakerState::Closed, Some(class)) => {
                self.stamps.push((self.now, class));
                let fresh = self.stamps.iter().filter(|(at, _)| self.now - at < breaker.window);
                let is_enough = match own(class) {
                    Some(threshold) => fresh.filter(|(_, other)| *other == class).count() >= threshold,
                    None => fresh.filter(|(_, other)| own(*other).is_none()).count() >= breaker.threshold,
                };
                if is_enough {
                    self.open();
                }
            }
            (state, _) => unreachable!("nothing runs while the circuit is {state}"),
        }
    }

    fn open(&mut self) {
        self.state = BreakerState::Open;
        self.opened = self.now;
        self.stamps.clear();
    }

    /// Moves the window of a ratio on. It begins anew if nothing of it is left.
    fn slide(&mut self) {
        let Some(BudgetRules::Ratio(_, window, _)) = self.rules.budget else { return };
        let width = window / 5;
        let passed = (self.now - self.part_began) / width;
        self.part += passed;
        self.part_began = if passed < 5 { self.part_began + passed * width } else { self.now };
    }

    fn count_call(&mut self) {
        self.slide();
        self.counted.push(self.part);
    }

    fn left(&mut self) -> u64 {
        self.slide();
        match self.rules.budget {
            None => u64::MAX,
            Some(BudgetRules::Bucket(..)) => self.tokens / 1_000,
            Some(BudgetRules::Rolling(most, window)) => {
                (most - self.retries.iter().filter(|at| self.now - **at < window).count()) as u64
            }
            Some(BudgetRules::Ratio(percent, _, minimum)) => {
                let recent = |parts: &[u64]| parts.iter().filter(|part| **part + 5 > self.part).count() as u64;
                (minimum + recent(&self.counted) * percent * 10).saturating_sub(recent(&self.retried) * 1_000) / 1_000
            }
        }
    }

    fn is_late(&self, call: &Call) -> bool {
        self.rules.deadline.is_some_and(|deadline| self.now - call.start >= deadline)
    }

    /// Attempts until success (`None`) or the reason to stop.
    fn attempts(&mut self, call: &mut Call, symbols: &mut std::slice::Iter<'_, Symbol>) -> Option<StopReason> {
        loop {
            if call.attempts > 0 && self.is_late(call) {
                return Some(StopReason::DeadlineExceeded);
            }
            if call.is_aborted {
                return Some(StopReason::Aborted);
            }
            call.attempts += 1;
            let (deed, took) = symbols.next().copied().unwrap_or((Deed::Succeed, 0));
            self.now += took;
            if let ControlFlow::Break(end) = self.after(call, deed) {
                return end;
            }
        }
    }

    /// What follows from an attempt.
    fn after(&mut self, call: &mut Call, deed: Deed) -> ControlFlow<Option<StopReason>> {
        let (class, cause, hint) = match deed {
            Deed::Succeed | Deed::SucceedAborted => {
                if let Some(BudgetRules::Bucket(most, back)) = self.rules.budget {
                    self.tokens = (self.tokens + back).min(most * 1_000);
                }
                if call.attempts == 1 {
                    self.count_call();
                }
                return ControlFlow::Break(None);
            }
            Deed::Abort => return ControlFlow::Break(Some(StopReason::Aborted)),
            Deed::Fail(class)
            | Deed::FailAborted(class)
            | Deed::AbortedWait(class)
            | Deed::Oversleep(class, _)
            | Deed::Answer(class, _) => (class, Cause::Error, None),
            Deed::Hint(class, hint) => (class, Cause::Error, Some(hint)),
            Deed::Value(class) => (class, Cause::Result, None),
        };
        call.last = Some((class, cause, call.attempts));
        if let Deed::FailAborted(_) = deed {
            return ControlFlow::Break(Some(StopReason::Aborted));
        }
        call.failures.push(class);
        let delay = match self.decide(call, class, hint) {
            Ok(delay) => delay,
            Err(reason) => return ControlFlow::Break(Some(reason)),
        };
        self.retries.push(self.now);
        self.retried.push(self.part);
        self.tokens = self.tokens.saturating_sub(1_000);
        call.retry_before = Some((class, delay));
        match deed {
            Deed::Answer(_, SleepDecision::Defer) => {
                call.next_delay = Some(delay);
                return ControlFlow::Break(Some(StopReason::Scheduled));
            }
            Deed::Answer(_, SleepDecision::Abort) => return ControlFlow::Break(Some(StopReason::Aborted)),
            Deed::AbortedWait(_) => call.is_aborted = true,
            Deed::Oversleep(_, over) => self.now += over,
            _ => {}
        }
        call.sleeps.push(delay);
        self.now += delay;
        ControlFlow::Continue(())
    }

    fn decide(&mut self, call: &mut Call, class: ErrorClass, hint: Option<u64>) -> Result<u64, StopReason> {
        let rules = self.rules;
        let failures = call.failures.iter().filter(|other| **other == class).count();
        if rules.limits.iter().any(|(limited, retries)| *limited == class && failures > *retries) {
            return Err(StopReason::MaxAttemptsPerClass);
        }
        let opts_in = rules.limits.iter().any(|(limited, _)| *limited == class);
        let is_answer = matches!(class, Auth | ErrorClass::Permission | Permanent);
        if is_answer && !opts_in {
            return Err(StopReason::NonRetryableClass);
        }
        if class == Unknown && rules.max_unknown.is_some_and(|cap| failures > cap) {
            return Err(StopReason::MaxUnknownAttempts);
        }
        if self.is_late(call) {
            return Err(StopReason::DeadlineExceeded);
        }
        if rules.max_attempts == Some(call.attempts) {
            return Err(StopReason::MaxAttemptsGlobal);
        }
        // Those classes have no backoff of their own.
        let alike = if is_answer { Unknown } else { class };
        let own = rules.own.iter().find(|(other, _)| *other == alike).map(|(_, delay)| *delay);
        let Some(strategy) = own.or(rules.default) else { return Err(StopReason::NoStrategy) };
        let cap = rules.cap.or(rules.deadline).unwrap_or(3_600_000);
        if let (Delay::HintOr(..) | Delay::HintAbove(..), Some(hint)) = (strategy, hint.filter(|hint| *hint > cap)) {
            call.next_delay = Some(hint);
            return Err(StopReason::RetryAfterTooLong);
        }
        let previous = call.retry_before.filter(|(other, _)| *other == class).map(|(_, delay)| delay);
        let left = rules.deadline.map(|deadline| (deadline - 1).saturating_sub(self.now - call.start));
        let delay = self.delay(strategy, call.attempts, previous, hint, left);
        if rules.deadline.is_some_and(|deadline| self.now - call.start + delay >= deadline) {
            call.next_delay = Some(delay);
            return Err(StopReason::DeadlineExceeded);
        }
        if call.attempts == 1 {
            self.count_call();
        }
        if self.left() == 0 {
            return Err(StopReason::BudgetExhausted);
        }
        Ok(delay)
    }

    fn delay(
        &mut self,
        strategy: Delay,
        attempt: u32,
        previous: Option<u64>,
        hint: Option<u64>,
        left: Option<u64>,
    ) -> u64 {
        match strategy {
            Delay::Fixed(delays) => {
                let index = (attempt as usize - 1).min(delays.len() - 1);
                u64::from(delays[index].get())
            }
            Delay::Exponential(base, max) => (base * 2_u64.pow(attempt - 1)).min(max),
            Delay::Equal(base, max) => {
                let ceiling = (base * 2_u64.pow(attempt)).min(max);
                self.uniform(ceiling / 2, ceiling)
            }
            Delay::Decorrelated(base, max) => {
                let previous = previous.filter(|delay| *delay > 0).unwrap_or(base);
                self.uniform(base, base.max(3 * previous)).min(max)
            }
            Delay::HintOr(fallback, jitter) => match hint {
                None => self.delay(*fallback, attempt, previous, None, left),
                Some(hint) if jitter == 0 => hint,
                Some(hint) => self.uniform(hint, hint + jitter),
            },
            Delay::HintAbove(fallback, jitter) => {
                let own = self.delay(*fallback, attempt, previous, None, left);
                let Some(hint) = hint.filter(|hint| *hint > own) else { return own };
                // Jitter ends before the deadline, unless the hint alone reaches it.
                let jitter = left.filter(|left| *left >= hint).map_or(jitter, |left| jitter.min(left - hint));
                if jitter == 0 { hint } else { self.uniform(hint, hint + jitter) }
            }
        }
    }

    fn uniform(&mut self, from: u64, to: u64) -> u64 {
        let (quarters, _) = DRAWS[self.drawn % DRAWS.len()];
        self.drawn += 1;
        // Rounded down: what the parts are rounded to is for the vectors to judge, with a tolerance.
        from + (to - from) * quarters / 4
    }
}
