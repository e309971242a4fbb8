//! A server on loopback that answers by a script.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    thread,
};

/// The reaction of the server to a request.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// Answers with this status, and the text `hello`.
    Status(u16),
    /// Answers 429, and asks to come back after so many seconds.
    RetryAfter(u32),
    /// Says nothing, and keeps the connection.
    Nothing,
}

/// A server that lives as long as the process.
#[derive(Debug)]
pub struct Server {
    /// The URL of the server.
    pub url: String,
    requests: Arc<AtomicU32>,
}

impl Server {
    /// Starts a server whose answers depend on the number of requests before.
    ///
    /// # Errors
    ///
    /// There is no loopback.
    pub fn start(script: impl Fn(u32) -> Answer + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (url, requests) = (format!("http://{}/", listener.local_addr()?), Arc::new(AtomicU32::new(0)));
        let (script, count) = (Arc::new(script), Arc::clone(&requests));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, count) = (Arc::clone(&script), Arc::clone(&count));
                // A client that hangs up is no fault of the server.
                thread::spawn(move || drop(converse(stream, || script(count.fetch_add(1, Relaxed)))));
            }
        });
        Ok(Self { url, requests })
    }

    /// Returns the requests that have arrived.
    pub fn requests(&self) -> u32 {
        self.requests.load(Relaxed)
    }
}

fn converse(mut stream: TcpStream, answer: impl FnOnce() -> Answer) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while lines.read_line(&mut line)? > 2 {
        line.clear();
    }
    let (status, header) = match answer() {
        Answer::Status(status) => (status, String::new()),
        Answer::RetryAfter(seconds) => (429, format!("retry-after: {seconds}\r\n")),
        Answer::Nothing => return lines.read_to_end(&mut Vec::new()).map(drop),
    };
    write!(stream, "HTTP/1.1 {status} x\r\n{header}content-length: 5\r\nconnection: close\r\n\r\nhello")
}
