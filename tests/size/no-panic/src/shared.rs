//! Policies in flash, and the breakers and budgets that calls share.

use core::time::Duration;

use redress_core::{
    Backoff, BackoffContext, BreakerConfig, Budget, BudgetConfig, BudgetView, CircuitBreaker, CircuitBreakerView,
    Clock, ErrorClass, FixedByKey, Instant, Millis, Policy, Retry,
    backoff::{ByArgs, by_args},
    breaker::{BreakerMode, RateBreaker, RateConfig},
};

use crate::{configuration, opaque, sink::Sink};

const BASE: Duration = Duration::from_millis(10);
const CAP: Duration = Duration::from_secs(1);

pub static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(3).threshold_for(ErrorClass::Auth, 1));
static RATE: RateConfig = RateConfig::new(50)
    .minimum_calls(4)
    .slow_calls(BASE, 50)
    .growing_timeout(Duration::from_secs(60), CAP)
    .jitter(50)
    .probes(3)
    .probe_rate(50)
    .progressive(CAP)
    .abandoned_calls(CAP, ErrorClass::Transient)
    .per_attempt();
pub static RATES: RateBreaker<10> = RateBreaker::new(&RATE);
pub static ROLLING: Budget<4> = Budget::new(BudgetConfig::rolling(4, Duration::from_secs(60)));
static RATIO: Budget<5> = Budget::new(BudgetConfig::ratio(20, Duration::from_secs(10)).min_per_second(1));
pub static BUCKET: Budget = Budget::new(BudgetConfig::token_bucket(10).refill_per_second(100));

static CUSTOM: fn(&BackoffContext) -> Millis = |context| Millis::new(context.random ^ context.attempt);
static LINEAR: ByArgs<fn(u32, ErrorClass, Millis) -> Millis> =
    by_args(|attempt, class, previous| previous.saturating_add(Millis::new(attempt.wrapping_mul(class as u32))));
static DELAYS: [Millis; 3] = [Millis::new(10), Millis::new(20), Millis::new(50)];

/// One backoff for all classes, with breaker and budget.
pub static POLICY: Policy =
    Policy::new(Retry::new(Backoff::full_jitter(BASE, CAP).or_retry_after()).max_attempts(5).attempt_timeout(CAP))
        .circuit_breaker(&BREAKER)
        .budget(&ROLLING);

/// Every strategy.
pub static PER_CLASS: Policy = Policy::new(
    Retry::new(Backoff::equal_jitter(BASE, CAP))
        .backoff_for(ErrorClass::Concurrency, Backoff::custom(&CUSTOM))
        .backoff_for(ErrorClass::RateLimit, Backoff::token_backoff(BASE, CAP).or_retry_after_jittered(CAP))
        .backoff_for(ErrorClass::ServerError, Backoff::decorrelated_jitter(BASE, CAP))
        .backoff_for(ErrorClass::Transient, Backoff::fixed(&DELAYS))
        .backoff_for(ErrorClass::Unknown, Backoff::custom(&LINEAR))
        .limit_for(ErrorClass::RateLimit, 3)
        .no_deadline(),
)
.budget(&BUCKET);

/// The board's clock; it may stand still, jump and wrap.
#[derive(Clone, Copy)]
pub struct BoardClock;

impl Clock for BoardClock {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::from_ticks(board::now())
    }
}

pub fn run() {
    guard(&BREAKER);
    sleep(&BREAKER);
    guard(&RATES);
    RATES.seed(opaque::word());
    RATES.counts(&BoardClock).calls.sink();
    if let Ok(breaker) = CircuitBreaker::<4>::try_new(configuration::breaker()) {
        guard(&breaker);
        sleep(&breaker);
    }
    if let Ok(breaker) = RateBreaker::<10, RateConfig>::try_owning(configuration::rate()) {
        guard(&breaker);
        let mut retained = opaque::bytes::<160>();
        let length = usize::from(opaque::byte());
        breaker.checkpoint(&BoardClock, retained.get_mut(..length).unwrap_or_default()).sink();
        breaker.restore(retained.get(..length).unwrap_or_default(), opaque::millis(), &BoardClock).sink();
    }
    if let Ok(budget) = Budget::<5>::try_new(configuration::budget()) {
        spend(&budget);
    }
    spend(&ROLLING);
    spend(&BUCKET);
    spend(&RATIO);
    by_key();
}

/// A table of peers that come and go, on a clock that does as it likes.
fn by_key() {
    let mut peers = FixedByKey::<u8, (CircuitBreaker<4>, Budget<4>), 3>::new(CAP, |address| {
        let threshold = (*address & 3).saturating_add(1);
        let breaker = CircuitBreaker::try_new(BreakerConfig::new(threshold));
        (
            breaker.unwrap_or(const { CircuitBreaker::new(BreakerConfig::new(4)) }),
            const { Budget::new(BudgetConfig::DEFAULT) },
        )
    });
    while opaque::flag() {
        match peers.get(opaque::byte(), &BoardClock) {
            Ok((breaker, budget)) => {
                guard(breaker);
                spend(budget);
            }
            Err(full) => full.retry_after().sink(),
        }
        for (address, (breaker, _)) in peers.iter() {
            (*address).sink();
            breaker.state().sink();
        }
    }
}

fn spend(budget: &BudgetView) {
    budget.try_consume(opaque::short(), &BoardClock).sink();
    budget.remaining(&BoardClock).sink();
    budget.record_call(&BoardClock);
    budget.record_success();
    (budget.slots() > 4).sink();
}

fn guard(breaker: &CircuitBreakerView) {
    while opaque::flag() {
        breaker.state().sink();
        breaker.record_failure(opaque::class(), &BoardClock).sink();
        match breaker.try_acquire(&BoardClock) {
            Ok(permit) => match opaque::byte() {
                0 => permit.success(&BoardClock).sink(),
                1 => permit.failure(opaque::class(), &BoardClock).sink(),
                2 => permit.success_after(opaque::span(), &BoardClock).sink(),
                3 => permit.failure_after(opaque::class(), opaque::span(), &BoardClock).sink(),
                4 => permit.abandon(opaque::span(), &BoardClock),
                _ => permit.release(),
            },
            Err(rejected) => rejected.sink(),
        }
        match opaque::byte() {
            0 => breaker.open(&BoardClock),
            1 => breaker.close(&BoardClock),
            2 => breaker.set_mode(BreakerMode::Isolated, &BoardClock).sink(),
            3 => breaker.set_mode(BreakerMode::Automatic, &BoardClock).sink(),
            _ => breaker.retry_after(&BoardClock).sink(),
        }
    }
}

/// Saves a breaker, also into too few bytes, and restores it from arbitrary bytes.
fn sleep(breaker: &CircuitBreaker<4>) {
    let mut retained = opaque::bytes::<40>();
    let length = usize::from(opaque::byte());
    breaker.checkpoint(&BoardClock, retained.get_mut(..length).unwrap_or_default()).sink();
    let retained = retained.get(..length).unwrap_or_default();
    breaker.restore(retained, opaque::millis(), &BoardClock).sink();
    breaker.restore(retained, opaque::span(), &BoardClock).sink();
}
