//! What a client tells of itself: spans, states, figures; and never a key, a value or a password.

use std::sync::{Arc, Mutex};

use swarm_keydb::{State, prelude::*};
use swarm_tests::{connected, within};
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Writes down every field of every span and event.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Visit for Notes {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push(format!("{field}={value:?}"));
    }
}

impl<S: tracing::Subscriber> Layer<S> for Notes {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        attributes.record(&mut self.clone());
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut self.clone());
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        event.record(&mut self.clone());
    }
}

#[tokio::test]
async fn spans_have_the_names_of_open_telemetry_and_hold_no_values() {
    let notes = Notes::default();
    let subscriber = tracing_subscriber::registry().with(notes.clone());
    let work = async {
        let (_gateway, client) = connected().await;
        client.set("my-key", "my-value").await.unwrap();
        client.incr("my-key").await.unwrap_err();
        client.close().await;
    };
    within(work.with_subscriber(subscriber)).await;
    let notes = notes.0.lock().unwrap().join("\n");
    for expected in [
        "db.system.name=\"swarmkeydb\"",
        "db.operation.name=\"SET\"",
        "db.operation.name=\"INCR\"",
        "server.address=\"127.0.0.1\"",
        "error.type=\"command\"",
    ] {
        assert!(
            notes.contains(expected),
            "{expected} is missing in\n{notes}"
        );
    }
    for secret in ["my-key", "my-value"] {
        assert!(!notes.contains(secret), "{secret} is in\n{notes}");
    }
}

#[tokio::test]
async fn figures_count_what_happened() {
    let (gateway, client) = connected().await;
    assert_eq!(client.state(), State::Connected);
    let hold = gateway.faults().hold("GET");
    let reading = tokio::spawn(client.get("k"));
    within(hold.reached(1)).await;
    // The driver notes the load before it waits for the reply that is held back.
    let stats = client.stats();
    assert_eq!(stats.in_flight, 1, "{stats:?}");
    assert!(stats.bytes > 0, "{stats:?}");
    hold.release();
    within(reading).await.unwrap().unwrap();
    within(client.ping()).await.unwrap();
    let stats = client.stats();
    assert_eq!(stats.round_trips.count(), 2);
    assert_eq!(stats.reconnects, 0);
    assert!(stats.round_trips.quantile(0.99) >= stats.round_trips.quantile(0.5));

    let mut states = client.watch_state();
    within(client.close()).await;
    assert!(within(states.reached(State::Closed)).await);
    let stats = client.stats();
    assert_eq!((stats.queued, stats.in_flight), (0, 0));
}
