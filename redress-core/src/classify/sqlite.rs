//! The result codes of `SQLite`, primary and extended, by its list of result and error codes.
//!
//! An extended code has its primary code in the lower eight bits; an extended code without a line of its own has the class of
//! its primary code.
//!
//! | code | class | because |
//! |---|---|---|
//! | `BUSY` (5), `LOCKED` (6) and all their extended codes | [`Concurrency`](ErrorClass::Concurrency) | another connection, or a statement of the same, holds the lock; after `BUSY_SNAPSHOT` repeat the whole transaction |
//! | `PROTOCOL` (15), `SCHEMA` (17), `ERROR_RETRY` (513), `ABORT_ROLLBACK` (516) | [`Concurrency`](ErrorClass::Concurrency) | a race for the lock; a schema that changed before the statement ran; rolled back by another statement |
//! | `INTERNAL` (2), `NOMEM` (7), `IOERR` (10), `FULL` (13) | [`ServerError`](ErrorClass::ServerError) | the engine, the memory, the disk |
//! | `PERM` (3), `READONLY` (8), `AUTH` (23) | [`Permission`](ErrorClass::Permission) | by the file system or the authorizer |
//! | `IOERR_AUTH` (7178), `AUTH_USER` (279) | [`Auth`](ErrorClass::Auth) | the user's log-in |
//! | `READONLY_DBMOVED` (1032), `IOERR_DATA` (8202), `IOERR_CORRUPTFS` (8458) | [`Permanent`](ErrorClass::Permanent) | the file was moved, or damaged |
//! | `ABORT` (4), `INTERRUPT` (9) | [`Unknown`](ErrorClass::Unknown) | canceled, and not by whom |
//! | `CANTOPEN` (14) | [`Unknown`](ErrorClass::Unknown) | a file that is not there yet, or no file handle left; its extended codes are permanent |
//! | `CONSTRAINT` (19) and its codes for unique, primary key, row id, foreign key | [`Unknown`](ErrorClass::Unknown) | another connection's row may be the reason; the other constraints are permanent |
//! | `OK`, `NOTICE`, `WARNING`, `ROW`, `DONE` | [`Unknown`](ErrorClass::Unknown) | no failures |
//! | `ERROR` (1), `CORRUPT`, `NOTFOUND`, `EMPTY`, `TOOBIG`, `MISMATCH`, `MISUSE`, `NOLFS`, `FORMAT`, `RANGE`, `NOTADB` | [`Permanent`](ErrorClass::Permanent) | the statement, the file or the program is wrong |
//! | every other | [`Unknown`](ErrorClass::Unknown) | not in the list |

use super::Classification;
use crate::ErrorClass;

