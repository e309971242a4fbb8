//! Codes of gRPC and what a server asks of retries, for statuses of tonic whose type is known and for those that are only printed.

use redress_core::{Classification, ErrorClass, Millis};

/// The codes in the order of their numbers, with their classes. [`tonic_v0_14`](crate::tonic_v0_14) has the table in words.
const CODES: [(&str, ErrorClass); 17] = [
    ("Ok", ErrorClass::Unknown),
    ("Cancelled", ErrorClass::Unknown),
    ("Unknown", ErrorClass::Unknown),
    ("InvalidArgument", ErrorClass::Permanent),
    ("DeadlineExceeded", ErrorClass::Transient),
    ("NotFound", ErrorClass::Permanent),
    ("AlreadyExists", ErrorClass::Permanent),
    ("PermissionDenied", ErrorClass::Permission),
    ("ResourceExhausted", ErrorClass::RateLimit),
    ("FailedPrecondition", ErrorClass::Permanent),
    ("Aborted", ErrorClass::Concurrency),
    ("OutOfRange", ErrorClass::Permanent),
    ("Unimplemented", ErrorClass::Permanent),
    ("Internal", ErrorClass::ServerError),
    ("Unavailable", ErrorClass::Transient),
    ("DataLoss", ErrorClass::Permanent),
    ("Unauthenticated", ErrorClass::Auth),
];

/// Returns the class of a code; `Unknown` for a number that gRPC does not have.
pub(crate) const fn class_of_code(code: u32) -> ErrorClass {
    if (code as usize) < CODES.len() { CODES[code as usize].1 } else { ErrorClass::Unknown }
}

/// Returns the code of this name.
pub(crate) fn code_of_name(name: &str) -> Option<u32> {
    (0..).zip(CODES).find_map(|(code, (known, _))| (known == name).then_some(code))
}

/// Returns the class of a status. A server that wants no retry makes it `Permanent`, unless it is never retried anyway.
pub(crate) fn classify(code: u32, pushback: Pushback) -> Classification {
    let class = match (class_of_code(code), pushback) {
        (class, Pushback::Never) if class.is_retryable() => ErrorClass::Permanent,
        (class, _) => class,
    };
    let known = Classification::new(class).code(code);
    match pushback {
        Pushback::After(wait) => known.retry_after(wait),
        Pushback::Silent | Pushback::Never => known,
    }
}

/// A server's instruction about retries, from the metadata of a status.
#[derive(Clone, Copy)]
pub(crate) enum Pushback {
    Silent,
    After(Millis),
    /// The server does not want to be asked again, or it cannot be read what it wants.
    Never,
}

impl Pushback {
    /// The field of the metadata.
    pub(crate) const FIELD: &str = "grpc-retry-pushback-ms";

    /// Reads the values of the field; `None` is one that is no text.
    pub(crate) fn of<'v>(mut values: impl Iterator<Item = Option<&'v str>>) -> Self {
        values
            .try_fold(Self::Silent, |said, value| {
                // As in gRPC: 32 bits with a sign.
                let millis = value?.trim().parse::<i32>().ok()?;
                let wait = Millis::new(u32::try_from(millis).ok()?);
                Some(match said {
                    Self::After(other) => Self::After(other.max(wait)),
                    _ => Self::After(wait),
                })
            })
            .unwrap_or(Self::Never)
    }
}
