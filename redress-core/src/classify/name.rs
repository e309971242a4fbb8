//! Names of errors, and what they suggest.
//!
//! An error about which nothing else is known still has a name: the variant or struct that its `Debug` output begins
//! with, and those of the enums inside. [`DefaultClassifier`] reads them by words: `CamelCase` and `snake_case` are taken
//! apart, digits are words of their own, case doesn't matter, and a pattern has to begin with a word. `AuthorNotFound` is no
//! authentication failure.
//!
//! The innermost name with a class decides, because an outer one says what was attempted and an inner one what went wrong:
//! `ConnectionRefused(BadUserNamePassword)` and `Connect { reason: BadPassword }` are authentication failures. In the first
//! 512 bytes of the output, the values of fields count if they are capitalised identifiers; texts, numbers and the names of
//! structs in named fields do not.
//!
//! The first line that fits a name decides; so `AuthTimeout` is an authentication failure. `...` stands for any end of the
//! word.
//!
//! 1. [`Auth`](ErrorClass::Auth): auth, authenticat..., authoriz..., authoris..., unauthenticat..., unauthoriz...,
//!    unauthoris..., credential...,
//!    password..., bad user name, login failed
//! 2. [`Permission`](ErrorClass::Permission): forbid..., permission..., access denied, not permitted
//! 3. [`Transient`](ErrorClass::Transient): timeout..., timed out, time out, elapsed, deadline exceeded, connection...,
//!    connect, disconnected, not connected, broken pipe, would block, interrupted, unexpected eof, resource busy,
//!    host unreachable, network unreachable, network down, no route, transient, temporary
//! 4. [`RateLimit`](ErrorClass::RateLimit): rate limit..., ratelimit..., too many requests, throttl...
//! 5. [`Concurrency`](ErrorClass::Concurrency): deadlock..., conflict..., serialization failure
//! 6. [`ServerError`](ErrorClass::ServerError): server error, internal server, bad gateway, unavailable
//! 7. [`Permanent`](ErrorClass::Permanent): bad request, unprocessable, invalid input, invalid argument...,
//!    invalid filename, unsupported, certificate..., self signed, unknown issuer, bad uri, bad url, invalid uri, invalid url
//! 8. [`Unknown`](ErrorClass::Unknown): everything else
//!
//! Auth, unauthoriz..., credential..., forbid..., permission..., timeout and connection, in this order of classes, are
//! what the Python library `redress` looks for; the others are the words of `std::io::ErrorKind`, of the HTTP statuses
//! with a class of their own, and of common variants of both. `InvalidData`, `NotFound`, `AlreadyExists` and
//! `AddrInUse` stay unknown on purpose: a corrupted frame, a service not registered yet, a port still in use pass. The
//! cap on unknown failures bounds what a needless retry costs, while nothing makes up for one wrongly forbidden.
//!
//! A name is a guess. Types of one's own are better off with [`Classify`](super::Classify), and where a guess is
//! unwanted there is [`StrictClassifier`].

mod output;
mod words;

use core::fmt::{self, Debug, Write};

use self::{output::class_of_output, words::Words};
use super::{Classification, Classifier};
use crate::ErrorClass;

/// The patterns of [this module](self): separated by spaces, their words by `_`; a pattern that ends with `_` ends with a
/// whole word.
const PATTERNS: [(ErrorClass, &str); 7] = [
    (
        ErrorClass::Auth,
        "auth_ authenticat authoriz authoris unauthenticat unauthoriz unauthoris credential \
         password bad_user_name_ login_failed_",
    ),
    (ErrorClass::Permission, "forbid permission access_denied_ not_permitted_"),
    (
        ErrorClass::Transient,
        "timeout timed_out_ time_out_ elapsed_ deadline_exceeded_ connection connect_ disconnected_ not_connected_ \
         broken_pipe_ would_block_ interrupted_ unexpected_eof_ resource_busy_ host_unreachable_ network_unreachable_ \
         network_down_ no_route_ transient_ temporary_",
    ),
    (ErrorClass::RateLimit, "rate_limit ratelimit too_many_requests_ throttl"),
    (ErrorClass::Concurrency, "deadlock conflict serialization_failure_"),
    (ErrorClass::ServerError, "server_error_ internal_server_ bad_gateway_ unavailable_"),
    (
        ErrorClass::Permanent,
        "bad_request_ unprocessable_ invalid_input_ invalid_argument invalid_filename_ unsupported_ certificate \
         self_signed_ unknown_issuer_ bad_uri_ bad_url_ invalid_uri_ invalid_url_",
    ),
];

