//! A bank whose transfers conflict, in a real `PostgreSQL`.
//!
//! ```text
//! cargo run -p bank
//! ```
//!
//! Two threads book transfers between the same accounts, under `SERIALIZABLE`, and meet in the middle of each, so that
//! one of the two always fails: with SQLSTATE `40001` when both take from one account, with `40P01` when each locks what
//! the other needs next. Neither transaction is wrong, and the remedy is to repeat the one that failed:
//!
//! | | |
//! |---|---|
//! | [`teller`] | the policy, and a connection that calls under it and is renewed after a failure |
//! | [`ledger`] | the tables and the transfer: one transaction, booked once however often it is tried |
//! | [`clash`] | the two threads |
//!
//! The server is one of its own ([`redress_servers::Postgres`]), or that of `DATABASE_URL`, in a schema of its own.
//!
//! # When the answer to `COMMIT` is lost
//!
//! A connection that breaks during `COMMIT` leaves open whether the transfer was booked, and to try again might book it
//! twice. So each order has a key, which the transaction writes down with the transfer: if it is there already, the
//! transfer is booked, and the new attempt says so.

pub mod clash;
pub mod ledger;
pub mod teller;
