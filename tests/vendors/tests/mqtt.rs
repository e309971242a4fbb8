//! A real broker, and every code that one can refuse with.
#![cfg(unix)]

use std::time::Duration;

use redress_servers::Mosquitto;
use redress_std::{
    Backoff,
    ErrorClass::{self, Auth, Permanent, Permission, RateLimit, Transient, Unknown},
    Policy, Retry, StopReason, Tokio, rumqttc_v0_25,
};
use redress_vendors::class;
use rumqttc::{ConnectReturnCode, ConnectionError, EventLoop, MqttOptions, StateError, v5};
use v5::mqttbytes::v5::{ConnectReturnCode as Code5, DisconnectReasonCode};

/// The error of a connection, if it is not accepted.
async fn connect(port: u16, password: &str) -> Result<(), ConnectionError> {
    let mut options = MqttOptions::new("sensor", "127.0.0.1", port);
    options.set_credentials(Mosquitto::USER, password);
    EventLoop::new(options, 10).poll().await.map(drop)
}

async fn connect_v5(port: u16, password: &str) -> Result<(), v5::ConnectionError> {
    let mut options = v5::MqttOptions::new("sensor", "127.0.0.1", port);
    options.set_credentials(Mosquitto::USER, password);
    v5::EventLoop::new(options, 10).poll().await.map(drop)
}

#[tokio::test]
async fn errors_of_mosquitto() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(1))).max_attempts(3));

    let mut broker = Mosquitto::start().expect("Mosquitto");
    let port = broker.port();
    connect(port, Mosquitto::PASSWORD).await.expect("the password");
    connect_v5(port, Mosquitto::PASSWORD).await.expect("the password");

    let refused = connect(port, "guessed").await.expect_err("a guess");
    assert!(matches!(refused, ConnectionError::ConnectionRefused(_)), "{refused:?}");
    assert_eq!((class(&refused), rumqttc_v0_25::classify(&refused).class()), (Auth, Auth), "{refused:?}");
    let refused = connect_v5(port, "guessed").await.expect_err("a guess");
    assert_eq!((class(&refused), rumqttc_v0_25::classify_v5(&refused).class()), (Auth, Auth), "{refused:?}");
    // It is not dialled again.
    let outcome = POLICY.context(Tokio).execute(|| connect(port, "guessed")).await;
    assert_eq!((outcome.attempts, outcome.stop_reason), (1, Some(StopReason::NonRetryableClass)));

    broker.kill().expect("it runs");
    assert_eq!(class(&connect(port, Mosquitto::PASSWORD).await.expect_err("nobody listens")), Transient);
    assert_eq!(class(&connect_v5(port, Mosquitto::PASSWORD).await.expect_err("nobody listens")), Transient);
    assert_eq!(POLICY.context(Tokio).execute(|| connect(port, Mosquitto::PASSWORD)).await.attempts, 3);
}

#[test]
fn codes_of_mqtt_3() {
    for (code, expected) in [
        (ConnectReturnCode::BadUserNamePassword, Auth),
        (ConnectReturnCode::NotAuthorized, Auth),
        (ConnectReturnCode::ServiceUnavailable, Transient),
        (ConnectReturnCode::BadClientId, Permanent),
        (ConnectReturnCode::RefusedProtocolVersion, Permanent),
    ] {
        assert_eq!(class(&ConnectionError::ConnectionRefused(code)), expected, "{code:?}");
    }
    for (error, expected) in [
        (ConnectionError::NetworkTimeout, Transient),
        (ConnectionError::FlushTimeout, Transient),
        (ConnectionError::RequestsDone, Unknown),
        (ConnectionError::MqttState(StateError::AwaitPingResp), Transient),
        (ConnectionError::MqttState(StateError::ConnectionAborted), Transient),
        (ConnectionError::MqttState(StateError::EmptySubscription), Permanent),
        (ConnectionError::MqttState(StateError::Io(std::io::ErrorKind::ConnectionReset.into())), Transient),
        (ConnectionError::Io(std::io::ErrorKind::ConnectionReset.into()), Transient),
    ] {
        assert_eq!(class(&error), expected, "{error:?}");
    }
}

#[test]
fn codes_of_mqtt_5() {
    const REFUSED: [(Code5, ErrorClass); 24] = [
        (Code5::RefusedProtocolVersion, Permanent),
        (Code5::BadClientId, Permanent),
        (Code5::ServiceUnavailable, Transient),
        (Code5::UnspecifiedError, Unknown),
        (Code5::MalformedPacket, Permanent),
        (Code5::ProtocolError, Permanent),
        (Code5::ImplementationSpecificError, Unknown),
        (Code5::UnsupportedProtocolVersion, Permanent),
        (Code5::ClientIdentifierNotValid, Permanent),
        (Code5::BadUserNamePassword, Auth),
        (Code5::NotAuthorized, Auth),
        (Code5::ServerUnavailable, Transient),
        (Code5::ServerBusy, RateLimit),
        (Code5::Banned, Permission),
        (Code5::BadAuthenticationMethod, Auth),
        (Code5::TopicNameInvalid, Permanent),
        (Code5::PacketTooLarge, Permanent),
        (Code5::QuotaExceeded, RateLimit),
        (Code5::PayloadFormatInvalid, Permanent),
        (Code5::RetainNotSupported, Permanent),
        (Code5::QoSNotSupported, Permanent),
        (Code5::UseAnotherServer, Permanent),
        (Code5::ServerMoved, Permanent),
        (Code5::ConnectionRateExceeded, RateLimit),
    ];
    for (code, expected) in REFUSED {
        assert_eq!(class(&v5::ConnectionError::ConnectionRefused(code)), expected, "{code:?}");
    }
    for (reason_code, expected) in [
        (DisconnectReasonCode::ServerShuttingDown, Transient),
        (DisconnectReasonCode::KeepAliveTimeout, Transient),
        (DisconnectReasonCode::ServerBusy, RateLimit),
        (DisconnectReasonCode::MessageRateTooHigh, RateLimit),
        (DisconnectReasonCode::NotAuthorized, Auth),
        (DisconnectReasonCode::SessionTakenOver, Permanent),
        (DisconnectReasonCode::AdministrativeAction, Unknown),
        (DisconnectReasonCode::UnspecifiedError, Unknown),
    ] {
        let error = v5::StateError::ServerDisconnect { reason_code, reason_string: None };
        assert_eq!(class(&v5::ConnectionError::MqttState(error)), expected, "{reason_code:?}");
    }
    let aborted = v5::ConnectionError::MqttState(v5::StateError::ConnectionAborted);
    assert_eq!(class(&aborted), Transient);
}
