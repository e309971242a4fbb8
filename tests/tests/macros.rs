//! Derived classes and decorated functions, in every shape they may have.

#![expect(dead_code, reason = "variants are there to be classified")]

use std::{
    cell::{Cell, RefCell},
    fmt::{Debug, Display},
    io,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use redress_core::{
    AttemptInfo, Backoff, BreakerConfig, CircuitBreaker, Classification, Classify, ErrorClass, Millis, Outcome, Policy,
    RetryError, RetryTimeline, SelfClassifier, SleepDecision, StopReason,
    classify::http,
    retry,
    testing::{INSTANT_RETRIES, TestAsyncEnv, TestEnv, block_on},
};

// ---- #[derive(Classify)] ------------------------------------------------------------------------------------------

const BUSY_CODE: u32 = 7;

#[derive(Classify)]
enum Every {
    #[class(auth)]
    Auth,
    #[class(permission)]
    Permission(),
    #[class(permanent)]
    Permanent {},
    #[class(concurrency, code = 40_001)]
    Concurrency,
    #[class(rate_limit, retry_after = after, code = code)]
    RateLimit { after: Duration, code: i32, ignored: String },
    #[class(server_error, code = _1, retry_after = _2)]
    ServerError(String, u16, Option<Millis>),
    #[class(transient, code = BUSY_CODE)]
    Transient,
    #[class(unknown, retry_after = Millis::from_secs(*seconds), code = Every::doubled(*seconds))]
    Unknown { seconds: u32 },
    #[class(outcome_unknown, code = 180)]
    Lost,
    #[class(abort)]
    Abort,
    #[class(transparent)]
    Wrapped(ErrorClass),
    #[class(transparent = inner, code = code)]
    Chosen { inner: Inner, code: Option<u8> },
    #[class(transparent = http::status(*_0).unwrap_or(ErrorClass::Permanent.into()))]
    Status(u16),
}

impl Every {
    fn doubled(seconds: u32) -> u32 {
        seconds * 2
    }
}

/// A struct has a class of its own.
#[derive(Classify)]
#[class(rate_limit, retry_after = wait, code = 429)]
struct Inner {
    wait: Option<Duration>,
}

#[test]
fn each_variant_has_its_class_hint_and_code() {
    let class = Classification::new;
    let hint = Duration::from_millis(1_500);
    let cases = [
        (Every::Auth, class(ErrorClass::Auth)),
        (Every::Permission(), class(ErrorClass::Permission)),
        (Every::Permanent {}, class(ErrorClass::Permanent)),
        (Every::Concurrency, class(ErrorClass::Concurrency).code(40_001)),
        (
            Every::RateLimit { after: hint, code: -11, ignored: String::new() },
            class(ErrorClass::RateLimit).retry_after(Millis::new(1_500)).code(11),
        ),
        (Every::ServerError(String::new(), 503, None), class(ErrorClass::ServerError).code(503)),
        (
            Every::ServerError(String::new(), 503, Some(Millis::new(9))),
            class(ErrorClass::ServerError).code(503).retry_after(Millis::new(9)),
        ),
        (Every::Transient, class(ErrorClass::Transient).code(7)),
        (Every::Unknown { seconds: 3 }, class(ErrorClass::Unknown).retry_after(Millis::new(3_000)).code(6)),
        (Every::Lost, Classification::outcome_unknown().code(180)),
        (Every::Abort, Classification::abort()),
        (Every::Wrapped(ErrorClass::Auth), class(ErrorClass::Auth)),
        (
            Every::Chosen { inner: Inner { wait: Some(hint) }, code: None },
            class(ErrorClass::RateLimit).retry_after(Millis::new(1_500)).code(429),
        ),
        (Every::Chosen { inner: Inner { wait: None }, code: Some(5) }, class(ErrorClass::RateLimit).code(5)),
        (Every::Status(503), http::status(503).unwrap()),
        (Every::Status(200), class(ErrorClass::Permanent)),
    ];
    for (error, expected) in cases {
        assert_eq!(error.classify(), expected);
    }
}

#[derive(Classify)]
#[class(permanent)]
struct Unit;

#[derive(Classify)]
#[class(transparent)]
struct Newtype(Inner);

/// Bounds follow from what is asked of the fields; those which are written stay.
#[derive(Classify)]
enum Generic<'a, E, W: Clone, const N: usize>
where
    E: Debug,
{
    #[class(transparent)]
    Inner(E),
    #[class(rate_limit, retry_after = wait)]
    Busy { wait: W, name: &'a str },
    #[class(permanent)]
    Raw([u8; N]),
}

type Queue<W> = Generic<'static, ErrorClass, W, 2>;

#[derive(Classify)]
enum Never {}

/// Whatever becomes a span is a hint.
#[derive(Clone)]
struct Seconds(u32);

impl From<Seconds> for Millis {
    fn from(Seconds(seconds): Seconds) -> Self {
        Self::from_secs(seconds)
    }
}

#[test]
fn structs_wrappers_and_generics() {
    assert_eq!(Unit.classify().class(), ErrorClass::Permanent);
    assert_eq!(Newtype(Inner { wait: None }).classify().numeric_code(), Some(429));
    let wrapped = Queue::<Option<Seconds>>::Inner(ErrorClass::Auth);
    assert_eq!(wrapped.classify().class(), ErrorClass::Auth);
    let busy = Queue::<_>::Busy { wait: Some(Seconds(2)), name: "queue" };
    assert_eq!(busy.classify().hint(), Some(Millis::new(2_000)));
    assert_eq!(Queue::<Duration>::Raw([1, 2]).classify().class(), ErrorClass::Permanent);
    static_assertions::assert_impl_all!(Never: Classify);
}

// ---- #[retry]: what functions look like ---------------------------------------------------------------------------

/// Fails as often as it holds.
#[derive(Default)]
struct Flaky(Cell<u32>);

impl Flaky {
    fn failing(times: u32) -> Self {
        Self(Cell::new(times))
    }

    fn get(&self) -> Result<u32, ErrorClass> {
        match self.0.get() {
            0 => Ok(21),
            left => {
                self.0.set(left - 1);
                Err(ErrorClass::Transient)
            }
        }
    }
}

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
fn blocking(flaky: &Flaky) -> Result<u32, RetryError<ErrorClass>> {
    let value = flaky.get()?;
    if value == 0 {
        return Err(ErrorClass::Permanent);
    }
    Ok(value)
}

#[retry(policy = INSTANT_RETRIES, context = TestAsyncEnv::new())]
async fn asynchronous(flaky: &Flaky) -> Result<u32, RetryError<ErrorClass>> {
    std::future::ready(()).await;
    let value = flaky.get()?;
    if value == 0 {
        return Err(ErrorClass::Permanent);
    }
    Ok(value)
}

#[retry(context = TestEnv::new(), backoff = Backoff::none())]
fn with_a_budget_of_its_own() -> Result<u32, RetryError<ErrorClass>> {
    Err(ErrorClass::Transient)
}

#[retry(context = TestEnv::new(), backoff = Backoff::none(), no_budget)]
fn without_a_budget() -> Result<u32, RetryError<ErrorClass>> {
    Err(ErrorClass::Transient)
}

#[test]
fn all_calls_of_a_function_share_a_budget_unless_it_is_left_out() {
    let ended = |call: fn() -> Result<u32, RetryError<ErrorClass>>| {
        let error = call().unwrap_err();
        (error.attempts, error.reason)
    };
    let (all, stopped) = (StopReason::MaxAttemptsGlobal, StopReason::BudgetExhausted);
    assert_eq!([(); 4].map(|()| ended(with_a_budget_of_its_own)), [(6, all), (6, all), (1, stopped), (1, stopped)]);
    assert_eq!([(); 4].map(|()| ended(without_a_budget)), [(6, all); 4]);
}

#[test]
fn blocking_and_async_alike() {
    assert_eq!(blocking(&Flaky::failing(3)), Ok(21));
    assert_eq!(block_on(asynchronous(&Flaky::failing(3))), Ok(21));
    for error in [blocking(&Flaky::failing(99)), block_on(asynchronous(&Flaky::failing(99)))] {
        let error = error.unwrap_err();
        assert_eq!((error.error, error.attempts), (Some(ErrorClass::Transient), 6));
    }
}

mod visible {
    use super::{Flaky, INSTANT_RETRIES, RetryError, TestEnv, retry};
    use redress_core::ErrorClass;

    /// Documented.
    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
    #[must_use]
    #[inline]
    pub(super) fn kept(flaky: &Flaky) -> Result<u32, RetryError<ErrorClass>> {
        #![allow(unused_variables)]
        let unused = 0;
        flaky.get()
    }
}

#[test]
fn visibility_and_attributes_are_kept() {
    assert_eq!(visible::kept(&Flaky::failing(1)), Ok(21));
}

struct Radio<T> {
    policy: Policy<'static>,
    noise: u32,
    sent: Vec<T>,
}

impl<T: Copy> Radio<T> {
    fn new(noise: u32) -> Self {
        Self { policy: INSTANT_RETRIES, noise, sent: Vec::new() }
    }

    fn try_send(&mut self, byte: T) -> Result<usize, ErrorClass> {
        if self.noise > 0 {
            self.noise -= 1;
            return Err(ErrorClass::Transient);
        }
        self.sent.push(byte);
        Ok(self.sent.len())
    }

    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
    fn send(&mut self, byte: T) -> Result<usize, RetryError<ErrorClass>> {
        self.try_send(byte)
    }

    #[retry(policy = INSTANT_RETRIES, context = TestAsyncEnv::new())]
    async fn send_async(&mut self, bytes: &[T]) -> Result<usize, RetryError<ErrorClass>> {
        for byte in bytes {
            std::future::ready(()).await;
            self.try_send(*byte)?;
        }
        Ok(self.sent.len())
    }

    #[retry(policy = self.policy, context = TestEnv::new())]
    fn count(&self) -> Result<usize, RetryError<ErrorClass>> {
        Ok(self.sent.len())
    }

    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
    fn into_sent(self) -> Result<Vec<T>, RetryError<ErrorClass>>
    where
        T: Debug,
    {
        Ok(self.sent.clone())
    }

    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
    fn fresh() -> Result<Self, RetryError<ErrorClass>> {
        Ok(Self::new(0))
    }
}

#[test]
fn methods() {
    let mut radio = Radio::new(2);
    assert_eq!(radio.send(1), Ok(1));
    radio.noise = 2;
    assert_eq!(block_on(radio.send_async(&[2, 3])), Ok(3));
    assert_eq!(radio.count(), Ok(3));
    assert_eq!(radio.into_sent(), Ok(vec![1, 2, 3]));
    assert!(Radio::<u8>::fresh().is_ok());
}

trait Source {
    fn flaky(&self) -> &Flaky;

    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
    fn read(&self) -> Result<u32, RetryError<ErrorClass>> {
        self.flaky().get()
    }
}

impl Source for Flaky {
    fn flaky(&self) -> &Flaky {
        self
    }
}

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
fn shapes<'a, T, const N: usize>(
    mut buffer: [T; N],
    (first, _): (T, u8),
    name: &'a str,
    get: impl Fn() -> Result<T, ErrorClass>,
) -> Result<(impl Display, &'a str), RetryError<ErrorClass>>
where
    T: Copy + Debug,
{
    buffer[0] = first;
    buffer[1] = get()?;
    Ok((format!("{buffer:?}"), name))
}

#[test]
fn generics_patterns_and_impl_trait() {
    assert_eq!(Flaky::failing(2).read(), Ok(21));
    let flaky = Flaky::failing(2);
    let (shown, name) = shapes([0; 3], (4, 0), "name", || flaky.get()).unwrap();
    assert_eq!((shown.to_string().as_str(), name), ("[4, 21, 0]", "name"));
}

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
fn cloned(name: String, flaky: &Flaky) -> Result<String, RetryError<ErrorClass>> {
    let name = name.clone();
    flaky.get()?;
    Ok(name)
}

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
fn coerced(flaky: &Flaky) -> Result<Box<dyn Display>, RetryError<ErrorClass>> {
    Ok(Box::new(flaky.get()?))
}

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
fn accumulated(mut tries: u32, flaky: &Flaky) -> Result<u32, RetryError<ErrorClass>> {
    tries += 1;
    flaky.get()?;
    Ok(tries)
}

#[test]
fn arguments_are_lent_to_each_attempt() {
    assert_eq!(cloned("name".into(), &Flaky::failing(2)), Ok("name".into()));
    assert_eq!(coerced(&Flaky::failing(2)).unwrap().to_string(), "21");
    assert_eq!(accumulated(0, &Flaky::failing(2)), Ok(3));
}

/// Code out of another macro has names of its own.
macro_rules! generated {
    ($function:ident, $error:ident, $policy:expr, $returned:ty) => {
        #[derive(Classify, Debug, PartialEq)]
        enum $error {
            #[class(rate_limit, retry_after = after, code = Self::number(*code))]
            Busy { after: Duration, code: u64 },
        }

        impl $error {
            fn number(code: u64) -> Option<u32> {
                code.try_into().ok()
            }
        }

        #[retry(policy = $policy, context = TestEnv::new(), attempt = attempt)]
        fn $function(result: u32) -> $returned {
            if attempt.number < result {
                return Err($error::Busy { after: Duration::ZERO, code: u64::MAX });
            }
            Ok(result)
        }
    };
}

generated!(out_of_a_macro, OutOfAMacro, INSTANT_RETRIES, Result<u32, RetryError<OutOfAMacro>>);

#[test]
fn other_macros_make_them() {
    assert_eq!(out_of_a_macro(3), Ok(3));
    let busy = OutOfAMacro::Busy { after: Duration::ZERO, code: u64::MAX };
    assert_eq!((out_of_a_macro(9).unwrap_err().error, busy.classify().numeric_code()), (Some(busy), None));
}

// ---- What is returned ---------------------------------------------------------------------------------------------

#[derive(Debug, PartialEq, Classify)]
enum Error {
    #[class(transient)]
    Timeout,
    #[class(permanent)]
    GaveUp(StopReason),
}

impl From<ErrorClass> for Error {
    fn from(_: ErrorClass) -> Self {
        Self::Timeout
    }
}

impl From<RetryError<Self>> for Error {
    fn from(ended: RetryError<Self>) -> Self {
        ended.error.unwrap_or(Self::GaveUp(ended.reason))
    }
}

/// The error as it was; what says why the call ended goes into it.
#[retry(policy = INSTANT_RETRIES, context = TestEnv::new(), abort_if = || abort)]
fn converted(flaky: &Flaky, abort: bool) -> Result<u32, Error> {
    Ok(flaky.get()?)
}

/// The application's own error around that of the body.
#[derive(Debug)]
struct Application(RetryError<io::Error>);

impl From<RetryError<io::Error>> for Application {
    fn from(ended: RetryError<io::Error>) -> Self {
        Self(ended)
    }
}

type AppResult<T> = Result<T, Application>;

#[retry(backoff = Backoff::none(), error = io::Error)]
fn outside(calls: &Cell<u32>) -> AppResult<u32> {
    calls.set(calls.get() + 1);
    Err(io::ErrorKind::TimedOut)?
}

#[retry(policy = INSTANT_RETRIES, context = TestEnv::new(), retry_result = |value: &u32| (*value < 2).then_some(ErrorClass::ServerError))]
fn told(next: &Cell<u32>) -> Outcome<u32, ErrorClass> {
    Ok(next.replace(next.get() + 1))
}

#[retry(policy = INSTANT_RETRIES, context = TestAsyncEnv::new())]
async fn told_async(flaky: &Flaky) -> Outcome<u32, ErrorClass> {
    flaky.get()
}

#[test]
fn callers_get_what_is_written() {
    assert_eq!(converted(&Flaky::failing(1), false), Ok(21));
    assert_eq!(converted(&Flaky::failing(99), false), Err(Error::Timeout));
    assert_eq!(converted(&Flaky::failing(0), true), Err(Error::GaveUp(StopReason::Aborted)));

    let calls = Cell::new(0);
    let Application(ended) = outside(&calls).unwrap_err();
    assert_eq!((ended.attempts, calls.get(), ended.error.unwrap().kind()), (6, 6, io::ErrorKind::TimedOut));

    let outcome = told(&Cell::new(0));
    assert_eq!((outcome.value(), outcome.attempts), (Some(&2), 3));
    assert_eq!(block_on(told_async(&Flaky::failing(1))).attempts, 2);
}

// ---- Operation and hooks ------------------------------------------------------------------------------------------

#[test]
fn the_operation_is_the_functions_name_or_what_is_given() {
    let names = RefCell::new(Vec::new());
    let note = |event: &redress_core::Event| names.borrow_mut().push(event.operation);

    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new(), observe = note)]
    fn r#match(note: impl Fn(&redress_core::Event)) -> Result<(), RetryError<ErrorClass>> {
        Ok(())
    }

    #[retry(policy = INSTANT_RETRIES, context = TestEnv::new(), observe = note, operation = "given")]
    fn named(note: impl Fn(&redress_core::Event)) -> Result<(), RetryError<ErrorClass>> {
        Ok(())
    }

    r#match(note).unwrap();
    named(note).unwrap();
    assert_eq!(*names.borrow(), ["match", "given"]);
}

