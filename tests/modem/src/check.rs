//! The expectations, each a line that passes or fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::record::{Arrival, Record};
use crate::script::{Answer, Expect, Jitter, Rate, Script};

/// One expectation and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is expected.
    pub name: &'static str,
    /// Of which device, where it is not of all.
    pub device: Option<u32>,
    /// What contradicts it. Empty if nothing does.
    pub faults: Vec<String>,
    /// What was looked at.
    pub seen: String,
}

impl Check {
    /// Whether nothing contradicts it.
    pub fn passed(&self) -> bool {
        self.faults.is_empty()
    }
}

/// All expectations of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// In the order they are printed.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether all passed.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(Check::passed)
    }

    /// The names of those that failed.
    pub fn failures(&self) -> BTreeSet<&'static str> {
        self.checks.iter().filter(|check| !check.passed()).map(|check| check.name).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let verdict = if check.passed() { "pass" } else { "FAIL" };
            let device = check.device.map_or(String::new(), |device| format!(" [{device}]"));
            writeln!(f, "{verdict}{device} {} ({})", check.name, check.seen)?;
            for fault in &check.faults {
                writeln!(f, "       {fault}")?;
            }
        }
        let passed = self.checks.iter().filter(|check| check.passed()).count();
        write!(f, "{passed} passed, {} failed", self.checks.len() - passed)
    }
}

/// Judges the records of a session's links by what the script expects.
pub fn check(script: &Script, records: &[Record]) -> Report {
    let expect = &script.expect;
    let mut checks = vec![devices(expect, records), script_played(script, records)];
    for record in records {
        let mut add = |name, seen: String, faults: Vec<String>| {
            checks.push(Check { name, device: record.device(), faults, seen });
        };
        let arrivals = record.arrivals.len();
        let repeats = record.repeats().count();
        add("frames are intact", format!("{arrivals} requests"), garbled(record));
        add("everything is delivered", format!("{} requests", expect.requests), lost(expect, record));
        add("one request at a time", format!("{arrivals} attempts"), overtaking(record));
        add("attempts at a request are alike", format!("{repeats} repeated"), changed_payloads(record));
        add("nothing is sent after its acknowledgement", format!("{arrivals} attempts"), resent(expect, record));
        add("busy is respected", format!("{} times busy", busy_answers(record)), too_early_for_busy(expect, record));
        if let Some(ms) = expect.min_gap_ms {
            add("no attempt comes early", format!("{repeats} gaps, at least {ms} ms"), early(expect, ms, record));
        }
        if let Some(ms) = expect.max_gap_ms {
            add("no attempt comes late", format!("{repeats} gaps, at most {ms} ms"), late(expect, ms, record));
        }
        if let Some(most) = expect.max_attempts {
            add("attempts are limited", format!("at most {most}"), too_many_attempts(most, record));
        }
        if let Some(rate) = expect.rate {
            let seen = format!("at most {} in {} ms", rate.requests, rate.window_ms);
            add("requests are limited in rate", seen, too_often(expect, rate, record));
        }
        if let Some(ms) = expect.left_alone_ms {
            let longest = longest_silence(record);
            let faults = if longest < Duration::from_millis(ms.saturating_sub(expect.early_ms)) {
                vec![format!("never for {ms} ms")]
            } else {
                Vec::new()
            };
            add("a dead line is left alone", format!("for {} at most", self::ms(longest)), faults);
        }
    }
    if let Some(jitter) = expect.jitter {
        checks.push(in_step(expect, jitter, records));
    }
    Report { checks }
}

/// Every link has to carry one device, and every device a link.
fn devices(expect: &Expect, records: &[Record]) -> Check {
    let ids: BTreeSet<u32> = records.iter().flat_map(|record| &record.arrivals).map(|arrival| arrival.device).collect();
    let mut faults = Vec::new();
    if ids.len() != expect.devices as usize {
        faults.push(format!("{} devices were expected", expect.devices));
    }
    if records.iter().any(|record| record.arrivals.iter().any(|arrival| Some(arrival.device) != record.device())) {
        faults.push("two devices spoke on one link".to_owned());
    }
    if records.iter().any(|record| record.arrivals.is_empty()) {
        faults.push("a link stayed silent".to_owned());
    }
    Check { name: "every device is there", device: None, faults, seen: format!("devices {ids:?}") }
}

