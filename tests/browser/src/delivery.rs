//! Subscriptions and consumers.

use std::time::Duration;

use swarm_keydb::{Client, ClientOptions, Event, Subscription};

use crate::gateway::Gateway;
use crate::time::{soon, spawn};

fn quick(gateway: &Gateway) -> ClientOptions {
    gateway
        .options()
        .reconnect_base_delay(Duration::from_millis(20))
}

async fn payload(subscription: &mut Subscription) -> String {
    let event = soon(subscription.next()).await.unwrap().unwrap();
    let message = event.into_message().expect("a message");
    message.payload_as().unwrap()
}

/// The gap is an event, and precedes what is published afterwards.
pub(crate) async fn a_subscription_over_a_restart() {
    let gateway = Gateway::standard().await;
    let client = Client::connect(quick(&gateway)).await.unwrap();
    let mut news = client.subscribe("news").await.unwrap();
    for round in 0..3 {
        client.publish("news", round).await.unwrap();
        assert_eq!(payload(&mut news).await, round.to_string());
        gateway.restart().await;
        let event = soon(news.next()).await.unwrap().unwrap();
        assert_eq!(event, Event::Reconnected { gap: true });
        let receivers = client.publish("news", "again").await.unwrap();
        assert_eq!(receivers, 1);
        assert_eq!(payload(&mut news).await, "again");
    }
    client.close().await;
    assert!(soon(news.next()).await.is_none());
}

pub(crate) async fn patterns_and_unsubscribing() {
    let gateway = Gateway::standard().await;
    let client = Client::connect(quick(&gateway)).await.unwrap();
    let mut sensors = client.psubscribe("sensor.*").await.unwrap();
    let mut one = client.subscribe("sensor.1").await.unwrap();
    assert_eq!(client.publish("sensor.1", "a").await.unwrap(), 2);
    assert_eq!(payload(&mut sensors).await, "a");
    assert_eq!(payload(&mut one).await, "a");
    drop(one);
    let left = async { while client.publish("sensor.1", "b").await.unwrap() != 1 {} };
    soon(left).await;
    assert_eq!(payload(&mut sensors).await, "b");
    client.close().await;
}

/// Every entry is delivered and acknowledged, in order, although the gateway restarts.
pub(crate) async fn a_consumer_over_a_restart() {
    let gateway = Gateway::standard().await;
    let client = Client::connect(quick(&gateway)).await.unwrap();
    let mut worker = client.consumer("billing", "tab", "orders").build().unwrap();
    for n in 0..30 {
        client.xadd("orders", [("n", n)]).await.unwrap();
        let delivery = soon(worker.next()).await.unwrap().unwrap();
        assert_eq!(delivery.fields.get_as("n").unwrap(), Some(n));
        delivery.ack().await.unwrap();
        if n % 10 == 5 {
            gateway.restart().await;
        }
    }
    let pending = client.xpending("orders", "billing").await.unwrap();
    assert_eq!(pending.count, 0);
    client.close().await;
}

/// One that disappears leaves its entries to another.
pub(crate) async fn a_consumer_takes_over() {
    let gateway = Gateway::standard().await;
    let client = Client::connect(quick(&gateway)).await.unwrap();
    client.xadd("orders", [("n", 1)]).await.unwrap();
    let mut first = client.consumer("billing", "one", "orders").build().unwrap();
    let delivery = soon(first.next()).await.unwrap().unwrap();
    drop((delivery, first));
    let idle = Duration::from_millis(50);
    let second = client.consumer("billing", "two", "orders").min_idle(idle);
    let mut second = second.claim_interval(idle).build().unwrap();
    let taken = soon(spawn(async move {
        let delivery = second.next().await.unwrap().unwrap();
        let count = delivery.delivered;
        delivery.ack().await.unwrap();
        count
    }));
    assert_eq!(taken.await, 2);
    client.close().await;
}
