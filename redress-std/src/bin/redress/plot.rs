//! A schedule as an image: a row for each attempt, time from left to right.

use std::error::Error;

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use redress_std::file::{PolicyConfig, printable};

use crate::schedule::{Group, seconds};

const WIDTH: u32 = 860;
const LEFT: i32 = 100;
const RIGHT: i32 = 86;
const ROW: u32 = 30;
/// Above and below the rows of a panel: its title, its axis.
const ABOVE: u32 = 44;
const BELOW: u32 = 40;
const HEAD: u32 = 74;

const INK: RGBColor = RGBColor(0x1f, 0x29, 0x33);
const FAINT: RGBColor = RGBColor(0x5b, 0x67, 0x75);
const GRID: RGBColor = RGBColor(0xe3, 0xe8, 0xee);
const RANGE: RGBColor = RGBColor(0xcf, 0xdf, 0xf1);
const MOST_CALLS: RGBColor = RGBColor(0x7c, 0xad, 0xdf);
const MEDIAN: RGBColor = RGBColor(0x0b, 0x4f, 0x94);
const DEADLINE: RGBColor = RGBColor(0xb4, 0x23, 0x18);

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn Error>>;

/// The image: a panel for each group of classes.
pub(crate) fn svg(name: &str, config: &PolicyConfig, groups: &[Group], rows: usize) -> Result<String, Box<dyn Error>> {
    let mut image = String::new();
    {
        let heights: Vec<u32> = groups.iter().map(|group| height(group, rows)).collect();
        let root = SVGBackend::with_string(&mut image, (WIDTH, HEAD + heights.iter().sum::<u32>())).into_drawing_area();
        root.fill(&WHITE)?;
        head(&root, name)?;
        let mut top = HEAD;
        // One axis for all panels, so that they compare.
        let end = groups.iter().flat_map(|group| group.schedule.rows.iter().take(rows)).map(|row| row.latest).max();
        let deadline = config.retry.deadline_ms.map(|deadline| u64::from(deadline.get()));
        let end = end.unwrap_or_default().max(1);
        // A deadline far beyond the last attempt would only squeeze them.
        let shown = deadline.filter(|deadline| *deadline <= end.saturating_mul(2));
        if let (Some(deadline), None) = (deadline, shown) {
            let text = format!("deadline {}, beyond the axis", label(deadline));
            root.draw(&Text::new(text, (WIDTH.cast_signed() - RIGHT, 52), style(12.0, DEADLINE, HPos::Right)))?;
        }
        let deadline = shown;
        let end = deadline.map_or(end, |deadline| end.max(deadline));
        for (group, height) in groups.iter().zip(heights) {
            let panel = root.clone().shrink((0, top), (WIDTH, height));
            draw(&panel, group, rows, end, deadline)?;
            top += height;
        }
        root.present()?;
    }
    Ok(image)
}

fn height(group: &Group, rows: usize) -> u32 {
    let rows = u32::try_from(group.schedule.rows.len().min(rows)).unwrap_or(u32::MAX / ROW);
    ABOVE + rows.saturating_mul(ROW) + BELOW
}

/// `size` in pixels; the backend takes the size of a larger box.
fn style(size: f64, color: RGBColor, h: HPos) -> TextStyle<'static> {
    ("sans-serif", size * 1.24).into_font().color(&color).pos(Pos::new(h, VPos::Center))
}

fn bar(from: (i32, i32), to: (i32, i32), color: RGBColor) -> Rectangle<(i32, i32)> {
    Rectangle::new([from, to], color.filled())
}

fn head(root: &Area<'_>, name: &str) -> Drawn {
    let title = format!("Policy {}: when the attempts of a failing call start", printable(name));
    root.draw(&Text::new(title, (24, 24), style(19.0, INK, HPos::Left)))?;
    let (x, y) = (24, 52);
    root.draw(&bar((x, y - 6), (x + 26, y + 6), RANGE))?;
    root.draw(&Text::new("earliest to latest", (x + 33, y), style(12.0, FAINT, HPos::Left)))?;
    root.draw(&bar((x + 150, y - 6), (x + 176, y + 6), MOST_CALLS))?;
    root.draw(&Text::new("8 of 10 calls", (x + 183, y), style(12.0, FAINT, HPos::Left)))?;
    root.draw(&bar((x + 283, y - 8), (x + 286, y + 8), MEDIAN))?;
    root.draw(&Text::new("median", (x + 293, y), style(12.0, FAINT, HPos::Left)))?;
    Ok(())
}

