//! Prints the spans of a run as OpenTelemetry sees them: one per call, its events in it, below the span of the program.
//!
//! An exporter to a collector takes the place of the one to stdout; nothing else changes.

use observability::{opentelemetry, run};
use opentelemetry_sdk::trace::SdkTracerProvider;
use redress_std::observe::TracingObserver;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let provider =
        SdkTracerProvider::builder().with_simple_exporter(opentelemetry_stdout::SpanExporter::default()).build();
    let report = tracing::subscriber::with_default(opentelemetry(&provider), || {
        tracing::info_span!("checkout").in_scope(|| run(&TracingObserver::new().opentelemetry()))
    });
    provider.shutdown()?;
    eprint!("{report}");
    Ok(())
}
