//! Puts the memory map of the board in use where the linker looks for it.

use std::{env, fs, path::Path};

fn main() {
    let boards = ["lm3s6965", "microbit", "virt"];
    for board in boards {
        let map = format!("boards/{board}.x");
        println!("cargo::rerun-if-changed={map}");
        if env::var_os(format!("CARGO_FEATURE_{}", board.to_uppercase())).is_some() {
            let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
            fs::copy(&map, Path::new(&out).join("memory.x")).expect("the board has a memory map");
            println!("cargo::rustc-link-search={out}");
        }
    }
}
