//! The modem and the time, without I/O: a frame of the device in, bytes out.

use std::collections::BTreeMap;

use frame::{Ack, Frame};

use super::diary::{Diary, Fact};
use super::plan::{Link, Network, Plan};

/// How long the network takes to establish a session or to refuse it.
const HANDSHAKE_MS: u64 = 200;
/// How long it takes to deliver a reading.
const DELIVERY_MS: u64 = 100;
/// Every so many times, the alarm of a deep sleep comes after half of its time.
const EARLY_ALARM: u32 = 3;

#[derive(Clone, Copy, Debug)]
enum Event {
    Phase(usize),
    /// Of the phase that it belongs to.
    Flap(usize, bool),
    Accept(u16),
    Refuse(u16, u8),
    Deliver(u16),
    HangUp,
    Over,
}

/// The state of the device, as far as the modem can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Device {
    /// It computes; time stands still.
    Busy,
    /// It is off. Its next frame says that it has started.
    Off,
}

/// The world of one device.
#[derive(Debug)]
pub struct World<'a> {
    plan: &'a Plan,
    now: u64,
    /// By moment; of equal moments, in the order in which they were made.
    events: BTreeMap<(u64, u64), Event>,
    made: u64,
    phase: usize,
    link: Link,
    network: Network,
    has_carrier: bool,
    has_session: bool,
    device: Device,
    sleeps: u32,
    /// Frames of the current turn.
    turn: Vec<Frame<'static>>,
    is_over: bool,
    diary: Diary,
}

impl<'a> World<'a> {
    /// Creates the world before the device is switched on.
    pub fn new(plan: &'a Plan) -> Self {
        let mut world = Self {
            plan,
            now: 0,
            events: BTreeMap::new(),
            made: 0,
            phase: 0,
            link: Link::Down,
            network: Network::Silent,
            has_carrier: false,
            has_session: false,
            device: Device::Off,
            sleeps: 0,
            turn: Vec::new(),
            is_over: false,
            diary: Diary::default(),
        };
        for (index, (at, _)) in plan.phases().enumerate() {
            world.schedule(at, Event::Phase(index));
        }
        world.schedule(plan.ms(), Event::Over);
        world
    }

    /// Takes a frame of the device, or a piece that is none. Returns the bytes of the modem's turn, if it has one now.
    pub fn on_frame(&mut self, frame: Option<Frame<'_>>) -> Vec<u8> {
        match (self.device, frame) {
            (Device::Off, Some(Frame::Boot { device })) => {
                self.note(Fact::Boot);
                self.diary.device.get_or_insert(device);
                self.device = Device::Busy;
                if self.now == 0 {
                    self.happen_until(0);
                }
                return self.speak();
            }
            (Device::Busy, Some(Frame::Connect { seq, attempt, .. })) => self.on_connect(seq, attempt),
            (Device::Busy, Some(Frame::Request(request))) => self.on_reading(request.seq()),
            (Device::Busy, Some(Frame::Idle { until_ms })) => {
                self.happen_until(until_ms.max(self.now));
                return self.speak();
            }
            (Device::Busy, Some(Frame::Off { until_ms })) => self.sleep(until_ms),
            _ => self.note(Fact::Garbled),
        }
        Vec::new()
    }

    /// Returns whether the plan has been played to its end.
    pub const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Returns what happened.
    pub fn into_diary(self) -> Diary {
        self.diary
    }

    fn note(&mut self, fact: Fact) {
        self.diary.facts.push((self.now, fact));
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.events.insert((at, self.made), event);
        self.made += 1;
    }

