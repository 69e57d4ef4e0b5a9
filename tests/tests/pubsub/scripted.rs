//! Subscriptions with a scripted in-process server, which sees every request and controls every
//! reply.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use swarm_keydb::{Client, ClientOptions, ErrorKind, Event, Frame, Outcome};
use swarm_tests::within;
use swarm_transport::{BoxTransport, Capabilities, TransportError, TransportErrorKind, memory};
use tokio::sync::mpsc;

use super::hearing::{event, payload};

/// The connections that the server has accepted, and dials that are to fail.
struct Server {
    accepted: mpsc::UnboundedReceiver<memory::MemoryPeer>,
    failing: Arc<AtomicU32>,
}

/// A subscription connection after its handshake.
struct Connection(memory::MemoryPeer);

impl Server {
    /// Returns a server, and a client whose own connection is established.
    async fn start(options: ClientOptions) -> (Self, Client) {
        Self::start_with(options, Capabilities::FULL).await
    }

    async fn start_with(options: ClientOptions, capabilities: Capabilities) -> (Self, Client) {
        let (accept, mut accepted) = mpsc::unbounded_channel();
        let failing = Arc::new(AtomicU32::new(0));
        let connect = {
            let failing = Arc::clone(&failing);
            move || {
                let fails = failing
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                    .is_ok();
                let (transport, peer) = memory::pair();
                let transport = transport.with_capabilities(capabilities);
                let accept = accept.clone();
                async move {
                    if fails {
                        let what = "refused on purpose";
                        return Err(TransportError::new(TransportErrorKind::Refused, what));
                    }
                    accept.send(peer).expect("the test runs");
                    Ok(Box::new(transport) as BoxTransport)
                }
            }
        };
        let options = options
            .reconnect_base_delay(Duration::from_millis(1))
            .reconnect_max_delay(Duration::from_millis(10));
        let connecting = tokio::spawn(Client::connect_with(connect, options));
        let peer = within(accepted.recv()).await.unwrap();
        tokio::spawn(peer.serve(|_| Frame::error("ERR unknown command")));
        let client = within(connecting).await.unwrap().unwrap();
        (Self { accepted, failing }, client)
    }

    /// Accepts the next connection and completes its handshake.
    async fn accept(&mut self) -> Connection {
        let peer = within(self.accepted.recv()).await.unwrap();
        let mut connection = Connection(peer);
        for expected in ["HELLO 3", "ECHO"] {
            assert_eq!(connection.request().await, expected);
            connection.say(Frame::error("ERR unknown command")).await;
        }
        connection
    }
}

impl Connection {
    async fn request(&mut self) -> String {
        self.try_request().await.expect("the client is there")
    }

    /// Returns the next request, or `None` if the client has closed the connection.
    async fn try_request(&mut self) -> Option<String> {
        let request = within(self.0.next_request()).await?;
        let words: Vec<_> = request.args().map(String::from_utf8_lossy).collect();
        Some(words.join(" "))
    }

    async fn say(&mut self, frame: Frame) {
        within(self.0.reply(frame)).await.unwrap();
    }

    async fn push(&mut self, words: &[&str]) {
        let push = Frame::build(|reply| {
            reply.push_message(|push| words.iter().for_each(|word| push.bulk(word.as_bytes())));
        });
        self.say(push).await;
    }

    /// Acknowledges `count` subscriptions and returns their names, sorted.
    async fn subscribe(&mut self, count: usize) -> Vec<String> {
        let mut requests = BTreeSet::new();
        for _ in 0..count {
            let request = self.request().await;
            let (command, name) = request.split_once(' ').unwrap();
            self.push(&[&command.to_lowercase(), name, "1"]).await;
            assert!(requests.insert(request.clone()), "{request} came twice");
        }
        requests.into_iter().collect()
    }

    /// Returns whether a request is pending.
    async fn has_request(&mut self) -> bool {
        let mut request = pin!(self.0.next_request());
        poll_fn(|cx| Poll::Ready(request.as_mut().poll(cx).is_ready())).await
    }
}

