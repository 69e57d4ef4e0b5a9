//! What a client does not log.
//!
//! In its own process, because the tracing subscriber is global.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use swarm_keydb::{Client, ClientOptions, Frame};
use swarm_tests::within;
use swarm_transport::memory::{self, MemoryPeer};
use swarm_transport::{BoxTransport, TransportError};
use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Records every field of every event.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Visit for Notes {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.lock().unwrap().push(format!("{field}={value:?}"));
    }
}

impl<S: tracing::Subscriber> Layer<S> for Notes {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        event.record(&mut self.clone());
    }
}

/// Answers the next request and returns it.
async fn answer(peer: &mut MemoryPeer, reply: Frame) -> String {
    let request = within(peer.next_request()).await.unwrap();
    within(peer.reply(reply)).await.unwrap();
    String::from_utf8_lossy(request.name()).into_owned()
}

/// Covers a close by the client itself that is logged as a server failure.
#[tokio::test]
async fn a_lease_dropped_during_its_handshake_logs_no_server_failure() {
    let notes = Notes::default();
    let subscriber = tracing_subscriber::registry().with(notes.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let (peers, mut dialed) = mpsc::unbounded_channel();
    let connect = move || {
        let peers = peers.clone();
        async move {
            let (transport, peer) = memory::pair();
            peers.send(peer).unwrap();
            Ok::<_, TransportError>(Box::new(transport) as BoxTransport)
        }
    };
    let client = tokio::spawn(Client::connect_with(connect, ClientOptions::default()));
    let shared = within(dialed.recv()).await.unwrap();
    tokio::spawn(shared.serve(|_| Frame::error("ERR unknown command")));
    let client = within(client).await.unwrap().unwrap();

    let unknown = || Frame::error("ERR unknown command");
    let mut own = Box::pin(client.exclusive());
    let shaking_hands = async {
        let mut peer = within(dialed.recv()).await.unwrap();
        assert_eq!(answer(&mut peer, unknown()).await, "HELLO");
        let request = within(peer.next_request()).await.unwrap();
        assert_eq!(request.name(), b"ECHO");
        peer
    };
    let mut peer = tokio::select! {
        _ = &mut own => panic!("it is not there yet"),
        peer = shaking_hands => peer,
    };
    // The reply and the close arrive before the client sees either.
    peer.reply(unknown()).await.unwrap();
    drop(own);
    while within(peer.next_request()).await.is_some() {}
    let notes = notes.0.lock().unwrap().join("\n");
    assert!(!notes.contains("no request asked for"), "{notes}");
    assert!(
        notes.contains("handshake done"),
        "the events are seen: {notes}"
    );
    within(client.close()).await;
}
