//! Errors of diesel 2. Feature `diesel-v2`.
//!
//! | error | class |
//! |---|---|
//! | `SerializationFailure` | [`Concurrency`](ErrorClass::Concurrency) |
//! | `ClosedConnection`, `BrokenTransactionManager`; `ReadOnlyTransaction`, as after a fail-over | [`Transient`](ErrorClass::Transient) |
//! | `NotNullViolation`, `CheckViolation` | [`Permanent`](ErrorClass::Permanent) |
//! | `UniqueViolation`, `ForeignKeyViolation`, `RestrictViolation`, `ExclusionViolation` | [`Unknown`](ErrorClass::Unknown): another transaction may be the reason |
//! | other kinds of `DatabaseError`, `ConnectionError::BadConnection` | by the message, because diesel drops the code: see below |
//! | `RollbackErrorOnCommit` | [unknown outcome](Classification::outcome_unknown) |
//! | `NotFound`, `QueryBuilderError`, `DeserializationError`, `SerializationError` and what else is wrong with the program; a malformed URL | [`Permanent`](ErrorClass::Permanent) |
//!
//! The messages are those of the three servers in English: locks and dead-locks are `Concurrency`, lost connections
//! `Transient`, refused log-ins `Auth`, missing privileges `Permission`, full disks and too many connections `ServerError`, syntax
//! and names that are not there `Permanent`. A message in another language has no class.

use diesel::{
    ConnectionError,
    result::{DatabaseErrorInformation, DatabaseErrorKind, Error},
};
use redress_core::{Classification, ErrorClass};

use crate::chain::{self, Link};

/// Fragments of messages; the first that is found decides. Sources: `sqlite3_errstr`, `MySQL`'s `errmsg-utf8.txt`, `PostgreSQL`'s
/// server and libpq.
const MESSAGES: [(ErrorClass, &[&str]); 6] = [
    (
        ErrorClass::Concurrency,
        &[
            "database is locked",
            "database table is locked",
            "database schema is locked",
            "database schema has changed",
            "Deadlock found",
            "Lock wait timeout exceeded",
            "please retry transaction",
            "NOWAIT",
            "deadlock detected",
            "could not obtain lock",
            "due to lock timeout",
            "could not serialize access",
            "cached plan must not change result type",
        ],
    ),
    (
        ErrorClass::Auth,
        &["authentication failed", "no password supplied", "Access denied for user", "no pg_hba.conf entry"],
    ),
    (
        ErrorClass::Permission,
        &["permission denied", "command denied", "you need (at least one of) the", "readonly database"],
    ),
    (
        ErrorClass::ServerError,
        &[
            "disk is full",
            "No space left",
            "disk I/O error",
            "out of memory",
            "Too many connections",
            "too many clients",
            "remaining connection slots",
        ],
    ),
    (
        ErrorClass::Transient,
        &[
            "server closed the connection",
            "connection to server",
            "could not connect",
            "Connection refused",
            "terminating connection",
            "the database system is",
            "no connection to the server",
            "Lost connection",
            "gone away",
            "Can't connect",
            "--read-only option",
            "--super-read-only option",
        ],
    ),
    (
        ErrorClass::Permanent,
        &[
            "syntax error",
            "error in your SQL syntax",
            "no such table",
            "no such column",
            "does not exist",
            "doesn't exist",
            "Unknown column",
            "Unknown database",
        ],
    ),
];

/// Returns the class of an error, by the table of [this module](self).
///
/// ```
/// use diesel::result::{DatabaseErrorKind, Error};
/// use redress_std::{ErrorClass, diesel_v2};
///
/// let lost = Error::DatabaseError(DatabaseErrorKind::SerializationFailure, Box::new("could not serialize".to_owned()));
/// assert_eq!(diesel_v2::classify(&lost).class(), ErrorClass::Concurrency);
/// ```
pub fn classify(error: &Error) -> Classification {
    chain::classify_strictly(error)
}

impl Link for Error {
    fn own_class(&self) -> Classification {
        let class = match self {
            Error::DatabaseError(kind, information) => of_kind(*kind, &**information),
            Error::RollbackErrorOnCommit { .. } => return Classification::outcome_unknown(),
            Error::BrokenTransactionManager => ErrorClass::Transient,
            _ => ErrorClass::Permanent,
        };
        class.into()
    }
}

impl Link for ConnectionError {
    fn own_class(&self) -> Classification {
        match self {
            ConnectionError::BadConnection(message) => of_message(message).into(),
            ConnectionError::CouldntSetupConfiguration(error) => error.own_class(),
            _ => ErrorClass::Permanent.into(),
        }
    }
}

fn of_kind(kind: DatabaseErrorKind, information: &(dyn DatabaseErrorInformation + Send + Sync)) -> ErrorClass {
    match kind {
        DatabaseErrorKind::SerializationFailure => ErrorClass::Concurrency,
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::ReadOnlyTransaction => ErrorClass::Transient,
        DatabaseErrorKind::NotNullViolation | DatabaseErrorKind::CheckViolation => ErrorClass::Permanent,
        DatabaseErrorKind::UniqueViolation
        | DatabaseErrorKind::ForeignKeyViolation
        | DatabaseErrorKind::RestrictViolation
        | DatabaseErrorKind::ExclusionViolation => ErrorClass::Unknown,
        _ => of_message(information.message()),
    }
}

fn of_message(message: &str) -> ErrorClass {
    let fits = |fragments: &[&str]| fragments.iter().any(|fragment| message.contains(fragment));
    MESSAGES.iter().find(|(_, fragments)| fits(fragments)).map_or(ErrorClass::Unknown, |(class, _)| *class)
}
