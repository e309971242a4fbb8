use super::*;
use crate::simulate::{Expect, Incident};

fn run(back_secs: &[u32], clients: u32) -> RunReport {
    RunReport {
        seed: 1,
        clients,
        load: 1.6,
        peak: 2.0,
        queue: Duration::from_secs(3),
        goodput: 10.0,
        offered: 10.0,
        back: back_secs.iter().map(|secs| secs * 1_000).collect(),
        calls: 40,
        lost_calls: 0,
        attempts: Attempts { made: 80, answered: 40, refused: 40, ..Attempts::default() },
        last_minute: Attempts { made: 10, answered: 10, ..Attempts::default() },
        events: 200,
        is_capped: false,
        series: Vec::new(),
    }
}

fn report(runs: Vec<RunReport>) -> Report {
    let scenario = Scenario::new(1_000_000, Duration::from_secs(60), 20_800.0);
    Report { policy: "uplink".to_owned(), scenario, runs }
}

#[test]
fn the_verdict_is_a_sentence() {
    let good = || run(&[1, 2, 3, 248], 4);
    let stuck = || RunReport {
        last_minute: Attempts { made: 100, answered: 10, late: 90, ..Attempts::default() },
        ..run(&[1], 4)
    };
    let rows = [
        (vec![good()], "uplink recovers: 99 % of 1,000,000 clients are back 4 min 8 s after the outage"),
        (
            vec![run(&[1, 1, 1, 249], 4), good(), run(&[1, 1, 1, 247], 4)],
            "uplink recovers: 99 % of 1,000,000 clients are back 4 min 8 s after the outage (4 min 7 s to 4 min 9 s over 3 seeds)",
        ),
        (
            vec![stuck()],
            "uplink does not recover: 15 min after the outage 25 % are back; the server is busy with requests whose clients have gone",
        ),
        (vec![good(), stuck(), good()], "uplink may not recover: 1 of 3 runs are stuck"),
        (
            vec![RunReport { is_capped: true, ..good() }, good()],
            "no verdict on uplink: 1 of 2 runs needed more than 200,000,000 events",
        ),
        (
            vec![RunReport { goodput: 8.9, ..good() }],
            "uplink does not recover: 15 min after the outage 100 % are back; the server is idle while clients wait or have given up",
        ),
    ];
    for (runs, sentence) in rows {
        assert_eq!(report(runs).to_string(), sentence);
    }
}

#[test]
fn a_share_is_rounded_up_to_whole_clients() {
    let back: Vec<u32> = (1..=100).collect();
    let run = run(&back, 100);
    for (share, secs) in [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)] {
        assert_eq!(run.back_after(share), Some(Duration::from_secs(secs)), "{share}");
    }
    assert_eq!(self::run(&[7], 2).back_after(0.51), None);
}

#[test]
fn expectations_are_those_of_the_worst_run() {
    let mut report = report(vec![run(&[10], 1), RunReport { peak: 4.0, ..run(&[70], 1) }]);
    assert_eq!(report.unmet(), []);
    let within = Duration::from_secs(60);
    report.scenario.expect = Expect { back: 1.0, within: Some(within), peak: Some(3.0) };
    let took = Duration::from_secs(70);
    assert_eq!(report.unmet(), [Unmet::Within { took, within }, Unmet::Peak { peak: 4.0, limit: 3.0 }]);
    assert_eq!(report.unmet()[0].to_string(), "expected the fleet back within 1 min, it took up to 1 min 10 s");
    report.runs[0].back.clear();
    assert_eq!(report.unmet()[0], Unmet::Verdict(Verdict::MayNotRecover { stuck: 1 }));
    report.scenario.event = Incident::surge(within, 2.0);
    assert_eq!(report.scenario.event.kind.noun(), "the surge");
}

#[test]
#[should_panic(
    expected = "expected 99 % of the clients back within 2 min after the outage.\nuplink recovers: 99 % of 1,000,000 clients are back 4 min 8 s after the outage\n  seed 1: 99 % back after 4 min 8 s, load 1.60 and peak 2.00 times the capacity, longest queue 3 s, 20.0 attempts a client, 0 calls lost"
)]
fn the_message_of_a_failed_assertion_has_verdict_and_figures() {
    report(vec![run(&[1, 2, 3, 248], 4)]).assert_back(0.99, Duration::from_secs(120));
}
