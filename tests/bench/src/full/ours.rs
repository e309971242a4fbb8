//! redress with a full policy, its context kept or made for each call.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use redress_core::{Backoff, Budget, BudgetConfig, CircuitBreaker, ErrorClass, Event, Policy, Retry};
use redress_std::SharedPolicy;

use super::{REFILL, TOKENS};
use crate::ours::{AsyncEnv, BREAKER, Env, RETRY, classify};
use crate::script::{FAILED, block_on, observe};
use crate::{CAP, Contender, DEADLINE, Work, call_site};

/// The context is made for each call.
pub(crate) const PER_CALL: Contender =
    Contender { blocking: Some(per_call), full: Some(full_per_call), ..Contender::named("redress, context per call") };
/// The policy is one that owns its breaker and budget, the context is made for each call.
pub(crate) const SHARED_POLICY: Contender =
    Contender { blocking: Some(shared), full: Some(full_shared), ..Contender::named("redress, SharedPolicy") };

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