#[tokio::test]
async fn each_reconnect_restores_every_name_exactly_once() {
    let (mut server, client) = Server::start(ClientOptions::default()).await;
    let subscribing = tokio::spawn(client.subscribe(["a", "b"]));
    let mut connection = server.accept().await;
    assert_eq!(
        connection.subscribe(2).await,
        ["SUBSCRIBE a", "SUBSCRIBE b"]
    );
    let mut channels = within(subscribing).await.unwrap().unwrap();
    let subscribing = tokio::spawn(client.psubscribe(["*", "a*"]));
    connection.subscribe(2).await;
    let mut patterns = within(subscribing).await.unwrap().unwrap();
    let subscribing = tokio::spawn(client.subscribe(["b", "gone"]));
    connection.subscribe(1).await;
    drop(within(subscribing).await.unwrap().unwrap());
    assert_eq!(connection.request().await, "UNSUBSCRIBE gone");

    for (round, failing) in ["0", "1", "2"].into_iter().zip([0, 2, 2]) {
        server.failing.store(failing, Ordering::SeqCst);
        drop(connection);
        connection = server.accept().await;
        assert_eq!(server.failing.load(Ordering::SeqCst), 0);
        let asked = connection.subscribe(4).await;
        let expected = [
            "PSUBSCRIBE *",
            "PSUBSCRIBE a*",
            "SUBSCRIBE a",
            "SUBSCRIBE b",
        ];
        assert_eq!(asked, expected);
        connection.push(&["message", "a", round]).await;
        connection.push(&["pmessage", "a*", "a", round]).await;
        for subscription in [&mut channels, &mut patterns] {
            assert_eq!(event(subscription).await, Event::Reconnected { gap: true });
            assert_eq!(payload(subscription).await, round);
        }
        assert!(!connection.has_request().await);
    }
    drop(patterns);
    let mut ended = [connection.request().await, connection.request().await];
    ended.sort();
    assert_eq!(ended, ["PUNSUBSCRIBE *", "PUNSUBSCRIBE a*"]);
    connection.push(&["punsubscribe", "*", "1"]).await;
    connection.push(&["punsubscribe", "a*", "1"]).await;
    drop(channels);
    let mut ended = [connection.request().await, connection.request().await];
    ended.sort();
    assert_eq!(ended, ["UNSUBSCRIBE a", "UNSUBSCRIBE b"]);
    // The next one is sent over the same connection although these are not yet acknowledged.
    let subscribing = tokio::spawn(client.subscribe("c"));
    assert_eq!(connection.request().await, "SUBSCRIBE c");
    connection.push(&["unsubscribe", "a", "1"]).await;
    connection.push(&["unsubscribe", "b", "1"]).await;
    connection.push(&["subscribe", "c", "1"]).await;
    drop(within(subscribing).await.unwrap().unwrap());
    assert_eq!(connection.request().await, "UNSUBSCRIBE c");
    connection.push(&["unsubscribe", "c", "0"]).await;
    // The connection ends with its last subscription.
    assert_eq!(connection.try_request().await, None);
}

#[tokio::test]
async fn a_server_that_never_acknowledges_the_end_does_not_keep_the_connection() {
    let (mut server, client) = Server::start(ClientOptions::default()).await;
    let subscribing = tokio::spawn(client.subscribe("a"));
    let mut connection = server.accept().await;
    connection.subscribe(1).await;
    drop(within(subscribing).await.unwrap().unwrap());
    assert_eq!(connection.request().await, "UNSUBSCRIBE a");
    assert_eq!(connection.try_request().await, None);
}

