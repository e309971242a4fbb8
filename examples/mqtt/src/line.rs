//! The line to the broker, which can be cut.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

/// The fate of connections.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Mode {
    /// They reach the broker.
    Through,
    /// They reach it, and are cut right after its CONNACK.
    CutAfterConnAck,
    /// They are accepted, and nothing more happens.
    Hang,
}

/// The length of a CONNACK of MQTT 3.1.1.
const CONNACK: usize = 4;

/// A proxy on loopback.
#[derive(Debug)]
pub struct Line {
    mode: Arc<AtomicU8>,
    port: u16,
}

impl Line {
    /// Creates a line to the broker at this port.
    ///
    /// # Errors
    ///
    /// There is no free port.
    pub async fn new(broker: u16) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let mode = Arc::new(AtomicU8::new(Mode::Through as u8));
        let current = Arc::clone(&mode);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A broker that is down refuses, which the client notices by the end of its connection.
                tokio::spawn(carry(client, broker, current.load(Relaxed)));
            }
        });
        Ok(Self { mode, port })
    }

    /// Sets what happens to the connections that are made from now on.
    pub fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Relaxed);
    }

    /// Returns the port for clients.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

async fn carry(mut client: TcpStream, broker: u16, mode: u8) -> io::Result<()> {
    if mode == Mode::Hang as u8 {
        // Until the client goes.
        return client.read_to_end(&mut Vec::new()).await.map(drop);
    }
    let mut server = TcpStream::connect(("127.0.0.1", broker)).await?;
    if mode == Mode::Through as u8 {
        return copy_bidirectional(&mut client, &mut server).await.map(drop);
    }
    let mut connect = [0; 1_024];
    let length = client.read(&mut connect).await?;
    server.write_all(&connect[..length]).await?;
    let mut answer = [0; CONNACK];
    server.read_exact(&mut answer).await?;
    client.write_all(&answer).await
}
