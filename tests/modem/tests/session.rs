//! Whole sessions in simulated time: a device that behaves passes every check, and each way to misbehave fails
//! the check that is there for it.

use std::collections::BTreeSet;
use std::time::Duration;

use frame::{Frame, Parser, Request};
use modem::{Player, Record, Report, Script, check};

/// Every kind of fault, on one request each, and an outage.
const FAULTS: &str = r#"
    name = "every fault"
    [expect]
    devices = 2
    requests = 16
    timeout_ms = 400
    min_gap_ms = 50
    max_gap_ms = 260
    max_attempts = 9
    rate = { requests = 6, window_ms = 900 }
    jitter = { pairs = 4, apart_ms = 5 }
    [[rule]]
    seq = 1
    attempt = [1, 2]
    answer = "silence"
    [[rule]]
    seq = 2
    attempt = [1, 3]
    answer = { nak = 9 }
    [[rule]]
    seq = 3
    attempt = 1
    answer = { busy = 800 }
    [[rule]]
    seq = 4
    attempt = [1, 2]
    answer = "corrupt"
    [[rule]]
    seq = 5
    attempt = 1
    answer = "truncate"
    [[rule]]
    seq = 6
    answer = { duplicate = 100 }
    [[rule]]
    seq = 8
    attempt = 1
    answer = { late = 430 }
    [[rule]]
    seq = 10
    answer = { noisy = 30 }
    [[rule]]
    seq = 12
    attempt = [1, 6]
    answer = "silence"
    [[noise]]
    after_ms = 100
    every_ms = 700
    until_ms = 20000
    bytes = 40
"#;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bug {
    None,
    Hasty,
    Sleepy,
    DeafToBusy,
    DeafToLateAcks,
    GivesUp,
    NeedsTwoAcks,
    BelievesDamage,
    ChangesPayload,
    SendsNoise,
    StopsEarly,
    RestartsSeqs,
    Silent,
}

/// A device of the kind the modem is for: one request at a time, a timeout, jitter between attempts.
struct Device {
    id: u32,
    bug: Bug,
    rng: fastrand::Rng,
    parser: Parser,
    seq: u16,
    attempt: u32,
    acks: u32,
    /// Until when it waits: for an answer while `waiting`, else before its next attempt.
    until: Duration,
    waiting: bool,
}

const TIMEOUT: Duration = Duration::from_millis(400);
const REQUESTS: u16 = 16;

impl Device {
    fn new(id: u32, bug: Bug, seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed);
        Self { id, bug, rng, parser: Parser::new(), seq: 0, attempt: 0, acks: 0, until: Duration::ZERO, waiting: false }
    }

    fn done(&self) -> bool {
        let requests = if self.bug == Bug::StopsEarly { REQUESTS - 2 } else { REQUESTS };
        self.seq >= requests || self.bug == Bug::Silent
    }

    fn on_time(&mut self, now: Duration) -> Vec<u8> {
        if self.waiting {
            self.on_failure(now, Duration::ZERO);
            return Vec::new();
        }
        self.attempt += 1;
        self.waiting = true;
        self.until = now + TIMEOUT;
        let reading = if self.bug == Bug::ChangesPayload { self.attempt } else { 0 };
        let payload = [self.seq.to_le_bytes()[0], reading.to_le_bytes()[0]];
        let seq = if self.bug == Bug::RestartsSeqs { self.seq % 10 } else { self.seq };
        let wire = Frame::from(Request::new(self.id, seq, &payload).unwrap()).encode();
        let noise: &[u8] = if self.bug == Bug::SendsNoise && self.seq == 3 { &[7, 7, 7] } else { &[] };
        [noise, wire.as_bytes()].concat()
    }

    fn on_failure(&mut self, now: Duration, asked: Duration) {
        self.waiting = false;
        if self.bug == Bug::GivesUp && self.attempt == 3 {
            self.deliver(now);
            return;
        }
        let jitter = self.rng.u64(0..200);
        let own = match self.bug {
            Bug::Hasty => jitter / 8,
            Bug::Sleepy => 250 + jitter,
            _ => 50 + jitter,
        };
        let asked = if self.bug == Bug::DeafToBusy { Duration::ZERO } else { asked };
        self.until = now + asked + Duration::from_millis(own);
    }

    fn deliver(&mut self, now: Duration) {
        (self.waiting, self.seq, self.attempt, self.acks) = (false, self.seq + 1, 0, 0);
        self.until = now + Duration::from_millis(150);
    }

    fn on_byte(&mut self, now: Duration, byte: u8) {
        let expected = if self.bug == Bug::RestartsSeqs { self.seq % 10 } else { self.seq };
        let attempt = self.attempt;
        match self.parser.push(byte) {
            Some(Ok(Frame::Ack(ack))) if ack.seq == expected && attempt > 0 => {
                if !self.waiting && self.bug == Bug::DeafToLateAcks {
                    return;
                }
                self.acks += 1;
                if self.bug == Bug::NeedsTwoAcks && self.seq == 11 && self.acks < 2 {
                    return;
                }
                self.deliver(now);
            }
            Some(Ok(Frame::Nak { seq, .. })) if seq == expected && self.waiting => self.on_failure(now, Duration::ZERO),
            Some(Ok(Frame::Busy { seq, retry_after_ms })) if seq == expected && self.waiting => {
                self.on_failure(now, Duration::from_millis(retry_after_ms.into()));
            }
            Some(Err(_)) if self.waiting && self.bug == Bug::BelievesDamage => self.deliver(now),
            _ => {}
        }
    }
}

