//! The peers, each with as much of the full policy as it has.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ::failsafe::backoff::constant;
use ::failsafe::failure_policy::consecutive_failures;
use ::failsafe::{CircuitBreaker as _, Config};
use ::mettle::{Backoff as _, ExponentialBackoff, ExponentialBackoffConfig};
use execution_policy::core::BoxFuture;
use execution_policy::{Core, ExecutionPolicyBuilder, Jitter, RetryBudget};
use layered::{Execute, Service, Stack};
use seatbelt::{RecoveryInfo, ResilienceContext};
use tower::{Layer, Service as _, ServiceExt, service_fn};

use super::{Bucket, REFILL, TOKENS, Told};
use crate::script::{FAILED, Fault, Random, Script, block_on, observe, sleep, sleep_async};
use crate::{ATTEMPTS, BASE, CAP, Contender, DEADLINE, RECOVERY, THRESHOLD, Work, call_site};

pub(crate) const METTLE_FAILSAFE: Contender =
    Contender { full: Some(mettle_failsafe), ..Contender::named("mettle, failsafe, bucket by hand") };
pub(crate) const EXECUTION_POLICY: Contender =
    Contender { full_async: Some(execution_policy), ..Contender::named("execution-policy") };
pub(crate) const SEATBELT: Contender = Contender { full_async: Some(seatbelt), ..Contender::named("seatbelt") };
pub(crate) const TOWER_RESILIENCE: Contender =
    Contender { full_async: Some(tower_resilience), ..Contender::named("tower-resilience") };

struct Real;

impl ::mettle::blocking::Clock for Real {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, delay: Duration) {
        sleep(delay);
    }
}

fn mettle_failsafe() -> Work {
    let policy = ExponentialBackoff::new(ExponentialBackoffConfig {
        factor: 2,
        base: BASE,
        max_retries: ATTEMPTS - 1,
        max_delay: CAP,
    })
    .expect("the settings are in order");
    let breaker = Config::new().failure_policy(consecutive_failures(THRESHOLD, constant(RECOVERY))).build();
    let (random, bucket) = (Random::new(), Bucket::new());
    call_site(move |script| {
        let bucket = black_box(&bucket);
        let backoff = black_box(&policy).clone().jittered_with_seed(random.bits().into());
        let attempt = Cell::new(0);
        let result = black_box(&breaker).call(|| {
            ::mettle::blocking::retry(|| script.call())
                .backoff(backoff)
                .clock(Real)
                .max_elapsed(*black_box(&DEADLINE))
                .when(|fault: &Fault| {
                    attempt.set(attempt.get() + 1);
                    // Asked also after the last attempt, when there is no retry to pay for.
                    let again = fault.is_transient() && (attempt.get() == ATTEMPTS || bucket.take());
                    observe(&Told { what: "failure", attempt: attempt.get(), wait: Duration::ZERO });
                    again
                })
                .call()
        });
        match result {
            Ok(value) => {
                bucket.refill();
                observe(&Told { what: "success", attempt: attempt.get(), wait: Duration::ZERO });
                value
            }
            Err(_) => FAILED,
        }
    })
}

/// The harness's sleeper and generator under the real clock.
struct Bench(AtomicU32);

impl Core for Bench {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&self, delay: Duration) -> BoxFuture<'_, ()> {
        Box::pin(sleep_async(delay))
    }

    fn next_u64(&self) -> u64 {
        let mut x = self.0.load(Relaxed);
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.0.store(x, Relaxed);
        u64::from(x) << 32 | u64::from(x)
    }
}

fn execution_policy() -> Work {
    let retry = execution_policy::Retry::exponential()
        .max_attempts(ATTEMPTS)
        .base_delay(BASE)
        .max_delay(CAP)
        .jitter(Jitter::Full)
        .max_elapsed(DEADLINE)
        .budget(RetryBudget::new(f64::from(REFILL), TOKENS.into()))
        .when(Fault::is_transient);
    let breaker = execution_policy::CircuitBreaker::consecutive_failures(THRESHOLD).open_for(RECOVERY);
    let policy = ExecutionPolicyBuilder::<u32, Fault>::new()
        .retry(retry)
        .circuit_breaker(breaker)
        .on_event(|event| observe(event))
        .build_with(Bench(AtomicU32::new(black_box(0x9E37_79B9))));
    call_site(move |script| block_on(black_box(&policy).run(async || script.call_async().await)).unwrap_or(FAILED))
}

fn seatbelt() -> Work {
    let clock = tick::ClockControl::new().auto_advance_timers(true).to_clock();
    let context = ResilienceContext::new(&clock);
    let recovery = |result: &Result<u32, Fault>| match result {
        Err(fault) if fault.is_transient() => RecoveryInfo::retry(),
        _ => RecoveryInfo::never(),
    };
    let service = (
        seatbelt::breaker::Breaker::layer("breaker", &context)
            .recovery_with(move |result, _| recovery(result))
            .rejected_input_error(|_, _| Fault::REJECTED)
            .min_throughput(100)
            .failure_threshold(0.5)
            .break_duration(RECOVERY),
        seatbelt::retry::Retry::layer("retry", &context)
            .clone_input()
            .recovery_with(move |result, _| recovery(result))
            .max_retry_attempts(ATTEMPTS - 1)
            .backoff(seatbelt::retry::Backoff::Exponential)
            .base_delay(BASE)
            .max_delay(CAP)
            .use_jitter(true)
            .on_retry(|_, args| {
                observe(&args);
                sleep(args.retry_delay());
            }),
        Execute::new(|script: &'static Script| script.call_async()),
    )
        .into_service();
    call_site(move |script| {
        let result = block_on(black_box(&service).execute(script));
        observe(&result);
        result.unwrap_or(FAILED)
    })
}

fn tower_resilience() -> Work {
    let budget = tower_resilience_retry::RetryBudgetBuilder::new()
        .token_bucket()
        .tokens_per_second(f64::from(u32::MAX))
        .max_tokens(TOKENS.into())
        .build()
        .expect("the settings are in order");
    let retry = tower_resilience_retry::RetryLayer::<&'static Script, u32, Fault>::builder()
        .max_attempts(ATTEMPTS as usize)
        .backoff(
            tower_resilience_retry::ExponentialRandomBackoff::new(BASE, 0.5)
                .expect("the settings are in order")
                .max_interval(CAP),
        )
        .retry_on(Fault::is_transient)
        .budget(budget)
        .on_retry(|attempt, delay| {
            observe(attempt);
            sleep(delay);
        })
        .on_success(observe)
        .on_error(observe)
        .build();
    let breaker = tower_resilience_circuitbreaker::CircuitBreakerLayer::builder()
        .consecutive_failures(THRESHOLD as usize)
        .wait_duration_in_open(RECOVERY)
        .build()
        .expect("the settings are in order");
    let mut service = breaker.layer(retry.layer(service_fn(|script: &'static Script| script.call_async())));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread");
    call_site(move |script| {
        runtime
            .block_on(async {
                let Ok(ready) = black_box(&mut service).ready().await else { return None };
                ready.call(script).await.ok()
            })
            .unwrap_or(FAILED)
    })
}
