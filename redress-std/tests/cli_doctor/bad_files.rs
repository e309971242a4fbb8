//! Files that cannot be read, and how their faults are shown.

use std::fs;

use crate::cli::{Ran, file, redress};

/// A name, what stands in the file, and what is said about it after the path.
const BAD: &[(&str, &[u8], &str)] = &[
    ("empty", b"", ":1:1: error: no policy: expected a table [policy.NAME]\n"),
    ("comment", b"# nothing\n", ":1:1: error: no policy: expected a table [policy.NAME]\n"),
    ("syntax", b"[policy.a.retry]\nmax_attempts = = 3\n", ":2:16: error: "),
    ("table", b"[policy.a.retry\nmax_attempts = 3\n", ":1:16: error: "),
    ("string", b"[policy.a.retry]\ndeadline_ms = \"none\n", ":2:20: error: "),
    ("twice", b"[policy.a.retry]\nmax_attempts = 3\nmax_attempts = 4\n", ":3:1: error: duplicate key"),
    (
        "key",
        b"[policy.a.retry]\nmax_attempts = 3\n  max_attemps = 4\n",
        ":3:3: error: unknown field `max_attemps`, expected one of `max_attempts`, `deadline_ms`, `attempt_timeout_ms`, ",
    ),
    ("top", b"[policies.a.retry]\n", ":1:2: error: unknown field `policies`, expected `policy`"),
    (
        "table_key",
        b"[policy.a]\n[policy.a.braker]\nfailure_threshold = 3\n",
        ":2:11: error: unknown field `braker`, expected one of `allow`, `calls`, `retry`, `breaker`, `rate_breaker`, `budget`",
    ),
    (
        "class",
        b"[policy.a.retry]\nlimits.rate_limits = 3\n",
        ":2:8: error: unknown field `rate_limits`, expected one of `auth`, ",
    ),
    (
        "formula",
        b"[policy.a.retry]\nbackoff.delay.linear = { base_ms = 1 }\n",
        ":2:15: error: unknown variant `linear`, expected one of `none`, `constant`, ",
    ),
    (
        "formula_key",
        b"[policy.a.retry]\nbackoff.delay.constant = { delay_ms = 1, jitter = true }\n",
        ":2:42: error: unexpected keys in table: jitter, available keys: delay_ms",
    ),
    (
        "unit",
        b"[policy.a.retry]\nbackoff.delay.constant = { delay_ms = \"1s\" }\n",
        ":2:39: error: `delay_ms` takes whole milliseconds; with a unit, the key is `delay`",
    ),
    (
        "unit_missing",
        b"[policy.a.retry]\ndeadline = 30\n",
        ":2:1: error: `deadline` takes a duration such as \"30s\"; the key for milliseconds is `deadline_ms`\n",
    ),
    (
        "unit_as_text",
        b"[policy.a.retry]\ndeadline = \"30\"\n",
        ":2:1: error: `deadline` takes a duration such as \"30s\"; the key for milliseconds is `deadline_ms`\n",
    ),
    ("unit_elsewhere", b"[policy.a.retry]\nmax_attempts = \"3s\"\n", ":2:1: error: `max_attempts` takes no duration\n"),
    ("unit_unknown", b"[policy.a.retry]\ndeadline = \"30 parsecs\"\n", ":2:12: error: `30 parsecs` is no duration: "),
    (
        "unit_small",
        b"[policy.a.retry]\ndeadline = \"10us\"\n",
        ":2:12: error: `10us` is no whole number of milliseconds\n",
    ),
    ("unit_large", b"[policy.a.retry]\ndeadline = \"50d\"\n", ":2:12: error: `50d` is too long: at most "),
    (
        "unit_twice",
        b"[policy.a.retry]\ndeadline_ms = 30\ndeadline = \"30s\"\n",
        ":3:1: error: `deadline` and `deadline_ms` are the same key\n",
    ),
    (
        "unit_nowhere",
        b"[policy.a.retry]\ndeadlin = \"30s\"\n",
        ":2:1: error: unknown field `deadlin`, expected one of `max_attempts`, `deadline_ms`, ",
    ),
    (
        "word",
        b"[policy.a.retry]\nmax_attempts = \"none\"\n",
        ":2:16: error: invalid value: string \"none\", expected a whole number or \"unlimited\"",
    ),
    (
        "negative",
        b"[policy.a.retry]\nmax_attempts = -1\n",
        ":2:16: error: invalid value: integer `-1`, expected a whole number from 1 to 4294967294, or \"unlimited\"\n",
    ),
    (
        "huge",
        b"[policy.a.retry]\ndeadline_ms = 4_294_967_296\n",
        ":2:15: error: invalid value: integer `4294967296`, expected a whole number of milliseconds from 0 to 4294967295\n",
    ),
    ("giant", b"[policy.a.retry]\ndeadline_ms = 99999999999999999999\n", ":2:15: error: "),
    (
        "limit",
        b"[policy.a.retry]\nlimits.transient = 256\n",
        ":2:20: error: invalid value: integer `256`, expected a whole number from 0 to 254\n",
    ),
    ("fraction", b"[policy.a.retry]\nmax_attempts = 1.5\n", ":2:16: error: invalid type: floating point `1.5`, "),
    ("missing", b"[policy.a]\n[policy.a.breaker]\nwindow_ms = 5\n", ":2:1: error: missing field `failure_threshold`"),
    (
        "both",
        b"[policy.a.budget]\nrolling = { max_retries = 1, window_ms = 1 }\ntoken_bucket.capacity = 3\n",
        ":3:1: error: `budget` takes exactly one key, found rolling, token_bucket",
    ),
    (
        "two_formulas",
        b"[policy.a.retry.backoffs.unknown.delay]\nconstant.delay_ms = 3\n fixed.delays_ms = [1]\n",
        ":3:2: error: `delay` takes exactly one key, found constant, fixed",
    ),
    ("no_formula", b"[policy.a.retry]\nbackoff.delay = {}\n", ":2:17: error: takes exactly one key, found none\n"),
    (
        "list",
        b"[policy.a.retry]\nbackoff.delay.fixed = { delays_ms = [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1] }\n",
        ":2:37: error: expected a list of at most 16 delays\n",
    ),
    ("latin1", b"[policy.a]\n# caf\xe9\n", ":2:6: error: not UTF-8, which TOML has to be\n"),
    ("zeros", &[0; 64], ":1:"),
];

