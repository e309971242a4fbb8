use roxmltree::{Document, Node};

use super::{
    draw::{CLIP, LEFT, LOWER, RIGHT, UPPER, WIDTH, label, tick, two_lines},
    *,
};
use crate::simulate::{Attempts, Incident, Scenario, Second, svg::Point};

const CAPACITY: f64 = 100.0;

/// A minute before an outage of five minutes, and four after it. In the outage twice the capacity is thrown away, in its first
/// second five times; then the clients come back in 100 s.
fn report(policy: &str) -> Report {
    let scenario = Scenario::new(1_000, Duration::from_secs(30), CAPACITY)
        .event(Incident::outage(Duration::from_secs(300)))
        .watch(Duration::from_secs(240))
        .seeds(1);
    let second = |answered, thrown_away, back| Second { answered, thrown_away, capacity: CAPACITY, back };
    let mut series = vec![second(80, 0, 1.0); 60];
    series.extend(vec![second(0, 200, 0.0); 300]);
    series[60].thrown_away = 500;
    series.extend((1..=240_u32).map(|at| second(100, 50, f64::from(at.min(100)) / 100.0)));
    let run = RunReport {
        seed: 0,
        clients: 100,
        load: 2.01,
        peak: 5.0,
        queue: Duration::from_secs(3),
        goodput: 100.0,
        offered: 100.0,
        back: (1..=100).map(|at| at * 1_000).collect(),
        calls: 10,
        lost_calls: 0,
        attempts: Attempts::default(),
        last_minute: Attempts::default(),
        events: 1,
        is_capped: false,
        series,
    };
    Report { policy: policy.to_owned(), scenario, runs: vec![run] }
}

fn all<'a>(node: &Node<'a, 'a>, class: &str) -> Vec<Node<'a, 'a>> {
    let is =
        |node: &Node<'_, '_>| node.attribute("class").is_some_and(|words| words.split(' ').any(|word| word == class));
    node.descendants().filter(is).collect()
}

fn points(node: &Node<'_, '_>) -> Vec<Point> {
    let pairs = node.attribute("points").expect("a path").split(' ').map(|pair| {
        let (x, y) = pair.split_once(',').expect("a pair");
        (x.parse().expect("a number"), y.parse().expect("a number"))
    });
    pairs.collect()
}

/// The height of a curve at a moment, from the points along it.
fn at(points: &[Point], x: f64) -> f64 {
    let (_, y) = points.iter().rev().find(|point| point.0 <= x).expect("from the first on");
    *y
}

#[test]
fn its_numbers_are_those_of_the_report() {
    let image = picture(&[report("uplink")]);
    let document = Document::parse(&image).expect("XML");
    let root = document.root();
    let texts: Vec<&str> = root
        .descendants()
        .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")))
        .filter_map(|node| node.text())
        .collect();
    assert_eq!(texts[..2], ["uplink", "uplink recovers: 99 % of 1,000 clients are back 1 min 39 s after the outage"]);
    for text in ["outage, 5 min", "peak 5.0 ×", "99 % after 1 min 39 s", "3 ×", "100 %", "0", "8 min"] {
        assert!(texts.contains(&text), "{text} in {texts:?}");
    }
    assert_eq!(all(&root, "verdict")[0].attribute("class"), Some("verdict good"));

    // A second of this run is so wide.
    let second = (WIDTH - LEFT - RIGHT) / 600.0;
    let x = |second_of_run: f64| LEFT + second_of_run * second;
    let y = |multiple: f64| UPPER * (1.0 - multiple / CLIP);
    let close = |a: f64, b: f64| assert!((a - b).abs() < 0.02, "{a} is not {b}");
    let answered = points(
        &all(&root, "load")[0].descendants().find(|node| node.attribute("class") == Some("answered")).expect("an area"),
    );
    let wasted = points(
        &all(&root, "load")[0].descendants().find(|node| node.attribute("class") == Some("wasted")).expect("an area"),
    );
    // Without the two points on the ground.
    let edge = &answered[..answered.len() - 2];
    close(at(edge, x(30.0)), y(0.8));
    close(at(edge, x(200.0)), y(0.0));
    close(at(edge, x(500.0)), y(1.0));
    // The upper edge of the red area, from left to right.
    let upper = &wasted[..wasted.len() / 2];
    close(at(upper, x(200.0)), y(2.0));
    close(at(upper, x(500.0)), y(1.5));
    // Two seconds make a step: five and two times the capacity are more than what is shown.
    close(at(upper, x(60.5)), 0.0);
    close(points(&all(&all(&root, "load")[0], "capacity")[0])[0].1, y(1.0));
    let band = all(&all(&root, "load")[0], "event")[0];
    let number =
        |node: &Node<'_, '_>, name| node.attribute(name).and_then(|text| text.parse::<f64>().ok()).expect("a number");
    close(number(&band, "x"), x(60.0));
    close(number(&band, "width"), 300.0 * second);

    let back = points(&all(&root, "back")[0]);
    let share = |share: f64| LOWER * (1.0 - share);
    close(back[0].0, x(360.0));
    close(back[0].1, share(0.0));
    close(at(&back, x(410.0)), share(0.5));
    let dot = all(&root, "dot")[0];
    close(number(&dot, "cx"), x(60.0 + 300.0 + 99.0));
    close(number(&dot, "cy"), share(0.99));
}

