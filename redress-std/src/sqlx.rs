//! The classifier of sqlx, for several majors.
//!
//! # Design
//!
//! The names of sqlx's error types tell the three databases apart, and `MySQL`'s number and `PostgreSQL`'s routine come from the text
//! that these types print. To compare the types would mean to depend on sqlx-mysql, sqlx-postgres and sqlx-sqlite, for
//! programs that use one of them; and of two majors of sqlx-sqlite, Cargo allows only one.

use std::error::Error;

use redress_core::{
    Classification, ErrorClass,
    classify::{
        mysql,
        name::{NameBuffer, leading_identifier},
        postgres, sqlite,
        sqlstate::pack,
    },
};

use crate::said::beginning;

/// The class of what a database reported; `code` is a SQLSTATE or, of `SQLite`, an extended result code.
pub(crate) fn of_database(error: &dyn Error, code: Option<&str>) -> Classification {
    let mut buffer = NameBuffer::new();
    match (leading_identifier(error, &mut buffer), code) {
        ("MySqlDatabaseError", code) => of_mysql(&beginning(format_args!("{error}")), code),
        ("PgDatabaseError", Some(state)) => {
            let routine = (state == "0A000").then(|| beginning(format_args!("{error:?}")));
            postgres::classify_error(state, routine.as_deref().and_then(routine_of))
        }
        ("SqliteError", Some(code)) => code.parse().map_or(ErrorClass::Unknown.into(), sqlite::classify_code),
        (_, Some(state)) if pack(state).is_some() => postgres::classify_state(state),
        _ => ErrorClass::Unknown.into(),
    }
}

/// The class of a `MySQL` error that reads `1205 (HY000): message`. A number that cannot be read leaves the SQLSTATE.
fn of_mysql(text: &str, state: Option<&str>) -> Classification {
    let (head, message) = text.split_once(": ").unwrap_or((text, ""));
    let number = head.split(' ').next().and_then(|number| number.parse().ok());
    match (number, state) {
        (Some(number), _) => mysql::classify_error(number, message),
        (None, Some(state)) => postgres::classify_state(state),
        (None, None) => ErrorClass::Unknown.into(),
    }
}

/// The routine in the `Debug` output of a `PostgreSQL` error. Inside of a message, the quotes would be escaped.
fn routine_of(printed: &str) -> Option<&str> {
    let (_, rest) = printed.rsplit_once("routine: Some(\"")?;
    rest.split_once('"').map(|(routine, _)| routine)
}

/// The classifier of one major, whose types are found in `$krate`.
macro_rules! classifier {
    ($($krate:tt)+) => {
        use $($krate)+::error::Error;
        use redress_core::{Classification, ErrorClass};

        use crate::chain::{self, Link};

        /// The class of an error, by the table of [this module](self).
        pub fn classify(error: &Error) -> Classification {
            chain::classify_strictly(error)
        }

        impl Link for Error {
            fn own_class(&self) -> Classification {
                let class = match self {
                    Error::Database(error) => return crate::sqlx::of_database(&**error, error.code().as_deref()),
                    // A connection that broke in the handshake says so itself.
                    Error::Tls(error) => return chain::answer(&**error).unwrap_or(ErrorClass::Permanent.into()),
                    Error::PoolTimedOut | Error::WorkerCrashed => ErrorClass::Transient,
                    Error::Configuration(_)
                    | Error::TypeNotFound { .. }
                    | Error::ColumnIndexOutOfBounds { .. }
                    | Error::ColumnNotFound(_)
                    | Error::ColumnDecode { .. }
                    | Error::Decode(_)
                    | Error::Encode(_)
                    | Error::RowNotFound
                    | Error::PoolClosed => ErrorClass::Permanent,
                    _ => ErrorClass::Unknown,
                };
                class.into()
            }
        }
    };
}

pub(crate) use classifier;
