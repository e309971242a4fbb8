//! One attempt at one delivery. The policy decides what follows a failure.

use core::fmt;

use embassy_time::{Duration, with_timeout};
use embedded_io_async::{Read, ReadReady, Write};
use frame::{Ack, Frame, Parser, Request};
use redress_embassy::{Classification, Classify, ErrorClass, Millis};

/// The reason why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, defmt::Format)]
pub(crate) enum LinkError {
    /// No answer came.
    Timeout,
    /// Bytes came, but no readable answer.
    Garbled,
    /// The modem could not deliver.
    Nak {
        /// Its reason.
        code: u8,
    },
    /// The modem is busy.
    Busy {
        /// Time until the next request, in milliseconds.
        retry_after_ms: u32,
    },
    /// The serial port refused to send.
    Port,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no answer"),
            Self::Garbled => f.write_str("unreadable answer"),
            Self::Nak { code } => write!(f, "refused with code {code}"),
            Self::Busy { retry_after_ms } => write!(f, "busy for {retry_after_ms} ms"),
            Self::Port => f.write_str("cannot send"),
        }
    }
}

impl core::error::Error for LinkError {}

/// The classes of the modem's codes follow its manual; a code that is not listed there counts as passing.
impl Classify for LinkError {
    fn classify(&self) -> Classification {
        match *self {
            Self::Timeout | Self::Garbled | Self::Port => ErrorClass::Transient.into(),
            Self::Nak { code } => Classification::new(match code {
                1 => ErrorClass::Auth,
                2 => ErrorClass::Permanent,
                _ => ErrorClass::ServerError,
            })
            .code(code.into()),
            Self::Busy { retry_after_ms } => {
                Classification::new(ErrorClass::RateLimit).retry_after(Millis::new(retry_after_ms))
            }
        }
    }
}

/// The line to the modem.
#[derive(Debug)]
pub(crate) struct Link<U> {
    uart: U,
    parser: Parser,
    timeout: Duration,
    /// The latest acknowledgement that came after its attempt had ended.
    late: Option<Ack>,
}

impl<U: Read + ReadReady + Write> Link<U> {
    /// Creates a link over `uart` whose attempts wait for `timeout` at most.
    pub(crate) const fn new(uart: U, timeout: Duration) -> Self {
        Self { uart, parser: Parser::new(), timeout, late: None }
    }

    /// Sends `request` once and waits for its answer.
    ///
    /// If [`drain`](Self::drain) found the acknowledgement, nothing is sent. Frames that answer other
    /// requests are skipped, and so is noise, unless there is nothing else until the time is up. Dropping the
    /// future at any point leaves the link usable.
    pub(crate) async fn exchange(&mut self, request: &Request<'_>) -> Result<Ack, LinkError> {
        if let Some(ack) = self.late.take().filter(|ack| ack.seq == request.seq()) {
            return Ok(ack);
        }
        let timeout = self.timeout;
        let mut garbled = false;
        match with_timeout(timeout, self.attempt(request, &mut garbled)).await {
            Ok(result) => result,
            Err(_) if garbled => Err(LinkError::Garbled),
            Err(_) => Err(LinkError::Timeout),
        }
    }

    async fn attempt(&mut self, request: &Request<'_>, garbled: &mut bool) -> Result<Ack, LinkError> {
        let wire = Frame::from(*request).encode();
        self.uart.write_all(wire.as_bytes()).await.map_err(|_| LinkError::Port)?;
        self.uart.flush().await.map_err(|_| LinkError::Port)?;
        loop {
            match self.receive().await {
                Some(answer) if answer.seq() == request.seq() => return answer.result(),
                Some(_) => {}
                None => *garbled = true,
            }
        }
    }

    /// Puts the line in order after a failure: reads all pending bytes and keeps an acknowledgement among them.
    pub(crate) async fn drain(&mut self) {
        let mut byte = [0];
        // Pending bytes are read without waiting; a gap among them is noise like any other.
        while self.uart.read_ready().unwrap_or(false) {
            let Ok(1..) = self.uart.read(&mut byte).await else { continue };
            if let Some(Ok(Frame::Ack(ack))) = self.parser.push(byte[0]) {
                self.late = Some(ack);
            }
        }
    }

    /// Returns the next answer to any request; `None` for unreadable bytes.
    async fn receive(&mut self) -> Option<Answer> {
        let mut byte = [0];
        loop {
            if self.uart.read(&mut byte).await.is_err() {
                return None;
            }
            match self.parser.push(byte[0]) {
                Some(Ok(Frame::Ack(ack))) => return Some(Answer::Ack(ack)),
                Some(Ok(Frame::Nak { seq, code })) => return Some(Answer::Nak { seq, code }),
                Some(Ok(Frame::Busy { seq, retry_after_ms })) => return Some(Answer::Busy { seq, retry_after_ms }),
                Some(Err(_)) => return None,
                // The rest of a frame, or one that answers nothing.
                None | Some(Ok(_)) => {}
            }
        }
    }
}

/// A frame from the modem, free of the parser's buffer.
enum Answer {
    Ack(Ack),
    Nak { seq: u16, code: u8 },
    Busy { seq: u16, retry_after_ms: u32 },
}

impl Answer {
    const fn seq(&self) -> u16 {
        match self {
            Self::Ack(ack) => ack.seq,
            Self::Nak { seq, .. } | Self::Busy { seq, .. } => *seq,
        }
    }

    const fn result(self) -> Result<Ack, LinkError> {
        match self {
            Self::Ack(ack) => Ok(ack),
            Self::Nak { code, .. } => Err(LinkError::Nak { code }),
            Self::Busy { retry_after_ms, .. } => Err(LinkError::Busy { retry_after_ms }),
        }
    }
}
