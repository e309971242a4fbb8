//! A line on the terminal for work that takes more than a moment.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::Mutex,
    time::{Duration, Instant},
};

use redress_std::simulate::{Grouped, Progress};

/// Runs shorter than this have no line.
const PATIENCE: Duration = Duration::from_secs(2);
const BETWEEN: Duration = Duration::from_millis(200);

/// A line that is written again and again on standard error, if that is a terminal, and is gone at the end.
pub(crate) struct Line {
    what: String,
    /// When to write next, and the width of what is there; `None` if there is no terminal.
    next: Option<Mutex<(Instant, usize)>>,
}

impl Line {
    pub(crate) fn new(what: String) -> Self {
        let next = stderr().is_terminal().then(|| Mutex::new((Instant::now() + PATIENCE, 0)));
        Self { what, next }
    }

    /// Writes how far it is, but not more often than people read.
    pub(crate) fn show(&self, progress: Progress) {
        let Some(Ok(mut next)) = self.next.as_ref().map(Mutex::try_lock) else { return };
        if Instant::now() < next.0 {
            return;
        }
        let text = text(&self.what, progress);
        eprint!("\r{text:width$}", width = next.1);
        *next = (Instant::now() + BETWEEN, text.chars().count());
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(Ok((_, width @ 1..))) = self.next.as_mut().map(|next| next.get_mut().map(|next| *next)) {
            eprint!("\r{:width$}\r", "");
            let _ = stderr().flush();
        }
    }
}

fn text(what: &str, progress: Progress) -> String {
    format!("{what}: {:.0} %, {} events", progress.done * 100.0, Grouped(progress.events))
}
