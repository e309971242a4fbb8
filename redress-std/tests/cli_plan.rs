//! `redress plan`: its figures against hand-computed ones, its exit codes and its image.
#![expect(clippy::format_collect, reason = "the file of a test is written once")]

mod cli;

use std::fs;

use cli::{EXAMPLE, Ran, file, redress, scratch};

/// Delays from 100 ms up to 1 s.
fn policy(backoff: &str) -> String {
    format!(
        "[policy.a.retry]\nmax_attempts = 5\ndeadline_ms = \"none\"\nmax_unknown = \"unlimited\"\nbackoff.delay.{backoff}\n"
    )
}

fn plan(name: &str, text: &str, args: &[&str]) -> String {
    let path = file(name, text);
    let Ran { code, out, err } = redress(["plan", &path].into_iter().chain(args.iter().copied()));
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    out
}

/// Earliest, median, latest and share of each attempt in the first table.
fn rows(plan: &str) -> Vec<[f64; 4]> {
    let lines = plan.lines().skip_while(|line| !line.starts_with("  attempt")).skip(1);
    lines
        .map_while(|line| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            let ["%", share, latest, median, earliest, _] = cells.iter().rev().copied().collect::<Vec<_>>()[..] else {
                return None;
            };
            Some([earliest, median, latest, share].map(|cell| cell.parse().expect("a number")))
        })
        .collect()
}

fn column(rows: &[[f64; 4]], column: usize) -> Vec<f64> {
    rows.iter().map(|row| row[column]).collect()
}

/// Within a twentieth: that many played calls are that near to the true median.
fn near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= b / 20.0, "{found:?}, expected {expected:?}");
    }
}

#[test]
fn exponential() {
    // 0.1 + 0.2 + 0.4 + 0.8, and 50 ms for each attempt before.
    let out =
        plan("exponential.toml", &policy("exponential = { base_ms = 100, max_ms = 1_000 }"), &["--attempt-ms", "50"]);
    let rows = rows(&out);
    for n in 0..3 {
        assert_eq!(column(&rows, n), [0.0, 0.15, 0.4, 0.85, 1.7], "{out}");
    }
    assert_eq!(column(&rows, 3), [100.0; 5]);
    assert!(out.contains("gives up: median 1.750, at worst 1.750 (max_attempts_global 100.0 %)"), "{out}");
    // All classes fail alike.
    assert!(out.contains("\ntransient, concurrency, rate_limit, server_error, unknown\n"), "{out}");
}

#[test]
fn full_jitter() {
    // Uniform from 0 to just below 0.2, 0.4, 0.8 and 1.
    let out = plan("full.toml", &policy("full_jitter = { base_ms = 100, max_ms = 1_000 }"), &[]);
    let rows = rows(&out);
    assert_eq!(column(&rows, 0), [0.0; 5]);
    assert_eq!(column(&rows, 2), [0.0, 0.199, 0.598, 1.397, 2.396]);
    near(&column(&rows, 1), &[0.0, 0.1, 0.3, 0.7, 1.2]);
}

#[test]
fn equal_jitter() {
    // Uniform from 0.1 to 0.2, 0.2 to 0.4, 0.4 to 0.8, 0.5 to 1.
    let out = plan("equal.toml", &policy("equal_jitter = { base_ms = 100, max_ms = 1_000 }"), &[]);
    let rows = rows(&out);
    assert_eq!(column(&rows, 0), [0.0, 0.1, 0.3, 0.7, 1.2]);
    assert_eq!(column(&rows, 2), [0.0, 0.2, 0.6, 1.4, 2.4]);
    near(&column(&rows, 1), &[0.0, 0.15, 0.45, 1.05, 1.8]);
}

#[test]
fn decorrelated_jitter() {
    // At least the base; below three times the delay before: 299 of 300, 896 of 897, then the cap.
    let out = plan("decorrelated.toml", &policy("decorrelated_jitter = { base_ms = 100, max_ms = 1_000 }"), &[]);
    let rows = rows(&out);
    assert_eq!(column(&rows, 0), [0.0, 0.1, 0.2, 0.3, 0.4]);
    assert_eq!(column(&rows, 2), [0.0, 0.299, 1.195, 2.195, 3.195]);
    near(&column(&rows, 1)[..2], &[0.0, 0.2]);
}

