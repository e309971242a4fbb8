//! The atomics and the mutex of loom in place of those of the standard library: `crate::sync` of redress-core under `cfg(loom)`.
//!
//! Loom's types cannot be made in a constant, and must be made before the threads of a model begin, or a first access would order
//! threads that nothing orders. So [`prepare`] makes cells of zero at the beginning of a model, and each atomic takes one at its
//! first access: its number, because a constant has no destructor. It keeps its value as the difference from the one that it was
//! made with.
//!
//! Loom tries another order of two steps only if it knows that they depend on each other. It remembers the latest access to an
//! atomic alone, so a load hides an earlier one from the store that follows, and it knows nothing of clocks. So each step
//! begins with a [`step`] that depends on every other.
//!
//! [`plant`] weakens one of the parts, to show that the models need it. [`has_fault`] switches on a fault in the sources.

use core::cell::{Cell, RefCell};
use std::{boxed::Box, env, rc::Rc, sync::OnceLock, thread_local};

pub use mutex::Mutex;

/// A fault in the parts that shared state is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// None.
    Nothing,
    /// Loads that acquire are relaxed.
    AcquireLoad,
    /// Stores that release are relaxed.
    ReleaseStore,
    /// Fences that acquire do nothing.
    AcquireFence,
    /// Fences that release do nothing.
    ReleaseFence,
    /// The mutex excludes nobody.
    NoLock,
}

thread_local! {
    static PLANTED: Cell<Plant> = const { Cell::new(Plant::Nothing) };
    static ATOMICS: RefCell<Pool<loom::sync::atomic::AtomicU32>> = RefCell::new(Pool::new([]));
    // They are leaked, because guards borrow them.
    static MUTEXES: RefCell<Pool<&'static loom::sync::Mutex<()>>> = RefCell::new(Pool::new([]));
}

struct Pool<T> {
    cells: Rc<[T]>,
    taken: usize,
}

impl<T> Pool<T> {
    fn new(cells: impl Into<Rc<[T]>>) -> Self {
        Self { cells: cells.into(), taken: 0 }
    }

    /// Returns the number of a cell. The first is nobody's.
    fn take(&mut self) -> usize {
        self.taken += 1;
        assert!(self.taken < self.cells.len(), "a model needs more than {} cells", self.cells.len());
        self.taken
    }
}

/// Makes the cells that a model can use at most. Called at its beginning, by its main thread.
pub fn prepare(atomics: usize, mutexes: usize) {
    let new = (0..=atomics).map(|_| loom::sync::atomic::AtomicU32::new(0)).collect::<Rc<[_]>>();
    ATOMICS.replace(Pool::new(new));
    let new = (0..=mutexes).map(|_| &*Box::leak(Box::new(loom::sync::Mutex::new(())))).collect::<Rc<[_]>>();
    MUTEXES.replace(Pool::new(new));
}

/// A step that depends on every other: a store that nobody reads, so that it orders nothing.
pub fn step() {
    let cells = ATOMICS.with_borrow(|pool| pool.cells.clone());
    if let [step, ..] = &*cells {
        step.store(0, atomic::Ordering::Relaxed);
    }
}

/// Plants a fault, in the models of this thread.
pub fn plant(fault: Plant) {
    PLANTED.set(fault);
}

fn is_planted(fault: Plant) -> bool {
    PLANTED.get() == fault
}

/// Says whether this one of the faults that `cargo xtask loom` has written into the sources is on.
pub fn has_fault(number: usize) -> bool {
    static FAULT: OnceLock<Option<usize>> = OnceLock::new();
    *FAULT.get_or_init(|| env::var("LOOM_FAULT").ok()?.parse().ok()) == Some(number)
}

/// As `core::sync::atomic`.
pub mod atomic {
    pub use core::sync::atomic::Ordering;
    use core::sync::atomic::{
        AtomicUsize,
        Ordering::{Acquire, Relaxed, Release},
    };

    use super::{ATOMICS, Plant, is_planted, step};

    /// Calls a function with the cell of this number, which is taken now if it is zero. Nothing else happens before the call, so
    /// this is no step of a model.
    fn with_cell<R>(number: &AtomicUsize, operation: impl FnOnce(&loom::sync::atomic::AtomicU32) -> R) -> R {
        let cells = ATOMICS.with_borrow_mut(|pool| {
            if number.load(Relaxed) == 0 {
                number.store(pool.take(), Relaxed);
            }
            pool.cells.clone()
        });
        step();
        operation(&cells[number.load(Relaxed)])
    }

    /// As `core::sync::atomic::fence`.
    pub fn fence(order: Ordering) {
        let fault = if order == Acquire { Plant::AcquireFence } else { Plant::ReleaseFence };
        if !is_planted(fault) {
            loom::sync::atomic::fence(order);
        }
    }

    macro_rules! atomic {
        ($($name:ident, $value:ty, $word:expr, $from:expr;)*) => {$(
            /// As in `core::sync::atomic`.
            #[derive(Debug, Default)]
            pub struct $name {
                initial: $value,
                cell: AtomicUsize,
            }

            impl $name {
                /// As in `core::sync::atomic`.
                pub const fn new(initial: $value) -> Self {
                    Self { initial, cell: AtomicUsize::new(0) }
                }

                /// As in `core::sync::atomic`.
                pub fn load(&self, order: Ordering) -> $value {
                    let order = if order == Acquire && is_planted(Plant::AcquireLoad) { Relaxed } else { order };
                    $from(with_cell(&self.cell, |cell| cell.load(order))) ^ self.initial
                }

                /// As in `core::sync::atomic`.
                pub fn store(&self, value: $value, order: Ordering) {
                    let order = if order == Release && is_planted(Plant::ReleaseStore) { Relaxed } else { order };
                    with_cell(&self.cell, |cell| cell.store($word(value ^ self.initial), order));
                }
            }
        )*};
    }

    atomic! {
        AtomicU8, u8, u32::from, |word| word as u8;
        AtomicU16, u16, u32::from, |word| word as u16;
        AtomicU32, u32, u32::from, |word: u32| word;
        AtomicBool, bool, u32::from, |word| word != 0;
    }

    impl AtomicU16 {
        /// As in `core::sync::atomic`, of a count that began at zero.
        pub fn fetch_add(&self, more: u16, order: Ordering) -> u16 {
            assert_eq!(self.initial, 0, "kept as a difference");
            with_cell(&self.cell, |cell| cell.fetch_add(more.into(), order)) as u16
        }
    }
}

mod mutex {
    use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    use std::sync::LockResult;

    use super::{MUTEXES, Plant, is_planted, step};

    /// As `std::sync::Mutex`, without contents.
    #[derive(Debug, Default)]
    pub struct Mutex<T> {
        contents: T,
        cell: AtomicUsize,
    }

    impl<T> Mutex<T> {
        /// As in the standard library.
        pub const fn new(contents: T) -> Self {
            Self { contents, cell: AtomicUsize::new(0) }
        }

        /// As in the standard library. Excludes nobody if that fault is planted.
        pub fn lock(&self) -> LockResult<(Option<loom::sync::MutexGuard<'static, ()>>, &T)> {
            let cell = MUTEXES.with_borrow_mut(|pool| {
                if self.cell.load(Relaxed) == 0 {
                    self.cell.store(pool.take(), Relaxed);
                }
                pool.cells[self.cell.load(Relaxed)]
            });
            step();
            let guard = if is_planted(Plant::NoLock) { None } else { cell.lock().ok() };
            Ok((guard, &self.contents))
        }
    }
}
