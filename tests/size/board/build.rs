//! Puts the linker script where the images find it.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=image.x");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::copy("image.x", Path::new(&out).join("image.x")).expect("the linker script is beside this file");
    println!("cargo::rustc-link-search={out}");
}
