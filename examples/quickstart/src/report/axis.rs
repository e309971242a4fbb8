//! The drawing under a timeline: times to columns, rows to cells.

use super::{AttemptRow, Next, Paint, Row, Style};

/// Columns of the time axis.
pub(super) const AXIS: usize = 56;

/// The next attempt, which is where a wait must end.
pub(super) fn next_attempt(rows: &[Row]) -> Option<&AttemptRow> {
    rows.iter().find_map(Row::attempt)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glyph {
    Running,
    Failed,
    Refused,
    Success,
    Waiting,
    Deferred,
    Noted,
}

impl Glyph {
    pub(super) const ALL: [Self; 7] =
        [Self::Running, Self::Failed, Self::Success, Self::Waiting, Self::Deferred, Self::Refused, Self::Noted];

    pub(super) fn as_char(self) -> char {
        match self {
            Self::Running => '=',
            Self::Failed => 'x',
            Self::Refused => '/',
            Self::Success => 'o',
            Self::Waiting => '.',
            Self::Deferred => '~',
            Self::Noted => '*',
        }
    }

    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Running => "attempt",
            Self::Failed => "failed",
            Self::Refused => "refused, nothing sent",
            Self::Success => "success",
            Self::Waiting => "waiting",
            Self::Deferred => "deferred",
            Self::Noted => "event",
        }
    }

    pub(super) fn paint(self) -> Paint {
        match self {
            Self::Running => Paint::Plain,
            Self::Failed | Self::Refused => Paint::Bad,
            Self::Success => Paint::Good,
            Self::Waiting => Paint::Wait,
            Self::Deferred => Paint::Defer,
            Self::Noted => Paint::Note,
        }
    }
}

pub(super) type Cells = [Option<Glyph>; AXIS];

/// The cells as text, runs of one colour in one escape.
pub(super) fn ink(cells: &Cells, style: Style) -> String {
    cells
        .chunk_by(|a, b| a == b)
        .map(|run| {
            let glyph = run[0];
            let text: String = run.iter().map(|_| glyph.map_or(' ', Glyph::as_char)).collect();
            style.paint(glyph.map_or(Paint::Plain, Glyph::paint), text)
        })
        .collect()
}

/// Which column a time falls on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// The time of the last column; not zero.
    pub(super) end_ms: u64,
}

impl Scale {
    /// From zero to the last thing that happens, the wait after the last row included.
    pub(super) fn of(rows: &[Row]) -> Self {
        let end = rows.iter().enumerate().map(|(index, row)| match row {
            Row::Note { at_ms, .. } => *at_ms,
            Row::Attempt(attempt) => match attempt.next {
                Next::Success | Next::Stop { .. } => attempt.at_ms,
                Next::Retry { delay_ms } | Next::Defer { delay_ms } => {
                    next_attempt(&rows[index + 1..]).map_or(attempt.at_ms.saturating_add(delay_ms), |next| next.at_ms)
                }
            },
        });
        Self { end_ms: end.max().unwrap_or(0).max(1) }
    }

    fn column(self, ms: u64) -> usize {
        let last = AXIS - 1;
        let column = u128::from(ms) * last as u128 / u128::from(self.end_ms);
        usize::try_from(column).map_or(last, |column| column.min(last))
    }

    /// Returns the first column of an attempt. An attempt shorter than a column is drawn as a single mark.
    fn first_column(self, attempt: &AttemptRow) -> usize {
        let took_ms = if self.column(attempt.took_ms) == 0 { 0 } else { attempt.took_ms };
        self.column(attempt.at_ms.saturating_sub(took_ms))
    }

    /// One row. A wait is drawn up to the attempt after it, if there is one.
    pub(super) fn draw(self, row: &Row, next: Option<&AttemptRow>) -> Cells {
        let mut cells = [None; AXIS];
        match row {
            Row::Note { at_ms, .. } => cells[self.column(*at_ms)] = Some(Glyph::Noted),
            Row::Attempt(attempt) => {
                let end = self.column(attempt.at_ms);
                cells[self.first_column(attempt)..end].fill(Some(Glyph::Running));
                let (mark, wait) = match attempt.next {
                    Next::Success => (Glyph::Success, None),
                    Next::Stop { .. } if attempt.number == 0 => (Glyph::Refused, None),
                    Next::Stop { .. } => (Glyph::Failed, None),
                    Next::Retry { delay_ms } => (Glyph::Failed, Some((Glyph::Waiting, delay_ms))),
                    Next::Defer { delay_ms } => (Glyph::Failed, Some((Glyph::Deferred, delay_ms))),
                };
                cells[end] = Some(mark);
                if let Some((glyph, delay_ms)) = wait {
                    // Up to the column of the next attempt, not into it; with none to come, to the end of the axis.
                    let until = match next {
                        Some(next) => self.first_column(next),
                        None => self.column(attempt.at_ms.saturating_add(delay_ms)) + 1,
                    };
                    cells[(end + 1).min(until)..until].fill(Some(glyph));
                }
            }
        }
        cells
    }

    /// The two lines of the axis: labels and ticks.
    pub(super) fn axis(self) -> (String, String) {
        let step = self.step();
        let (unit, divisor) = if step < 1000 { (" ms", 1) } else { (" s", 1000) };
        let mut labels = String::new();
        let mut ticks = "-".repeat(AXIS);
        for tick in (0..=self.end_ms / step).map(|n| n * step) {
            let column = self.column(tick);
            ticks.replace_range(column..=column, "+");
            let label = format!("{}{}", tick / divisor, if tick == 0 { unit } else { "" });
            labels.push_str(&" ".repeat(column.saturating_sub(labels.len())));
            labels.push_str(&label);
        }
        (labels, ticks)
    }

    /// The smallest round step whose ticks are far enough apart for their labels.
    fn step(self) -> u64 {
        const APART: u128 = 9;
        let least = (APART * u128::from(self.end_ms)).div_ceil(AXIS as u128 - 1);
        let mut decade: u64 = 1;
        loop {
            for factor in [1, 2, 5] {
                let step = decade.saturating_mul(factor);
                if u128::from(step) >= least {
                    return step;
                }
            }
            decade = decade.saturating_mul(10);
        }
    }
}
