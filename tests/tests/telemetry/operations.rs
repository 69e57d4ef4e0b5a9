//! Spans and durations of operations.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use opentelemetry_sdk::trace::SpanData;
use swarm_gateway::Gateway;
use swarm_keydb::{Client, ClientOptions, Script};
use swarm_tests::within;

use crate::{Spans, check, named, text};

#[tokio::test]
async fn spans_and_metrics_follow_the_conventions_for_database_clients() {
    let spans = Spans::start();
    let measured = InMemoryMetricExporter::default();
    let meters = SdkMeterProvider::builder()
        .with_periodic_exporter(measured.clone())
        .build();
    let duration = meters
        .meter("test")
        .f64_histogram("db.client.operation.duration")
        .with_unit("s")
        .build();

    let gateway = swarm_gateway::test().await.unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let options = ClientOptions::new(gateway.ws_url()).observe(move |operation| {
        let error = operation.error_type().unwrap_or_default().to_owned();
        noted.lock().unwrap().push((
            operation.name.to_owned(),
            operation.batch_size,
            error.clone(),
        ));
        let attributes = [
            KeyValue::new("db.operation.name", operation.name.to_owned()),
            KeyValue::new("error.type", error),
        ];
        duration.record(operation.duration.as_secs_f64(), &attributes);
        if operation.name == "DEL" {
            panic!("an observer may panic");
        }
    });
    let client = within(Client::connect(options)).await.unwrap();
    within(run(&client, &gateway)).await;
    within(client.close()).await;

    check_spans(&spans.finished(), &gateway);
    assert_eq!(
        *seen.lock().unwrap(),
        [
            ("SET", None, ""),
            ("XLEN", None, "WRONGTYPE"),
            ("PIPELINE SET", Some(2), ""),
            ("MULTI", Some(2), ""),
            ("BULK", Some(2), "WRONGTYPE"),
            ("SUBSCRIBE", None, ""),
            ("DEL", None, ""),
            ("EVAL", None, ""),
            ("GET", None, "cancelled"),
        ]
        .map(|(name, size, error)| (name.to_owned(), size, error.to_owned()))
    );

    meters.force_flush().unwrap();
    let exported = measured.get_finished_metrics().unwrap();
    let metrics = exported.iter().flat_map(|batch| batch.scope_metrics());
    let metrics = metrics.flat_map(|scope| scope.metrics());
    let mut failed = 0;
    for metric in metrics.filter(|metric| metric.name() == "db.client.operation.duration") {
        let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = metric.data() else {
            panic!("not a histogram");
        };
        let error = KeyValue::new("error.type", "WRONGTYPE");
        for point in histogram.data_points() {
            if point.attributes().any(|attribute| *attribute == error) {
                failed += point.count();
            }
        }
    }
    assert_eq!(failed, 2);
}

/// Runs one operation of each kind.
async fn run(client: &Client, gateway: &Gateway) {
    client.set("my-key", "my-value").await.unwrap();
    client.raw("XLEN", "my-key").await.unwrap_err();

    let pipeline = client.pipeline();
    let handles = (pipeline.set("my-key", 1), pipeline.set("my-other-key", 2));
    let (one, two) = pipeline.send(handles).await;
    one.unwrap();
    two.unwrap();

    let transaction = client.transaction();
    let handles = (transaction.set("my-key", 1), transaction.incr("my-key"));
    let (one, two) = transaction.exec(handles).await.unwrap();
    one.unwrap();
    two.unwrap();

    let bulk = client.bulk();
    let handles = (bulk.set("my-key", 1), bulk.raw("XLEN", "my-key"));
    let (one, two) = bulk.send(handles).await;
    one.unwrap();
    two.unwrap_err();

    drop(client.subscribe("my-channel").await.unwrap());
    assert_eq!(client.del("my-other-key").await.unwrap(), 1);

    // However the client sends a script, it is one operation.
    let script = Script::new("return 1");
    let one: i64 = client.run_script(&script, (), ()).await.unwrap();
    assert_eq!((one, gateway.executions("EVAL")), (1, 1));

    let hold = gateway.faults().hold("GET");
    tokio::select! {
        biased;
        reply = client.get("my-key") => panic!("{reply:?}"),
        () = hold.reached(1) => {}
    }
    hold.release();
}

fn check_spans(spans: &[SpanData], gateway: &Gateway) {
    let port = gateway
        .ws_url()
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    let common = [
        ("db.system.name", text("swarmkeydb")),
        ("server.address", text("127.0.0.1")),
        ("server.port", Some(Value::I64(port.parse().unwrap()))),
    ];
    for name in [
        "CONNECT",
        "SET",
        "XLEN",
        "PIPELINE SET",
        "MULTI",
        "BULK",
        "SUBSCRIBE",
        "DEL",
        "EVAL",
        "GET",
    ] {
        let found = named(spans, name);
        assert!(!found.is_empty(), "no span {name} in {spans:?}");
        for span in found {
            assert_eq!(span.span_kind, SpanKind::Client, "{name}");
            check(span, &common);
            if name != "CONNECT" {
                check(span, &[("db.operation.name", text(name))]);
            }
        }
    }
    let [set] = named(spans, "SET")[..] else {
        panic!("several SETs");
    };
    assert_eq!(set.status, Status::Unset);
    check(
        set,
        &[("error.type", None), ("db.operation.batch.size", None)],
    );
    let [script] = named(spans, "EVAL")[..] else {
        panic!("several EVALs");
    };
    assert_eq!(script.status, Status::Unset);
    check(script, &[("error.type", None)]);
    assert!(named(spans, "EVALSHA").is_empty());
    let [failed] = named(spans, "XLEN")[..] else {
        panic!("several XLENs");
    };
    assert!(matches!(failed.status, Status::Error { .. }), "{failed:?}");
    let code = text("WRONGTYPE");
    check(
        failed,
        &[
            ("error.type", code.clone()),
            ("db.response.status_code", code),
        ],
    );
    for name in ["PIPELINE SET", "MULTI", "BULK"] {
        for span in named(spans, name) {
            check(span, &[("db.operation.batch.size", Some(Value::I64(2)))]);
        }
    }
    let took = |span: &SpanData| span.end_time.duration_since(span.start_time).unwrap();
    assert!(took(set) < Duration::from_secs(5));
    let shown = format!("{spans:?}");
    for secret in ["my-key", "my-other-key", "my-value", "my-channel"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}
