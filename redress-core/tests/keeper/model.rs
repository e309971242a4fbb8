//! The machine against a model, by property.

use std::time::Duration;

use proptest::prelude::*;
use redress_core::{
    Backoff, Decision, ErrorClass, Instant, Millis, Policy, RandomSource as _, Retry, SeededRandom,
    keeper::{Keep, KeepConfig, Sessions},
};

use crate::{BACKOFF, SECOND, STABLE};

/// A keeper as it would be described: what is written down is every attempt ever made, and all follows from that.
struct Model {
    delays: Vec<u64>,
    stable_after: u64,
    per_day: usize,
    failures: usize,
    established: Option<u64>,
    begun: Vec<u64>,
}

impl Model {
    /// Takes a failure and returns the moment of the next attempt, if nothing wakes it.
    fn lost(&mut self, now: u64) -> u64 {
        let lasted = self.established.take().is_some_and(|since| now - since >= self.stable_after);
        self.failures = if lasted { 1 } else { self.failures + 1 };
        now + self.delays[(self.failures - 1).min(self.delays.len() - 1)]
    }

    fn begin(&mut self, now: u64) {
        self.begun.push(now);
    }

    /// Any 24 hours have no more attempts than the limit.
    fn keeps_its_day(&self) -> bool {
        let day = 86_400_000;
        self.begun.iter().enumerate().all(|(first, start)| {
            self.begun[first..].iter().take_while(|begun| **begun - start < day).count() <= self.per_day
        })
    }
}

/// What happens next, and after how long.
#[derive(Clone, Copy, Debug)]
enum Fact {
    /// The attempt fails.
    Fails(u64),
    /// It is established after this long and lost after that.
    Lives(u64, u64),
    /// The link comes up this often, this far apart, while the connection is down.
    Wakes(u8, u64),
    /// The device sleeps for this long.
    Sleeps(u64),
}

fn facts() -> impl Strategy<Value = Vec<Fact>> {
    let short = prop_oneof![Just(0_u64), 1_u64..2_000, 1_u64..100_000];
    let fact = prop_oneof![
        3 => short.clone().prop_map(Fact::Fails),
        3 => (short.clone(), prop_oneof![0_u64..60_000, Just(29_999), Just(30_000), Just(100_000_000)])
            .prop_map(|(after, lasts)| Fact::Lives(after, lasts)),
        2 => (1_u8..20, prop_oneof![Just(10_u64), 1_u64..5_000]).prop_map(|(times, apart)| Fact::Wakes(times, apart)),
        1 => short.prop_map(Fact::Sleeps),
    ];
    prop::collection::vec(fact, 1..120)
}

