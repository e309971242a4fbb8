//! `std::io::Error`.
//!
//! | kind | class |
//! |---|---|
//! | `PermissionDenied` | [`Permission`](ErrorClass::Permission) |
//! | `ArgumentListTooLong`, `CrossesDevices`, `FileTooLarge`, `InvalidFilename`, `InvalidInput`, `IsADirectory`, `NotADirectory`, `NotSeekable`, `ReadOnlyFilesystem`, `TooManyLinks`, `Unsupported` | [`Permanent`](ErrorClass::Permanent) |
//! | `Deadlock` | [`Concurrency`](ErrorClass::Concurrency) |
//! | `BrokenPipe`, `ConnectionAborted`, `ConnectionRefused`, `ConnectionReset`, `ExecutableFileBusy`, `HostUnreachable`, `Interrupted`, `NetworkDown`, `NetworkUnreachable`, `NotConnected`, `ResourceBusy`, `TimedOut`, `UnexpectedEof`, `WouldBlock` | [`Transient`](ErrorClass::Transient) |
//! | every other | [`Unknown`](ErrorClass::Unknown) |
//!
//! `NotFound`, `AlreadyExists`, `AddrInUse`, `AddrNotAvailable`, `InvalidData` and `StorageFull` are among the others on
//! purpose: a file not written yet, a port still in use, a damaged frame, a disk being cleaned up pass. The cap on
//! unknown failures bounds what a needless retry costs, while nothing makes up for one wrongly forbidden.

use std::io::{Error, ErrorKind};

use redress_core::{Classification, ErrorClass};

/// The class of a kind, by the table of [this module](self).
///
/// ```
/// use std::io::ErrorKind;
/// use redress_std::{ErrorClass, io};
///
/// assert_eq!(io::class_of_kind(ErrorKind::BrokenPipe), ErrorClass::Transient);
/// ```
pub const fn class_of_kind(kind: ErrorKind) -> ErrorClass {
    match kind {
        ErrorKind::PermissionDenied => ErrorClass::Permission,
        ErrorKind::ArgumentListTooLong
        | ErrorKind::CrossesDevices
        | ErrorKind::FileTooLarge
        | ErrorKind::InvalidFilename
        | ErrorKind::InvalidInput
        | ErrorKind::IsADirectory
        | ErrorKind::NotADirectory
        | ErrorKind::NotSeekable
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::TooManyLinks
        | ErrorKind::Unsupported => ErrorClass::Permanent,
        ErrorKind::Deadlock => ErrorClass::Concurrency,
        ErrorKind::BrokenPipe
        | ErrorKind::ConnectionAborted
        | ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::ExecutableFileBusy
        | ErrorKind::HostUnreachable
        | ErrorKind::Interrupted
        | ErrorKind::NetworkDown
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NotConnected
        | ErrorKind::ResourceBusy
        | ErrorKind::TimedOut
        | ErrorKind::UnexpectedEof
        | ErrorKind::WouldBlock => ErrorClass::Transient,
        _ => ErrorClass::Unknown,
    }
}

/// The class of an error by its kind, with the number of the operating system as the code where there is one.
///
/// An error which another wraps, as in `io::Error::other(inner)`, is not looked at:
/// [`DefaultClassifier`](crate::DefaultClassifier) does that.
///
/// ```
/// use redress_std::{ErrorClass, io};
///
/// let missing = io::classify(&std::fs::read("/no/such/file").unwrap_err());
/// assert_eq!(missing.class(), ErrorClass::Unknown);
/// assert!(missing.numeric_code().is_some());
/// ```
pub fn classify(error: &Error) -> Classification {
    let class = Classification::new(class_of_kind(error.kind()));
    match error.raw_os_error().and_then(|code| u32::try_from(code).ok()) {
        Some(code) => class.code(code),
        None => class,
    }
}