#[test]
fn bad_files_are_refused_with_line_and_column() {
    for (name, content, message) in BAD {
        let path = file(&format!("bad-{name}.toml"), content);
        for command in ["doctor", "plan"] {
            let Ran { code, out, err } = redress([command, &path]);
            assert_eq!((code, out.as_str()), (Some(2), ""), "{name}: {err}");
            assert!(err.starts_with(&format!("{path}{message}")), "{name}: {err}");
        }
    }
}

#[test]
fn the_line_is_shown_with_a_mark_under_the_place() {
    let path = file("marked.toml", "[policy.a.retry]\n\tmax_attemps = 4\n");
    let Ran { err, .. } = redress(["doctor", &path]);
    let shown: Vec<&str> = err.lines().skip(1).collect();
    assert_eq!(shown, ["   |", " 2 | \tmax_attemps = 4", "   | \t^"]);
}

/// Nothing that a terminal would act on, but line breaks and the tabs of the file.
fn assert_printable(out: &str, name: &str) {
    let bad = out.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t') || matches!(c, '\u{202a}'..='\u{202e}'));
    assert_eq!(bad, None, "{name}: {out:?}");
}

#[test]
fn names_are_shown_escaped() {
    let (escape, feed) = ("\\u001B[31mred\\u009B", "\\n::error::mine\\u202E");
    for name in [escape, feed] {
        let text = format!(
            "[policy.\"{name}\".retry]\nmax_attempts = 0\n[policy.\"{name}\"]\ncalls = [\"{name}\", \"other{name}\"]\nallow = [\"{name}\"]\n"
        );
        let path = file("names.toml", &text);
        for args in [
            vec!["doctor", &path],
            vec!["doctor", &path, "--show"],
            vec!["doctor", &path, "--format", "json"],
            vec!["plan", &path],
            vec!["plan", &path, "--policy", "\u{1b}[31mnone"],
        ] {
            let Ran { out, err, .. } = redress(args.iter().copied());
            assert_printable(&out, name);
            assert_printable(&err, name);
            assert!(!out.lines().chain(err.lines()).any(|line| line.starts_with("::error::")), "{out}{err}");
        }
        let Ran { out, .. } = redress(["doctor", &path]);
        let key = name.replace("\\n", "\\u000A");
        assert!(out.contains(&format!(" policy.\"{key}\".retry.max_attempts: ")), "{out}");
        assert!(out.contains(&format!("no policy named \"other{key}\" is in this file")), "{out}");
        assert!(out.contains(&format!("\"{key}\": allow names no rule")), "{out}");

        let sound = format!("[policy.\"{name}\".retry]\nmax_attempts = 2\n");
        let (path, svg) = (file("names-sound.toml", sound), crate::cli::scratch("names.svg"));
        let Ran { code, out, err } = redress(["plan", &path, "--svg", svg.to_str().expect("UTF-8")]);
        assert_eq!(code, Some(0), "{err}");
        assert_printable(&out, name);
        assert_printable(&fs::read_to_string(svg).expect("written"), name);
    }
    // What is refused is shown too: a key, and the line it stands in.
    for text in [
        "[policy.a]\n\"\\u001B[31m\" = 1\n",
        "[policy.a]\nx = \"\u{9b}31m\u{202e}\"\n",
        "[policy.a]\nx\u{1b}[31m = 1\n",
    ] {
        let Ran { code, out, err } = redress(["doctor", &file("names-bad.toml", text)]);
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert_printable(&err, text);
    }
}