/// Plays the script against one device, in its time.
fn session(script: &Script, mut device: Device) -> Record {
    let mut player = Player::new(script, device.id.into());
    for _ in 0..10_000 {
        if device.done() {
            break;
        }
        let due = player.poll_at().filter(|at| *at <= device.until);
        if let Some(now) = due {
            for byte in player.take_due(now).unwrap() {
                device.on_byte(now, byte);
            }
        } else {
            let now = device.until;
            for byte in device.on_time(now) {
                player.on_byte(now, byte);
            }
        }
    }
    player.into_record()
}

fn report(script: &str, devices: [(u32, Bug, u64); 2]) -> Report {
    let script = Script::parse(script).unwrap();
    let records = devices.map(|(id, bug, seed)| session(&script, Device::new(id, bug, seed)));
    check(&script, &records)
}

fn failures(bug: Bug) -> BTreeSet<&'static str> {
    let report = report(FAULTS, [(7, Bug::None, 1), (9, bug, 2)]);
    println!("{bug:?}\n{report}\n");
    report.failures()
}

#[test]
fn device_that_behaves_passes() {
    let report = report(FAULTS, [(7, Bug::None, 1), (9, Bug::None, 2)]);
    assert!(report.passed(), "{report}");
    assert!(report.to_string().ends_with("23 passed, 0 failed"), "{report}");
}

#[test]
fn each_way_to_misbehave_fails_its_check() {
    const LOST: &str = "everything is delivered";
    const ORDER: &str = "one request at a time";
    const PLAYED: &str = "the script is played";
    const RESENT: &str = "nothing is sent after its acknowledgement";
    for (bug, expected) in [
        (Bug::Hasty, &["no attempt comes early", "requests are limited in rate"][..]),
        (Bug::Sleepy, &["no attempt comes late"]),
        (Bug::DeafToBusy, &["busy is respected"]),
        (Bug::DeafToLateAcks, &[RESENT]),
        (Bug::GivesUp, &[LOST, ORDER]),
        (Bug::NeedsTwoAcks, &[RESENT]),
        (Bug::BelievesDamage, &[LOST, ORDER]),
        (Bug::ChangesPayload, &["attempts at a request are alike"]),
        (Bug::SendsNoise, &["frames are intact"]),
        (Bug::StopsEarly, &[LOST]),
        (Bug::RestartsSeqs, &[LOST, RESENT, "attempts at a request are alike"]),
        (Bug::Silent, &["every device is there", LOST, "devices do not retry in step"]),
    ] {
        let failures = failures(bug);
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        assert_eq!(failures, expected, "{bug:?}");
        assert!(!failures.contains(PLAYED), "the first device plays it all");
    }
}

#[test]
fn devices_of_one_seed_retry_in_step() {
    let report = report(FAULTS, [(7, Bug::None, 5), (9, Bug::None, 5)]);
    assert_eq!(report.failures(), BTreeSet::from(["devices do not retry in step"]), "{report}");
}

#[test]
fn two_links_with_one_device_are_not_two_devices() {
    let report = report(FAULTS, [(7, Bug::None, 1), (7, Bug::None, 2)]);
    assert_eq!(report.failures(), BTreeSet::from(["every device is there"]), "{report}");
}

#[test]
fn attempts_past_the_limit_are_seen() {
    let script = FAULTS.replace("max_attempts = 9", "max_attempts = 6");
    let report = report(&script, [(7, Bug::None, 1), (9, Bug::None, 2)]);
    assert_eq!(report.failures(), BTreeSet::from(["attempts are limited"]), "{report}");
}

#[test]
fn line_that_is_never_left_alone_is_seen() {
    for (silence, failures) in
        [("left_alone_ms = 800", None), ("left_alone_ms = 5000", Some("a dead line is left alone"))]
    {
        let script = FAULTS.replace("max_attempts = 9", &format!("max_attempts = 9\n    {silence}"));
        let report = report(&script, [(7, Bug::None, 1), (9, Bug::None, 2)]);
        assert_eq!(report.failures(), failures.into_iter().collect(), "{report}");
    }
}

#[test]
fn fault_that_never_came_up_is_seen() {
    let script = format!("{FAULTS}\n[[rule]]\nseq = 99\nanswer = \"silence\"");
    let report = report(&script, [(7, Bug::None, 1), (9, Bug::None, 2)]);
    assert_eq!(report.failures(), BTreeSet::from(["the script is played"]), "{report}");
}

#[test]
fn every_script_kept_here_can_be_read() {
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts")).unwrap() {
        let path = file.unwrap().path();
        Script::load(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
