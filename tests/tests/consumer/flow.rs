//! Consumers without failures.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use swarm_keydb::{ErrorKind, ReadAfter, StreamId, XReadOptions};
use swarm_tests::{connected, within};

use super::{GROUP, add, consumer, next, number, once, pending, servers, take};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_entry_is_delivered_once_until_the_consumer_stops() {
    for target in servers().await {
        let client = target.connect().await;
        add(&client, "a", 1..26).await;
        let builder = client.consumer(GROUP, "ann", ["a", "b"]).count(7);
        let mut consumer = builder.block(Duration::from_millis(50)).build().unwrap();
        let mut seen = BTreeMap::new();
        for _ in 1..26 {
            let delivery = within(StreamExt::next(&mut consumer)).await;
            let delivery = delivery.unwrap().unwrap();
            assert_eq!((&delivery.stream[..], delivery.delivered), (&b"a"[..], 1));
            *seen.entry(number(&delivery)).or_insert(0) += 1;
            within(delivery.ack()).await.unwrap();
        }
        assert_eq!(seen, once(1..26), "{}", target.name);
        add(&client, "b", 1..3).await;
        assert_eq!(take(&mut consumer, 2).await, once(1..3), "{}", target.name);
        assert_eq!(pending(&client, "a").await + pending(&client, "b").await, 0);
        consumer.stop();
        assert!(within(consumer.next()).await.is_none(), "{}", target.name);
        assert!(within(consumer.next()).await.is_none());
    }
}

#[tokio::test]
async fn an_empty_read_is_followed_by_another() {
    for target in servers().await {
        let client = target.connect().await;
        let mut consumer = consumer(&client, "ann", "k").min_idle(None);
        consumer = consumer.block(Duration::from_millis(5));
        let mut consumer = consumer.build().unwrap();
        match target.gateway() {
            Some(gateway) => {
                let faults = gateway.faults();
                tokio::select! {
                    delivery = consumer.next() => panic!("{delivery:?}"),
                    () = within(faults.executed("XREADGROUP", 4)) => {}
                }
            }
            None => {
                let wait = tokio::time::timeout(Duration::from_millis(50), consumer.next());
                assert!(wait.await.is_err(), "there is nothing to read");
            }
        }
        add(&client, "k", 1..2).await;
        assert_eq!(number(&next(&mut consumer).await), 1, "{}", target.name);
    }
}

