//! Consumers under failures: lost connections, groups, and entries.

use std::collections::BTreeMap;
use std::time::Duration;

use swarm_keydb::Client;
use swarm_tests::{Proxy, connected, within};

use super::{GROUP, add, consumer, next, number, once, pending, servers, take};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_that_are_lost_are_made_up_for() {
    for target in servers().await {
        let Some(gateway) = target.gateway() else {
            continue;
        };
        let options = target.options.clone();
        let options = options
            .reconnect_base_delay(Duration::from_millis(5))
            .reconnect_max_delay(Duration::from_millis(20));
        let client = within(Client::connect(options)).await.unwrap();
        let builder = consumer(&client, "ann", "k").count(10);
        let builder = builder.min_idle(Duration::from_secs(3600));
        let mut consumer = builder.build().unwrap();
        let producer = client.clone();
        let faults = gateway.faults();
        let mut seen = BTreeMap::new();
        for round in 0..10 {
            let from = 1 + round * 20;
            add(&producer, "k", from..from + 20).await;
            for command in ["XREADGROUP", "XACK", "XPENDING", "XAUTOCLAIM"] {
                faults.cut_after(command);
            }
            while seen.len() < usize::try_from(from + 19).unwrap() {
                let delivery = next(&mut consumer).await;
                *seen.entry(number(&delivery)).or_insert(0) += 1;
                within(delivery.ack()).await.unwrap();
            }
        }
        assert_eq!(seen, once(1..201), "{}", target.name);
        assert_eq!(pending(&client, "k").await, 0, "{}", target.name);
    }
}

#[tokio::test]
async fn what_a_lost_read_is_given_later_is_found() {
    let (gateway, client) = connected().await;
    let builder = consumer(&client, "ann", "k").min_idle(None);
    let mut consumer = builder.build().unwrap();
    add(&client, "k", 1..2).await;
    gateway.faults().cut_after("XREADGROUP");
    let first = next(&mut consumer).await;
    assert_eq!((number(&first), first.delivered), (1, 2));
    within(first.ack()).await.unwrap();
    // A server may do this if it has not noticed that a blocked reader is gone.
    add(&client, "k", 2..3).await;
    let ghost = within(client.xreadgroup(GROUP, "ann", [("k", ">")])).await;
    assert_eq!(ghost.unwrap().len(), 1);
    let second = next(&mut consumer).await;
    assert_eq!((number(&second), second.delivered), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_reached_is_waited_for() {
    for target in servers().await {
        let url = match target.gateway() {
            Some(gateway) if target.name.starts_with("ws") => gateway.ws_url().to_owned(),
            _ => continue,
        };
        let mut proxy = Proxy::start(&url).await;
        let options = swarm_keydb::ClientOptions::new(proxy.url("ws"));
        let options = options
            .reconnect_base_delay(Duration::from_millis(5))
            .reconnect_max_delay(Duration::from_millis(20));
        let options = options.request_timeout(Duration::from_millis(500));
        let client = within(Client::connect(options.http_fallback(false)))
            .await
            .unwrap();
        let direct = target.connect().await;
        let mut consumer = consumer(&client, "ann", "k").build().unwrap();
        add(&direct, "k", 1..6).await;
        assert_eq!(take(&mut consumer, 5).await, once(1..6), "{}", target.name);
        for round in 1..3 {
            let from = 1 + round * 5;
            proxy.stop().await;
            add(&direct, "k", from..from + 5).await;
            // Longer than the timeout of a single request.
            let wait = tokio::time::timeout(Duration::from_millis(700), consumer.next());
            assert!(wait.await.is_err(), "{}: not an error either", target.name);
            proxy.restart().await;
            let expected = once(from..from + 5);
            assert_eq!(take(&mut consumer, 5).await, expected, "{}", target.name);
        }
        assert_eq!(pending(&direct, "k").await, 0, "{}", target.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_groups_and_streams_are_created_again() {
    for target in servers().await {
        let client = target.connect().await;
        add(&client, "k", 1..4).await;
        let mut consumer = consumer(&client, "ann", "k").build().unwrap();
        assert_eq!(take(&mut consumer, 3).await, once(1..4), "{}", target.name);
        within(client.xgroup_destroy("k", GROUP)).await.unwrap();
        add(&client, "k", 4..6).await;
        let seen = take(&mut consumer, 5).await;
        assert!(seen.contains_key(&4) && seen.contains_key(&5), "{seen:?}");
        within(client.del("k")).await.unwrap();
        add(&client, "k", 6..9).await;
        assert_eq!(take(&mut consumer, 3).await, once(6..9), "{}", target.name);
        // A deleted group has no pending entries.
        add(&client, "k", 9..10).await;
        let delivery = next(&mut consumer).await;
        within(client.xgroup_destroy("k", GROUP)).await.unwrap();
        within(delivery.ack()).await.unwrap();
        let again = take(&mut consumer, 4).await;
        assert_eq!(again, once(6..10), "{}", target.name);
        assert_eq!(pending(&client, "k").await, 0, "{}", target.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trimming_under_a_consumer_stops_nothing() {
    for target in servers().await {
        let client = target.connect().await;
        let builder = consumer(&client, "ann", "k").count(5);
        let builder = builder.min_idle(Duration::from_millis(1));
        let mut consumer = builder.build().unwrap();
        for round in 0..10 {
            let from = 1 + round * 10;
            add(&client, "k", from..from + 10).await;
            // Some entries are delivered and left pending, then most of them are deleted.
            drop(next(&mut consumer).await);
            within(client.xtrim("k", swarm_keydb::Trim::maxlen(2)))
                .await
                .unwrap();
        }
        add(&client, "k", 1000..1001).await;
        within(async {
            loop {
                let delivery = next(&mut consumer).await;
                let last = delivery.id.ms == 1000;
                delivery.ack().await.unwrap();
                if last {
                    break;
                }
            }
        })
        .await;
    }
}
