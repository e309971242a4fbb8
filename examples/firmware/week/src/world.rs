//! The world around the device, which the modem simulates: time, deep sleep, the end. No part of an application.

use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use firmware_support::lm3s6965::uart::Sender;
use firmware_support::{lm3s6965, told_time};
use frame::Frame;

use crate::modem::Said;

/// It is the device's turn: all that the modem had to say has been taken.
static IS_OUR_TURN: AtomicBool = AtomicBool::new(false);
static STARTED: Signal<CriticalSectionRawMutex, u64> = Signal::new();

/// More cannot happen at one moment.
const MOST: usize = 8;

/// A turn of the modem. What it says is taken when it is whole, so that nothing runs between two things that happen at one moment.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    at_ms: u64,
    follow: u8,
    is_open: bool,
    said: [Option<Said>; MOST],
    len: usize,
}

impl Turn {
    /// Begins with the time of the turn and the number of frames that follow.
    pub(crate) fn begin(&mut self, at_ms: u64, follow: u8) {
        *self = Self { at_ms, follow, is_open: true, ..Self::default() };
    }

    /// Adds what a frame says. Returns what was said if the turn is whole now.
    pub(crate) fn take(&mut self, said: Option<Said>) -> impl Iterator<Item = Said> + use<> {
        if let Some(slot) = self.said.get_mut(self.len).filter(|_| said.is_some()) {
            *slot = said;
            self.len += 1;
        }
        let is_whole = self.is_open && self.len == usize::from(self.follow);
        if is_whole {
            self.is_open = false;
            let is_first = told_time::rtc().is_none();
            told_time::tell(self.at_ms);
            if is_first {
                STARTED.signal(self.at_ms);
            }
            IS_OUR_TURN.store(true, Relaxed);
        }
        let said = if is_whole { core::mem::take(&mut self.said) } else { [None; MOST] };
        said.into_iter().flatten()
    }
}

/// Says that the device has started.
pub(crate) fn boot(line: Sender, device: u32) {
    line.send(Frame::Boot { device }.encode().as_bytes());
}

/// Returns the time, which goes on through deep sleep, once it is known after a start.
pub(crate) async fn started() -> u64 {
    STARTED.wait().await
}

/// Ends the device's turn, when nothing is left to do at this moment.
pub(crate) fn idle(line: Sender) {
    if IS_OUR_TURN.load(Relaxed) {
        IS_OUR_TURN.store(false, Relaxed);
        line.send(Frame::Idle { until_ms: told_time::next_due() }.encode().as_bytes());
    }
}

/// Sleeps deeply until this moment, at which the core starts anew. Only retained memory keeps its content.
pub(crate) fn sleep_deeply(line: Sender, until_ms: u64) -> ! {
    line.send(Frame::Off { until_ms }.encode().as_bytes());
    lm3s6965::restart()
}
