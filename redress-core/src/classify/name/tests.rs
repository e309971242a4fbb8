extern crate std;

use core::cell::Cell;
use std::format;
use std::io::ErrorKind;
use std::string::String;

use super::*;
use crate::ErrorClass::{Auth, Concurrency, Permanent, Permission, RateLimit, ServerError, Transient, Unknown};

fn words(name: &str) -> String {
    Words::of(name.as_bytes()).map(char::from).collect()
}

/// An error whose `Debug` output is this text, in these pieces.
struct Prints<'a>(&'a [&'a str]);

impl Debug for Prints<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| f.write_str(piece))
    }
}

fn name_of<E: Debug + ?Sized>(error: &E) -> String {
    let mut buffer = NameBuffer::new();
    leading_identifier(error, &mut buffer).into()
}

#[test]
fn vectors() {
    const ROWS: [(&str, ErrorClass); 11] = [
        ("AuthFailure", Auth),
        ("UnauthorizedError", Auth),
        ("BadCredentials", Auth),
        ("ForbiddenError", Permission),
        ("PermissionDenied", Permission),
        ("ReadTimeout", Transient),
        ("ConnectionReset", Transient),
        ("ValueProblem", Unknown),
        ("Timeout", Transient),
        ("AuthTimeout", Auth),
        ("PermissionTimeout", Permission),
    ];
    for (name, class) in ROWS {
        assert_eq!(class_of_name(name), class, "{name}");
        assert_eq!(DefaultClassifier.classify(&Prints(&[name])), Classification::new(class), "{name}");
        assert_eq!(StrictClassifier.classify(&Prints(&[name])), Classification::new(Unknown), "{name}");
    }
}

#[test]
fn names_are_taken_apart() {
    for (name, expected) in [
        ("", ""),
        ("_", ""),
        ("timeout", "timeout_"),
        ("Timeout", "timeout_"),
        ("TIMEOUT", "timeout_"),
        ("TimedOut", "timed_out_"),
        ("timed_out", "timed_out_"),
        ("__TIMED__OUT__", "timed_out_"),
        ("HTTPTimedOut2", "http_timed_out_2_"),
        ("OAuth2Error", "o_auth_2_error_"),
        ("E404Gone", "e_404_gone_"),
        ("IOError", "io_error_"),
        ("A", "a_"),
        ("AB", "ab_"),
        ("ABc", "a_bc_"),
        ("r#type", "r_type_"),
    ] {
        assert_eq!(words(name), expected, "{name}");
    }
}

#[test]
fn words_count_and_not_parts_of_them() {
    for name in [
        "",
        "_",
        "Error",
        "AuthorNotFound",
        "AuthorityMissing",
        "Authentic",
        "AUTHOR",
        "author",
        "Mistimed",
        "Uptimeout",
        "Timed",
        "TimedOutput",
        "NotConnectedness",
        "AlreadyConnected",
        "Connecting",
        "Unforbidden",
        "Corporate",
        "CorporateLimit",
        "SerializationError",
        "TooManyFiles",
        "InvalidData",
        "InvalidCrc",
        "NotFound",
        "AlreadyExists",
        "AddrInUse",
        "OutOfMemory",
        "Os",
        "Other",
        "Ünauth",
    ] {
        assert_eq!(class_of_name(name), Unknown, "{name}");
    }
}

#[test]
fn every_pattern_is_found_wherever_it_stands() {
    for (class, patterns) in PATTERNS {
        for pattern in patterns.split(' ') {
            let upper = pattern.to_ascii_uppercase();
            let ends = pattern.ends_with('_');
            for name in
                [pattern, &format!("my_{pattern}"), &upper, &format!("My{upper}{}", if ends { "2" } else { "S" })]
            {
                assert_eq!(class_of_name(name), class, "{name}");
            }
            assert_eq!(class_of_name(&format!("x{pattern}")), Unknown, "{pattern}");
            if ends {
                assert_eq!(class_of_name(&format!("{}x", &pattern[..pattern.len() - 1])), Unknown, "{pattern}");
            }
        }
    }
}

#[test]
fn names_in_use() {
    for (name, class) in [
        ("OAuth2Error", Auth),
        ("InvalidCredentials", Auth),
        ("AuthenticationFailed", Auth),
        ("Unauthenticated", Auth),
        ("AccessDenied", Permission),
        ("OperationNotPermitted", Permission),
        ("TimeoutError", Transient),
        ("Elapsed", Transient),
        ("ConnectError", Transient),
        ("TooManyConnections", Transient),
        ("DeadlineExceeded", Transient),
        ("GatewayTimeout", Transient),
        ("NoRoute", Transient),
        ("RateLimited", RateLimit),
        ("rate_limit_exceeded", RateLimit),
        ("RatelimitError", RateLimit),
        ("TooManyRequests", RateLimit),
        ("ThrottlingException", RateLimit),
        ("DeadlockDetected", Concurrency),
        ("WriteConflict", Concurrency),
        ("SerializationFailure", Concurrency),
        ("InternalServerError", ServerError),
        ("ServiceUnavailable", ServerError),
        ("BadGateway", ServerError),
        ("BadRequest", Permanent),
        ("UnprocessableEntity", Permanent),
    ] {
        assert_eq!(class_of_name(name), class, "{name}");
    }
}

