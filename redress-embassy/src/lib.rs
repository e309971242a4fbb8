//! redress for embassy: retry decisions in tasks that share one thread, without heap.
//!
//! ```
//! use core::time::Duration;
//! use redress_embassy::{
//!     Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, Embassy, ErrorClass, Policy,
//!     Retry, RetryError,
//! };
//!
//! static BREAKER: CircuitBreaker<4> = CircuitBreaker::new(BreakerConfig::new(4));
//! // Keeps the retries of all calls together from prolonging an outage.
//! static BUDGET: Budget = Budget::new(BudgetConfig::DEFAULT);
//! static UPLINK: Policy = Policy::new(Retry::new(Backoff::decorrelated_jitter(
//!     Duration::from_millis(50),
//!     Duration::from_secs(5),
//! )))
//! .circuit_breaker(&BREAKER)
//! .budget(&BUDGET);
//!
//! # struct Radio; impl Radio { async fn send(&mut self, _: &[u8]) -> Result<(), ErrorClass> { Ok(()) } }
//! async fn report(radio: &mut Radio, device_id: u64) -> Result<(), RetryError<ErrorClass>> {
//!     let mut uplink = UPLINK.context(Embassy::seeded(device_id)).operation("uplink");
//!     uplink.call(async || radio.send(b"21.5").await).await
//! }
//! # embassy_futures::block_on(report(&mut Radio, 7)).unwrap();
//! ```
//!
//! Everything of `redress-core` is here too, so this crate is the only one to depend on. It adds:
//!
//! | | |
//! |---|---|
//! | [`Embassy`] | the environment: embassy's clock and timers, and random numbers seeded per device |
//! | [`EmbassyClock`], [`EmbassySleeper`] | its parts, for breakers in interrupt handlers and for environments of your own |
//! | `DefmtObserver` | logs what happens through defmt |
//!
//! # Time
//!
//! Instants and waits are in embassy's ticks, at the rate that the application chose. Configured milliseconds become ticks
//! by one multiplication; ticks become milliseconds, for deadlines, breakers and budgets, by multiplication and shift. There
//! is no division, and nothing of embassy-time's conversions is linked. A wait lasts at least as long as the delay and at
//! most one tick longer, plus the time of scheduling; a wait in slices, for a watchdog or an abort condition, up to two
//! milliseconds longer. An attempt is raced against a timer, of its timeout or of the deadline, and dropped when that is first; a result that is there in time wins. A
//! policy has a deadline of 60 s unless it says otherwise. Where dropping the driver's future in the middle is not sound, use
//! `no_deadline()` and no timeout; else let a [`Recoverable`] put the device in order before the next attempt.
//!
//! # One breaker for all
//!
//! Breakers and budgets lie in a `static` and are changed in a critical section of one pass over their slots, so tasks,
//! executors of different priority and interrupt handlers share them. The application brings the implementation of
//! `critical-section`, as for embassy itself. On a chip with several cores it must hold all of them.
//!
//! # One driver for several operations
//!
//! Each call site has a future of its own, which takes one to two kilobytes of flash on a Cortex-M0. Operations with the same result
//! share one when they are behind one call:
//!
//! ```
//! use core::time::Duration;
//! use redress_embassy::{Backoff, Embassy, ErrorClass, Policy, Retry, RetryError};
//!
//! const BACKOFF: Backoff = Backoff::full_jitter(Duration::from_millis(50), Duration::from_secs(5));
//! static UPLINK: Policy = Policy::new(Retry::new(BACKOFF));
//!
//! # struct Radio;
//! # impl Radio {
//! #     async fn join(&mut self) -> Result<u8, ErrorClass> { Ok(0) }
//! #     async fn send(&mut self, _: &[u8]) -> Result<u8, ErrorClass> { Ok(1) }
//! # }
//! #[derive(Clone, Copy)]
//! enum Request<'a> {
//!     Join,
//!     Send(&'a [u8]),
//! }
//!
//! async fn exchange(
//!     radio: &mut Radio,
//!     request: Request<'_>,
//! ) -> Result<u8, RetryError<ErrorClass>> {
//!     let mut uplink = UPLINK.context(Embassy::seeded(7)).operation("uplink");
//!     let attempt = async || match request {
//!         Request::Join => radio.join().await,
//!         Request::Send(frame) => radio.send(frame).await,
//!     };
//!     uplink.call(attempt).await
//! }
//! # embassy_futures::block_on(async {
//! # let mut radio = Radio;
//! exchange(&mut radio, Request::Join).await?;
//! exchange(&mut radio, Request::Send(b"21.5")).await?;
//! # Ok::<(), RetryError<ErrorClass>>(())
//! # }).unwrap();
//! ```
//!
//! # In the browser
//!
//! In a page everything is as it is on a microcontroller, with embassy-time's `wasm` driver in place of the chip's:
//!
//! ```toml
//! critical-section = { version = "1.2", features = ["std"] }
//! embassy-time = { version = "0.5", features = ["generic-queue-8", "wasm"] }
//! redress-embassy = "0.1"
//! ```
//!
//! Calls run in tasks of embassy-executor (`platform-wasm`), or in a future given to `wasm_bindgen_futures::spawn_local`. The
//! driver asks the page's `window` for the time, so it traps in workers and in Node: there, `Web` of `redress-std` serves.
//!
//! # Features
//!
//! They add up; none is on by default.
//!
//! - `defmt`: `DefmtObserver`, and `defmt::Format` for the public types
//! - `rand-core-v0.6`, `rand-core-v0.9`, `rand-core-v0.10`: generators of these majors as random sources
//! - `embedded-hal-v1`: classes of I2C, SPI, digital and PWM errors
//! - `embedded-hal-async-v1`: a `DelayNs` as sleeper
//! - `embedded-io-v0.6`, `embedded-io-v0.7`: classes of the error kinds of `embedded-io-async`
//! - `nb-v1`: operations which return `nb::Result`
//! - `serde`: configuration, events, outcomes and checkpoints
//! - `macros`: `#[derive(Classify)]`, and `#[retry(context = Embassy::seeded(id))]` on functions
//! - `testing`: what tests of code that uses redress need
//!
//! # What it does not do
//!
//! It decides nothing: every decision is made in `redress-core`. It chooses no tick rate, no timer queue and no driver
//! for embassy-time; those are the application's, as `tick-hz-*`, `generic-queue-*` and the HAL's driver. It starts no
//! tasks and depends on no executor: on the browser's event loop it runs with embassy-time's `wasm` driver, in tests
//! with its `mock-driver`.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(inline)]
pub use redress_core::*;

mod clock;
#[cfg(feature = "defmt")]
mod defmt_observer;
mod environment;

#[cfg(feature = "defmt")]
pub use defmt_observer::DefmtObserver;

pub use clock::EmbassyClock;
pub use environment::{Embassy, EmbassySleeper};
