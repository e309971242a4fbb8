//! A report for people: a line per attempt as it ends, and a timeline at the end.
//!
//! ```text
//! fetch_profile: success on attempt 5 after 1840 ms
//!
//!       0 ms          500            1000           1500
//!       +-------------+--------------+--------------+-----------
//!    1  x.                                                        connection reset
//!    2    =========x......                                        no answer in time
//!    3                    x...                                    503
//!    4                        x................................   429, Retry-After 1 s
//!    5                                                         o  200
//!       = attempt   x failed   o success   . waiting
//! ```
//!
//! All functions write to what they are given and know nothing of clocks or policies, so they can be fed from the
//! events of a run as well as from a list.

mod axis;

use std::fmt;
use std::io::{self, IsTerminal, Write};

use axis::{AXIS, Glyph, Scale, ink, next_attempt};

/// The width of a report, in columns.
pub const WIDTH: usize = 100;

/// Columns left of the time axis.
const MARGIN: usize = 6;
/// The event that follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The call ends: the operation succeeded.
    Success,
    /// Another attempt, after a wait.
    Retry {
        /// The wait.
        delay_ms: u64,
    },
    /// Another attempt later, from a checkpoint.
    Defer {
        /// The wait that was handed over.
        delay_ms: u64,
    },
    /// The call ends without success.
    Stop {
        /// The reason to stop.
        reason: &'static str,
    },
}

/// One attempt, or a call that was refused before its first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// When the attempt ended, counted from the start of the report.
    pub at_ms: u64,
    /// How long it took.
    pub took_ms: u64,
    /// Its number, from 1; 0 if the call was refused and nothing was sent.
    pub number: u32,
    /// The result in a few words.
    pub outcome: String,
    /// The class of the failure; empty if there was none.
    pub class: &'static str,
    /// The event that follows.
    pub next: Next,
}

/// A line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// An attempt.
    Attempt(AttemptRow),
    /// Something that happened between attempts, such as a breaker opening.
    Note {
        /// When it happened, counted from the start of the report.
        at_ms: u64,
        /// The text of the note.
        text: String,
    },
}

impl Row {
    fn attempt(&self) -> Option<&AttemptRow> {
        match self {
            Self::Attempt(attempt) => Some(attempt),
            Self::Note { .. } => None,
        }
    }
}

impl AttemptRow {
    fn number_text(&self) -> String {
        if self.number == 0 { "-".to_owned() } else { self.number.to_string() }
    }
}

/// Whether to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// No colour.
    pub const PLAIN: Self = Self { colour: false };
    /// Colour by ANSI escapes.
    pub const COLOUR: Self = Self { colour: true };

    /// Colour if standard output is a terminal and `NO_COLOR` is not set (empty counts as not set, as that convention
    /// says).
    pub fn detect() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colour: !unwanted && io::stdout().is_terminal() }
    }

    fn paint(self, paint: Paint, text: impl fmt::Display) -> String {
        if self.colour && paint != Paint::Plain {
            format!("\x1b[{}m{text}\x1b[0m", paint.code())
        } else {
            text.to_string()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paint {
    Plain,
    Title,
    Faint,
    Good,
    Bad,
    Wait,
    Defer,
    Note,
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Title => "1",
            Self::Faint => "2",
            Self::Good => "1;32",
            Self::Bad => "1;31",
            Self::Wait => "33",
            Self::Defer => "35",
            Self::Note => "36",
        }
    }
}

/// Prints the title of a scenario and the headings of the columns of [`row`].
pub fn header(out: &mut impl Write, style: Style, title: &str) -> io::Result<()> {
    let headings = columns("ms", "#", "came back", "class", "then");
    writeln!(out, "{}\n", style.paint(Paint::Title, fit(title, WIDTH).trim_end()))?;
    writeln!(out, "{}", style.paint(Paint::Faint, headings.concat()))
}

/// Prints one line, meant to be called as it happens.
pub fn row(out: &mut impl Write, style: Style, row: &Row) -> io::Result<()> {
    match row {
        Row::Attempt(attempt) => {
            let number = attempt.number_text();
            let (after, paint) = match attempt.next {
                Next::Success => ("done".to_owned(), Paint::Good),
                Next::Retry { delay_ms } => (format!("retry in {}", span(delay_ms)), Paint::Wait),
                Next::Defer { delay_ms } => (format!("defer for {}", span(delay_ms)), Paint::Defer),
                Next::Stop { reason } => (format!("stop: {reason}"), Paint::Bad),
            };
            let [at, number, outcome, class, after] =
                columns(&attempt.at_ms.to_string(), &number, &attempt.outcome, attempt.class, &after);
            let outcome = style.paint(if attempt.next == Next::Success { Paint::Good } else { Paint::Plain }, outcome);
            writeln!(out, "{at}{number}{outcome}{class}{}", style.paint(paint, after))
        }
        Row::Note { at_ms, text } => {
            let [at, ..] = columns(&at_ms.to_string(), "", "", "", "");
            let text = format!("    *  {text}");
            writeln!(out, "{at}{}", style.paint(Paint::Note, fit(&text, WIDTH - at.len()).trim_end()))
        }
    }
}

