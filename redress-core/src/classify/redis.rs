//! Error replies of Redis and Valkey, by the word that begins them.
//!
//! | prefix | class | because |
//! |---|---|---|
//! | `NOAUTH`, `WRONGPASS`; `ERR invalid password` | [`Auth`](ErrorClass::Auth) | log in first, or with another password |
//! | `NOPERM`, `DENIED` | [`Permission`](ErrorClass::Permission) | by an access rule, or by protected mode |
//! | `ASK`, `MOVED`, `TRYAGAIN`, `CLUSTERDOWN` | [`Transient`](ErrorClass::Transient) | slots move, or have no owner for now |
//! | `LOADING`, `MASTERDOWN`, `NOMASTERLINK`, `READONLY`, `UNBLOCKED`, `INPROG`, `NOGOODSLAVE`, `NOQUORUM`, `BUSY` | [`Transient`](ErrorClass::Transient) | start, fail-over, a script that runs for too long |
//! | `OOM`, `MISCONF`, `NOREPLICAS`; `ERR max number of clients` | [`ServerError`](ErrorClass::ServerError) | the server has run out of something |
//! | `IOERR` | [unknown outcome](Classification::outcome_unknown) | of `MIGRATE`: the key may be on both sides |
//! | `WRONGTYPE`, `CROSSSLOT`, `NOSCRIPT`, `NOTBUSY`, `NOSUB`, `NOGROUP`, `NOPROTO`, `BUSYGROUP`, `BUSYKEY`, `UNKILLABLE`, `INVALIDOBJ`; `ERR` before the texts of wrong commands and arguments | [`Permanent`](ErrorClass::Permanent) | the command is wrong for this key or server |
//! | `ERR` otherwise, `EXECABORT`, every other | [`Unknown`](ErrorClass::Unknown) | said of anything, also by scripts and modules |
//!
//! `READONLY` passes because it is what a former primary answers during a fail-over. The prefixes are those of the server's
//! source, its cluster and its sentinel; `ERR` is the prefix of errors without one, and only there the text is read.

use super::Classification;
use crate::ErrorClass;

/// Beginnings of the text after `ERR`, as the server writes it.
const TEXTS: [(&str, ErrorClass); 13] = [
    ("max number of clients", ErrorClass::ServerError), // reached: too many connections
    ("invalid password", ErrorClass::Auth),             // of servers before 6
    ("unknown command", ErrorClass::Permanent),
    ("unknown subcommand", ErrorClass::Permanent),
    ("wrong number of arguments", ErrorClass::Permanent),
    ("syntax error", ErrorClass::Permanent),
    ("value is not", ErrorClass::Permanent), // an integer, a valid float, in range
    ("no such key", ErrorClass::Permanent),
    ("index out of range", ErrorClass::Permanent),
    ("invalid DB index", ErrorClass::Permanent),
    ("DB index is out of range", ErrorClass::Permanent),
    ("increment or decrement would overflow", ErrorClass::Permanent),
    ("hash value is not", ErrorClass::Permanent), // an integer, a float
];

/// Returns the class of an error reply, with or without the `-` before it, by the table of [this module](self).
///
/// ```
/// use redress_core::{ErrorClass, classify::redis};
///
/// assert_eq!(redis::reply_class("LOADING Redis is loading the dataset in memory"), ErrorClass::Transient);
/// assert_eq!(redis::reply_class("-ERR syntax error"), ErrorClass::Permanent);
/// ```
pub fn reply_class(reply: &str) -> ErrorClass {
    classify_reply(reply).class()
}

/// Classifies an error reply. Redis has no numeric codes.
pub fn classify_reply(reply: &str) -> Classification {
    let reply = reply.strip_prefix('-').unwrap_or(reply);
    // By bytes, because what searches in a text can panic.
    let end = reply.bytes().position(|byte| byte == b' ').unwrap_or(reply.len());
    let text = reply.get(end.saturating_add(1)..).unwrap_or_default();
    classify(reply.get(..end).unwrap_or_default(), text)
}

/// Classifies an error reply whose prefix and text were taken apart.
///
/// ```
/// use redress_core::{ErrorClass, classify::redis};
///
/// assert_eq!(redis::classify("ERR", "max number of clients reached").class(), ErrorClass::ServerError);
/// assert!(redis::classify("IOERR", "error or timeout writing to target instance").is_outcome_unknown());
/// ```
pub fn classify(prefix: &str, text: &str) -> Classification {
    let class = match prefix {
        "IOERR" => return Classification::outcome_unknown(),
        "NOAUTH" | "WRONGPASS" => ErrorClass::Auth,
        "NOPERM" | "DENIED" => ErrorClass::Permission,
        "ASK" | "MOVED" | "TRYAGAIN" | "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "NOMASTERLINK" | "READONLY"
        | "UNBLOCKED" | "INPROG" | "NOGOODSLAVE" | "NOQUORUM" | "BUSY" => ErrorClass::Transient,
        "OOM" | "MISCONF" | "NOREPLICAS" => ErrorClass::ServerError,
        "WRONGTYPE" | "CROSSSLOT" | "NOSCRIPT" | "NOTBUSY" | "NOSUB" | "NOGROUP" | "NOPROTO" | "BUSYGROUP"
        | "BUSYKEY" | "UNKILLABLE" | "INVALIDOBJ" => ErrorClass::Permanent,
        "ERR" => {
            TEXTS.iter().find(|(begins, _)| text.starts_with(begins)).map_or(ErrorClass::Unknown, |(_, class)| *class)
        }
        _ => ErrorClass::Unknown,
    };
    Classification::new(class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorClass::{Auth, Permanent, Permission, ServerError, Transient, Unknown};

    #[test]
    fn prefixes() {
        const ROWS: [(ErrorClass, &str); 6] = [
            (Auth, "NOAUTH WRONGPASS"),
            (Permission, "NOPERM DENIED"),
            (
                Transient,
                "ASK MOVED TRYAGAIN CLUSTERDOWN LOADING MASTERDOWN NOMASTERLINK READONLY UNBLOCKED INPROG NOGOODSLAVE \
                 NOQUORUM BUSY",
            ),
            (ServerError, "OOM MISCONF NOREPLICAS"),
            (
                Permanent,
                "WRONGTYPE CROSSSLOT NOSCRIPT NOTBUSY NOSUB NOGROUP NOPROTO BUSYGROUP BUSYKEY UNKILLABLE INVALIDOBJ IOERR",
            ),
            (Unknown, "ERR EXECABORT CODE WHATEVER err oom"),
        ];
        for (class, prefixes) in ROWS {
            for prefix in prefixes.split(' ') {
                assert_eq!(classify(prefix, "and a text").class(), class, "{prefix}");
                assert_eq!(reply_class(prefix), class, "{prefix}");
            }
        }
        assert!(classify_reply("-IOERR error or timeout reading to target instance").is_outcome_unknown());
        assert_eq!(reply_class(""), Unknown);
    }

    #[test]
    fn texts_of_errors_without_prefix() {
        for (reply, class) in [
            ("-ERR max number of clients reached", ServerError),
            ("ERR invalid password", Auth),
            ("ERR unknown command 'NONSENSE', with args beginning with: ", Permanent),
            ("ERR value is not an integer or out of range", Permanent),
            ("ERR wrong number of arguments for 'get' command", Permanent),
            ("ERR Error running script", Unknown),
            ("ERR syntax error", Permanent),
        ] {
            assert_eq!(reply_class(reply), class, "{reply}");
        }
    }
}
