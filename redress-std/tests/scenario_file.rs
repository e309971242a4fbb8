//! Tables `[scenario.NAME]`: what they are read as, and each of their fields wrong once.

use std::time::Duration;

use redress_std::{
    file::{FileError, PolicyFile},
    simulate::{Arrivals, Expect, Incident, IncidentKind, Latency, Scenario, Server, Shared, Work},
};

/// Every field, each in a line of its own.
const FULL: &str = "[policy.uplink]
[scenario.power_cut]
policy = \"uplink\"
clients = 1_000_000
client_timeout = \"5s\"
watch = \"20m\"
shared = \"client\"
seed = 7
seeds = 5
exact = true
max_events = 1_000
[scenario.power_cut.calls]
every = \"60s\"
jitter = 0.2
next = \"fixed\"
[scenario.power_cut.keep]
stable_after = \"30s\"
spread = \"60s\"
wake_interval = \"20s\"
[scenario.power_cut.server]
capacity_per_second = 20_800
work = \"exponential\"
latency = \"30ms\"
network = \"40ms\"
queue = \"8s\"
reject_cost = 0.2
retry_after = \"60s\"
retry_after_jitter = \"10s\"
[scenario.power_cut.event]
kind = \"power_cut\"
start = \"3m\"
lasts = \"10m\"
boot_spread = \"5s\"
[scenario.power_cut.expect]
back = 0.95
within = \"2m\"
peak = 3.0
";

fn scenario(text: &str) -> Scenario {
    let file = PolicyFile::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    file.scenarios().first().expect("one").scenario.clone()
}

/// The file with another line in the place of the one that begins like this.
fn with(begin: &str, line: &str) -> String {
    let lines = FULL.lines().map(|old| if old.starts_with(begin) { line } else { old });
    let text: Vec<&str> = lines.collect();
    assert_ne!(text.join("\n"), FULL.trim_end(), "{begin}");
    text.join("\n")
}

