//! `redress doctor`: what it finds, where it says it is, and its exit codes.

mod bad_files;
#[path = "../cli/mod.rs"]
mod cli;
mod contradictions;
mod rules;
mod shown;

use cli::{EXAMPLE, Ran, file, redress};
use serde_json::Value;

/// Nothing is found in this.
const SOUND: &str = r#"
[policy.a.retry]
max_attempts = 5
deadline_ms = "none"
attempt_timeout = "1h"
backoff.delay.equal_jitter = { base_ms = 100, max_ms = 5_000 }
limits.rate_limit = 0
"#;

/// A rule, its field and what its message says; lines that break it, and lines that only just don't.
struct Case(&'static str, &'static str, &'static str, &'static str, &'static str);

/// `SOUND` with other lines for the keys at their beginnings, and more lines at the end.
fn with(lines: &str) -> String {
    let (mut kept, mut added) = (String::new(), String::new());
    let (own, tables) = lines.split_once('[').map_or((lines, String::new()), |(own, rest)| (own, format!("[{rest}")));
    for line in SOUND.lines().filter(|line| {
        let key = line.split('=').next().unwrap_or_default().split('.').next().unwrap_or_default().trim();
        key.is_empty() || key.starts_with('[') || !own.lines().any(|own| own.trim_start().starts_with(key))
    }) {
        kept = kept + line + "\n";
    }
    for line in own.lines() {
        added = added + line.trim_start() + "\n";
    }
    kept + &added + &tables
}

fn json(name: &str, content: &str) -> (Option<i32>, Value) {
    let path = file(name, content);
    let ran = redress(["doctor", &path, "--format", "json"]);
    let report = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err));
    (ran.code, report)
}

/// Rule, field and text of what is found.
fn findings(report: &Value) -> Vec<(&str, &str, &str)> {
    report["findings"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().expect("a string");
            (text("rule"), text("field"), text("message"))
        })
        .collect()
}

#[test]
fn what_is_sound_is_silent() {
    let (code, report) = json("sound.toml", SOUND);
    assert_eq!((code, findings(&report)), (Some(0), vec![]));
}

#[test]
fn all_contradictions_are_found_at_once() {
    let text = "[policy.a.retry]\nmax_attempts = 0\ndeadline_ms = 0\nattempt_timeout_ms = 0\n\
        backoff.delay.exponential = { base_ms = 0, max_ms = 1 }\n\
        backoffs.unknown.delay.fixed = { delays_ms = [] }\n\
        breaker = { failure_threshold = 0 }\n"
        .replace("breaker =", "[policy.a]\nbreaker =");
    let (code, report) = json("all.toml", &text);
    let fields: Vec<&str> = findings(&report).iter().map(|(_, field, _)| *field).collect();
    let retry = "policy.a.retry";
    assert_eq!(
        fields,
        [
            &format!("{retry}.max_attempts"),
            &format!("{retry}.deadline_ms"),
            &format!("{retry}.attempt_timeout_ms"),
            &format!("{retry}.backoff"),
            &format!("{retry}.backoffs.unknown"),
            "policy.a.breaker.failure_threshold",
        ]
    );
    assert_eq!((code, report["errors"].as_u64()), (Some(1), Some(6)));
}

#[test]
fn findings_have_line_and_column() {
    let text = "[policy.a.retry]\nmax_attempts = \"unlimited\"\n  backoff.delay.constant.delay_ms = 5\nattempt_timeout = \"1s\"\n";
    let path = file("places.toml", text);
    let Ran { code, out, .. } = redress(["doctor", &path]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].starts_with(&format!("{path}:2:1: warning[unlimited_without_breaker] policy.a.retry.max_attempts: ")),
        "{out}"
    );
    assert!(lines[1].starts_with(&format!("{path}:3:3: warning[no_jitter] policy.a.retry.backoff: ")), "{out}");
    assert!(lines[2].starts_with(&format!("{path}:3:3: note[rate_limit_ignores_retry_after] ")), "{out}");
    assert_eq!(lines[3], format!("{path}: 1 policy, 0 errors, 2 warnings, 1 note"));
}

#[test]
fn what_is_denied_decides_the_exit_code() {
    let sound = file("codes-sound.toml", SOUND);
    let note = file("codes-note.toml", with("limits.server_error = 5"));
    let warning = file("codes-warning.toml", with("max_attempts = \"unlimited\""));
    let error = file("codes-error.toml", with("max_attempts = 0"));
    for (path, codes) in [(&sound, [0, 0, 0]), (&note, [0, 0, 1]), (&warning, [0, 1, 1]), (&error, [1, 1, 1])] {
        let ran = [
            redress(["doctor", path]),
            redress(["doctor", path, "--deny", "warnings"]),
            redress(["doctor", path, "--deny", "notes"]),
        ];
        assert_eq!(ran.map(|ran| ran.code), codes.map(Some), "{path}");
    }
}

#[test]
fn without_a_verdict_the_exit_code_is_2() {
    for args in [vec![], vec!["doctor"], vec!["doctor", EXAMPLE, "--deny", "everything"], vec!["cure", EXAMPLE]] {
        let Ran { code, out, err } = redress(args.iter().copied());
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}");
        assert!(!err.is_empty(), "{args:?}");
    }
    let Ran { code, err, .. } = redress(["doctor", "no/such/file.toml"]);
    assert_eq!(code, Some(2));
    assert!(err.starts_with("no/such/file.toml: error: cannot be read: "), "{err}");
}
