//! Errors of redis 1. Feature `redis-v1`.
//!
//! | error | class |
//! |---|---|
//! | a reply with an error code | that of the [code](redress_core::classify::redis), and of the text after `ERR` |
//! | a failed log-in | [`Auth`](ErrorClass::Auth) |
//! | bad configuration, RESP3 unsupported, an empty list of sentinels | [`Permanent`](ErrorClass::Permanent) |
//! | time-outs, connections refused or dropped, no node or master found | [`Transient`](ErrorClass::Transient) |
//! | every other | by its [source](crate::chain) |
//!
//! Values that do not convert have no class, because their kind is that of damaged answers. A transaction whose watched keys were
//! changed is no error for Redis but a nil; `.retry_result(|done: &Option<T>|
//! done.is_none().then_some(ErrorClass::Concurrency))` retries it.

use redis::{ErrorKind, RedisError};
use redress_core::{Classification, ErrorClass, classify::redis as replies};

use crate::chain::{self, Link};

/// The class of an error, by the table of [this module](self).
pub fn classify(error: &RedisError) -> Classification {
    chain::classify_strictly(error)
}

impl Link for RedisError {
    fn own_class(&self) -> Classification {
        let class = match self.kind() {
            ErrorKind::Server(_) | ErrorKind::Extension => {
                return replies::classify(self.code().unwrap_or_default(), self.detail().unwrap_or_default());
            }
            ErrorKind::AuthenticationFailed => ErrorClass::Auth,
            ErrorKind::UnexpectedReturnType
            | ErrorKind::InvalidClientConfig
            | ErrorKind::EmptySentinelList
            | ErrorKind::RESP3NotSupported => ErrorClass::Permanent,
            ErrorKind::MasterNameNotFoundBySentinel
            | ErrorKind::NoValidReplicasFoundBySentinel
            | ErrorKind::ClusterConnectionNotFound => ErrorClass::Transient,
            _ if self.is_timeout() || self.is_connection_refusal() || self.is_connection_dropped() => {
                ErrorClass::Transient
            }
            _ => ErrorClass::Unknown,
        };
        class.into()
    }
}
