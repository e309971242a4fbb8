//! A proxy that hangs up, with a reset, when it is worst.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use socket2::SockRef;

/// When to hang up, once.
#[derive(Clone, Copy, PartialEq)]
pub enum Fault {
    /// When the client says something.
    Reset,
    /// When the server has committed, before the client hears of it.
    Committed,
}

/// Stands between clients and a server on loopback.
pub struct Proxy {
    port: u16,
    fault: Arc<Mutex<Option<Fault>>>,
}

impl Proxy {
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let fault = Arc::new(Mutex::new(None));
        let faults = Arc::clone(&fault);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A server that is gone hangs up on its clients here too.
                if let Ok(server) = TcpStream::connect(("127.0.0.1", server)) {
                    carry(client, server, &faults).expect("two sockets");
                }
            }
        });
        Self { port, fault }
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// From now on, until it has happened.
    pub fn arm(&self, fault: Fault) {
        *self.fault.lock().expect("no panic") = Some(fault);
    }

    pub fn is_armed(&self) -> bool {
        self.fault.lock().expect("no panic").is_some()
    }
}

fn carry(client: TcpStream, server: TcpStream, fault: &Arc<Mutex<Option<Fault>>>) -> io::Result<()> {
    let committing = Arc::new(Mutex::new(false));
    let (here, there) = (client.try_clone()?, server.try_clone()?);
    let (fault, heard) = (Arc::clone(fault), Arc::clone(&committing));
    thread::spawn(move || {
        copy(&here, &there, |said| {
            let mut fault = fault.lock().expect("no panic");
            let commit = said.windows(6).any(|word| word == b"COMMIT");
            match fault.take_if(|fault| *fault == Fault::Reset || commit) {
                Some(Fault::Reset) => return true,
                Some(Fault::Committed) => *heard.lock().expect("no panic") = true,
                None => {}
            }
            false
        });
        hang_up(&here, &there);
    });
    thread::spawn(move || {
        copy(&server, &client, |_| *committing.lock().expect("no panic"));
        hang_up(&client, &server);
    });
    Ok(())
}

/// Copies until the end, or until `stop` says so of what is to be copied next.
fn copy(mut from: &TcpStream, mut to: &TcpStream, stop: impl Fn(&[u8]) -> bool) {
    let mut buffer = [0; 8_192];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if stop(&buffer[..length]) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
}

/// Without a word to the client: what the last one to close this socket sends is a reset.
fn hang_up(client: &TcpStream, server: &TcpStream) {
    let _ = SockRef::from(client).set_linger(Some(Duration::ZERO));
    let _ = client.shutdown(Shutdown::Read);
    let _ = server.shutdown(Shutdown::Both);
}
