//! Errors of rusqlite, of every version from 0.32. Feature `rusqlite-v0`.
//!
//! | error | class |
//! |---|---|
//! | with a result code of `SQLite` | that of the [extended code](redress_core::classify::sqlite), which is the code |
//! | `UserFunctionError`, `ToSqlConversionFailure` | by its [source](crate::chain), the program's own error |
//! | every other: no rows, wrong types, wrong names | [`Permanent`](ErrorClass::Permanent) |

use std::error::Error as _;

use redress_core::{
    Classification, ErrorClass,
    classify::{
        name::{NameBuffer, leading_identifier},
        sqlite,
    },
};
use rusqlite::{Error, ffi};

use crate::chain::{self, Link};

/// Returns the class of an error, by the table of [this module](self).
///
/// ```
/// use redress_std::{ErrorClass, rusqlite_v0};
///
/// let none = rusqlite::Error::QueryReturnedNoRows;
/// assert_eq!(rusqlite_v0::classify(&none).class(), ErrorClass::Permanent);
/// let busy = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(5), None);
/// assert_eq!(rusqlite_v0::classify(&busy).class(), ErrorClass::Concurrency);
/// ```
pub fn classify(error: &Error) -> Classification {
    chain::classify_strictly(error)
}

impl Link for Error {
    fn own_class(&self) -> Classification {
        // Wrong SQL has a variant of its own with some versions of SQLite, and the code as its source.
        let source = || self.source().and_then(|source| source.downcast_ref::<ffi::Error>());
        if let Some(error) = self.sqlite_error().or_else(source) {
            return sqlite::classify_code(error.extended_code);
        }
        // The first is there with a feature of rusqlite only.
        match leading_identifier(self, &mut NameBuffer::new()) {
            "UserFunctionError" | "ToSqlConversionFailure" => ErrorClass::Unknown.into(),
            _ => ErrorClass::Permanent.into(),
        }
    }
}