#[test]
fn the_documented_example_is_read_and_clean() {
    let file = PolicyFile::read(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/scenario.toml")).expect("the example");
    assert_eq!(file.findings(), []);
    // It shows the defaults of all that has one.
    let scenario = file.scenarios()[0].scenario.clone();
    let defaults = Scenario::new(scenario.clients, scenario.calls.every, scenario.server.capacity_per_second);
    let shown = scenario.event(defaults.event).expect(defaults.expect);
    assert_eq!(format!("{shown:?}"), format!("{defaults:?}"));
}

#[test]
fn each_field_is_read() {
    let file = PolicyFile::parse(FULL).expect("a policy file");
    let read = &file.scenarios()[0];
    assert_eq!((read.name.as_str(), read.policy.as_deref()), ("power_cut", Some("uplink")));
    assert_eq!(read.position.map(|at| at.to_string()).as_deref(), Some("2:11"));
    let scenario = &read.scenario;
    let secs = Duration::from_secs;
    assert_eq!((scenario.clients, scenario.seed, scenario.seeds, scenario.exact), (1_000_000, 7, 5, true));
    assert_eq!((scenario.client_timeout, scenario.watch, scenario.max_events), (secs(5), secs(1_200), 1_000));
    assert_eq!(scenario.shared, Shared::Client);
    let calls = scenario.calls;
    assert_eq!((calls.every, calls.jitter, calls.next), (secs(60), 0.2, Arrivals::FixedPhase));
    let keep = format!("{:?}", scenario.keep.expect("there"));
    for part in ["stable_after: Millis(30000)", "spread: Millis(60000)", "wake_interval: Millis(20000)"] {
        assert!(keep.contains(part), "{keep}");
    }
    let server = Server::new(20_800.0)
        .work(Work::Exponential)
        .latency(Latency::Constant(Duration::from_millis(30)))
        .network(Duration::from_millis(40))
        .queue(Some(secs(8)))
        .reject_cost(0.2)
        .retry_after(secs(60), secs(10));
    assert_eq!(scenario.server, server);
    assert_eq!(scenario.event, Incident::power_cut(secs(600), secs(5)).start(secs(180)));
    assert_eq!(scenario.expect, Expect { back: 0.95, within: Some(secs(120)), peak: Some(3.0) });
}

#[test]
fn what_is_left_out_has_its_default() {
    let read =
        scenario("[policy.a]\n[scenario.s]\nclients = 10\ncalls.every = \"1s\"\nserver.capacity_per_second = 12.5\n");
    let default = Scenario::new(10, Duration::from_secs(1), 12.5);
    assert_eq!(format!("{read:?}"), format!("{default:?}"));
}

#[test]
fn words_and_tables_choose_between_kinds() {
    for (line, kind) in [
        ("kind = \"nothing\"", IncidentKind::Nothing),
        ("kind = \"outage\"", IncidentKind::Outage),
        ("kind = \"blackhole\"", IncidentKind::Blackhole),
        ("kind = \"slow\"\nfactor = 3", IncidentKind::Slow { factor: 3.0 }),
        ("kind = \"errors\"\nshare = 0.5", IncidentKind::Errors { share: 0.5 }),
        ("kind = \"surge\"\nfactor = 2.5", IncidentKind::Surge { factor: 2.5 }),
        ("kind = \"flapping\"\nperiod = \"20s\"", IncidentKind::Flapping { period: Duration::from_secs(20) }),
        ("kind = \"rolling_restart\"\ninstances = 5", IncidentKind::RollingRestart { instances: 5 }),
    ] {
        let text = with("kind", line).replace("boot_spread = \"5s\"\n", "");
        assert_eq!(scenario(&text).event.kind, kind, "{line}");
    }
    for (line, next) in [("next = \"after\"", Arrivals::AfterCompletion), ("next = \"poisson\"", Arrivals::Poisson)] {
        assert_eq!(scenario(&with("next", line)).calls.next, next);
    }
    for (line, shared) in [("shared = \"fleet\"", Shared::Fleet), ("shared.process = 40", Shared::Process(40))] {
        assert_eq!(scenario(&with("shared", line)).shared, shared);
    }
    let millis = Duration::from_millis;
    for (line, latency) in [
        ("latency_ms = 40", Latency::Constant(millis(40))),
        ("latency.exponential = \"20ms\"", Latency::Exponential(millis(20))),
        (
            "latency = { base = \"1s\", per_request = \"10ms\" }",
            Latency::Growing { base: millis(1_000), per_request: millis(10) },
        ),
    ] {
        assert_eq!(scenario(&with("latency", line)).server.latency, latency);
    }
    assert_eq!(scenario(&with("queue", "queue = \"none\"")).server.queue, None);
    for none in ["retry_after = \"none\"", "retry_after = \"0s\""] {
        assert_eq!(scenario(&with("retry_after =", none)).server.retry_after, None);
    }
}

/// The line that is wrong, the column, and what is said.
const WRONG: &[(&str, &str, usize, &str)] = &[
    ("policy =", "policy = \"downlink\"", 1, "no policy named downlink is in this file"),
    ("clients", "clients = 0", 1, "clients: must be from 1 to 10,000,000, not 0"),
    ("clients", "clients = -1", 11, "invalid value: integer `-1`, expected a whole number from 1 to 10,000,000"),
    (
        "clients",
        "clients = \"many\"",
        11,
        "invalid type: string \"many\", expected a whole number from 1 to 10,000,000",
    ),
    ("client_timeout", "client_timeout = \"2h\"", 1, "client_timeout: must be from 1 ms to 1 h, not 7200s"),
    ("client_timeout", "client_timeout = 5", 1, "`client_timeout` takes a duration such as \"30s\""),
    ("client_timeout", "client_timeout = \"5 parsecs\"", 18, "`5 parsecs` is no duration"),
    ("watch", "watch = \"25h\"", 1, "watch: must be from 1 s to 24 h, not 90000s"),
    ("shared", "shared = \"nobody\"", 10, "unknown variant `nobody`, expected one of `client`, `process`, `fleet`"),
    ("shared", "shared.process = 0", 1, "shared: must be from 1 to 10,000,000 clients in a process, not 0"),
    ("seed =", "seed = -1", 8, "invalid value: integer `-1`, expected a whole number from 0 to 9223372036854775807"),
    ("seeds", "seeds = 0", 1, "seeds: must be from 1 to 10,000, not 0"),
    ("exact", "exact = 1", 9, "invalid type: integer `1`, expected true or false"),
    ("max_events", "max_events = 0", 1, "max_events: must be at least 1, not 0"),
    ("every", "every = \"0s\"", 1, "calls.every: must be from 1 ms to 24 h, not 0ns"),
    ("jitter", "jitter = 1.5", 1, "calls.jitter: must be from 0 to 1, not 1.5"),
    ("jitter", "jitter = \"much\"", 10, "invalid type: string \"much\", expected a number"),
    ("jitter", "jitter = nan", 1, "calls.jitter: must be from 0 to 1, not NaN"),
    ("next", "next = \"3s\"", 1, "`next` takes no duration"),
    ("next", "next = \"now\"", 8, "unknown variant `now`, expected one of `after`, `fixed`, `poisson`"),
    ("stable_after", "stable_after = 30", 1, "`stable_after` takes a duration such as \"30s\""),
    ("stable_after", "stable_after = \"25h\"", 1, "keep.stable_after: must be from 1 ms to 24 hours"),
    ("spread =", "spread = \"25h\"", 1, "keep.spread: must be at most 24 hours"),
    ("wake_interval", "wake_interval = \"0s\"", 1, "keep.wake_interval: must be from 1 ms to 24 hours"),
    ("spread =", "spread = \"50d\"", 10, "`50d` is too long"),
    (
        "wake_interval",
        "wake_intervals = \"20s\"",
        1,
        "unknown field `wake_intervals`, expected one of `stable_after_ms`, ",
    ),
    (
        "capacity",
        "capacity_per_second = 0",
        1,
        "server.capacity_per_second: must be from 0.001 to 1,000,000,000, not 0",
    ),
    ("work", "work = \"hard\"", 8, "unknown variant `hard`, expected `constant` or `exponential`"),
    ("latency", "latency = \"61m\"", 1, "server.latency: must be at most 1 h, not 3660s"),
    ("latency", "latency.base = \"1s\"", 1, "takes a duration, { exponential = \"20ms\" }, or { base = \"1s\", "),
    ("latency", "latency.mean = \"1s\"", 9, "unknown field `mean`, expected one of `exponential_ms`, "),
    ("network", "network = \"2h\"", 1, "server.network: must be at most 1 h, not 7200s"),
    ("queue", "queue = \"25h\"", 1, "server.queue: must be at most 24 h, not 90000s"),
    (
        "queue",
        "queue_ms = \"long\"",
        12,
        "invalid value: string \"long\", expected a duration such as \"30s\" or \"none\"",
    ),
    ("reject_cost", "reject_cost = 1.1", 1, "server.reject_cost: must be from 0 to 1, not 1.1"),
    ("retry_after =", "retry_after = \"2d\"", 1, "server.retry_after: must be at most 24 h, not 172800s"),
    ("retry_after =", "retry_after_ms = -5", 18, "must be from 0 to 4294967295 milliseconds"),
    ("retry_after_jitter", "retry_after_jitter = \"2d\"", 1, "server.retry_after_jitter: must be at most 24 h, not "),
    ("kind", "kind = \"fire\"", 8, "unknown variant `fire`, expected one of `nothing`, `outage`, `blackhole`, "),
    ("start", "start = \"2d\"", 1, "event.start: must be at most 24 h, not 172800s"),
    ("lasts", "lasts = \"2d\"", 1, "event.lasts: must be from 1 ms to 24 h, not 172800s"),
    ("boot_spread", "boot_spread = \"2d\"", 1, "event.boot_spread: must be at most 24 h, not 172800s"),
    ("boot_spread", "instances = \"3s\"", 1, "`instances` takes no duration"),
    ("boot_spread", "factor = 2", 1, "`factor` does not belong to this kind of event"),
    ("back", "back = 0", 1, "expect.back: must be above 0 and at most 1, not 0"),
    ("within", "within = \"1h\"", 1, "expect.within: must be from 1 ms to the time that is watched, not 3600s"),
    ("peak", "peak = -1", 1, "expect.peak: must be from 0 to 1,000,000, not -1"),
    ("peak", "peek = 3", 1, "unknown field `peek`, expected one of `back`, `within_ms`, `peak`"),
];

fn refused(text: &str) -> FileError {
    match PolicyFile::parse(text) {
        Ok(_) => panic!("{text}"),
        Err(error) => error,
    }
}

#[test]
fn each_field_wrong_once_says_where_and_what_it_may_be() {
    for (begin, line, column, message) in WRONG {
        let text = with(begin, line);
        let error = refused(&text);
        let number = text.lines().position(|other| other == *line).expect("in the file") + 1;
        let expected = format!("{number}:{column}: {message}");
        assert!(
            error.to_string().starts_with(&expected) && error.line() == *line,
            "{line}: {error}, expected {expected}"
        );
    }
    // Every field is in that list; those of other kinds of events are below.
    for key in FULL.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key) {
        assert!(WRONG.iter().any(|(begin, ..)| key.starts_with(begin.trim_end_matches(" ="))), "{key}");
    }
}

