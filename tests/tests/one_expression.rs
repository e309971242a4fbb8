//! Calls in one expression, closures whose types are inferred, and errors of any type: as programs write them.
#![expect(clippy::items_after_statements, reason = "an item stands where its test uses it")]

use std::{
    cell::{Cell, RefCell},
    error::Error,
    io::{self, ErrorKind},
    time::Duration,
};

use redress_std::{AttemptInfo, TokioLocal, chain, prelude::*, retry};
use tokio_util::sync::CancellationToken;

static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(1))).max_attempts(3));

/// Fails so many times, then succeeds.
fn flaky(failures: u32) -> impl FnMut() -> io::Result<u32> + Clone {
    let mut left = failures;
    move || {
        let before = left;
        left = left.saturating_sub(1);
        if before > 0 { Err(ErrorKind::ConnectionReset.into()) } else { Ok(7) }
    }
}

#[test]
fn blocking_calls() {
    assert_eq!(flaky(2).retry(&POLICY).call().unwrap(), 7);
    assert_eq!((|info: AttemptInfo| Ok::<_, io::Error>(info.number)).retry(&POLICY).call().unwrap(), 1);
    let error = flaky(9).retry(&POLICY).operation("fetch_orders").call().unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("fetch_orders gave up after 3 attempts in "), "{said}");
    assert!(said.ends_with(" ms: no attempts left (transient)"), "{said}");
    assert_eq!(error.into_error().unwrap().kind(), ErrorKind::ConnectionReset);
    assert_eq!(retry(flaky(0)).call().unwrap(), 7);
}

#[test]
fn closures_infer_their_arguments() {
    let (seen, mut logged) = (Cell::new(0), Vec::new());
    let result = flaky(1)
        .retry(&POLICY)
        .classify(|error| {
            seen.set(seen.get() + 1);
            if error.kind() == ErrorKind::ConnectionReset { ErrorClass::RateLimit } else { ErrorClass::Permanent }
        })
        .on_retry(|error, event| logged.push(format!("{} {} {:?}", event.attempt, error.kind(), event.class)))
        .with(|context| context.deadline(Duration::from_secs(5)))
        .call();
    assert_eq!((result.unwrap(), seen.get()), (7, 1));
    assert_eq!(logged, [format!("1 {} Some(RateLimit)", ErrorKind::ConnectionReset)]);

    // A context does not know the error before the call; the compiler infers what the closure does not look into.
    #[derive(Debug)]
    enum Fault {
        Busy,
        Gone,
    }
    let mut context = POLICY.context(Threads).classify(|error| match error {
        Fault::Busy => ErrorClass::RateLimit,
        Fault::Gone => ErrorClass::Permanent,
    });
    let mut faults = vec![Fault::Gone, Fault::Busy];
    let error = context.call(|| Err::<(), _>(faults.pop().unwrap())).unwrap_err();
    assert_eq!((error.attempts, error.reason), (2, StopReason::NonRetryableClass));
    let mut context = POLICY.context(Threads).classify(|()| ErrorClass::Transient);
    assert_eq!(context.call(|| Err::<(), _>(())).unwrap_err().attempts, 3);
}

#[tokio::test(start_paused = true)]
async fn async_calls_also_in_spawned_tasks() {
    async fn fetch(failures: &Cell<u32>) -> io::Result<u32> {
        let left = failures.get();
        tokio::task::yield_now().await;
        failures.set(left.saturating_sub(1));
        if left > 0 { Err(ErrorKind::TimedOut.into()) } else { Ok(7) }
    }

    async fn fetch_often() -> io::Result<u32> {
        Ok(7)
    }

    assert_eq!(tokio::spawn((|| fetch_often()).retry(&POLICY).into_future()).await.unwrap().unwrap(), 7);
    assert_eq!(tokio::spawn(async { fetch_often.retry(&POLICY).await }).await.unwrap().unwrap(), 7);
    assert_eq!(retry(fetch_often).await.unwrap(), 7);
    let outcome =
        (|| async { Err::<(), _>(io::Error::from(ErrorKind::PermissionDenied)) }).retry(&POLICY).execute().await;
    assert_eq!(outcome.attempts, 1);
    // What is not `Send` runs on one thread.
    let failures = Cell::new(2);
    assert_eq!(POLICY.context(TokioLocal).call(async || fetch(&failures).await).await.unwrap(), 7);
    let mut events = Vec::new();
    let failing = || async { Err::<(), _>(io::Error::from(ErrorKind::TimedOut)) };
    let result = failing.retry(&POLICY).on_retry(|error, event| events.push((event.attempt, error.kind()))).await;
    assert!(result.is_err());
    assert_eq!(events, [(1, ErrorKind::TimedOut), (2, ErrorKind::TimedOut)]);
}

