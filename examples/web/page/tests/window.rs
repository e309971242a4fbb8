//! What `Web` promises, in the page itself.
#![cfg(target_family = "wasm")]

mod promises;

use wasm_bindgen_test::wasm_bindgen_test_configure;

wasm_bindgen_test_configure!(run_in_browser);
