//! What the classifiers for several majors of sqlx share.

/// The classifier of one major, whose types are found in `$krate`.
macro_rules! classifier {
    ($($krate:tt)+) => {
        use $($krate)+::error::{Error, ErrorKind};
        use redress_core::{Classification, ErrorClass};

        use crate::{chain, sqlstate};

        /// The class of an error, by the table of [this module](self).
        pub fn classify(error: &Error) -> Classification {
            chain::classify_strictly(error)
        }

        pub(crate) fn link(error: &Error) -> Classification {
            let class = match error {
                Error::Database(error) => {
                    let known = error.code().map_or(ErrorClass::Unknown.into(), |code| sqlstate::classify(&code));
                    // For databases other than PostgreSQL, whose codes say less.
                    return match error.kind() {
                        ErrorKind::NotNullViolation | ErrorKind::CheckViolation => {
                            let class = Classification::new(ErrorClass::Permanent);
                            known.numeric_code().map_or(class, |code| class.code(code))
                        }
                        _ => known,
                    };
                }
                Error::PoolTimedOut | Error::WorkerCrashed => ErrorClass::Transient,
                Error::Configuration(_)
                | Error::TypeNotFound { .. }
                | Error::ColumnIndexOutOfBounds { .. }
                | Error::ColumnNotFound(_)
                | Error::Encode(_)
                | Error::PoolClosed => ErrorClass::Permanent,
                _ => ErrorClass::Unknown,
            };
            class.into()
        }
    };
}

pub(crate) use classifier;