#[test]
fn token_backoff() {
    // The upper halves of 0.15, 0.225, 0.338 and 0.506.
    let out = plan("token.toml", &policy("token_backoff = { base_ms = 100, max_ms = 1_000 }"), &[]);
    let rows = rows(&out);
    assert_eq!(column(&rows, 0), [0.0, 0.075, 0.188, 0.357, 0.61]);
    assert_eq!(column(&rows, 2), [0.0, 0.15, 0.375, 0.713, 1.219]);
}

#[test]
fn load_at_a_failure_rate() {
    let text = policy("constant = { delay_ms = 100 }");
    for (rate, load, success) in
        [("0", "1.00", "100.000"), ("0.1", "1.11", "99.999"), ("0.5", "1.94", "96.875"), ("1", "5.00", "0.000")]
    {
        let out = plan(&format!("load-{rate}.toml"), &text, &["--failure-rate", rate]);
        let expected = format!(
            "load: {load} attempts per call at a failure rate of {rate}, {success} % of calls succeed; in an outage 5.00"
        );
        assert!(out.contains(&expected), "{expected} in {out}");
    }
}

#[test]
fn a_deadline_and_a_timeout_cut_the_schedule() {
    let text = "[policy.a.retry]\nmax_attempts = \"unlimited\"\ndeadline_ms = 1_000\nattempt_timeout_ms = 300\n\
        backoff.delay.constant = { delay_ms = 100 }\n";
    let out = plan("deadline.toml", text, &["--class", "transient", "--attempt-ms", "5000"]);
    assert_eq!(column(&rows(&out), 2), [0.0, 0.4, 0.8], "{out}");
    assert!(out.contains("gives up: median 1.000, at worst 1.000 (deadline_exceeded 100.0 %)"), "{out}");
}

#[test]
fn half_of_the_calls_lose_a_race_against_the_deadline() {
    // The one delay is uniform from 0 to 200 ms, the deadline at 100 ms.
    let text = "[policy.a.retry]\nmax_attempts = 2\ndeadline_ms = 100\n\
        backoff.delay.full_jitter = { base_ms = 100, max_ms = 1_000 }\n";
    let out = plan("race.toml", text, &["--class", "transient"]);
    let rows = rows(&out);
    assert!((rows[1][2] - 0.099).abs() < 1e-9, "{out}");
    near(&[rows[1][3]], &[50.0]);
}

#[test]
fn classes_have_their_own_schedules() {
    let out = plan(
        "classes.toml",
        "[policy.a.retry]\nlimits.rate_limit = 1\nbackoff.delay.constant = { delay_ms = 100 }\n\
            backoffs.rate_limit = { delay.constant = { delay_ms = 700 }, retry_after = true, retry_after_jitter_ms = 0 }\n",
        &["--retry-after-ms", "2500"],
    );
    let title = |line: &&str| line.starts_with(char::is_lowercase) && !line.starts_with("policy");
    let titles: Vec<&str> = out.lines().filter(title).collect();
    assert_eq!(titles[..3], ["transient, concurrency, server_error", "rate_limit", "unknown"], "{out}");
    let out = plan(
        "class.toml",
        "[policy.a.retry]\nbackoffs.rate_limit.delay.constant.delay_ms = 700\nmax_attempts = 3\n",
        &["--class", "rate_limit"],
    );
    assert_eq!(column(&rows(&out), 1), [0.0, 0.7, 1.4], "{out}");
    let out = plan("auth.toml", "[policy.a]\n", &["--class", "auth"]);
    assert!(out.contains("(non_retryable_class 100.0 %)"), "{out}");
}

