//! Links with the runtime's script, which includes the board's memory map, and with that of the log.

fn main() {
    for argument in ["-Tlink.x", "-Tdefmt.x", "--nmagic"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
