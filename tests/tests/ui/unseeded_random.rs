//! Without a seed there is no generator: devices that share one retry in step.

use redress_core::SeededRandom;

fn main() {
    let _ = SeededRandom::default();
}