fn moment(at: u64) -> Instant {
    Instant::from_ticks(at)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Without wakes and without a limit of the day, every attempt comes at the moment that the model names, whatever the device
    /// sleeps through; with them no wait is cut short within the interval of another, and no day has more than its limit.
    #[test]
    fn the_machine_does_as_the_model(facts in facts(), per_day in prop_oneof![Just(None), (1_u32..60).prop_map(Some)], seed: u32) {
        let delays = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000];
        let config = KeepConfig::new(STABLE).wake_interval(Duration::from_secs(10));
        let config = per_day.map_or(config, |limit| config.attempts_per_day(limit));
        let keep = Keep::new(Policy::new(Retry::new(BACKOFF)), config);
        let mut model = Model {
            delays: delays.to_vec(), stable_after: 30_000, per_day: per_day.map_or(usize::MAX, |limit| limit as usize),
            failures: 0, established: None, begun: vec![],
        };
        let mut random = SeededRandom::new(u64::from(seed));
        let mut now = 5_000;
        let mut link = Sessions::<1_000>::new(&keep, moment(now), || random.next_u32());
        let (mut planned, mut is_woken, mut latest_cut) = (now, false, None);
        for fact in facts {
            match fact {
                Fact::Wakes(times, apart) => {
                    for _ in 0..times {
                        let before = link.poll_at().unwrap();
                        link.on_link_up(moment(now), || random.next_u32());
                        let after = link.poll_at().unwrap();
                        prop_assert!(after <= before, "a wake makes no wait longer");
                        if after < before {
                            // Where a wake ends the wait, no other has within the interval before.
                            prop_assert!(latest_cut.is_none_or(|cut| after.ticks_since(cut) >= 10_000));
                            (is_woken, latest_cut) = (true, Some(after));
                        }
                        if after > moment(now + apart) {
                            now += apart;
                        }
                    }
                    continue;
                }
                Fact::Sleeps(slept) => {
                    let checkpoint = link.suspend(moment(now));
                    // Whole seconds of sleep, on a clock that begins anew, which the model does not know.
                    let left = planned.saturating_sub(now);
                    prop_assert!(is_woken || per_day.is_some() || u64::from(checkpoint.remaining().get()) == left);
                    now += slept;
                    let span = Millis::new(u32::try_from(slept).unwrap());
                    link = Sessions::resume(&keep, &checkpoint, span, moment(now)).unwrap();
                    planned = planned.max(now);
                    continue;
                }
                Fact::Fails(_) | Fact::Lives(..) => {}
            }
            loop {
                now = now.max(link.poll_at().unwrap().ticks());
                if link.on_wake(moment(now)).unwrap() {
                    break;
                }
                prop_assert!(per_day.is_some(), "only the limit of the day holds an attempt back");
            }
            if !is_woken && per_day.is_none() {
                prop_assert_eq!(now, planned);
            }
            is_woken = false;
            model.begin(now);
            if let Fact::Lives(after, lasts) = fact {
                now += after;
                link.on_established(moment(now));
                model.established = Some(now);
                now += lasts;
            } else if let Fact::Fails(after) = fact {
                now += after;
            }
            planned = model.lost(now);
            let decided = link.on_lost(moment(now), ErrorClass::Transient, || random.next_u32());
            match decided {
                Decision::RetryAt(at) if per_day.is_none() => prop_assert_eq!(at, moment(planned)),
                Decision::RetryAt(at) => prop_assert!(at >= moment(planned)),
                Decision::Stop(reason) => prop_assert!(false, "{}", reason),
            }
        }
        prop_assert!(model.keeps_its_day());
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// A link that flaps a hundred times a second for an hour, with attempts that fail at once and sessions that die at once: no
    /// more attempts than those of the backoff, and one an interval.
    #[test]
    fn a_link_that_flaps_at_100_hz_is_no_hot_loop(interval in 5_u64..120, seed: u32, dies_after_handshake: bool) {
        let backoff = Backoff::full_jitter(SECOND, Duration::from_secs(300));
        let config = KeepConfig::new(STABLE).wake_interval(Duration::from_secs(interval));
        let keep = Keep::new(Policy::new(Retry::new(backoff)), config);
        let mut random = SeededRandom::new(u64::from(seed));
        let mut link = Sessions::<1_000>::new(&keep, moment(0), || random.next_u32());
        let (mut brought_forward, mut attempts, mut own) = (0, 0, 0_u64);
        let mut planned = moment(0);
        for now in (0..3_600_000).step_by(10).map(moment) {
            if link.poll_at().is_some_and(|at| at <= now) && link.on_wake(now).unwrap() {
                attempts += 1;
                if now < planned { brought_forward += 1 } else { own += 1 }
                if dies_after_handshake {
                    link.on_established(now);
                }
                let Decision::RetryAt(at) = link.on_lost(now, ErrorClass::Transient, || random.next_u32()) else { panic!() };
                planned = at;
            }
            link.on_link_up(now, || random.next_u32());
        }
        prop_assert!(brought_forward <= 3_600 / interval + 1, "{brought_forward} of {attempts}");
        // With delays of up to 300 s, hardly one of the others is shorter than the interval once the backoff has grown.
        prop_assert!(own <= 3_600 / interval + 12, "{own} of {attempts}");
        // And the link is not forgotten: without wakes there were 24 attempts and less, with them one in each interval and a half.
        prop_assert!(attempts + 2 >= 3_600 / (interval + interval.div_ceil(2)), "{attempts}");
    }
}