/// The class that a name suggests, by the list of [this module](self).
///
/// ```
/// use redress_core::{ErrorClass, classify::name::class_of_name};
///
/// assert_eq!(class_of_name("ConnectionReset"), ErrorClass::Transient);
/// assert_eq!(class_of_name("HTTP_AUTH_FAILURE"), ErrorClass::Auth);
/// assert_eq!(class_of_name("AuthorNotFound"), ErrorClass::Unknown);
/// ```
pub fn class_of_name(name: &str) -> ErrorClass {
    class_of_bytes(name.as_bytes())
}

fn class_of_bytes(name: &[u8]) -> ErrorClass {
    let fits = |patterns: &str| {
        let mut rest = Words::of(name);
        let mut begins = true;
        loop {
            if begins && patterns.as_bytes().split(|byte| *byte == b' ').any(|pattern| rest.begin_with(pattern)) {
                return true;
            }
            match rest.next() {
                Some(byte) => begins = byte == b'_',
                None => return false,
            }
        }
    };
    PATTERNS.iter().find(|(_, patterns)| fits(patterns)).map_or(ErrorClass::Unknown, |(class, _)| *class)
}

/// Room for the identifier at the beginning of an error's `Debug` output, for [`leading_identifier`].
///
/// Longer identifiers than [`CAPACITY`](Self::CAPACITY) bytes are not kept at all: half a name would be another name.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NameBuffer {
    bytes: [u8; Self::CAPACITY],
    len: usize,
    state: Reading,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Reading {
    Name,
    /// A space after the name: before a brace it belongs to a struct, before anything else to a text.
    Space,
    Done,
}

impl NameBuffer {
    /// The longest identifier that is kept, in bytes.
    pub const CAPACITY: usize = 56;

    /// A buffer without a name.
    pub const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY], len: 0, state: Reading::Name }
    }

    /// The identifier, empty if the output didn't begin with one.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Takes the next byte of the output; the reading stops when it is an error.
    fn push(&mut self, byte: u8) -> fmt::Result {
        let is_name = match (self.state, byte) {
            (Reading::Name, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | 0x80..) => {
                if let Some(place) = self.bytes.get_mut(self.len) {
                    *place = byte;
                    self.len = self.len.saturating_add(1);
                    return Ok(());
                }
                false
            }
            (Reading::Name, b' ') => {
                self.state = Reading::Space;
                return Ok(());
            }
            (Reading::Name, b'(') | (Reading::Space, b'{') | (Reading::Done, _) => true,
            _ => false,
        };
        if !is_name {
            self.len = 0;
        }
        self.state = Reading::Done;
        Err(fmt::Error)
    }
}

impl Default for NameBuffer {
    fn default() -> Self {
        Self::new()
    }
}

/// Takes `Debug` output and refuses more of it as soon as the name is known, so that formatting ends early.
impl Write for NameBuffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().try_for_each(|byte| self.push(byte))
    }
}

