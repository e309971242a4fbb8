//! Calls in an embassy task.

use embassy_time::{Duration, Instant as Moment, Timer};
use redress_core::{
    AsyncEnvironment, AsyncSleeper, Clock, Environment, Instant, Millis, RandomSource, SeededRandom, SelfClassifier,
    env::mode,
};

use crate::EmbassyClock;

/// How long after an abort condition holds a wait may still go on.
const ABORT_POLL: Millis = Millis::new(10);

/// Calls in an embassy task, or on any other executor of one thread.
///
/// - clock: [`EmbassyClock`]
/// - waits: [`EmbassySleeper`]; with an abort condition they end at most 10 ms after it holds, with
///   [`cancel_on(|| signal.wait())`](redress_core::Context::cancel_on) at once
/// - random numbers: `R`, which each device has to seed for itself
/// - classifier: [`SelfClassifier`], for errors that implement [`Classify`](crate::Classify)
/// - operations: `AsyncFnMut`, which may lend what they captured to their future
///
/// ```
/// use core::time::Duration;
/// use redress_embassy::{Backoff, Embassy, ErrorClass, Policy, Retry, RetryError};
///
/// static UPLINK: Policy = Policy::new(Retry::new(Backoff::full_jitter(Duration::from_millis(50), Duration::from_secs(5))));
///
/// # struct Radio; impl Radio { async fn send(&mut self, _: &[u8]) -> Result<(), ErrorClass> { Ok(()) } }
/// async fn report(radio: &mut Radio, device_id: u64) -> Result<(), RetryError<ErrorClass>> {
///     let mut uplink = UPLINK.context(Embassy::seeded(device_id)).operation("uplink");
///     uplink.call(async || radio.send(b"21.5").await).await
/// }
/// # embassy_futures::block_on(report(&mut Radio, 7)).unwrap();
/// ```
///
/// # Design
///
/// There is no default, because there would have to be a default seed: a fleet whose devices share one retries in step,
/// and brings down again what just came back.
///
/// ```compile_fail,E0277
/// # use redress_embassy::Embassy;
/// let unseeded: Embassy<redress_embassy::SeededRandom> = Default::default();
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Embassy<R> {
    random: R,
}

impl Embassy<SeededRandom> {
    /// Creates an environment with a small generator, seeded with something no other device of the fleet has, a chip id, a MAC
    /// address or a serial number, and with the time.
    ///
    /// Because of the time, contexts that are made anew for each call do not repeat the delays of the one before. Within one
    /// tick of the clock they do: keep the context, or mix a counter into `id`.
    pub fn seeded(id: u64) -> Self {
        // Turned, so that the ticks, which differ in their low half, meet the high half of the id.
        Self::with(SeededRandom::new(id ^ EmbassyClock.now().ticks().rotate_left(32)))
    }
}

impl<R: RandomSource> Embassy<R> {
    /// With any source of random numbers: an `FnMut() -> u32`, or a generator of `rand_core` (features
    /// `rand-core-v0.6`, `rand-core-v0.9`, `rand-core-v0.10`) as the hardware's is.
    ///
    /// ```
    /// use redress_embassy::Embassy;
    ///
    /// # let mut trng = || 4;
    /// let env = Embassy::with(|| trng());
    /// ```
    pub const fn with(random: R) -> Self {
        Self { random }
    }
}

impl<R> Clock for Embassy<R> {
    const TICK_HZ: u32 = EmbassyClock::TICK_HZ;

    #[inline]
    fn now(&self) -> Instant {
        EmbassyClock.now()
    }
}

impl<R: RandomSource> Environment for Embassy<R> {
    type Mode = mode::Local;
    type Classifier = SelfClassifier;

    const CLASSIFIER: SelfClassifier = SelfClassifier;
    const ABORT_POLL: Option<Millis> = Some(ABORT_POLL);

    #[inline]
    fn random(&mut self) -> u32 {
        self.random.next_u32()
    }
}

impl<R: RandomSource> AsyncEnvironment for Embassy<R> {
    #[inline]
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        timer(ticks)
    }
}

/// Waits on embassy's timer queue: for environments put together with [`Local`](crate::Local).
///
/// A wait lasts at least as long as was asked, and at most one tick longer, plus what scheduling costs. A wait of zero
/// ticks lets other tasks run once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct EmbassySleeper;

impl AsyncSleeper for EmbassySleeper {
    #[inline]
    fn sleep(&mut self, ticks: u64) -> impl Future<Output = ()> {
        timer(ticks)
    }
}

/// The clock shows only whole ticks: read shortly before the next one, n ticks later is hardly more than n - 1 ticks of
/// time. With one tick more no wait is too short. `Timer::after` would add without saturation, and panic.
#[inline]
fn timer(ticks: u64) -> Timer {
    let ticks = if ticks == 0 { 0 } else { ticks.saturating_add(1) };
    Timer::at(Moment::now().saturating_add(Duration::from_ticks(ticks)))
}
