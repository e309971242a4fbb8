//! Errors of rumqttc 0.25, for MQTT 3.1.1 and for MQTT 5. Feature `rumqttc-v0.25`.
//!
//! | error | class |
//! |---|---|
//! | `ConnectionRefused`, bad user name or password, not authorized, bad authentication method | [`Auth`](ErrorClass::Auth) |
//! | banned | [`Permission`](ErrorClass::Permission) |
//! | server unavailable; the server shuts down, a keep-alive, an answer or a connection that was lost | [`Transient`](ErrorClass::Transient) |
//! | server busy, quota exceeded, rates of connections and messages | [`RateLimit`](ErrorClass::RateLimit) |
//! | protocol versions, client identifiers, topics, sizes and options that the broker refuses; a redirect to another server; a session that another client took over | [`Permanent`](ErrorClass::Permanent) |
//! | unspecified and implementation-specific errors, `RequestsDone` | [`Unknown`](ErrorClass::Unknown) |
//! | `Io`, `Tls` and other variants that wrap an error | by its [source](crate::chain) |
//!
//! Brokers say "not authorized" of wrong passwords too (mosquitto does), so it is a failed log-in here.

use redress_core::{Classification, ErrorClass};
use rumqttc::{ConnectReturnCode, ConnectionError, StateError, v5};
use v5::mqttbytes::v5::{ConnectReturnCode as ConnectReturnCode5, DisconnectReasonCode};

use crate::chain::{self, Link};

/// Returns the class of an error of MQTT 3.1.1, by the table of [this module](self).
///
/// ```
/// use redress_std::{ErrorClass, rumqttc_v0_25};
/// use rumqttc::{ConnectReturnCode, ConnectionError};
///
/// let refused = ConnectionError::ConnectionRefused(ConnectReturnCode::BadUserNamePassword);
/// assert_eq!(rumqttc_v0_25::classify(&refused).class(), ErrorClass::Auth);
/// ```
pub fn classify(error: &ConnectionError) -> Classification {
    chain::classify_strictly(error)
}

/// Returns the class of an error of MQTT 5, by the table of [this module](self).
pub fn classify_v5(error: &v5::ConnectionError) -> Classification {
    chain::classify_strictly(error)
}

impl Link for ConnectionError {
    fn own_class(&self) -> Classification {
        let class = match self {
            ConnectionError::ConnectionRefused(code) => refused(*code),
            ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => ErrorClass::Transient,
            ConnectionError::NotConnAck(_) => ErrorClass::Permanent,
            _ => ErrorClass::Unknown,
        };
        class.into()
    }
}

impl Link for StateError {
    fn own_class(&self) -> Classification {
        let class = match self {
            StateError::AwaitPingResp | StateError::CollisionTimeout | StateError::ConnectionAborted => {
                ErrorClass::Transient
            }
            StateError::EmptySubscription => ErrorClass::Permanent,
            _ => ErrorClass::Unknown,
        };
        class.into()
    }
}

impl Link for v5::ConnectionError {
    fn own_class(&self) -> Classification {
        let class = match self {
            v5::ConnectionError::ConnectionRefused(code) => refused_v5(*code),
            v5::ConnectionError::Timeout(_) => ErrorClass::Transient,
            v5::ConnectionError::NotConnAck(_) => ErrorClass::Permanent,
            _ => ErrorClass::Unknown,
        };
        class.into()
    }
}

impl Link for v5::StateError {
    fn own_class(&self) -> Classification {
        use v5::StateError;

        let class = match self {
            StateError::AwaitPingResp | StateError::CollisionTimeout | StateError::ConnectionAborted => {
                ErrorClass::Transient
            }
            StateError::EmptySubscription
            | StateError::InvalidAlias { .. }
            | StateError::OutgoingPacketTooLarge { .. }
            | StateError::IncomingPacketTooLarge { .. } => ErrorClass::Permanent,
            StateError::ServerDisconnect { reason_code, .. } => disconnected(*reason_code),
            StateError::ConnFail { reason } => refused_v5(*reason),
            _ => ErrorClass::Unknown,
        };
        class.into()
    }
}

const fn refused(code: ConnectReturnCode) -> ErrorClass {
    match code {
        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => ErrorClass::Auth,
        ConnectReturnCode::ServiceUnavailable => ErrorClass::Transient,
        ConnectReturnCode::RefusedProtocolVersion | ConnectReturnCode::BadClientId => ErrorClass::Permanent,
        ConnectReturnCode::Success => ErrorClass::Unknown,
    }
}

const fn refused_v5(code: ConnectReturnCode5) -> ErrorClass {
    match code {
        ConnectReturnCode5::BadUserNamePassword
        | ConnectReturnCode5::NotAuthorized
        | ConnectReturnCode5::BadAuthenticationMethod => ErrorClass::Auth,
        ConnectReturnCode5::Banned => ErrorClass::Permission,
        ConnectReturnCode5::ServiceUnavailable | ConnectReturnCode5::ServerUnavailable => ErrorClass::Transient,
        ConnectReturnCode5::ServerBusy
        | ConnectReturnCode5::QuotaExceeded
        | ConnectReturnCode5::ConnectionRateExceeded => ErrorClass::RateLimit,
        ConnectReturnCode5::Success
        | ConnectReturnCode5::UnspecifiedError
        | ConnectReturnCode5::ImplementationSpecificError => ErrorClass::Unknown,
        _ => ErrorClass::Permanent,
    }
}

const fn disconnected(code: DisconnectReasonCode) -> ErrorClass {
    match code {
        DisconnectReasonCode::NotAuthorized => ErrorClass::Auth,
        DisconnectReasonCode::ServerShuttingDown
        | DisconnectReasonCode::KeepAliveTimeout
        | DisconnectReasonCode::MaximumConnectTime => ErrorClass::Transient,
        DisconnectReasonCode::ServerBusy
        | DisconnectReasonCode::QuotaExceeded
        | DisconnectReasonCode::ReceiveMaximumExceeded
        | DisconnectReasonCode::MessageRateTooHigh
        | DisconnectReasonCode::ConnectionRateExceeded => ErrorClass::RateLimit,
        DisconnectReasonCode::NormalDisconnection
        | DisconnectReasonCode::UnspecifiedError
        | DisconnectReasonCode::ImplementationSpecificError
        | DisconnectReasonCode::AdministrativeAction => ErrorClass::Unknown,
        _ => ErrorClass::Permanent,
    }
}
