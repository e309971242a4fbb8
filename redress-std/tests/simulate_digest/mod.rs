//! One number for all that simulations report. The same on every target: the browser's tests include this file.

use std::time::Duration;

use redress_std::{
    Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, Policy, Retry,
    simulate::{Arrivals, Calls, Incident, Latency, Scenario, Server, Work},
};

/// What a host prints. It changes with the model and with each decision that a policy makes; a difference between two targets is a
/// fault.
pub(crate) const EXPECTED: u64 = 17_778_705_875_111_089_950;

static BREAKER: CircuitBreaker<3> =
    CircuitBreaker::new(BreakerConfig::new(3).recovery_timeout(Duration::from_secs(20)));
static BUDGET: Budget = Budget::new(BudgetConfig::token_bucket(4).initial(1).refill_per_success(100));

pub(crate) fn digest() -> u64 {
    let second = Duration::from_secs(1);
    let backoff = Backoff::decorrelated_jitter(second, 60 * second).or_retry_after();
    let policies = [
        Policy::new(Retry::new(backoff).attempt_timeout(second)).circuit_breaker(&BREAKER).budget(&BUDGET),
        Policy::new(Retry::new(Backoff::full_jitter(second, 30 * second)).unlimited_attempts().no_deadline()),
    ];
    let server = Server::new(5.0)
        .work(Work::Exponential)
        .latency(Latency::Exponential(second / 20))
        .network(second / 200)
        .queue(Some(4 * second))
        .retry_after(5 * second, 5 * second);
    let events = [
        Incident::outage(60 * second),
        Incident::slow(60 * second, 4.0),
        Incident::errors(60 * second, 0.5),
        Incident::power_cut(60 * second, 5 * second),
        Incident::surge(60 * second, 3.0),
        Incident::rolling_restart(60 * second, 3),
    ];
    let mut digest = 0xCBF2_9CE4_8422_2325_u64;
    for event in events {
        for (policy, next) in policies.iter().zip([Arrivals::AfterCompletion, Arrivals::Poisson]) {
            let calls = Calls { every: 60 * second, jitter: 0.1, next };
            let report = Scenario::new(200, 60 * second, 5.0)
                .server(server)
                .calls(calls)
                .event(event)
                .watch(120 * second)
                .seeds(2)
                .run("digest", policy);
            // FNV-1a.
            for byte in format!("{:?}", report.runs).bytes() {
                digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
            }
        }
    }
    digest
}