#[tokio::test]
async fn a_refused_name_is_an_error_and_leaves_nothing_behind() {
    let (mut server, client) = Server::start(ClientOptions::default()).await;
    let subscribing = tokio::spawn(client.subscribe(["a", "secret"]));
    let mut connection = server.accept().await;
    assert_eq!(connection.request().await, "SUBSCRIBE a");
    connection.push(&["subscribe", "a", "1"]).await;
    assert_eq!(connection.request().await, "SUBSCRIBE secret");
    connection
        .say(Frame::error("NOPERM no access to secret"))
        .await;
    let error = within(subscribing).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(error.outcome(), Some(Outcome::Rejected));
    assert_eq!(error.command(), Some("SUBSCRIBE"));
    assert_eq!(error.server_error().unwrap().code(), "NOPERM");
    assert_eq!(connection.request().await, "UNSUBSCRIBE a");
    connection.push(&["unsubscribe", "a", "0"]).await;
    assert_eq!(connection.try_request().await, None);
    assert_eq!(client.stats().subscriptions, 0);
}

#[tokio::test]
async fn a_name_rejected_after_a_reconnect_ends_its_subscriptions() {
    let (mut server, client) = Server::start(ClientOptions::default()).await;
    let subscribing = tokio::spawn(client.subscribe("a"));
    let mut connection = server.accept().await;
    connection.subscribe(1).await;
    let mut subscription = within(subscribing).await.unwrap().unwrap();
    drop(connection);
    connection = server.accept().await;
    assert_eq!(connection.request().await, "SUBSCRIBE a");
    connection.say(Frame::error("NOPERM no more")).await;
    let error = within(subscription.next()).await.unwrap().unwrap_err();
    assert_eq!(error.server_error().unwrap().code(), "NOPERM");
    assert!(within(subscription.next()).await.is_none());
    assert_eq!(connection.try_request().await, None);
}

#[tokio::test]
async fn unacknowledged_subscriptions_time_out() {
    let options = ClientOptions::default().request_timeout(Duration::from_millis(50));
    let (mut server, client) = Server::start(options).await;
    let subscribing = tokio::spawn(client.subscribe(["a", "b"]));
    let mut connection = server.accept().await;
    connection.request().await;
    connection.push(&["subscribe", "a", "1"]).await;
    let error = within(subscribing).await.unwrap().unwrap_err();
    assert!(error.is_timeout() && error.is_retryable(), "{error}");
    assert_eq!(connection.request().await, "SUBSCRIBE b");
    assert_eq!(connection.request().await, "UNSUBSCRIBE a");
    connection.push(&["subscribe", "b", "2"]).await;
    assert_eq!(connection.request().await, "UNSUBSCRIBE b");
    assert_eq!(client.stats().subscriptions, 0);
}

#[tokio::test]
async fn a_transport_without_pushes_is_an_error_before_anything_is_sent() {
    for capabilities in [
        Capabilities::FULL.with_push(false),
        Capabilities::FULL.with_session(false),
    ] {
        let starting = async {
            let (accept, mut accepted) = mpsc::unbounded_channel();
            let connect = move || {
                let (transport, peer) = memory::pair();
                accept.send(peer).expect("the test runs");
                let transport = transport.with_capabilities(capabilities);
                async move { Ok(Box::new(transport) as BoxTransport) }
            };
            let connecting = tokio::spawn(Client::connect_with(connect, ClientOptions::default()));
            let peer = accepted.recv().await.unwrap();
            tokio::spawn(peer.serve(|_| Frame::error("ERR unknown command")));
            (accepted, connecting.await.unwrap().unwrap())
        };
        let (mut accepted, client) = within(starting).await;
        let error = within(client.subscribe("a")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
        assert_eq!(error.outcome(), Some(Outcome::NotSent));
        let mut peer = within(accepted.recv()).await.unwrap();
        assert!(within(peer.next_request()).await.is_none());
    }
}

#[tokio::test]
async fn a_name_unsupported_by_the_transport_is_an_error() {
    let text_only = Capabilities::FULL.with_binary_arguments(false);
    let (mut server, client) = Server::start_with(ClientOptions::default(), text_only).await;
    let subscribing = tokio::spawn(client.subscribe(b"\xff".as_slice()));
    let mut connection = server.accept().await;
    let error = within(subscribing).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    assert_eq!(connection.try_request().await, None);
}
