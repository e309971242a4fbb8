//! Errors of HTTP clients whose type is not known here, because their feature is off or their version is another.

use std::{
    error::Error,
    fmt::{self, Write},
};

use redress_core::{Classification, ErrorClass, classify::http};

use crate::{
    grpc::{self, Pushback},
    said,
};

/// Room for `tonic::transport::Error(InvalidTlsConfigForUds)`, the longest beginning that is read.
const ROOM: usize = 48;

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

/// Beginnings of failures that stay: of reqwest, of the `http` crate by itself and inside of ureq's, of tonic's channels.
const LASTING: [&[u8]; 5] = [
    b"reqwest::Error { kind: Builder",
    b"reqwest::Error { kind: Redirect",
    b"http::Error(",
    b"Http(http::Error(",
    b"tonic::transport::Error(Invalid",
];

/// Returns the class that an error of reqwest, ureq, hyper or tonic has by its type, where its `Debug` output tells it: statuses of
/// HTTP and gRPC, requests that the client refuses to send, too many redirects, connections that were lost.
///
/// # Design
///
/// A name says nothing about these: without this, a 404 of a client whose feature is off would be `Unknown`, and be retried.
/// Only these outputs are read, because the number behind a name like `Status` may be one of SMTP or FTP, where 4xx is
/// what passes.
pub(crate) fn classify(error: &(dyn Error + 'static)) -> Option<Classification> {
    let mut beginning = Beginning { bytes: [0; ROOM], len: 0 };
    // An error is how the buffer says that it is full.
    let _ = write!(beginning, "{error:?}");
    let output = &beginning.bytes[..beginning.len];
    if let Some(ureq) = output.strip_prefix(b"StatusCode(") {
        return status(ureq);
    }
    if let Some(kind) = output.strip_prefix(b"hyper::Error(") {
        return hyper(kind);
    }
    if LASTING.into_iter().any(|lasting| output.starts_with(lasting)) {
        return Some(ErrorClass::Permanent.into());
    }
    if output.starts_with(TONIC.as_bytes()) {
        return tonic(&said::beginning(format_args!("{error:?}")));
    }
    match output.strip_prefix(b"reqwest::Error { kind: Status(") {
        Some(reqwest) => status(reqwest),
        None => ureq(output),
    }
}

/// Returns the class of a status of three digits, which something follows.
fn status(output: &[u8]) -> Option<Classification> {
    let [a, b, c, b')' | b',', ..] = *output else { return None };
    let digits = [a, b, c];
    let number = str::from_utf8(&digits).ok()?.parse().ok()?;
    http::status(number)
}

/// Returns the class of a variant of ureq 3 whose name tells it, by the table of `ureq_v3`. [Names](redress_core::classify::name) tell
/// others.
fn ureq(output: &[u8]) -> Option<Classification> {
    let end = output.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(output.len());
    match &output[..end] {
        b"TooManyRedirects" | b"RedirectFailed" | b"TlsRequired" | b"RequireHttpsOnly" | b"InvalidProxyUrl"
        | b"BodyExceedsLimit" | b"Rustls" | b"NativeTls" => Some(ErrorClass::Permanent.into()),
        b"HostNotFound" => Some(ErrorClass::Transient.into()),
        _ => None,
    }
}

/// Returns the class of a kind of hyper 1, by the table of `hyper_v1`.
fn hyper(kind: &[u8]) -> Option<Classification> {
    const LOST: [&[u8]; 6] =
        [b"IncompleteMessage", b"Canceled", b"ChannelClosed", b"HeaderTimeout", b"Shutdown", b"User(BodyWriteAborted"];
    if LOST.into_iter().any(|lost| matches!(kind.strip_prefix(lost), Some([b')' | b',', ..]))) {
        return Some(ErrorClass::Transient.into());
    }
    // Behind a comma there is a source: a body that failed while it was sent.
    let misuse = kind.strip_prefix(b"User(")?;
    let end = misuse.iter().position(|byte| !byte.is_ascii_alphanumeric())?;
    misuse[end..].starts_with(b"))").then(|| ErrorClass::Permanent.into())
}

/// The beginning of a status of tonic, before the name of its code.
const TONIC: &str = "Status { code: ";

/// Returns the class of a status of tonic, by the table of `tonic_v0_14`. Its code is a name, and quotes inside of texts are escaped.
fn tonic(output: &str) -> Option<Classification> {
    let output = output.strip_prefix(TONIC)?;
    let (name, _) = output.split_once(|c: char| !c.is_ascii_alphabetic())?;
    let code = grpc::code_of_name(name)?;
    let field = format!("\"{}\": \"", Pushback::FIELD);
    let values = output.split(&field).skip(1).map(|rest| rest.split_once('"').map(|(value, _)| value));
    Some(grpc::classify(code, Pushback::of(values)))
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
    fn kinds_of_hyper_and_ureq_are_read() {
        let class = |output| classify(&Shown(output)).map(|known| known.class());
        for lost in ["IncompleteMessage", "Canceled", "ChannelClosed", "HeaderTimeout", "Shutdown, Os { code: 107 }"] {
            assert_eq!(class(format!("hyper::Error({lost})").leak()), Some(ErrorClass::Transient), "{lost}");
        }
        assert_eq!(class("hyper::Error(User(BodyWriteAborted))"), Some(ErrorClass::Transient));
        for misuse in ["hyper::Error(User(InvalidConnectWithBody))", "hyper::Error(User(NoUpgrade))", "TlsRequired"] {
            assert_eq!(class(misuse), Some(ErrorClass::Permanent), "{misuse}");
        }
        assert_eq!(class("HostNotFound"), Some(ErrorClass::Transient));
        for output in [
            "hyper::Error(User(Body), Os { code: 104 })",
            "hyper::Error(Parse(Version))",
            "hyper::Error(Io, Os { code: 104 })",
            "hyper::Error(CanceledByAnother)",
            "hyper::Error(User(No",
            "TlsRequiredByPeer",
            "Status { code: 404, message: \"\" }",
            "Status { code: NotFoundHere, source: None }",
            "Status { code: NotFound",
        ] {
            assert_eq!(class(output), None, "{output}");
        }
    }

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
