//! Derived classes and decorated functions, in every shape they may have.
#![expect(dead_code, reason = "variants are there to be classified")]

mod classify;
mod functions;
mod hooks;
mod policies;
mod returned;
mod with_std;

use std::cell::Cell;

use redress_core::ErrorClass;

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
