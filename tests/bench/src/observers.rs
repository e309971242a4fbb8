//! Observers that nobody listens to, and the same with a listener that takes everything and keeps nothing.
//!
//! A listener is there while its row runs and no longer, so that the idle rows of the same process stay idle.

use std::hint::black_box;

use redress_core::{Event, Observer, Policy, Retry};
use redress_std::observe::{LogObserver, MetricsObserver, TracingObserver};

use crate::ours::{Env, RETRY, classify};
use crate::script::{FAILED, Script, observe};
use crate::{Contender, Work, call_site};

const OBSERVED: Retry = RETRY.no_deadline();
static POLICY: Policy = Policy::new(OBSERVED);

macro_rules! rows {
    ($($row:ident, $name:literal, $work:expr;)*) => {
        $(pub(crate) const $row: Contender = Contender { observed: Some($work), ..Contender::named($name) };)*
    };
}

rows! {
    CLOSURE, "redress, closure", || observed(|event: &Event| observe(event));
    LOG_IDLE, "redress, LogObserver idle", || observed(LogObserver::new());
    LOG_ACTIVE, "redress, LogObserver active", log_active;
    TRACING_IDLE, "redress, TracingObserver idle", || observed(TracingObserver::new());
    TRACING_ACTIVE, "redress, TracingObserver active", tracing_active;
    METRICS_IDLE, "redress, MetricsObserver idle", || observed(MetricsObserver::new());
    METRICS_ACTIVE, "redress, MetricsObserver active", metrics_active;
}

pub(crate) fn none() -> Work {
    let mut context = black_box(&POLICY).context(Env::new()).operation("bench").classifier(classify);
    call_site(move |script| context.call(|| script.call()).unwrap_or(FAILED))
}

fn observed<O: Observer + 'static>(observer: O) -> Work {
    let mut context = black_box(&POLICY).context(Env::new()).operation("bench").classifier(classify).observe(observer);
    call_site(move |script| context.call(|| script.call()).unwrap_or(FAILED))
}

/// A listener of all three facades.
struct Listener;

impl log::Log for Listener {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        black_box(record);
    }

    fn flush(&self) {}
}

fn log_active() -> Work {
    // The second maker in a process finds it installed.
    let _ = log::set_logger(&Listener);
    let mut work = observed(LogObserver::new());
    Box::new(move |script: &'static Script, iterations| {
        log::set_max_level(log::LevelFilter::Trace);
        let value = work(script, iterations);
        log::set_max_level(log::LevelFilter::Off);
        value
    })
}

impl tracing::Subscriber for Listener {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        black_box(span);
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        black_box(values);
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        black_box(event);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

fn tracing_active() -> Work {
    let mut work = observed(TracingObserver::new());
    let dispatch = tracing::Dispatch::new(Listener);
    Box::new(move |script, iterations| tracing::dispatcher::with_default(&dispatch, || work(script, iterations)))
}

fn metrics_active() -> Work {
    let mut work = observed(MetricsObserver::new());
    Box::new(move |script, iterations| {
        metrics::with_local_recorder(&metrics::NoopRecorder, || work(script, iterations))
    })
}
