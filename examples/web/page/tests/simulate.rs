//! Simulations report in WASM what they report on a host.
#![cfg(target_family = "wasm")]

#[path = "../../../../redress-std/tests/simulate_digest/mod.rs"]
mod simulate_digest;

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
fn reports_are_the_same_on_every_target() {
    assert_eq!(simulate_digest::digest(), simulate_digest::EXPECTED);
}
