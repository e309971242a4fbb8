//! What a call takes in memory. Run with `--nocapture` to see the table.

use std::{future::poll_fn, hint::black_box, marker::PhantomData, task::Poll, time::Duration};

use redress_core::{
    AsyncEnvironment, Attempts, Backoff, BreakerConfig, Budget, BudgetConfig, CHECKPOINT_LEN, Checkpoint,
    CircuitBreaker, Clock, Environment, ErrorClass, Instant, Policy, Retry, RetryTimeline, Run, SelfClassifier,
    breaker::RateBreaker,
    context::Hooks,
    env::mode::{self, Local, Spawned},
    testing::TestEnv,
};

/// What this test lets a call's future take over its operation's.
const MOST_OVER: usize = 128;
/// The same for a resumed call, whose future also keeps the state that it was resumed with.
const MOST_OVER_RESUMED: usize = 176;

static BREAKER: CircuitBreaker<8> = CircuitBreaker::new(BreakerConfig::new(8));
static BUDGET: Budget<8> = Budget::new(BudgetConfig::rolling(8, Duration::from_secs(60)));
static POLICY: Policy =
    Policy::new(Retry::new(Backoff::decorrelated_jitter(Duration::from_millis(50), Duration::from_secs(5))))
        .circuit_breaker(&BREAKER)
        .budget(&BUDGET);

/// Prints a row of the table and holds it to its bound.
fn row(what: &str, bytes: usize, most: usize) {
    println!("{what:<58} {bytes:>5} B, at most {most}");
    assert!(bytes <= most, "{what}: {bytes} B");
}

#[test]
#[cfg(target_pointer_width = "64")]
fn state_fits_its_bounds() {
    row("Run: a call in the loop form", size_of::<Run<'_, TestEnv, Hooks<SelfClassifier>>>(), 64);
    row("Attempts: a call of the bare machine", size_of::<Attempts<'_, 1_000>>(), 64);
    // Each with a mutex of std, of eight bytes, because redress-std is built together with this.
    row("CircuitBreaker<8>", size_of::<CircuitBreaker<8>>(), 80);
    row("CircuitBreaker<4>", size_of::<CircuitBreaker<4>>(), 64);
    row("RateBreaker<10>", size_of::<RateBreaker<10>>(), 136);
    row("Budget<0>: a token bucket", size_of::<Budget<0>>(), 48);
    row("Budget<8>: a rolling window", size_of::<Budget<8>>(), 80);
    row("RetryTimeline<8>", size_of::<RetryTimeline<8>>(), 192);
    row("Checkpoint", size_of::<Checkpoint>(), 32);
    row("Checkpoint, as bytes", CHECKPOINT_LEN, 32);
    assert_eq!(Attempts::<1_000>::start(&POLICY, Instant::ZERO).unwrap().suspend(Instant::ZERO).to_bytes().len(), 32);
}

/// A slot is a stamp of four bytes and nothing else.
#[test]
fn a_slot_is_four_bytes() {
    assert_eq!(size_of::<CircuitBreaker<9>>() - size_of::<CircuitBreaker<8>>(), 4);
    // Two of them, because a budget knows its code by a pointer, to which a host aligns it.
    assert_eq!(size_of::<Budget<10>>() - size_of::<Budget<8>>(), 8);
}

/// An environment of either mode whose sleep takes what a timer does.
struct Env<M>(PhantomData<fn() -> M>);

impl<M> Clock for Env<M> {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        Instant::ZERO
    }
}

impl<M: mode::Mode> Environment for Env<M> {
    type Mode = M;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;

    fn random(&mut self) -> u32 {
        0
    }
}

impl<M: mode::Async> AsyncEnvironment for Env<M> {
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        // Two words, as embassy-time's timer.
        let timer = [ticks; 2];
        poll_fn(move |_| if black_box(timer)[0] == 0 { Poll::Pending } else { Poll::Ready(()) })
    }
}

/// An operation whose future keeps so many bytes.
async fn operation<const BYTES: usize>() -> Result<(), ErrorClass> {
    let kept = black_box([0_u8; BYTES]);
    poll_fn(|_| Poll::<()>::Ready(())).await;
    if black_box(&kept).is_empty() { Err(ErrorClass::Transient) } else { Ok(()) }
}

macro_rules! over_the_operation {
    ($mode:ident, $bytes:literal, $operation:expr) => {{
        let own = size_of_val(&operation::<$bytes>());
        let over = |form: &str, whole: usize| {
            let what = format!("{form} over an operation of {own} B, {}", stringify!($mode));
            row(&what, whole - own, if form.starts_with("resumed") { MOST_OVER_RESUMED } else { MOST_OVER });
        };
        let mut context = POLICY.context(Env::<$mode>(PhantomData));
        over("call", size_of_val(&context.call($operation)));
        over("execute", size_of_val(&context.execute($operation)));
        let checkpoint = Attempts::<1_000>::start(&POLICY, Instant::ZERO).unwrap().suspend(Instant::ZERO);
        over("resumed call", size_of_val(&context.resume(&checkpoint, Duration::ZERO).unwrap().call($operation)));
        over("resumed execute", size_of_val(&context.resume(&checkpoint, Duration::ZERO).unwrap().execute($operation)));
    }};
}

#[test]
#[cfg(target_pointer_width = "64")]
fn an_async_call_takes_little_more_than_its_operation() {
    over_the_operation!(Local, 8, async || operation::<8>().await);
    over_the_operation!(Local, 1_000, async || operation::<1_000>().await);
    over_the_operation!(Spawned, 8, operation::<8>);
    over_the_operation!(Spawned, 1_000, operation::<1_000>);
    // Nothing of the operation's is in a wait of the loop form: error and timer only.
    let mut context = POLICY.context(Env::<Spawned>(PhantomData));
    let mut run = context.start().unwrap();
    row("Run::failed, of the loop form", size_of_val(&run.failed(ErrorClass::Transient)), MOST_OVER);
}
