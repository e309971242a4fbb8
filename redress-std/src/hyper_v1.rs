//! Errors of hyper 1. Feature `hyper-v1`.
//!
//! | error | class |
//! |---|---|
//! | `is_timeout`, `is_incomplete_message`, `is_canceled`, `is_closed`, `is_body_write_aborted`, `is_shutdown` | [`Transient`](ErrorClass::Transient) |
//! | `is_user` without a source: requests that hyper refuses to send | [`Permanent`](ErrorClass::Permanent) |
//! | every other | by its [source](crate::chain), as for connections that are refused or reset |
//!
//! Messages that can't be parsed have no class: what garbles an answer may pass. Statuses are no errors for hyper;
//! `.retry_result(http::response)` of feature `http` looks at them. The errors of hyper-util's client have these as
//! their source; of a connector's, certificates, missing TLS and malformed URLs are `Permanent`, see [`chain`].

use std::error::Error as _;

use hyper::Error;
use redress_core::{Classification, ErrorClass};

use crate::chain::{self, Link};

/// The class of an error, by the table of [this module](self).
pub fn classify(error: &Error) -> Classification {
    chain::classify_strictly(error)
}

impl Link for Error {
    fn own_class(&self) -> Classification {
        let is_lost = self.is_timeout()
            || self.is_incomplete_message()
            || self.is_canceled()
            || self.is_closed()
            || self.is_body_write_aborted()
            || self.is_shutdown();
        // A body that failed while it was sent is the caller's too, and has a source.
        let is_misuse = self.is_user() && self.source().is_none();
        let class = match (is_lost, is_misuse) {
            (true, _) => ErrorClass::Transient,
            (false, true) => ErrorClass::Permanent,
            (false, false) => ErrorClass::Unknown,
        };
        class.into()
    }
}
