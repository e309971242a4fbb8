//! The expectations on a device that keeps a session.

use super::diary::{Diary, Fact, moment};
use super::plan::{Expect, Link, Phase, Plan};
use crate::check::{Check, Report};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Judges what the modems saw by what the plan expects.
pub fn check(plan: &Plan, diaries: &[Diary]) -> Report {
    let expect = &plan.expect;
    let mut checks = vec![devices(expect, diaries)];
    for diary in diaries {
        let story = Story::tell(expect, diary);
        let attempts = diary.attempts();
        let (sessions, readings) = (diary.count(Fact::Established), diary.count(Fact::Delivered));
        let mut add = |name, seen: String, faults: Vec<String>| {
            checks.push(Check { name, device: diary.device, faults: shortened(faults), seen });
        };
        let (garbled, stray) = (diary.count(Fact::Garbled), diary.count(Fact::Stray));
        add("frames are intact", format!("{} facts", diary.facts.len()), none_of(garbled));
        add("the plan is played", format!("{} phases", plan.phase.len()), unplayed(plan, diary));
        add("there are sessions", format!("{sessions}"), too_few(sessions, expect.sessions));
        add("readings are delivered", format!("{readings}, {stray} in vain"), too_few(readings, expect.readings));
        add("a session is there in time", format!("{} phases", due(plan).count()), late_sessions(plan, diary));
        add(
            "attempts are counted on",
            format!("{} attempts, {} starts", attempts.len(), story.starts),
            story.miscounted,
        );
        add("no attempt comes early", format!("{} brought forward", story.brought_forward.len()), story.early);
        add("wakes are apart", format!("at least {} ms", expect.wake_interval_ms), story.hasty);
        for (name, most, window) in [
            ("attempts in an hour are limited", expect.attempts_per_hour, HOUR_MS),
            ("attempts in a day are limited", expect.attempts_per_day, DAY_MS),
        ] {
            let (busiest, faults) = too_often(&attempts, most, window);
            add(name, format!("at most {busiest} of {most}"), faults);
        }
        let percent = asleep(plan, diary);
        let faults = if percent < expect.asleep_percent {
            vec![format!("{} % expected", expect.asleep_percent)]
        } else {
            vec![]
        };
        add("waits are slept through", format!("{percent} % of the time without carrier"), faults);
    }
    checks.push(together(plan, diaries));
    Report { checks }
}

/// What goes wrong once in a week goes wrong a thousand times.
fn shortened(mut faults: Vec<String>) -> Vec<String> {
    const MOST: usize = 8;
    if let Some(more @ 1..) = faults.len().checked_sub(MOST) {
        faults.truncate(MOST);
        faults.push(format!("and {more} more"));
    }
    faults
}

fn none_of(garbled: usize) -> Vec<String> {
    if garbled == 0 { vec![] } else { vec![format!("{garbled} were not")] }
}

fn too_few(seen: usize, least: usize) -> Vec<String> {
    if seen < least { vec![format!("{seen}, of at least {least}")] } else { vec![] }
}

/// Every line has to carry one device, each another one.
fn devices(expect: &Expect, diaries: &[Diary]) -> Check {
    let mut ids: Vec<u32> = diaries.iter().filter_map(|diary| diary.device).collect();
    ids.sort_unstable();
    ids.dedup();
    let faults =
        if ids.len() == expect.devices as usize { vec![] } else { vec![format!("{} were expected", expect.devices)] };
    Check { name: "every device is there", device: None, faults, seen: format!("devices {ids:?}") }
}

/// Each phase with its begin and end, and the facts in it.
fn by_phase<'a>(plan: &'a Plan, diary: &'a Diary) -> impl Iterator<Item = (u64, &'a Phase, Vec<(u64, Fact)>)> {
    plan.phases().map(|(begin, phase)| {
        let within = |(at, _): &&(u64, Fact)| (begin..begin + phase.ms()).contains(at);
        (begin, phase, diary.facts.iter().filter(within).copied().collect())
    })
}

/// A phase in which the device does nothing proves nothing about it.
fn unplayed(plan: &Plan, diary: &Diary) -> Vec<String> {
    let does = |fact: &Fact| matches!(fact, Fact::Connect(_) | Fact::Delivered | Fact::Stray);
    by_phase(plan, diary)
        .filter(|(.., facts)| !facts.iter().any(|(_, fact)| does(fact)))
        .map(|(begin, phase, _)| {
            format!("nothing came in the phase of {} ({:?}, {:?})", moment(begin), phase.link, phase.network)
        })
        .collect()
}

fn due(plan: &Plan) -> impl Iterator<Item = (u64, u64)> {
    plan.phases().filter_map(|(begin, phase)| Some((begin, phase.session_within_s? * 1_000)))
}

fn late_sessions(plan: &Plan, diary: &Diary) -> Vec<String> {
    let is_up_at = |moment: u64| {
        let before = diary.facts.iter().filter(|(at, _)| *at <= moment);
        let mut states = before.filter_map(|(_, fact)| match fact {
            Fact::Established => Some(true),
            Fact::Lost | Fact::Dead => Some(false),
            _ => None,
        });
        states.next_back().unwrap_or(false)
    };
    due(plan)
        .filter(|(begin, within)| !is_up_at(begin + within))
        .map(|(begin, within)| format!("none {} s after {}", within / 1_000, moment(begin)))
        .collect()
}

