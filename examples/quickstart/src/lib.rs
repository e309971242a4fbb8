//! The parts of the quickstart: a server which misbehaves by script, a client for it, and a report of what happened.
//!
//! - [`server`]: a real HTTP server on loopback. Faults happen on the wire, not in a mock.
//! - [`client`]: one GET over [`ureq`], with everything a classifier wants to know kept in the error.
//! - [`report`]: a line per attempt as it happens, and a timeline at the end.

pub mod client;
pub mod report;
pub mod server;
