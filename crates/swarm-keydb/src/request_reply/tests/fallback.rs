//! Tests of the fallback while connections are lost and restored.

use swarm_transport::memory::pair;
use swarm_transport::{Capabilities, Connect};
use tokio::sync::mpsc;

use super::*;
use crate::connection::ConnectionFactory;
use crate::options::FallbackScope;
use crate::runtime::Tasks;
use crate::{Bytes, State};

const SECOND: Duration = Duration::from_secs(1);

/// A client with a fallback, and the peers of its fallback connections.
async fn client(
    server: &Server,
    options: ClientOptions,
) -> (Client, mpsc::UnboundedReceiver<MemoryPeer>) {
    let (peers, fallback) = mpsc::unbounded_channel();
    let mut http = Capabilities::FULL;
    http.session = false;
    let dial = move || {
        let (transport, peer) = pair();
        let sent = peers.send(peer);
        async move {
            let gone = TransportError::new(TransportErrorKind::Refused, "nobody is there");
            sent.map_err(|_| gone)?;
            Ok::<BoxTransport, _>(Box::new(transport.with_capabilities(http)))
        }
    };
    let client = client_over(server, options, Arc::new(dial)).await;
    (client, fallback)
}

/// A client whose fallback is dialed by a connector.
async fn client_over(
    server: &Server,
    options: ClientOptions,
    fallback: Arc<dyn Connect>,
) -> Client {
    let options = options
        .fallback_scope(FallbackScope::Stateless)
        .reconnect_max_delay(Duration::from_millis(250))
        .settled()
        .unwrap();
    let server = server.clone();
    let connect = move || {
        let server = server.clone();
        async move { server.connect() }
    };
    let mut target = options.target_through(Arc::new(connect));
    target.fallback = Some(fallback);
    let factory = ConnectionFactory::new(target, options, Tasks::current().unwrap());
    Client::start(factory).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_fallback_that_sends_retry_after_is_not_dialed_before() {
    const ASKED: Duration = Duration::from_secs(7);
    let server = Server::default();
    let (dials, mut dialed) = mpsc::unbounded_channel();
    let dial = move || {
        let _sent = dials.send(tokio::time::Instant::now());
        let busy = TransportError::new(TransportErrorKind::Refused, "HTTP 503");
        async move { Err::<BoxTransport, _>(busy.with_retry_after(ASKED)) }
    };
    let _client = client_over(&server, options(), Arc::new(dial)).await;
    server.0.unreachable.store(true, Ordering::Relaxed);
    server.cut_all();
    let mut last = dialed.recv().await.unwrap();
    for _ in 0..3 {
        let next = dialed.recv().await.unwrap();
        let pause = next - last;
        assert!(pause >= ASKED && pause < ASKED + SECOND, "{pause:?}");
        last = next;
    }
}

/// Guards against a state that is never corrected.
#[tokio::test(start_paused = true)]
async fn losing_the_connection_while_the_fallback_settles_leaves_the_connected_state() {
    let server = Server::default();
    let (client, mut fallback) = client(&server, options()).await;
    let mut states = client.watch_state();
    for _ in 0..2 {
        server.0.unreachable.store(true, Ordering::Relaxed);
        server.cut_all();
        assert!(states.reached(State::Fallback).await);
        let mut peer = fallback.recv().await.unwrap();
        let read = tokio::spawn(client.get("k").timeout(60 * SECOND));
        assert!(peer.next_request().await.is_some());
        server.0.unreachable.store(false, Ordering::Relaxed);
        assert!(states.reached(State::Connected).await);

        server.0.unreachable.store(true, Ordering::Relaxed);
        server.cut_all();
        assert!(
            states.reached(State::Fallback).await,
            "the fallback is still open"
        );
        sleep(3 * SECOND).await;
        assert_eq!(client.state(), State::Fallback);
        // The time to settle starts over when the client reconnects again.
        server.0.unreachable.store(false, Ordering::Relaxed);
        assert!(states.reached(State::Connected).await);
        peer.reply(Frame::bulk("over HTTP")).await.unwrap();
        let value = read.await.unwrap().unwrap();
        assert_eq!(value, Some(Bytes::from_static(b"over HTTP")));
    }
}

/// The connection that was set aside and the fallback are two ways to the server.
#[tokio::test(start_paused = true)]
async fn no_call_over_the_fallback_overtakes_those_that_were_set_aside() {
    for max in [1, 8] {
        let server = Server::default();
        let options = options().max_connections(max);
        let (client, mut fallback) = client(&server, options).await;
        let pairs: Vec<_> = (0..400).map(|n| (format!("key:{n}"), n)).collect();
        let write = tokio::spawn(client.mset(pairs).timeout(SECOND));
        server.has_got("MSET").await;
        assert!(write.await.unwrap().is_err());
        while client.stats().draining == 0 {
            sleep(Duration::from_millis(10)).await;
        }
        server.0.mute.store(true, Ordering::Relaxed);
        server.cut_newest();
        assert!(client.watch_state().reached(State::Fallback).await);
        let mut peer = fallback.recv().await.unwrap();
        let limit = 60 * SECOND;
        let get = tokio::spawn(client.get("other").timeout(limit));
        assert_eq!(peer.next_request().await.unwrap().name(), b"GET");
        peer.reply(Frame::bulk("over HTTP")).await.unwrap();
        assert!(get.await.unwrap().unwrap().is_some());
        let set = tokio::spawn(client.set("key:7", 1).timeout(limit));
        tokio::task::yield_now().await;
        let flush = tokio::spawn(client.raw("FLUSHALL", [""; 0]).timeout(limit));
        assert!(server.written() < 380);
        assert_eq!(peer.next_request().await.unwrap().name(), b"SET");
        assert_eq!(server.written(), 400);
        sleep(SECOND).await;
        peer.reply(Frame::simple("OK")).await.unwrap();
        set.await.unwrap().unwrap();
        assert_eq!(peer.next_request().await.unwrap().name(), b"FLUSHALL");
        peer.reply(Frame::simple("OK")).await.unwrap();
        flush.await.unwrap().unwrap();
    }
}

/// The connection is back, with others beside it, before the fallback has settled.
#[tokio::test(start_paused = true)]
async fn no_call_overtakes_those_that_are_left_on_the_fallback() {
    let server = Server::default();
    let options = options().min_connections(4).max_connections(4);
    let (client, mut fallback) = client(&server, options).await;
    server.0.unreachable.store(true, Ordering::Relaxed);
    server.cut_all();
    assert!(client.watch_state().reached(State::Fallback).await);
    let mut peer = fallback.recv().await.unwrap();
    let first = tokio::spawn(client.set("a", 1));
    assert_eq!(peer.next_request().await.unwrap().name(), b"SET");
    server.0.unreachable.store(false, Ordering::Relaxed);
    assert!(client.watch_state().reached(State::Connected).await);
    let second = tokio::spawn(client.set("a", 2));
    while client.stats().shared.open < 4 {
        sleep(Duration::from_millis(1)).await;
    }
    client.set("b", 3).await.unwrap();
    assert_eq!(server.sets(), [("b".to_owned(), 3)]);
    peer.reply(Frame::simple("OK")).await.unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    client.close().await;
}

/// Guards against a call that is ready to be sent, but waits until something else wakes the driver.
#[tokio::test(start_paused = true)]
async fn a_read_of_a_connection_that_was_set_aside_is_resent_over_the_fallback_at_once() {
    let server = Server::default();
    let (client, mut fallback) = client(&server, options()).await;
    let pairs: Vec<_> = (0..1000).map(|n| (format!("key:{n}"), n)).collect();
    let write = tokio::spawn(client.mset(pairs).timeout(SECOND));
    server.has_got("MSET").await;
    let read = tokio::spawn(client.get("k").timeout(60 * SECOND));
    assert!(write.await.unwrap().is_err());
    while client.stats().draining == 0 {
        sleep(Duration::from_millis(10)).await;
    }
    // The second connection is lost and the third is never answered, so the client uses the
    // fallback.
    server.0.mute.store(true, Ordering::Relaxed);
    server.cut_newest();
    let mut states = client.watch_state();
    assert!(states.reached(State::Fallback).await);
    let mut peer = fallback.recv().await.unwrap();
    sleep(Duration::from_millis(100)).await;
    server.cut_all();
    let start = tokio::time::Instant::now();
    assert!(peer.next_request().await.is_some());
    assert!(
        start.elapsed() < Duration::from_millis(10),
        "{:?}",
        start.elapsed()
    );
    peer.reply(Frame::bulk("over HTTP")).await.unwrap();
    assert!(read.await.unwrap().unwrap().is_some());
}
