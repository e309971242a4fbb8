//! Tells the tests where the header of `SQLite` is, which has its list of codes.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let directory = std::env::var("DEP_SQLITE3_INCLUDE").expect("libsqlite3-sys is built with its own SQLite");
    println!("cargo:rustc-env=SQLITE_H={directory}/sqlite3.h");
    let directory = std::env::var("DEP_RDKAFKA_ROOT").expect("rdkafka-sys builds its own librdkafka");
    println!("cargo:rustc-env=RDKAFKA_H={directory}/src/rdkafka.h");
}
