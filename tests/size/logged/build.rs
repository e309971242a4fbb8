//! Links with the board's script and that of defmt.

fn main() {
    for argument in ["-Timage.x", "-Tdefmt.x", "--nmagic", "--gc-sections"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
