//! The environment of calls in a browser.

use gloo_timers::future::TimeoutFuture;
use js_sys::Date;
use redress_core::{AsyncEnvironment, AsyncSleeper, Clock, Environment, Instant, Millis, RandomSource, env::mode};
use wasm_bindgen::JsCast;
use web_sys::{Performance, WorkerGlobalScope};

use crate::{DefaultClassifier, ThreadRandom};

/// How long an abort may go unnoticed during a wait. Longer than in threads: each look costs a timer of the page.
const ABORT_POLL: Millis = Millis::new(50);

const TICKS_PER_MS: u32 = 1_000;

/// The longest timeout of the page: one above it would be over at once.
const LONGEST_MS: u32 = i32::MAX.cast_unsigned();

thread_local! {
    static PERFORMANCE: Option<Performance> = performance();
}

/// Returns the clock of the window or of the worker; both have it under the same name.
fn performance() -> Option<Performance> {
    js_sys::global().unchecked_into::<WorkerGlobalScope>().performance()
}

/// The clock of the page or worker: `performance.now()` in microseconds.
///
/// It counts from when the page or the worker was loaded, so a breaker or a budget is not to be shared between them. It
/// is as fine as the browser allows, 5 µs to some milliseconds, and whether it goes on while the machine is suspended is up to
/// the browser. A host without `performance` has `Date.now()`, which may jump; jumps back read as no time passed.
///
/// # Panics
///
/// On targets other than `wasm32-unknown-unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(docsrs, doc(cfg(feature = "web")))]
pub struct WebClock;

impl Clock for WebClock {
    const TICK_HZ: u32 = 1_000 * TICKS_PER_MS;

    fn now(&self) -> Instant {
        let millis = PERFORMANCE.with(|performance| performance.as_ref().map_or_else(Date::now, Performance::now));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        Instant::from_ticks((millis * f64::from(TICKS_PER_MS)) as u64)
    }
}

/// Waits by `setTimeout`; ticks are microseconds, those of [`WebClock`].
///
/// A timeout that the browser ends early is set again for the rest, and one longer than the 24.8 days that `setTimeout`
/// can count is made of several. In a hidden page, browsers delay timers by up to a minute. Dropping the future clears
/// the timeout.
///
/// Together with a clock and a source of random numbers it makes an environment of its own:
///
/// ```
/// use redress_core::Local;
/// use redress_std::{SeededRandom, WebClock, WebSleeper};
///
/// let repeatable = Local::new(WebClock, WebSleeper, SeededRandom::new(7));
/// ```
///
/// # Panics
///
/// Panics without a `setTimeout`: in worklets, and on targets other than `wasm32-unknown-unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(docsrs, doc(cfg(feature = "web")))]
pub struct WebSleeper;

impl AsyncSleeper for WebSleeper {
    #[inline]
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        wait(ticks)
    }
}

/// The wait begins when the future is made, not when it is polled.
fn wait(ticks: u64) -> impl Future<Output = ()> {
    let until = WebClock.now().saturating_add(ticks);
    async move {
        loop {
            let left = until.ticks_since(WebClock.now());
            if left == 0 {
                break;
            }
            TimeoutFuture::new(timeout(left)).await;
        }
    }
}

/// Milliseconds for `setTimeout`, rounded up.
fn timeout(ticks: u64) -> u32 {
    u32::try_from(ticks.div_ceil(TICKS_PER_MS.into())).map_or(LONGEST_MS, |millis| millis.min(LONGEST_MS))
}

/// Calls in a browser, in a page or in a worker, and in Node: `wasm32-unknown-unknown` with wasm-bindgen.
///
/// - clock: [`WebClock`]
/// - waits: [`WebSleeper`]; with an abort condition they end at most 50 ms after it holds
/// - random numbers: [`ThreadRandom`], seeded by `crypto.getRandomValues`, so that no two pages retry in step
/// - classifier: [`DefaultClassifier`]. What JavaScript throws is no [`std::error::Error`]: calls that return a
///   `JsValue` bring a classifier, or wrap it in an error that implements [`Classify`](crate::Classify).
/// - operations: `AsyncFnMut`, which may lend what it captured to its futures; these stay on their thread, as all that
///   holds a JavaScript value
///
/// ```no_run
/// use std::time::Duration;
/// use redress_std::{Backoff, ErrorClass, Policy, Retry, SelfClassifier, Web};
///
/// static POLICY: Policy = Policy::new(
///     Retry::new(Backoff::full_jitter(Duration::from_millis(200), Duration::from_secs(10)))
///         .attempt_timeout(Duration::from_secs(5)),
/// );
///
/// # async fn fetch(_path: &str) -> Result<String, ErrorClass> { Ok(String::new()) }
/// # async {
/// let orders = POLICY.context(Web).classifier(SelfClassifier).call(async || fetch("/orders").await).await?;
/// # Ok::<_, redress_std::RetryError<ErrorClass>>(orders)
/// # };
/// ```
///
/// # Design
///
/// embassy-time has a driver for the browser, and calls under `redress_embassy::Embassy` run there too: for code which is
/// shared with firmware. It is not used here, because
///
/// - it looks for the clock in `window`, so that it panics in a worker;
/// - its timeouts are rounded down to milliseconds, and those above 71 minutes are cut short to what is left of them in 32
///   bits of microseconds;
/// - it has one timeout for the whole program and a queue of wakers, whose length a feature fixes, and which is full when
///   too many calls wait; the waker of a dropped wait stays in it until its time;
/// - it is the one time driver of the program, which is not for a library to choose;
/// - it brings no random numbers.
///
/// Here each wait has a timeout of its own, kept by the browser, and gone with the future.
///
/// # Panics
///
/// As [`WebClock`] and [`WebSleeper`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(docsrs, doc(cfg(feature = "web")))]
pub struct Web;

impl Clock for Web {
    const TICK_HZ: u32 = WebClock::TICK_HZ;

    #[inline]
    fn now(&self) -> Instant {
        WebClock.now()
    }
}

impl Environment for Web {
    type Mode = mode::Local;
    type Classifier = DefaultClassifier;

    const CLASSIFIER: DefaultClassifier = DefaultClassifier;
    const ABORT_POLL: Option<Millis> = Some(ABORT_POLL);

    #[inline]
    fn random(&mut self) -> u32 {
        ThreadRandom.next_u32()
    }
}

impl AsyncEnvironment for Web {
    #[inline]
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        wait(ticks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_rounded_up_and_fit_the_browser() {
        let rows = [(1, 1), (999, 1), (1_000, 1), (1_001, 2), (2_147_483_647_000, LONGEST_MS)];
        for (ticks, millis) in rows {
            assert_eq!(timeout(ticks), millis, "{ticks}");
        }
        assert_eq!(timeout(2_147_483_647_001), LONGEST_MS);
        assert_eq!(timeout(u64::MAX), LONGEST_MS);
    }
}
