//! Errors of HTTP clients whose type is not known here, because their feature is off or their version is another.

use std::{
    error::Error,
    fmt::{self, Write},
};

use redress_core::{Classification, ErrorClass, classify::http};

/// Room for `reqwest::Error { kind: Status(404, `, the longest beginning that is read.
const ROOM: usize = 37;

/// The beginning of a `Debug` output. Formatting ends where the room does.
struct Beginning {
    bytes: [u8; ROOM],
    len: usize,
}

impl Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.bytes.get_mut(self.len).ok_or(fmt::Error)? = byte;
            self.len += 1;
        }
        Ok(())
    }
}

/// Returns the class of a status, a URL that cannot be built or too many redirects, where the `Debug` output of reqwest or
/// ureq begins with one.
///
/// # Design
///
/// A name says nothing about these: without this, a 404 of a client whose feature is off would be `Unknown`, and be retried.
/// Only these two outputs are read, because the number behind a name like `Status` may be one of SMTP or FTP, where 4xx is
/// what passes.
pub(crate) fn classify(error: &(dyn Error + 'static)) -> Option<Classification> {
    let mut beginning = Beginning { bytes: [0; ROOM], len: 0 };
    // An error is how the buffer says that it is full.
    let _ = write!(beginning, "{error:?}");
    let output = &beginning.bytes[..beginning.len];
    if let Some(ureq) = output.strip_prefix(b"StatusCode(") {
        return status(ureq);
    }
    let kind = output.strip_prefix(b"reqwest::Error { kind: ")?;
    if kind.starts_with(b"Builder") || kind.starts_with(b"Redirect") {
        return Some(ErrorClass::Permanent.into());
    }
    status(kind.strip_prefix(b"Status(")?)
}

/// Returns the class of a status of three digits, which something follows.
fn status(output: &[u8]) -> Option<Classification> {
    let [a, b, c, b')' | b',', ..] = *output else { return None };
    let digits = [a, b, c];
    let number = str::from_utf8(&digits).ok()?.parse().ok()?;
    http::status(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with this `Debug` output.
    struct Shown(&'static str);

    impl fmt::Debug for Shown {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl fmt::Display for Shown {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            unreachable!("only the `Debug` output is read")
        }
    }

    impl Error for Shown {}

    #[test]
    fn statuses_are_read_where_a_client_of_http_writes_them() {
        let class = |output| classify(&Shown(output)).map(|known| (known.class(), known.numeric_code()));
        for (output, code) in [
            ("StatusCode(404)", 404),
            ("reqwest::Error { kind: Status(404), url: \"http://a/\" }", 404),
            ("reqwest::Error { kind: Status(410, None), url: \"http://a/\" }", 410),
            ("reqwest::Error { kind: Status(422, Some(ReasonPhrase(\"\u{fc}\"))) }", 422),
        ] {
            assert_eq!(class(output), Some((ErrorClass::Permanent, Some(code))), "{output}");
        }
        for output in ["reqwest::Error { kind: Builder, source: EmptyHost }", "reqwest::Error { kind: Redirect }"] {
            assert_eq!(class(output), Some((ErrorClass::Permanent, None)), "{output}");
        }
        for output in [
            "",
            "Status(450)",
            "SmtpError { code: 450 }",
            "StatusCode(404",
            "StatusCode(4040)",
            "StatusCode(4\u{fc})",
            "StatusCode(200)",
            "reqwest::Error { kind: Status",
            "reqwest::Error { kind: Request, source: TimedOut }",
        ] {
            assert_eq!(class(output), None, "{output}");
        }
    }
}
