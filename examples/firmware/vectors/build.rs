//! Links with the runtime's script, which includes the board's memory map; puts the table where the image includes it.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    if env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "arm") {
        println!("cargo::rustc-link-arg-bins=--nmagic");
    }
    // `cargo xtask target` writes it; without one, the image has nothing to play.
    println!("cargo::rerun-if-env-changed=REDRESS_TABLE");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let table = match env::var("REDRESS_TABLE") {
        Ok(file) => {
            println!("cargo::rerun-if-changed={file}");
            fs::read_to_string(&file).expect("REDRESS_TABLE is a file")
        }
        Err(_) => "pub(crate) static TABLE: redress_target::Table = \
                   redress_target::Table { vectors: &[], delays: &[], budgets: &[] };"
            .to_owned(),
    };
    fs::write(Path::new(&out).join("table.rs"), table).expect("OUT_DIR can be written");
}
