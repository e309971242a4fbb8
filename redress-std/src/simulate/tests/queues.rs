//! Waiting times of the server against the closed forms of queueing theory.

use std::time::Duration;

use super::super::{
    Incident, Latency, Scenario, Server as Settings, Work,
    clockwork::{Random, scaled},
    server::{Answer, Server},
    tally::float,
};

/// Returns the mean time that requests wait, as a multiple of the time that one takes, under Poisson arrivals.
fn waited(work: Work, utilisation: f64, seed: u64) -> f64 {
    let settings = Settings::new(1_000.0).work(work).latency(Latency::Constant(Duration::ZERO)).queue(None);
    let scenario = Scenario::new(1, Duration::from_secs(1), 1_000.0)
        .server(settings)
        .event(Incident::nothing(Duration::from_secs(1)));
    let (mut server, mut random, mut now) = (Server::new(&scenario, 1.0), Random::new(seed), 0);
    // The nearer the server is to its limit, the longer a wait is like the one before.
    let arrivals = if utilisation < 0.9 { 500_000 } else { 4_000_000 };
    for _ in 0..arrivals {
        now += scaled(1_000_000, random.exponential() / utilisation);
        assert_eq!(server.take(now, &mut random).0, Answer::Served);
    }
    float(u64::try_from(server.waited).expect("hours")) / f64::from(arrivals) / 1e6
}

#[test]
fn waiting_times_are_those_of_the_textbook() {
    for (utilisation, seed) in [(0.5, 1), (0.8, 2), (0.95, 3)] {
        // Pollaczek and Khinchine: with constant work half of what it is with exponential work.
        let exponential = utilisation / (1.0 - utilisation);
        for (work, expected) in [(Work::Constant, exponential / 2.0), (Work::Exponential, exponential)] {
            let waited = waited(work, utilisation, seed);
            let off = waited / expected - 1.0;
            assert!(off.abs() < 0.03, "{work:?} at {utilisation}: {waited:.3}, expected {expected:.3}");
        }
    }
}
