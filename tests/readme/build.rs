//! Copies the first program of the README into a file of its own, so that a test can run it.

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let readme = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../README.md");
    println!("cargo:rerun-if-changed={}", readme.display());
    let text = fs::read_to_string(readme)?;
    let (_, program) = text.split_once("```rust\n").ok_or("the README has no program")?;
    let (program, _) = program.split_once("```\n").ok_or("the first program of the README does not end")?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("first.rs"), program)?;
    Ok(())
}