struct Foreign(u16);

#[retry(
    policy = INSTANT_RETRIES,
    context = TestEnv::new(),
    classifier = |error: &Foreign| http::status(error.0).unwrap_or(ErrorClass::Unknown.into()),
    observe = &mut *timeline,
    observe = |_: &redress_core::Event| events.set(events.get() + 1),
    on_attempt_start = |_: &redress_core::AttemptStart| starts.set(starts.get() + 1),
    on_attempt_end = |_: &redress_core::AttemptEnd| ends.set(ends.get() + 1),
    slice(Duration::from_millis(1), || ()),
    attempt = attempt,
)]
fn hooked(
    timeline: &mut RetryTimeline<8>,
    (events, starts, ends): (&Cell<u32>, &Cell<u32>, &Cell<u32>),
) -> Result<u32, RetryError<Foreign>> {
    if attempt.number < 3 { Err(Foreign(503)) } else { Ok(attempt.number) }
}

#[retry(
    policy = INSTANT_RETRIES,
    context = TestEnv::new(),
    sleep_handler = |_: &redress_core::BackoffContext, _| SleepDecision::Defer,
)]
fn deferred() -> Result<(), RetryError<ErrorClass>> {
    Err(ErrorClass::Transient)
}

#[retry(policy = INSTANT_RETRIES, context = TestAsyncEnv::new(), attempt = attempt)]
async fn numbered() -> Result<u32, RetryError<ErrorClass>> {
    let AttemptInfo { number, .. } = attempt;
    if number < 3 { Err(ErrorClass::Transient) } else { Ok(number) }
}

