//! The parts of the quickstart: a server which misbehaves by script, a client for it, and a report of what happened.
//!
//! - [`server`]: a real HTTP server on loopback. Faults happen on the wire, not in a mock.
//! - [`client`]: one GET over [`ureq`], with an error that knows its class.
//! - [`report`]: a line per attempt as it happens, and a timeline at the end.
//!
//! The policy and the calls are in the program, `scenarios.rs`.

pub mod client;
pub mod report;
pub mod server;
