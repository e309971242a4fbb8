//! A report as a picture: requests at the server and clients that are back, over one time axis.

use std::time::Duration;

use super::{
    Report, RunReport, Span, Verdict,
    svg::{Point, Svg},
};

/// Draws reports side by side, with one scale, as an SVG image of policies under one scenario.
///
/// The title is the name of the policy, the line below its verdict, green if the fleet recovers in each run. The upper panel
/// shows the requests as multiples of the capacity, those answered in time and the others one upon the other, cut at three
/// times the capacity. The lower panel shows the part of the clients that is back. Of several runs, the one is drawn that
/// took the median time; if only some do not recover, the worst.
///
/// ```
/// # use std::time::Duration;
/// # use redress_std::simulate::{Peer, Scenario, picture};
/// let scenario = Scenario::new(100, Duration::from_secs(60), 2.5).seeds(1);
/// let reports = [Peer::Default, Peer::None].map(|peer| scenario.run(peer.name(), peer.policy().policy()));
/// assert!(picture(&reports).starts_with("<svg "));
/// ```
pub fn picture(reports: &[Report]) -> String {
    let curves: Vec<Curves> = reports.iter().filter_map(Curves::of).collect();
    draw(&curves)
}

/// Multiples of the capacity above which the upper panel is clipped.
const CLIP: f64 = 3.0;

/// The share of clients that makes an end of the recovery.
const BACK: f64 = 0.99;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 30.0;
/// Title, verdict and legend.
const HEAD: f64 = 136.0;
const UPPER: f64 = 240.0;
const GAP: f64 = 54.0;
const LOWER: f64 = 130.0;
const AXIS: f64 = 48.0;
const HEIGHT: f64 = HEAD + UPPER + GAP + LOWER + AXIS;

const STYLE: &str = "\
.redress-fleet text{font-family:system-ui,sans-serif;font-size:13px;fill:#1f2933}\
.redress-fleet .ground{fill:#fff}\
.redress-fleet .title{font-size:20px;font-weight:600}\
.redress-fleet .verdict{font-size:15px;font-weight:600}\
.redress-fleet .good{fill:#14713a}\
.redress-fleet .bad{fill:#b42318}\
.redress-fleet .faint{fill:#5b6775;font-size:12px}\
.redress-fleet .middle{text-anchor:middle}\
.redress-fleet .end{text-anchor:end}\
.redress-fleet .event{fill:#d7dde4}\
.redress-fleet .answered{fill:#3fa866}\
.redress-fleet .wasted{fill:#d9483b}\
.redress-fleet .grid{stroke:#c3cbd4;stroke-width:1;opacity:.6}\
.redress-fleet .axis{stroke:#5b6775;stroke-width:1}\
.redress-fleet .capacity{stroke:#1f2933;stroke-width:1.5;stroke-dasharray:6 4;fill:none}\
.redress-fleet .back{stroke:#0b4f94;stroke-width:2.5;fill:none}\
.redress-fleet .peak,.redress-fleet .mark{paint-order:stroke;stroke:#fff;stroke-width:3px}\
.redress-fleet .dot{fill:#0b4f94}";

/// The curves of one policy. Times are seconds from the start of the event.
#[derive(Clone, Debug, Default, PartialEq)]
struct Curves {
    title: String,
    verdict: String,
    is_good: bool,
    /// The first moment that is drawn.
    start: f64,
    /// The length of a step of the curves.
    step: f64,
    /// The requests of each step that were answered in time, as multiples of the capacity.
    answered: Vec<f64>,
    /// The other requests of each step.
    wasted: Vec<f64>,
    /// The share of the clients that is back at the end of each step.
    back: Vec<f64>,
    /// When the share reached 99 %, and that in words.
    back_at: Option<(f64, String)>,
    /// The moment of the highest load, and that load.
    peak: (f64, f64),
    /// How long the event lasts, and its name.
    event: (f64, String),
}

/// Steps of a curve at most; more would be narrower than two pixels.
const STEPS: usize = 318;