/// Each file of `tests/faults` begins with the exit code and with what is said about it.
#[test]
fn each_fault_is_told() {
    let mut faults = 0;
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults")).expect("the directory") {
        let path = entry.expect("a file").path();
        let text = fs::read_to_string(&path).expect("UTF-8");
        let path = path.to_str().expect("UTF-8");
        let expected =
            |what: &'static str| text.lines().filter_map(move |line| line.strip_prefix(what)).collect::<Vec<_>>();
        let Ran { code, out, err } = redress(["doctor", path]);
        assert_printable(&(out.clone() + &err), path);
        assert_eq!(expected("# code: "), [code.expect("no signal").to_string()], "{path}: {out}{err}");
        let says = expected("# says: ");
        assert!(!says.is_empty(), "{path}");
        for says in says {
            let mut lines = out.lines().chain(err.lines());
            assert!(lines.any(|line| line.contains(says)), "{says} in {out}{err}");
        }
        faults += 1;
    }
    assert!(faults >= 13, "{faults}");
}

#[test]
fn of_a_long_line_the_surroundings_are_shown() {
    let text = format!(
        "policy.a.retry = {{ {}, max_attemps = 3 }}\n",
        ["max_attempts = 1"; 1].join(", ") + &" ".repeat(100_000)
    );
    let Ran { code, err, .. } = redress(["doctor", &file("long.toml", text)]);
    assert_eq!(code, Some(2));
    assert!(err.len() < 2_000 && err.contains("max_attemps = 3 }"), "{err}");
    let marked: Vec<&str> = err.lines().skip(2).collect();
    let place = marked[1].find('^').expect("a mark");
    assert!(marked[0][place..].starts_with("max_attemps"), "{err}");
}

#[test]
fn keys_too_deep_are_refused() {
    let keys = "a.".repeat(50_000);
    let Ran { code, err, .. } = redress(["doctor", &file("deep-keys.toml", format!("policy.{keys}b = 1\n"))]);
    assert_eq!(code, Some(2), "{}", &err[..err.len().min(500)]);
}

#[test]
fn nesting_too_deep_is_refused() {
    let deep = format!("policy.a.retry.backoff = {}1{}", "[".repeat(50_000), "]".repeat(50_000));
    let Ran { code, err, .. } = redress(["doctor", &file("deep.toml", deep)]);
    assert_eq!(code, Some(2), "{}", &err[..err.len().min(500)]);
}
