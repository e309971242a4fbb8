//! The page and the faulty server behind it, on loopback.

use std::{
    io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Parser;
use tokio::net::TcpListener;
use web_server::{Runs, serve};

/// Serves the page and its faults on loopback.
#[derive(Debug, Parser)]
struct Args {
    /// Port on 127.0.0.1; 0 for any that is free
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The folder of the page's WASM
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/site"))]
    wasm: PathBuf,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let Args { port, wasm } = Args::parse();
    if !wasm.join("web_page.js").is_file() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("no page in {}: start this by `cargo xtask web serve`, which builds it", wasm.display()),
        ));
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("http://{}", listener.local_addr()?);
    let site = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../site"));
    tokio::select! {
        served = serve(listener, Arc::new(Runs::new()), site, &wasm) => served,
        stopped = tokio::signal::ctrl_c() => stopped,
    }
}
