//! When the attempts of a call start that fails and fails: found by running core's machine.
//!
//! - earliest: every random number is 0;
//! - latest: every random number is the largest, and no deadline; then no later than one millisecond before the deadline,
//!   because a wait that would reach it is not begun;
//! - median, and how many calls get so far at all: [`RUNS`] calls with random numbers of their own.
//!
//! Seeds are fixed, so the same file gives the same figures. Breaker and budget are left out: they depend on other calls.

use std::collections::BTreeMap;

use redress_core::{Attempts, Decision};
use redress_std::{
    Classification, ConfigError, ErrorClass, Instant, Millis, Policy, RandomSource, RetryConfig, SeededRandom,
    StopReason,
};

/// Calls that are played; odd, so that there is one in the middle.
pub(crate) const RUNS: u32 = 4_001;

/// Attempts that are looked at; a call may make more.
pub(crate) const MOST: usize = 200;

/// A call as it is played.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    /// How its attempts fail.
    pub(crate) class: ErrorClass,
    /// How long an attempt takes to fail.
    pub(crate) attempt: Millis,
    /// The hint of the server.
    pub(crate) retry_after: Option<Millis>,
}

/// All spans are in milliseconds from the start of the call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Schedule {
    pub(crate) rows: Vec<Row>,
    /// When half of the calls have given up; `None` if that comes after [`MOST`] attempts.
    pub(crate) median_end: Option<u64>,
    /// When every call has given up; `None` if there is no end.
    pub(crate) latest_end: Option<u64>,
    /// Whether calls go on after what was looked at.
    pub(crate) goes_on: bool,
    /// Why they give up, as shares of all calls.
    pub(crate) reasons: Vec<(StopReason, f64)>,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) earliest: u64,
    /// A tenth, half, nine tenths of those calls that get so far.
    pub(crate) tenth: u64,
    pub(crate) median: u64,
    pub(crate) nine_tenths: u64,
    pub(crate) latest: u64,
    /// The share of calls that get so far.
    pub(crate) reached: f64,
}

/// A call that was played.
struct Played {
    starts: Vec<u64>,
    end: u64,
    /// `None` if it would go on.
    reason: Option<StopReason>,
}

impl Call {
    fn play(self, policy: &Policy<'_>, mut random: impl RandomSource) -> Played {
        let mut classification = Classification::new(self.class);
        if let Some(hint) = self.retry_after {
            classification = classification.retry_after(hint);
        }
        let mut now = Instant::ZERO;
        let mut attempts = Attempts::<1_000>::start(policy, now).expect("a policy without breaker admits every call");
        let mut starts = Vec::new();
        loop {
            starts.push(now.ticks());
            // As async environments do, the attempt is ended at its timeout and at the deadline.
            let left = attempts.attempt().remaining.unwrap_or(Millis::MAX);
            now = now.saturating_add(u64::from(self.attempt.min(left).get()));
            let reason = match attempts.on_failure(now, classification, || random.next_u32()) {
                Decision::RetryAt(_) if starts.len() == MOST => None,
                Decision::RetryAt(at) => {
                    now = at;
                    match attempts.on_wake(now) {
                        Ok(()) => continue,
                        Err(rejected) => Some(rejected.reason()),
                    }
                }
                Decision::Stop(reason) => Some(reason),
            };
            return Played { starts, end: now.ticks(), reason };
        }
    }