#[tokio::test(start_paused = true)]
async fn shared_policies_make_calls_directly() {
    let shared = SharedPolicy::new(Retry::new(Backoff::constant(Duration::from_millis(1))).max_attempts(3));
    assert_eq!(shared.call(flaky(2)).unwrap(), 7);
    assert_eq!(shared.execute(flaky(9)).attempts, 3);
    assert_eq!(flaky(2).retry(&shared).call().unwrap(), 7);
    assert_eq!((|| async { Ok::<_, io::Error>(7) }).retry(&shared).await.unwrap(), 7);
    assert_eq!(shared.context(Tokio).operation("fetch").call(|| async { Ok::<_, io::Error>(7) }).await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn the_error_is_seen_before_each_retry_in_every_form() {
    let seen = RefCell::new(Vec::new());
    let see =
        |error: &io::Error, event: &Event| seen.borrow_mut().push((error.kind(), event.attempt, event.kind.as_str()));
    let expected = [(ErrorKind::TimedOut, 1, "retry"), (ErrorKind::TimedOut, 2, "retry")];
    let failing = || Err::<(), _>(io::Error::from(ErrorKind::TimedOut));

    assert!(POLICY.context(Threads).on_retry(see).call(failing).is_err());
    assert_eq!(seen.take(), expected);
    assert_eq!(POLICY.context(Threads).on_retry(see).execute(failing).attempts, 3);
    assert_eq!(seen.take(), expected);
    assert!(POLICY.context(TokioLocal).on_retry(see).call(async || failing()).await.is_err());
    assert_eq!(seen.take(), expected);

    let mut context = POLICY.context(Threads).on_retry(see);
    let mut run = context.start().unwrap();
    while run.failed(io::Error::from(ErrorKind::TimedOut)).is_ok() {}
    drop(run);
    assert_eq!(seen.take(), expected);
    let mut context = POLICY.context(TokioLocal).on_retry(see);
    let mut run = context.start().unwrap();
    while run.failed(io::Error::from(ErrorKind::TimedOut)).await.is_ok() {}
    drop(run);
    assert_eq!(seen.take(), expected);

    // A value that is rejected, and an attempt that times out, have no error.
    let mut context = POLICY.context(Threads).retry_result(|_: &u8| Some(ErrorClass::Transient)).on_retry(see);
    assert!(context.call(|| Ok::<_, io::Error>(0)).is_err());
    assert_eq!(seen.take(), []);
    // The observers before and after see the events, the error or not.
    let events = Cell::new(0);
    let count = |_: &Event| events.set(events.get() + 1);
    assert!(POLICY.context(Threads).observe(count).on_retry(see).observe(count).call(failing).is_err());
    assert_eq!((seen.take().len(), events.get()), (2, 6));
}

#[test]
fn a_rejected_value_leaves_its_status() {
    let status = |status: &u16| redress_std::classify::http::status(*status);
    let mut context = POLICY.context(Threads).operation("fetch_profile").retry_result(status);
    let error = context.call(|| Ok::<_, io::Error>(404)).unwrap_err();
    assert_eq!((error.code, error.attempts), (Some(404), 1));
    let said = error.to_string();
    assert!(said.starts_with("fetch_profile gave up after 1 attempt"), "{said}");
    assert!(said.ends_with(": not retryable (permanent, HTTP 404)"), "{said}");
    let outcome = context.execute(|| Ok::<_, io::Error>(404));
    assert_eq!((outcome.code, outcome.operation), (Some(404), "fetch_profile"));
    assert!(outcome.to_string().ends_with("(permanent, HTTP 404)"), "{outcome}");
    assert_eq!(outcome.into_result().unwrap_err().code, Some(404));
    // An errno is a code, and no status.
    let error = context.call(|| Err::<u16, _>(io::Error::from_raw_os_error(104))).unwrap_err();
    assert_eq!(error.code, Some(104));
    assert!(error.to_string().ends_with("(transient, code 104)"), "{error}");
}

#[test]
fn anyhow_finds_the_error() {
    let failure =
        anyhow::Error::new(POLICY.call(|| Err::<(), _>(io::Error::from(ErrorKind::PermissionDenied))).unwrap_err());
    let found = failure.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    assert_eq!(found.unwrap().kind(), ErrorKind::PermissionDenied);
    assert!(failure.to_string().contains("gave up after 1 attempt"), "{failure}");
}

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::test(start_paused = true)]
async fn async_calls_classify_errors_of_any_type() {
    async fn fails() -> Result<(), BoxError> {
        Err(io::Error::from(ErrorKind::ConnectionReset).into())
    }
    async fn is_refused() -> anyhow::Result<()> {
        Err(io::Error::from(ErrorKind::PermissionDenied).into())
    }

    assert_eq!(fails.retry(&POLICY).await.unwrap_err().attempts, 3);
    assert_eq!((|| fails()).retry(&POLICY).execute().await.last_class, Some(ErrorClass::Transient));
    assert_eq!(retry(is_refused).await.unwrap_err().last_class, Some(ErrorClass::Permission));
    let spawned = tokio::spawn(async { is_refused.retry(&POLICY).operation("read").await }).await.unwrap();
    assert_eq!(spawned.unwrap_err().attempts, 1);
    let mut seen = Vec::new();
    let refused = is_refused.retry(&POLICY).classify(|_| ErrorClass::Transient).on_retry(|error, event| {
        seen.push((event.attempt, error.downcast_ref::<io::Error>().map(io::Error::kind)));
    });
    assert_eq!(refused.await.unwrap_err().attempts, 3);
    assert_eq!(seen, [1, 2].map(|attempt| (attempt, Some(ErrorKind::PermissionDenied))));
}

/// Functions that return an error of any type, in each form of a call.
#[tokio::test(start_paused = true)]
async fn reports_around_errors_of_any_type_go_through_the_question_mark() {
    async fn fetch() -> anyhow::Result<u32> {
        Err(io::Error::from(ErrorKind::ConnectionReset).into())
    }
    async fn one_expression(policy: &SharedPolicy) -> anyhow::Result<u32> {
        Ok(fetch.retry(policy).await.map_err(Untyped)?)
    }
    async fn a_context(policy: &SharedPolicy) -> anyhow::Result<u32> {
        Ok(policy.context(Tokio).call(fetch).await.map_err(Untyped)?)
    }
    async fn a_loop(policy: &SharedPolicy) -> Result<u32, BoxError> {
        let mut context = policy.context(Tokio);
        let mut run = context.start()?;
        loop {
            match fetch().await {
                Ok(value) => return Ok(run.succeed(value)),
                Err(error) => run.failed(error).await.map_err(Untyped)?,
            }
        }
    }

    let policy = SharedPolicy::new(Retry::new(Backoff::none()).max_attempts(3));
    let (one, other) = (policy.clone(), policy.clone());
    let failures = [
        tokio::spawn(async move { one_expression(&one).await }).await.unwrap().unwrap_err(),
        tokio::spawn(async move { a_context(&other).await }).await.unwrap().unwrap_err(),
    ];
    for failure in failures {
        assert_eq!(failure.to_string(), "the call gave up after 3 attempts: no attempts left (transient)");
        assert_eq!(failure.root_cause().downcast_ref().map(io::Error::kind), Some(ErrorKind::ConnectionReset));
    }
    let failure = tokio::spawn(async move { a_loop(&policy).await }).await.unwrap().unwrap_err();
    assert_eq!(
        failure.source().and_then(<dyn Error>::downcast_ref).map(io::Error::kind),
        Some(ErrorKind::ConnectionReset)
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_ends_a_call_in_one_expression() {
    let token = CancellationToken::new();
    let hangs = || async {
        token.cancel();
        std::future::pending::<io::Result<()>>().await
    };
    let cancelled = hangs.retry(&POLICY).with(|context| context.cancel_on(|| token.cancelled())).await;
    assert_eq!(cancelled.unwrap_err().reason, StopReason::Aborted);
}

#[test]
fn errors_of_any_type_are_classified_by_default() {
    let failing = || Err::<(), BoxError>(Box::new(io::Error::from(ErrorKind::ConnectionReset)));
    assert_eq!(POLICY.call(failing).unwrap_err().attempts, 3);
    assert_eq!(POLICY.context(Threads).call(failing).unwrap_err().attempts, 3);
    assert_eq!(failing.retry(&POLICY).call().unwrap_err().attempts, 3);
    assert_eq!(POLICY.context(Threads).classifier(chain::boxed).call(failing).unwrap_err().attempts, 3);
    let lasting = || Err::<(), _>(anyhow::Error::new(io::Error::from(ErrorKind::PermissionDenied)).context("login"));
    let error = POLICY.execute(lasting);
    assert_eq!((error.attempts, error.last_class), (1, Some(ErrorClass::Permission)));
    let plain = || Err::<(), Box<dyn Error>>(io::Error::from(ErrorKind::ConnectionReset).into());
    let mut run_context = POLICY.context(Threads);
    let mut run = run_context.start().unwrap();
    assert!(run.failed(plain().unwrap_err()).is_ok());
    drop(run);
    assert_eq!(POLICY.call(plain).unwrap_err().last_class, Some(ErrorClass::Transient));
}
