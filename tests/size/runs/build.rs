//! Links with the runtime's script and the memory of the board that stands for the core.

use std::{env, fs, path::Path};

fn main() {
    // The micro:bit has a Cortex-M0, the LM3S6965 a Cortex-M3; both have more flash than this.
    let ram = if env::var("TARGET").is_ok_and(|target| target.starts_with("thumbv6m")) { 16 } else { 64 };
    let memory =
        format!("MEMORY {{ FLASH : ORIGIN = 0x00000000, LENGTH = 256K RAM : ORIGIN = 0x20000000, LENGTH = {ram}K }}\n");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("memory.x"), memory).expect("the output directory can be written");
    println!("cargo::rustc-link-search={out}");
    for argument in ["-Tlink.x", "--nmagic"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