#[test]
fn each_field_of_a_kind_wrong_once() {
    for (lines, column, message) in [
        ("kind = \"slow\"\nfactor = 0.5", 1, "event.factor: must be from 1 to 1,000, not 0.5"),
        ("kind = \"surge\"\nfactor = 200", 1, "event.factor: must be from 1 to 100, not 200"),
        ("kind = \"errors\"\nshare = 2", 1, "event.share: must be from 0 to 1, not 2"),
        ("kind = \"flapping\"\nperiod = \"1ms\"", 1, "event.period: must be from 2 ms to 24 h, not 1ms"),
        ("kind = \"rolling_restart\"\ninstances = 0", 1, "event.instances: must be from 1 to 1,000, not 0"),
        (
            "kind = \"rolling_restart\"\ninstances = 5_000_000_000",
            13,
            "invalid value: integer `5000000000`, expected a whole number from 1 to 1,000",
        ),
    ] {
        let text = with("kind", lines).replace("boot_spread = \"5s\"\n", "");
        let error = refused(&text);
        let line = lines.lines().last().expect("two");
        let number = text.lines().position(|other| other == line).expect("in the file") + 1;
        assert_eq!(error.to_string(), format!("{number}:{column}: {message}"));
    }
    let missing = with("boot_spread", "");
    let error = refused(&missing);
    assert!(error.to_string().ends_with(": missing field `boot_spread`, which this kind of event needs"), "{error}");
    assert_eq!(error.line(), "[scenario.power_cut.event]");
}