#[test]
fn kinds_of_io_errors() {
    for (kind, class) in [
        (ErrorKind::PermissionDenied, Permission),
        (ErrorKind::TimedOut, Transient),
        (ErrorKind::WouldBlock, Transient),
        (ErrorKind::BrokenPipe, Transient),
        (ErrorKind::ConnectionAborted, Transient),
        (ErrorKind::ConnectionRefused, Transient),
        (ErrorKind::ConnectionReset, Transient),
        (ErrorKind::NotConnected, Transient),
        (ErrorKind::Interrupted, Transient),
        (ErrorKind::UnexpectedEof, Transient),
        (ErrorKind::ResourceBusy, Transient),
        (ErrorKind::HostUnreachable, Transient),
        (ErrorKind::NetworkUnreachable, Transient),
        (ErrorKind::NetworkDown, Transient),
        (ErrorKind::Deadlock, Concurrency),
        (ErrorKind::InvalidInput, Permanent),
        (ErrorKind::InvalidFilename, Permanent),
        (ErrorKind::Unsupported, Permanent),
        (ErrorKind::InvalidData, Unknown),
        (ErrorKind::NotFound, Unknown),
        (ErrorKind::AlreadyExists, Unknown),
        (ErrorKind::AddrInUse, Unknown),
        (ErrorKind::WriteZero, Unknown),
        (ErrorKind::Other, Unknown),
    ] {
        assert_eq!(DefaultClassifier.classify(&kind).class(), class, "{kind:?}");
    }
}

#[derive(Debug)]
#[expect(dead_code, reason = "printed only")]
enum Sample {
    Unit,
    Tuple(u32),
    Struct { field: u32 },
    Empty {},
}

#[test]
fn derived_output_begins_with_the_name() {
    assert_eq!(name_of(&Sample::Unit), "Unit");
    assert_eq!(name_of(&Sample::Tuple(1)), "Tuple");
    assert_eq!(name_of(&Sample::Struct { field: 1 }), "Struct");
    assert_eq!(name_of(&Sample::Empty {}), "Empty");
    let dynamic: &dyn Debug = &Sample::Tuple(2);
    assert_eq!(name_of(dynamic), "Tuple");
    assert_eq!(name_of(&Prints(&["Gr", "öße", "(1)"])), "Größe");
    assert_eq!(DefaultClassifier.classify(&Err::<(), _>(ErrorKind::TimedOut)).class(), Transient);
}

#[test]
fn other_output_has_no_name() {
    assert_eq!(name_of("timeout"), "");
    assert_eq!(name_of(&404), "404");
    assert_eq!(name_of(&-1), "");
    assert_eq!(name_of(&()), "");
    assert_eq!(name_of(&[ErrorKind::TimedOut]), "");
    for text in ["connection refused", "connection: refused", "timeout.", "timeout ", "timeout\n", "timeout::Error(1)"]
    {
        assert_eq!(name_of(&Prints(&[text])), "", "{text:?}");
    }
    assert_eq!(name_of(&Prints(&["timeout", " ", "{"])), "timeout");
    assert_eq!(name_of(&Prints(&[])), "");
}

#[test]
fn names_fit_or_are_not_kept() {
    let long = "x".repeat(NameBuffer::CAPACITY);
    assert_eq!(name_of(&Prints(&[&long])), long);
    assert_eq!(name_of(&Prints(&[&long, "("])), long);
    assert_eq!(name_of(&Prints(&[&long, "x"])), "");
    assert_eq!(name_of(&Prints(&[&long, "é"])), "");
    // The part that would fit says something else than the whole.
    let author = format!("{}Author", "x".repeat(NameBuffer::CAPACITY - 4));
    assert_eq!(DefaultClassifier.classify(&Prints(&[&author])).class(), Unknown);
}

