//! Two tasks share a breaker, so that one of them learns from the other that the link is down. Run by
//! `cargo run -p redress-embassy --example two_tasks`.

mod board;

use core::time::Duration;

use embassy_futures::join::join;
use embassy_time::Timer;
use redress_embassy::{
    Backoff, BreakerConfig, CircuitBreaker, Embassy, ErrorClass, Outcome, Policy, Retry, StopReason,
};

static LINK: CircuitBreaker<3> = CircuitBreaker::new(BreakerConfig::new(3).recovery_timeout(Duration::from_secs(30)));
static POLICY: Policy =
    Policy::new(Retry::new(Backoff::constant(Duration::from_millis(10))).max_attempts(2)).circuit_breaker(&LINK);

async fn report(device: u64) -> Outcome<(), ErrorClass> {
    let mut uplink = POLICY.context(Embassy::seeded(device));
    uplink.execute(async || Err(ErrorClass::Transient)).await
}

fn main() {
    board::run(async {
        let readings = async {
            for _ in 0..3 {
                assert_eq!(report(1).await.attempts, 2);
            }
        };
        let alarms = async {
            Timer::after_secs(1).await;
            report(2).await
        };
        let ((), outcome) = join(readings, alarms).await;
        println!("the alarm: {outcome}");
        assert_eq!((outcome.attempts, outcome.stop_reason), (0, Some(StopReason::CircuitOpen)));
    });
}
