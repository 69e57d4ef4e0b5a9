//! Subscriptions that share a name: the client subscribes once, and unsubscribes after the last.

use swarm_keydb::{Client, ClientOptions};
use swarm_tests::{cancel_after, connected_to, dialects, within};

use super::hearing::payload;

/// Waits until the server reports `count` subscribers of a channel.
pub(crate) async fn subscribers(client: &Client, channel: &str, count: u64) {
    within(async { while client.pubsub_numsub(channel).await.unwrap()[0].1 != count {} }).await;
}

/// Waits until the server reports `count` connections.
async fn connections(client: &Client, count: usize) {
    within(async { while client.client_list().await.unwrap().lines().count() != count {} }).await;
}

#[tokio::test]
async fn a_shared_name_sends_one_subscribe_and_one_unsubscribe() {
    for (name, dialect) in dialects() {
        let (gateway, client) = connected_to(dialect).await;
        let ran = |command| gateway.executions(command);
        connections(&client, 1).await;
        let mut first = within(client.subscribe("a")).await.unwrap();
        let mut second = within(client.subscribe("a")).await.unwrap();
        let patterns = within(client.psubscribe(["a*", "b*"])).await.unwrap();
        connections(&client, 2).await;
        assert_eq!((ran("SUBSCRIBE"), ran("PSUBSCRIBE")), (1, 2), "{name}");
        assert_eq!(client.stats().subscriptions, 3);

        drop(first);
        within(client.publish("a", "x")).await.unwrap();
        assert_eq!(payload(&mut second).await, "x", "{name}");
        assert_eq!(ran("UNSUBSCRIBE"), 0, "{name}");
        drop(second);
        within(gateway.faults().executed("UNSUBSCRIBE", 1)).await;
        subscribers(&client, "a", 0).await;

        first = within(client.subscribe("a")).await.unwrap();
        assert_eq!(ran("SUBSCRIBE"), 2, "{name}");
        within(client.publish("a", "y")).await.unwrap();
        assert_eq!(payload(&mut first).await, "y", "{name}");

        drop((first, patterns));
        connections(&client, 1).await;
        assert_eq!((ran("UNSUBSCRIBE"), ran("PUNSUBSCRIBE")), (2, 2), "{name}");
        assert_eq!(client.stats().subscriptions, 0);
        // A new subscription opens the connection again.
        let _again = within(client.subscribe("a")).await.unwrap();
        connections(&client, 2).await;
    }
}

#[tokio::test]
async fn a_name_can_be_resubscribed_before_its_end_is_acknowledged() {
    let (gateway, client) = connected_to(swarm_tests::UPSTREAM).await;
    let _other = within(client.subscribe("other")).await.unwrap();
    let subscription = within(client.subscribe("a")).await.unwrap();
    let hold = gateway.faults().hold("UNSUBSCRIBE");
    drop(subscription);
    within(hold.reached(1)).await;
    let again = tokio::spawn(client.subscribe("a"));
    hold.release();
    let mut again = within(again).await.unwrap().unwrap();
    within(client.publish("a", "x")).await.unwrap();
    assert_eq!(payload(&mut again).await, "x");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_dropped_futures_leave_nothing_subscribed() {
    for (name, dialect) in dialects() {
        let (gateway, client) = connected_to(dialect).await;
        let tasks: Vec<_> = (0..10)
            .map(|task| tokio::spawn(drop_at_random(client.clone(), task)))
            .collect();
        let mut dropped = 0;
        for task in tasks {
            dropped += within(task).await.unwrap();
        }
        assert!(dropped > 100, "{name}: only {dropped} were dropped early");
        connections(&client, 1).await;
        assert_eq!(client.stats().subscriptions, 0);
        let left = within(client.pubsub_channels()).await.unwrap();
        assert!(left.is_empty(), "{name}: {left:?}");
        assert_eq!(within(client.pubsub_numpat()).await.unwrap(), 0, "{name}");
        for (on, off) in [("SUBSCRIBE", "UNSUBSCRIBE"), ("PSUBSCRIBE", "PUNSUBSCRIBE")] {
            let (on, off) = (gateway.executions(on), gateway.executions(off));
            assert!(on > 0 && off <= on, "{name}: {on} on, {off} off");
        }
    }
}

/// Subscribes to shared names repeatedly and drops most futures before they complete.
async fn drop_at_random(client: Client, task: u32) -> u32 {
    let mut dropped = 0;
    for round in 0..200 {
        let names = [format!("n{}", round % 7), format!("n{}", task % 3)];
        let polls = fastrand::u32(0..6);
        let subscribing = if round % 2 == 0 {
            client.subscribe(names)
        } else {
            client.psubscribe(names)
        };
        match cancel_after(polls, subscribing).await {
            Some(subscribed) => drop(subscribed.unwrap()),
            None => dropped += 1,
        }
    }
    dropped
}

#[tokio::test]
async fn a_subscription_may_have_thousands_of_names() {
    let (gateway, client) = connected_to(swarm_tests::UPSTREAM).await;
    let names: Vec<_> = (0..5_000).map(|n| format!("n{n}")).collect();
    let mut subscription = within(client.subscribe(&names)).await.unwrap();
    assert_eq!(gateway.executions("SUBSCRIBE"), 5_000);
    for name in ["n0", "n4999"] {
        assert_eq!(within(client.publish(name, name)).await.unwrap(), 1);
        assert_eq!(payload(&mut subscription).await, name);
    }
    drop(subscription);
    connections(&client, 1).await;
    assert!(within(client.pubsub_channels()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_subscription_outlives_its_client() {
    let (gateway, client) = connected_to(swarm_gateway::Dialect::STANDARD).await;
    let mut subscription = within(client.subscribe("a")).await.unwrap();
    drop(client);
    let options = ClientOptions::new(gateway.ws_url());
    let other = within(Client::connect(options)).await.unwrap();
    within(other.publish("a", "x")).await.unwrap();
    assert_eq!(payload(&mut subscription).await, "x");
    drop(subscription);
    connections(&other, 1).await;
}