/// A fault that never came up proves nothing about the device.
fn script_played(script: &Script, records: &[Record]) -> Check {
    let used: BTreeSet<usize> =
        records.iter().flat_map(|record| &record.arrivals).filter_map(|arrival| arrival.rule).collect();
    let faults = (0..script.rule.len())
        .filter(|index| !used.contains(index))
        .map(|index| format!("rule {} ({}) never came up", index + 1, script.rule[index].answer))
        .collect();
    Check { name: "the script is played", device: None, faults, seen: format!("{} rules", script.rule.len()) }
}

fn garbled(record: &Record) -> Vec<String> {
    (record.garbled > 0).then(|| format!("{} were not", record.garbled)).into_iter().collect()
}

fn lost(expect: &Expect, record: &Record) -> Vec<String> {
    let mut faults: Vec<String> = (0..expect.requests)
        .filter(|&seq| record.delivered_at(seq).is_none())
        .map(|seq| format!("seq {seq} was never acknowledged"))
        .collect();
    let beyond: BTreeSet<u16> =
        record.arrivals.iter().map(|arrival| arrival.seq).filter(|&seq| seq >= expect.requests).collect();
    faults.extend(beyond.iter().map(|seq| format!("seq {seq} was not expected")));
    faults
}

/// A device that moves on before the acknowledgement has given something up, or took something else for it.
fn overtaking(record: &Record) -> Vec<String> {
    let pairs = record.arrivals.windows(2);
    pairs
        .filter(|pair| pair[0].seq != pair[1].seq)
        .filter(|pair| record.delivered_at(pair[0].seq).is_none_or(|at| at > pair[1].at))
        .map(|pair| format!("seq {} came before seq {} was acknowledged", pair[1].seq, pair[0].seq))
        .collect()
}

fn changed_payloads(record: &Record) -> Vec<String> {
    record
        .repeats()
        .filter(|(first, next)| first.payload != next.payload)
        .map(|(_, next)| format!("{}: another payload than before", name(next)))
        .collect()
}

fn resent(expect: &Expect, record: &Record) -> Vec<String> {
    let in_flight = Duration::from_millis(expect.in_flight_ms);
    let after = |arrival: &Arrival| arrival.at.checked_sub(record.delivered_at(arrival.seq)?);
    record
        .arrivals
        .iter()
        .filter_map(|arrival| Some((arrival, after(arrival).filter(|&after| after > in_flight)?)))
        .map(|(arrival, after)| format!("{}: {} after its acknowledgement", name(arrival), ms(after)))
        .collect()
}

fn busy_answers(record: &Record) -> usize {
    record.arrivals.iter().filter(|arrival| matches!(arrival.answer, Answer::Busy(_))).count()
}

fn too_early_for_busy(expect: &Expect, record: &Record) -> Vec<String> {
    let early = Duration::from_millis(expect.early_ms);
    record
        .repeats()
        .filter_map(|(first, next)| {
            let Answer::Busy(asked) = first.answer else { return None };
            let gap = next.at.saturating_sub(first.at);
            (gap + early < Duration::from_millis(asked.into()))
                .then(|| format!("{}: {} after having been told {asked} ms", name(next), ms(gap)))
        })
        .collect()
}

/// From when on the device can have known that this attempt failed; `None` if it did not.
fn failed_at(expect: &Expect, arrival: &Arrival) -> Option<Duration> {
    let timeout = Duration::from_millis(expect.timeout_ms);
    match arrival.answer {
        Answer::Ack | Answer::Duplicate(_) | Answer::Noisy(_) => None,
        Answer::Late(after) => (Duration::from_millis(after.into()) >= timeout).then_some(arrival.at + timeout),
        // Damage is not an answer: a device has to wait for one that may still come.
        Answer::Silence | Answer::Corrupt | Answer::Truncate => Some(arrival.at + timeout),
        Answer::Nak(_) | Answer::Busy(_) => Some(arrival.at),
    }
}

