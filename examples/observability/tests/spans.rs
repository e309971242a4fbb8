//! The spans of a run, as OpenTelemetry exports them.

use std::process::Command;

use observability::{Report, opentelemetry, run};
use opentelemetry::{
    Key, Value,
    trace::{SpanId, Status},
};
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    trace::{InMemorySpanExporterBuilder, SdkTracerProvider, SpanData, SpanExporter},
};
use redress_std::observe::TracingObserver;

fn traced(provider: &SdkTracerProvider) -> Report {
    tracing::subscriber::with_default(opentelemetry(provider), || {
        tracing::info_span!("checkout").in_scope(|| run(&TracingObserver::new().opentelemetry()))
    })
}

fn attribute(span: &SpanData, name: &'static str) -> Option<Value> {
    let found = span.attributes.iter().find(|attribute| attribute.key == Key::from_static_str(name));
    found.map(|attribute| attribute.value.clone())
}

fn text(span: &SpanData, name: &'static str) -> String {
    attribute(span, name).map(|value| value.as_str().into_owned()).unwrap_or_default()
}

fn number(span: &SpanData, name: &'static str) -> u64 {
    match attribute(span, name) {
        Some(Value::I64(value)) => u64::try_from(value).expect("a count"),
        other => panic!("{name} of {}: {other:?}", span.name),
    }
}

#[test]
fn each_call_is_a_span_with_what_happened_in_it() {
    let exporter = InMemorySpanExporterBuilder::new().build();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let report = traced(&provider);
    let spans = exporter.get_finished_spans().expect("they are in memory");

    let (roots, calls): (Vec<_>, Vec<_>) = spans.iter().partition(|span| span.parent_span_id == SpanId::INVALID);
    let [checkout] = roots[..] else { panic!("one root: {roots:?}") };
    assert_eq!(checkout.name, "checkout");

    let mut seen = Report::default();
    for span in &calls {
        assert_eq!(span.parent_span_id, checkout.span_context.span_id());
        assert_eq!(span.span_context.trace_id(), checkout.span_context.trace_id());
        assert_eq!(span.name, text(span, "operation"));
        let outcome = text(span, "outcome");
        assert_eq!(span.status == Status::Unset, outcome == "success", "{:?}", span.status);
        assert_eq!(matches!(span.status, Status::Error { .. }), outcome != "success", "{:?}", span.status);

        let attempts = number(span, "attempts");
        let known = report.rows.keys().find(|row| row.0 == span.name && row.1 == outcome);
        let row = seen.rows.entry(*known.expect("the run had such a call")).or_default();
        *row = (row.0 + 1, row.1 + attempts);

        let named = |name| span.events.iter().filter(move |event| event.name == name);
        assert_eq!(u64::try_from(named("attempt_end").count()), Ok(attempts));
        for retry in named("retry") {
            let has = |name: &str, is: fn(&Value) -> bool| {
                retry.attributes.iter().any(|attribute| attribute.key.as_str() == name && is(&attribute.value))
            };
            assert!(["operation", "class"].iter().all(|name| has(name, |value| matches!(value, Value::String(_)))));
            assert!(["attempt", "delay_ms"].iter().all(|name| has(name, |value| matches!(value, Value::I64(_)))));
        }
        assert_eq!(u64::try_from(named("retry").count()), Ok(attempts.saturating_sub(1)));
        let stop_reasons = span.events.iter().flat_map(|event| &event.attributes);
        let stopped = stop_reasons.filter(|attribute| attribute.key.as_str() == "stop_reason").count();
        assert_eq!(stopped > 0, outcome != "success");
    }
    assert_eq!(seen, report);

    let opened: Vec<_> = checkout.events.iter().filter(|event| event.name == "circuit_opened").collect();
    assert_eq!(opened.len(), 1, "told after the call that caused it: {:?}", checkout.events);
}

/// A collector that is not there.
#[derive(Debug)]
struct Absent;

impl SpanExporter for Absent {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        Err(OTelSdkError::InternalFailure("connection refused".to_owned()))
    }
}

#[test]
fn the_run_is_the_same_without_a_collector() {
    let provider = SdkTracerProvider::builder().with_simple_exporter(Absent).build();
    assert_eq!(traced(&provider), run(&()));
}

#[test]
fn the_program_prints_its_spans() {
    let output = Command::new(env!("CARGO_BIN_EXE_opentelemetry")).output().expect("it starts");
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).expect("it is text");
    assert!(printed.contains("fetch_stock") && printed.contains("circuit_open"), "{printed}");
}
