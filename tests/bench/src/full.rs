//! Everything that a policy can have: deadline, own delays for one class, breaker, token bucket, and an observer of every
//! decision.
//!
//! The bucket is refilled by a success as much as three retries take, so that no row runs dry. seatbelt has neither bucket
//! nor deadline, tower-resilience no deadline. Both have their own sleeper: seatbelt's clock jumps ahead when it is waited for,
//! tower-resilience waits on tokio's paused timer; their callbacks count the sleeps.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ::failsafe::backoff::constant;
use ::failsafe::failure_policy::consecutive_failures;
use ::failsafe::{CircuitBreaker as _, Config};
use ::mettle::{Backoff as _, ExponentialBackoff, ExponentialBackoffConfig};
use execution_policy::core::BoxFuture;
use execution_policy::{Core, ExecutionPolicyBuilder, Jitter, RetryBudget};
use layered::{Execute, Service, Stack};
use redress_core::{Backoff, Budget, BudgetConfig, CircuitBreaker, ErrorClass, Event, Policy, Retry};
use redress_std::SharedPolicy;
use seatbelt::{RecoveryInfo, ResilienceContext};
use tower::{Layer, Service as _, ServiceExt, service_fn};

use crate::hand::{self, Settings};
use crate::ours::{AsyncEnv, BREAKER, Env, RETRY, classify};
use crate::script::{FAILED, Fault, Random, Script, block_on, observe, sleep, sleep_async};
use crate::{ATTEMPTS, BASE, CAP, Contender, DEADLINE, RECOVERY, THRESHOLD, Work, call_site};

pub(crate) const METTLE_FAILSAFE: Contender =
    Contender { full: Some(mettle_failsafe), ..Contender::named("mettle, failsafe, bucket by hand") };
pub(crate) const EXECUTION_POLICY: Contender =
    Contender { full_async: Some(execution_policy), ..Contender::named("execution-policy") };
pub(crate) const SEATBELT: Contender = Contender { full_async: Some(seatbelt), ..Contender::named("seatbelt") };
pub(crate) const TOWER_RESILIENCE: Contender =
    Contender { full_async: Some(tower_resilience), ..Contender::named("tower-resilience") };
/// The context is made for each call.
pub(crate) const PER_CALL: Contender =
    Contender { blocking: Some(per_call), full: Some(full_per_call), ..Contender::named("redress, context per call") };
/// The policy is one that owns its breaker and budget, the context is made for each call.
pub(crate) const SHARED_POLICY: Contender =
    Contender { blocking: Some(shared), full: Some(full_shared), ..Contender::named("redress, SharedPolicy") };

/// Tokens of each bucket, and of three retries.
const TOKENS: u16 = 100;
const REFILL: u32 = 3;

const BUCKET: BudgetConfig = BudgetConfig::token_bucket(TOKENS).refill_per_success(REFILL * 1_000);
const EVERYTHING: Retry = RETRY
    .deadline(DEADLINE)
    .backoff_for(ErrorClass::RateLimit, Backoff::full_jitter(Duration::from_millis(50), CAP))
    .limit_for(ErrorClass::RateLimit, 2);

fn everything() -> &'static Policy<'static> {
    let breaker: &'static CircuitBreaker<8> = Box::leak(Box::new(CircuitBreaker::new(BREAKER)));
    let budget: &'static Budget = Box::leak(Box::new(Budget::new(BUCKET)));
    Box::leak(Box::new(Policy::new(EVERYTHING).circuit_breaker(breaker).budget(budget)))
}

pub(crate) fn redress() -> Work {
    let mut context =
        black_box(everything()).context(Env::new()).classifier(classify).observe(|event: &Event| observe(event));
    call_site(move |script| context.call(|| script.call()).unwrap_or(FAILED))
}

pub(crate) fn redress_async() -> Work {
    let mut context = black_box(everything())
        .context(AsyncEnv(Env::new()))
        .classifier(classify)
        .observe(|event: &Event| observe(event));
    call_site(move |script| block_on(context.call(|| script.call_async())).unwrap_or(FAILED))
}

fn per_call() -> Work {
    static POLICY: Policy = Policy::new(RETRY.no_deadline());
    let env = Env::new();
    call_site(move |script| {
        let context = black_box(&POLICY).context(env).classifier(classify);
        { context }.call(|| script.call()).unwrap_or(FAILED)
    })
}

fn full_per_call() -> Work {
    let (policy, env) = (everything(), Env::new());
    call_site(move |script| {
        let context = black_box(policy).context(env).classifier(classify).observe(|event: &Event| observe(event));
        { context }.call(|| script.call()).unwrap_or(FAILED)
    })
}

