//! A line on the terminal for work that takes more than a moment.

use std::{
    io::{IsTerminal, Stderr, Write, stderr},
    sync::Mutex,
    time::{Duration, Instant},
};

use redress_std::simulate::{Grouped, Progress};

/// Work that is done sooner has no line.
const PATIENCE: Duration = Duration::from_secs(2);
const BETWEEN: Duration = Duration::from_millis(200);

/// A line that is written again and again on standard error, if that is a terminal, and is gone at the end.
pub(crate) struct Line {
    started: Instant,
    /// `None` if there is no terminal.
    writer: Option<Mutex<Writer<Stderr>>>,
}

impl Line {
    pub(crate) fn new(what: String) -> Self {
        let writer = stderr().is_terminal().then(|| Mutex::new(Writer::new(what, stderr())));
        Self { started: Instant::now(), writer }
    }

    /// Writes how far it is, but not more often than people read.
    pub(crate) fn show(&self, progress: Progress) {
        // Another thread is at it.
        let Some(Ok(mut writer)) = self.writer.as_ref().map(Mutex::try_lock) else { return };
        writer.show(self.started.elapsed(), progress);
    }
}

/// Writes the line; its caller says how much time has passed.
struct Writer<W: Write> {
    what: String,
    to: W,
    /// When to write next, since the start.
    next: Duration,
    /// The width of what is there.
    width: usize,
}

impl<W: Write> Writer<W> {
    const fn new(what: String, to: W) -> Self {
        Self { what, to, next: PATIENCE, width: 0 }
    }

    /// Writes the line if it is due at this time since the start. A terminal that is gone is no reason to stop the work.
    fn show(&mut self, now: Duration, progress: Progress) {
        if now < self.next {
            return;
        }
        let text = format!("{}: {:.0} %, {} events", self.what, progress.done * 100.0, Grouped(progress.events));
        let _ = write!(self.to, "\r{text:width$}", width = self.width).and_then(|()| self.to.flush());
        (self.next, self.width) = (now + BETWEEN, text.chars().count());
    }
}

impl<W: Write> Drop for Writer<W> {
    fn drop(&mut self) {
        if self.width > 0 {
            let _ = write!(self.to, "\r{:width$}\r", "", width = self.width).and_then(|()| self.to.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is written if the work is shown at these times, in milliseconds, and is done.
    fn written(times: &[u64]) -> String {
        let mut written = Vec::new();
        let mut writer = Writer::new("simulating uplink".to_owned(), &mut written);
        for (number, time) in (1_u64..).zip(times) {
            let mut progress = Progress::default();
            (progress.done, progress.events) = (0.25, 4_000_000 / number);
            writer.show(Duration::from_millis(*time), progress);
        }
        drop(writer);
        String::from_utf8(written).expect("UTF-8")
    }

    #[test]
    fn work_of_less_than_two_seconds_has_no_line() {
        assert_eq!(written(&[0, 500, 1_999]), "");
    }

    #[test]
    fn a_line_is_written_over_the_one_before_and_is_gone_at_the_end() {
        let line = "\rsimulating uplink: 25 %, 1,333,333 events";
        // The second in time comes too soon after the first.
        assert_eq!(written(&[1_000, 1_999, 2_000, 2_199]), format!("{line}\r{:width$}\r", "", width = line.len() - 1));
        let two = written(&[2_000, 2_100, 2_200]);
        let (first, second) =
            ("simulating uplink: 25 %, 4,000,000 events", "simulating uplink: 25 %, 1,333,333 events");
        assert!(two.starts_with(&format!("\r{first}\r{second}\r ")), "{two:?}");
    }
}
