//! Links with the memory of a Raspberry Pi Pico and its second-stage boot loader.

use std::{env, fs, path::Path};

fn main() {
    let memory = "MEMORY {
        BOOT2 : ORIGIN = 0x10000000, LENGTH = 0x100
        FLASH : ORIGIN = 0x10000100, LENGTH = 2048K - 0x100
        RAM : ORIGIN = 0x20000000, LENGTH = 264K
    }\n";
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&out).join("memory.x"), memory).expect("the output directory can be written");
    println!("cargo::rustc-link-search={out}");
    for argument in ["-Tlink.x", "-Tlink-rp.x", "--nmagic"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
