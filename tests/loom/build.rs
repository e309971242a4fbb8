//! Sets `cfg(loom)` for this package alone, without flags that would compile everything else anew.

fn main() {
    println!("cargo::rustc-cfg=loom");
    println!("cargo::rerun-if-changed=build.rs");
}