/// The identifier at the beginning of an error's `Debug` output: the name of the variant or the struct.
///
/// Empty when the output doesn't have the form that `#[derive(Debug)]` gives it (`Name`, `Name(..)`, `Name { .. }`), as
/// for texts and paths, and for names longer than [`NameBuffer::CAPACITY`]. Formatting ends where the name does.
///
/// ```
/// use redress_core::classify::name::{NameBuffer, leading_identifier};
///
/// #[derive(Debug)]
/// enum Link { Down { since: u32 } }
///
/// assert_eq!(leading_identifier(&Link::Down { since: 7 }, &mut NameBuffer::new()), "Down");
/// assert_eq!(leading_identifier("connection lost", &mut NameBuffer::new()), "");
/// ```
pub fn leading_identifier<'b, E: Debug + ?Sized>(error: &E, buffer: &'b mut NameBuffer) -> &'b str {
    read(buffer, format_args!("{error:?}"));
    buffer.as_str()
}

/// Apart from [`leading_identifier`], so that it exists once and not for every type of error.
fn read(buffer: &mut NameBuffer, output: fmt::Arguments<'_>) {
    *buffer = NameBuffer::new();
    // An error is how the buffer says that it has seen enough.
    let _ = buffer.write_fmt(output);
    // Output that ends with a space is a text too.
    if buffer.state == Reading::Space {
        buffer.len = 0;
    }
}

/// Guesses the class from the names in an error's `Debug` output, the innermost first: the list of [this module](self).
///
/// It works with every error, which makes it the default; it gives neither hints nor codes.
///
/// ```
/// use redress_core::{Classifier, ErrorClass, classify::name::DefaultClassifier};
///
/// #[derive(Debug)]
/// enum Radio { ReadTimeout, BadFrame, ConnectionRefused(Reason) }
/// #[derive(Debug)]
/// enum Reason { BadPassword }
///
/// assert_eq!(DefaultClassifier.classify(&Radio::ReadTimeout).class(), ErrorClass::Transient);
/// assert_eq!(DefaultClassifier.classify(&Radio::BadFrame).class(), ErrorClass::Unknown);
/// let refused = Radio::ConnectionRefused(Reason::BadPassword);
/// assert_eq!(DefaultClassifier.classify(&refused).class(), ErrorClass::Auth);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DefaultClassifier;

impl<E: Debug + ?Sized> Classifier<E> for DefaultClassifier {
    fn classify(&self, error: &E) -> Classification {
        class_of_output(format_args!("{error:?}")).into()
    }
}

/// Reads the names of errors that another classifier says nothing about.
///
/// ```
/// use redress_core::{Classifier, ErrorClass, classify::name::OrByName};
///
/// #[derive(Debug)]
/// enum Modem { Busy, ReadTimeout }
///
/// let own = |error: &Modem| match error {
///     Modem::Busy => ErrorClass::RateLimit,
///     _ => ErrorClass::Unknown,
/// };
/// assert_eq!(OrByName(own).classify(&Modem::Busy).class(), ErrorClass::RateLimit);
/// assert_eq!(OrByName(own).classify(&Modem::ReadTimeout).class(), ErrorClass::Transient);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OrByName<C>(pub C);

#[diagnostic::do_not_recommend]
impl<E: Debug + ?Sized, C: Classifier<E>> Classifier<E> for OrByName<C> {
    fn classify(&self, error: &E) -> Classification {
        let known = self.0.classify(error);
        if known.is_abort() || known.class() != ErrorClass::Unknown {
            return known;
        }
        let guess = DefaultClassifier.classify(error);
        match known.numeric_code() {
            Some(code) => guess.code(code),
            None => guess,
        }
    }
}

/// Guesses nothing: without the name there is nothing to look at, so every error is [`Unknown`](ErrorClass::Unknown).
///
/// Retries are then bounded by the cap on unknown failures alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StrictClassifier;

impl<E: ?Sized> Classifier<E> for StrictClassifier {
    fn classify(&self, _error: &E) -> Classification {
        Classification::new(ErrorClass::Unknown)
    }
}

#[cfg(test)]
mod tests;