    /// The schedule of calls that fail like this one.
    pub(crate) fn schedule(self, config: &RetryConfig) -> Result<Schedule, ConfigError> {
        let policy = Policy::from_config(config)?;
        let timeout = config.attempt_timeout_ms;
        let earliest = self.play(&policy, || 0);
        let retry_after_cap_ms = config.retry_after_cap_ms.or(config.deadline_ms);
        let endless = RetryConfig { deadline_ms: None, retry_after_cap_ms, ..config.clone() };
        let latest = self.play(&Policy::from_config(&endless)?, || u32::MAX);
        let deadline = config.deadline_ms.map_or(u64::MAX, |deadline| u64::from(deadline.get()));

        let calls: Vec<Played> = (0..RUNS).map(|seed| self.play(&policy, SeededRandom::new(seed.into()))).collect();
        let mut starts = vec![Vec::new(); earliest.starts.len()];
        let mut reasons = BTreeMap::new();
        for call in &calls {
            for (all, start) in starts.iter_mut().zip(&call.starts) {
                all.push(*start);
            }
            if let Some(reason) = call.reason {
                reasons.entry(reason.as_str()).or_insert((reason, 0_u32)).1 += 1;
            }
        }
        let rows: Vec<Row> = earliest
            .starts
            .iter()
            .zip(&latest.starts)
            .zip(&mut starts)
            .map(|((earliest, latest), starts)| {
                // Of an attempt that no played call gets to, only the bounds are known.
                let latest = (*latest).min(deadline - 1).max(*earliest);
                let [tenth, median, nine_tenths] =
                    [1, 5, 9].map(|tenths| quantile(starts, tenths).unwrap_or(*earliest));
                Row { earliest: *earliest, tenth, median, nine_tenths, latest, reached: share(starts.len()) }
            })
            .collect();
        let mut ends: Vec<u64> =
            calls.iter().map(|call| if call.reason.is_some() { call.end } else { u64::MAX }).collect();
        let took = u64::from(timeout.unwrap_or(Millis::MAX).min(self.attempt).get());
        let latest_end = rows.last().map(|row| row.latest.saturating_add(took).min(deadline.max(row.latest)));
        Ok(Schedule {
            rows,
            median_end: quantile(&mut ends, 5).filter(|end| *end != u64::MAX),
            latest_end: latest_end.filter(|_| earliest.reason.is_some() || deadline != u64::MAX),
            goes_on: calls.iter().any(|call| call.reason.is_none()),
            reasons: reasons.into_values().map(|(reason, calls)| (reason, share(calls as usize))).collect(),
        })
    }
}

/// Classes that fail alike, and their schedule.
pub(crate) struct Group {
    pub(crate) title: String,
    pub(crate) schedule: Schedule,
}

impl Schedule {
    /// Attempts per call if each attempt fails with this probability, independently of the one before.
    pub(crate) fn load(&self, failure_rate: f64) -> f64 {
        self.rows.iter().fold((0.0, 1.0), |(sum, chance), row| (sum + chance * row.reached, chance * failure_rate)).0
    }

    /// The share of calls that succeed.
    pub(crate) fn success(&self, failure_rate: f64) -> f64 {
        self.load(failure_rate) * (1.0 - failure_rate)
    }
}

fn share(calls: usize) -> f64 {
    u32::try_from(calls).map_or(1.0, |calls| f64::from(calls) / f64::from(RUNS))
}

/// The value that so many tenths of the values are not above.
fn quantile(values: &mut [u64], tenths: usize) -> Option<u64> {
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    values.get(last * tenths / 10).copied()
}

/// Formats milliseconds as seconds.
pub(crate) fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

#[cfg(test)]
mod tests {
    use redress_std::{BackoffConfig, DelayConfig};

    use super::*;

    const BASE: Millis = Millis::new(100);
    const MAX: Millis = Millis::new(1_000);

    fn config(delay: DelayConfig) -> RetryConfig {
        RetryConfig {
            max_attempts: Some(5),
            deadline_ms: None,
            backoff: Some(BackoffConfig::from(delay)),
            ..RetryConfig::default()
        }
    }

    fn schedule(config: &RetryConfig, attempt: u32) -> Schedule {
        let call = Call { class: ErrorClass::Transient, attempt: Millis::new(attempt), retry_after: None };
        call.schedule(config).expect("sound")
    }

    fn column(schedule: &Schedule, column: impl Fn(&Row) -> u64) -> Vec<u64> {
        schedule.rows.iter().map(column).collect()
    }

    #[test]
    fn without_jitter_there_is_one_schedule() {
        // Delays 100, 200, 400, 800.
        let schedule = schedule(&config(DelayConfig::Exponential { base_ms: BASE, max_ms: MAX }), 10);
        for each in [|row: &Row| row.earliest, |row: &Row| row.median, |row: &Row| row.latest, |row: &Row| row.tenth] {
            assert_eq!(column(&schedule, each), [0, 110, 320, 730, 1_540]);
        }
        assert_eq!((schedule.median_end, schedule.latest_end), (Some(1_550), Some(1_550)));
        assert_eq!(schedule.reasons, [(StopReason::MaxAttemptsGlobal, 1.0)]);
    }

    #[test]
    fn full_jitter_reaches_from_nothing_to_just_below_the_ceilings() {
        // Ceilings 200, 400, 800, 1000, which are themselves never drawn.
        let schedule = schedule(&config(DelayConfig::FullJitter { base_ms: BASE, max_ms: MAX }), 0);
        assert_eq!(column(&schedule, |row| row.earliest), [0; 5]);
        assert_eq!(column(&schedule, |row| row.latest), [0, 199, 598, 1_397, 2_396]);
        let medians = column(&schedule, |row| row.median);
        for (median, mean) in medians.iter().zip([0_u64, 100, 300, 700, 1_200]) {
            assert!(median.abs_diff(mean) * 20 <= mean, "{medians:?}");
        }
    }

