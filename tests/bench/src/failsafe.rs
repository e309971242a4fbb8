//! failsafe: a breaker of consecutive failures, shared behind its own `Arc` and mutex.

use std::hint::black_box;

use failsafe::backoff::{Constant, constant};
use failsafe::failure_policy::{ConsecutiveFailures, consecutive_failures};
use failsafe::{CircuitBreaker, Config, StateMachine};

use crate::script::FAILED;
use crate::{Contender, RECOVERY, THRESHOLD, Work, in_line};

pub(crate) const FAILSAFE: Contender = Contender {
    breaker_closed: Some(breaker_closed),
    breaker_open: Some(breaker_open),
    ..Contender::named("failsafe")
};

fn breaker() -> StateMachine<ConsecutiveFailures<Constant>, ()> {
    Config::new().failure_policy(consecutive_failures(THRESHOLD, constant(RECOVERY))).build()
}

fn breaker_closed() -> Work {
    let breaker = breaker();
    in_line(move |script| black_box(&breaker).call(|| script.call()).unwrap_or(FAILED))
}

fn breaker_open() -> Work {
    let breaker = breaker();
    for _ in 0..THRESHOLD {
        breaker.on_error();
    }
    in_line(move |script| black_box(&breaker).call(|| script.call()).unwrap_or(FAILED))
}