#[test]
fn two_policies_share_one_scale() {
    let (good, mut bad) = (report("a<b"), report("other"));
    bad.runs[0].back.truncate(40);
    bad.scenario.watch = Duration::from_secs(3_000);
    bad.runs[0].series.extend(vec![Second { thrown_away: 300, capacity: CAPACITY, ..Second::default() }; 2_760]);
    let image = picture(&[good, bad]);
    let document = Document::parse(&image).expect("XML");
    let policies = all(&document.root(), "policy");
    let verdicts: Vec<_> = policies.iter().map(|policy| all(policy, "verdict")[0].attribute("class")).collect();
    assert_eq!(verdicts, [Some("verdict good"), Some("verdict bad")]);
    assert_eq!(policies[1].attribute("transform"), Some("translate(720,0)"));
    let widths: Vec<_> = policies.iter().map(|policy| all(policy, "event")[0].attribute("width")).collect();
    assert_eq!(widths[0], widths[1]);
    assert_eq!(policies.iter().map(|policy| all(policy, "dot").len()).collect::<Vec<_>>(), [1, 0]);
    // The one that does not recover says how far it came, where its curve ends.
    let end = all(&policies[1], "bad").pop().expect("a mark");
    assert_eq!(end.text(), Some("only 0 % are back"));
    assert!(all(&policies[0], "bad").is_empty());
    assert!(image.len() < 40_000, "{}", image.len());
    if let Some(path) = std::env::var_os("PICTURE") {
        std::fs::write(path, image).expect("written");
    }
}

#[test]
fn the_run_is_the_one_that_the_verdict_speaks_of() {
    // Of each 100 clients so many are back in the end.
    let shown = |backs: &[u32]| {
        let mut several = report("a");
        let run = several.runs.remove(0);
        several.runs.extend(backs.iter().map(|back| {
            let mut run = run.clone();
            run.back.truncate(*back as usize);
            run.series.iter_mut().for_each(|second| second.back = second.back.min(f64::from(*back) / 100.0));
            run
        }));
        let image = picture(&[several.clone()]);
        let document = Document::parse(&image).expect("XML");
        let end = all(&document.root(), "end").pop().and_then(|mark| mark.text().map(str::to_owned));
        (several.to_string(), end.unwrap_or_default())
    };
    let (verdict, end) = shown(&[90, 10, 40]);
    assert!(verdict.contains(" 40 % are back"), "{verdict}");
    assert_eq!(end, "only 40 % are back");
    // Where some recover, the worst is what a reader has to see.
    assert_eq!(shown(&[100, 70, 30, 100]).1, "only 30 % are back");
}

#[test]
fn ticks_are_round() {
    for (span, step, labels) in [
        (7.0, 1.0, ["0", "1 s"]),
        (600.0, 120.0, ["0", "2 min"]),
        (1_620.0, 300.0, ["0", "5 min"]),
        (30_000.0, 7_200.0, ["0", "2 h"]),
        (1_000_000.0, 129_600.0, ["0", "36 h"]),
    ] {
        assert!((tick(span) - step).abs() < 1e-9, "{span}: {}", tick(span));
        assert_eq!([0.0, step].map(label), labels);
    }
    assert_eq!(label(-90.0), "-90 s");
}

#[test]
fn a_long_verdict_has_two_lines() {
    let long = "uplink does not recover: 15 min after the outage 12 % are back; the server is busy with requests whose clients have gone";
    assert_eq!(two_lines(long).join(" "), long);
    assert!(two_lines(long).iter().all(|line| line.chars().count() <= 76));
    assert_eq!(two_lines("short"), ["short"]);
}
