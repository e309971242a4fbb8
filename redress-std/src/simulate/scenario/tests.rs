use super::*;

fn scenario() -> Scenario {
    Scenario::new(1_000, Duration::from_secs(60), 20.0)
}

#[test]
fn each_field_names_itself_its_value_and_its_bounds() {
    let day = DAY + MILLI;
    let (server, kept) = (Server::new(20.0), KeepConfig::new(MILLI));
    let every = |every| Calls { every, ..scenario().calls };
    let rows: [(Scenario, &str); 34] = [
        (Scenario { clients: 0, ..scenario() }, "clients: must be from 1 to 10,000,000, not 0"),
        (scenario().calls(every(Duration::ZERO)), "calls.every: must be from 1 ms to 24 h, not 0ns"),
        (scenario().calls(Calls { jitter: -0.5, ..scenario().calls }), "calls.jitter: must be from 0 to 1, not -0.5"),
        (scenario().server(Server::new(0.0)), "server.capacity_per_second: must be from 0.001 to 1,000,000,000, not 0"),
        (
            scenario().server(Server::new(f64::NAN)),
            "server.capacity_per_second: must be from 0.001 to 1,000,000,000, not NaN",
        ),
        (
            scenario().server(server.latency(Latency::Constant(HOUR + MILLI))),
            "server.latency: must be at most 1 h, not 3600.001s",
        ),
        (
            scenario().server(server.latency(Latency::Growing { base: day, per_request: MILLI })),
            "server.latency.base: must be at most 1 h, not 86400.001s",
        ),
        (
            scenario().server(server.latency(Latency::Growing { base: MILLI, per_request: day })),
            "server.latency.per_request: must be at most 1 h, not 86400.001s",
        ),
        (scenario().server(server.network(day)), "server.network: must be at most 1 h, not 86400.001s"),
        (scenario().server(server.queue(Some(day))), "server.queue: must be at most 24 h, not 86400.001s"),
        (scenario().server(server.reject_cost(2.0)), "server.reject_cost: must be from 0 to 1, not 2"),
        (scenario().server(server.retry_after(day, MILLI)), "server.retry_after: must be at most 24 h, not 86400.001s"),
        (
            scenario().server(server.retry_after(MILLI, day)),
            "server.retry_after_jitter: must be at most 24 h, not 86400.001s",
        ),
        (scenario().keep(KeepConfig::new(day)), "keep.stable_after: must be from 1 ms to 24 hours"),
        (scenario().keep(kept.spread(day)), "keep.spread: must be at most 24 hours"),
        (scenario().keep(kept.wake_interval(Duration::ZERO)), "keep.wake_interval: must be from 1 ms to 24 hours"),
        (scenario().keep(kept.attempts_per_session(0)), "keep.attempts_per_session: must be at least 1"),
        (scenario().keep(kept.attempts_per_day(0)), "keep.attempts_per_day: must be from 1 to 86400"),
        (scenario().client_timeout(Duration::ZERO), "client_timeout: must be from 1 ms to 1 h, not 0ns"),
        (scenario().event(Incident::outage(MILLI).start(day)), "event.start: must be at most 24 h, not 86400.001s"),
        (scenario().event(Incident::outage(day)), "event.lasts: must be from 1 ms to 24 h, not 86400.001s"),
        (scenario().event(Incident::slow(MILLI, 0.5)), "event.factor: must be from 1 to 1,000, not 0.5"),
        (scenario().event(Incident::surge(MILLI, 101.0)), "event.factor: must be from 1 to 100, not 101"),
        (
            Scenario { clients: 10_000_000, exact: true, ..scenario() }.event(Incident::surge(MILLI, 2.0)),
            "event.factor: must be at most so much that 16,777,215 clients are simulated, not 2",
        ),
        (scenario().event(Incident::errors(MILLI, 1.5)), "event.share: must be from 0 to 1, not 1.5"),
        (scenario().event(Incident::power_cut(MILLI, day)), "event.boot_spread: must be at most 24 h, not 86400.001s"),
        (scenario().event(Incident::flapping(MILLI, MILLI)), "event.period: must be from 2 ms to 24 h, not 1ms"),
        (scenario().event(Incident::rolling_restart(MILLI, 0)), "event.instances: must be from 1 to 1,000, not 0"),
        (scenario().watch(MILLI), "watch: must be from 1 s to 24 h, not 1ms"),
        (scenario().shared(Shared::Process(0)), "shared: must be from 1 to 10,000,000 clients in a process, not 0"),
        (scenario().seeds(0), "seeds: must be from 1 to 10,000, not 0"),
        (scenario().max_events(0), "max_events: must be at least 1, not 0"),
        (
            scenario().expect(Expect { back: 0.0, within: None, peak: None }),
            "expect.back: must be above 0 and at most 1, not 0",
        ),
        (
            scenario().expect(Expect { back: 1.0, within: Some(DAY), peak: None }),
            "expect.within: must be from 1 ms to the time that is watched, not 86400s",
        ),
    ];
    assert_eq!(scenario().validate(), Ok(()));
    for (scenario, message) in rows {
        assert_eq!(scenario.validate().map_err(|error| error.to_string()), Err(message.to_owned()));
    }
}

#[test]
fn a_fleet_with_one_budget_is_not_sampled() {
    let large = Scenario { clients: 1_000_000, ..scenario() };
    assert_eq!(large.simulated_clients(), SAMPLE);
    assert_eq!(large.clone().exact().simulated_clients(), 1_000_000);
    assert_eq!(large.shared(Shared::Fleet).simulated_clients(), 1_000_000);
    assert_eq!(scenario().simulated_clients(), 1_000);
}
