//! The macros of redress. Use them through the feature `macros` of redress-std, redress-embassy or redress-core.

mod class;
mod classify;
mod errors;
mod retry;
mod root;

use proc_macro::TokenStream;
use quote::quote;
use syn::{DeriveInput, ItemFn, parse_macro_input};

/// Implements `Classify`: what is written at a variant or a struct is its class. Feature `macros`.
///
/// | attribute | |
/// |---|---|
/// | `#[class(transient)]` | one of `auth`, `permission`, `permanent`, `concurrency`, `rate_limit`, `server_error`, `transient`, `unknown` |
/// | `#[class(transparent)]` | the classification of the only field, an error that implements `Classify` |
/// | `#[class(transparent = source)]` | the classification of this field |
/// | `#[class(outcome_unknown)]` | a failure that leaves open whether the operation took effect: not repeated, unless the classifier is wrapped in `Idempotent` |
/// | `#[class(abort)]` | a request to stop retrying, not a failure |
/// | `retry_after = field` beside a class | the server's hint: a `Duration`, a `Millis`, a type that implements `Into<Millis>`, or an `Option` of these |
/// | `code = field`, `code = 429` | a number for logs: an integer of up to 32 bits, or an `Option` of one; the sign of a negative errno is dropped |
/// | `crate = path` on the type | where redress is re-exported, if none of its crates is a dependency |
///
/// Every variant has a class; there is no default. The fields of a tuple go by `_0`, `_1`, and so on. In place of a field
/// an expression may stand that names fields, which are references there: `retry_after = Millis::from_secs(*seconds)`.
/// Beside `transparent`, hint and code go before those of the field if there are any.
/// Type parameters of fields that take part get the bounds they need.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{Classify, ErrorClass, Millis};
///
/// #[derive(Classify)]
/// enum Error {
///     #[class(transient)]
///     Timeout,
///     #[class(rate_limit, retry_after = after, code = 429)]
///     Busy { after: Duration },
///     #[class(permanent, code = _0)]
///     BadFrame(u8),
///     #[class(transparent)]
///     Bus(BusError),
/// }
///
/// #[derive(Classify)]
/// #[class(transient, code = errno)]
/// struct BusError {
///     errno: i32,
/// }
///
/// let busy = Error::Busy { after: Duration::from_secs(2) }.classify();
/// assert_eq!((busy.class(), busy.hint()), (ErrorClass::RateLimit, Some(Millis::from_secs(2))));
/// assert_eq!(Error::Bus(BusError { errno: -11 }).classify().numeric_code(), Some(11));
/// ```
#[proc_macro_derive(Classify, attributes(class))]
pub fn derive_classify(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    classify::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Retries a function: each attempt runs its body. Feature `macros`.
///
/// The function may be blocking or async, free or a method, generic; its signature, attributes, documentation and
/// visibility stay as they are written.
///
/// ```
/// use core::time::Duration;
/// use redress_core::{Backoff, ErrorClass, Policy, Retry, RetryError, retry, testing::TestEnv};
///
/// static UPLINK: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_secs(1))).max_attempts(3));
/// # struct Radio { noise: u32 }
/// # impl Radio {
/// # fn transmit(&mut self, frame: &[u8]) -> Result<usize, ErrorClass> {
/// #     if self.noise == 0 { return Ok(frame.len()) }
/// #     self.noise -= 1;
/// #     Err(ErrorClass::Transient)
/// # }
/// # }
///
/// #[retry(policy = UPLINK, context = TestEnv::new())] // on a board: Embassy::seeded(id) and the like
/// fn send(radio: &mut Radio, frame: &[u8]) -> Result<usize, RetryError<ErrorClass>> {
///     radio.transmit(frame)
/// }
///
/// assert_eq!(send(&mut Radio { noise: 2 }, b"21.5"), Ok(4));
/// assert_eq!(send(&mut Radio { noise: 9 }, b"21.5").unwrap_err().attempts, 3);
/// ```
///
/// # What callers get
///
/// Callers get the return type as it is written. The error of the body follows from it:
///
/// | the function returns | the body returns |
/// |---|---|
/// | `Result<T, RetryError<E>>` | `Result<T, E>` |
/// | `Outcome<T, E>` | `Result<T, E>` |
/// | `Result<T, E>`, or an alias of it, with `E: From<RetryError<E>>` | the same |
/// | a `Result` whose error is `X`, with `error = E` and `X: From<RetryError<E>>` | `Result<T, E>` |
///
/// The third keeps retries out of sight; where nothing but the circuit failed, the error must have a variant for that:
///
/// ```
/// # use redress_core::{Backoff, Classify, RetryError, StopReason, retry, testing::{INSTANT_RETRIES, TestEnv}};
/// #[derive(Classify)]
/// enum Error {
///     #[class(transient)]
///     Timeout,
///     #[class(permanent)]
///     Stopped(StopReason),
/// }
///
/// impl From<RetryError<Error>> for Error {
///     fn from(ended: RetryError<Error>) -> Self {
///         ended.error.unwrap_or(Self::Stopped(ended.reason))
///     }
/// }
///
/// #[retry(policy = INSTANT_RETRIES, context = TestEnv::new())]
/// fn fetch_user(id: u32) -> Result<String, Error> {
///     if id == 0 { Err(Error::Timeout) } else { Ok(format!("user {id}")) }
/// }
/// # assert!(matches!(fetch_user(0), Err(Error::Timeout)));
/// # assert!(fetch_user(7).is_ok());
/// ```
///
/// # Arguments
///
/// Attempts borrow the arguments. One that the body moves away is a compile error, because it would be missing in the
/// next attempt: clone it in the body. What an attempt did to a `mut` argument, the next one sees. A returned value may
/// borrow from what a `&` argument refers to, but not from what a `&mut` argument does.
///
/// # Where it runs
///
/// `context = …` is an environment, as for `Policy::context`: a blocking one for `fn`, an async one for `async fn`. Without
/// it, redress-std must be a dependency, and the environment follows from the function:
///
/// | | |
/// |---|---|
/// | `fn` | `Threads` |
/// | `async fn` | `Tokio` |
/// | `async fn` with `&mut` or `mut` arguments | `TokioLocal`: what attempts borrow mutably, they lend on one thread |
///
/// The last cannot be spawned; what must be, is written in the loop form.
///
/// ```
/// use std::io;
/// use redress_std::{RetryError, retry};
///
/// #[retry] // decorrelated jitter from 250 ms up to 5 s
/// fn read_hosts() -> Result<String, RetryError<io::Error>> {
///     std::fs::read_to_string("/etc/hosts")
/// }
///
/// #[retry]
/// async fn fetch(url: &str) -> Result<Vec<u8>, RetryError<io::Error>> {
/// #   let get = async |_| Ok::<_, io::Error>(vec![]);
///     get(url).await
/// }
/// # let _ = read_hosts();
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(fetch("")).unwrap();
/// ```
///
/// # Policy
///
/// Either `policy = …`, any expression, or a policy written in place, out of constant expressions. It lies in a `static`,
/// and contradictions are compile errors. Its parts go by the names of the setters:
///
/// - `backoff = …`; without it `Backoff::decorrelated_jitter` from 250 ms up to 5 s, unless there is a `backoff_for`
/// - `backoff_for(rate_limit = …, concurrency = …)`: without `backoff`, the other classes are not retried
/// - `limit_for(rate_limit = 3)`, `max_attempts`, `unlimited_attempts`, `deadline`, `no_deadline`, `attempt_timeout`,
///   `max_unknown`, `no_unknown_cap`
/// - `circuit_breaker = BREAKER`, `budget = BUDGET`: the `static`s themselves; without `budget` the function has one of its
///   own for all its calls, by `BudgetConfig::DEFAULT`, which `no_budget` leaves out
///
/// ```
/// # use core::time::Duration;
/// # use redress_core::{Backoff, BreakerConfig, CircuitBreaker, ErrorClass, RetryError, retry, testing::TestEnv};
/// static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4));
///
/// #[retry(
///     context = TestEnv::new(),
///     backoff = Backoff::full_jitter(Duration::from_millis(50), Duration::from_secs(5)),
///     backoff_for(rate_limit = Backoff::constant(Duration::from_secs(10)).or_retry_after()),
///     limit_for(rate_limit = 3),
///     deadline = Duration::from_secs(30),
///     circuit_breaker = BREAKER,
/// )]
/// fn read_sensor() -> Result<u16, RetryError<ErrorClass>> {
/// #   Ok(21)
///     // …
/// }
/// # assert_eq!(read_sensor(), Ok(21));
/// ```
///
/// # Hooks
///
/// By the names of the methods of `Context`; expressions that may use the arguments: `operation` (a `&'static str`; the
/// function's name by default), `classifier` or `classify`, `retry_result`, `sleep_handler`, `slice(length, hook)`, `watched`, and
/// as often as needed `abort_if`, `observe`, `observe_errors`, `on_retry`, `on_attempt_start`, `on_attempt_end`, and in async
/// functions `cancel_on`. Closures say the types of their arguments. With `attempt = name` the body sees the `AttemptInfo` under
/// this name. Errors that implement `Classify` need `classifier = SelfClassifier` in the environments of redress-std.
///
/// ```
/// # use redress_core::{ErrorClass, Event, RetryError, retry, testing::{INSTANT_RETRIES, TestEnv}};
/// #[retry(
///     policy = INSTANT_RETRIES,
///     context = TestEnv::new(),
///     operation = "fetch_profile",
///     retry_result = |status: &u16| (*status >= 500).then_some(ErrorClass::ServerError),
///     abort_if = || shutdown(),
///     observe = |event: &Event| println!("{event:?}"),
///     attempt = attempt,
/// )]
/// fn fetch(shutdown: impl Fn() -> bool) -> Result<u16, RetryError<ErrorClass>> {
///     Ok(if attempt.number < 3 { 503 } else { 200 })
/// }
/// assert_eq!(fetch(|| false), Ok(200));
/// ```
///
/// A shutdown ends the attempt or the wait that is under way, at once:
///
/// ```
/// # use std::io;
/// # use redress_std::{RetryError, StopReason, retry};
/// # use tokio_util::sync::CancellationToken;
/// #[retry(cancel_on = || shutdown.cancelled())]
/// async fn fetch(shutdown: &CancellationToken) -> Result<Vec<u8>, RetryError<io::Error>> {
/// #   shutdown.cancel();
///     // …
/// #   std::future::pending().await
/// }
/// # let token = CancellationToken::new();
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # assert_eq!(runtime.block_on(fetch(&token)).unwrap_err().reason, StopReason::Aborted);
/// ```
///
/// `crate = path` says where redress is re-exported, if none of its crates is a dependency.
///
/// # Beside other attributes
///
/// In an impl with `#[async_trait]`, methods are retried like other async functions; those with `&mut self` are not `Send`, so they
/// need `#[async_trait(?Send)]`. Under `#[retry]`, `#[tracing::instrument]` opens a span around the call, and above it, one around
/// each attempt, also in such impls:
///
/// ```ignore
/// #[tracing::instrument] // around each attempt
/// #[retry]
/// async fn fetch(url: &str) -> Result<Vec<u8>, RetryError<io::Error>> { .. }
/// ```
///
/// # Design
///
/// The signature is not rewritten: what the source says is what callers and the documentation see.
#[proc_macro_attribute]
pub fn retry(args: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = match syn::parse::<ItemFn>(item.clone()) {
        Ok(function) => retry::expand(args.into(), function),
        Err(error) => Err(error),
    };
    expanded.map_or_else(|error| with_item(&error, item), Into::into)
}

/// The mistake, and the item as it was: its callers are not to be told that it does not exist.
fn with_item(error: &syn::Error, item: TokenStream) -> TokenStream {
    let (error, item) = (error.to_compile_error(), proc_macro2::TokenStream::from(item));
    quote!(#error #item).into()
}
