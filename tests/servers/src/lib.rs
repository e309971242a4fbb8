//! Database servers of one's own, on loopback, for tests and examples.
//!
//! - [`Postgres`]: a cluster that is started, stopped and killed as often as a test wishes
//! - [`Redis`]: an empty server with a password
//!
//! Their programs come from the system: Debian's packages `postgresql` and `redis-server`. Without them there is an
//! error that says so. Each server has a directory and a port of its own; both are given back when the value is
//! dropped, when a test panics, and also when the process is killed, because a shell of its own waits for its end.
//!
//! Started by root, servers run as the user `postgres` or `redis`, or as `nobody` where these are missing.

mod janitor;
mod owner;
mod port;
mod postgres;
mod redis;
mod tool;

pub use self::{postgres::Postgres, redis::Redis};
