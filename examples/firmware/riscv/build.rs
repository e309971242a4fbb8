//! Links with the runtime's script, which includes the board's memory map.

fn main() {
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
}
