//! Spans of a consumer's deliveries, and their links.

use std::time::Duration;

use opentelemetry::Value;
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceContextExt as _};
use opentelemetry_sdk::trace::SpanData;
use swarm_keydb::{Client, Consumer, Delivery};
use swarm_tests::{connected, within};
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{Spans, check, named, text};

fn consumer(client: &Client) -> Consumer {
    let consumer = client.consumer("my-group", "ann", "my-stream");
    consumer.block(Duration::from_millis(20)).build().unwrap()
}

async fn next(consumer: &mut Consumer) -> Delivery {
    within(consumer.next()).await.unwrap().unwrap()
}

/// Returns the IDs of the spans that a span links to.
fn links(span: &SpanData) -> Vec<SpanId> {
    let links = span.links.iter();
    links.map(|link| link.span_context.span_id()).collect()
}

/// A trace that goes through a stream: the producer's span is a link of the delivery, as is the
/// read, and the delivery is the parent of the work.
#[tokio::test]
async fn a_delivery_links_to_its_read_and_contains_the_work() {
    let spans = Spans::start();
    let (_gateway, client) = connected().await;
    let producing = tracing::info_span!(target: "telemetry", "produce");
    let producer = producing.context().span().span_context().clone();
    let add = client.xadd("my-stream", [("my-field", "my-value")]);
    let id = within(add.instrument(producing)).await.unwrap();

    let receiving = tracing::info_span!(target: "telemetry", "receive");
    let mut consumer = consumer(&client);
    let delivery = next(&mut consumer).instrument(receiving.clone()).await;
    let work = async {
        tracing::Span::current().add_link(producer.clone());
        client.incr("my-count").await?;
        delivery.ack().await
    };
    within(delivery.in_span(work)).await.unwrap();
    drop((delivery, consumer, receiving));
    within(client.close()).await;

    let spans = spans.finished();
    let [delivery] = named(&spans, "process")[..] else {
        panic!("{spans:?}");
    };
    assert_eq!(delivery.span_kind, SpanKind::Consumer);
    assert_eq!(delivery.parent_span_id, SpanId::INVALID);
    assert_eq!(delivery.status, Status::Unset);
    check(
        delivery,
        &[
            ("messaging.system", text("swarmkeydb")),
            ("messaging.operation.name", text("process")),
            ("messaging.operation.type", text("process")),
            ("messaging.message.id", text(&id.to_string())),
            ("swarmkeydb.delivery.count", Some(Value::I64(1))),
            ("server.address", text("127.0.0.1")),
            ("error.type", None),
        ],
    );
    let ids = |name| -> Vec<_> {
        let spans = named(&spans, name).into_iter();
        spans.map(|span| span.span_context.span_id()).collect()
    };
    let [read, linked] = links(delivery)[..] else {
        panic!("{delivery:?}");
    };
    assert!(ids("XREADGROUP").contains(&read), "{spans:?}");
    assert_eq!(linked, producer.span_id());
    for child in ["INCR", "XACK"] {
        let [child] = named(&spans, child)[..] else {
            panic!("{spans:?}");
        };
        assert_eq!(child.parent_span_id, delivery.span_context.span_id());
    }
    // The read is no part of the delivery, but of what the application awaited.
    let reads = named(&spans, "XREADGROUP");
    let receiving = ids("receive");
    assert!(
        reads
            .iter()
            .all(|read| receiving.contains(&read.parent_span_id))
    );
    let shown = format!("{spans:?}");
    for secret in ["my-group", "my-stream", "my-field", "my-value", "my-count"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}

/// Redeliveries link to what has found the entry again: a claim, or a read of pending entries.
#[tokio::test]
async fn each_delivery_has_a_span_that_says_how_it_ended() {
    let spans = Spans::start();
    let (_gateway, client) = connected().await;
    within(client.xadd("my-stream", [("n", 1)])).await.unwrap();
    let mut first = consumer(&client);
    next(&mut first).await.nack(Duration::ZERO);
    drop(next(&mut first).await);
    drop(first);
    let mut second = consumer(&client);
    let third = next(&mut second).await;
    within(third.ack()).await.unwrap();
    drop(third);

    let builder = client.consumer("my-group", "ann", "my-stream");
    let mut buries = builder
        .block(Duration::from_millis(20))
        .dead_letter("my-dead-letters")
        .build()
        .unwrap();
    within(client.xadd("my-stream", [("n", 2)])).await.unwrap();
    let spoiled = next(&mut buries).await;
    within(spoiled.dead_letter("my-reason")).await.unwrap();
    drop((spoiled, buries, second));

    let spans = spans.finished();
    let deliveries = named(&spans, "process");
    let ends: Vec<_> = deliveries
        .iter()
        .map(|span| {
            let error = crate::attribute(span, "error.type");
            let count = crate::attribute(span, "swarmkeydb.delivery.count");
            let is_error = matches!(span.status, Status::Error { .. });
            let error = error.first().map(ToString::to_string).unwrap_or_default();
            (error, count[0].to_string(), is_error)
        })
        .collect();
    let expected = [
        ("nack", "1", true),
        ("cancelled", "2", false),
        ("", "3", false),
        ("dead_letter", "1", true),
    ]
    .map(|(error, count, is_error)| (error.to_owned(), count.to_owned(), is_error));
    assert_eq!(ends, expected);
    let names: Vec<_> = deliveries
        .iter()
        .map(|delivery| {
            let [read] = links(delivery)[..] else {
                panic!("{delivery:?}");
            };
            let found = spans
                .iter()
                .find(|span| span.span_context.span_id() == read);
            found.expect("the read has ended").name.to_string()
        })
        .collect();
    assert_eq!(names, ["XREADGROUP", "XCLAIM", "XREADGROUP", "XREADGROUP"]);
    assert!(!format!("{spans:?}").contains("my-reason"));
}
