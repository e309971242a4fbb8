//! A proxy in axum, whose requests to a faulty server are made under a policy.
//!
//! ```text
//! cargo run -p tower-proxy
//! ```
//!
//! All of it is on loopback and takes some seconds: an [`Upstream`] that misbehaves by script, a [`Proxy`] whose
//! [`client`] has a [`PolicyLayer`](redress_std::tower_v0_5::PolicyLayer), and a client without policy that asks the
//! proxy. Each attempt is printed as it happens.

mod client;
mod journal;
mod proxy;
pub mod stories;
mod upstream;

pub use client::{Client, ClientError, Whole, client, plain};
pub use journal::Journal;
pub use proxy::Proxy;
pub use upstream::{Down, Fault, HEALTHY, Seen, Upstream};
