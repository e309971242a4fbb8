//! The keeper's machine: each attempt comes when the backoff says, sessions that lasted begin anew, no day has too many.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use redress_core::{
    Backoff, Clock, Decision, ErrorClass, Instant, Policy, Retry,
    keeper::{Keep, KeepConfig, Sessions},
};

use crate::{
    clock::{Ticks, at_some_rate, to_ticks},
    fault,
};

const STABLE: u64 = 30_000;
const DAY: u64 = 86_400_000;

pub(crate) fn run(input: &mut Unstructured<'_>) -> Result<()> {
    at_some_rate!(input, at)
}

fn at<const HZ: u32>(input: &mut Unstructured<'_>) -> Result<()> {
    let per_day = input.arbitrary::<Option<u8>>()?.map(|limit| u32::from(limit) + 1);
    let config = KeepConfig::new(Duration::from_millis(STABLE));
    let config = per_day.map_or(config, |limit| config.attempts_per_day(limit));
    let backoff = Backoff::exponential(Duration::from_secs(1), Duration::from_secs(60));
    let keep = Keep::new(Policy::new(Retry::new(backoff)), config);
    let clock = Ticks::<HZ>::begin(input)?;
    let mut link = Sessions::<HZ>::new(&keep, clock.now(), || 0);
    let (mut begun, mut failures, mut planned) = (Vec::<u64>::new(), 0_u32, clock.now());
    let random = || 1 << 31;
    while !input.is_empty() {
        let mut is_held = false;
        loop {
            let at = link.poll_at().expect("it waits");
            clock.wait(input, at)?;
            if link.on_wake(clock.now()).expect("no limit makes it give up") {
                break;
            }
            is_held = true;
            assert!(per_day.is_some(), "only the limit of the day holds an attempt back");
        }
        assert!(is_held || clock.now() >= planned, "an attempt before its time");
        begun.push(clock.millis());
        let mut lasted = false;
        if input.arbitrary()? {
            clock.pass(input, &[STABLE])?;
            link.on_established(clock.now());
            let up = clock.millis();
            clock.pass(input, &[STABLE, STABLE + 2])?;
            let up = clock.millis() - up;
            // On a clock finer than a millisecond, a session may be up for one more until it counts.
            lasted = up >= STABLE + Ticks::<HZ>::SLACK;
        }
        failures = if lasted { 1 } else { failures + 1 };
        let delay = (1_000_u64 << (failures - 1).min(16)).min(60_000) + fault();
        let now = clock.now();
        planned = Instant::from_ticks(now.ticks() + to_ticks(HZ, delay));
        match link.on_lost(now, ErrorClass::Transient, random) {
            Decision::RetryAt(at) if per_day.is_none() => {
                // On a clock finer than a millisecond, a wait may last for one more.
                let latest = planned.saturating_add(to_ticks(HZ, Ticks::<HZ>::SLACK));
                assert!(at >= planned && at <= latest, "{at:?}, not {planned:?}: failure {failures} in a row");
            }
            Decision::RetryAt(at) => assert!(at >= planned),
            Decision::Stop(reason) => panic!("{reason}"),
        }
    }
    if let Some(limit) = per_day {
        for (first, start) in begun.iter().enumerate() {
            let of_day = begun[first..].iter().take_while(|at| **at - start < DAY).count();
            assert!(of_day <= limit as usize, "{of_day} attempts in a day");
        }
    }
    Ok(())
}
