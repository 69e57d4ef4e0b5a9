//! Metrics that a program reads from the statistics of a client.

use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use swarm_keydb::{Client, Event, Overflow, State, Stats};
use swarm_tests::{connected, within};

/// Measures a part of the statistics whenever the metrics are collected, as the guide shows.
fn measure(client: &Client, meter: &Meter, name: &'static str, of: fn(&Stats) -> u64) {
    let client = client.clone();
    let gauge = meter.u64_observable_gauge(name);
    gauge
        .with_callback(move |now| now.observe(of(&client.stats()), &[]))
        .build();
}

/// Metrics of a program, collected by a test.
struct Metrics {
    provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
}

impl Metrics {
    /// Collects all metrics, and returns the value of one.
    fn collect(&self, name: &str) -> u64 {
        self.exporter.reset();
        self.provider.force_flush().unwrap();
        let exported = self.exporter.get_finished_metrics().unwrap();
        let metrics = exported.iter().flat_map(|batch| batch.scope_metrics());
        let mut metrics = metrics.flat_map(|scope| scope.metrics());
        let metric = metrics.find(|metric| metric.name() == name).unwrap();
        let AggregatedMetrics::U64(MetricData::Gauge(gauge)) = metric.data() else {
            panic!("{name} is no gauge");
        };
        gauge.data_points().next().unwrap().value()
    }
}

#[tokio::test]
async fn the_metrics_of_the_statistics_are_those_of_the_client() {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(exporter.clone())
        .build();
    let meter = provider.meter("test");
    let (gateway, client) = connected().await;
    measure(&client, &meter, "connections", |stats| {
        stats.shared.open as u64
    });
    measure(&client, &meter, "leased", |stats| {
        stats.dedicated.in_use as u64
    });
    measure(&client, &meter, "pending", |stats| {
        (stats.queued + stats.in_flight) as u64
    });
    measure(&client, &meter, "reconnects", |stats| stats.reconnects);
    measure(&client, &meter, "dropped", |stats| stats.dropped_messages);
    let metrics = Metrics { provider, exporter };
    let all = ["connections", "leased", "pending", "reconnects", "dropped"];
    assert_eq!(all.map(|name| metrics.collect(name)), [1, 0, 0, 0, 0]);

    let own = within(client.exclusive()).await.unwrap();
    let hold = gateway.faults().hold("INCR");
    let pending = tokio::spawn(client.incr("n"));
    within(hold.reached(1)).await;
    assert_eq!(all.map(|name| metrics.collect(name)), [1, 1, 1, 0, 0]);
    hold.release();
    within(pending).await.unwrap().unwrap();
    drop(own);

    // Of five messages, a buffer of two keeps the last two, and the others are dropped.
    let subscription = client.subscribe("news").buffer(2);
    let subscription = subscription.on_overflow(Overflow::DropOldest);
    let mut subscription = within(subscription).await.unwrap();
    let mut control = within(client.subscribe("news")).await.unwrap();
    for n in 0..5 {
        within(client.publish("news", n)).await.unwrap();
    }
    // Both share one connection, so what this one has received, the other one has, too.
    for _ in 0..5 {
        let event = within(control.next()).await.unwrap().unwrap();
        assert!(matches!(event, Event::Message(_)), "{event:?}");
    }
    let event = within(subscription.next()).await.unwrap().unwrap();
    assert_eq!(event, Event::Lagged(3));
    assert_eq!(all.map(|name| metrics.collect(name)), [1, 0, 0, 0, 3]);

    let mut states = client.watch_state();
    gateway.faults().cut();
    assert!(within(states.reached(State::Reconnecting)).await);
    assert!(within(states.reached(State::Connected)).await);
    assert_eq!(metrics.collect("reconnects"), 1);
}
