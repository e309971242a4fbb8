//! Policies from files as a service uses them.
#![expect(clippy::format_push_string, clippy::format_collect, reason = "files of a test are written once")]

use std::{fs, io, io::ErrorKind, sync::Arc, thread};

use redress_std::{
    BreakerState, CircuitBreakerView, ConfigError, ErrorClass, PolicyExt, SharedPolicy, StopReason, Threads,
    file::{BreakerSettings, FileError, PolicyConfig, PolicyFile},
};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policy.toml");

fn reset() -> io::Result<()> {
    Err(ErrorKind::ConnectionReset.into())
}

fn policy(text: &str) -> Result<SharedPolicy, ConfigError> {
    let file = PolicyFile::parse(text).expect("a policy file");
    SharedPolicy::try_from(file.get("a").expect("named a"))
}

#[test]
fn the_documented_example_is_read_and_clean() {
    let file = PolicyFile::read(EXAMPLE).expect("the example");
    assert_eq!(file.findings(), []);
    assert_eq!(file.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["database", "order", "payments"]);
    for (name, config) in file.iter() {
        assert!(SharedPolicy::try_from(config).is_ok(), "{name}");
    }
    let again = PolicyFile::parse(&file.to_toml()).expect("as it was written");
    assert!(file.iter().eq(again.iter()));
}

#[test]
fn a_policy_of_a_file_does_what_the_file_says() {
    let shared = policy(
        "[policy.a.retry]\nmax_attempts = 3\nbackoff.delay = \"none\"\n\
            [policy.a.breaker]\nfailure_threshold = 2\n\
            [policy.a.budget.rolling]\nmax_retries = 3\nwindow_ms = 60_000\n",
    )
    .expect("sound");
    let outcome = shared.policy().execute(reset);
    assert_eq!((outcome.attempts, outcome.stop_reason), (3, Some(StopReason::MaxAttemptsGlobal)));
    // One retry is left.
    let other = shared.clone();
    let outcome = thread::spawn(move || other.policy().execute(reset)).join().expect("no panic");
    assert_eq!((outcome.attempts, outcome.stop_reason), (2, Some(StopReason::BudgetExhausted)));
    assert_eq!(shared.breaker().map(CircuitBreakerView::state), Some(BreakerState::Open));
    let outcome = shared.policy().context(Threads).execute(reset);
    assert_eq!((outcome.attempts, outcome.stop_reason), (0, Some(StopReason::CircuitOpen)));
}

#[test]
fn a_policy_of_a_file_has_a_budget_unless_it_says_none() {
    let retry = "[policy.a.retry]\nbackoff.delay = \"none\"\n";
    let attempts = |text: &str| {
        let shared = policy(text).expect("sound");
        [(); 4].map(|()| shared.policy().execute(reset).attempts)
    };
    assert_eq!(attempts(retry), [6, 6, 1, 1]);
    assert_eq!(attempts(&format!("{retry}[policy.a]\nbudget = \"none\"\n")), [6; 4]);
    let shown = PolicyFile::parse(retry).expect("sound").to_toml();
    assert!(shown.contains("[policy.a.budget.token_bucket]\ncapacity = 10\n"), "{shown}");
}

#[test]
fn fixed_delays_and_class_limits_outlive_the_file() {
    let shared = policy(
        "[policy.a.retry]\nmax_attempts = \"unlimited\"\nlimits.transient = 4\nbackoff.delay.fixed.delays_ms = [0, 0, 1]\n",
    )
    .expect("sound");
    let leaked = shared.leak();
    let outcome = leaked.context(Threads).execute(reset);
    assert_eq!((outcome.attempts, outcome.stop_reason), (5, Some(StopReason::MaxAttemptsPerClass)));
    assert_eq!(outcome.last_class, Some(ErrorClass::Transient));
}

