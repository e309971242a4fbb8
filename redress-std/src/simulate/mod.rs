//! Simulates a fleet of clients under a policy, and tells whether it recovers from an outage.
//!
//! A [`Scenario`] describes the clients, their server and what happens to it. [`Scenario::run`] plays it with a policy of yours
//! on a virtual clock and returns a [`Report`], which begins with a verdict.

mod advice;
mod client;
mod clockwork;
mod domain;
mod engine;
mod peers;
mod picture;
mod report;
mod scenario;
mod server;
mod svg;
mod tally;
#[cfg(test)]
mod tests;
mod text;

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