#[test]
fn a_servers_hint_is_followed() {
    let text =
        "[policy.a.retry]\nmax_attempts = 2\nbackoff = { delay.constant = { delay_ms = 1 }, retry_after = true }\n";
    let out = plan("hint.toml", text, &["--class", "rate_limit", "--retry-after-ms", "8000"]);
    // As much is added at most.
    let seen = rows(&out);
    assert_eq!((seen[1][0], seen[1][2]), (8.0, 15.999), "{out}");

    // Less than the backoff has no effect, more than the cap ends the call.
    let text = "[policy.a.retry]\nmax_attempts = 2\nretry_after_cap_ms = 5_000\n\
        backoff = { delay.constant = { delay_ms = 1_000 }, retry_after = true }\n";
    let out = plan("hint-short.toml", text, &["--class", "rate_limit", "--retry-after-ms", "999"]);
    assert_eq!((rows(&out)[1][0], rows(&out)[1][2]), (1.0, 1.0), "{out}");
    let out = plan("hint-long.toml", text, &["--class", "rate_limit", "--retry-after-ms", "5001"]);
    assert!(out.contains("(retry_after_too_long 100.0 %)"), "{out}");
}

#[test]
fn long_schedules_are_cut() {
    let text =
        "[policy.a.retry]\nmax_attempts = \"unlimited\"\ndeadline_ms = \"none\"\nbackoff.delay.constant.delay_ms = 1\n";
    let out = plan("endless.toml", text, &["--rows", "3", "--class", "transient"]);
    assert_eq!(rows(&out).len(), 3);
    assert!(out.contains("  and so on without end\n  gives up: not within 200 attempts\n"), "{out}");
    assert!(out.contains("load: at least 1.11 attempts per call"), "{out}");
    let text = "[policy.a.retry]\nmax_attempts = 9\nbackoff.delay.constant.delay_ms = 1\n";
    let out = plan("long.toml", text, &["--rows", "3", "--class", "transient"]);
    assert!(out.contains("  and so on, 9.0 attempts on average\n"), "{out}");
}

#[test]
fn budget_breaker_and_calls_within_are_told() {
    let Ran { code, out, .. } = redress(["plan", EXAMPLE]);
    assert_eq!(code, Some(0));
    for line in [
        "policy database, attempts that fail after 0 ms; times in seconds from the call's start",
        "budget, for all calls together: at most 200 retries in 10000 ms",
        "calls within: order (2) -> database (5) makes up to 10 attempts",
        "budget, for all calls together: 10 retries at first, then 0.1 per successful call and 0.5 a second, at most 50 at once",
        // That of a policy which does not say any.
        "budget, for all calls together: 10 retries at first, then 0.1 per successful call and 0.001 a second, at most 10 at once",
        "breaker: open after 5 failed calls within 60000 ms, for 15000 ms",
    ] {
        assert!(out.lines().any(|told| told == line), "{line} in {out}");
    }
    let Ran { out: again, .. } = redress(["plan", EXAMPLE]);
    assert_eq!(out, again, "seeds are fixed");
}

#[test]
fn exit_codes() {
    let contradiction = file("contradiction.toml", "[policy.a.retry]\nmax_attempts = 0\n");
    let Ran { code, out, .. } = redress(["plan", &contradiction]);
    assert_eq!(code, Some(1));
    assert!(
        out.starts_with(&format!("{contradiction}:2:1: error[contradiction] policy.a.retry.max_attempts: ")),
        "{out}"
    );

    for (args, message) in [
        (&["--policy", "paymets"][..], "no policy named paymets: one of database, order, payments"),
        (&["--svg", "/tmp/never.svg"], "--svg shows one policy, give --policy: one of database, order, payments"),
        (&["--failure-rate", "1.1"], "must be from 0 to 1"),
        (&["--failure-rate", "NaN"], "must be from 0 to 1"),
        (&["--failure-rate", "often"], "not a number"),
        (&["--class", "transiet"], "transient"),
        (&["--attempt-ms", "-1"], "--attempt-ms"),
        (&["--policy", "order", "--svg", "/no/such/directory/plan.svg"], "/no/such/directory/plan.svg: "),
    ] {
        let Ran { code, out, err } = redress(["plan", EXAMPLE].into_iter().chain(args.iter().copied()));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}");
        assert!(err.contains(message), "{args:?}: {err}");
    }
}

