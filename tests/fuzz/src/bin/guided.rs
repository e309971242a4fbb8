//! One target, named by `FUZZ_TARGET`, driven by libFuzzer.
#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<String> = LazyLock::new(|| std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target"));

libfuzzer_sys::fuzz_target!(|input: &[u8]| redress_fuzz::run(&TARGET, input));
