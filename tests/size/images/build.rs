//! Links with the board's script.

fn main() {
    for argument in ["-Timage.x", "--nmagic", "--gc-sections"] {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
