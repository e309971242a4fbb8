//! `redress simulate`, and `redress doctor --scenarios`: verdicts, tables, formats, exit codes, what is refused.

mod cli;

use std::fs;

use cli::{EXAMPLE, Ran, file, redress, scratch};
use serde_json::Value;

/// A small fleet, so that a test is short: 200 devices, one call in 10 s each, half of the capacity in use.
const FLEET: &str = "[policy.patient.retry]
max_attempts = \"unlimited\"
deadline = \"none\"
backoff.delay.equal_jitter = { base = \"1s\", max = \"60s\" }
[policy.patient]
budget = \"none\"
[policy.hasty.retry]
max_attempts = \"unlimited\"
deadline = \"none\"
backoff.delay.constant = { delay = \"10ms\" }
[policy.hasty]
budget = \"none\"
[policy.broken.retry]
max_attempts = 0
[scenario.outage]
policy = \"patient\"
clients = 200
calls.every = \"10s\"
server.capacity_per_second = 40
event = { kind = \"outage\", lasts = \"60s\" }
watch = \"120s\"
seeds = 3
[scenario.busy]
clients = 200
calls.every = \"10s\"
server = { capacity_per_second = 40, queue = \"2s\" }
event = { kind = \"power_cut\", lasts = \"60s\", boot_spread = \"1s\" }
watch = \"60s\"
seeds = 2
max_events = 2_000_000
";

fn simulate(name: &str, text: &str, args: &[&str]) -> Ran {
    let path = file(name, text);
    redress(["simulate", &path].into_iter().chain(args.iter().copied()))
}

/// The names of the rows of the table, and what stands in them.
fn rows(out: &str) -> Vec<(&str, &str)> {
    let table = out.lines().filter(|line| line.starts_with("  ") && line.len() > 26);
    table.map(|line| (line[..26].trim(), line[26..].trim())).collect()
}

#[test]
fn the_verdict_comes_first_then_the_table() {
    let Ran { code, out, err } = simulate("sim-first.toml", FLEET, &["--scenario", "outage", "--quick"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let mut lines = out.lines();
    let first = lines.next().unwrap_or_default();
    assert!(first.starts_with("patient recovers: 99 % of 200 clients are back "), "{first}");
    assert!(first.contains(" after the outage (") && first.ends_with(" over 3 seeds)"), "{first}");
    assert_eq!(lines.next(), Some(""));
    assert_eq!(
        lines.next(),
        Some(
            "outage of 1 min: 200 clients, a call every 10 s after the one before; capacity 40/s, queue 10 s, client timeout 5 s; \
             breaker and budget of each client"
        )
    );
    let rows = rows(&out);
    let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
    let wanted = [
        "",
        "load during the event",
        "peak",
        "longest queue",
        "goodput at the end",
        "50 % back after",
        "99 % back after",
        "100 % back after",
        "calls lost",
        "attempts a client",
        "stuck runs",
    ];
    assert_eq!(names, wanted);
    assert_eq!((rows[0].1, rows[10].1), ("patient", "0 of 3"));
    // The same file, the same figures.
    assert_eq!(simulate("sim-first.toml", FLEET, &["--scenario", "outage", "--quick"]).out, out);
}

#[test]
fn a_fleet_that_does_not_recover_is_told_why_and_how_far_it_is_from_the_edge() {
    let text = FLEET.replace("max_events = 2_000_000", "max_events = 300_000");
    let args = ["--scenario", "busy", "--policy", "hasty", "--clients", "20", "--capacity", "4/s", "--seeds", "1"];
    let Ran { code, out, err } = simulate("sim-edge.toml", &text, &args);
    assert_eq!((code, err.as_str()), (Some(1), ""), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    let last = lines.last().copied().unwrap_or_default();
    assert!(last.starts_with("tipping points of hasty: the power cut may "), "{out}");
    assert!(last.contains("; the capacity must be ") && last.ends_with("/s or more"), "{out}");
    assert!(lines.iter().any(|line| line.starts_with("hasty: ")), "no cause and remedy: {out}");
}

#[test]
fn arguments_stand_in_for_a_scenario_or_change_it() {
    let args = "--policy patient --clients 100 --every 10s --capacity 20/s --outage 30s --watch 180s --seeds 1 --quick";
    let Ran { code, out, err } = simulate("sim-args.toml", FLEET, &args.split(' ').collect::<Vec<_>>());
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(
        out.contains("outage of 30 s: 100 clients, a call every 10 s after the one before; capacity 20/s, "),
        "{out}"
    );

    let args = "--scenario outage --power-cut 20s --boot-spread 10s --queue 3s --client-timeout 2s --clients 40000 --capacity 8000 \
                --retry-after 7s --retry-after-jitter 2s --seeds 1 --quick --watch 2m";
    let Ran { code, out, .. } =
        simulate("sim-args.toml", FLEET, &args.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>());
    assert_eq!(code, Some(0), "{out}");
    let setting = "power cut of 20 s: 40,000 clients (a sample of 20,000), a call every 10 s after the one before; capacity 8,000/s, \
                   queue 3 s, client timeout 2 s; ";
    assert!(out.contains(setting), "{out}");
}

#[test]
fn two_policies_stand_side_by_side() {
    let svg = scratch("sim.svg");
    let path = svg.to_str().expect("UTF-8");
    let args = ["--scenario", "outage", "--against", "none", "--against", "hasty", "--quick", "--svg", path];
    let Ran { code, out, err } = simulate("sim-against.toml", FLEET, &args);
    // The exit code is that of the policy that was asked about.
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let verdicts: Vec<&str> = out.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(verdicts.len(), 3, "{out}");
    assert!(verdicts[1].starts_with("a policy without retries "), "{out}");
    let heads: Vec<&str> = rows(&out)[0].1.split("  ").map(str::trim).filter(|head| !head.is_empty()).collect();
    assert_eq!(heads, ["patient", "a policy without retries", "hasty"]);

    let image = fs::read_to_string(&svg).expect("written");
    let document = roxmltree::Document::parse(&image).expect("XML");
    let texts: Vec<&str> = document.descendants().filter_map(|node| node.text()).map(str::trim).collect();
    for verdict in verdicts {
        // A long one has two lines.
        assert!(texts.contains(&&verdict[..verdict.len().min(40)]) || image.contains(&verdict[..40]), "{verdict}");
    }
    let policies = document.descendants().filter(|node| node.attribute("class") == Some("policy"));
    assert_eq!(policies.count(), 3);
}

#[test]
fn markdown_has_a_row_for_each_policy() {
    let args = ["--scenario", "outage", "--against", "none", "--format", "markdown"];
    let Ran { code, out, .. } = simulate("sim-markdown.toml", FLEET, &args);
    assert_eq!(code, Some(0), "{out}");
    let cells: Vec<Vec<&str>> = out.lines().map(|line| line.split('|').map(str::trim).collect()).collect();
    assert!(cells.iter().all(|row| row.len() == 10), "{out}");
    assert_eq!((cells[2][1], cells[2][2], cells[3][1]), ("patient", "0 of 3", "a policy without retries"));
}

#[test]
fn each_peer_is_named() {
    for (peer, name) in [
        ("default", "redress (defaults)"),
        ("backon", "backon 1.6 (defaults)"),
        ("polly", "Polly 8 (defaults)"),
        ("resilience4j", "resilience4j 2 (defaults)"),
        ("aws", "AWS SDK (standard mode)"),
    ] {
        let args = ["--scenario", "outage", "--seeds", "1", "--quick", "--against", peer];
        let Ran { code, out, .. } = simulate("sim-peer.toml", FLEET, &args);
        assert_eq!(code, Some(0), "{out}");
        assert!(out.lines().nth(1).is_some_and(|line| line.starts_with(name)), "{out}");
    }
}

#[test]
fn json_has_the_figures_and_csv_the_seconds() {
    let Ran { code, out, .. } =
        simulate("sim-json.toml", FLEET, &["--scenario", "outage", "--quick", "--format", "json"]);
    let json: Value = serde_json::from_str(&out).expect("JSON");
    let report = &json["reports"][0];
    assert_eq!((code, report["verdict"].as_str()), (Some(0), Some("recovers")));
    assert_eq!(report["sentence"].as_str().map(|text| text.starts_with("patient recovers: ")), Some(true));
    let runs = report["runs"].as_array().expect("a list");
    assert_eq!(runs.len(), 3);
    for run in runs {
        let attempts = &run["attempts"];
        let number = |name: &str| attempts[name].as_u64().expect("a count");
        let parts: u64 = ["answered", "refused", "rejected", "late", "in_flight"].map(number).iter().sum();
        assert_eq!(number("made"), parts);
        assert!(run["back_99_s"].as_f64() <= run["back_100_s"].as_f64(), "{run}");
    }

    let Ran { out: csv, .. } = simulate("sim-json.toml", FLEET, &["--scenario", "outage", "--format", "csv"]);
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("policy,seed,second,answered,thrown_away,capacity,back"));
    let seconds: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    // Twenty seconds before the event, the event, and what is watched, in each run.
    assert_eq!(seconds.len(), 3 * (20 + 60 + 120));
    assert_eq!((seconds[0][0], seconds[0][2], seconds[199][2]), ("\"patient\"", "-20", "179"));
    let sum = |column: usize| -> u64 {
        seconds[..200].iter().map(|cells| cells[column].parse::<u64>().expect("a count")).sum()
    };
    assert_eq!(Some(sum(3) + sum(4)), runs[0]["attempts"]["made"].as_u64());
}

#[test]
fn exit_codes() {
    // Stuck: each of 200 clients asks a hundred times a second, and a rejection is a tenth of the work.
    let Ran { code, out, .. } =
        simulate("sim-codes.toml", FLEET, &["--scenario", "busy", "--policy", "hasty", "--quick"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.starts_with("hasty does not recover: 1 min after the power cut "), "{out}");

    // It recovers, but not as it is expected to.
    let text = FLEET.replace("watch = \"120s\"\n", "watch = \"120s\"\nexpect = { within = \"1s\", peak = 0.1 }\n");
    let Ran { code, out, .. } = simulate("sim-unmet.toml", &text, &["--scenario", "outage", "--quick"]);
    assert_eq!(code, Some(1), "{out}");
    let unmet: Vec<&str> = out.lines().skip(1).take(2).collect();
    assert!(unmet[0].starts_with("  expected the fleet back within 1 s, it took up to "), "{out}");
    assert!(
        unmet[1].starts_with("  expected at most 0.1 times the capacity in any second, there were up to "),
        "{out}"
    );

    // Too many events: a report without a verdict.
    let text = FLEET.replace("max_events = 2_000_000", "max_events = 100");
    let Ran { code, out, .. } =
        simulate("sim-capped.toml", &text, &["--scenario", "busy", "--policy", "patient", "--quick"]);
    assert_eq!(code, Some(2), "{out}");
    assert!(out.starts_with("no verdict on patient: 2 of 2 runs needed more than 100 events\n"), "{out}");
}

#[test]
fn what_cannot_be_simulated_has_no_verdict() {
    for (args, message) in [
        (&[][..], "redress: give --clients, --every and --capacity, or --scenario: one of outage, busy\n"),
        (&["--clients", "5"], "redress: give --clients, --every and --capacity, or --scenario: "),
        (&["--scenario", "none"], "redress: no scenario named none: one of outage, busy\n"),
        (&["--scenario", "busy"], "redress: give --policy: one of broken, hasty, patient\n"),
        (
            &["--scenario", "busy", "--policy", "x\u{1b}"],
            "redress: no policy named x\\u001B: one of broken, hasty, patient\n",
        ),
        (
            &["--scenario", "outage", "--against", "hystrix"],
            "redress: cannot compare with hystrix: one of default, none, backon, polly, resilience4j, aws, broken, hasty, patient\n",
        ),
        (&["--scenario", "outage", "--clients", "0"], "redress: clients: must be from 1 to 10,000,000, not 0\n"),
        (&["--scenario", "outage", "--queue", "2d"], "redress: server.queue: must be at most 24 h, not 172800s\n"),
        (
            &["--scenario", "outage", "--svg", "/no/such/directory/a.svg", "--quick"],
            "redress: /no/such/directory/a.svg: ",
        ),
        (&["--scenario", "outage", "--outage", "1m", "--blackhole", "1m"], "error: the argument '--outage"),
        (&["--scenario", "outage", "--every", "often"], "error: invalid value 'often' for '--every <SPAN>': "),
        (
            &["--scenario", "outage", "--capacity", "many"],
            "error: invalid value 'many' for '--capacity <N/s>': expected requests",
        ),
        (&["--scenario", "outage", "--boot-spread", "1m"], "redress: --boot-spread goes with --power-cut\n"),
    ] {
        let Ran { code, out, err } = simulate("sim-refused.toml", FLEET, args);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}: {err}");
        assert!(err.starts_with(message), "{args:?}: {err}");
    }
    let Ran { code, err, .. } = redress(["simulate", EXAMPLE]);
    let message = "redress: give --clients, --every and --capacity, or --scenario: there is none in this file\n";
    assert_eq!((code, err.as_str()), (Some(2), message));
    let Ran { code, out, err } = simulate("sim-broken.toml", FLEET, &["--scenario", "busy", "--policy", "broken"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("error[contradiction] policy.broken.retry.max_attempts: "), "{err}");
}

#[test]
fn names_are_shown_escaped() {
    let text =
        FLEET.replace("patient", "\"\\u001B[31m\"").replace("policy = \"\"\\u001B[31m\"\"", "policy = \"\\u001B[31m\"");
    let svg = scratch("sim-names.svg");
    let args = ["--scenario", "outage", "--seeds", "1", "--quick", "--svg", svg.to_str().expect("UTF-8")];
    for format in ["text", "json", "csv"] {
        let args = args.into_iter().chain(["--format", format]).collect::<Vec<_>>();
        let Ran { code, out, err } = simulate("sim-names.toml", &text, &args);
        assert_eq!(code, Some(0), "{out}{err}");
        assert!(!out.contains('\u{1b}') && out.contains("\\u001B[31m"), "{out}");
    }
    assert!(!fs::read_to_string(svg).expect("written").contains('\u{1b}'));
}

#[test]
fn doctor_plays_the_scenarios_of_a_file_when_asked() {
    let sound = FLEET.replace("[policy.broken.retry]\nmax_attempts = 0\n", "");
    let path = file("doctor-scenarios.toml", &sound);
    let Ran { code, out, .. } = redress(["doctor", &path]);
    assert_eq!(code, Some(0), "{out}");
    assert!(!out.contains("[scenario]"), "{out}");

    let Ran { code, out, err } = redress(["doctor", &path, "--scenarios"]);
    assert_eq!((code, err.as_str()), (Some(1), ""), "{out}");
    let played: Vec<&str> = out.lines().filter(|line| line.contains("[scenario] ")).collect();
    // The scenario without a policy is played under each.
    assert_eq!(played.len(), 3, "{out}");
    assert!(
        played[0].starts_with(&format!("{path}:13:11: well[scenario] scenario.outage: patient recovers: ")),
        "{out}"
    );
    assert!(played[1].starts_with(&format!("{path}:21:11: error[scenario] scenario.busy: ")), "{out}");

    let Ran { code, out, .. } = redress(["doctor", &path, "--scenarios", "--format", "json"]);
    let json: Value = serde_json::from_str(&out).expect("JSON");
    let wells: Vec<_> =
        json["scenarios"].as_array().expect("a list").iter().map(|played| played["is_well"].as_bool()).collect();
    assert_eq!((code, wells[0]), (Some(1), Some(true)));

    // A policy that contradicts itself is an error already, and nothing is played.
    let Ran { code, out, .. } = redress(["doctor", &file("doctor-broken.toml", FLEET), "--scenarios"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("error[contradiction]") && !out.contains("[scenario]"), "{out}");
}