impl Curves {
    fn of(report: &Report) -> Option<Self> {
        let scenario = &report.scenario;
        let run = shown(report)?;
        let width = run.series.len().div_ceil(STEPS).max(1);
        let step = f64::from(u32::try_from(width).ok()?);
        let start = -scenario.event_start().as_secs_f64();
        let load = |count: fn(&super::Second) -> u32| -> Vec<f64> {
            let mean = |seconds: &[super::Second]| {
                let capacity: f64 = seconds.iter().map(|second| second.capacity).sum();
                seconds.iter().map(|second| f64::from(count(second))).sum::<f64>() / capacity
            };
            run.series.chunks(width).map(mean).collect()
        };
        let event = scenario.event;
        let lasts = event.lasts.as_secs_f64();
        let name = event.kind.noun().trim_start_matches("the ");
        let back_at = run.back_after(BACK).map(|after| {
            let words = format!("after {}", Span(after));
            (lasts + after.as_secs_f64(), words)
        });
        Some(Self {
            title: report.policy.clone(),
            verdict: report.to_string(),
            is_good: matches!(report.verdict(), Verdict::Recovers { .. }),
            start,
            step,
            answered: load(|second| second.answered),
            wasted: load(|second| second.thrown_away),
            back: run.series.chunks(width).filter_map(|seconds| Some(seconds.last()?.back)).collect(),
            back_at,
            peak: (peak(run, scenario.event_start()), run.peak),
            event: (lasts, format!("{name}, {}", Span(event.lasts))),
        })
    }

    fn end(&self) -> f64 {
        let steps = self.answered.len().max(self.back.len());
        self.start + self.step * f64::from(u32::try_from(steps).unwrap_or(u32::MAX))
    }
}

/// The run that is drawn.
fn shown(report: &Report) -> Option<&RunReport> {
    let share = report.scenario.expect.back;
    let mut runs: Vec<&RunReport> = report.runs.iter().collect();
    // Those that take longest last, and those that do not recover after them.
    runs.sort_by_key(|run| (!run.recovers(share), run.back_after(share).unwrap_or(Duration::MAX)));
    let median = runs.len().checked_sub(1)? / 2;
    match report.verdict() {
        Verdict::MayNotRecover { .. } => runs.last().copied(),
        _ => runs.get(median).copied(),
    }
}

/// The second with the most requests since the start of the event, which is where time begins.
fn peak(run: &RunReport, event_start: Duration) -> f64 {
    let first = event_start.as_secs();
    let requests = |second: &super::Second| u64::from(second.answered) + u64::from(second.thrown_away);
    let mut highest = (0, event_start.as_secs_f64());
    for (second, at) in run.series.iter().zip(0_u32..).skip_while(|(_, at)| u64::from(*at) < first) {
        if requests(second) > highest.0 {
            highest = (requests(second), f64::from(at));
        }
    }
    highest.1 - event_start.as_secs_f64()
}

/// Draws policies side by side, with one scale.
fn draw(policies: &[Curves]) -> String {
    let start = policies.iter().map(|curves| curves.start).fold(0.0, f64::min);
    let end = policies.iter().map(Curves::end).fold(start + 1.0, f64::max);
    let titles: Vec<String> = policies.iter().map(|curves| format!("{}: {}", curves.title, curves.verdict)).collect();
    let columns = f64::from(u32::try_from(policies.len()).unwrap_or(1));
    let size = (WIDTH * columns, HEIGHT);
    let mut svg = Svg::new(size, &titles.join("; "), STYLE);
    svg.open("redress-fleet", (0.0, 0.0));
    svg.rect("ground", (0.0, 0.0), size);
    let mut left = 0.0;
    for curves in policies {
        svg.open("policy", (left, 0.0));
        let x = |time: f64| LEFT + (time - start) / (end - start) * (WIDTH - LEFT - RIGHT);
        head(&mut svg, curves);
        svg.open("load", (0.0, HEAD));
        load(&mut svg, curves, &x);
        svg.close();
        svg.open("clients", (0.0, HEAD + UPPER + GAP));
        clients(&mut svg, curves, &x);
        time_axis(&mut svg, &x, start, end);
        svg.close();
        svg.close();
        left += WIDTH;
    }
    svg.close();
    svg.finish()
}

