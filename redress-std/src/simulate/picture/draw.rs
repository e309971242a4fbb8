//! Draws the curves of policies.

use super::{BACK, Curves};
use crate::simulate::{
    svg::{Point, Svg},
    text::Percent,
};

/// Multiples of the capacity above which the upper panel is clipped.
pub(super) const CLIP: f64 = 3.0;

pub(super) const WIDTH: f64 = 720.0;
pub(super) const LEFT: f64 = 62.0;
pub(super) const RIGHT: f64 = 30.0;
/// Title, verdict and legend.
const HEAD: f64 = 136.0;
pub(super) const UPPER: f64 = 240.0;
const GAP: f64 = 54.0;
pub(super) const LOWER: f64 = 130.0;
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

/// Draws policies side by side, with one scale.
pub(super) fn draw(policies: &[Curves]) -> String {
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
    svg.text("faint", (LEFT + 20.0, y), "requests answered in time");
    svg.rect("wasted", (LEFT + 190.0, y - 10.0), (LEFT + 204.0, y + 2.0));
    svg.text("faint", (LEFT + 210.0, y), "rejected, late or in vain");
    svg.line("capacity", [(LEFT + 370.0, y - 4.0), (LEFT + 396.0, y - 4.0)]);
    svg.text("faint", (LEFT + 402.0, y), "capacity of the server");
}

/// Breaks a text that is too long for a line at a space.
pub(super) fn two_lines(text: &str) -> Vec<&str> {
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
    } else if let Some(share) = curves.back.last() {
        // Above the end of the curve, which is not higher anywhere.
        let at = (x(curves.end()) - 4.0, y(*share) - 8.0);
        svg.text("mark bad end", at, &format!("only {} are back", Percent(*share)));
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
pub(super) fn tick(span: f64) -> f64 {
    const ROUND: [u32; 14] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200];
    let fits = ROUND.into_iter().map(f64::from).find(|step| span / step <= 8.0);
    fits.unwrap_or_else(|| (span / 8.0 / 14_400.0).ceil() * 14_400.0)
}

/// A moment in its unit.
pub(super) fn label(seconds: f64) -> String {
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
