//! Tests of subscriptions whose connection fails, or that nobody needs any more.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::*;
use crate::{ErrorKind, Event, SubscribeOptions};

const SECOND: Duration = Duration::from_secs(1);

/// Guards against dialing forever for nobody.
#[tokio::test(start_paused = true)]
async fn nothing_is_dialed_for_a_subscription_that_was_dropped() {
    let server = Server::default();
    let (client, _accepted) = server.connected(ClientOptions::default()).await;
    server.fail((0..1000).map(|_| refused()));
    let subscribing = tokio::spawn(client.subscribe("a").timeout(FOREVER));
    sleep(60 * SECOND).await;
    let dials = server.dials();
    assert!(dials > 5, "{dials}");
    subscribing.abort();
    sleep(600 * SECOND).await;
    assert!(server.dials() <= dials + 1);
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_server_is_told_from_one_that_acknowledges_nothing() {
    let server = Server::default();
    let options = ClientOptions::default().reconnect_max_delay(SECOND);
    let (client, mut accepted) = server.connected(options).await;
    // So that the connection is needed although no call waits.
    let _other = tokio::spawn(client.subscribe("other").timeout(FOREVER));
    let mut peer = accepted.recv().await.unwrap();
    shake_hands(&mut peer).await;
    let is_unreachable = async || {
        let error = client.subscribe("a").timeout(5 * SECOND).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        !error.to_string().contains("not acknowledged")
    };
    assert!(!is_unreachable().await);
    // A connection that had worked says nothing about the server.
    server.hang(true);
    peer.close();
    assert!(!is_unreachable().await);
    server.hang(false);
    server.fail((0..1000).map(|_| refused()));
    // The attempt that hangs ends.
    sleep(20 * SECOND).await;
    assert!(is_unreachable().await);
    server.0.lock().unwrap().errors.clear();
    let mut peer = accepted.recv().await.unwrap();
    shake_hands(&mut peer).await;
    assert_eq!(peer.next_request().await.unwrap().name(), b"SUBSCRIBE");
    assert!(!is_unreachable().await, "it answers again");
}

/// The shared connection still works.
#[tokio::test(start_paused = true)]
async fn credentials_that_only_this_connection_is_refused_for_end_its_subscriptions() {
    let options = ClientOptions::default().password("secret");
    let (client, mut accepted) = Server::default().client(options);
    let peer = accepted.recv().await.unwrap();
    tokio::spawn(peer.serve(|request| match request.name() {
        b"AUTH" => Frame::simple("OK"),
        _ => answer(request),
    }));
    let client = client.await.unwrap().unwrap();
    let subscribing = tokio::spawn(client.subscribe("a").timeout(FOREVER));
    let mut peer = accepted.recv().await.unwrap();
    assert_eq!(peer.next_request().await.unwrap().name(), b"AUTH");
    peer.reply(Frame::error("WRONGPASS no")).await.unwrap();
    let error = timeout(60 * SECOND, subscribing).await.expect("fails");
    assert_eq!(error.unwrap().unwrap_err().kind(), ErrorKind::Auth);
    assert!(accepted.try_recv().is_err(), "it is not dialed again");
}

#[tokio::test(start_paused = true)]
async fn without_reconnecting_a_lost_connection_ends_its_subscriptions() {
    let options = ClientOptions::default().reconnect(false);
    let (client, mut accepted) = Server::default().connected(options).await;
    let (mut subscription, peer) = subscribed(&client, &mut accepted, "a").await;
    peer.close();
    let error = subscription.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(subscription.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_subscription_outlives_the_client_and_is_a_stream() {
    let (client, mut accepted) = Server::default().connected(ClientOptions::default()).await;
    let (subscription, mut peer) = subscribed(&client, &mut accepted, "a").await;
    assert_eq!(client.stats().subscriptions, 1);
    let (second, _peer) = (tokio::spawn(client.subscribe("b")), accepted);
    assert_eq!(peer.next_request().await.unwrap().name(), b"SUBSCRIBE");
    peer.reply(push(&["subscribe", "b", "2"])).await.unwrap();
    let second = second.await.unwrap().unwrap();
    assert_eq!(client.stats().subscriptions, 2);
    drop(second);
    assert_eq!(client.stats().subscriptions, 1);
    drop(client);
    sleep(SECOND).await;
    peer.reply(push(&["message", "a", "x"])).await.unwrap();
    let mut subscription = pin!(subscription);
    let next = std::future::poll_fn(|cx| subscription.as_mut().poll_next(cx));
    let Some(Ok(Event::Message(message))) = next.await else {
        panic!("no message");
    };
    assert_eq!(message.payload, "x");
}

/// Futures of this crate may be polled anywhere; the tasks run where the client was created.
#[test]
fn subscribing_needs_no_runtime_and_ends_with_the_one_of_the_client() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (client, mut accepted) = runtime.block_on(async {
        let server = Server::default();
        server.connected(ClientOptions::default()).await
    });
    let mut cx = Context::from_waker(Waker::noop());
    let mut subscribing = Box::pin(client.subscribe("a"));
    assert!(subscribing.as_mut().poll(&mut cx).is_pending());
    let mut subscription = runtime.block_on(async {
        let mut peer = accepted.recv().await.unwrap();
        shake_hands(&mut peer).await;
        peer.next_request().await.unwrap();
        peer.reply(push(&["subscribe", "a", "1"])).await.unwrap();
        let subscription = subscribing.await.unwrap();
        tokio::spawn(peer.serve(answer));
        subscription
    });
    assert!(pin!(subscription.next()).poll(&mut cx).is_pending());
    let mut late = Box::pin(client.subscribe("b"));
    assert!(late.as_mut().poll(&mut cx).is_pending());
    drop(runtime);
    let Poll::Ready(Err(error)) = late.as_mut().poll(&mut cx) else {
        panic!("its task is gone");
    };
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    let Poll::Ready(Some(Err(error))) = pin!(subscription.next()).poll(&mut cx) else {
        panic!("its task is gone");
    };
    assert!(error.to_string().contains("runtime"), "{error}");
}

#[tokio::test]
async fn a_name_that_the_transport_cannot_carry_is_rejected_before_anything_is_sent() {
    let client = Client::connect_lazy("ws://127.0.0.1:1").unwrap();
    let error = client.subscribe(b"\xff").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    let empty = client.subscribe("a").buffer(0).await.unwrap_err();
    let no_bytes = client.subscribe("a").buffer_bytes(0).await.unwrap_err();
    let none = SubscribeOptions::new().buffer(0);
    let shared = client.subscribe("a").options(none).await.unwrap_err();
    let http = Client::connect_lazy("http://127.0.0.1:1").unwrap();
    let stateless = http.subscribe("a").await.unwrap_err();
    for error in [empty, no_bytes, shared, stateless] {
        assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_gets_events_until_it_is_unsubscribed_dropped_or_closed() {
    for end in ["unsubscribe", "drop", "close"] {
        let (client, mut accepted) = Server::default().connected(ClientOptions::default()).await;
        let (subscription, mut peer) = subscribed(&client, &mut accepted, "a").await;
        let (heard, mut events) = mpsc::unbounded_channel();
        let handler = subscription.handle(move |event| heard.send(event).unwrap());
        peer.reply(push(&["message", "a", "x"])).await.unwrap();
        let event = events.recv().await.unwrap();
        assert!(matches!(event, Event::Message(_)));
        assert!(!handler.is_finished());
        match end {
            "unsubscribe" => {
                let ended = timeout(FOREVER, handler.unsubscribe()).await;
                ended.expect("ends");
                let left = events.try_recv();
                assert_eq!(left, Err(mpsc::error::TryRecvError::Disconnected));
            }
            "drop" => drop(handler),
            _ => {
                client.close().await;
                assert!(events.recv().await.is_none());
                assert!(handler.is_finished());
                continue;
            }
        }
        assert_eq!(peer.next_request().await.unwrap().name(), b"UNSUBSCRIBE");
    }
}

/// Guards against a handler that cannot be ended while messages wait for it.
#[tokio::test(start_paused = true)]
async fn a_handler_yields_although_its_buffer_is_full() {
    let (client, mut accepted) = Server::default().connected(ClientOptions::default()).await;
    let (subscription, mut peer) = subscribed(&client, &mut accepted, "a").await;
    for _ in 0..1000 {
        peer.reply(push(&["message", "a", "x"])).await.unwrap();
    }
    sleep(SECOND).await;
    let (heard, mut events) = mpsc::unbounded_channel();
    let handler = subscription.handle(move |event| heard.send(event).unwrap());
    assert!(events.recv().await.is_some());
    handler.unsubscribe().await;
    assert!(events.len() < 999, "{}", events.len());
}
