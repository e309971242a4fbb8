//! The async driver against the bare machine: the same clients, written as their own loop around [`Attempts`].

use std::time::Duration;

use redress_core::{
    Attempts, Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, Classify, Clock, Decision, Policy,
    RandomSource, Retry,
};

use super::super::{
    Incident, Latency, RunReport, Scenario, Server,
    client::{Sender, World, calls},
    clockwork::{MILLI, Ran},
    domain::Domains,
    server::nanos,
    tally::Phase,
};

/// A client as in [`calls`], by the bare machine.
async fn by_hand(world: &World, policy: &Policy<'_>, client: u32, boots: u32) {
    let (mut environment, sender) = (world.environment(client, boots), Sender::new(world, client));
    let clockwork = &world.clockwork;
    let mut at = clockwork.now();
    loop {
        world.state.borrow_mut().tally.begin_call(at);
        let is_lost = match Attempts::<1_000>::start(policy, environment.now()) {
            Err(_) => true,
            Ok(mut attempts) => loop {
                let Err(problem) = sender.send().await else {
                    attempts.on_success(environment.now());
                    break false;
                };
                let random = &mut environment.random;
                let now = redress_core::Instant::from_ticks(clockwork.now() / MILLI);
                let Decision::RetryAt(_) = attempts.on_failure(now, problem.classify(), || random.next_u32()) else {
                    break true;
                };
                let until = clockwork.now() + u64::from(attempts.delay().get()) * MILLI;
                clockwork.sleep_until(client, until).await;
                if attempts.on_wake(environment.now()).is_err() {
                    break true;
                }
            },
        };
        if is_lost {
            world.state.borrow_mut().tally.lose_call();
        }
        at = world.next_call(at);
        clockwork.sleep_until(client, at).await;
    }
}

/// Plays a run with clients of one kind.
macro_rules! played {
    ($scenario:expr, $policy:expr, $client:ident) => {{
        let (scenario, policy): (&Scenario, &Policy<'_>) = (&$scenario, &$policy);
        let world = World::new(scenario, 7);
        let domains = Domains::new(policy, scenario.shared, world.clients).expect("a usual breaker");
        let policies = domains.policies(policy);
        let start = nanos(scenario.event_start());
        let end = start + nanos(scenario.event.lasts);
        for end in [start, end, end + nanos(scenario.watch)] {
            world.clockwork.end_at(end);
        }
        let mut tasks: Vec<_> = (0..world.clients)
            .map(|client| {
                world.clockwork.wake(client, world.first_call());
                Some(Box::pin($client(&world, &policies[domains.of(client, policies.len())], client, 0)))
            })
            .collect();
        for phase in [Phase::Before, Phase::During, Phase::After] {
            world.enter(phase);
            assert_eq!(world.clockwork.run(&mut tasks, u64::MAX).0, Ran::ToEnd);
        }
        world.is_over.set(true);
        drop(tasks);
        let report: RunReport = world.state.borrow().tally.report(7, 1.0, None);
        report
    }};
}

#[test]
fn the_driver_decides_as_the_bare_machine_does() {
    let breaker = CircuitBreaker::<3>::new(BreakerConfig::new(3).recovery_timeout(Duration::from_secs(20)));
    let budget = Budget::<0>::new(BudgetConfig::token_bucket(4).initial(1).refill_per_success(100));
    let retry = |backoff| Policy::new(Retry::new(backoff));
    let seconds = Duration::from_secs;
    let policies = [
        retry(Backoff::full_jitter(seconds(1), seconds(60))),
        Policy::new(
            Retry::new(Backoff::decorrelated_jitter(seconds(1), seconds(60))).unlimited_attempts().no_deadline(),
        ),
        Policy::new(
            Retry::new(Backoff::equal_jitter(seconds(1), seconds(60)).or_retry_after()).max_attempts(20).no_deadline(),
        ),
        retry(Backoff::decorrelated_jitter(Duration::from_millis(250), seconds(30))).circuit_breaker(&breaker),
        retry(Backoff::decorrelated_jitter(Duration::from_millis(250), seconds(30))).budget(&budget),
        retry(Backoff::exponential(seconds(1), seconds(10))).circuit_breaker(&breaker).budget(&budget),
    ];
    let server = Server::new(5.0)
        .queue(Some(seconds(3)))
        .latency(Latency::Exponential(Duration::from_millis(50)))
        .retry_after(seconds(10), seconds(10));
    let scenario =
        Scenario::new(200, seconds(60), 5.0).server(server).event(Incident::outage(seconds(100))).watch(seconds(200));
    let mut overload = 0;
    for (row, policy) in policies.iter().enumerate() {
        let by_driver = played!(scenario, policy, calls);
        assert!(by_driver.attempts.refused > 200, "row {row}: nothing to decide");
        overload += by_driver.attempts.rejected + by_driver.attempts.late;
        assert_eq!(by_driver, played!(scenario, policy, by_hand), "row {row}");
    }
    assert!(overload > 0, "a server that is never too slow");
}
