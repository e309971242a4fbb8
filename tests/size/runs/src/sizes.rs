//! Bytes of RAM, where a pointer has four.

use core::{future::poll_fn, hint::black_box, marker::PhantomData, task::Poll, time::Duration};

use redress_core::{
    AsyncEnvironment, Attempts, Backoff, Budget, CircuitBreaker, Clock, Environment, ErrorClass, Instant, Policy,
    Retry, RetryTimeline, Run, SelfClassifier, breaker::RateBreaker, context::Hooks, env::mode::Local, keeper::Keeper,
};

/// An environment whose sleep keeps as much as a timer of embassy: two words of 64 bits.
struct Env(PhantomData<()>);

impl Clock for Env {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::ZERO
    }
}

impl Environment for Env {
    type Mode = Local;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    fn random(&mut self) -> u32 {
        0
    }
}

impl AsyncEnvironment for Env {
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        let timer = [ticks; 2];
        poll_fn(move |_| if black_box(timer)[0] == 0 { Poll::Pending } else { Poll::Ready(()) })
    }
}

async fn operation() -> Result<(), ErrorClass> {
    let kept = black_box([0_u8; 16]);
    poll_fn(|_| Poll::<()>::Ready(())).await;
    if black_box(&kept).is_empty() { Err(ErrorClass::Transient) } else { Ok(()) }
}

/// Bars, where a size can be known while compiling.
const _: () = {
    assert!(size_of::<Attempts<'_, 1_000>>() <= 56, "state of the bare machine");
    assert!(size_of::<Run<'_, Env, Hooks<SelfClassifier>>>() <= 52, "state of a call");
    assert!(
        size_of::<Keeper<'_, Env, Hooks<SelfClassifier>>>() <= size_of::<Run<'_, Env, Hooks<SelfClassifier>>>() + 24,
        "state of a connection that is kept up, over that of a call"
    );
    assert!(size_of::<CircuitBreaker<4>>() <= 56, "a breaker of 4");
    assert!(size_of::<RateBreaker<10>>() <= 120, "a rate breaker of 10 buckets");
};

pub(crate) fn all() -> [(&'static str, usize); 11] {
    static POLICY: Policy =
        Policy::new(Retry::new(Backoff::full_jitter(Duration::from_millis(10), Duration::from_secs(1))));
    let own = size_of_val(&operation());
    let mut context = POLICY.context(Env(PhantomData));
    let call = size_of_val(&context.call(async || operation().await)) - own;
    let execute = size_of_val(&context.execute(async || operation().await)) - own;
    [
        ("run", size_of::<Run<'_, Env, Hooks<SelfClassifier>>>()),
        ("keeper", size_of::<Keeper<'_, Env, Hooks<SelfClassifier>>>()),
        ("attempts", size_of::<Attempts<'_, 1_000>>()),
        ("breaker-of-4", size_of::<CircuitBreaker<4>>()),
        ("rate-breaker-of-10", size_of::<RateBreaker<10>>()),
        ("rolling-budget-of-8", size_of::<Budget<8>>()),
        ("token-bucket", size_of::<Budget<0>>()),
        ("timeline-of-8", size_of::<RetryTimeline<8>>()),
        ("policy", size_of::<Policy<'_>>()),
        ("async-call", call),
        ("async-execute", execute),
    ]
}
