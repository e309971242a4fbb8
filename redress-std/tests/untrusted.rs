//! What others wrote costs little, whatever it is: errors of 100 MB, causes in a circle, names of a kilobyte, control characters,
//! and labels of metrics. Costs are counted, not timed.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    error::Error,
    fmt, io,
    time::Duration,
};

use metrics::with_local_recorder;
use metrics_util::debugging::DebuggingRecorder;
use redress_std::{
    Backoff, Classifier, DefaultClassifier, ErrorClass, Policy, Retry, StrictClassifier, chain,
    classify::name::DefaultClassifier as ByName,
    observe::{LogObserver, MetricsObserver},
    testing::TestEnv,
};

static POLICY: Policy = Policy::new(Retry::new(Backoff::constant(Duration::from_millis(1))).max_attempts(3));

thread_local! {
    /// Pieces of text that were taken, and causes that were looked at.
    static COUNT: Cell<usize> = const { Cell::new(0) };
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn count() {
    COUNT.set(COUNT.get() + 1);
}

/// Returns how often something was counted meanwhile.
fn counted(run: impl FnOnce()) -> usize {
    COUNT.set(0);
    run();
    COUNT.take()
}

/// Writes 100 MB in pieces, and heeds a reader that has had enough.
fn write_100_mb(f: &mut fmt::Formatter<'_>, piece: &str) -> fmt::Result {
    for _ in 0..100_000_000 / piece.len() {
        count();
        f.write_str(piece)?;
    }
    Ok(())
}

/// An error that says 100 MB.
struct Huge {
    /// With which its `Debug` output begins.
    name: &'static str,
    piece: &'static str,
}

const KILOBYTE: &str = {
    const BYTES: [u8; 1_000] = [b'x'; 1_000];
    match str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => "",
    }
};

impl fmt::Debug for Huge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        write_100_mb(f, self.piece)
    }
}

impl fmt::Display for Huge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_100_mb(f, self.piece)
    }
}

impl Error for Huge {}

#[test]
fn an_error_of_100_mb_is_classified_by_its_beginning() {
    for name in ["", "ReadTimeout { ", "ConnectError(", "Ssl(\"", "a text "] {
        for piece in ["x", KILOBYTE, "x, ", "\"\\"] {
            let classified = counted(|| {
                let error = Huge { name, piece };
                DefaultClassifier.classify(&error);
                StrictClassifier.classify(&error);
                chain::classify(&error);
                // Inside of another, and where messages of TLS are looked for.
                chain::classify(&io::Error::other(Huge { name, piece }));
                chain::classify(&io::Error::new(io::ErrorKind::InvalidData, Huge { name, piece }));
            });
            // Each of the five is read a few times, of which each takes at most 4 KB of text.
            assert!(classified <= 50_000 / piece.len() + 100, "{classified} pieces of {name:?}, {}", piece.len());
        }
    }
}

/// An error whose cause is itself.
#[derive(Debug)]
struct Circle;

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("round and round")
    }
}

impl Error for Circle {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        count();
        Some(&Circle)
    }
}

/// By type, by the output of clients, by name.
const PASSES: usize = 3;

#[test]
fn causes_in_a_circle_are_looked_at_a_few_times() {
    let looked_at = counted(|| assert_eq!(chain::classify(&Circle).class(), ErrorClass::Unknown));
    assert!((1..=PASSES * chain::MAX_LINKS).contains(&looked_at), "{looked_at} causes");
    let looked_at = counted(|| assert_eq!(chain::boxed(&Box::<dyn Error>::from(Circle)).class(), ErrorClass::Unknown));
    assert!((1..=PASSES * chain::MAX_LINKS).contains(&looked_at), "{looked_at} causes");
}

/// An error with a name of a kilobyte, made of words that are known.
struct LongName(String);

impl fmt::Debug for LongName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[test]
fn a_name_of_a_kilobyte_is_no_name() {
    assert_eq!(ByName.classify(&LongName("Timeout".to_owned())).class(), ErrorClass::Transient);
    let long = LongName("Timeout".repeat(150));
    assert_eq!(ByName.classify(&long).class(), ErrorClass::Unknown);
}

struct Lines;

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LINES.with_borrow_mut(|lines| lines.push(record.args().to_string()));
    }

    fn flush(&self) {}
}

/// An error as a server may have chosen it.
struct Said(&'static str);

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Said {}

const HOSTILE: [&str; 5] = [
    "no such user\nWARN redress: forged operation=admin",
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "\r\n\0\u{8}\u{7f}\u{85}",
    "\u{202e}backwards\u{2066}\u{200f}",
    "\u{2028}\u{2029}\u{feff}",
];

#[test]
fn no_error_forges_a_line_of_the_log() {
    // Fails if another test was first, which sets the same.
    let _ = log::set_logger(&Lines);
    log::set_max_level(log::LevelFilter::Trace);
    for text in HOSTILE {
        LINES.take();
        let mut context = POLICY
            .context(TestEnv::new())
            .operation("fetch")
            .classifier(|_: &Said| ErrorClass::Transient)
            .observe_errors(LogObserver::new());
        assert!(context.call(|| Err::<(), _>(Said(text))).is_err());
        let lines = LINES.take();
        assert!(lines.len() >= 3 && lines.iter().any(|line| line.contains("error=")), "{lines:?}");
        for line in lines {
            let is_harmless =
                |char: char| !char.is_control() && !matches!(char, '\u{200f}' | '\u{2028}'..='\u{2069}' | '\u{feff}');
            assert!(line.chars().all(is_harmless), "{line:?}");
            assert!(line.len() < 1_000, "{} bytes", line.len());
        }
    }
}

#[test]
fn an_error_of_100_mb_is_a_line_of_256_characters() {
    let _ = log::set_logger(&Lines);
    log::set_max_level(log::LevelFilter::Trace);
    LINES.take();
    let pieces = counted(|| {
        let mut context = POLICY
            .context(TestEnv::new())
            .classifier(|_: &Huge| ErrorClass::Transient)
            .observe_errors(LogObserver::new());
        assert!(context.call(|| Err::<(), _>(Huge { name: "", piece: KILOBYTE })).is_err());
    });
    let lines = LINES.take();
    assert!(pieces <= 2 * lines.len(), "{pieces} pieces for {} lines", lines.len());
    assert!(lines.iter().all(|line| line.chars().count() < 500), "{lines:?}");
}

/// Labels are what the program wrote and numbers of redress: whatever servers say, there are no more series than that.
#[test]
fn no_error_is_a_label_of_a_metric() {
    let recorder = DebuggingRecorder::new();
    with_local_recorder(&recorder, || {
        for number in 0..1_000 {
            let text: &'static str = HOSTILE[number % HOSTILE.len()];
            let mut context = POLICY
                .context(TestEnv::new())
                .operation("fetch")
                .classifier(|_: &Said| ErrorClass::Transient)
                .observe(MetricsObserver::new());
            assert!(context.call(|| Err::<(), _>(Said(text))).is_err());
        }
    });
    let mut labels = BTreeSet::new();
    let series = recorder.snapshotter().snapshot().into_vec();
    for (key, ..) in &series {
        labels.extend(key.key().labels().map(|label| format!("{}={}", label.key(), label.value())));
    }
    assert!(series.len() < 20, "{} series", series.len());
    let known = ["operation=fetch", "class=transient"];
    for label in labels {
        let (key, value) = label.split_once('=').expect("a pair");
        let is_known = known.contains(&label.as_str())
            || matches!(key, "decision" | "outcome")
                && value.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(is_known, "{label}");
    }
}
