//! The model: a list of everything that counted since the circuit closed, looked through from the beginning each time.

use redress_core::{BreakerState, ErrorClass, breaker::BreakerMode};

/// The configuration, in plain numbers of milliseconds, calls and percent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) name: &'static str,
    pub(crate) buckets: u64,
    pub(crate) window: u64,
    pub(crate) window_of_calls: Option<u64>,
    pub(crate) failure_rate: u64,
    pub(crate) minimum: u64,
    pub(crate) failure_count: Option<u64>,
    pub(crate) slow: Option<(u64, u64)>,
    pub(crate) recovery: u64,
    pub(crate) growing: Option<(u64, u64)>,
    pub(crate) probes: u64,
    pub(crate) probe_rate: u64,
    pub(crate) lease: u64,
    pub(crate) progressive: Option<u64>,
    pub(crate) abandoned: Option<(u64, ErrorClass)>,
}

/// A permit: in which period of which state the call was admitted.
pub(crate) type Mark = u64;

/// What ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Success(u64),
    Failure(ErrorClass, u64),
    Abandoned(u64),
    Released,
}

#[derive(Debug)]
pub(crate) struct Model {
    rules: Rules,
    /// By how much the clock lengthens spans.
    pub(crate) slack: u64,
    pub(crate) now: u64,
    pub(crate) state: BreakerState,
    pub(crate) mode: BreakerMode,
    period: u64,
    /// When the state was entered; half-open, the latest admission.
    since: u64,
    /// Bucket number, failed, slow, of each call since the circuit closed.
    calls: Vec<(u64, bool, bool)>,
    /// Time zero of the buckets, and the latest of them.
    origin: u64,
    bucket: u64,
    closed_at: u64,
    openings: u32,
    out: u64,
    succeeded: u64,
    failed: u64,
    /// Progressive: 255ths added up, and calls admitted.
    ramp: Option<(u64, u64)>,
    pub(crate) heard: Vec<(BreakerState, BreakerState)>,
}

