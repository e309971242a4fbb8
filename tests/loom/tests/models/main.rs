//! Models of everything in redress that threads share: loom tries every interleaving of a few threads, with every value that a
//! load may see, up to a bound of preemptions.
//!
//! Each model states what holds afterwards, whatever the order. It runs on the sources of redress-core as they are; only
//! `crate::sync` is another. Each is then run with a part made weaker and must fail: the tests named `needs_…`. Faults in the
//! sources themselves are planted by `cargo xtask loom`.

mod breaker;
mod budget;
mod others;
mod registry;

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use redress_core::{
    Clock, Instant,
    sync::{Plant, plant, prepare, step},
};

/// Runs a model in all its interleavings with at most so many preemptions.
fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let tried = Arc::new(AtomicUsize::new(0));
    let count = tried.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(move || {
        count.fetch_add(1, Relaxed);
        prepare(40, 4);
        model();
    });
    println!("{} interleavings", tried.load(Relaxed));
    assert!(tried.load(Relaxed) > 1, "nothing was tried");
}

/// Defines a test for a model, and one for each part that it needs: with that part weakened, it must fail.
macro_rules! models {
    ($($(#[$doc:meta])* $name:ident, $preemptions:literal $(, needs $fault:ident)*;)*) => {$(
        mod $name {
            $(#[$doc])*
            #[test]
            fn holds() {
                $crate::check($preemptions, super::$name);
            }

            $crate::needs! { $name, $preemptions $(, $fault)* }
        }
    )*};
}

macro_rules! needs {
    ($name:ident, $preemptions:literal $(, $fault:ident)*) => {$(
        #[test]
        #[should_panic(expected = "model: ")]
        #[allow(non_snake_case, reason = "named after the part")]
        fn $fault() {
            redress_core::sync::plant(redress_core::sync::Plant::$fault);
            $crate::check($preemptions, super::$name);
        }
    )*};
}
pub(crate) use {models, needs};

/// Fails a model; the prefix tells it from a panic of the code.
macro_rules! holds {
    ($condition:expr, $($message:tt)*) => {
        if !$condition {
            panic!("model: {}", format_args!($($message)*));
        }
    };
}
pub(crate) use holds;

/// A clock that stands still until a thread sets it.
#[derive(Clone, Debug, Default)]
struct Time {
    now: Arc<AtomicU64>,
    /// Milliseconds that pass with each reading, so that no two readings are the same.
    step: u64,
    /// The latest reading of this clone.
    seen: Arc<AtomicU64>,
}

impl Time {
    fn at(now: u64) -> Self {
        Self { now: Arc::new(AtomicU64::new(now)), ..Self::default() }
    }

    fn ticking(now: u64, step: u64) -> Self {
        Self { step, ..Self::at(now) }
    }

    fn set(&self, now: u64) {
        step();
        self.now.store(now, Relaxed);
    }

    /// The same clock in another thread.
    fn other(&self) -> Self {
        Self { seen: Arc::default(), ..self.clone() }
    }

    fn seen(&self) -> u64 {
        self.seen.load(Relaxed)
    }
}

impl Clock for Time {
    const TICK_HZ: u32 = 1_000;

    fn now(&self) -> Instant {
        step();
        let now = self.now.fetch_add(self.step, Relaxed);
        self.seen.store(now, Relaxed);
        Instant::from_ticks(now)
    }
}

/// What a model makes anew for each interleaving, and its threads borrow.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

#[test]
fn a_weaker_part_is_planted_in_this_thread_alone() {
    plant(Plant::NoLock);
    std::thread::spawn(|| check(2, budget::one_retry_for_two)).join().expect("nothing is planted there");
}