#[test]
fn the_innermost_name_decides() {
    for (output, class) in [
        ("ConnectionRefused(BadUserNamePassword)", Auth),
        ("ConnectionRefused(NotAuthorized)", Auth),
        ("ConnectionRefused(BadClientId)", Transient),
        ("DatabaseError(SerializationFailure, \"could not serialize access\")", Concurrency),
        ("DatabaseError(UniqueViolation, \"timeout, unauthorized\")", Unknown),
        ("Connect { reason: BadPassword }", Auth),
        ("Connect { after: 3, reason: BadPassword, retry: true }", Auth),
        ("Connect { reason: Refused { by: Some(AccessDenied) }, after: 30s }", Permission),
        ("Query(Some(Timeout))", Transient),
        ("Custom { kind: Other, error: ReadTimeout(None) }", Transient),
        ("Os { code: 111, kind: ConnectionRefused, message: \"Connection refused\" }", Transient),
        ("Io(Kind(TimedOut))", Transient),
        ("TlsConnect(InvalidCertificate(UnknownIssuer))", Permanent),
        ("Connection(\"quoted \\\" text, (Unauthorized\", Throttled)", RateLimit),
        ("Timeout { request: AuthRequest { user: \"x\", tries: [1, 2] } }", Transient),
        ("Timeout { connection: None, auth: true }", Transient),
        ("Timeout { auth: forbidden }", Transient),
        ("Failed([Timeout, Forbidden])", Transient),
        ("Failed((1, Forbidden))", Permission),
        ("Failed({\"a\": Forbidden})", Permission),
        ("Failed(-1, 2.5e3, 0x1F, Forbidden)", Permission),
        ("Wrapped(connection refused by auth)", Unknown),
        ("Timeout(connection refused by auth)", Transient),
        ("Wrapped(timeout::Error)", Unknown),
        ("Wrapped()", Unknown),
        ("Timeout", Transient),
        ("Timeout {", Transient),
        ("Timeout, so it says", Unknown),
        ("Timeout }", Unknown),
        ("Timeout) {", Unknown),
        ("Timeout { }", Transient),
        ("Other(", Unknown),
        (")", Unknown),
        ("}{)(", Unknown),
        ("", Unknown),
    ] {
        assert_eq!(DefaultClassifier.classify(&Prints(&[output])).class(), class, "{output}");
        let bytes: std::vec::Vec<String> = output.chars().map(String::from).collect();
        let pieces: std::vec::Vec<&str> = bytes.iter().map(String::as_str).collect();
        assert_eq!(DefaultClassifier.classify(&Prints(&pieces)).class(), class, "{output}");
    }
}

#[test]
fn deep_and_long_output_is_read_to_a_limit() {
    let nested = |depth: usize| format!("{}Forbidden{}", "A(".repeat(depth), ")".repeat(depth));
    assert_eq!(DefaultClassifier.classify(&Prints(&[&nested(200)])).class(), Permission);
    assert_eq!(DefaultClassifier.classify(&Prints(&[&nested(300)])).class(), Unknown);
    assert_eq!(DefaultClassifier.classify(&Prints(&[&nested(10_000)])).class(), Unknown);
    let late = format!("Timeout(\"{}\", Forbidden)", "x".repeat(600));
    assert_eq!(DefaultClassifier.classify(&Prints(&[&late])).class(), Transient);
    let long = format!("Timeout({}, Forbidden)", "Auth".repeat(20));
    assert_eq!(DefaultClassifier.classify(&Prints(&[&long])).class(), Permission);
}

#[test]
fn formatting_ends_with_the_value() {
    struct Counts<'a>(&'a Cell<u32>, &'a [&'a str]);
    impl Debug for Counts<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for piece in self.1 {
                self.0.set(self.0.get() + 1);
                f.write_str(piece)?;
            }
            Ok(())
        }
    }
    for (pieces, expected) in [(&["Timeout", "(", "12", ")", " and", " so on"][..], 4), (&["time", " out", "!"], 2)] {
        let written = Cell::new(0);
        let class = DefaultClassifier.classify(&Counts(&written, pieces)).class();
        assert_eq!((class, written.get()), (if expected == 4 { Transient } else { Unknown }, expected));
    }
    let (written, endless) = (Cell::new(0), ["Timeout(\"", "x"].into_iter().chain(std::iter::repeat_n("x", 10_000)));
    let pieces: std::vec::Vec<&str> = endless.collect();
    assert_eq!(DefaultClassifier.classify(&Counts(&written, &pieces)).class(), Transient);
    assert!(written.get() <= u32::from(output::LIMIT), "{}", written.get());
}

#[test]
fn output_that_ignores_the_refusal_changes_nothing() {
    struct Stubborn;
    impl Debug for Stubborn {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for piece in ["Timeout", "(", "12", ") and", " so on"] {
                let _ = f.write_str(piece);
            }
            Ok(())
        }
    }
    assert_eq!(DefaultClassifier.classify(&Stubborn).class(), Transient);
    let mut buffer = NameBuffer::new();
    assert_eq!(leading_identifier(&Stubborn, &mut buffer), "Timeout");
    // A buffer can be used again.
    assert_eq!(leading_identifier(&Sample::Unit, &mut buffer), "Unit");
}
