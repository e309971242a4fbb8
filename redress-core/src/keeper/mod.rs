//! Connections that last: a radio link, an MQTT session, a socket, a subscription, kept up for years.
//!
//! A [`Keep`] is a policy with a [`KeepConfig`]. Bound to an environment it makes a [`Keeper`], which runs the operation again and
//! again. The operation connects, says that the session is established, and uses it until it fails:
//!
//! ```
//! use core::time::Duration;
//! use redress_core::{Backoff, ErrorClass, Policy, Retry, keeper::{Keep, KeepConfig}, testing::{TestAsyncEnv, block_on}};
//!
//! static UPLINK: Keep = Keep::new(
//!     Policy::new(Retry::new(Backoff::full_jitter(Duration::from_secs(1), Duration::from_secs(300)))),
//!     KeepConfig::new(Duration::from_secs(30)).spread(Duration::from_secs(60)),
//! );
//!
//! # struct Client;
//! # impl Client {
//! #     async fn serve(self) -> Result<(), ErrorClass> { Err(ErrorClass::Auth) }
//! # }
//! # async fn connect() -> Result<Client, ErrorClass> { Ok(Client) }
//! # block_on(async {
//! let mut context = UPLINK.context(TestAsyncEnv::new()).operation("uplink");
//! let gave_up = context
//!     .keep()
//!     .run(async |session| {
//!         let client = connect().await?;
//!         session.established();
//!         client.serve().await
//!     })
//!     .await;
//! assert_eq!(gave_up.error, Some(ErrorClass::Auth)); // anything that passes would have been retried
//! # });
//! ```
//!
//! # What counts
//!
//! - An attempt that fails, and a session shorter than [`stable_after`](KeepConfig::new), are failures of their class: the delay
//!   grows, the class is counted, the breaker learns of it. A connection that dies right after its handshake resets nothing.
//! - A session that has lasted is a success to breaker and budget. After its end, delays, counts and deadline begin anew; its own
//!   failure is the first.
//! - An open circuit and a spent retry budget delay the next attempt. They do not end the keeper.
//! - The keeper gives up for the reasons of a policy: a class that is not retried, such as `Auth`, a class that has used up its
//!   limit, an abort, a hint beyond its cap; and beyond the limits of its [`KeepConfig`].
//!
//! # Wakes
//!
//! `link_up`, and what [`wake_on`](Keeper::wake_on) and [`wake_if`](Keeper::wake_if) set, cut the wait short: in the loop form and
//! the bare machine by a call, from interrupt handlers by a [`LinkUp`] flag, in async by a future. A link that flaps makes no hot
//! loop: within the [interval](KeepConfig::wake_interval) after a wake, another one only shortens the wait to the end of the
//! interval. A wait that the server asked for is not cut short.
//!
//! A wake does not pass an open circuit: the attempt is rejected, and the keeper waits for the circuit. The breaker may be shared with
//! other calls to the same server, of which a link that is up again says nothing. A device whose circuit opened for want of its
//! own link [closes](crate::CircuitBreakerView::close) it by hand where it raises the wake.
//!
//! # Forever, with deep sleep and a breaker
//!
//! A device that sleeps between attempts keeps three things in retained memory: the checkpoint of the connection, that of the
//! breaker, and the state of its generator. Without the last, a device whose first draw is small would have it small for life:
//!
//! ```
//! use core::time::Duration;
//! use redress_core::{
//!     Backoff, Blocking, BreakerConfig, Checkpoint, CircuitBreaker, ErrorClass, Millis, Policy, Retry, RetryError,
//!     SeededRandom, SleepDecision, StopReason, keeper::{Keep, KeepConfig}, testing::ManualClock,
//! };
//!
//! type Breaker = CircuitBreaker<4>;
//!
//! static BREAKER: Breaker = Breaker::new(BreakerConfig::new(4).recovery_timeout(Duration::from_secs(900)));
//! static UPLINK: Keep = Keep::new(
//!     Policy::new(Retry::new(Backoff::decorrelated_jitter(Duration::from_secs(2), Duration::from_secs(3_600))))
//!         .circuit_breaker(&BREAKER),
//!     KeepConfig::new(Duration::from_secs(60)).spread(Duration::from_secs(60)).attempts_per_day(200),
//! );
//!
//! /// What survives deep sleep.
//! struct Retained {
//!     checkpoint: Option<Checkpoint>,
//!     breaker: [u8; Breaker::CHECKPOINT_LEN],
//!     random: u32,
//! }
//!
//! /// Runs from one start of the chip to the next. Returns how long to sleep.
//! fn on_boot(retained: &mut Retained, slept: Millis) -> Millis {
//!     let mut random = SeededRandom::from_state(retained.random);
//! #   let (clock, sleeper) = (&ManualClock::new(), |_| ());
//!     // What an older image has kept is refused: then the breaker and the keeper start anew.
//!     let _ = BREAKER.restore(&retained.breaker, slept, clock);
//!     let mut context = UPLINK
//!         .context(Blocking::new(clock, sleeper, &mut random))
//!         // Short waits are waited out, longer ones are slept through.
//!         .sleep_handler(|_: &_, delay| if delay > Millis::from_secs(10) { SleepDecision::Defer } else { SleepDecision::Sleep });
//!     let mut uplink = context.keep();
//!     if let Some(checkpoint) = retained.checkpoint.take() {
//!         let _ = uplink.resume(&checkpoint, slept);
//!     }
//!     let gave_up: RetryError<ErrorClass> = uplink.run(|session| -> Result<(), _> {
//! #       let connect = || Err(ErrorClass::Transient);
//!         connect()?;
//!         session.established();
//! #       let serve = || Err(ErrorClass::Transient);
//!         serve()
//!     });
//!     drop(uplink);
//!     let _ = BREAKER.checkpoint(clock, &mut retained.breaker);
//!     retained.random = random.state();
//!     retained.checkpoint = gave_up.checkpoint;
//!     gave_up.next_delay.unwrap_or(Millis::from_secs(3_600)) // without a checkpoint: gave up for another reason
//! }
//! # let mut retained = Retained { checkpoint: None, breaker: [0; Breaker::CHECKPOINT_LEN], random: SeededRandom::new(7).state() };
//! # let mut slept = Millis::ZERO;
//! # for _ in 0..3 { slept = on_boot(&mut retained, slept); assert!(retained.checkpoint.is_some() && retained.breaker[0] != 0); }
//! ```
//!
//! # Design
//!
//! A kept connection is one endless [call](crate::Context::call) whose machine begins anew after a session that has lasted. So
//! each decision on a delay, a limit or a deadline is the one of a call.
//!
//! All forms share the steps of `kept` and differ in how they wait: the blocking loop looks at a flag before each slice of a wait; the
//! async one races a wait against the wake, and a session against the moment at which it becomes stable. Blocking sessions cannot be
//! interrupted, so they [`tick`](BlockingSession::tick) by themselves.

mod asynch;
mod blocking;
mod checkpoint;
mod config;
mod drive;
mod held;
mod kept;
mod sessions;
mod wake;

pub use asynch::Session;
pub use blocking::BlockingSession;
pub use config::{Keep, KeepConfig};
pub use drive::Keeper;
pub use sessions::Sessions;
pub use wake::{LinkUp, WakeFlag, WakeFuture};
