//! Tests of how connections are closed, and of those that cannot be used.

use std::future::poll_fn;
use std::task::Poll;

use swarm_transport::Capabilities;

use super::*;
use crate::ErrorKind;
use crate::connection::CLOSE_TIMEOUT;

#[tokio::test(start_paused = true)]
async fn closing_waits_for_the_transport_within_a_limit() {
    let short = Duration::from_millis(300);
    for (takes, expected) in [(short, short), (FOREVER, CLOSE_TIMEOUT)] {
        let server = Server::default();
        server.set(|watch| watch.close_time = takes);
        let (client, _accepted) = server.connected(ClientOptions::default()).await;
        let start = Instant::now();
        client.close().await;
        assert_eq!(start.elapsed(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn closing_the_client_ends_subscriptions_and_leaves_their_connection_time_to_close() {
    let short = Duration::from_millis(300);
    let server = Server::default();
    let (client, mut accepted) = server.connected(ClientOptions::default()).await;
    server.set(|watch| watch.close_time = short);
    let (mut subscription, mut peer) = subscribed(&client, &mut accepted, "a").await;
    let start = Instant::now();
    client.close().await;
    assert!(subscription.next().await.is_none());
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(peer.next_request().await.is_none());
    assert_eq!(start.elapsed(), short);
    let error = client.subscribe("b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

/// Its task has not seen the subscription yet.
#[tokio::test(start_paused = true)]
async fn a_subscription_that_has_only_begun_ends_with_its_client() {
    let (client, _accepted) = Server::default().connected(ClientOptions::default()).await;
    let mut subscribing = Box::pin(client.subscribe("a"));
    let pending = poll_fn(|cx| Poll::Ready(subscribing.as_mut().poll(cx).is_pending()));
    assert!(pending.await);
    client.close().await;
    assert_eq!(subscribing.await.unwrap_err().kind(), ErrorKind::Closed);
}

/// Guards against tasks that never end.
#[tokio::test(start_paused = true)]
async fn no_task_outlives_the_client_and_its_subscriptions() {
    let server = Server::default();
    let (client, mut accepted) = server.connected(ClientOptions::default()).await;
    let (subscription, peer) = subscribed(&client, &mut accepted, "a").await;
    drop((client, subscription, peer));
    sleep(FOREVER).await;
    assert_eq!(Arc::strong_count(&server.0), 1, "no connector is left");
}

/// Guards against a limit that an earlier end of all subscriptions has started.
#[tokio::test(start_paused = true)]
async fn each_end_of_all_subscriptions_has_its_own_time_for_the_acknowledgment() {
    let (client, mut accepted) = Server::default().connected(ClientOptions::default()).await;
    let (subscription, mut peer) = subscribed(&client, &mut accepted, "a").await;
    drop(subscription);
    assert_eq!(peer.next_request().await.unwrap().name(), b"UNSUBSCRIBE");
    sleep(CLOSE_TIMEOUT / 2).await;
    let subscribing = tokio::spawn(client.subscribe("b"));
    assert_eq!(peer.next_request().await.unwrap().name(), b"SUBSCRIBE");
    peer.reply(push(&["subscribe", "b", "1"])).await.unwrap();
    let subscription = subscribing.await.unwrap().unwrap();
    sleep(2 * CLOSE_TIMEOUT).await;
    let start = Instant::now();
    drop(subscription);
    assert_eq!(peer.next_request().await.unwrap().name(), b"UNSUBSCRIBE");
    assert!(peer.next_request().await.is_none());
    assert_eq!(start.elapsed(), CLOSE_TIMEOUT);
}

/// Guards against a subscription that is lost or delayed because the connection is being closed.
#[tokio::test(start_paused = true)]
async fn a_subscription_interrupts_the_close_of_its_connection() {
    let server = Server::default();
    let (client, mut accepted) = server.connected(ClientOptions::default()).await;
    server.set(|watch| watch.close_time = FOREVER);
    for name in ["a", "b", "c"] {
        let subscribing = tokio::spawn(client.subscribe(name));
        let start = Instant::now();
        let mut peer = accepted.recv().await.unwrap();
        assert!(start.elapsed() < CLOSE_TIMEOUT / 2, "{name}");
        shake_hands(&mut peer).await;
        peer.next_request().await.unwrap();
        peer.reply(push(&["subscribe", name, "1"])).await.unwrap();
        drop(subscribing.await.unwrap().unwrap());
        let request = peer.next_request().await.unwrap();
        assert_eq!(request.name(), b"UNSUBSCRIBE");
        let mut closes = 0;
        server.set(|watch| closes = watch.closes);
        peer.reply(push(&["unsubscribe", name, "0"])).await.unwrap();
        let start = Instant::now();
        while closes == 0 {
            assert!(start.elapsed() < CLOSE_TIMEOUT / 2, "the server agrees");
            sleep(Duration::from_millis(1)).await;
            server.set(|watch| closes = std::mem::take(&mut watch.closes));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_over_a_transport_without_pushes_for_a_subscription() {
    let server = Server::default();
    let (client, mut accepted) = server.connected(ClientOptions::default()).await;
    let without = Capabilities::FULL.with_push(false);
    server.set(|watch| watch.capabilities = Some(without));
    let error = client.subscribe("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
    assert!(
        accepted
            .recv()
            .await
            .unwrap()
            .next_request()
            .await
            .is_none()
    );
}
