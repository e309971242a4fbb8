//! The uplink of a device: one MQTT session, kept up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use redress_servers::Mosquitto;
use redress_std::{
    Backoff, Event, Policy, Retry, RetryError, Tokio,
    keeper::{Keep, KeepConfig, Session},
};
use rumqttc::{ConnectionError, EventLoop, MqttOptions, Packet};
use tokio::sync::mpsc::UnboundedSender;

/// The name of the client in the log of the broker.
pub const CLIENT: &str = "uplink";

/// In the field, delays are from seconds to an hour, and a session is stable after a minute. Here, all of it is faster.
static UPLINK: Keep = Keep::new(
    Policy::new(
        Retry::new(Backoff::equal_jitter(Duration::from_millis(50), Duration::from_secs(1)))
            .attempt_timeout(Duration::from_secs(4)),
    ),
    KeepConfig::new(Duration::from_millis(300)).spread(Duration::from_millis(50)),
);

/// Keeps the session up, and gives the reason when it gives up. Events go to `told`.
pub async fn keep_up(
    port: u16,
    is_revoked: Arc<AtomicBool>,
    told: UnboundedSender<Event>,
) -> RetryError<ConnectionError> {
    let mut context = UPLINK.context(Tokio).operation(CLIENT).observe(move |event: &Event| {
        // Nobody may be left to read it.
        let _ = told.send(*event);
    });
    context.keep().run(|session| serve(session, port, is_revoked.load(Relaxed))).await
}

/// Connects, and serves the session until it fails.
async fn serve(session: Session<'_>, port: u16, is_revoked: bool) -> Result<(), ConnectionError> {
    let mut options = MqttOptions::new(CLIENT, "127.0.0.1", port);
    options.set_credentials(Mosquitto::USER, if is_revoked { "revoked" } else { Mosquitto::PASSWORD });
    let mut events = EventLoop::new(options, 10);
    loop {
        if let rumqttc::Event::Incoming(Packet::ConnAck(_)) = events.poll().await? {
            session.established();
        }
    }
}
