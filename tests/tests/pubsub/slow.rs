//! Slow subscribers: each overflow policy behaves as documented, and others are unaffected.

use futures_util::future::join_all;
use swarm_keydb::{Client, ClientOptions, ErrorKind, Event, Overflow, SubscribeOptions};
use swarm_tests::{connected, targets, within};

use super::hearing::{event, message, payload};

/// Publishes numbers and receives each of them.
async fn publish(client: &Client, numbers: std::ops::Range<u32>) {
    let mut witness = within(client.subscribe("a")).await.unwrap();
    // A deployed server silently drops messages when too many are pending for a connection.
    for window in numbers.collect::<Vec<_>>().chunks(50) {
        within(join_all(window.iter().map(|n| client.publish("a", *n)))).await;
        for n in window {
            assert_eq!(payload(&mut witness).await, n.to_string());
        }
    }
}

#[tokio::test]
async fn every_dropped_message_is_counted() {
    for target in targets().await {
        if target.is_http() {
            continue;
        }
        let client = target.connect().await;
        let options = SubscribeOptions::new().buffer(10);
        let mut oldest = within(client.subscribe("a").options(options))
            .await
            .unwrap();
        let options = options.on_overflow(Overflow::DropNewest);
        let mut newest = within(client.subscribe("a").options(options))
            .await
            .unwrap();
        publish(&client, 0..500).await;
        assert_eq!(
            event(&mut oldest).await,
            Event::Lagged(490),
            "{}",
            target.name
        );
        for n in 490..500 {
            assert_eq!(payload(&mut oldest).await, n.to_string(), "{}", target.name);
        }
        for n in 0..10 {
            assert_eq!(payload(&mut newest).await, n.to_string(), "{}", target.name);
        }
        assert_eq!(
            event(&mut newest).await,
            Event::Lagged(490),
            "{}",
            target.name
        );
        publish(&client, 500..501).await;
        assert_eq!(payload(&mut oldest).await, "500", "{}", target.name);
        assert_eq!(payload(&mut newest).await, "500", "{}", target.name);
    }
}

#[tokio::test]
async fn bytes_bound_the_buffer_too() {
    let (_gateway, client) = connected().await;
    let options = SubscribeOptions::new().buffer_bytes(100_000);
    let mut subscription = within(client.subscribe("a").options(options))
        .await
        .unwrap();
    let mut witness = within(client.subscribe("a")).await.unwrap();
    let value = "x".repeat(9_000);
    for _ in 0..100 {
        within(client.publish("a", &value)).await.unwrap();
        message(&mut witness).await;
    }
    // Ten messages and their overhead slightly exceed the limit.
    assert_eq!(event(&mut subscription).await, Event::Lagged(90));
    for _ in 0..10 {
        assert_eq!(message(&mut subscription).await.payload.len(), 9_000);
    }
}

#[tokio::test]
async fn overflow_end_ends_a_lagging_subscription() {
    let (gateway, client) = connected().await;
    let options = SubscribeOptions::new()
        .buffer(2)
        .on_overflow(Overflow::Close);
    let mut subscription = within(client.subscribe("a").options(options))
        .await
        .unwrap();
    for n in 0..3 {
        within(client.publish("a", n)).await.unwrap();
    }
    // The name has no other subscribers.
    within(gateway.faults().executed("UNSUBSCRIBE", 1)).await;
    assert_eq!(payload(&mut subscription).await, "0");
    assert_eq!(payload(&mut subscription).await, "1");
    let error = within(subscription.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lagged);
    assert!(within(subscription.next()).await.is_none());
}

/// Over TCP and WebSocket, with a gateway and a real Redis: one subscriber does not read but loses
/// nothing, and others are not delayed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backpressure_loses_nothing_and_delays_no_other_subscriber() {
    const MESSAGES: u32 = 5_000;
    for target in targets().await {
        // A deployed gateway drops pushes itself.
        if target.is_http() || target.name.contains("upstream") {
            continue;
        }
        let client = target.connect().await;
        let options = SubscribeOptions::new()
            .buffer(10)
            .on_overflow(Overflow::Backpressure);
        let mut stalled = within(client.subscribe("a").options(options))
            .await
            .unwrap();
        publish(&client, 0..MESSAGES).await;
        for n in 0..MESSAGES {
            assert_eq!(
                payload(&mut stalled).await,
                n.to_string(),
                "{}",
                target.name
            );
        }
        within(client.publish("a", "more")).await.unwrap();
        assert_eq!(payload(&mut stalled).await, "more", "{}", target.name);
    }
}

#[tokio::test]
async fn a_stalled_subscriber_can_be_dropped() {
    let gateway = swarm_gateway::test().await.unwrap();
    let client = within(Client::connect(ClientOptions::new(gateway.tcp_url())))
        .await
        .unwrap();
    let options = SubscribeOptions::new()
        .buffer(1)
        .on_overflow(Overflow::Backpressure);
    let stalled = within(client.subscribe("a").options(options))
        .await
        .unwrap();
    publish(&client, 0..100).await;
    drop(stalled);
    super::sharing::subscribers(&client, "a", 0).await;
}

#[tokio::test]
async fn a_buffer_without_room_is_refused() {
    let (_gateway, client) = connected().await;
    for subscribing in [
        client.subscribe("a").buffer(0),
        client.psubscribe("a*").buffer_bytes(0),
    ] {
        let error = within(subscribing).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument);
        assert!(error.to_string().contains("buffer"), "{error}");
    }
}