fn head(svg: &mut Svg, curves: &Curves) {
    svg.text("title", (24.0, 32.0), &curves.title);
    let verdict = if curves.is_good { "verdict good" } else { "verdict bad" };
    for (line, y) in two_lines(&curves.verdict).into_iter().zip([56.0, 76.0]) {
        svg.text(verdict, (24.0, y), line);
    }
    let y = 102.0;
    svg.rect("answered", (LEFT, y - 10.0), (LEFT + 14.0, y + 2.0));
    svg.text("faint", (LEFT + 20.0, y), "answered in time");
    svg.rect("wasted", (LEFT + 134.0, y - 10.0), (LEFT + 148.0, y + 2.0));
    svg.text("faint", (LEFT + 154.0, y), "rejected, late or in vain");
    svg.line("capacity", [(LEFT + 312.0, y - 4.0), (LEFT + 338.0, y - 4.0)]);
    svg.text("faint", (LEFT + 344.0, y), "capacity of the server");
}

/// Breaks a text that is too long for a line at a space.
fn two_lines(text: &str) -> Vec<&str> {
    const MOST: usize = 76;
    let Some((limit, _)) = text.char_indices().nth(MOST) else { return vec![text] };
    match text[..limit].rfind(' ') {
        Some(space) => vec![&text[..space], &text[space + 1..]],
        None => vec![text],
    }
}

/// The upper panel.
fn load(svg: &mut Svg, curves: &Curves, x: &dyn Fn(f64) -> f64) {
    let y = |multiple: f64| UPPER * (1.0 - multiple.clamp(0.0, CLIP) / CLIP);
    let (lasts, name) = &curves.event;
    svg.rect("event", (x(0.0), 0.0), (x(*lasts), UPPER));
    svg.text("faint middle", (x(lasts / 2.0), -6.0), name);
    for multiple in [0.0, 1.0, 2.0, 3.0] {
        svg.line("grid", [(LEFT, y(multiple)), (WIDTH - RIGHT, y(multiple))]);
        svg.text("faint end", (LEFT - 8.0, y(multiple) + 4.0), &format!("{multiple} ×"));
    }
    let sums: Vec<f64> =
        curves.answered.iter().zip(&curves.wasted).map(|(answered, wasted)| answered + wasted).collect();
    let step = |values: &[f64]| steps(curves, values, x, &y);
    let mut below = step(&curves.answered);
    let above = step(&sums);
    let (first, last) = (x(curves.start), x(curves.end()));
    let ground = [(last, UPPER), (first, UPPER)];
    svg.area("answered", below.iter().copied().chain(ground));
    below.reverse();
    svg.area("wasted", above.into_iter().chain(below));
    svg.line("capacity", [(LEFT, y(1.0)), (WIDTH - RIGHT, y(1.0))]);
    svg.line("axis", [(LEFT, UPPER), (WIDTH - RIGHT, UPPER)]);
    let (time, peak) = curves.peak;
    let near_the_right = x(time) > WIDTH - 140.0;
    let at = if near_the_right { x(time) - 6.0 } else { x(time) + 6.0 };
    svg.text(if near_the_right { "peak end" } else { "peak" }, (at, y(peak) + 15.0), &format!("peak {peak:.1} ×"));
}

/// The outline of a curve in steps, from left to right.
fn steps(curves: &Curves, values: &[f64], x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut time = curves.start;
    for value in values {
        let next = time + curves.step;
        match points.last_mut() {
            // A level stretch is one line.
            Some(last) if (last.1 - y(*value)).abs() < 0.005 => last.0 = x(next),
            _ => points.extend([(x(time), y(*value)), (x(next), y(*value))]),
        }
        time = next;
    }
    points
}

