//! The bare machine: limits, deadline and delays.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use redress_core::{
    Attempts, Backoff, Clock, Decision,
    ErrorClass::{self, Permanent, RateLimit, Transient, Unknown},
    Instant, Millis, Policy, Retry, StopReason,
};

use crate::{
    clock::{Ticks, at_some_rate, to_ticks},
    fault,
};

pub(crate) fn run(input: &mut Unstructured<'_>) -> Result<()> {
    at_some_rate!(input, at)
}

fn at<const HZ: u32>(input: &mut Unstructured<'_>) -> Result<()> {
    let delays: [u16; 3] = input.arbitrary()?;
    let delays = delays.map(|delay| Millis::new(delay.into()));
    let most = input.int_in_range(1..=8)?;
    let of_rate_limit = input.int_in_range(0..=4)?;
    let of_unknown = input.int_in_range(0..=2)?;
    let deadline = input.arbitrary::<Option<u16>>()?.map(|deadline| u64::from(deadline) + 1);
    let retry = Retry::new(Backoff::fixed(&delays))
        .max_attempts(most)
        .limit_for(RateLimit, of_rate_limit)
        .max_unknown(of_unknown);
    let retry = match deadline {
        Some(deadline) => retry.deadline(Duration::from_millis(deadline)),
        None => retry.no_deadline(),
    };
    let policy = Policy::new(retry);
    let clock = Ticks::<HZ>::begin(input)?;
    let (start, mut failures) = (clock.millis(), Vec::<ErrorClass>::new());
    // Where a tick is no whole number of milliseconds, a call may stop up to two milliseconds before its deadline.
    let early = 2 * Ticks::<HZ>::SLACK;
    let is_over = |moment: u64| deadline.is_some_and(|deadline| moment >= deadline + 3 * fault());
    let mut attempts = Attempts::<HZ>::start(&policy, clock.now()).expect("no breaker rejects it");
    loop {
        assert_eq!(attempts.attempt().number as usize, failures.len() + 1);
        clock.pass(input, &[deadline.unwrap_or(1_000)])?;
        let class = [Transient, RateLimit, Unknown, Permanent][input.choose_index(4)?];
        let before = failures.iter().filter(|other| **other == class).count();
        failures.push(class);
        let used = clock.millis() - start;
        let delay = delays[(failures.len() - 1).min(2)].get();
        let now = clock.now();
        let decided = attempts.on_failure(now, class, || unreachable!("nothing is random"));
        let limit = match class {
            Permanent => Some((0, StopReason::NonRetryableClass)),
            RateLimit => Some((of_rate_limit, StopReason::MaxAttemptsPerClass)),
            Unknown => Some((of_unknown, StopReason::MaxUnknownAttempts)),
            _ => None,
        };
        let reason = match limit {
            Some((limit, reason)) if before >= usize::from(limit) => Some(reason),
            _ if is_over(used) => Some(StopReason::DeadlineExceeded),
            _ if failures.len() as u32 >= most => Some(StopReason::MaxAttemptsGlobal),
            _ if is_over(used + u64::from(delay)) => Some(StopReason::DeadlineExceeded),
            _ => None,
        };
        match (decided, reason) {
            (Decision::Stop(actual), Some(expected)) if actual == expected => return Ok(()),
            (Decision::Stop(StopReason::DeadlineExceeded), _) if is_over(used + u64::from(delay) + early) => {
                return Ok(());
            }
            (Decision::RetryAt(at), None) => {
                assert_eq!(at, Instant::from_ticks(now.ticks() + to_ticks(HZ, delay.into())), "after {delay} ms");
                assert_eq!((attempts.poll_at(), attempts.delay()), (Some(at), Millis::new(delay)));
                clock.wait(input, at)?;
            }
            (actual, expected) => panic!("{actual:?}, not {expected:?}, {used} ms after the start"),
        }
        let used = clock.millis() - start;
        match attempts.on_wake(clock.now()) {
            Ok(()) => assert!(!is_over(used), "begun {used} ms after the start"),
            Err(rejected) => {
                assert_eq!(rejected.reason(), StopReason::DeadlineExceeded);
                assert!(is_over(used + early), "{used} ms after the start");
                return Ok(());
            }
        }
    }
}
