//! Strategies of your own, which see the context of the failure. Run by `cargo run -p redress-std --example context_aware`.

use redress_std::{
    Backoff, BackoffContext, Classification, ErrorClass, Millis, Policy, Retry,
    backoff::{ByArgs, by_args},
    testing::TestEnv,
};

/// Waits twice as long as the server's hint, known to be too short.
fn hopeful(context: &BackoffContext) -> Millis {
    let hint = context.classification.hint().unwrap_or(Millis::new(100));
    hint.saturating_add(hint)
}
static HOPEFUL: fn(&BackoffContext) -> Millis = hopeful;
static WITH_CONTEXT: Policy = Policy::new(Retry::new(Backoff::custom(&HOPEFUL)));

/// The older form: attempt, class, previous delay. A strategy takes one of the two forms, and the compiler says so.
static LINEAR: ByArgs<fn(u32, ErrorClass, Millis) -> Millis> =
    by_args(|attempt, _class, previous| previous.saturating_add(Millis::new(10 * attempt)));
static WITH_ARGS: Policy = Policy::new(Retry::new(Backoff::custom(&LINEAR)));

/// Returns the waits of a call that fails like this.
fn waits(policy: &Policy, mut failures: Vec<Classification>) -> Vec<Millis> {
    let mut context = policy.context(TestEnv::new());
    assert_eq!(context.call(|| failures.pop().map_or(Ok(()), Err)), Ok(()));
    context.env().sleeps().collect()
}

fn main() {
    let hint = Classification::new(ErrorClass::RateLimit).retry_after(Millis::new(200));
    let waited = waits(&WITH_CONTEXT, vec![ErrorClass::Transient.into(), hint]);
    println!("a strategy that sees the context: {waited:?}");
    assert_eq!(waited, [400, 200].map(Millis::new));
    let waited = waits(&WITH_ARGS, vec![ErrorClass::Transient.into(); 3]);
    println!("a strategy of three arguments: {waited:?}");
    assert_eq!(waited, [10, 30, 60].map(Millis::new));
}
