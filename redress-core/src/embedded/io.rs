//! The error kinds of `embedded-io`, and so of `embedded-io-async`. Features `embedded-io-v0.6` and `embedded-io-v0.7`.
//!
//! | kind | class |
//! |---|---|
//! | `PermissionDenied` | [`Permission`](ErrorClass::Permission) |
//! | `InvalidInput`, `Unsupported` | [`Permanent`](ErrorClass::Permanent) |
//! | `BrokenPipe`, `ConnectionAborted`, `ConnectionRefused`, `ConnectionReset`, `Interrupted`, `NotConnected`, `TimedOut` | [`Transient`](ErrorClass::Transient) |
//! | every other | [`Unknown`](ErrorClass::Unknown) |
//!
//! The classes are those of the same kinds of `std::io`. `NotFound`, `AlreadyExists`, `AddrInUse`, `AddrNotAvailable`,
//! `InvalidData`, `OutOfMemory` and `WriteZero` are among the others on purpose: a file not written yet, a port still in
//! use, a damaged frame, a buffer that is full pass. The cap on unknown failures bounds what a needless retry costs.
//!
//! The classifiers are named after the version of `embedded-io`; both may be in one image.

use crate::{Classification, Classifier, ErrorClass};

macro_rules! classifier {
    ($feature:literal, $version:literal, $name:ident, $class:ident, $module:ident) => {
        #[doc = concat!("The class of an error kind of `embedded-io` ", $version, ", by the table of [this module](self). Feature `", $feature, "`.")]
        #[cfg(feature = $feature)]
        pub const fn $class(kind: $module::ErrorKind) -> ErrorClass {
            use $module::ErrorKind;

            match kind {
                ErrorKind::PermissionDenied => ErrorClass::Permission,
                ErrorKind::InvalidInput | ErrorKind::Unsupported => ErrorClass::Permanent,
                ErrorKind::BrokenPipe
                | ErrorKind::ConnectionAborted
                | ErrorKind::ConnectionRefused
                | ErrorKind::ConnectionReset
                | ErrorKind::Interrupted
                | ErrorKind::NotConnected
                | ErrorKind::TimedOut => ErrorClass::Transient,
                _ => ErrorClass::Unknown,
            }
        }

        #[doc = concat!("The classifier of errors of `embedded-io` ", $version, ". Feature `", $feature, "`.")]
        #[cfg(feature = $feature)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub struct $name;

        #[cfg(feature = $feature)]
        #[diagnostic::do_not_recommend]
        impl<E: $module::Error> Classifier<E> for $name {
            fn classify(&self, error: &E) -> Classification {
                $class(error.kind()).into()
            }
        }
    };
}

classifier!("embedded-io-v0.6", "0.6", IoClassifierV0_6, class_of_kind_v0_6, embedded_io_06);
classifier!("embedded-io-v0.7", "0.7", IoClassifierV0_7, class_of_kind_v0_7, embedded_io);

#[cfg(all(test, feature = "embedded-io-v0.6", feature = "embedded-io-v0.7"))]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_classes_of_the_table_in_both_versions() {
        macro_rules! check {
            ($($class:ident: $($kind:ident),*;)*) => {$($(
                let class = Classification::from(ErrorClass::$class);
                assert_eq!(IoClassifierV0_6.classify(&embedded_io_06::ErrorKind::$kind), class, stringify!($kind));
                assert_eq!(IoClassifierV0_7.classify(&embedded_io::ErrorKind::$kind), class, stringify!($kind));
            )*)*};
        }
        check! {
            Permission: PermissionDenied;
            Permanent: InvalidInput, Unsupported;
            Transient: BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, NotConnected, TimedOut;
            Unknown: Other, NotFound, AlreadyExists, AddrInUse, AddrNotAvailable, InvalidData, OutOfMemory, WriteZero;
        }
    }
}
