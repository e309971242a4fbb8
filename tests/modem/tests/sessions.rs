//! Sessions in simulated time: a device of the bare machine passes the week, and each way to misbehave fails its check.

use std::collections::BTreeSet;
use std::time::Duration;

use frame::{Frame, Parser, Request};
use modem::Report;
use modem::sessions::{Diary, Plan, World, check};
use redress_core::keeper::{Keep, KeepConfig, Sessions};
use redress_core::{Backoff, ErrorClass, Instant, Millis, Policy, RandomSource, Retry, SeededRandom};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const POLICY: Policy = Policy::new(Retry::new(Backoff::equal_jitter(secs(4), secs(3_600))));
const CONFIG: KeepConfig = KeepConfig::new(secs(60)).spread(secs(60)).wake_interval(secs(10));

static KEEP: Keep = Keep::new(POLICY, CONFIG.attempts_per_day(40));
static WITHOUT_DAY: Keep = Keep::new(POLICY, CONFIG);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    /// Takes each session for one that has lasted.
    ResetsAtHandshake,
    /// Starts anew after deep sleep.
    ForgetsInSleep,
    /// Tries at once whenever the carrier is back.
    Hot,
    /// Knows no limit of the day.
    WithoutDay,
    /// Never sleeps deeply.
    Insomnia,
    /// Takes no news of the carrier.
    Deaf,
    /// Makes no attempt after the first session is lost.
    GivesUp,
    /// Delivers nothing.
    Idle,
    /// Answers the modem.
    TalksBack,
}

const NEVER: u64 = u64::MAX;

struct Device<'a> {
    world: World<'a>,
    id: u32,
    bug: Bug,
    keep: &'static Keep<'static>,
    link: Sessions<'static, 1_000>,
    random: SeededRandom,
    now: u64,
    seq: u16,
    attempt: u32,
    is_in_session: bool,
    /// When the answer to the latest frame is late.
    answer_due: u64,
    reading_due: u64,
    gave_up: bool,
}

/// What the modem said in its turn.
struct Turn {
    now: u64,
    said: Vec<Said>,
}

enum Said {
    Ack(u16),
    Nak,
    Lost,
    CarrierUp,
    Over,
}

