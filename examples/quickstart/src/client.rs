//! One GET over [`ureq`], with everything a classifier wants to know kept in the error.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use redress_std::{Classification, Classify, ErrorClass, chain, http};
use ureq::{
    Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};

/// How a request failed.
#[derive(Debug)]
pub enum Failure {
    /// The server answered, but not with success.
    Status {
        /// The status.
        status: StatusCode,
        /// The headers, `Retry-After` among them: seconds, a date, or nonsense.
        headers: HeaderMap,
    },
    /// No complete answer came.
    Transport {
        /// The kind of failure on the wire.
        kind: TransportKind,
        /// The client's own error.
        error: ureq::Error,
    },
}

/// A failure on the wire, before the answer was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// The connection was reset before the answer.
    Reset,
    /// The connection was refused.
    Refused,
    /// The time-out of the agent passed, whether connecting, waiting or in the middle of the body.
    TimedOut,
    /// The connection ended before the answer did.
    Closed,
    /// Anything else, such as a name that does not resolve or an answer that is not HTTP.
    Other,
}

impl TransportKind {
    /// Tells from the client's error what happened on the wire.
    ///
    /// A reset in the middle of a body is [`Closed`](Self::Closed): `ureq` treats it as the end of the stream and then
    /// misses the rest.
    pub fn of(error: &ureq::Error) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::TimedOut,
            ureq::Error::Io(e) => match e.kind() {
                // Reset is seen by a read; the other two are the same event seen by a write or after one.
                ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => Self::Reset,
                ErrorKind::ConnectionRefused => Self::Refused,
                ErrorKind::TimedOut => Self::TimedOut,
                ErrorKind::UnexpectedEof => Self::Closed,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

impl Failure {
    /// The status, if the server answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(status.as_u16()),
            Self::Transport { .. } => None,
        }
    }

    /// The bytes of the `Retry-After` header, if the server answered with one.
    pub fn retry_after(&self) -> Option<&[u8]> {
        match self {
            Self::Status { headers, .. } => headers.get(header::RETRY_AFTER).map(HeaderValue::as_bytes),
            Self::Transport { .. } => None,
        }
    }

    /// Returns the failure on the wire; `None` if there was a complete answer.
    pub fn transport(&self) -> Option<TransportKind> {
        match self {
            Self::Status { .. } => None,
            Self::Transport { kind, .. } => Some(*kind),
        }
    }

    /// Whether the client gave up waiting.
    pub fn is_timeout(&self) -> bool {
        self.transport() == Some(TransportKind::TimedOut)
    }
}

/// The error carries its own classification, so that no call site repeats it.
impl Classify for Failure {
    fn classify(&self) -> Classification {
        match self {
            // Below 400 only what the client does not follow gets here, such as 304 to a request without conditions.
            Self::Status { status, headers } => {
                http::status_with_headers(*status, headers).unwrap_or_else(|| http::classify(*status))
            }
            Self::Transport { kind: TransportKind::Other, error } => chain::classify(error),
            Self::Transport { .. } => ErrorClass::Transient.into(),
        }
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        Self::Transport { kind: TransportKind::of(&error), error }
    }
}

/// Short enough for a column: `429, Retry-After 2 s`, `503, Retry-After 07:28:00 GMT`, `connection reset`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, .. } => {
                let status = status.as_u16();
                let Some(value) = self.retry_after() else { return write!(f, "{status}") };
                let text = String::from_utf8_lossy(value);
                if let Ok(date) = httpdate::parse_http_date(&text) {
                    // Only the time of day, which begins at a fixed place: the date of a retry is nearly always today.
                    write!(f, "{status}, Retry-After {}", &httpdate::fmt_http_date(date)[17..])
                } else if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
                    write!(f, "{status}, Retry-After {text} s")
                } else {
                    write!(f, "{status}, Retry-After {text:?}")
                }
            }
            Self::Transport { kind, error } => match kind {
                TransportKind::Reset => f.write_str("connection reset"),
                TransportKind::Refused => f.write_str("connection refused"),
                TransportKind::TimedOut => f.write_str("no answer in time"),
                TransportKind::Closed => f.write_str("answer cut short"),
                TransportKind::Other => write!(f, "{error}"),
            },
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Status { .. } => None,
            Self::Transport { error, .. } => Some(error),
        }
    }
}

/// An agent whose requests take no longer than `timeout`, from connecting to the last byte of the body.
pub fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        // The headers of a failure are wanted, and an error of the client keeps only the status.
        .http_status_as_error(false)
        // A proxy of the environment must not stand between this process and itself.
        .proxy(None)
        .build()
        .into()
}

/// Fetches the body of `url`; anything but a complete answer of status 2xx is a [`Failure`].
///
/// One call is one request: the client retries nothing on its own.
pub fn get(agent: &ureq::Agent, url: &str) -> Result<String, Failure> {
    body(agent.get(url).call()?)
}

/// [`get`], with a time-out of its own instead of the agent's.
pub fn get_within(agent: &ureq::Agent, url: &str, timeout: Duration) -> Result<String, Failure> {
    body(agent.get(url).config().timeout_global(Some(timeout)).build().call()?)
}

fn body(mut response: Response<Body>) -> Result<String, Failure> {
    if !response.status().is_success() {
        let (head, _) = response.into_parts();
        return Err(Failure::Status { status: head.status, headers: head.headers });
    }
    Ok(response.body_mut().read_to_string()?)
}

#[cfg(test)]
mod tests {
    use redress_std::Millis;

    use super::*;

    fn failure(status: u16, retry_after: Option<&'static str>) -> Failure {
        let headers =
            retry_after.map(|value| (header::RETRY_AFTER, HeaderValue::from_static(value))).into_iter().collect();
        Failure::Status { status: StatusCode::from_u16(status).expect("a status"), headers }
    }

    #[test]
    fn failures_are_short_enough_for_a_column() {
        let status = |retry_after| failure(429, retry_after).to_string();
        assert_eq!(status(None), "429");
        assert_eq!(status(Some("2")), "429, Retry-After 2 s");
        assert_eq!(status(Some("Wed, 21 Oct 2026 07:28:00 GMT")), "429, Retry-After 07:28:00 GMT");
        assert_eq!(status(Some("soon")), "429, Retry-After \"soon\"");
        assert_eq!(status(Some("")), "429, Retry-After \"\"");
    }

    #[test]
    fn failures_know_their_class() {
        let class = |failure: &Failure| failure.classify().class();
        for (status, expected) in [
            (304, ErrorClass::Unknown),
            (401, ErrorClass::Auth),
            (429, ErrorClass::RateLimit),
            (503, ErrorClass::ServerError),
        ] {
            assert_eq!(class(&failure(status, None)), expected, "{status}");
        }
        assert_eq!(failure(429, Some("2")).classify().hint(), Some(Millis::from_secs(2)));
        assert_eq!(failure(429, Some("soon")).classify().hint(), None);
        let reset = ureq::Error::Io(ErrorKind::ConnectionReset.into());
        assert_eq!(class(&reset.into()), ErrorClass::Transient);
        // A variant that no table lists is classified by its name.
        assert_eq!(class(&ureq::Error::ConnectionFailed.into()), ErrorClass::Transient);
    }
}