#[test]
fn what_is_required_is_missed() {
    for (key, message) in [
        ("clients", "missing field `clients`"),
        ("every", "missing field `every_ms`"),
        ("capacity", "missing field `capacity_per_second`"),
        ("kind", "missing field `kind`"),
        ("stable_after", "missing field `stable_after_ms`"),
    ] {
        let error = refused(&with(key, ""));
        assert!(error.message().starts_with(message) && error.position().is_some(), "{error}");
    }
}

#[test]
fn names_are_shown_escaped() {
    let name = "\\u001B[31m";
    let text = format!(
        "[policy.a]\n[scenario.\"{name}\"]\npolicy = \"{name}\"\nclients = 1\ncalls.every = \"1s\"\nserver.capacity_per_second = 1\n"
    );
    let error = refused(&text);
    assert_eq!(error.to_string(), "3:1: no policy named \"\\u001B[31m\" is in this file");
    let text = text.replace(&format!("policy = \"{name}\"\n"), "next = \"\\u001B[31m\"\n");
    let error = refused(&text);
    assert!(error.to_string().starts_with("3:1: unknown field `next`") && !error.to_string().contains('\u{1b}'));
    // A variant that is unknown is a value of the file as well.
    let error = refused(&with("kind", "kind = \"\\u009B31m\""));
    assert!(error.message().contains("`\\u009B31m`"), "{error}");
}

#[test]
fn scenarios_stand_in_the_order_of_the_file() {
    let body = "clients = 1\ncalls.every = \"1s\"\nserver.capacity_per_second = 1\n";
    let file =
        PolicyFile::parse(&format!("[scenario.b]\n{body}[policy.p]\n[scenario.a]\n{body}")).expect("a policy file");
    let names: Vec<&str> = file.scenarios().iter().map(|scenario| scenario.name.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
}