#[test]
fn hooks_are_set() {
    let mut timeline = RetryTimeline::new();
    let counts = (Cell::new(0), Cell::new(0), Cell::new(0));
    let value = hooked(&mut timeline, (&counts.0, &counts.1, &counts.2));
    assert_eq!(value.ok(), Some(3));
    assert_eq!((timeline.events().count(), counts), (3, (Cell::new(3), Cell::new(3), Cell::new(3))));
    assert_eq!(deferred().unwrap_err().reason, StopReason::Scheduled);
    assert_eq!(block_on(numbered()), Ok(3));
}

// ---- Policies in place --------------------------------------------------------------------------------------------

static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(1));

#[test]
fn a_policy_in_place_lives_as_long_as_the_program() {
    #[retry(context = TestEnv::new(), backoff = Backoff::none(), max_attempts = 2, no_deadline, circuit_breaker = BREAKER)]
    fn guarded(flaky: &Flaky) -> Result<u32, RetryError<ErrorClass>> {
        flaky.get()
    }

    let error = guarded(&Flaky::failing(9)).unwrap_err();
    assert_eq!((error.reason, error.attempts), (StopReason::MaxAttemptsGlobal, 2));
    assert_eq!(guarded(&Flaky::failing(0)).unwrap_err().reason, StopReason::CircuitOpen);
}