#[tokio::test]
async fn a_read_that_blocks_holds_nobody_up_and_ends_when_there_is_something_or_in_time() {
    for target in servers().await {
        let client = target.connect().await;
        let block = XReadOptions::new().block(Duration::from_secs(50));
        let read = tokio::spawn(client.xread_with([("k", "0")], block));
        within(async {
            while client.stats().dedicated.in_use == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        add(&client, "k", 1..2).await;
        let read = within(read).await.unwrap().unwrap();
        assert_eq!(
            read[0].entries[0].id,
            StreamId::new(1, 1),
            "{}",
            target.name
        );
        let block = block.block(Duration::from_millis(1));
        let nothing = within(client.xread_with([("k", ReadAfter::Last)], block)).await;
        assert_eq!(nothing.unwrap(), [], "{}", target.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_cancellations_lose_nothing() {
    for target in servers().await {
        let client = target.connect().await;
        let producer = client.clone();
        let adding = tokio::spawn(async move { add(&producer, "k", 1..1001).await });
        let mut consumer = consumer(&client, "ann", "k").count(10).build().unwrap();
        let (mut seen, mut cancelled) = (BTreeMap::new(), 0);
        while seen.len() < 1000 || cancelled < 10_000 {
            let turns = fastrand::u32(..4);
            let patience = async {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            };
            let delivery = tokio::select! {
                biased;
                delivery = consumer.next() => delivery.unwrap().unwrap(),
                () = patience, if cancelled < 10_000 => {
                    cancelled += 1;
                    continue;
                }
            };
            *seen.entry(number(&delivery)).or_insert(0) += 1;
            within(delivery.ack()).await.unwrap();
        }
        within(adding).await.unwrap();
        assert_eq!(seen, once(1..1001), "{}", target.name);
        assert_eq!(pending(&client, "k").await, 0, "{}", target.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_what_was_handed_out() {
    let (_gateway, client) = connected().await;
    add(&client, "k", 1..4).await;
    let mut consumer = consumer(&client, "ann", "k").build().unwrap();
    let first = next(&mut consumer).await;
    consumer.stop_handle().stop();
    // Entries read before the stop are still delivered.
    let held = [next(&mut consumer).await, next(&mut consumer).await];
    assert_eq!(consumer.unsettled(), 3);
    first.ack().await.unwrap();
    assert!(consumer.next().now_or_never().is_none(), "two are out");
    let acks = tokio::spawn(async move {
        for delivery in &held {
            delivery.ack().await.unwrap();
        }
    });
    assert!(within(consumer.next()).await.is_none());
    within(acks).await.unwrap();
    assert_eq!(pending(&client, "k").await, 0);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let (_gateway, client) = connected().await;
    add(&client, "k", 1..2).await;
    let builder = consumer(&client, "ann", "k").drain_timeout(Duration::from_millis(20));
    let mut consumer = builder.build().unwrap();
    let _held = next(&mut consumer).await;
    consumer.stop();
    assert!(within(consumer.next()).await.is_none());
}

#[tokio::test]
async fn durations_without_end_neither_overflow_nor_keep_a_stop_waiting() {
    let (gateway, client) = connected().await;
    add(&client, "k", 1..2).await;
    let builder = client.consumer(GROUP, "ann", "k").block(Duration::MAX);
    let builder = builder.min_idle(Duration::MAX).drain_timeout(Duration::MAX);
    let mut consumer = builder.claim_interval(Duration::MAX).build().unwrap();
    // A lost reply schedules another look at the pending entries.
    gateway.faults().cut_after("XREADGROUP");
    within(next(&mut consumer).await.ack()).await.unwrap();
    let faults = gateway.faults();
    let reads = gateway.executions("XREADGROUP");
    tokio::select! {
        delivery = consumer.next() => panic!("{delivery:?}"),
        () = within(faults.executed("XREADGROUP", reads + 1)) => {}
    }
    consumer.stop();
    assert!(within(consumer.next()).await.is_none());
}

#[tokio::test]
async fn a_group_begins_where_it_is_told_to() {
    for target in servers().await {
        let client = target.connect().await;
        add(&client, "k", 1..6).await;
        let builder = client.consumer("from an ID", "ann", "k");
        let mut from = builder.start_from(StreamId::new(3, 1)).build().unwrap();
        assert_eq!(number(&next(&mut from).await), 4, "{}", target.name);
        let builder = client.consumer("from now on", "ann", "k");
        let mut new = builder.start_from(ReadAfter::Last).build().unwrap();
        // The consumer has joined once its group exists.
        let joined = async {
            while client.xpending("k", "from now on").await.is_err() {
                assert!(new.next().now_or_never().is_none());
                tokio::task::yield_now().await;
            }
        };
        within(joined).await;
        add(&client, "k", 6..7).await;
        assert_eq!(number(&next(&mut new).await), 6, "{}", target.name);
    }
}

#[tokio::test]
async fn permanent_errors_do_not_end_the_consumer() {
    let (_gateway, client) = connected().await;
    client.set("k", "no stream").await.unwrap();
    let mut consumer = consumer(&client, "ann", "k").build().unwrap();
    for _ in 0..2 {
        let error = within(consumer.next()).await.unwrap().unwrap_err();
        assert_eq!(error.server_error().unwrap().code(), "WRONGTYPE");
    }
    client.del("k").await.unwrap();
    add(&client, "k", 1..2).await;
    let delivery = loop {
        // The attempt in progress may have found the key in its previous state.
        if let Ok(delivery) = within(consumer.next()).await.unwrap() {
            break delivery;
        }
    };
    assert_eq!(number(&delivery), 1);
    client.close().await;
    let error = within(consumer.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(within(consumer.next()).await.is_none());
}

#[tokio::test]
async fn senseless_options_are_refused() {
    let (_gateway, client) = connected().await;
    let good = || client.consumer("g", "c", "k");
    let refused = [
        client.consumer("g", "c", ()).build(),
        client.consumer("g\n", "c", "k").build(),
        client.consumer("g", "c\r", "k").build(),
        client.consumer("g", "c", ["k", ""]).build(),
        client.consumer("g", "c", ["k", "k"]).build(),
        good().count(0).build(),
        good().block(Duration::ZERO).build(),
        good().claim_interval(Duration::ZERO).build(),
    ];
    for (at, refused) in refused.into_iter().enumerate() {
        assert!(refused.is_err(), "{at}");
    }
    let _sound = good().build().unwrap();
}