/// Returns the class of a primary or extended result code, by the table of [this module](self).
///
/// ```
/// use redress_core::{ErrorClass, classify::sqlite};
///
/// assert_eq!(sqlite::code_class(5), ErrorClass::Concurrency); // SQLITE_BUSY
/// assert_eq!(sqlite::code_class(1299), ErrorClass::Permanent); // SQLITE_CONSTRAINT_NOTNULL
/// ```
#[expect(clippy::match_same_arms, reason = "a table with a line per code")]
pub const fn code_class(code: i32) -> ErrorClass {
    use ErrorClass::{Auth, Concurrency, Permanent, Permission, ServerError, Unknown};

    match code {
        279 => Auth,        // AUTH_USER: not logged in
        513 => Concurrency, // ERROR_RETRY: the schema changed while the statement was prepared
        516 => Concurrency, // ABORT_ROLLBACK: another statement of the connection rolled back
        526 => Permanent,   // CANTOPEN_ISDIR: the path is a directory
        270 => Permanent,   // CANTOPEN_NOTEMPDIR: no directory for temporary files
        782 => Permanent,   // CANTOPEN_FULLPATH: the path cannot be resolved
        1038 => Permanent,  // CANTOPEN_CONVPATH: the path cannot be converted
        1294 => Permanent,  // CANTOPEN_DIRTYWAL: not used any more
        1550 => Permanent,  // CANTOPEN_SYMLINK: links are not followed
        1032 => Permanent,  // READONLY_DBMOVED: the file was moved under the connection
        7178 => Auth,       // IOERR_AUTH: the file's user is not logged in
        8202 => Permanent,  // IOERR_DATA: a checksum is wrong
        8458 => Permanent,  // IOERR_CORRUPTFS: the file system is damaged
        275 => Permanent,   // CONSTRAINT_CHECK: the row itself is wrong
        531 => Permanent,   // CONSTRAINT_COMMITHOOK: the program's hook refused
        1043 => Permanent,  // CONSTRAINT_FUNCTION: an extension's function refused
        1299 => Permanent,  // CONSTRAINT_NOTNULL: the row itself is wrong
        1811 => Permanent,  // CONSTRAINT_TRIGGER: a trigger raised an error
        2323 => Permanent,  // CONSTRAINT_VTAB: a virtual table refused
        2835 => Permanent,  // CONSTRAINT_PINNED: a trigger wants to delete the row that is updated
        3091 => Permanent,  // CONSTRAINT_DATATYPE: the type is wrong
        _ => match code & 0xFF {
            1 => Permanent,    // ERROR: syntax, missing tables, and whatever else is wrong with a statement
            2 => ServerError,  // INTERNAL: a bug
            3 => Permission,   // PERM: the file cannot have the mode that was asked for
            4 => Unknown,      // ABORT: by a callback of the program
            5 => Concurrency,  // BUSY: another connection writes
            6 => Concurrency,  // LOCKED: the same connection or a shared cache
            7 => ServerError,  // NOMEM
            8 => Permission,   // READONLY: the file, its journal or its directory cannot be written
            9 => Unknown,      // INTERRUPT: by whoever called `sqlite3_interrupt`
            10 => ServerError, // IOERR: the system's I/O
            11 => Permanent,   // CORRUPT: the file is damaged
            12 => Permanent,   // NOTFOUND: no such file control
            13 => ServerError, // FULL: the disk
            14 => Unknown,     // CANTOPEN: not there yet, or too many open files
            15 => Concurrency, // PROTOCOL: a race of connections for the write-ahead log
            16 => Permanent,   // EMPTY: not used
            17 => Concurrency, // SCHEMA: another connection changed it before the statement ran
            18 => Permanent,   // TOOBIG: a value
            19 => Unknown,     // CONSTRAINT: unique, primary key, row id, foreign key, or not said
            20 => Permanent,   // MISMATCH: a value of the wrong type
            21 => Permanent,   // MISUSE: of the interface
            22 => Permanent,   // NOLFS: no large files on this system
            23 => Permission,  // AUTH: the authorizer refused
            24 => Permanent,   // FORMAT: not used
            25 => Permanent,   // RANGE: no such parameter or column
            26 => Permanent,   // NOTADB: no database, or encrypted
            _ => Unknown,      // OK, NOTICE, WARNING, ROW, DONE, and numbers that are no code
        },
    }
}

/// Classifies a primary or extended result code, with the code itself as the numeric code.
///
/// ```
/// use redress_core::{ErrorClass, classify::sqlite};
///
/// let busy = sqlite::classify_code(517); // SQLITE_BUSY_SNAPSHOT
/// assert_eq!((busy.class(), busy.numeric_code()), (ErrorClass::Concurrency, Some(517)));
/// ```
pub const fn classify_code(code: i32) -> Classification {
    Classification::new(code_class(code)).code(code.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorClass::{Auth, Concurrency, Permanent, Permission, ServerError, Unknown};

    #[test]
    fn primary_codes() {
        const CLASSES: [ErrorClass; 27] = [
            Unknown,
            Permanent,
            ServerError,
            Permission,
            Unknown,
            Concurrency,
            Concurrency,
            ServerError,
            Permission,
            Unknown,
            ServerError,
            Permanent,
            Permanent,
            ServerError,
            Unknown,
            Concurrency,
            Permanent,
            Concurrency,
            Permanent,
            Unknown,
            Permanent,
            Permanent,
            Permanent,
            Permission,
            Permanent,
            Permanent,
            Permanent,
        ];
        for (code, class) in (0..).zip(CLASSES) {
            assert_eq!(code_class(code), class, "{code}");
        }
        for code in [27, 28, 100, 101, 255, -1, i32::MIN] {
            assert_eq!(code_class(code), Unknown, "{code}");
        }
    }

    #[test]
    fn extended_codes() {
        const ROWS: [(ErrorClass, &[i32]); 6] = [
            (Concurrency, &[261, 517, 773, 262, 518, 513, 516]),
            (Auth, &[279, 7178]),
            (Permission, &[264, 520, 776, 1288, 1544]),
            (ServerError, &[266, 522, 778, 2570, 3082, 3338, 3850, 6410, 6666, 8714]),
            (
                Permanent,
                &[
                    257, 769, 1025, 267, 523, 779, 270, 526, 782, 1038, 1294, 1550, 1032, 8202, 8458, 275, 531, 1043,
                    1299, 1811, 2323, 2835, 3091,
                ],
            ),
            (Unknown, &[787, 1555, 2067, 2579, 283, 539, 284, 256, 512]),
        ];
        for (class, codes) in ROWS {
            for code in codes {
                assert_eq!(code_class(*code), class, "{code}");
                assert_eq!(classify_code(*code), Classification::new(class).code(code.unsigned_abs()));
            }
        }
    }
}