/// The lower panel.
fn clients(svg: &mut Svg, curves: &Curves, x: &dyn Fn(f64) -> f64) {
    let y = |share: f64| LOWER * (1.0 - share.clamp(0.0, 1.0));
    svg.rect("event", (x(0.0), 0.0), (x(curves.event.0), LOWER));
    svg.text("faint", (LEFT, -10.0), "clients that are back: with an answer since the end of the event");
    for share in [0.0, 0.5, 1.0] {
        svg.line("grid", [(LEFT, y(share)), (WIDTH - RIGHT, y(share))]);
        svg.text("faint end", (LEFT - 8.0, y(share) + 4.0), &format!("{:.0} %", share * 100.0));
    }
    // The curve counts answers since the end of the event, so it begins there.
    let lasts = curves.event.0;
    let ends = (1_u32..).map(|step| curves.start + curves.step * f64::from(step));
    let after = ends.zip(&curves.back).filter(|(time, _)| *time > lasts);
    svg.line("back", [(x(lasts), y(0.0))].into_iter().chain(after.map(|(time, share)| (x(time), y(*share)))));
    if let Some((time, words)) = &curves.back_at {
        svg.circle("dot", (x(*time), y(BACK)), 5.0);
        let near_the_right = x(*time) > WIDTH - 220.0;
        let (class, at) = if near_the_right { ("mark end", x(*time) - 10.0) } else { ("mark", x(*time) + 10.0) };
        svg.text(class, (at, y(BACK) + 20.0), &format!("99 % {words}"));
    }
    svg.line("axis", [(LEFT, LOWER), (WIDTH - RIGHT, LOWER)]);
}

fn time_axis(svg: &mut Svg, x: &dyn Fn(f64) -> f64, start: f64, end: f64) {
    let step = tick(end - start);
    let mut time = (start / step).ceil() * step;
    while time <= end {
        svg.line("axis", [(x(time), LOWER), (x(time), LOWER + 4.0)]);
        svg.text("faint middle", (x(time), LOWER + 18.0), &label(time));
        time += step;
    }
    svg.text("faint middle", (x(f64::midpoint(start, end)), LOWER + 38.0), "time from the start of the event");
}

/// A round span, in seconds, of which at most eight fill the axis.
fn tick(span: f64) -> f64 {
    const ROUND: [u32; 14] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200];
    let fits = ROUND.into_iter().map(f64::from).find(|step| span / step <= 8.0);
    fits.unwrap_or_else(|| (span / 8.0 / 14_400.0).ceil() * 14_400.0)
}

/// A moment in its unit.
fn label(seconds: f64) -> String {
    let size = seconds.abs();
    if size < 0.5 {
        "0".to_owned()
    } else if size < 60.0 || size % 60.0 >= 1.0 {
        format!("{seconds:.0} s")
    } else if size < 3_600.0 || size % 3_600.0 >= 1.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{:.0} h", seconds / 3_600.0)
    }
}

#[cfg(test)]
mod tests {
    use roxmltree::{Document, Node};

    use super::*;
    use crate::simulate::{Attempts, Incident, Scenario, Second};

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
        let is = |node: &Node<'_, '_>| {
            node.attribute("class").is_some_and(|words| words.split(' ').any(|word| word == class))
        };
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
        assert_eq!(
            texts[..2],
            ["uplink", "uplink recovers: 99 % of 1,000 clients are back 1 min 39 s after the outage"]
        );
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
            &all(&root, "load")[0]
                .descendants()
                .find(|node| node.attribute("class") == Some("answered"))
                .expect("an area"),
        );
        let wasted = points(
            &all(&root, "load")[0]
                .descendants()
                .find(|node| node.attribute("class") == Some("wasted"))
                .expect("an area"),
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
        let number = |node: &Node<'_, '_>, name| {
            node.attribute(name).and_then(|text| text.parse::<f64>().ok()).expect("a number")
        };
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
        assert!(image.len() < 40_000, "{}", image.len());
        if let Some(path) = std::env::var_os("PICTURE") {
            std::fs::write(path, image).expect("written");
        }
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
}
