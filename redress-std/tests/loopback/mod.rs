//! Servers on loopback that misbehave in one way each, for as long as the process lives.
#![allow(dead_code, unreachable_pub, reason = "each test uses some of them")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

/// A server that does this to each connection, in a thread of its own.
pub fn server(conversation: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let conversation = conversation.clone();
            thread::spawn(move || conversation(stream));
        }
    });
    address
}

/// A port that was free a moment ago and has no listener.
pub fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

/// Says nothing.
pub fn silent() -> SocketAddr {
    server(|mut stream| while stream.read(&mut [0; 64]).is_ok_and(|read| read > 0) {})
}

/// Hangs up with a reset, which is what becomes of a connection closed with bytes unread.
pub fn resetting() -> SocketAddr {
    server(|stream| drop(stream.peek(&mut [0])))
}

/// Reads the head of a request.
pub fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
        head.extend(byte);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Answers the head of one request with these bytes, then hangs up.
pub fn answering(answer: &'static str) -> SocketAddr {
    server(move |mut stream| {
        head(&mut stream);
        stream.write_all(answer.as_bytes()).expect("the client reads");
    })
}

pub const BUSY: &str = "HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";
pub const MISSING: &str = "HTTP/1.1 404 Missing\r\ncontent-length: 0\r\n\r\n";
pub const LOCKED_OUT: &str = "HTTP/1.1 401 Who\r\ncontent-length: 0\r\n\r\n";
pub const CUT_OFF: &str = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\ncut";
pub const LOST: &str = "";
pub const GARBLED: &str = "what?\r\n\r\n";
pub const ROUND_AND_ROUND: &str = "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
pub const NOT_ALLOWED: &str = "HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n";
pub const GONE: &str = "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n";
pub const TOO_LARGE: &str = "HTTP/1.1 413 Large\r\ncontent-length: 0\r\n\r\n";
pub const NOT_IMPLEMENTED: &str = "HTTP/1.1 501 Never\r\ncontent-length: 0\r\n\r\n";
pub const OLD_HTTP: &str = "HTTP/1.1 505 Old\r\ncontent-length: 0\r\n\r\n";
