//! The modem itself, without I/O and without a clock: bytes and times in, bytes and times out.

use std::collections::HashMap;
use std::time::Duration;

use fastrand::Rng;
use frame::{Ack, Frame, Parser};

use crate::record::{Arrival, Delivery, Record};
use crate::script::{Answer, Script};

/// Plays a script on one link.
///
/// To be driven so: [`on_byte`](Self::on_byte) for what comes in, with the time it came;
/// [`poll_at`](Self::poll_at) for the time of the next thing to send; [`take_due`](Self::take_due) at that time.
#[derive(Debug)]
pub struct Player<'a> {
    script: &'a Script,
    parser: Parser,
    rng: Rng,
    first_request_at: Option<Duration>,
    attempts: HashMap<u16, u32>,
    /// By time; of equal times, in the order they were made.
    outbox: Vec<Sending>,
    record: Record,
    log: Vec<String>,
}

#[derive(Debug)]
struct Sending {
    at: Duration,
    bytes: Vec<u8>,
    what: String,
    /// The request that an intact acknowledgement is for.
    delivers: Option<u16>,
}

impl<'a> Player<'a> {
    /// A modem whose garbage is that of `seed`.
    pub fn new(script: &'a Script, seed: u64) -> Self {
        Self {
            script,
            parser: Parser::new(),
            rng: Rng::with_seed(seed),
            first_request_at: None,
            attempts: HashMap::new(),
            outbox: Vec::new(),
            record: Record::default(),
            log: Vec::new(),
        }
    }

    /// Takes a byte that came at `now`.
    pub fn on_byte(&mut self, now: Duration, byte: u8) {
        let request = match self.parser.push(byte) {
            None => return,
            Some(Ok(Frame::Request(request))) => Ok((request.device(), request.seq(), request.payload().to_vec())),
            Some(Ok(other)) => Err(format!("{other:?}")),
            Some(Err(garbled)) => Err(garbled.to_string()),
        };
        match request {
            Ok((device, seq, payload)) => self.on_request(now, device, seq, payload),
            Err(what) => {
                self.record.garbled += 1;
                self.note(now, &format!("received no request: {what}"));
            }
        }
    }

    fn on_request(&mut self, now: Duration, device: u32, seq: u16, payload: Vec<u8>) {
        let start = *self.first_request_at.get_or_insert(now);
        if start == now && self.record.arrivals.is_empty() {
            self.schedule_noise(now);
        }
        let attempt = self.attempts.entry(seq).or_default();
        *attempt += 1;
        let attempt = *attempt;
        let (answer, rule) = self.script.answer(device, seq, attempt, now.saturating_sub(start));
        self.note(now, &format!("device {device} seq {seq} attempt {attempt} -> {answer}"));
        self.record.arrivals.push(Arrival { at: now, device, seq, attempt, payload, answer, rule });
        self.schedule_answer(now, seq, answer);
    }

    fn schedule_answer(&mut self, now: Duration, seq: u16, answer: Answer) {
        let ack = Frame::from(Ack { seq }).encode().as_bytes().to_vec();
        let after = |ms: u32| now + Duration::from_millis(ms.into());
        match answer {
            Answer::Silence => {}
            Answer::Ack => self.schedule(now, ack, format!("ack {seq}"), Some(seq)),
            Answer::Late(ms) => self.schedule(after(ms), ack, format!("late ack {seq}"), Some(seq)),
            Answer::Duplicate(ms) => {
                self.schedule(now, ack.clone(), format!("ack {seq}"), Some(seq));
                self.schedule(after(ms), ack, format!("ack {seq} once more"), Some(seq));
            }
            Answer::Nak(code) => {
                let nak = Frame::Nak { seq, code }.encode();
                self.schedule(now, nak.as_bytes().to_vec(), format!("nak {seq}"), None);
            }
            Answer::Busy(retry_after_ms) => {
                let busy = Frame::Busy { seq, retry_after_ms }.encode();
                self.schedule(now, busy.as_bytes().to_vec(), format!("busy {seq}"), None);
            }
            Answer::Corrupt => {
                let bytes = self.corrupted(ack);
                self.schedule(now, bytes, format!("corrupted ack {seq}"), None);
            }
            Answer::Truncate => {
                let half = ack[..ack.len() / 2].to_vec();
                self.schedule(now, half, format!("half an ack {seq}"), None);
            }
            Answer::Noisy(bytes) => {
                let bytes = [self.garbage(bytes), ack].concat();
                self.schedule(now, bytes, format!("garbage and ack {seq}"), Some(seq));
            }
        }
    }

    /// The frame with a bit flipped. Neither delimiter is touched and none is made: that would be a truncated frame.
    fn corrupted(&mut self, mut frame: Vec<u8>) -> Vec<u8> {
        let last = frame.len() - 1;
        loop {
            let (at, bit) = (self.rng.usize(1..last), self.rng.u32(0..8));
            let flipped = frame[at] ^ (1 << bit);
            if flipped != 0 {
                frame[at] = flipped;
                return frame;
            }
        }
    }

    /// Bytes that a parser makes no frame of.
    fn garbage(&mut self, bytes: u32) -> Vec<u8> {
        loop {
            let garbage: Vec<u8> = (0..bytes).map(|_| self.rng.u8(..)).collect();
            let mut parser = Parser::new();
            // The zero is the delimiter of whatever frame comes next.
            let mut pieces = garbage.iter().chain(&[0]);
            if !pieces.any(|&byte| matches!(parser.push(byte), Some(Ok(_)))) {
                return garbage;
            }
        }
    }

    fn schedule_noise(&mut self, start: Duration) {
        for noise in &self.script.noise {
            let step = usize::try_from(noise.every_ms.max(1)).unwrap_or(usize::MAX);
            for ms in (noise.after_ms..noise.until_ms).step_by(step) {
                let bytes = self.garbage(noise.bytes);
                self.schedule(start + Duration::from_millis(ms), bytes, "garbage".to_owned(), None);
            }
        }
    }

    fn schedule(&mut self, at: Duration, bytes: Vec<u8>, what: String, delivers: Option<u16>) {
        let index = self.outbox.partition_point(|sending| sending.at <= at);
        self.outbox.insert(index, Sending { at, bytes, what, delivers });
    }

    /// When something is next to be sent.
    pub fn poll_at(&self) -> Option<Duration> {
        self.outbox.first().map(|sending| sending.at)
    }

    /// Bytes to be sent by now, if any. They count as sent, at this time.
    pub fn take_due(&mut self, now: Duration) -> Option<Vec<u8>> {
        if self.poll_at()? > now {
            return None;
        }
        let Sending { bytes, what, delivers, .. } = self.outbox.remove(0);
        self.note(now, &format!("sent {what} ({} bytes)", bytes.len()));
        self.record.deliveries.extend(delivers.map(|seq| Delivery { at: now, seq }));
        Some(bytes)
    }

    /// What has happened since this was last asked, one line each.
    pub fn take_log(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// What has come and gone.
    pub fn into_record(self) -> Record {
        self.record
    }

    fn note(&mut self, now: Duration, what: &str) {
        let device = self.record.device().map_or(String::new(), |device| format!("[{device}] "));
        self.log.push(format!("{:>10.1} ms {device}{what}", now.as_secs_f64() * 1000.0));
    }
}
