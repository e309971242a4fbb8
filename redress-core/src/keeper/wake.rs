//! Wakes, which cut a wait short: a flag in blocking environments, a future in async ones.

use core::future::{Pending, pending};

use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// A flag that an interrupt handler, a task or a thread raises when the link is up again. Lies in a `static`.
///
/// ```
/// use redress_core::keeper::LinkUp;
///
/// static LINK_UP: LinkUp = LinkUp::new();
///
/// LINK_UP.raise(); // in the handler
/// assert!(LINK_UP.take());
/// assert!(!LINK_UP.take());
/// ```
#[derive(Debug, Default)]
pub struct LinkUp(AtomicBool);

#[cfg(feature = "defmt")]
impl defmt::Format for LinkUp {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "LinkUp({=bool})", self.0.load(Relaxed));
    }
}

impl LinkUp {
    /// Creates a flag that is not raised.
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Raises the flag. Safe to call from interrupt and signal handlers.
    pub fn raise(&self) {
        self.0.store(true, Relaxed);
    }

    /// Lowers the flag and returns whether it was raised.
    pub fn take(&self) -> bool {
        // A load and a store, also where there is no swap. What is raised in between is the same news.
        let is_raised = self.0.load(Relaxed);
        if is_raised {
            self.0.store(false, Relaxed);
        }
        is_raised
    }
}

/// Tells a wait that blocks of a wake. Any `FnMut() -> bool` is one; with `()` there are none.
pub trait WakeFlag {
    /// Whether waits are cut into slices to look at it.
    const ACTIVE: bool = true;

    /// Returns whether there was a wake since the last time.
    fn take(&mut self) -> bool;
}

impl WakeFlag for () {
    const ACTIVE: bool = false;

    fn take(&mut self) -> bool {
        false
    }
}

impl<F: FnMut() -> bool> WakeFlag for F {
    fn take(&mut self) -> bool {
        self()
    }
}

/// Tells an async wait of a wake. Any `FnMut() -> Future` is one; with `()` there are none.
pub trait WakeFuture {
    /// A future that is ready at a wake.
    type Woken: Future;

    /// Creates the future of the next wake.
    fn woken(&mut self) -> Self::Woken;
}

impl WakeFuture for () {
    type Woken = Pending<()>;

    fn woken(&mut self) -> Pending<()> {
        pending()
    }
}

impl<F: FnMut() -> U, U: Future> WakeFuture for F {
    type Woken = U;

    fn woken(&mut self) -> U {
        self()
    }
}
