//! Sockets, threads and the clock around a [`Player`].

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::str::FromStr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use frame::Parser;

use crate::player::Player;
use crate::sessions::World;

/// Where an emulator offers its serial line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `tcp:HOST:PORT`
    Tcp(String),
    /// `unix:PATH`
    Unix(String),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("tcp", rest)) => Ok(Self::Tcp(rest.to_owned())),
            Some(("unix", rest)) => Ok(Self::Unix(rest.to_owned())),
            _ => Err(format!("{text}: neither tcp:HOST:PORT nor unix:PATH")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

/// A serial line, or a socket that stands for one.
pub trait Line: Read + Write + Send {
    /// Makes reads give up after that long, with `WouldBlock` or `TimedOut`.
    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()>;
}

impl Line for TcpStream {
    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        // A frame is answered at once or not at all; it must not wait for another one to share a packet with.
        self.set_nodelay(true)?;
        Self::set_read_timeout(self, Some(timeout))
    }
}

#[cfg(unix)]
impl Line for UnixStream {
    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        Self::set_read_timeout(self, Some(timeout))
    }
}

/// Connects to a line, trying again for as long as `patience` while nobody listens there yet.
pub fn connect(address: &Address, patience: Duration) -> io::Result<Box<dyn Line>> {
    let until = Instant::now() + patience;
    loop {
        let result: io::Result<Box<dyn Line>> = match address {
            Address::Tcp(address) => TcpStream::connect(address).map(|line| Box::new(line) as _),
            #[cfg(unix)]
            Address::Unix(path) => UnixStream::connect(path).map(|line| Box::new(line) as _),
            #[cfg(not(unix))]
            Address::Unix(_) => Err(ErrorKind::Unsupported.into()),
        };
        match result {
            Err(error)
                if Instant::now() < until
                    && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
            {
                sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}

/// The devices' clock: real time since the session began, times the factor by which they run fast.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    scale: u32,
}

impl Clock {
    /// A clock that starts now. A `scale` of 0 counts as 1.
    pub fn start(scale: u32) -> Self {
        Self { start: Instant::now(), scale: scale.max(1) }
    }

    /// The devices' time.
    pub fn now(&self) -> Duration {
        self.start.elapsed() * self.scale
    }

    /// How long that time of the devices takes.
    pub fn real(&self, devices: Duration) -> Duration {
        devices / self.scale
    }
}

/// Plays on `line` until its other end hangs up, or until `limit` is over, which is an error. `log` gets each line of
/// the log as it is written.
pub fn serve(
    line: &mut dyn Line,
    player: &mut Player<'_>,
    clock: Clock,
    limit: Duration,
    log: impl Fn(&str),
) -> io::Result<()> {
    let mut bytes = [0; 256];
    let until = Instant::now() + limit;
    loop {
        while let Some(bytes) = player.take_due(clock.now()) {
            if hung_up(line.write_all(&bytes).and_then(|()| line.flush()))?.is_none() {
                return Ok(());
            }
        }
        player.take_log().iter().for_each(|line| log(line));

        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(ErrorKind::TimedOut, "the device did not hang up in time"));
        }
        let next = player.poll_at().map_or(left, |at| clock.real(at.saturating_sub(clock.now())));
        // A read timeout of zero would mean none at all.
        line.set_read_timeout(next.min(left).max(Duration::from_micros(100)))?;
        let read = match line.read(&mut bytes) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            read => hung_up(read)?.unwrap_or(0),
        };
        let now = clock.now();
        if read == 0 {
            return Ok(());
        }
        for &byte in &bytes[..read] {
            player.on_byte(now, byte);
        }
    }
}

/// Plays a plan on `line`, in simulated time, until its end has been said and the other end has hung up. `limit` is in real time;
/// it is for a device that does not go on.
pub fn simulate(line: &mut dyn Line, world: &mut World<'_>, limit: Duration) -> io::Result<()> {
    let (mut bytes, mut parser) = ([0; 256], Parser::new());
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(ErrorKind::TimedOut, "the device did not come to the end of the plan in time"));
        }
        line.set_read_timeout(left.max(Duration::from_micros(100)))?;
        let read = match line.read(&mut bytes) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            read => hung_up(read)?.unwrap_or(0),
        };
        match read {
            0 if world.is_over() => return Ok(()),
            0 => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the device hung up before the end of the plan")),
            _ => {}
        }
        for &byte in &bytes[..read] {
            let answer = match parser.push(byte) {
                None => continue,
                Some(Ok(frame)) => world.on_frame(Some(frame)),
                Some(Err(_)) => world.on_frame(None),
            };
            if hung_up(line.write_all(&answer).and_then(|()| line.flush()))?.is_none() && !world.is_over() {
                return Err(io::Error::new(ErrorKind::BrokenPipe, "the device hung up before the end of the plan"));
            }
        }
    }
}

/// `None` if the result only says that the other end is gone: an emulator that exits resets what is still unread.
fn hung_up<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => Ok(None),
        result => result.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for text in ["tcp:127.0.0.1:4000", "unix:/tmp/line"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert!("/tmp/line".parse::<Address>().is_err());
    }

    #[test]
    fn nobody_there_is_an_error_after_a_while() {
        let nowhere = Address::Unix("no/such/line".to_owned());
        assert!(connect(&nowhere, Duration::from_millis(30)).is_err());
    }
}
