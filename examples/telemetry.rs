//! OpenTelemetry: exports the spans and metrics of a client to standard output.
//!
//! Run it: `cargo run --example telemetry`

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use swarm_keydb::{Client, ClientOptions};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Measures the duration of each operation.
fn observed(options: ClientOptions, meter: &Meter) -> ClientOptions {
    let duration = meter
        .f64_histogram("db.client.operation.duration")
        .with_unit("s")
        .with_boundaries(vec![0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0])
        .build();
    options.observe(move |operation| {
        let mut attributes = vec![
            KeyValue::new("db.system.name", operation.system),
            KeyValue::new("db.operation.name", operation.name.to_owned()),
            KeyValue::new("server.address", operation.server_address.to_owned()),
        ];
        let port = operation.server_port.map(i64::from);
        attributes.extend(port.map(|port| KeyValue::new("server.port", port)));
        let error = operation.error_type().map(str::to_owned);
        attributes.extend(error.map(|error| KeyValue::new("error.type", error)));
        duration.record(operation.duration.as_secs_f64(), &attributes);
    })
}

/// Measures the client's connections and queues whenever the metrics are collected.
fn measure(client: &Client, meter: &Meter) {
    let of = client.clone();
    let gauge = meter.u64_observable_gauge("swarmkeydb.client.connections");
    gauge
        .with_callback(move |now| now.observe(of.stats().shared.open as u64, &[]))
        .build();
    let of = client.clone();
    let gauge = meter.u64_observable_gauge("swarmkeydb.client.pending_requests");
    gauge
        .with_callback(move |now| {
            let stats = of.stats();
            now.observe((stats.queued + stats.in_flight) as u64, &[]);
        })
        .build();
    let of = client.clone();
    let counter = meter.u64_observable_counter("swarmkeydb.client.reconnects");
    counter
        .with_callback(move |now| now.observe(of.stats().reconnects, &[]))
        .build();
    let of = client.clone();
    let counter = meter.u64_observable_counter("swarmkeydb.client.dropped_messages");
    counter
        .with_callback(move |now| now.observe(of.stats().dropped_messages, &[]))
        .build();
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let spans = SdkTracerProvider::builder()
        .with_simple_exporter(opentelemetry_stdout::SpanExporter::default())
        .build();
    let metrics = SdkMeterProvider::builder()
        .with_periodic_exporter(opentelemetry_stdout::MetricExporter::default())
        .build();
    // The client's spans have the level debug.
    let filter = Targets::new().with_target("swarm_keydb", tracing::Level::DEBUG);
    let layer = tracing_opentelemetry::layer().with_tracer(spans.tracer("app"));
    tracing_subscriber::registry()
        .with(layer.with_filter(filter))
        .init();

    let gateway = swarm_gateway::test().await?;
    let meter = metrics.meter("app");
    let client = Client::connect(observed(gateway.ws_url().into(), &meter)).await?;
    measure(&client, &meter);

    client.set("name", "ann").await?;
    if let Err(error) = client.incr("name").await {
        println!("{error}");
    }
    let transaction = client.transaction();
    let handles = (transaction.set("a", 1), transaction.incr("a"));
    let (set, incr) = transaction.exec(handles).await?;
    set?;
    println!("{}", incr?);

    metrics.shutdown()?;
    client.close().await;
    spans.shutdown()?;
    Ok(())
}
