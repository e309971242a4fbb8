//! Retry budgets: nothing is given twice, nothing is lost, and readings that cross are no time that passed.

use std::time::Duration;

use loom::thread::spawn;
use redress_core::{
    Backoff, Blocking, Budget, BudgetConfig,
    ErrorClass::{self, Transient},
    Policy, Retry, SeededRandom,
};

use super::{Time, holds, leak, models};

models! {
    /// A window with one retry gives it to one of two.
    one_retry_for_two, 3, needs NoLock;
    /// Calls that read the clock before they wait for the lock: the window gives as many retries as it has.
    crossed_readings_of_a_window, 2, needs NoLock;
    /// A clock that lags behind that of another thread is not taken for one that was set back.
    clocks_apart, 3, needs NoLock;
    /// Readings that cross, of a bucket: it gives what it had, and what the time has brought.
    crossed_readings_of_a_bucket, 2;
    /// A success refills by what a success is worth, while a token is taken.
    success_and_retry, 3, needs NoLock;
    /// Successes of two threads both count.
    two_successes, 3, needs NoLock;
    /// A success after a token was taken is not overlooked.
    success_after_retry, 3;
    /// A ratio counts each call, and gives the retry that they have earned once.
    ratio, 2, needs NoLock;
}

pub(super) fn one_retry_for_two() {
    let time = Time::at(1_000);
    let budget = leak(Budget::<1>::new(BudgetConfig::rolling(1, Duration::from_millis(100))));
    let other = time.clone();
    let second = spawn(move || budget.try_consume(1, &other));
    let given = [budget.try_consume(1, &time), second.join().unwrap()];
    holds!(given[0] != given[1], "given: {given:?}");
}

/// Makes a call with two attempts that both fail; returns whether there was a retry.
fn retried(budget: &redress_core::BudgetView, time: Time) -> bool {
    let policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2)).budget(budget);
    let env = Blocking::new(time, |_ticks: u64| {}, SeededRandom::new(1));
    let mut attempts = 0;
    let failed = policy.context(env).call(|| {
        attempts += 1;
        Err::<(), ErrorClass>(Transient)
    });
    holds!(failed.is_err(), "it fails");
    attempts == 2
}

fn crossed_readings_of_a_window() {
    // Each reading is a millisecond after the one before.
    let time = Time::ticking(1_000, 1);
    let budget = leak(Budget::<1>::new(BudgetConfig::rolling(1, Duration::from_millis(100))));
    let other = time.clone();
    let second = spawn(move || retried(budget, other));
    let given = [retried(budget, time), second.join().unwrap()];
    holds!(given[0] != given[1], "retries: {given:?}");
}

fn clocks_apart() {
    let budget = leak(Budget::<1>::new(BudgetConfig::rolling(1, Duration::from_millis(100))));
    let second = spawn(move || budget.try_consume(1, &Time::at(1_000)));
    let given = [budget.try_consume(1, &Time::at(995)), second.join().unwrap()];
    holds!(given[0] != given[1], "given: {given:?}");
}

fn crossed_readings_of_a_bucket() {
    // Each reading is a second after the one before, which is worth a tenth of a token.
    let time = Time::ticking(1_000_000, 1_000);
    let budget = leak(Budget::<0>::new(BudgetConfig::token_bucket(1).refill_per_success(0).refill_per_second(100)));
    holds!(budget.try_consume(1, &time), "it is full");
    let other = time.clone();
    let second = spawn(move || retried(budget, other));
    let mut given = u64::from(retried(budget, time.clone())) + u64::from(second.join().unwrap());
    while budget.remaining(&time) == 0 {}
    holds!(budget.try_consume(1, &time), "there was one");
    given += 1;
    let passed = (time.now.load(std::sync::atomic::Ordering::Relaxed) - 1_001_000) / 1_000;
    holds!(given * 10 <= passed && passed <= given * 10 + 8, "{given} tokens in {passed} s");
}

fn bucket() -> (&'static Budget<0>, Time) {
    let time = Time::at(1_000);
    let budget = leak(Budget::<0>::new(BudgetConfig::token_bucket(4).initial(2).refill_per_success(1_000)));
    (budget, time)
}

fn success_and_retry() {
    let (budget, time) = bucket();
    let success = spawn(|| budget.record_success());
    holds!(budget.try_consume(1, &time), "there are two");
    success.join().unwrap();
    holds!(budget.remaining(&time) == 2, "{} of 2 - 1 + 1", budget.remaining(&time));
}

fn two_successes() {
    let (budget, time) = bucket();
    let success = spawn(|| budget.record_success());
    budget.record_success();
    success.join().unwrap();
    holds!(budget.remaining(&time) == 4, "{} of 2 + 1 + 1", budget.remaining(&time));
}

fn success_after_retry() {
    let time = Time::at(1_000);
    let budget = leak(Budget::<0>::new(BudgetConfig::token_bucket(2).refill_per_success(1_000)));
    let other = time.clone();
    let retry = spawn(move || {
        holds!(budget.try_consume(1, &other), "it is full");
        // After it in this thread, so it sees that the bucket is not full any more.
        budget.record_success();
    });
    holds!(budget.try_consume(1, &time), "there are two");
    retry.join().unwrap();
    holds!(budget.remaining(&time) == 1, "{} of 2 - 2 + 1", budget.remaining(&time));
}

fn ratio() {
    let time = Time::at(1_000);
    let budget = leak(Budget::<1>::new(BudgetConfig::ratio(50, Duration::from_millis(100))));
    let other = time.clone();
    let second = spawn(move || {
        budget.record_call(&other);
        budget.try_consume(1, &other)
    });
    budget.record_call(&time);
    let given = [budget.try_consume(1, &time), second.join().unwrap()];
    holds!(given.iter().filter(|given| **given).count() == 1, "two calls have earned one retry: {given:?}");
}
