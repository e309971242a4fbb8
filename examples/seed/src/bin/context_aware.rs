//! Classification context and context-aware strategies.

use std::time::Duration;

use http::Response;
use redress_std::{
    Backoff, BackoffContext, Classification, ErrorClass, Millis, Policy, Retry, SelfClassifier, backoff::ByArgs,
    backoff::by_args, http as status, testing::TestEnv,
};
use seed::service;

static POLICY: Policy = Policy::new(Retry::new(
    Backoff::decorrelated_jitter(Duration::from_millis(250), Duration::from_secs(10)).or_retry_after(),
));

/// A strategy that reads the classification: it waits twice as long as the server's hint, known to be too short.
fn hopeful(context: &BackoffContext) -> Millis {
    let hint = context.classification.hint().unwrap_or(Millis::new(100));
    hint.saturating_add(hint)
}
static HOPEFUL: fn(&BackoffContext) -> Millis = hopeful;
static WITH_CONTEXT: Policy = Policy::new(Retry::new(Backoff::custom(&HOPEFUL)));

/// The older form: attempt, class, previous delay. A strategy takes one of the two forms, and the compiler says so.
static LINEAR: ByArgs<fn(u32, ErrorClass, Millis) -> Millis> =
    by_args(|attempt, _class, previous| previous.saturating_add(Millis::new(10 * attempt)));
static BY_ARGS: Policy = Policy::new(Retry::new(Backoff::custom(&LINEAR)));

fn main() -> Result<(), http::Error> {
    // A classifier of answers with `Retry-After`, and a strategy that follows it.
    let busy = Response::builder().status(503).header("Retry-After", "3").body(())?;
    let mut answers = [Response::new(()), busy].into_iter().rev();
    let mut context = POLICY.context(TestEnv::new()).retry_result(status::response::<()>);
    let outcome = context.execute(|| Ok::<_, ErrorClass>(answers.next().expect("two attempts")));
    assert_eq!(outcome.attempts, 2);
    let waited = context.env().sleeps().next().expect("a wait");
    println!("asked to come back in 3 s, came back in {waited}");
    assert!(waited >= Millis::from_secs(3) && waited <= Millis::from_secs(6));

    // Without a hint, the jitter decides.
    let mut context = POLICY.context(TestEnv::new());
    assert!(context.call(service([ErrorClass::RateLimit], ())).is_ok());
    assert!(context.env().sleeps().all(|delay| delay <= Millis::new(750)));

    // Classifiers may answer with a bare class or with a classification that carries hints.
    let hint = Classification::new(ErrorClass::RateLimit).retry_after(Millis::new(200));
    let mut context = WITH_CONTEXT.context(TestEnv::new()).classifier(SelfClassifier);
    assert!(context.call(service([hint, ErrorClass::Transient.into()], ())).is_ok());
    println!("a strategy that sees the context: {:?}", context.env().sleeps().collect::<Vec<_>>());
    assert!(context.env().sleeps().eq([Millis::new(400), Millis::new(200)]));

    let mut context = BY_ARGS.context(TestEnv::new());
    assert!(context.call(service([ErrorClass::Transient; 3], ())).is_ok());
    println!("a strategy of three arguments: {:?}", context.env().sleeps().collect::<Vec<_>>());
    assert!(context.env().sleeps().eq([Millis::new(10), Millis::new(30), Millis::new(60)]));
    Ok(())
}
