//! Spans and events of a client: their names, and that they contain no keys, values, or passwords.
//!
//! In its own process, because the tracing subscriber is global.

use std::sync::{Arc, Mutex};

use swarm_tests::{connected, within};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Records every field of every span and event.
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
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let work = async {
        let (_gateway, client) = connected().await;
        client.set("my-key", "my-value").await.unwrap();
        client.incr("my-key").await.unwrap_err();
        client.close().await;
    };
    within(work).await;
    let notes = notes.0.lock().unwrap().join("\n");
    for expected in [
        "db.system.name=\"swarmkeydb\"",
        "otel.name=\"SET\"",
        "db.operation.name=\"SET\"",
        "db.operation.name=\"INCR\"",
        "server.address=\"127.0.0.1\"",
        "otel.status_code=\"ERROR\"",
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
