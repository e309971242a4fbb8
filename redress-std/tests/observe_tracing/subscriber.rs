//! A subscriber that keeps what it gets.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use tracing::{
    Id, Level, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Record},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

pub(crate) type Fields = BTreeMap<&'static str, String>;

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) level: Level,
    pub(crate) span: Option<&'static str>,
    pub(crate) fields: Fields,
}

impl Event {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) open: usize,
    pub(crate) closed: Vec<Fields>,
    pub(crate) events: Vec<Event>,
}

impl Seen {
    pub(crate) fn messages(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.field("message")).collect()
    }
}

/// Keeps what it sees of `redress`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keep(Arc<Mutex<Seen>>);

struct Read<'a>(&'a mut Fields);

impl Visit for Read<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Keep {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::new();
        attributes.record(&mut Read(&mut fields));
        let span = context.span(id).expect("it is new");
        if let Some(parent) = span.parent() {
            fields.insert("parent", parent.name().to_owned());
        }
        span.extensions_mut().insert(fields);
        self.0.lock().expect("no panic").open += usize::from(span.metadata().target() == "redress");
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).expect("it is open");
        values.record(&mut Read(span.extensions_mut().get_mut().expect("put there at the start")));
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::new();
        event.record(&mut Read(&mut fields));
        assert_eq!(event.metadata().target(), "redress");
        let (level, span) = (*event.metadata().level(), context.event_span(event).map(|span| span.name()));
        self.0.lock().expect("no panic").events.push(Event { level, span, fields });
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).expect("it is closing");
        if span.metadata().target() == "redress" {
            let mut seen = self.0.lock().expect("no panic");
            seen.open -= 1;
            seen.closed.push(span.extensions_mut().remove().expect("put there at the start"));
        }
    }
}

impl Keep {
    /// A subscriber for this thread, until the guard is dropped.
    pub(crate) fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let keep = Self::default();
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(keep.clone()));
        (keep, guard)
    }

    pub(crate) fn seen(&self) -> Seen {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }

    pub(crate) fn open(&self) -> usize {
        self.0.lock().expect("no panic").open
    }
}
