//! Spans and metrics of a client, read back from the OpenTelemetry SDK.
//!
//! Each test has a subscriber of its own, for its thread: all tasks of a client run there.

mod connecting;
mod deliveries;
mod measuring;
mod operations;

use opentelemetry::Value;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;

/// Exports the spans of this thread until it is dropped.
struct Spans {
    exporter: InMemorySpanExporter,
    _provider: SdkTracerProvider,
    _on_this_thread: DefaultGuard,
}

impl Spans {
    fn start() -> Self {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        let filter = Targets::new()
            .with_target("swarm_keydb", tracing::Level::DEBUG)
            .with_target("telemetry", tracing::Level::DEBUG);
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
        Self {
            exporter,
            _provider: provider,
            _on_this_thread: tracing::subscriber::set_default(subscriber),
        }
    }

    /// Returns the spans that have ended.
    fn finished(&self) -> Vec<SpanData> {
        self.exporter.get_finished_spans().unwrap()
    }
}

/// Returns the spans of this name.
fn named<'a>(spans: &'a [SpanData], name: &str) -> Vec<&'a SpanData> {
    spans.iter().filter(|span| span.name == name).collect()
}

/// Returns the values of an attribute of a span.
fn attribute(span: &SpanData, key: &str) -> Vec<Value> {
    let found = span.attributes.iter();
    let found = found.filter(|found| found.key.as_str() == key);
    found.map(|found| found.value.clone()).collect()
}

/// Checks the attributes of a span. `None` stands for an attribute that must be missing.
#[track_caller]
fn check(span: &SpanData, expected: &[(&str, Option<Value>)]) {
    for (key, value) in expected {
        let expected: Vec<_> = value.iter().cloned().collect();
        assert_eq!(attribute(span, key), expected, "{key} of {span:?}");
    }
}

fn text(text: &str) -> Option<Value> {
    Some(Value::from(text.to_owned()))
}