#[test]
fn each_key_in_milliseconds_takes_a_duration_without_its_suffix() {
    let millis = "[policy.a.retry]\ndeadline_ms = 5_400_000\nattempt_timeout_ms = 250\nretry_after_cap_ms = 60_000\n\
        backoff = { delay.full_jitter = { base_ms = 100, max_ms = 5_000 }, retry_after = true, retry_after_jitter_ms = 1_000 }\n\
        backoffs.transient.delay.constant = { delay_ms = 5_000 }\n\
        backoffs.unknown.delay.fixed = { delays_ms = [100, 2_000] }\n\
        [policy.a.breaker]\nfailure_threshold = 2\nwindow_ms = 30_000\nrecovery_timeout_ms = 5_000\nprobe_lease_ms = 7_000\n\
        [policy.a.budget.rolling]\nmax_retries = 3\nwindow_ms = 60_000\n\
        [policy.b.retry]\ndeadline_ms = \"none\"\nattempt_timeout_ms = \"none\"\nretry_after_cap_ms = \"auto\"\nbackoff.delay = \"none\"\n\
        [policy.b]\nbudget = \"none\"\n";
    let units = "[policy.a.retry]\ndeadline = \"1h30m\"\nattempt_timeout = \"250ms\"\nretry_after_cap = \"1m\"\n\
        backoff = { delay.full_jitter = { base = \"100ms\", max = \"5s\" }, retry_after = true, retry_after_jitter = \"1s\" }\n\
        backoffs.transient.delay.constant = { delay = \"5s\" }\n\
        backoffs.unknown.delay.fixed = { delays = [\"100ms\", \"2s\"] }\n\
        [policy.a.breaker]\nfailure_threshold = 2\nwindow = \"30s\"\nrecovery_timeout = \"5s\"\nprobe_lease = \"7s\"\n\
        [policy.a.budget.rolling]\nmax_retries = 3\nwindow = \"1m\"\n\
        [policy.b.retry]\ndeadline = \"none\"\nattempt_timeout = \"none\"\nretry_after_cap = \"auto\"\nbackoff.delay = \"none\"\n\
        [policy.b]\nbudget = \"none\"\n";
    let [millis, units] = [millis, units].map(|text| PolicyFile::parse(text).expect("a policy file"));
    assert!(millis.iter().eq(units.iter()), "{millis:#?}\n{units:#?}");
}

#[test]
fn contradictions_make_no_policy() {
    for (text, error) in [
        ("[policy.a.retry]\nmax_attempts = 0\n", ConfigError::ZeroAttempts),
        ("[policy.a.breaker]\nfailure_threshold = 0\n", ConfigError::ZeroThreshold),
        ("[policy.a.budget.token_bucket]\ncapacity = 0\n", ConfigError::BucketOutOfRange),
        ("[policy.a.budget.rolling]\nmax_retries = 5_000\nwindow_ms = 1\n", ConfigError::RetriesAboveCapacity),
    ] {
        assert_eq!(policy(text).map(drop), Err(error), "{text}");
    }
}

#[test]
fn policies_are_plain_data_too() {
    let mut config = PolicyConfig { breaker: Some(BreakerSettings::new(3)), ..PolicyConfig::default() };
    config.retry.max_attempts = Some(1);
    let shared = SharedPolicy::try_from(&config).expect("sound");
    assert_eq!(shared.policy().execute(reset).attempts, 1);
}

#[test]
fn errors_say_where() {
    let error = PolicyFile::parse("[policy.a.retry]\nmax_attempts = 3\nmax_retries = 2\n").expect_err("an unknown key");
    let position = error.position().expect("known");
    assert_eq!((position.line, position.column, error.line()), (3, 1, "max_retries = 2"));
    assert!(
        error.to_string().starts_with("3:1: unknown field `max_retries`, expected one of `max_attempts`, "),
        "{error}"
    );

    let error: FileError = PolicyFile::read("no/such/file").expect_err("missing");
    assert_eq!(error.position(), None);
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>());
    assert_eq!(source.map(io::Error::kind), Some(ErrorKind::NotFound));
    // A directory is none either.
    assert!(PolicyFile::read(env!("CARGO_MANIFEST_DIR")).is_err());
}

#[test]
fn files_of_windows_are_read() {
    let text = fs::read_to_string(EXAMPLE).expect("the example").replace('\n', "\r\n");
    let file = PolicyFile::parse(&format!("\u{feff}{text}")).expect("a policy file");
    assert_eq!(file.findings(), []);
    let error = PolicyFile::parse("[policy.a]\r\nretry.x = 1\r\n").expect_err("an unknown key");
    assert_eq!((error.to_string().split(' ').next(), error.line()), (Some("2:7:"), "retry.x = 1"));
}

#[test]
fn chains_of_many_layers_are_found_quickly() {
    // Each layer calls the next two: two to the sixtieth ways, looked at once.
    let mut text = String::new();
    for n in 0..60 {
        let layer = "calls = [\"pA\", \"pB\"]\nretry.max_attempts = 2\n";
        let layer = layer.replace('A', &format!("{:02}", n + 1)).replace('B', &format!("{:02}", n + 2));
        text = text + &format!("[policy.p{n:02}]\n") + &layer;
    }
    text += "[policy.p60]\n[policy.p61]\nretry.max_attempts = 1\n";
    let file = Arc::new(PolicyFile::parse(&text).expect("a policy file"));
    let chain = file.worst_chain("p00").expect("no cycle");
    assert_eq!((chain.depth, chain.attempts), (61, Some(6 << 60)));
    assert!(!file.findings().is_empty());
    assert_eq!(file.worst_chain("p99"), None);
}

