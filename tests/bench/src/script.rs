//! The operation every contender calls, the sleeper it waits on, and the executor its futures run on.
//!
//! All three are the same code for every row, so a difference between two rows is the contender's own.

#![expect(clippy::inline_always, reason = "a call more or less in one row would be read as the contender's cost")]

use std::cell::Cell;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What a workload answers when the operation never succeeded: exhausted, refused or rejected.
pub const FAILED: u32 = u32::MAX;

/// Why the operation failed. The predicates look at the code, so that a retry is a decision and not a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    code: u32,
}

impl Fault {
    const TRANSIENT: u32 = 503;
    const PERMANENT: u32 = 400;

    const RATE_LIMIT: u32 = 429;
    /// What a contender without an own error for it returns in place of a rejection.
    pub const REJECTED: Self = Self { code: 0 };

    /// Whether it is of the class with delays of its own.
    #[inline]
    pub fn is_rate_limit(&self) -> bool {
        self.code == Self::RATE_LIMIT
    }

    /// The retry predicate of every contender.
    #[inline]
    pub fn is_transient(&self) -> bool {
        self.code == Self::TRANSIENT
    }
}

/// An operation which fails a given number of times and then succeeds with the number of the call.
#[derive(Debug)]
pub struct Script {
    failures: u32,
    code: u32,
    /// An atomic, because some contenders take only operations that other threads may run; loads and stores are those of a cell.
    calls: AtomicU32,
}

impl Script {
    /// An operation with that many failures before its success.
    pub fn new(failures: u32) -> Self {
        Self { failures, code: Fault::TRANSIENT, calls: AtomicU32::new(0) }
    }

    /// An operation which always fails and whose failure no contender may retry.
    pub fn permanent() -> Self {
        Self { failures: u32::MAX, code: Fault::PERMANENT, calls: AtomicU32::new(0) }
    }

    /// Makes the next call the first one again.
    #[inline]
    pub fn rewind(&self) {
        self.calls.store(0, Relaxed);
    }

    /// How often the operation ran since the last [`rewind`](Self::rewind).
    pub fn calls(&self) -> u32 {
        self.calls.load(Relaxed)
    }

    /// The operation: counts itself and gives a result which the optimiser cannot foresee.
    ///
    /// # Errors
    ///
    /// While the scripted failures last.
    #[inline(always)]
    pub fn call(&self) -> Result<u32, Fault> {
        let call = self.calls.load(Relaxed) + 1;
        self.calls.store(call, Relaxed);
        black_box(if call > self.failures { Ok(call) } else { Err(Fault { code: self.code }) })
    }

    /// The script for the rest of the process: some contenders take only operations without borrows.
    pub fn leak(self) -> &'static Self {
        Box::leak(Box::new(self))
    }

    /// The operation as an `async` block.
    #[inline(always)]
    #[expect(clippy::unused_async, reason = "a future that the compiler makes, in place of one of the library's")]
    pub async fn call_in_block(&self) -> Result<u32, Fault> {
        self.call()
    }

    /// The operation as a future that is ready at once.
    #[inline(always)]
    pub fn call_async(&self) -> Ready<Result<u32, Fault>> {
        ready(self.call())
    }
}

static SLEEPS: AtomicU32 = AtomicU32::new(0);

/// The sleeper: takes the delay out of the optimiser's sight, counts, returns.
///
/// A static, because some contenders want a `'static` sleeper; loads and stores, because one thread runs at a time and
/// an atomic addition would cost more than the loops under test.
#[inline(always)]
pub fn sleep(delay: Duration) {
    black_box(delay);
    SLEEPS.store(SLEEPS.load(Relaxed) + 1, Relaxed);
}

/// [`sleep`] as a future that is ready at once.
#[inline(always)]
pub fn sleep_async(delay: Duration) -> Sleep {
    Sleep(delay)
}

/// A wait that is over when it is polled. One that is raced against an attempt and not polled does not count.
#[derive(Debug)]
pub struct Sleep(Duration);

impl Future for Sleep {
    type Output = ();

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        sleep(self.0);
        Poll::Ready(())
    }
}

static EVENTS: AtomicU32 = AtomicU32::new(0);

/// The observer of the full policies: counts.
#[inline(always)]
pub fn observe<E>(event: E) {
    black_box(event);
    EVENTS.store(EVENTS.load(Relaxed) + 1, Relaxed);
}

/// Events since the last call of this function.
pub fn take_events() -> u32 {
    EVENTS.swap(0, Relaxed)
}

/// Sleeps since the last call of this function.
pub fn take_sleeps() -> u32 {
    SLEEPS.swap(0, Relaxed)
}

/// Runs a future which never waits for anything: no queue, no waker, no thread.
#[inline(always)]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Jitter for those who bring their own: xorshift32, and the upper half of a product instead of a remainder.
#[derive(Debug)]
pub struct Random(Cell<u32>);

impl Random {
    /// A generator with a fixed seed, hidden from the optimiser.
    #[expect(clippy::new_without_default, reason = "a default generator would look like a seeded one")]
    pub fn new() -> Self {
        Self(Cell::new(black_box(0x9E37_79B9)))
    }

    /// 32 random bits.
    #[inline]
    pub fn bits(&self) -> u32 {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.0.set(x);
        x
    }

    /// A number from 0 up to and including `most`.
    #[inline]
    pub fn up_to(&self, most: u32) -> u32 {
        ((u64::from(self.bits()) * (u64::from(most) + 1)) >> 32) as u32
    }
}