fn read(bytes: &[u8]) -> Turn {
    let (mut parser, mut turn, mut follow) = (Parser::new(), Turn { now: 0, said: vec![] }, 0);
    for &byte in bytes {
        let Some(frame) = parser.push(byte) else { continue };
        turn.said.push(match frame.unwrap() {
            Frame::Now { at_ms, follow: frames } => {
                (turn.now, follow) = (at_ms, frames);
                continue;
            }
            Frame::Ack(ack) => Said::Ack(ack.seq),
            Frame::Nak { .. } => Said::Nak,
            Frame::HungUp | Frame::Carrier { is_up: false } => Said::Lost,
            Frame::Carrier { is_up: true } => Said::CarrierUp,
            Frame::Over => Said::Over,
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(turn.said.len(), usize::from(follow));
    turn
}

impl<'a> Device<'a> {
    fn new(plan: &'a Plan, id: u32, bug: Bug, seed: u64) -> Self {
        let keep = if bug == Bug::WithoutDay { &WITHOUT_DAY } else { &KEEP };
        let mut random = SeededRandom::new(seed);
        let link = Sessions::new(keep, Instant::ZERO, || random.next_u32());
        Self {
            world: World::new(plan),
            id,
            bug,
            keep,
            link,
            random,
            now: 0,
            seq: 0,
            attempt: 0,
            is_in_session: false,
            answer_due: NEVER,
            reading_due: NEVER,
            gave_up: false,
        }
    }

    fn at(&self) -> Instant {
        Instant::from_ticks(self.now)
    }

    fn live(mut self) -> Diary {
        let mut bytes = self.world.on_frame(Some(Frame::Boot { device: self.id }));
        loop {
            let turn = read(&bytes);
            self.now = turn.now;
            for said in turn.said {
                match said {
                    Said::Over => return self.world.into_diary(),
                    Said::Ack(seq) if seq == self.seq && self.answer_due != NEVER => self.on_answer(),
                    Said::Nak if self.answer_due != NEVER => self.lose(),
                    Said::Lost if self.is_in_session || self.answer_due != NEVER => self.lose(),
                    Said::CarrierUp => self.on_carrier(),
                    Said::Ack(_) | Said::Nak | Said::Lost => {}
                }
            }
            if self.bug == Bug::TalksBack && self.is_in_session {
                self.world.on_frame(Some(Frame::HungUp));
            }
            bytes = loop {
                let next = self.next();
                if next > self.now {
                    break self.wait(next);
                }
                self.act();
            };
        }
    }

    fn is_offline(&self) -> bool {
        !self.is_in_session && self.answer_due == NEVER
    }

    fn next(&self) -> u64 {
        let attempt = match self.link.poll_at() {
            Some(at) if self.is_offline() && !self.gave_up => at.ticks(),
            _ => NEVER,
        };
        attempt.min(self.answer_due).min(self.reading_due)
    }

    fn act(&mut self) {
        if self.answer_due <= self.now {
            self.lose();
        } else if self.reading_due <= self.now {
            (self.reading_due, self.seq) = (NEVER, self.seq.wrapping_add(1));
            self.answer_due = self.now + 10_000;
            self.world.on_frame(Some(Request::new(self.id, self.seq, b"reading").unwrap().into()));
        } else if self.link.on_wake(self.at()).unwrap() {
            self.connect();
        }
    }

    fn connect(&mut self) {
        (self.attempt, self.seq) = (self.link.attempt().number, self.seq.wrapping_add(1));
        self.answer_due = self.now + 30_000;
        let (device, seq, attempt) = (self.id, self.seq, self.attempt);
        self.world.on_frame(Some(Frame::Connect { device, seq, attempt }));
    }

    fn on_answer(&mut self) {
        self.answer_due = NEVER;
        if self.is_in_session {
            self.reading_due = self.now + 600_000;
        } else {
            self.link.on_established(self.at());
            self.is_in_session = true;
            self.reading_due = if self.bug == Bug::Idle { NEVER } else { self.now };
        }
    }

    fn lose(&mut self) {
        let was_in_session = std::mem::take(&mut self.is_in_session);
        (self.answer_due, self.reading_due) = (NEVER, NEVER);
        self.gave_up = self.bug == Bug::GivesUp && was_in_session;
        if self.bug == Bug::ResetsAtHandshake && was_in_session {
            self.start_anew();
            return;
        }
        let (now, random) = (self.at(), &mut self.random);
        let _ = self.link.on_lost(now, ErrorClass::Transient, || random.next_u32());
    }

    fn start_anew(&mut self) {
        let (now, random) = (self.at(), &mut self.random);
        self.link = Sessions::new(self.keep, now, || random.next_u32());
    }

    fn on_carrier(&mut self) {
        if self.bug == Bug::Deaf || !self.is_offline() {
            return;
        }
        if self.bug == Bug::Hot {
            // To the machine it is later than it is.
            let next = Instant::from_ticks(self.next());
            if self.link.on_wake(next).unwrap() {
                self.connect();
            }
            return;
        }
        let (now, random) = (self.at(), &mut self.random);
        self.link.on_link_up(now, || random.next_u32());
    }

    /// Waits, in deep sleep if there is nothing but a long wait. Returns what the modem says then.
    fn wait(&mut self, next: u64) -> Vec<u8> {
        if !self.is_offline() || next - self.now <= 60_000 || next == NEVER || self.bug == Bug::Insomnia {
            return self.world.on_frame(Some(Frame::Idle { until_ms: next }));
        }
        let now = self.now;
        let awake = Sessions::new(self.keep, self.at(), || 0);
        let link = std::mem::replace(&mut self.link, awake);
        let checkpoint = link.suspend(Instant::from_ticks(now));
        self.world.on_frame(Some(Frame::Off { until_ms: next }));
        let bytes = self.world.on_frame(Some(Frame::Boot { device: self.id }));
        self.now = read(&bytes).now;
        if self.bug == Bug::ForgetsInSleep {
            self.start_anew();
        } else {
            let slept = Millis::new(u32::try_from(self.now - now).unwrap());
            self.link = Sessions::resume(self.keep, &checkpoint, slept, self.at()).unwrap();
        }
        bytes
    }
}

fn report(devices: [(u32, Bug, u64); 2]) -> Report {
    let plan = Plan::load(concat!(env!("CARGO_MANIFEST_DIR"), "/plans/week.toml").as_ref()).unwrap();
    let diaries = devices.map(|(id, bug, seed)| Device::new(&plan, id, bug, seed).live());
    check(&plan, &diaries)
}

#[test]
fn a_device_that_behaves_passes_the_week() {
    let report = report([(7, Bug::None, 1), (9, Bug::None, 2)]);
    assert!(report.passed(), "{report}");
    assert!(report.to_string().ends_with("24 passed, 0 failed"), "{report}");
}

#[test]
fn each_way_to_misbehave_fails_its_check() {
    const COUNT: &str = "attempts are counted on";
    const DAY: &str = "attempts in a day are limited";
    const EARLY: &str = "no attempt comes early";
    const HOUR: &str = "attempts in an hour are limited";
    const IN_TIME: &str = "a session is there in time";
    const READINGS: &str = "readings are delivered";
    // What else it fails follows from that.
    for (bug, expected) in [
        (Bug::ResetsAtHandshake, &[COUNT, EARLY][..]),
        (Bug::ForgetsInSleep, &[COUNT, EARLY, DAY, HOUR]),
        (Bug::Hot, &["wakes are apart", DAY, HOUR]),
        (Bug::WithoutDay, &[DAY]),
        (Bug::Insomnia, &["waits are slept through"]),
        (Bug::Deaf, &[IN_TIME]),
        (Bug::GivesUp, &["the plan is played", "there are sessions", READINGS, IN_TIME]),
        (Bug::Idle, &[READINGS]),
        (Bug::TalksBack, &["frames are intact"]),
    ] {
        let report = report([(7, Bug::None, 1), (9, bug, 2)]);
        println!("{bug:?} {:?}", report.failures());
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        assert!(report.failures().is_superset(&expected), "{bug:?}\n{report}");
        assert!(report.checks.iter().all(|check| check.device != Some(7) || check.passed()), "{bug:?}\n{report}");
    }
}

#[test]
fn devices_of_one_seed_come_back_together() {
    let report = report([(7, Bug::None, 5), (9, Bug::None, 5)]);
    assert_eq!(report.failures(), BTreeSet::from(["devices do not come back together"]), "{report}");
}

#[test]
fn one_device_twice_is_not_two() {
    let report = report([(7, Bug::None, 1), (7, Bug::None, 2)]);
    assert_eq!(report.failures(), BTreeSet::from(["every device is there"]), "{report}");
}

#[test]
fn a_misspelt_plan_is_refused() {
    let plan = include_str!("../plans/week.toml");
    assert!(Plan::parse(plan).is_ok());
    for (right, wrong) in [("minutes = 360", "hours = 6"), ("\"dead\"", "\"mute\""), ("devices = 2", "devices = -2")] {
        assert!(Plan::parse(&plan.replacen(right, wrong, 1)).is_err(), "{wrong}");
    }
}
