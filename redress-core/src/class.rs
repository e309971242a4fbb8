//! Error classes, sets of them, and values per class.

use crate::named::named;

named! {
    /// The kind of a failure: the one thing that a retry decision needs to know about it.
    ///
    /// The eight classes are fixed; a `match` on them is exhaustive.
    #[derive(PartialOrd, Ord)]
    #[repr(u8)]
    ErrorClass {
        /// Credentials are missing or wrong. Not retried, unless [`limit_for`](crate::Retry::limit_for) opts in.
        Auth = "auth",
        /// The caller has no permission. Not retried, unless opted in.
        Permission = "permission",
        /// The request itself is wrong and will stay wrong. Not retried, unless opted in.
        Permanent = "permanent",
        /// Another caller was faster: lock conflicts, serialization failures.
        Concurrency = "concurrency",
        /// The dependency asks for fewer requests, often with a Retry-After.
        RateLimit = "rate_limit",
        /// The dependency failed.
        ServerError = "server_error",
        /// The connection failed: timeouts, resets, lost frames.
        Transient = "transient",
        /// Unclassified. Retried, but under a limit of its own.
        Unknown = "unknown",
    }
}

impl ErrorClass {
    /// Returns whether failures of this class are retried by default. The others are where
    /// [`limit_for`](crate::Retry::limit_for) opts in.
    pub const fn is_retryable(self) -> bool {
        self as u8 >= Self::Concurrency as u8
    }

    /// Returns the class with this number, its position in [`ALL`](Self::ALL).
    #[expect(clippy::indexing_slicing, reason = "compared first")]
    pub(crate) const fn from_index(index: u8) -> Option<Self> {
        if index < 8 { Some(Self::ALL[index as usize]) } else { None }
    }
}

/// A class can be an error by itself: for tests, and for operations that know no more.
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

    /// Creates the set of these classes.
    pub const fn of(mut classes: &[ErrorClass]) -> Self {
        let mut set = Self::EMPTY;
        while let [class, rest @ ..] = classes {
            set = set.with(*class);
            classes = rest;
        }
        set
    }

    /// Returns this set with one class more.
    pub const fn with(self, class: ErrorClass) -> Self {
        Self(self.0 | 1 << class as u8)
    }

    /// Returns whether the class is a member.
    pub const fn contains(self, class: ErrorClass) -> bool {
        self.contains_index(class as u8)
    }

    /// Returns whether the class with this number, below 8, is a member.
    pub(crate) const fn contains_index(self, index: u8) -> bool {
        self.0 >> (index & 7) & 1 != 0
    }

    /// Returns the members as bits, bit 0 for class 0 and so on.
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// Returns this set, with the class as a member or without.
    pub(crate) const fn set(self, class: ErrorClass, member: bool) -> Self {
        let bit = 1 << class as u8;
        Self(self.0 & !bit | if member { bit } else { 0 })
    }

    /// Returns the members of both.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns the members that the other set has too.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns the members that the other set does not have.
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns the classes that are no members.
    pub(crate) const fn complement(self) -> Self {
        Self(!self.0)
    }

    /// Returns whether the set has no members.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One value for each of the eight classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
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
    /// Borrows the value of one class.
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

    /// Borrows the value of one class mutably.
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