#[test]
fn the_image_is_well_formed_and_shows_every_attempt() {
    let text = policy("full_jitter = { base_ms = 100, max_ms = 1_000 }")
        .replace("policy.a.", "policy.\"a<b&c\\\"d\".")
        .replace("\"none\"", "3_000");
    let svg = scratch("plan.svg");
    plan("image.toml", &text, &["--svg", svg.to_str().expect("UTF-8")]);
    let image = fs::read_to_string(&svg).expect("written");
    let document = roxmltree::Document::parse(&image).expect("XML");
    assert_eq!(document.root_element().tag_name().name(), "svg");
    let texts: Vec<&str> = document
        .descendants()
        .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")))
        .filter_map(|node| node.text())
        .map(str::trim)
        .collect();
    for expected in [
        "Policy a<b&c\"d: when the attempts of a failing call start",
        "transient, concurrency, rate_limit, server_error, unknown",
        "attempt 1",
        "attempt 5",
        "median",
        "deadline 3 s",
    ] {
        assert!(texts.contains(&expected), "{expected} in {texts:?}");
    }
    assert!(!texts.contains(&"attempt 6"));

    // Marks of medians stand one to the right of the other, at the same share of the axis as of the time.
    let medians: Vec<f64> = document
        .descendants()
        .filter(|node| node.attribute("fill") == Some("#0B4F94") && node.attribute("height") == Some("20"))
        .map(|node| node.attribute("x").and_then(|x| x.parse().ok()).expect("a number"))
        .collect();
    assert_eq!(medians.len(), 5, "{image}");
    assert!(medians.is_sorted());
    assert!((medians[4] - medians[0]) / (medians[1] - medians[0]) > 10.0, "{medians:?}");
}

#[test]
fn an_image_of_a_policy_with_nothing_to_wait_for() {
    let svg = scratch("nothing.svg");
    let text = "[policy.a.retry]\nbackoff.delay = \"none\"\ndeadline_ms = \"none\"\n";
    plan("nothing.toml", text, &["--svg", svg.to_str().expect("UTF-8"), "--rows", "0"]);
    let image = fs::read_to_string(&svg).expect("written");
    roxmltree::Document::parse(&image).expect("XML");
}

#[test]
fn numbers_at_their_largest() {
    let svg = scratch("largest.svg");
    let text = "[policy.a.retry]\nmax_attempts = 4_294_967_294\ndeadline_ms = 4_294_967_295\nmax_unknown = 254\n\
        backoff.delay.exponential = { base_ms = 4_294_967_295, max_ms = 4_294_967_295 }\n";
    let path = file("largest.toml", text);
    // The first delay reaches the deadline.
    assert_eq!(redress(["plan", &path]).code, Some(1));
    let text = text.replace("deadline_ms = 4_294_967_295", "deadline_ms = \"none\"");
    let out = plan("largest.toml", &text, &["--attempt-ms", "4294967295", "--svg", svg.to_str().expect("UTF-8")]);
    // An attempt and a delay of 4,294,967.295 s each.
    assert!((rows(&out)[1][2] - 8_589_934.59).abs() < 1e-6, "{out}");
    roxmltree::Document::parse(&fs::read_to_string(&svg).expect("written")).expect("XML");
}

#[test]
fn a_policy_is_planned_whatever_its_neighbours_are() {
    let text = "[policy.sound.retry]\nmax_attempts = 2\n[policy.wrong.retry]\nmax_attempts = 0\n";
    let path = file("neighbours.toml", text);
    let Ran { code, out, .. } = redress(["plan", &path, "--policy", "sound"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("policy sound, "), "{out}");
    for args in [vec!["plan", &path], vec!["plan", &path, "--policy", "wrong"]] {
        let Ran { code, out, .. } = redress(args.iter().copied());
        assert_eq!(code, Some(1), "{out}");
        assert!(out.contains("contradiction"), "{out}");
    }
    // Of many names the first are told.
    let many: String = (0..100).map(|n| format!("[policy.p{n:03}]\n")).collect();
    let Ran { code, err, .. } = redress(["plan", &file("many.toml", many), "--policy", "none"]);
    assert_eq!((code, err.lines().count()), (Some(2), 1));
    assert!(
        err.ends_with("no policy named none: one of p000, p001, p002, p003, p004, p005, p006, p007, p008, p009, ...\n"),
        "{err}"
    );
}
