//! Error classes and what is kept per class.

/// What kind of failure happened: the one thing a retry decision needs to know about it.
///
/// The eight classes are fixed; a `match` on them is exhaustive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[repr(u8)]
pub enum ErrorClass {
    /// Credentials are missing or wrong. Never retried.
    Auth = 0,
    /// The caller may not do this. Never retried.
    Permission = 1,
    /// The request itself is wrong and will stay wrong. Never retried.
    Permanent = 2,
    /// Somebody else was faster: lock conflicts, serialization failures.
    Concurrency = 3,
    /// The other side asks for fewer requests, often saying when to come back.
    RateLimit = 4,
    /// The other side failed.
    ServerError = 5,
    /// The way there failed: time-outs, resets, lost frames.
    Transient = 6,
    /// Nothing is known about the failure; retried, but under a cap of its own.
    Unknown = 7,
}

impl ErrorClass {
    /// All classes, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Auth,
        Self::Permission,
        Self::Permanent,
        Self::Concurrency,
        Self::RateLimit,
        Self::ServerError,
        Self::Transient,
        Self::Unknown,
    ];

    /// Whether a failure of this class may be retried at all.
    #[inline]
    pub const fn is_retryable(self) -> bool {
        self as u8 >= Self::Concurrency as u8
    }

    /// The name used by every sink: snake case, for example `rate_limit`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Permission => "permission",
            Self::Permanent => "permanent",
            Self::Concurrency => "concurrency",
            Self::RateLimit => "rate_limit",
            Self::ServerError => "server_error",
            Self::Transient => "transient",
            Self::Unknown => "unknown",
        }
    }

    /// The class with this number (its position in [`ALL`](Self::ALL)).
    pub(crate) const fn from_index(index: u8) -> Option<Self> {
        Some(match index {
            0 => Self::Auth,
            1 => Self::Permission,
            2 => Self::Permanent,
            3 => Self::Concurrency,
            4 => Self::RateLimit,
            5 => Self::ServerError,
            6 => Self::Transient,
            7 => Self::Unknown,
            _ => return None,
        })
    }
}

impl core::fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A class is an error about which nothing else is known: for tests, and for operations that have no more to say.
impl core::error::Error for ErrorClass {}

/// A set of classes, one byte.
///
/// ```
/// use redress_core::{ClassSet, ErrorClass};
///
/// const TRIPS: ClassSet = ClassSet::of(&[ErrorClass::Transient, ErrorClass::ServerError]);
/// assert!(TRIPS.contains(ErrorClass::Transient));
/// assert!(!TRIPS.contains(ErrorClass::Auth));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClassSet(u8);

impl ClassSet {
    /// The set without members.
    pub const EMPTY: Self = Self(0);

    /// The set of the classes given.
    pub const fn of(mut classes: &[ErrorClass]) -> Self {
        let mut set = Self::EMPTY;
        while let [class, rest @ ..] = classes {
            set = set.with(*class);
            classes = rest;
        }
        set
    }

    /// This set and one class more.
    pub const fn with(self, class: ErrorClass) -> Self {
        Self(self.0 | 1 << class as u8)
    }

    /// Whether the class is a member.
    #[inline]
    pub const fn contains(self, class: ErrorClass) -> bool {
        self.contains_index(class as u8)
    }

    /// Whether the class with this number, below 8, is a member.
    #[inline]
    pub(crate) const fn contains_index(self, index: u8) -> bool {
        self.0 >> (index & 7) & 1 != 0
    }

    /// The members as bits, bit 0 for class 0 and so on.
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// This set, with the class as a member or without.
    pub(crate) const fn set(self, class: ErrorClass, member: bool) -> Self {
        let bit = 1 << class as u8;
        Self(self.0 & !bit | if member { bit } else { 0 })
    }

    /// The members of both.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The classes that are no members.
    pub(crate) const fn complement(self) -> Self {
        Self(!self.0)
    }

    /// Whether the set has no members.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One value for each of the eight classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(missing_docs, reason = "one field per class, named like it")]
pub struct ByClass<T> {
    pub auth: T,
    pub permission: T,
    pub permanent: T,
    pub concurrency: T,
    pub rate_limit: T,
    pub server_error: T,
    pub transient: T,
    pub unknown: T,
}

impl<T> ByClass<T> {
    /// The value of one class.
    pub const fn get(&self, class: ErrorClass) -> &T {
        match class {
            ErrorClass::Auth => &self.auth,
            ErrorClass::Permission => &self.permission,
            ErrorClass::Permanent => &self.permanent,
            ErrorClass::Concurrency => &self.concurrency,
            ErrorClass::RateLimit => &self.rate_limit,
            ErrorClass::ServerError => &self.server_error,
            ErrorClass::Transient => &self.transient,
            ErrorClass::Unknown => &self.unknown,
        }
    }

    /// The value of one class, to change it.
    pub const fn get_mut(&mut self, class: ErrorClass) -> &mut T {
        match class {
            ErrorClass::Auth => &mut self.auth,
            ErrorClass::Permission => &mut self.permission,
            ErrorClass::Permanent => &mut self.permanent,
            ErrorClass::Concurrency => &mut self.concurrency,
            ErrorClass::RateLimit => &mut self.rate_limit,
            ErrorClass::ServerError => &mut self.server_error,
            ErrorClass::Transient => &mut self.transient,
            ErrorClass::Unknown => &mut self.unknown,
        }
    }
}
