//! Links with the runtime's script, which includes the board's memory map.

fn main() {
    for argument in ["-Tlink.x", "--nmagic"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