/// The course that a device which keeps to its policy takes, and where this one departs from it.
#[derive(Debug, Default)]
struct Story {
    /// Failures since a session that lasted, which is the first of them.
    failures: u32,
    /// The device's own count of its latest attempt.
    counted: u32,
    /// The moment of an attempt that nothing has answered.
    pending: Option<u64>,
    up_since: Option<u64>,
    failed_at: Option<u64>,
    /// The carrier was back since the latest failure.
    is_woken: bool,
    starts: usize,
    brought_forward: Vec<u64>,
    miscounted: Vec<String>,
    early: Vec<String>,
    hasty: Vec<String>,
}

impl Story {
    fn tell(expect: &Expect, diary: &Diary) -> Self {
        let mut story = Self::default();
        for &(at, fact) in &diary.facts {
            match fact {
                Fact::Connect(attempt) => story.attempt(expect, at, attempt),
                Fact::Established => (story.up_since, story.pending) = (Some(at), None),
                Fact::Refused => story.fail(at),
                Fact::CarrierDown if story.pending.is_some() => story.fail(at),
                Fact::Lost | Fact::Dead => {
                    let lasted = story.up_since.take().is_some_and(|since| at - since >= expect.stable_ms);
                    if lasted {
                        (story.failures, story.counted) = (0, 1);
                    }
                    story.fail(at);
                }
                Fact::CarrierUp => story.is_woken = true,
                Fact::Boot => story.starts += 1,
                _ => {}
            }
        }
        story
    }

    fn fail(&mut self, at: u64) {
        (self.pending, self.failed_at, self.is_woken) = (None, Some(at), false);
        self.failures += 1;
    }

    fn attempt(&mut self, expect: &Expect, at: u64, counted: u32) {
        if let Some(begun) = self.pending {
            let was_woken = self.is_woken;
            self.fail(begun + expect.connect_timeout_ms);
            self.is_woken = was_woken;
        }
        if counted != self.counted + 1 {
            self.miscounted.push(format!("attempt {counted} after {} at {}", self.counted, moment(at)));
        }
        (self.counted, self.pending) = (counted, Some(at));
        let Some(failed_at) = self.failed_at else { return };
        let delay = expect.base_ms.saturating_mul(1 << (self.failures - 1).min(31)).min(expect.cap_ms);
        // Moments are whole milliseconds.
        if at + 1 >= failed_at + delay / 2 {
            return;
        }
        let gap = format!(
            "{} ms after failure {} at {}",
            at.cast_signed() - failed_at.cast_signed(),
            self.failures,
            moment(at)
        );
        if !self.is_woken || at < failed_at {
            self.early.push(gap);
        } else if self.brought_forward.last().is_some_and(|last| at < last + expect.wake_interval_ms) {
            self.hasty.push(gap);
        }
        self.brought_forward.push(at);
    }
}

/// Returns the most attempts in any such window, and the windows with too many.
fn too_often(attempts: &[u64], most: usize, window: u64) -> (usize, Vec<String>) {
    let within = |first: usize| attempts[first..].iter().take_while(|at| **at < attempts[first] + window).count();
    let counts: Vec<usize> = (0..attempts.len()).map(within).collect();
    let busiest = counts.iter().copied().max().unwrap_or(0);
    let worst = counts.iter().position(|count| *count == busiest && busiest > most);
    (busiest, worst.map(|first| format!("{busiest} from {}", moment(attempts[first]))).into_iter().collect())
}

/// Returns for how much of the time without carrier the device was in deep sleep, in percent.
fn asleep(plan: &Plan, diary: &Diary) -> u64 {
    let nights: Vec<_> = plan
        .phases()
        .filter(|(_, phase)| phase.link == Link::Down)
        .map(|(begin, phase)| (begin, begin + phase.ms()))
        .collect();
    let offs = diary.times(|fact| matches!(fact, Fact::Off(_)));
    // The first start is that at power-up.
    let boots = diary.times(|fact| *fact == Fact::Boot).into_iter().skip(1).chain([plan.ms()]);
    let asleep: u64 = offs
        .into_iter()
        .zip(boots)
        .flat_map(|(off, boot)| nights.iter().map(move |(begin, end)| boot.min(*end).saturating_sub(off.max(*begin))))
        .sum();
    let nights: u64 = nights.iter().map(|(begin, end)| end - begin).sum();
    asleep * 100 / nights.max(1)
}

/// Compares when two devices first try after the carrier is back: a whole fleet in the same second is a storm.
fn together(plan: &Plan, diaries: &[Diary]) -> Check {
    let returns: Vec<u64> =
        diaries.first().map(|diary| diary.times(|fact| *fact == Fact::CarrierUp)).unwrap_or_default();
    let is_first = |at: &u64| plan.phases().any(|(begin, phase)| begin == *at && phase.link == Link::Up);
    let (mut pairs, mut close) = (0, 0);
    for back in returns.into_iter().filter(is_first) {
        let first = |diary: &Diary| diary.attempts().into_iter().find(|at| *at >= back);
        let firsts: Vec<u64> = diaries.iter().filter_map(first).collect();
        for (index, one) in firsts.iter().enumerate() {
            for other in &firsts[index + 1..] {
                pairs += 1;
                close += usize::from(one.abs_diff(*other) < plan.expect.apart_ms);
            }
        }
    }
    let faults = if pairs == 0 || close * 2 > pairs { vec![format!("{close} of {pairs} are")] } else { vec![] };
    Check { name: "devices do not come back together", device: None, faults, seen: format!("{pairs} pairs") }
}
