//! One GET over [`ureq`], with everything a classifier wants to know kept in the error.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use ureq::http::{HeaderValue, header};

/// How a request failed.
#[derive(Debug)]
pub enum Failure {
    /// The server answered, but not with success.
    Status {
        /// The status code.
        status: u16,
        /// The `Retry-After` header as it was sent: seconds, a date, or nonsense.
        retry_after: Option<HeaderValue>,
    },
    /// No complete answer came.
    Transport {
        /// What happened on the wire.
        kind: TransportKind,
        /// The client's own error.
        error: ureq::Error,
    },
}

/// What happened on the wire when no complete answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// The connection was reset before the answer.
    Reset,
    /// Nobody listens there.
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
            Self::Status { status, .. } => Some(*status),
            Self::Transport { .. } => None,
        }
    }

    /// The bytes of the `Retry-After` header, if the server answered with one.
    pub fn retry_after(&self) -> Option<&[u8]> {
        match self {
            Self::Status { retry_after, .. } => retry_after.as_ref().map(HeaderValue::as_bytes),
            Self::Transport { .. } => None,
        }
    }

    /// What happened on the wire, if no complete answer came.
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

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        Self::Transport { kind: TransportKind::of(&error), error }
    }
}

/// Short enough for a column: `429, Retry-After 2 s`, `503, Retry-After 07:28:00 GMT`, `connection reset`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { status, retry_after: None } => write!(f, "{status}"),
            Self::Status { status, retry_after: Some(value) } => {
                let text = String::from_utf8_lossy(value.as_bytes());
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
    let mut response = agent.get(url).call()?;
    if !response.status().is_success() {
        return Err(Failure::Status {
            status: response.status().as_u16(),
            retry_after: response.headers().get(header::RETRY_AFTER).cloned(),
        });
    }
    Ok(response.body_mut().read_to_string()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_short_enough_for_a_column() {
        let status = |retry_after: Option<&'static str>| {
            Failure::Status { status: 429, retry_after: retry_after.map(HeaderValue::from_static) }.to_string()
        };
        assert_eq!(status(None), "429");
        assert_eq!(status(Some("2")), "429, Retry-After 2 s");
        assert_eq!(status(Some("Wed, 21 Oct 2026 07:28:00 GMT")), "429, Retry-After 07:28:00 GMT");
        assert_eq!(status(Some("soon")), "429, Retry-After \"soon\"");
        assert_eq!(status(Some("")), "429, Retry-After \"\"");
    }
}