    /// Lets time pass to this moment, or to the first one before at which something happens that the device hears of.
    fn happen_until(&mut self, until: u64) {
        while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= until) {
            // What happens at one moment is said in one turn.
            if !self.turn.is_empty() && entry.key().0 > self.now {
                return;
            }
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            self.happen(event);
        }
        if self.turn.is_empty() {
            self.now = until.min(self.plan.ms());
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Phase(index) => {
                self.note(Fact::Phase(index));
                let phase = self.plan.phase[index];
                (self.phase, self.link, self.network) = (index, phase.link, phase.network);
                match phase.link {
                    Link::Up => self.carrier(true),
                    Link::Down => self.carrier(false),
                    Link::Dead if self.has_session => {
                        self.has_session = false;
                        self.note(Fact::Dead);
                    }
                    Link::Dead => {}
                    Link::FlapsMs(_) => self.happen(Event::Flap(index, true)),
                }
            }
            Event::Flap(phase, is_up) => {
                // The last one comes when its phase has ended.
                if let (Link::FlapsMs(period), true) = (self.link, phase == self.phase) {
                    self.carrier(is_up);
                    self.schedule(self.now + (period / 2).max(1), Event::Flap(phase, !is_up));
                }
            }
            Event::Accept(seq) => {
                if self.is_through() {
                    self.has_session = true;
                    self.say(Frame::Ack(Ack { seq }));
                    self.note(Fact::Established);
                    if let Network::HangsUpAfterMs(ms) = self.network {
                        self.schedule(self.now + ms, Event::HangUp);
                    }
                }
            }
            Event::Refuse(seq, code) => {
                if self.is_through() {
                    self.say(Frame::Nak { seq, code });
                    self.note(Fact::Refused);
                }
            }
            Event::Deliver(seq) => {
                if self.has_session {
                    self.say(Frame::Ack(Ack { seq }));
                    self.note(Fact::Delivered);
                }
            }
            Event::HangUp => {
                if self.has_session {
                    self.say(Frame::HungUp);
                    self.lose();
                }
            }
            Event::Over => {
                self.say(Frame::Over);
                self.is_over = true;
            }
        }
    }

    /// Returns whether anything comes through the air.
    fn is_through(&self) -> bool {
        self.has_carrier && self.link != Link::Dead
    }

    fn carrier(&mut self, is_up: bool) {
        if self.has_carrier == is_up {
            return;
        }
        self.has_carrier = is_up;
        self.note(if is_up { Fact::CarrierUp } else { Fact::CarrierDown });
        self.say(Frame::Carrier { is_up });
        if !is_up {
            self.lose();
        }
    }

    fn lose(&mut self) {
        if std::mem::take(&mut self.has_session) {
            self.note(Fact::Lost);
        }
    }

    fn on_connect(&mut self, seq: u16, attempt: u32) {
        self.note(Fact::Connect(attempt));
        // A modem that is asked for a session has none left.
        self.has_session = false;
        let at = self.now + HANDSHAKE_MS;
        match self.network {
            Network::Silent => {}
            _ if !self.is_through() => {}
            Network::Accepts | Network::HangsUpAfterMs(_) => self.schedule(at, Event::Accept(seq)),
            Network::Refuses(code) => self.schedule(at, Event::Refuse(seq, code)),
        }
    }

    fn on_reading(&mut self, seq: u16) {
        if self.has_session {
            self.schedule(self.now + DELIVERY_MS, Event::Deliver(seq));
        } else {
            self.note(Fact::Stray);
        }
    }

    /// Lets the device sleep. It does not hear what is said meanwhile, but that the carrier is back wakes it.
    fn sleep(&mut self, until: u64) {
        self.note(Fact::Off(until));
        self.device = Device::Off;
        self.lose();
        self.sleeps += 1;
        let early = self.sleeps.is_multiple_of(EARLY_ALARM);
        let until = if early { self.now.midpoint(until) } else { until };
        loop {
            self.happen_until(until.max(self.now));
            let wakes = |frame: &Frame<'_>| matches!(frame, Frame::Carrier { is_up: true } | Frame::Over);
            if self.turn.is_empty() || self.turn.iter().any(wakes) {
                self.turn.retain(wakes);
                return;
            }
            self.turn.clear();
        }
    }

    fn say(&mut self, frame: Frame<'static>) {
        self.turn.push(frame);
    }

    /// Encodes the modem's turn.
    fn speak(&mut self) -> Vec<u8> {
        let frames = std::mem::take(&mut self.turn);
        let follow = u8::try_from(frames.len()).expect("few things happen at one moment");
        let now = Frame::Now { at_ms: self.now, follow };
        [now].iter().chain(&frames).flat_map(|frame| frame.encode().as_bytes().to_vec()).collect()
    }
}
