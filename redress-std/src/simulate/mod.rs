//! Simulates a fleet of clients under a policy, and tells whether it recovers from an outage.
//!
//! A [`Scenario`] describes the clients, their server and what happens to it. [`Scenario::run`] plays it with a policy of yours
//! on a virtual clock and returns a [`Report`], which begins with a verdict. In a test:
//!
//! ```
//! use std::time::Duration;
//! use redress_std::{Backoff, Policy, Retry, simulate::{Incident, Scenario}};
//!
//! static UPLINK: Policy = Policy::new(
//!     Retry::new(Backoff::equal_jitter(Duration::from_secs(1), Duration::from_secs(120))).unlimited_attempts().no_deadline(),
//! );
//!
//! // A million devices call once a minute; the server serves 20,800 of them a second, and was down for ten minutes.
//! # fn minutes(n: u64) -> Duration { Duration::from_secs(60 * n) }
//! # let million = 2_000; let capacity = 41.6;
//! let report = Scenario::new(million, minutes(1), capacity)
//!     .event(Incident::outage(minutes(10)))
//!     .run("uplink", &UPLINK);
//! report.assert_back(0.99, minutes(2));
//! ```
//!
//! If it does not hold, the test fails with what a person needs to know:
//!
//! ```text
//! expected 99 % of the clients back within 2 min after the outage.
//! uplink does not recover: 15 min after the outage 33 % are back; the server is busy with requests whose clients have gone
//!   seed 3793791033: 33 % back at the end, load 1.89 and peak 5.46 times the capacity, longest queue 10 s, 53.7 attempts a client, 0 calls lost
//! ```
//!
//! # What is simulated
//!
//! - Clients are the async driver of the library itself, under a clock that is virtual: no decision is made in another way. Breakers
//!   and budgets are made anew, like those of the policy, for each client, process or fleet.
//! - The server works on requests in their turn, at a rate; it rejects those that would wait longer than its queue, and also works
//!   for clients that have gone. This is what keeps it busy after an outage: the length of the queue against the time that
//!   clients wait decides more than any formula. A server of [growing latency](Latency::Growing) works on all at once.
//! - A fleet of more than 20,000 is simulated by a sample before a server that is smaller in proportion, unless it is
//!   [exact](Scenario::exact).
//! - A report follows from the seed alone, on every target and with any number of threads. The listener of a rate breaker hears of
//!   the simulated ones as well.
//!
//! # Cost
//!
//! A run of 20,000 clients takes 10 MiB and about a third of a second, one of 1,000,000 about 30 seconds of one core and 246 MiB: 245 B
//! for each client, which a test counts. A breaker and a budget for each client add as much again. `cargo xtask bench fleet` measures it.
//!
//! The [guide] shows which policies that speaks for.

mod advice;
mod client;
mod clockwork;
mod domain;
mod engine;
mod peers;
mod picture;
mod queue;
mod report;
mod scenario;
mod server;
mod svg;
mod tally;
#[cfg(test)]
mod tests;
mod text;

#[doc = include_str!("guide.md")]
#[expect(clippy::doc_markdown, reason = "tables as the tool prints them")]
pub mod guide {}

pub use self::{
    advice::{Cause, Tipping, tipping_points},
    peers::Peer,
    picture::picture,
    report::{Attempts, Report, RunReport, Second, Spread, StuckBy, Unmet, Verdict},
    scenario::{
        Arrivals, Calls, Expect, Incident, IncidentKind, Latency, MAX_CLIENTS, MAX_SEEDS, Progress, SAMPLE, Scenario,
        ScenarioError, Server, Shared, Work,
    },
    text::{Grouped, Span},
};
