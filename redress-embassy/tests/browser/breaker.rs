//! A circuit which opens, and half-opens after its time.

use core::{cell::RefCell, time::Duration};

use embassy_time::Instant;
use redress_embassy::{
    Backoff, BreakerConfig, BreakerState, CircuitBreaker, Embassy, ErrorClass, Event, EventKind, Millis, Policy, Retry,
    StopReason,
};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{HOUR, gaps, millis};

#[wasm_bindgen_test]
async fn an_open_circuit_lets_nothing_through() {
    static BREAKER: CircuitBreaker<2> = CircuitBreaker::new(BreakerConfig::new(2).recovery_timeout(HOUR));
    static POLICY: Policy =
        Policy::new(Retry::new(Backoff::constant(millis(5))).max_attempts(2).no_deadline()).circuit_breaker(&BREAKER);
    let mut attempts = 0;
    let mut context = POLICY.context(Embassy::seeded(7));
    for (reason, state) in [
        (StopReason::MaxAttemptsGlobal, BreakerState::Closed),
        (StopReason::MaxAttemptsGlobal, BreakerState::Open),
        (StopReason::CircuitOpen, BreakerState::Open),
    ] {
        let call = context.call(async || {
            attempts += 1;
            Err::<(), _>(ErrorClass::Transient)
        });
        let error = call.await.unwrap_err();
        assert_eq!((error.reason, BREAKER.state()), (reason, state));
        if reason == StopReason::CircuitOpen {
            assert_eq!(error.attempts, 0);
            // The circuit counts milliseconds, and the driver's ticks are shorter: it is open for up to one more.
            let longest = Millis::from_duration(HOUR + millis(1));
            assert!(error.next_delay.is_some_and(|delay| Millis::ZERO < delay && delay <= longest), "{error:?}");
        }
    }
    assert_eq!(attempts, 4);
}

#[wasm_bindgen_test]
async fn after_its_time_it_admits_a_probe_which_opens_it_again_or_closes_it() {
    const RECOVERY: Duration = millis(60);
    static BREAKER: CircuitBreaker<1> = CircuitBreaker::new(BreakerConfig::new(1).recovery_timeout(RECOVERY));
    static GUARDED: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1)).circuit_breaker(&BREAKER);
    // One comes back when the open circuit says, the other asks all the time; neither gets through any sooner.
    static PATIENT: Policy = Policy::new(
        Retry::new(Backoff::none().or_retry_after_jittered(Duration::ZERO)).unlimited_attempts().no_deadline(),
    );
    static PUSHING: Policy = Policy::new(Retry::new(Backoff::constant(millis(2))).unlimited_attempts().no_deadline());

    for policy in [&PATIENT, &PUSHING] {
        let events = RefCell::new(Vec::new());
        let mut attempts = Vec::new();
        let mut guarded =
            GUARDED.context(Embassy::seeded(7)).observe(|event: &Event| events.borrow_mut().push(event.kind));
        let answer = policy
            .context(Embassy::seeded(8))
            .call(async || {
                guarded
                    .call(async || {
                        attempts.push((Instant::now(), BREAKER.state()));
                        if attempts.len() < 3 { Err(ErrorClass::Transient) } else { Ok("answer") }
                    })
                    .await
            })
            .await;
        assert_eq!((answer.ok(), BREAKER.state()), (Some("answer"), BreakerState::Closed));

        let (moments, states): (Vec<_>, Vec<_>) = attempts.into_iter().unzip();
        assert_eq!(states, [BreakerState::Closed, BreakerState::HalfOpen, BreakerState::HalfOpen]);
        let gaps = gaps(&moments);
        assert!(gaps.iter().all(|gap| u128::from(*gap) >= RECOVERY.as_micros()), "{gaps:?}");

        // How often it was rejected in between depends on how busy the machine is.
        let mut events = events.into_inner();
        events.retain(|kind| *kind != EventKind::CircuitRejected);
        assert_eq!(
            events,
            [
                EventKind::MaxAttemptsExceeded,
                EventKind::CircuitOpened,
                EventKind::CircuitHalfOpen,
                EventKind::MaxAttemptsExceeded,
                EventKind::CircuitOpened,
                EventKind::CircuitHalfOpen,
                EventKind::Success,
                EventKind::CircuitClosed,
            ]
        );
    }
}