#[test]
fn a_chain_of_many_layers_is_told_in_short() {
    let mut text = String::new();
    for n in 0..2_000 {
        text += &format!("[policy.p{n:04}]\nbudget = \"none\"\n");
        if n < 1_999 {
            text += &format!("calls = [\"p{:04}\"]\nretry.max_attempts = 1\n", n + 1);
        }
    }
    text += "[policy.p]\nbudget = \"none\"\ncalls = [\"p0000\"]\n";
    let file = PolicyFile::parse(&text).expect("a policy file");
    let chain = file.worst_chain("p").expect("no cycle");
    assert_eq!((chain.depth, chain.attempts, chain.unbounded), (2_001, Some(36), 2));
    let told = "p (6) -> p0000 (1) -> p0001 (1) -> p0002 (1) -> 1996 more -> p1999 (6) makes up to 36 attempts";
    assert_eq!(chain.to_string(), told);
    let amplified: Vec<_> =
        file.findings().into_iter().filter(|finding| finding.rule == "nested_amplification").collect();
    assert_eq!(amplified.len(), 1);
    assert!(amplified[0].message.starts_with(told), "{}", amplified[0].message);
}

/// Those on a circle, not those that only lead to one or from one to another.
#[test]
fn circles_are_those_of_the_policies_in_them() {
    let text = "a.calls = [\"b\"]\nb.calls = [\"c\"]\nc.calls = [\"d\", \"b\"]\nd.calls = [\"e\"]\ne.calls = [\"e\"]\nf.calls = [\"g\"]\ng = {}\n";
    let text: String = text.lines().map(|line| format!("policy.{line}\n")).collect();
    let file = PolicyFile::parse(&text).expect("a policy file");
    let findings = file.findings();
    let cyclic: Vec<&str> =
        findings.iter().filter(|finding| finding.rule == "call_cycle").map(|finding| finding.field.as_str()).collect();
    assert_eq!(cyclic, ["policy.b.calls", "policy.c.calls", "policy.e.calls"]);
    let chains: Vec<_> = file.iter().map(|(name, _)| file.worst_chain(name).map(|chain| chain.depth)).collect();
    assert_eq!(chains, [None, None, None, None, None, Some(2), Some(1)]);
}

#[test]
fn names_that_look_like_durations_are_names_in_calls() {
    let file =
        PolicyFile::parse("[policy.5s]\n[policy.2fa]\ncalls = [\"5s\"]\n[policy.a]\ncalls = [\"5s\", \"2fa\"]\n")
            .expect("three policies");
    assert_eq!(file.findings().iter().find(|finding| finding.rule == "unknown_policy"), None);
    assert_eq!(file.worst_chain("a").map(|chain| chain.depth), Some(3));
    let error = PolicyFile::parse("[policy.a]\ncalls = \"5s\"\n").expect_err("no list");
    assert!(error.to_string().contains("expected a list"), "{error}");
}

#[test]
fn what_is_found_in_one_policy_is_told_alone() {
    let file =
        PolicyFile::parse("[policy.a.retry]\nmax_attempts = 0\n[policy.b]\ncalls = [\"a\", \"none\"]\n").expect("TOML");
    let rules = |name: &str| file.findings_of(name).into_iter().map(|finding| finding.rule).collect::<Vec<_>>();
    assert!(rules("a").contains(&"contradiction") && !rules("a").contains(&"unknown_policy"));
    assert!(rules("b").contains(&"unknown_policy") && !rules("b").contains(&"contradiction"));
    assert!(rules("none").is_empty());
}

/// Neither recursion nor a search through all policies for each: a test of a quarter of an hour would be noticed. The counts of
/// instructions are those of `cargo run -p redress-bench --bin files -- --assert`.
#[test]
fn a_file_of_16_000_policies_in_one_chain_is_read_and_checked() {
    let mut text = String::new();
    for n in 0..16_000 {
        text += &format!("[policy.p{n:05}]\ncalls = [\"p{:05}\"]\n", (n + 1) % 16_001);
    }
    text += "[policy.p16000]\nbudget = \"none\"\n";
    let file = PolicyFile::parse(&text).expect("a policy file");
    let chain = file.worst_chain("p00000").expect("no cycle");
    assert_eq!((chain.depth, chain.attempts), (16_001, Some(u64::MAX)));
    assert!(file.findings().len() > 16_000);

    let circle = format!("{text}calls = [\"p00000\"]\n");
    let file = PolicyFile::parse(&circle).expect("a policy file");
    assert_eq!(file.worst_chain("p00000"), None);
    assert_eq!(file.findings_of("p08000").iter().filter(|finding| finding.rule == "call_cycle").count(), 1);
}