fn shared() -> Work {
    let (policy, env) = (SharedPolicy::new(RETRY.no_deadline()).no_budget(), Env::new());
    call_site(move |script| {
        let policy = black_box(&policy).policy();
        let context = policy.context(env).classifier(classify);
        { context }.call(|| script.call()).unwrap_or(FAILED)
    })
}

fn full_shared() -> Work {
    let policy = SharedPolicy::new(EVERYTHING)
        .circuit_breaker(Arc::new(CircuitBreaker::<8>::new(BREAKER)))
        .budget(Arc::new(Budget::<0>::new(BUCKET)));
    let env = Env::new();
    call_site(move |script| {
        let policy = black_box(&policy).policy();
        let context = policy.context(env).classifier(classify).observe(|event: &Event| observe(event));
        { context }.call(|| script.call()).unwrap_or(FAILED)
    })
}

/// A token bucket of one atomic.
struct Bucket(AtomicU32);

impl Bucket {
    const fn new() -> Self {
        Self(AtomicU32::new(TOKENS as u32))
    }

    #[inline]
    fn take(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |tokens| tokens.checked_sub(1)).is_ok()
    }

    #[inline]
    fn refill(&self) {
        let tokens = self.0.load(Relaxed);
        if tokens < u32::from(TOKENS) {
            let _ = self.0.fetch_update(Relaxed, Relaxed, |tokens| Some((tokens + REFILL).min(TOKENS.into())));
        }
    }
}

/// What an observer is told by hand.
struct Told {
    what: &'static str,
    attempt: u32,
    wait: Duration,
}

/// Everything a loop by hand has, in memory that the optimiser cannot see into.
struct Hand {
    settings: Settings,
    rate_limit: Settings,
    breaker: hand::Shared,
    bucket: Bucket,
    random: Random,
}

impl Hand {
    fn new() -> Self {
        let rate_limit = Settings { base_us: 50_000, ..Settings::new() };
        Self {
            settings: Settings::new(),
            rate_limit,
            breaker: hand::Shared::new(),
            bucket: Bucket::new(),
            random: Random::new(),
        }
    }

    fn succeeded(&self, attempt: u32) {
        self.breaker.succeeded();
        self.bucket.refill();
        observe(&Told { what: "success", attempt, wait: Duration::ZERO });
    }

    /// The wait before the next attempt, if there is one.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "a loop by hand looks at its error as others do")]
    fn failed(&self, fault: &Fault, attempt: u32, start: Instant, delays: &mut [u32; 2]) -> Option<Duration> {
        let class = usize::from(fault.is_rate_limit());
        let settings = [&self.settings, &self.rate_limit][class];
        if attempt < settings.attempts && (fault.is_transient() || class == 1) {
            let wait = hand::jittered(&self.random, delays[class]);
            if start.elapsed() + wait < settings.deadline && self.bucket.take() {
                delays[class] = settings.grow(delays[class]);
                observe(&Told { what: "retry", attempt, wait });
                return Some(wait);
            }
        }
        self.breaker.failed();
        observe(&Told { what: "gave up", attempt, wait: Duration::ZERO });
        None
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {:?}", self.what, self.attempt, self.wait)
    }
}

pub(crate) fn by_hand() -> Work {
    let hand = Hand::new();
    call_site(move |script| {
        let hand = black_box(&hand);
        if hand.breaker.is_open() {
            return FAILED;
        }
        let (start, mut attempt) = (Instant::now(), 1);
        let mut delays = [hand.settings.base_us, hand.rate_limit.base_us];
        loop {
            match script.call() {
                Ok(value) => {
                    hand.succeeded(attempt);
                    return value;
                }
                Err(fault) => match hand.failed(&fault, attempt, start, &mut delays) {
                    Some(wait) => sleep(wait),
                    None => return FAILED,
                },
            }
            attempt += 1;
        }
    })
}

pub(crate) fn by_hand_async() -> Work {
    let hand = Hand::new();
    call_site(move |script| {
        let hand = black_box(&hand);
        block_on(async {
            if hand.breaker.is_open() {
                return FAILED;
            }
            let (start, mut attempt) = (Instant::now(), 1);
            let mut delays = [hand.settings.base_us, hand.rate_limit.base_us];
            loop {
                match script.call_async().await {
                    Ok(value) => {
                        hand.succeeded(attempt);
                        return value;
                    }
                    Err(fault) => match hand.failed(&fault, attempt, start, &mut delays) {
                        Some(wait) => sleep_async(wait).await,
                        None => return FAILED,
                    },
                }
                attempt += 1;
            }
        })
    })
}

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
