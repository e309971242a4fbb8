//! `redress simulate`: each event by its arguments, and the line on a terminal.

mod cli;

use cli::{EXAMPLE, Ran, file, redress};

const POLICY: &str = "[policy.patient]
budget = \"none\"
[policy.patient.retry]
max_attempts = \"unlimited\"
deadline = \"none\"
backoff.delay.full_jitter = { base = \"1s\", max = \"60s\" }
";

/// Runs a fleet of 100 clients, with arguments that are words.
fn simulate(name: &str, words: &str) -> Ran {
    let path = file(name, POLICY);
    let fleet = "--clients 100 --every 10s --capacity 20/s --watch 120s --seeds 1 --quick --format json";
    redress(["simulate", &path].into_iter().chain(fleet.split(' ')).chain(words.split(' ')))
}

#[test]
fn each_event_has_its_arguments() {
    for (words, event, lasts) in [
        ("--outage 30s", "outage", 30.0),
        ("--blackhole 31s", "blackhole", 31.0),
        ("--power-cut 32s --boot-spread 7s", "power cut", 32.0),
        ("--slow 33s --factor 1.5", "slow phase", 33.0),
        ("--surge 34s --factor 1.2", "surge", 34.0),
        ("--errors 35s --share 0.25", "errors", 35.0),
        ("--flapping 36s --period 4s", "flapping", 36.0),
        ("--rolling-restart 37s --instances 4", "rolling restart", 37.0),
    ] {
        let Ran { code, out, err } = simulate("events.toml", words);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{words}: {out}");
        let json: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        let report = &json["reports"][0];
        assert_eq!((report["event"].as_str(), report["event_lasts_s"].as_f64()), (Some(event), Some(lasts)), "{words}");
    }
}

/// Returns the attempts that were refused, rejected or late, as a part of all.
fn lost(words: &str) -> f64 {
    let json: serde_json::Value = serde_json::from_str(&simulate("lost.toml", words).out).expect("JSON");
    let attempts = &json["reports"][0]["runs"][0]["attempts"];
    let count = |name: &str| attempts[name].as_f64().expect("a count");
    1.0 - count("answered") / count("made")
}

#[test]
fn the_values_of_an_event_reach_the_server() {
    assert!(lost("--errors 30s --share 0.1") < lost("--errors 30s --share 0.9"));
    assert!(lost("--rolling-restart 60s --instances 20") < lost("--rolling-restart 60s --instances 2"));
    assert!(lost("--surge 30s --factor 1.1") < lost("--surge 30s --factor 10"));
    assert!(lost("--slow 30s --factor 1.1") < lost("--slow 30s --factor 20"));
    // Half of the time it is down, in one piece or in fifteen.
    assert!(lost("--flapping 30s --period 2s") > 0.05);
}

#[test]
fn what_is_missing_or_out_of_bounds_is_named() {
    for (words, message) in [
        ("--slow 30s", "the following required arguments were not provided:\n  --factor <N>"),
        ("--surge 30s", "the following required arguments were not provided:\n  --factor <N>"),
        ("--errors 30s", "the following required arguments were not provided:\n  --share <N>"),
        ("--flapping 30s", "the following required arguments were not provided:\n  --period <SPAN>"),
        ("--rolling-restart 30s", "the following required arguments were not provided:\n  --instances <N>"),
        ("--factor 2", "redress: --factor goes with --slow or --surge\n"),
        ("--share 0.5 --outage 30s", "redress: --share goes with --errors\n"),
        ("--period 2s --outage 30s", "redress: --period goes with --flapping\n"),
        ("--instances 2 --outage 30s", "redress: --instances goes with --rolling-restart\n"),
        ("--boot-spread 2s --outage 30s", "redress: --boot-spread goes with --power-cut\n"),
        ("--slow 30s --surge 30s --factor 2", "the argument '--slow <SPAN>' cannot be used with"),
        ("--outage 30s --flapping 30s --period 2s", "the argument '--outage <SPAN>' cannot be used with"),
        ("--slow 30s --factor 0.5", "redress: event.factor: must be from 1 to 1,000, not 0.5\n"),
        ("--surge 30s --factor 101", "redress: event.factor: must be from 1 to 100, not 101\n"),
        ("--errors 30s --share 1.5", "redress: event.share: must be from 0 to 1, not 1.5\n"),
        ("--flapping 30s --period 1ms", "redress: event.period: must be from 2 ms to 24 h, not 1ms\n"),
        ("--rolling-restart 30s --instances 0", "redress: event.instances: must be from 1 to 1,000, not 0\n"),
        ("--slow 30s --factor much", "invalid value 'much' for '--factor <N>': invalid float literal"),
    ] {
        let Ran { code, out, err } = simulate("wrong.toml", words);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{words}: {err}");
        assert!(err.contains(message), "{words}: {err}");
    }
}

/// A terminal shows how far a simulation is that takes its time, and a file does not.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_shows_how_far_it_is() {
    use std::{
        fs::File,
        io::Read,
        process::{Command, Stdio},
    };

    use rustix::{
        fs::{Mode, OFlags, open},
        pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    };

    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
    grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("a pseudo-terminal of this process");
    let name = ptsname(&controller, Vec::new()).expect("its name");
    let terminal = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("its other end");

    // It would take hours, and is ended when there is a line to read.
    let fleet = "--policy payments --clients 20000 --every 1s --capacity 1/s --outage 24h --watch 24h --quick";
    let mut program = Command::new(env!("CARGO_BIN_EXE_redress"))
        .args(["simulate", EXAMPLE])
        .args(fleet.split(' '))
        .stdout(Stdio::null())
        .stderr(Stdio::from(terminal))
        .spawn()
        .expect("the program starts");
    let (mut shown, mut terminal) = (String::new(), File::from(controller));
    while !shown.ends_with(" events") {
        let mut bytes = [0; 256];
        let read = terminal.read(&mut bytes).unwrap_or_else(|error| panic!("it ended without a line: {error}"));
        shown += str::from_utf8(&bytes[..read]).expect("UTF-8");
    }
    program.kill().and_then(|()| program.wait()).expect("it was running");
    assert!(shown.starts_with("\rsimulating payments: ") && shown.contains(" %, "), "{shown:?}");
}
