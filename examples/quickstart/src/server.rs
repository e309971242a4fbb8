//! A real HTTP server on loopback which misbehaves by script.
//!
//! A path has a queue of [`Fault`]s; each request for it takes the next one, and once the queue is empty the path is
//! healthy. Every response closes its connection, so that one attempt is one connection and no fault leaks into the
//! next attempt through a connection pool.
//!
//! # Design
//!
//! One thread accepts, one thread serves each connection. Whatever a connection waits for, it waits in a read of its
//! own socket: such a read ends when the client goes away and when the server shuts the socket down, so neither a
//! vanished client nor [`Drop`] needs a timer or a channel.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use socket2::SockRef;

/// The body of a path without faults left.
pub const HEALTHY: &str = "healthy";

/// The length promised by [`Fault::SlowBody`] and [`Fault::TruncatedBody`].
const BODY_LEN: usize = 64;

/// The pause between two bytes of [`Fault::SlowBody`].
const SLOW_BYTE: Duration = Duration::from_millis(100);

/// A request head longer than this is not one of ours.
const MAX_HEAD: usize = 16 * 1024;

/// One way to answer one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Reads the request, then resets the connection (a TCP RST, no orderly close).
    Reset,
    /// Reads the request, then says nothing until the client gives up.
    Hang,
    /// Answers with this status and an empty body.
    Status(u16),
    /// Answers with this status and `Retry-After` as a number of seconds.
    RetryAfterSeconds {
        /// The status, usually 429 or 503.
        status: u16,
        /// The number in the header.
        secs: u32,
    },
    /// Answers with this status and `Retry-After` as a date.
    RetryAfterDate {
        /// The status, usually 429 or 503.
        status: u16,
        /// How far the date lies ahead: at least this long, and less than a second longer, because HTTP dates are
        /// whole seconds.
        secs: u32,
    },
    /// Answers 200 with this body.
    Ok(&'static str),
    /// Answers 200 and sends a body of 64 bytes at ten bytes per second.
    SlowBody,
    /// Answers 200 and closes the connection in the middle of the body.
    TruncatedBody,
}

/// A server on a free port of 127.0.0.1. Dropping it ends all its connections and threads.
#[derive(Debug)]
pub struct FaultyServer {
    addr: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    started: Instant,
    stopping: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    scripts: HashMap<String, VecDeque<Fault>>,
    requests: HashMap<String, Vec<Duration>>,
}

impl FaultyServer {
    /// Binds a free port of 127.0.0.1 and starts to serve it. All paths are healthy until scripted.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            started: Instant::now(),
            stopping: AtomicBool::new(false),
            state: Mutex::new(State::default()),
        });
        let for_acceptor = Arc::clone(&shared);
        let acceptor =
            thread::Builder::new().name("faulty-server".into()).spawn(move || accept(&listener, &for_acceptor))?;
        Ok(Self { addr, shared, acceptor: Some(acceptor) })
    }

    /// Returns the address at which the server listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of a path, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Sets what the next requests for `path` meet, in this order, replacing what was left of an earlier script.
    /// After the last fault the path is healthy: 200 with the body [`HEALTHY`].
    ///
    /// A query is not part of the path.
    pub fn script(&self, path: &str, faults: &[Fault]) {
        self.shared.state().scripts.insert(path.to_owned(), faults.iter().copied().collect());
    }

    /// When the requests for `path` arrived, counted from the start of the server.
    pub fn requests(&self, path: &str) -> Vec<Duration> {
        self.shared.state().requests.get(path).cloned().unwrap_or_default()
    }
}

impl Drop for FaultyServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // `accept` has no portable way to be interrupted but to give it a connection. Should even that be impossible
        // (no file descriptor left), a thread left behind is better than a drop which never returns.
        if TcpStream::connect_timeout(&self.addr, Duration::from_secs(1)).is_ok()
            && let Some(acceptor) = self.acceptor.take()
        {
            let _ = acceptor.join();
        }
    }
}

