//! Ports that are free, and stay so while the server is down.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    process,
    sync::atomic::{AtomicU16, Ordering::Relaxed},
};

/// Below the range from which systems take ports for outgoing connections: there, a client of somebody else could sit on
/// the port of a server that is down for a moment.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port nobody listens on. Each process begins to look elsewhere, and no two calls give the same.
pub(crate) fn free() -> io::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);

    let count = u32::from(PORTS.end - PORTS.start);
    for _ in PORTS {
        let offset = (process::id().wrapping_mul(61) + u32::from(NEXT.fetch_add(1, Relaxed))) % count;
        let port = PORTS.start + u16::try_from(offset).map_err(io::Error::other)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::other("no free port on loopback"))
}