impl Model {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            slack: 0,
            now: 0,
            state: BreakerState::Closed,
            mode: BreakerMode::Automatic,
            period: 0,
            since: 0,
            calls: Vec::new(),
            origin: 0,
            bucket: 0,
            closed_at: 0,
            openings: 0,
            out: 0,
            succeeded: 0,
            failed: 0,
            ramp: None,
            heard: Vec::new(),
        }
    }

    /// Admits a call, or says how long there are none.
    pub(crate) fn admit(&mut self) -> Result<Mark, u64> {
        match self.state {
            BreakerState::Closed => {
                let (Some((sum, admitted)), Some(span)) = (self.ramp, self.rules.progressive) else {
                    return Ok(self.period);
                };
                self.slide();
                let passed = self.now - self.closed_at;
                if passed >= span {
                    self.ramp = None;
                    return Ok(self.period);
                }
                let sum = sum + (passed * 255 / span).max(1);
                let is_admitted = sum > 255 * admitted;
                self.ramp = Some((sum, admitted + u64::from(is_admitted)));
                if is_admitted { Ok(self.period) } else { Err(span - passed) }
            }
            BreakerState::Open if self.mode == BreakerMode::Isolated => Err(self.rules.recovery),
            BreakerState::Open => {
                let left = (self.since + self.open_time() + self.slack).saturating_sub(self.now);
                if left > 0 {
                    return Err(left);
                }
                (self.out, self.succeeded, self.failed) = (1, 0, 0);
                self.enter(BreakerState::HalfOpen);
                Ok(self.period)
            }
            BreakerState::HalfOpen => {
                if self.out + self.succeeded + self.failed >= self.rules.probes {
                    let left = (self.since + self.rules.lease + self.slack).saturating_sub(self.now);
                    if left > 0 {
                        return Err(left);
                    }
                    // Those that are out are lost.
                    self.out = 0;
                    self.period += 1;
                }
                self.out += 1;
                self.since = self.now;
                Ok(self.period)
            }
            state => unreachable!("{state}"),
        }
    }

    pub(crate) fn end(&mut self, mark: Mark, end: End) -> Option<BreakerState> {
        if mark != self.period || self.state == BreakerState::Open {
            return None;
        }
        let (failure, took) = match end {
            End::Success(took) => (None, took),
            End::Failure(class, took) => (Some(class), took),
            End::Abandoned(took) => match self.rules.abandoned {
                Some((after, class)) if took >= after => (Some(class), took),
                _ => return self.end(mark, End::Released),
            },
            End::Released => {
                self.out = self.out.saturating_sub(1);
                return None;
            }
        };
        if failure == Some(ErrorClass::Unknown) {
            return self.end(mark, End::Released);
        }
        let fails = failure.is_some_and(|class| matches!(class, ErrorClass::Transient | ErrorClass::ServerError));
        let slow = self.rules.slow.is_some_and(|(threshold, _)| took >= threshold);
        let before = self.state;
        if before == BreakerState::HalfOpen {
            self.out -= 1;
            if fails || slow {
                self.failed += 1;
            } else {
                self.succeeded += 1;
            }
            let needed = (self.rules.probes * self.rules.probe_rate).div_ceil(100);
            if self.succeeded >= needed {
                self.close();
            } else if self.failed > self.rules.probes - needed {
                self.open();
            }
        } else if self.mode != BreakerMode::Disabled {
            self.slide();
            self.count(fails, slow);
            if (fails || slow) && self.mode == BreakerMode::Automatic && self.is_too_much() {
                self.open();
            }
        }
        (self.state != before).then_some(self.state)
    }

    fn count(&mut self, fails: bool, slow: bool) {
        if let Some(window) = self.rules.window_of_calls {
            let size = window.div_ceil(self.rules.buckets);
            if self.calls.iter().filter(|call| call.0 == self.bucket).count() as u64 >= size {
                self.bucket += 1;
            }
        }
        self.calls.push((self.bucket, fails, slow));
    }

    fn slide(&mut self) {
        if self.rules.window_of_calls.is_some() {
            return;
        }
        let length = self.rules.window.div_ceil(self.rules.buckets) + self.slack;
        let bucket = (self.now - self.origin) / length;
        if bucket - self.bucket >= self.rules.buckets {
            self.calls.clear();
            (self.origin, self.bucket) = (self.now, 0);
        } else {
            self.bucket = bucket;
        }
    }

    /// Calls in the window, failed ones, slow ones.
    pub(crate) fn counts(&mut self) -> (u64, u64, u64) {
        if self.state == BreakerState::Closed {
            self.slide();
        }
        let fresh = || self.calls.iter().filter(|call| call.0 + self.rules.buckets > self.bucket);
        let count = |calls: usize| calls as u64;
        (
            count(fresh().count()),
            count(fresh().filter(|call| call.1).count()),
            count(fresh().filter(|call| call.2).count()),
        )
    }

    fn is_too_much(&mut self) -> bool {
        let (calls, failed, slow) = self.counts();
        let reaches = |some: u64, rate: u64| calls >= self.rules.minimum && some * 100 >= rate * calls;
        self.rules.failure_count.is_some_and(|count| failed >= count)
            || reaches(failed, self.rules.failure_rate)
            || self.rules.slow.is_some_and(|(_, rate)| reaches(slow, rate))
    }

    fn open_time(&self) -> u64 {
        match self.rules.growing {
            Some((longest, _)) => (self.rules.recovery << (self.openings - 1).min(40)).min(longest),
            None => self.rules.recovery,
        }
    }

    fn open(&mut self) {
        let healthy_after = self.rules.growing.map_or(0, |(_, healthy)| healthy);
        if self.state == BreakerState::Closed && self.now - self.closed_at >= healthy_after {
            self.openings = 0;
        }
        self.openings += 1;
        self.ramp = None;
        self.enter(BreakerState::Open);
    }

    fn close(&mut self) {
        self.calls.clear();
        (self.origin, self.bucket, self.closed_at) = (self.now, 0, self.now);
        self.ramp = self.rules.progressive.map(|_| (0, 0));
        self.enter(BreakerState::Closed);
    }

    fn enter(&mut self, state: BreakerState) {
        self.heard.push((self.state, state));
        self.period += 1;
        (self.state, self.since) = (state, self.now);
    }

    /// Time passes, and those who hold permits are gone.
    pub(crate) fn sleep(&mut self, millis: u64) {
        self.slide();
        self.now += millis;
        self.out = 0;
        self.period += 1;
    }

    pub(crate) fn open_by_hand(&mut self) {
        self.openings = self.openings.max(1);
        self.ramp = None;
        self.enter(BreakerState::Open);
    }

    pub(crate) fn close_by_hand(&mut self) {
        self.close();
        self.openings = 0;
        self.ramp = None;
    }

    pub(crate) fn set_mode(&mut self, mode: BreakerMode) {
        let before = std::mem::replace(&mut self.mode, mode);
        match mode {
            _ if mode == before => {}
            BreakerMode::Isolated => self.open_by_hand(),
            BreakerMode::Automatic if before == BreakerMode::Isolated => self.open_by_hand(),
            BreakerMode::Automatic => {}
            _ => self.close_by_hand(),
        }
    }

    pub(crate) fn retry_after(&self) -> Option<u64> {
        match (self.state, self.mode) {
            (BreakerState::Open, BreakerMode::Isolated) => Some(self.rules.recovery),
            (BreakerState::Open, _) => Some((self.since + self.open_time() + self.slack).saturating_sub(self.now)),
            _ => None,
        }
    }
}