/// Prints how it ended, and all rows over a common time axis: attempts as marks, waits as bars.
pub fn timeline(out: &mut impl Write, style: Style, operation: &str, rows: &[Row]) -> io::Result<()> {
    let (verdict, paint) = verdict(rows);
    let room = WIDTH.saturating_sub(verdict.chars().count() + 2);
    let operation = shorten(operation, room);
    writeln!(out, "{}: {}\n", style.paint(Paint::Title, operation), style.paint(paint, verdict))?;
    if rows.is_empty() {
        return Ok(());
    }

    let scale = Scale::of(rows);
    let (labels, ticks) = scale.axis();
    writeln!(out, "{:MARGIN$}{}", "", style.paint(Paint::Faint, labels))?;
    writeln!(out, "{:MARGIN$}{}", "", style.paint(Paint::Faint, ticks))?;
    let mut used = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let (number, label, paint) = match row {
            Row::Attempt(attempt) => {
                let number = attempt.number_text();
                let (label, paint) = match attempt.next {
                    Next::Success => (attempt.outcome.clone(), Paint::Good),
                    Next::Retry { .. } => (attempt.outcome.clone(), Paint::Plain),
                    Next::Defer { .. } => (format!("{}: deferred", attempt.outcome), Paint::Defer),
                    Next::Stop { reason } => (format!("{}: {reason}", attempt.outcome), Paint::Bad),
                };
                (number, label, paint)
            }
            Row::Note { text, .. } => (String::new(), text.clone(), Paint::Note),
        };
        let cells = scale.draw(row, next_attempt(&rows[index + 1..]));
        for glyph in Glyph::ALL {
            if cells.contains(&Some(glyph)) && !used.contains(&glyph) {
                used.push(glyph);
            }
        }
        let number = format!("{number:>w$}  ", w = MARGIN - 2);
        let label = shorten(&label, WIDTH.saturating_sub(number.len() + AXIS + 2));
        writeln!(out, "{number}{}  {}", ink(&cells, style), style.paint(paint, label))?;
    }

    // Only what was drawn is explained.
    let legend: Vec<String> = Glyph::ALL
        .into_iter()
        .filter(|glyph| used.contains(glyph))
        .map(|glyph| format!("{} {}", style.paint(glyph.paint(), glyph.as_char()), glyph.meaning()))
        .collect();
    writeln!(out, "{:MARGIN$}{}", "", legend.join("   "))
}

/// How a run ended, in words.
fn verdict(rows: &[Row]) -> (String, Paint) {
    let last = rows.iter().rev().find_map(Row::attempt);
    let Some(last) = last else {
        return ("nothing was attempted".to_owned(), Paint::Plain);
    };
    let on = if last.number == 0 { "before an attempt".to_owned() } else { format!("on attempt {}", last.number) };
    let after = span(last.at_ms);
    match last.next {
        Next::Success => (format!("success {on} after {after}"), Paint::Good),
        Next::Retry { delay_ms } => {
            (format!("waiting after attempt {}, {} to go", last.number, span(delay_ms)), Paint::Wait)
        }
        Next::Defer { delay_ms } => (format!("deferred {on} after {after}, due in {}", span(delay_ms)), Paint::Defer),
        Next::Stop { reason } => (format!("gave up {on} after {after}: {reason}"), Paint::Bad),
    }
}

/// A duration in few characters, rounded down.
fn span(ms: u64) -> String {
    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    let (unit, name) = match ms {
        0..10_000 => return format!("{ms} ms"),
        10_000..MINUTE => (1000, "s"),
        MINUTE..HOUR => (MINUTE, "min"),
        HOUR.. => (HOUR, "h"),
    };
    format!("{}.{} {name}", ms / unit, ms % unit * 10 / unit)
}

/// The columns of a line, each with its gap. Numbers may push, the last column gives way.
fn columns(at: &str, number: &str, outcome: &str, class: &str, after: &str) -> [String; 5] {
    let at = format!("{at:>8}");
    let number = format!("{number:>5}  ");
    let outcome = format!("{}  ", fit(outcome, 32));
    let class = format!("{}  ", fit(class, 12));
    let used = [&at, &number, &outcome, &class].map(|column| column.chars().count()).iter().sum();
    let after = shorten(after, WIDTH.saturating_sub(used));
    [at, number, outcome, class, after]
}

/// Exactly `width` characters.
fn fit(text: &str, width: usize) -> String {
    format!("{:width$}", shorten(text, width))
}

/// At most `width` characters; what is missing is marked by two dots.
fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        text.to_owned()
    } else {
        text.chars().take(width.saturating_sub(2)).chain("..".chars()).take(width).collect()
    }
}

#[cfg(test)]
mod tests;