fn draw(panel: &Area<'_>, group: &Group, rows: usize, end: u64, deadline: Option<u64>) -> Drawn {
    let (_, height) = panel.dim_in_pixel();
    let (top, bottom) = (ABOVE.cast_signed(), (height - BELOW).cast_signed());
    let right = WIDTH.cast_signed() - RIGHT;
    let x = |millis: u64| LEFT + scaled(millis, end, right - LEFT);

    panel.draw(&Text::new(group.title.clone(), (24, 14), style(13.0, INK, HPos::Left)))?;
    let step = step(end);
    for tick in (0..=end / step).map(|n| n * step) {
        panel.draw(&PathElement::new(vec![(x(tick), top), (x(tick), bottom)], GRID))?;
        panel.draw(&Text::new(label(tick), (x(tick), bottom + 13), style(12.0, FAINT, HPos::Center)))?;
    }
    panel.draw(&PathElement::new(vec![(LEFT, bottom), (right, bottom)], FAINT))?;

    let mut middle = top + ROW.cast_signed() / 2;
    for (n, row) in group.schedule.rows.iter().enumerate().take(rows) {
        panel.draw(&Text::new(format!("attempt {}", n + 1), (LEFT - 12, middle), style(12.0, INK, HPos::Right)))?;
        // Wide enough to be seen where there is nothing to choose from.
        panel.draw(&bar((x(row.earliest), middle - 7), (x(row.latest).max(x(row.earliest) + 2), middle + 7), RANGE))?;
        panel.draw(&bar(
            (x(row.tenth), middle - 7),
            (x(row.nine_tenths).max(x(row.tenth) + 2), middle + 7),
            MOST_CALLS,
        ))?;
        panel.draw(&bar((x(row.median) - 1, middle - 10), (x(row.median) + 2, middle + 10), MEDIAN))?;
        let share = format!("{:.0} %", row.reached * 100.0);
        panel.draw(&Text::new(share, (WIDTH.cast_signed() - 24, middle), style(12.0, FAINT, HPos::Right)))?;
        middle += ROW.cast_signed();
    }
    panel.draw(&Text::new("reached by", (WIDTH.cast_signed() - 24, 14), style(12.0, FAINT, HPos::Right)))?;
    if let Some(deadline) = deadline {
        let at = x(deadline);
        panel.draw(&PathElement::new(vec![(at, top - 4), (at, bottom)], DEADLINE.stroke_width(2)))?;
        let text = format!("deadline {}", label(deadline));
        panel.draw(&Text::new(text, (at, top - 12), style(12.0, DEADLINE, HPos::Center)))?;
    }
    Ok(())
}

/// The part of a width that a part of the time is.
fn scaled(millis: u64, end: u64, width: i32) -> i32 {
    let part = u128::from(millis) * u128::from(width.unsigned_abs()) / u128::from(end.max(1));
    i32::try_from(part).unwrap_or(width)
}

/// A round span of which about eight fill the axis.
fn step(end: u64) -> u64 {
    let mut step = 1;
    loop {
        for factor in [1, 2, 5] {
            if end / (step * factor) <= 8 {
                return step * factor;
            }
        }
        step *= 10;
    }
}

/// A tick in its unit, without zeros at its end.
fn label(millis: u64) -> String {
    if millis == 0 {
        return "0".to_owned();
    }
    if millis < 1_000 {
        return format!("{millis} ms");
    }
    format!("{} s", seconds(millis).trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_steps() {
        for (end, round) in [(1, 1), (9, 2), (100, 20), (999, 200), (30_000, 5_000), (60_000, 10_000)] {
            assert_eq!(step(end), round, "{end}");
        }
        assert!(step(u64::MAX / 100) > 0);
        assert_eq!([0, 500, 1_500, 20_000].map(label), ["0", "500 ms", "1.5 s", "20 s"]);
    }
}
