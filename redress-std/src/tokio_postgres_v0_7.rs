//! Errors of tokio-postgres 0.7 and of postgres 0.19, which are the same type. Feature `tokio-postgres-v0.7`.
//!
//! | error | class |
//! |---|---|
//! | with a SQLSTATE | that of the state, and for `0A000` that of the routine, see [`postgres`]; the state, packed, is the code |
//! | the connection was closed, or the time is over | [`Transient`](ErrorClass::Transient) |
//! | an unexpected number of rows or columns, wrong columns, parameters and types, bad configurations | [`Permanent`](ErrorClass::Permanent): the same query finds the same |
//! | the log-in failed in the client: no password, a method that it does not know | [`Auth`](ErrorClass::Auth) |
//! | every other | by its [source](crate::chain), as for connections that are refused or reset |

use redress_core::{Classification, ErrorClass, classify::postgres};
use tokio_postgres::Error;

use crate::{
    chain::{self, Link},
    said::beginning,
};

/// The class of an error, by the table of [this module](self).
///
/// ```no_run
/// use redress_std::{Backoff, ErrorClass, Policy, Retry, Threads};
/// # use std::time::Duration;
///
/// static POLICY: Policy = Policy::new(
///     Retry::new(Backoff::none())
///         .backoff_for(ErrorClass::Concurrency, Backoff::full_jitter(Duration::from_millis(5), Duration::from_secs(1))),
/// );
///
/// # fn transfer() -> Result<(), tokio_postgres::Error> { Ok(()) }
/// // The default classifier knows the error; `.classifier(tokio_postgres_v0_7::classify)` asks for nothing else.
/// POLICY.context(Threads).operation("transfer").call(|| transfer())?;
/// # Ok::<(), redress_std::RetryError<tokio_postgres::Error>>(())
/// ```
pub fn classify(error: &Error) -> Classification {
    chain::classify_strictly(error)
}

impl Link for Error {
    fn own_class(&self) -> Classification {
        match self.as_db_error() {
            Some(error) => postgres::classify_error(error.code().code(), error.routine()),
            None if self.is_closed() => ErrorClass::Transient.into(),
            None => of_kind(&beginning(format_args!("{self:?}"))).into(),
        }
    }
}

/// The class of an error that is the client's own, by its kind, which only the `Debug` output has.
fn of_kind(printed: &str) -> ErrorClass {
    let kind = printed.strip_prefix("Error { kind: ").unwrap_or_default();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric();
    match &kind[..kind.bytes().take_while(|byte| is_name(byte)).count()] {
        "RowCount" | "ColumnCount" | "Column" | "Parameters" | "ToSql" | "FromSql" | "Encode" | "Config"
        | "ConfigParse" => ErrorClass::Permanent,
        "Authentication" => ErrorClass::Auth,
        "Timeout" => ErrorClass::Transient,
        _ => ErrorClass::Unknown,
    }
}