/// The delays of a call, all of whose attempts fail like this.
fn delays(
    class: ErrorClass,
    call: impl FnOnce(ErrorClass, &mut RetryTimeline<16>) -> Result<(), RetryError<ErrorClass>>,
) -> Vec<Duration> {
    let mut timeline = RetryTimeline::new();
    call(class, &mut timeline).unwrap_err();
    timeline
        .events()
        .filter(|event| event.event == redress_core::EventKind::Retry)
        .map(|event| event.delay.into())
        .collect()
}

#[test]
fn without_a_backoff_there_is_decorrelated_jitter_up_to_five_seconds() {
    #[retry(context = TestEnv::new(), max_attempts = 9, observe = timeline)]
    fn call(class: ErrorClass, timeline: &mut RetryTimeline<16>) -> Result<(), RetryError<ErrorClass>> {
        Err(class)
    }

    let delays = delays(ErrorClass::Transient, call);
    assert_eq!(delays.len(), 8);
    for delay in delays {
        assert!((Duration::from_millis(250)..=Duration::from_secs(5)).contains(&delay), "{delay:?}");
    }
}

#[test]
fn backoffs_of_classes_alone_leave_the_others_without() {
    #[retry(
        context = TestEnv::new(),
        backoff_for(rate_limit = Backoff::constant(Duration::from_secs(1)), unknown = Backoff::none()),
        limit_for(rate_limit = 3),
        observe = timeline,
    )]
    fn call(class: ErrorClass, timeline: &mut RetryTimeline<16>) -> Result<(), RetryError<ErrorClass>> {
        Err(class)
    }

    #[retry(
        context = TestEnv::new(),
        backoff = Backoff::constant(Duration::from_secs(2)),
        backoff_for(rate_limit = Backoff::constant(Duration::from_secs(1))),
        max_attempts = 2,
        observe = timeline,
    )]
    fn with_default(class: ErrorClass, timeline: &mut RetryTimeline<16>) -> Result<(), RetryError<ErrorClass>> {
        Err(class)
    }

    let of = |class| delays(class, call);
    assert_eq!(of(ErrorClass::RateLimit), [Duration::from_secs(1); 3]);
    assert_eq!(of(ErrorClass::Transient), []);
    let of = |class| delays(class, with_default);
    assert_eq!(of(ErrorClass::RateLimit), [Duration::from_secs(1)]);
    assert_eq!(of(ErrorClass::Transient), [Duration::from_secs(2)]);
}