/// Facts of a bad hour: the link comes and goes, attempts fail, hardly a session lasts.
fn bad_hour() -> impl Strategy<Value = Vec<Fact>> {
    let fact = prop_oneof![
        10 => (0_u64..500).prop_map(Fact::Fails),
        10 => (1_u8..20, prop_oneof![Just(10_u64), 1_u64..5_000]).prop_map(|(times, apart)| Fact::Wakes(times, apart)),
        4 => (0_u64..500, 0_u64..29_999).prop_map(|(after, lasts)| Fact::Lives(after, lasts)),
        2 => (0_u64..2_000).prop_map(Fact::Sleeps),
        1 => Just(Fact::Lives(0, 30_000)),
    ];
    prop::collection::vec(fact, 60..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any hour, whatever happens in it, has one attempt for each interval of wakes, those whose delay has grown to minutes, and a
    /// backoff from its beginning for each session that lasted.
    #[test]
    fn the_attempts_of_any_hour_are_bounded(facts in bad_hour(), seed: u32) {
        const HOUR: u64 = 3_600_000;
        // Nine delays of less than 512 s; of the longer ones, eight begin in an hour; wakes are ten minutes apart.
        const OF_A_BACKOFF: usize = 9;
        const LONG_WAITS: usize = 8;
        const WAKES: usize = 7;
        let backoff = Backoff::exponential(SECOND, Duration::from_secs(600));
        let config = KeepConfig::new(STABLE).wake_interval(Duration::from_secs(600));
        let keep = Keep::new(Policy::new(Retry::new(backoff)), config);
        let mut random = SeededRandom::new(u64::from(seed));
        let mut link = Sessions::<1_000>::new(&keep, moment(0), || random.next_u32());
        let (mut now, mut attempts, mut renewals) = (0, vec![], vec![]);
        for fact in facts {
            match fact {
                Fact::Wakes(times, apart) => {
                    for _ in 0..times {
                        link.on_link_up(moment(now), || random.next_u32());
                        if link.poll_at().is_some_and(|at| at > moment(now + apart)) {
                            now += apart;
                        }
                    }
                    continue;
                }
                Fact::Sleeps(slept) => {
                    let checkpoint = link.suspend(moment(now));
                    now += slept;
                    let span = Millis::new(u32::try_from(slept).unwrap());
                    link = Sessions::resume(&keep, &checkpoint, span, moment(now)).unwrap();
                    continue;
                }
                Fact::Fails(_) | Fact::Lives(..) => {}
            }
            now = now.max(link.poll_at().unwrap().ticks());
            prop_assert_eq!(link.on_wake(moment(now)), Ok(true));
            attempts.push(now);
            match fact {
                Fact::Lives(after, lasts) => {
                    now += after;
                    link.on_established(moment(now));
                    now += lasts;
                    renewals.extend((lasts >= 30_000).then_some(now));
                }
                Fact::Fails(after) => now += after,
                Fact::Wakes(..) | Fact::Sleeps(_) => {}
            }
            let _ = link.on_lost(moment(now), ErrorClass::Transient, || random.next_u32());
        }
        for (index, start) in attempts.iter().enumerate() {
            let made = attempts[index..].iter().take_while(|at| **at < start + HOUR).count();
            let renewed = renewals.iter().filter(|at| (*start..start + HOUR).contains(*at)).count();
            let most = 1 + WAKES + LONG_WAITS + OF_A_BACKOFF * (renewed + 1);
            prop_assert!(made <= most, "{} of at most {} from {}", made, most, start);
        }
    }
}