/// From each failure to the attempt after it; negative as zero.
fn gaps<'a>(expect: &'a Expect, record: &'a Record) -> impl Iterator<Item = (&'a Arrival, &'a Arrival, Duration)> {
    record.repeats().filter_map(|(first, next)| Some((first, next, next.at.saturating_sub(failed_at(expect, first)?))))
}

fn early(expect: &Expect, min_ms: u64, record: &Record) -> Vec<String> {
    let least = Duration::from_millis(min_ms.saturating_sub(expect.early_ms));
    gaps(expect, record)
        .filter(|(.., gap)| *gap < least)
        .map(|(_, next, gap)| format!("{}: {} after the failure", name(next), ms(gap)))
        .collect()
}

fn late(expect: &Expect, max_ms: u64, record: &Record) -> Vec<String> {
    gaps(expect, record)
        .filter(|(first, _, gap)| {
            let asked = if let Answer::Busy(asked) = first.answer { asked } else { 0 };
            *gap > Duration::from_millis(max_ms + u64::from(asked))
        })
        .map(|(_, next, gap)| format!("{}: {} after the failure", name(next), ms(gap)))
        .collect()
}

fn too_many_attempts(most: u32, record: &Record) -> Vec<String> {
    record.arrivals.iter().filter(|arrival| arrival.attempt > most).map(name).collect()
}

fn too_often(expect: &Expect, rate: Rate, record: &Record) -> Vec<String> {
    let window = Duration::from_millis(rate.window_ms.saturating_sub(expect.early_ms));
    record
        .arrivals
        .windows(rate.requests + 1)
        .filter_map(|some| some.first().zip(some.last()))
        .map(|(first, last)| (last, last.at.saturating_sub(first.at)))
        .filter(|(_, within)| *within < window)
        .map(|(last, within)| format!("{}: number {} within {}", name(last), rate.requests + 1, ms(within)))
        .collect()
}

fn longest_silence(record: &Record) -> Duration {
    let pairs = record.arrivals.windows(2);
    pairs.map(|pair| pair[1].at.saturating_sub(pair[0].at)).max().unwrap_or_default()
}

/// Compares the delays of every two devices: the first after attempt 1 met silence with the other's first, the second
/// with the second, and so on. Not by request: the same outage may meet two devices at different ones.
fn in_step(expect: &Expect, jitter: Jitter, records: &[Record]) -> Check {
    let delays: Vec<BTreeMap<_, Duration>> = records.iter().map(|record| delays_by_situation(expect, record)).collect();
    let (mut pairs, mut faults) = (0, Vec::new());
    for (index, one) in delays.iter().enumerate() {
        for (other, record) in delays.iter().zip(records).skip(index + 1) {
            let differences: Vec<Duration> =
                one.iter().filter_map(|(key, gap)| Some(gap.abs_diff(*other.get(key)?))).collect();
            pairs += differences.len();
            let two = format!("devices {:?} and {:?}", records[index].device(), record.device());
            if differences.len() < jitter.pairs {
                faults.push(format!("{two}: only {} delays to compare", differences.len()));
            }
            let close = differences.iter().filter(|d| **d < Duration::from_millis(jitter.apart_ms)).count();
            if close * 2 > differences.len() {
                faults.push(format!("{two}: {close} of {} delays are alike", differences.len()));
            }
        }
    }
    if delays.len() < 2 {
        faults.push("it takes two devices".to_owned());
    }
    Check { name: "devices do not retry in step", device: None, faults, seen: format!("{pairs} pairs of delays") }
}

/// By attempt, what it met, and how often that had happened before.
fn delays_by_situation(expect: &Expect, record: &Record) -> BTreeMap<(u32, Answer, u32), Duration> {
    let mut times = BTreeMap::<_, u32>::new();
    let mut delays = BTreeMap::new();
    for (first, _, gap) in gaps(expect, record) {
        let time = times.entry((first.attempt, first.answer)).or_default();
        delays.insert((first.attempt, first.answer, *time), gap);
        *time += 1;
    }
    delays
}

fn name(arrival: &Arrival) -> String {
    format!("seq {} attempt {}", arrival.seq, arrival.attempt)
}

fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