// ---- std: nothing is said -----------------------------------------------------------------------------------------

static CALLS: AtomicU32 = AtomicU32::new(0);

#[retry]
fn bare() -> Result<u32, RetryError<io::Error>> {
    if CALLS.fetch_add(1, Relaxed) < 1 { Err(io::ErrorKind::TimedOut.into()) } else { Ok(1) }
}

struct Client {
    failures: AtomicU32,
    seen: u32,
}

impl Client {
    #[retry]
    async fn fetch(&self, id: u32, name: &str) -> Result<String, RetryError<io::Error>> {
        tokio::task::yield_now().await;
        if self.failures.fetch_sub(1, Relaxed) > 1 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(format!("{name} {id}"))
    }

    #[retry(classifier = SelfClassifier)]
    async fn count(&mut self) -> Result<u32, RetryError<ErrorClass>> {
        self.seen += 1;
        tokio::task::yield_now().await;
        if self.seen < 3 { Err(ErrorClass::Transient) } else { Ok(self.seen) }
    }
}

#[test]
fn a_bare_attribute_is_enough_with_std() {
    assert_eq!(bare().unwrap(), 1);
    assert_eq!(CALLS.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_bare_attribute_on_async_functions_can_be_spawned() {
    let client = Client { failures: AtomicU32::new(3), seen: 0 };
    let task = tokio::spawn(async move { client.fetch(7, "ada").await });
    assert_eq!(task.await.unwrap().unwrap(), "ada 7");
}

#[tokio::test(start_paused = true)]
async fn a_bare_attribute_lends_mutable_arguments_on_one_thread() {
    let mut client = Client { failures: AtomicU32::new(0), seen: 0 };
    assert_eq!(client.count().await, Ok(3));
}

/// The path may be said.
#[retry(crate = redress_std, backoff = Backoff::none())]
fn through_a_path() -> Result<u32, RetryError<io::Error>> {
    Ok(1)
}

mod facade {
    pub(crate) use redress_core as retries;
}

#[derive(Classify)]
#[class(transient, crate = facade::retries)]
struct ThroughAPath;

#[test]
fn the_path_may_be_said() {
    assert_eq!(through_a_path().unwrap(), 1);
    assert_eq!(ThroughAPath.classify().class(), ErrorClass::Transient);
}
