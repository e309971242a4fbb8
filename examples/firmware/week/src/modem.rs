//! The driver of the modem: a task reads the line and hands out what comes; the radio link of the application asks and waits.

use core::fmt;

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, with_timeout};
use embedded_io_async::Read;
use firmware_support::exit;
use firmware_support::lm3s6965::Uart0;
use firmware_support::lm3s6965::uart::Sender;
use frame::{Frame, Parser, Request};
use redress_embassy::{Classification, Classify, ErrorClass};

use crate::world::Turn;

/// Raised when the radio has found its network.
pub(crate) static CARRIER_UP: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// Answers and the end of a session, in the order in which they came.
static NEWS: Channel<CriticalSectionRawMutex, News, 8> = Channel::new();

/// How long the modem may take for an answer in a session.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Ack(u16),
    Nak(u16, u8),
    Lost,
}

/// An item of the modem's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    News(News),
    CarrierUp,
    Over,
}

/// The reason why there is no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, defmt::Format)]
pub(crate) enum ModemError {
    /// No answer came in a session.
    NoAnswer,
    /// The network refused.
    Refused {
        /// Its reason.
        code: u8,
    },
    /// The session was ended, or the carrier is lost.
    Lost,
}

impl fmt::Display for ModemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("no answer"),
            Self::Refused { code } => write!(f, "refused with code {code}"),
            Self::Lost => f.write_str("session lost"),
        }
    }
}

impl core::error::Error for ModemError {}

impl Classify for ModemError {
    fn classify(&self) -> Classification {
        match *self {
            Self::NoAnswer | Self::Lost => ErrorClass::Transient.into(),
            Self::Refused { code: 1 } => ErrorClass::Auth.into(),
            Self::Refused { code } => Classification::new(ErrorClass::ServerError).code(code.into()),
        }
    }
}

/// Reads the line and does not return.
#[embassy_executor::task]
pub(crate) async fn run(mut uart: Uart0) {
    let (mut parser, mut byte) = (Parser::new(), [0]);
    let mut turn = Turn::default();
    loop {
        // A byte that is lost costs a frame, which is noticed as one that never came.
        if uart.read(&mut byte).await.is_err() {
            continue;
        }
        let Some(Ok(frame)) = parser.push(byte[0]) else { continue };
        let said = match frame {
            Frame::Now { at_ms, follow } => {
                turn.begin(at_ms, follow);
                None
            }
            Frame::Ack(ack) => Some(Said::News(News::Ack(ack.seq))),
            Frame::Nak { seq, code } => Some(Said::News(News::Nak(seq, code))),
            Frame::HungUp | Frame::Carrier { is_up: false } => Some(Said::News(News::Lost)),
            Frame::Carrier { is_up: true } => Some(Said::CarrierUp),
            Frame::Over => Some(Said::Over),
            _ => None,
        };
        for said in turn.take(said) {
            match said {
                Said::News(news) => {
                    // While nothing is read, as while the session is down, the oldest news is no news.
                    if NEWS.is_full() {
                        let _ = NEWS.try_receive();
                    }
                    let _ = NEWS.try_send(news);
                }
                Said::CarrierUp => CARRIER_UP.signal(()),
                Said::Over => exit(0),
            }
        }
    }
}

/// The application's side of the modem.
#[derive(Debug)]
pub(crate) struct Modem {
    line: Sender,
    device: u32,
    /// The number of the latest frame that is to be answered.
    seq: u16,
}

impl Modem {
    /// Creates it, for frames that carry this device's number.
    pub(crate) const fn new(line: Sender, device: u32) -> Self {
        Self { line, device, seq: 0 }
    }

    /// Forgets what came for an earlier session.
    #[expect(clippy::unused_self, reason = "the news is that of this modem")]
    pub(crate) fn reset(&mut self) {
        NEWS.clear();
    }

    /// Establishes a session. Takes as long as the network does; the policy limits it.
    pub(crate) async fn connect(&mut self, attempt: u32) -> Result<(), ModemError> {
        self.seq = self.seq.wrapping_add(1);
        let (device, seq) = (self.device, self.seq);
        self.line.send(Frame::Connect { device, seq, attempt }.encode().as_bytes());
        self.answered().await
    }

    /// Delivers a reading in the session.
    pub(crate) async fn deliver(&mut self, payload: &[u8]) -> Result<(), ModemError> {
        self.seq = self.seq.wrapping_add(1);
        let Some(request) = Request::new(self.device, self.seq, payload) else { return Ok(()) };
        self.line.send(Frame::from(request).encode().as_bytes());
        with_timeout(ANSWER_TIMEOUT, self.answered()).await.unwrap_or(Err(ModemError::NoAnswer))
    }

    /// Waits for the answer to the latest frame. Answers to earlier ones are late.
    async fn answered(&mut self) -> Result<(), ModemError> {
        loop {
            match NEWS.receive().await {
                News::Ack(seq) if seq == self.seq => return Ok(()),
                News::Nak(seq, code) if seq == self.seq => return Err(ModemError::Refused { code }),
                News::Lost => return Err(ModemError::Lost),
                News::Ack(_) | News::Nak(..) => {}
            }
        }
    }

    /// Waits until the session is lost.
    pub(crate) async fn lost(&mut self) -> ModemError {
        while NEWS.receive().await != News::Lost {}
        ModemError::Lost
    }
}
