//! The classifier of reqwest, for several majors.

/// The classifier of one major, whose types are found in `$krate`.
macro_rules! classifier {
    ($($krate:tt)+) => {
        use std::error::Error as _;

        use $($krate)+::{Error, Response};
        use redress_core::{Classification, ErrorClass};

        use crate::{
            chain::{self, Link},
            http,
        };

        /// The class of an error, by the table of [this module](self).
        pub fn classify(error: &Error) -> Classification {
            chain::classify_strictly(error)
        }

        /// Whether a response is a failure, and of which kind, with its `Retry-After` header as the hint: for
        /// `retry_result`.
        pub fn response(response: &Response) -> Option<Classification> {
            http::status_with_headers(response.status(), response.headers())
        }

        impl Link for Error {
            fn own_class(&self) -> Classification {
                // The browser does not tell why there was no answer.
                #[cfg(not(target_arch = "wasm32"))]
                let is_connect = self.is_connect();
                #[cfg(target_arch = "wasm32")]
                let is_connect = false;

                if let Some(status) = self.status() {
                    http::classify(status)
                } else if self.is_builder() || self.is_redirect() {
                    ErrorClass::Permanent.into()
                } else if self.is_timeout() {
                    ErrorClass::Transient.into()
                } else if is_connect {
                    // The system may know better, and so may TLS; of a failed look-up of a name neither says anything.
                    self.source().and_then(chain::connect).unwrap_or(ErrorClass::Transient.into())
                } else {
                    ErrorClass::Unknown.into()
                }
            }
        }
    };
}

pub(crate) use classifier;
