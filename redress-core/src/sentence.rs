//! The sentences of reports, for people.

use core::fmt::{self, Write};

use crate::{Cause, ErrorClass, Millis, Rejected, StopReason};

/// The facts of a report, displayed as a sentence.
#[derive(Clone, Copy)]
pub(crate) struct Sentence {
    pub(crate) operation: &'static str,
    /// `None` after success.
    pub(crate) reason: Option<StopReason>,
    pub(crate) attempts: u32,
    pub(crate) class: Option<ErrorClass>,
    pub(crate) cause: Option<Cause>,
    pub(crate) code: Option<u32>,
    pub(crate) is_http: bool,
    pub(crate) elapsed: Millis,
    pub(crate) next_delay: Option<Millis>,
}

impl Sentence {
    /// Creates that of a call that was not started.
    pub(crate) fn of_rejected(rejected: Rejected) -> Self {
        Self {
            operation: "",
            reason: Some(rejected.reason),
            attempts: 0,
            class: None,
            cause: None,
            code: None,
            is_http: false,
            elapsed: Millis::ZERO,
            next_delay: rejected.next_delay(),
        }
    }

    /// Writes how often it was tried, and for how long.
    fn write_effort(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " after {} attempt{}", self.attempts, if self.attempts == 1 { "" } else { "s" })?;
        if self.elapsed == Millis::ZERO { Ok(()) } else { write!(f, " in {}", Span(self.elapsed)) }
    }

    /// Writes why there is no further attempt.
    fn write_reason(&self, f: &mut fmt::Formatter<'_>, reason: StopReason) -> fmt::Result {
        match (reason, self.next_delay) {
            (StopReason::RetryAfterTooLong, Some(hint)) => write!(f, ": the server asked to wait {}", Span(hint)),
            (StopReason::CircuitOpen, Some(wait)) => write!(f, ": {reason}, retry after {}", Span(wait)),
            (StopReason::Scheduled, Some(wait)) => write!(f, ": next attempt in {}", Span(wait)),
            (StopReason::Scheduled, None) => Ok(()),
            (StopReason::Aborted, _) if self.attempts > 0 => Ok(()),
            _ => write!(f, ": {reason}"),
        }
    }

    /// Writes what the last failure was.
    fn write_failure(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(class) = self.class else { return Ok(()) };
        write!(f, " ({}", Words(class.as_str()))?;
        match self.code {
            Some(code) if self.is_http => write!(f, ", HTTP {code}")?,
            Some(code) => write!(f, ", code {code}")?,
            None => {}
        }
        if self.cause == Some(Cause::Timeout) {
            f.write_str(", timed out")?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.operation.is_empty() { "the call" } else { self.operation })?;
        let Some(reason) = self.reason else {
            f.write_str(" succeeded")?;
            return self.write_effort(f);
        };
        match (reason, self.attempts) {
            (_, 0) => f.write_str(" was not attempted")?,
            (StopReason::Scheduled, _) => f.write_str(" was deferred")?,
            (StopReason::Aborted, _) => f.write_str(" was aborted")?,
            _ => f.write_str(" gave up")?,
        }
        if self.attempts > 0 {
            self.write_effort(f)?;
        }
        self.write_reason(f, reason)?;
        self.write_failure(f)
    }
}

/// A span in the largest unit that does not hide it: "950 ms", "1.2 s", "3 min", "2.5 h".
struct Span(Millis);

impl fmt::Display for Span {
    #[expect(clippy::arithmetic_side_effects, reason = "units are constants above zero")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.get();
        let (unit, name) = match millis {
            0..1_000 => return write!(f, "{millis} ms"),
            1_000..60_000 => (1_000, "s"),
            60_000..3_600_000 => (60_000, "min"),
            _ => (3_600_000, "h"),
        };
        let (whole, tenths) = (millis / unit, millis % unit / (unit / 10));
        if tenths == 0 { write!(f, "{whole} {name}") } else { write!(f, "{whole}.{tenths} {name}") }
    }
}

/// A name in snake case as words.
struct Words(&'static str);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not `str::split`, whose slices the compiler does not know to be in bounds.
        self.0.chars().try_for_each(|letter| f.write_char(if letter == '_' { ' ' } else { letter }))
    }
}

#[cfg(test)]
mod tests {
    use core::fmt::Write;

    use super::*;

    const GAVE_UP: Sentence = Sentence {
        operation: "fetch_profile",
        reason: Some(StopReason::NonRetryableClass),
        attempts: 3,
        class: Some(ErrorClass::Permanent),
        cause: Some(Cause::Result),
        code: Some(404),
        is_http: true,
        elapsed: Millis::new(1_234),
        next_delay: None,
    };

    #[test]
    fn reports_read_as_sentences() {
        use StopReason as R;
        let nothing_ran =
            Sentence { attempts: 0, class: None, cause: None, code: None, elapsed: Millis::ZERO, ..GAVE_UP };
        let hour = Some(Millis::from_secs(3_600));
        for (sentence, text) in [
            (GAVE_UP, "fetch_profile gave up after 3 attempts in 1.2 s: not retryable (permanent, HTTP 404)"),
            (
                Sentence {
                    operation: "",
                    attempts: 1,
                    code: Some(1_205),
                    is_http: false,
                    elapsed: Millis::ZERO,
                    ..GAVE_UP
                },
                "the call gave up after 1 attempt: not retryable (permanent, code 1205)",
            ),
            (
                Sentence {
                    reason: Some(R::MaxAttemptsGlobal),
                    class: Some(ErrorClass::RateLimit),
                    cause: Some(Cause::Timeout),
                    code: None,
                    ..GAVE_UP
                },
                "fetch_profile gave up after 3 attempts in 1.2 s: no attempts left (rate limit, timed out)",
            ),
            (
                Sentence { reason: Some(R::RetryAfterTooLong), next_delay: hour, class: None, ..GAVE_UP },
                "fetch_profile gave up after 3 attempts in 1.2 s: the server asked to wait 1 h",
            ),
            (
                Sentence { reason: Some(R::Scheduled), next_delay: Some(Millis::new(150_000)), ..GAVE_UP },
                "fetch_profile was deferred after 3 attempts in 1.2 s: next attempt in 2.5 min (permanent, HTTP 404)",
            ),
            (
                Sentence { reason: Some(R::Aborted), class: None, ..GAVE_UP },
                "fetch_profile was aborted after 3 attempts in 1.2 s",
            ),
            (Sentence { reason: Some(R::Aborted), ..nothing_ran }, "fetch_profile was not attempted: aborted"),
            (
                Sentence { reason: Some(R::CircuitOpen), next_delay: Some(Millis::new(500)), ..nothing_ran },
                "fetch_profile was not attempted: the circuit is open, retry after 500 ms",
            ),
            (
                Sentence { reason: None, class: None, cause: None, code: None, ..GAVE_UP },
                "fetch_profile succeeded after 3 attempts in 1.2 s",
            ),
        ] {
            let mut written = heapless::String::<128>::new();
            write!(written, "{sentence}").unwrap();
            assert_eq!(written, text);
        }
    }
}