impl Shared {
    /// The state is whole after every statement that touches it, so a panic elsewhere does not spoil it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs a request and takes the fault it shall meet.
    fn next_fault(&self, path: &str) -> Fault {
        let arrived = self.started.elapsed();
        let mut state = self.state();
        state.requests.entry(path.to_owned()).or_default().push(arrived);
        state.scripts.get_mut(path).and_then(VecDeque::pop_front).unwrap_or(Fault::Ok(HEALTHY))
    }
}

/// A connection as its acceptor sees it. The socket is weak because only its thread may keep it open: a reset is sent
/// when the last handle of the socket closes.
struct Connection {
    socket: Weak<TcpStream>,
    thread: JoinHandle<()>,
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut connections: Vec<Connection> = Vec::new();
    loop {
        let accepted = listener.accept();
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        connections.retain(|connection| !connection.thread.is_finished());
        let Ok((socket, _)) = accepted else {
            // Either this client is gone already, or descriptors are short; the pause keeps the latter from spinning.
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        let socket = Arc::new(socket);
        let weak = Arc::downgrade(&socket);
        let for_connection = Arc::clone(shared);
        let spawned = thread::Builder::new().name("faulty-connection".into()).spawn(move || {
            // An error here is a client that went away in the middle of an answer, which is its good right.
            let _ = serve(&socket, &for_connection);
        });
        if let Ok(thread) = spawned {
            connections.push(Connection { socket: weak, thread });
        }
    }
    for connection in &connections {
        if let Some(socket) = connection.socket.upgrade() {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
    for connection in connections {
        let _ = connection.thread.join();
    }
}

fn serve(socket: &TcpStream, shared: &Shared) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let Some(path) = read_path(socket)? else {
        return respond(socket, 400, None, "");
    };
    match shared.next_fault(&path) {
        // Zero linger turns the close, which follows when this thread lets go of the socket, into a reset.
        Fault::Reset => SockRef::from(socket).set_linger(Some(Duration::ZERO)),
        Fault::Hang => wait_for_close(socket),
        Fault::Status(status) => respond(socket, status, None, ""),
        Fault::RetryAfterSeconds { status, secs } => respond(socket, status, Some(&secs.to_string()), ""),
        Fault::RetryAfterDate { status, secs } => {
            let date = date_in(SystemTime::now(), secs);
            respond(socket, status, Some(&httpdate::fmt_http_date(date)), "")
        }
        Fault::Ok(body) => respond(socket, 200, None, body),
        Fault::SlowBody => drip_body(socket),
        Fault::TruncatedBody => {
            write_head(socket, 200, None, BODY_LEN)?;
            (&*socket).write_all(&[b'.'; BODY_LEN / 2])?;
            close(socket)
        }
    }
}

/// Reads up to the end of a request head. `None` is a head that cannot be read as one; a client that leaves before its
/// end is an error.
fn read_path(mut socket: &TcpStream) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while head.len() < MAX_HEAD {
        let n = socket.read(&mut chunk)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&chunk[..n]);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Partial) => {}
            Ok(httparse::Status::Complete(_)) => {
                let target = request.path.unwrap_or("/");
                return Ok(Some(target.split('?').next().unwrap_or(target).to_owned()));
            }
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

fn respond(mut socket: &TcpStream, status: u16, retry_after: Option<&str>, body: &str) -> io::Result<()> {
    write_head(socket, status, retry_after, body.len())?;
    socket.write_all(body.as_bytes())?;
    close(socket)
}

fn write_head(mut socket: &TcpStream, status: u16, retry_after: Option<&str>, length: usize) -> io::Result<()> {
    let date = httpdate::fmt_http_date(SystemTime::now());
    // The reason phrase may be empty; the space before it may not.
    let mut head =
        format!("HTTP/1.1 {status:03} \r\nDate: {date}\r\nConnection: close\r\nContent-Length: {length}\r\n");
    if let Some(value) = retry_after {
        // Writing to a string cannot fail.
        let _ = write!(head, "Retry-After: {value}\r\n");
    }
    head.push_str("\r\n");
    socket.write_all(head.as_bytes())
}

fn drip_body(mut socket: &TcpStream) -> io::Result<()> {
    write_head(socket, 200, None, BODY_LEN)?;
    socket.set_read_timeout(Some(SLOW_BYTE))?;
    for _ in 0..BODY_LEN {
        socket.write_all(b".")?;
        // A pause which ends early when the client has gone.
        match socket.read(&mut [0; 64]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(e) => return Err(e),
        }
    }
    socket.set_read_timeout(None)?;
    close(socket)
}

/// Closes in good order. A close with bytes unread would become a reset and could overtake the response, so everything
/// the client still sends is taken in first.
fn close(socket: &TcpStream) -> io::Result<()> {
    socket.shutdown(Shutdown::Write)?;
    wait_for_close(socket)
}

/// Ends when the client closes its side, or when the server is dropped.
fn wait_for_close(mut socket: &TcpStream) -> io::Result<()> {
    io::copy(&mut socket, &mut io::sink()).map(drop)
}

/// The first whole second not before `now + secs`: rounding down would ask for less than scripted.
fn date_in(now: SystemTime, secs: u32) -> SystemTime {
    let date = now + Duration::from_secs(secs.into());
    let past_second = date.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    if past_second == 0 { date } else { date + Duration::from_secs(1) - Duration::from_nanos(past_second.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Generous: only a hang takes this long.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "never happened: {what}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn connect(server: &FaultyServer) -> TcpStream {
        let client = TcpStream::connect(server.addr()).expect("loopback connects");
        client.set_read_timeout(Some(PATIENCE)).expect("a time-out can be set");
        client
    }

    fn ask(server: &FaultyServer, path: &str) -> TcpStream {
        let mut client = connect(server);
        write!(client, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("the request is taken");
        client
    }

    #[test]
    fn drop_ends_every_kind_of_connection_and_every_thread() {
        let server = FaultyServer::start().expect("starts");
        server.script("/hang", &[Fault::Hang]);
        server.script("/slow", &[Fault::SlowBody]);
        let silent = connect(&server);
        let mut half = connect(&server);
        half.write_all(b"GET /half HTTP/1.1\r\nHo").expect("the half is taken");
        let hanging = ask(&server, "/hang");
        let slow = ask(&server, "/slow");
        let lingering = ask(&server, "/healthy");
        eventually("all requests are in", || {
            ["/hang", "/slow", "/healthy"].iter().all(|path| server.requests(path).len() == 1)
        });

        let threads_hold = Arc::downgrade(&server.shared);
        drop(server);
        assert_eq!(threads_hold.strong_count(), 0, "a thread outlived the server");
        for mut client in [silent, half, hanging, slow, lingering] {
            let ended = client.read_to_end(&mut Vec::new());
            let timed_out = matches!(&ended, Err(e) if e.kind() == io::ErrorKind::WouldBlock);
            assert!(!timed_out, "a client was left hanging");
        }
    }

    #[test]
    fn clients_that_vanish_leave_no_thread_and_no_damage() {
        let server = FaultyServer::start().expect("starts");
        server.script("/hang", &[Fault::Hang]);
        server.script("/slow", &[Fault::SlowBody]);
        drop(connect(&server));
        connect(&server).write_all(b"GET /ha").expect("the piece is taken");
        for path in ["/hang", "/slow"] {
            let client = ask(&server, path);
            eventually("the request is in", || server.requests(path).len() == 1);
            drop(client);
        }
        // The server itself and its acceptor.
        eventually("all connection threads end", || Arc::strong_count(&server.shared) == 2);

        let mut answer = String::new();
        let mut client = ask(&server, "/hang?again");
        client.read_to_string(&mut answer).expect("an orderly answer");
        assert!(answer.ends_with(HEALTHY), "{answer}");
    }

    #[test]
    fn what_is_not_http_gets_400() {
        let server = FaultyServer::start().expect("starts");
        let mut client = connect(&server);
        client.write_all(b"\x16\x03\x01 not http\r\n\r\n").expect("taken");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("an orderly answer");
        assert!(answer.starts_with("HTTP/1.1 400 \r\n"), "{answer}");
    }

    #[test]
    fn dates_are_whole_seconds_and_never_early() {
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        assert_eq!(date_in(at(5_000), 2), at(7_000));
        assert_eq!(date_in(at(5_001), 2), at(8_000));
        assert_eq!(date_in(at(5_999), 0), at(6_000));
    }
}
