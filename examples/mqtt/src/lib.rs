//! An MQTT session that is kept up, before a broker that does what brokers do: it restarts, its connections die right after the
//! handshake, it hangs, and in the end it refuses the credentials.

mod line;
mod uplink;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

pub use line::{Line, Mode};
use redress_servers::Mosquitto;
use redress_std::{Cause, Event, EventKind, RetryError};
use rumqttc::ConnectionError;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
pub use uplink::{CLIENT, keep_up};

/// How often a connection dies right after its handshake.
pub const DEATHS: usize = 4;

/// The story, as it was told and as it was logged.
#[derive(Debug)]
pub struct Story {
    /// All events of the keeper.
    pub events: Vec<Event>,
    /// Why the keeper gave up.
    pub gave_up: RetryError<ConnectionError>,
    /// The log of the broker.
    pub log: Vec<String>,
}

/// Events as they come, printed and kept.
struct Told {
    receiver: UnboundedReceiver<Event>,
    events: Vec<Event>,
}

impl Told {
    /// Waits for the next event of which this holds.
    async fn until(&mut self, is_it: impl Fn(&Event) -> bool) -> io::Result<()> {
        loop {
            let event = self.receiver.recv().await.ok_or_else(|| io::Error::other("the keeper gave up too soon"))?;
            self.take(event);
            if is_it(&event) {
                return Ok(());
            }
        }
    }

    fn take(&mut self, event: Event) {
        let (attempt, elapsed, delay) = (event.attempt, event.elapsed, event.delay);
        match (event.kind, event.cause) {
            (EventKind::SessionEstablished, _) => println!("up after {attempt} attempts, {elapsed} offline"),
            (EventKind::SessionLost, _) => println!("lost after {elapsed}"),
            (EventKind::Retry, Some(Cause::Timeout)) => println!("attempt {attempt} hangs, next in {delay}"),
            (EventKind::Retry, _) => println!("next attempt in {delay}"),
            (kind, _) => println!("{kind}"),
        }
        self.events.push(event);
    }

    async fn sessions(&mut self, kind: EventKind, count: usize) -> io::Result<()> {
        for _ in 0..count {
            self.until(|event| event.kind == kind).await?;
        }
        Ok(())
    }
}

/// Starts a broker on loopback and plays the story before it.
///
/// # Errors
///
/// Mosquitto is not installed or does not start, or the story goes another way.
pub async fn play() -> io::Result<Story> {
    use EventKind::{Retry, SessionEstablished, SessionLost};

    let mut broker = Mosquitto::start()?;
    let line = Line::new(broker.port()).await?;
    let is_revoked = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = unbounded_channel();
    let mut told = Told { receiver, events: Vec::new() };
    let keeper = tokio::spawn(keep_up(line.port(), Arc::clone(&is_revoked), sender));

    println!("-- the broker is up, and restarts once the session is stable");
    told.sessions(SessionEstablished, 1).await?;
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    broker.kill()?;
    told.sessions(Retry, 2).await?;
    broker.restart()?;
    told.sessions(SessionEstablished, 1).await?;

    println!("-- connections die right after their handshake");
    line.set(Mode::CutAfterConnAck);
    broker.restart()?;
    told.sessions(SessionLost, 1 + DEATHS).await?;

    println!("-- the broker hangs");
    line.set(Mode::Hang);
    told.until(|event| event.cause == Some(Cause::Timeout)).await?;

    println!("-- it is back");
    line.set(Mode::Through);
    told.sessions(SessionEstablished, 1).await?;

    println!("-- the credentials are revoked");
    is_revoked.store(true, Relaxed);
    broker.restart()?;
    let gave_up = keeper.await.map_err(io::Error::other)?;
    while let Some(event) = told.receiver.recv().await {
        told.take(event);
    }
    println!("{gave_up}");
    Ok(Story { events: told.events, gave_up, log: broker.log() })
}
