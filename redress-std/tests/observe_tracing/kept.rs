//! Connections that last: one span for as long as the keeper runs.

use std::time::Duration;

use redress_std::{
    Backoff, BreakerConfig, Budget, BudgetConfig, CircuitBreaker, ErrorClass, Policy, Retry,
    keeper::{Keep, KeepConfig},
    observe::TracingObserver,
    testing::TestEnv,
};

use crate::subscriber;

/// An open circuit and a spent budget end a call, but only delay an attempt at a connection that is kept.
#[test]
fn the_span_of_a_keeper_outlives_an_open_circuit_and_a_spent_budget() {
    const SECOND: Duration = Duration::from_secs(1);
    let (spans, _guard) = subscriber::Keep::start();
    let breaker = CircuitBreaker::<2>::new(BreakerConfig::new(2).recovery_timeout(60 * SECOND));
    let budget = Budget::<2>::new(BudgetConfig::rolling(2, 600 * SECOND));
    let policy = Policy::new(Retry::new(Backoff::constant(SECOND))).circuit_breaker(&breaker).budget(&budget);
    let link = Keep::new(policy, KeepConfig::new(30 * SECOND));
    let mut context = link.context(TestEnv::new()).operation("uplink").observe(TracingObserver::new());
    let mut attempts = 0;
    let gave_up = context.keep().run(|_| {
        attempts += 1;
        Err::<(), _>(if attempts < 5 { ErrorClass::Transient } else { ErrorClass::Auth })
    });
    assert_eq!(gave_up.last_class, Some(ErrorClass::Auth));

    let seen = spans.seen();
    for kind in ["circuit_rejected", "budget_exhausted"] {
        let delays = seen.events.iter().filter(|event| event.field("message") == kind);
        assert!(delays.clone().count() > 0, "{:?}", seen.messages());
        for event in delays {
            assert_eq!((event.span, event.field("stop_reason")), (Some("redress.call"), ""), "{event:?}");
            assert!(event.field("delay_ms").parse::<u32>().is_ok_and(|delay| delay > 0), "{event:?}");
        }
    }
    // One span, which ends with the reason for which the keeper gave up.
    let [span] = &seen.closed[..] else { panic!("{:?}", seen.closed) };
    assert_eq!((span["outcome"].as_str(), span["attempts"].as_str()), ("non_retryable_class", "5"));
    assert_eq!(seen.open, 0);
}
