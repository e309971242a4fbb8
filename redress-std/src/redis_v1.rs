//! Errors of redis 1. Feature `redis-v1`.
//!
//! | error | class |
//! |---|---|
//! | a failed log-in; codes `NOAUTH`, `WRONGPASS` | [`Auth`](ErrorClass::Auth) |
//! | code `NOPERM` | [`Permission`](ErrorClass::Permission) |
//! | codes `WRONGTYPE`, `CROSSSLOT`, `NOSCRIPT`, `NOTBUSY`, `NOSUB`, `BUSYGROUP`, `BUSYKEY`; bad configuration, RESP3 unsupported | [`Permanent`](ErrorClass::Permanent) |
//! | codes `LOADING`, `TRYAGAIN`, `MOVED`, `ASK`, `CLUSTERDOWN`, `MASTERDOWN`, `READONLY`, `BUSY`; time-outs, connections refused or dropped, no node or master found | [`Transient`](ErrorClass::Transient) |
//! | codes `OOM`, `MISCONF`, `NOREPLICAS` | [`ServerError`](ErrorClass::ServerError) |
//! | every other | by its [source](crate::chain) |
//!
//! `READONLY` passes because it is what a former master answers during a fail-over. `ERR` and `EXECABORT` have no class:
//! they are said of syntax errors as much as of too many clients. Neither have
//! values that don't convert, whose kind is that of damaged answers. A transaction whose watched keys were changed is no
//! error for Redis but a nil; `.retry_result(|done: &Option<T>| done.is_none().then_some(ErrorClass::Concurrency))`
//! retries it.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use redress_core::{Classification, ErrorClass};

use crate::chain;

/// The class of an error, by the table of [this module](self).
pub fn classify(error: &RedisError) -> Classification {
    chain::classify_strictly(error)
}

pub(crate) fn link(error: &RedisError) -> Classification {
    let class = match error.kind() {
        ErrorKind::Server(kind) => of_server(kind),
        ErrorKind::Extension => error.code().map_or(ErrorClass::Unknown, of_code),
        ErrorKind::AuthenticationFailed => ErrorClass::Auth,
        ErrorKind::UnexpectedReturnType
        | ErrorKind::InvalidClientConfig
        | ErrorKind::EmptySentinelList
        | ErrorKind::RESP3NotSupported => ErrorClass::Permanent,
        ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel
        | ErrorKind::ClusterConnectionNotFound => ErrorClass::Transient,
        _ if error.is_timeout() || error.is_connection_refusal() || error.is_connection_dropped() => {
            ErrorClass::Transient
        }
        _ => ErrorClass::Unknown,
    };
    class.into()
}

fn of_server(kind: ServerErrorKind) -> ErrorClass {
    match kind {
        ServerErrorKind::NoPerm => ErrorClass::Permission,
        ServerErrorKind::CrossSlot | ServerErrorKind::NoScript | ServerErrorKind::NotBusy | ServerErrorKind::NoSub => {
            ErrorClass::Permanent
        }
        ServerErrorKind::BusyLoading
        | ServerErrorKind::TryAgain
        | ServerErrorKind::Moved
        | ServerErrorKind::Ask
        | ServerErrorKind::ClusterDown
        | ServerErrorKind::MasterDown
        | ServerErrorKind::ReadOnly => ErrorClass::Transient,
        _ => ErrorClass::Unknown,
    }
}

/// Codes for which the crate has no kind.
fn of_code(code: &str) -> ErrorClass {
    match code {
        "NOAUTH" | "WRONGPASS" => ErrorClass::Auth,
        "WRONGTYPE" | "BUSYGROUP" | "BUSYKEY" => ErrorClass::Permanent,
        "BUSY" => ErrorClass::Transient,
        "OOM" | "MISCONF" | "NOREPLICAS" => ErrorClass::ServerError,
        _ => ErrorClass::Unknown,
    }
}
