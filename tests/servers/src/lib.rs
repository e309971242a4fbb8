//! Database servers of one's own, on loopback, for tests and examples.
//!
//! - [`Postgres`]: a cluster that is started, stopped and killed as often as a test wishes
//! - [`Redis`]: an empty server with a password
//! - [`MariaDb`]: an empty server with a superuser
//! - [`Mosquitto`]: an MQTT broker with one user
//!
//! Their programs come from the system: Debian's packages `postgresql`, `redis-server`, `mariadb-server` and `mosquitto`. Without them there is an
//! error that says so. Each server has a directory and a port of its own; both are given back when the value is
//! dropped, when a test panics, and also when the process is killed, because a shell of its own waits for its end.
//!
//! Started by root, servers run as the user `postgres`, `redis`, `mysql` or `mosquitto`, or as `nobody` where these are missing.

mod daemon;
mod janitor;
mod mariadb;
mod mosquitto;
mod owner;
mod port;
mod postgres;
mod redis;
mod tool;

pub use self::{mariadb::MariaDb, mosquitto::Mosquitto, postgres::Postgres, redis::Redis};
