//! An observer that prints attempts as they end and keeps them.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use redress_std::{Cause, Event, EventKind, Observer};
use tokio::sync::Notify;

/// Keeps the events of all calls; clones share them.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    prints: bool,
    started: Instant,
    events: Mutex<Vec<Event>>,
    added: Notify,
}

impl Journal {
    /// A journal that also prints, or doesn't.
    pub fn new(prints: bool) -> Self {
        Self(Arc::new(Kept { prints, started: Instant::now(), events: Mutex::default(), added: Notify::new() }))
    }

    /// Prints a line with the time since the start, if it prints.
    pub fn say(&self, text: &dyn fmt::Display) {
        if self.0.prints {
            println!("{:>7} ms  {text}", self.0.started.elapsed().as_millis());
        }
    }

    /// The events so far.
    pub fn events(&self) -> Vec<Event> {
        self.kept().clone()
    }

    /// Waits until there were so many events of this kind.
    pub async fn until(&self, kind: EventKind, count: usize) {
        loop {
            let added = self.0.added.notified();
            if self.kept().iter().filter(|event| event.kind == kind).count() >= count {
                return;
            }
            added.await;
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Event>> {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Journal {
    fn on_event(&mut self, event: &Event) {
        self.say(&Line(event));
        self.kept().push(*event);
        self.0.added.notify_waiters();
    }
}

/// An event for a person.
struct Line<'a>(&'a Event);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(event) = self;
        match event.attempt {
            0 => write!(f, "breaker    {}", event.kind)?,
            attempt => write!(f, "attempt {attempt}  {}", event.kind)?,
        }
        if let Some(class) = event.class {
            write!(f, ": {class}")?;
        }
        match (event.cause, event.code) {
            (Some(Cause::Result), Some(status)) => write!(f, " {status}")?,
            (Some(Cause::Error), Some(number)) => write!(f, " (os error {number})")?,
            (Some(cause), _) => write!(f, " ({cause})")?,
            (None, _) => {}
        }
        if let Some(hint) = event.retry_after {
            write!(f, ", Retry-After {hint}")?;
        }
        if event.kind == EventKind::Retry {
            write!(f, ", next in {}", event.delay)?;
        }
        Ok(())
    }
}