    #[test]
    fn equal_jitter_waits_at_least_half() {
        let schedule = schedule(&config(DelayConfig::EqualJitter { base_ms: BASE, max_ms: MAX }), 0);
        assert_eq!(column(&schedule, |row| row.earliest), [0, 100, 300, 700, 1_200]);
        assert_eq!(column(&schedule, |row| row.latest), [0, 200, 600, 1_400, 2_400]);
        let medians = column(&schedule, |row| row.median);
        for (median, mean) in medians.iter().zip([0_u64, 150, 450, 1_050, 1_800]) {
            assert!(median.abs_diff(mean) * 20 <= mean, "{medians:?}");
        }
    }

    #[test]
    fn decorrelated_jitter_grows_from_the_delay_before() {
        // At least the base each time; at most 299, 896, and then the cap.
        let schedule = schedule(&config(DelayConfig::DecorrelatedJitter { base_ms: BASE, max_ms: MAX }), 0);
        assert_eq!(column(&schedule, |row| row.earliest), [0, 100, 200, 300, 400]);
        assert_eq!(column(&schedule, |row| row.latest), [0, 299, 299 + 896, 299 + 896 + 1_000, 299 + 896 + 2_000]);
        // The first is uniform from 100 to 300.
        assert!(schedule.rows[1].median.abs_diff(200) <= 10, "{:?}", schedule.rows[1]);
    }

    #[test]
    fn the_deadline_cuts_what_comes_late() {
        // Uniform from 0 to 200 before the second attempt, so about half of the calls make one.
        let mut config = config(DelayConfig::FullJitter { base_ms: BASE, max_ms: MAX });
        config.max_attempts = Some(2);
        config.deadline_ms = Some(BASE);
        let schedule = schedule(&config, 0);
        assert_eq!(schedule.rows[1].latest, 99);
        assert!((schedule.rows[1].reached - 0.5).abs() < 0.03, "{}", schedule.rows[1].reached);
        let reasons: Vec<StopReason> = schedule.reasons.iter().map(|(reason, _)| *reason).collect();
        assert_eq!(reasons, [StopReason::DeadlineExceeded, StopReason::MaxAttemptsGlobal]);
        assert!((schedule.load(1.0) - 1.5).abs() < 0.03);
    }

    #[test]
    fn timeouts_cut_attempts_also_at_the_deadline() {
        let mut config = config(DelayConfig::Constant { delay_ms: BASE });
        config.attempt_timeout_ms = Some(Millis::new(300));
        config.deadline_ms = Some(Millis::new(1_000));
        let schedule = schedule(&config, 5_000);
        assert_eq!(column(&schedule, |row| row.latest), [0, 400, 800]);
        assert_eq!(schedule.latest_end, Some(1_000));
    }

    #[test]
    fn load_is_the_geometric_sum() {
        let schedule = schedule(&config(DelayConfig::None), 0);
        assert!((schedule.load(0.0) - 1.0).abs() < 1e-9);
        // (1 - 0.5^5) / (1 - 0.5)
        assert!((schedule.load(0.5) - 1.9375).abs() < 1e-9);
        assert!((schedule.success(0.5) - (1.0 - 0.03125)).abs() < 1e-9);
        assert!((schedule.load(1.0) - 5.0).abs() < 1e-9);
    }

    #[test]
    fn a_deadline_ends_attempts_without_limit() {
        let mut config = config(DelayConfig::Constant { delay_ms: BASE });
        (config.max_attempts, config.deadline_ms) = (None, Some(Millis::new(500)));
        let schedule = schedule(&config, 30);
        assert_eq!(column(&schedule, |row| row.latest), [0, 130, 260, 390]);
        assert_eq!((schedule.goes_on, schedule.latest_end), (false, Some(420)));
    }

    #[test]
    fn attempts_without_end() {
        let endless = RetryConfig { max_attempts: None, ..config(DelayConfig::Constant { delay_ms: BASE }) };
        let schedule = schedule(&endless, 0);
        assert_eq!(schedule.rows.len(), MOST);
        assert!(schedule.goes_on);
        assert_eq!((schedule.median_end, schedule.latest_end, schedule.reasons.len()), (None, None, 0));
    }
}
