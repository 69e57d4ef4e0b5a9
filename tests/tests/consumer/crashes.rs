//! Consumers that crash in the middle of their work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarm_keydb::{DeletedEntries, StreamId, Trim};
use swarm_tests::{connected, within};

use super::{add, consumer, next, number, once, pending, servers, take};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_leaves_behind_another_takes_over() {
    for target in servers().await {
        let client = target.connect().await;
        add(&client, "k", 1..51).await;
        let mut ann = consumer(&client, "ann", "k").count(20).build().unwrap();
        let mut done = BTreeSet::new();
        for n in 1..31 {
            let delivery = next(&mut ann).await;
            // Every third entry is processed; the others are lost with the consumer.
            if n % 3 == 0 {
                done.insert(number(&delivery));
                within(delivery.ack()).await.unwrap();
            }
        }
        drop(ann);
        let bob = consumer(&client, "bob", "k").count(7);
        let mut bob = bob.min_idle(Duration::from_millis(1)).build().unwrap();
        let mut again = BTreeMap::new();
        while again.len() + done.len() < 50 {
            let delivery = next(&mut bob).await;
            let n = number(&delivery);
            assert!(!done.contains(&n), "{}: {n} was acknowledged", target.name);
            let expected = if n <= 30 { 2 } else { 1 };
            assert!(
                delivery.delivered >= expected,
                "{}: {delivery:?}",
                target.name
            );
            *again.entry(n).or_insert(0) += 1;
            within(delivery.ack()).await.unwrap();
        }
        assert!(again.values().all(|times| *times == 1), "{again:?}");
        assert_eq!(pending(&client, "k").await, 0, "{}", target.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_consumer_resumes_its_pending_entries() {
    for target in servers().await {
        let client = target.connect().await;
        add(&client, "k", 1..31).await;
        let build = || consumer(&client, "ann", "k").count(4).min_idle(None);
        let mut first = build().count(10).build().unwrap();
        for _ in 0..10 {
            drop(next(&mut first).await);
        }
        drop(first);
        let mut second = build().build().unwrap();
        let mut order = Vec::new();
        for _ in 0..30 {
            let delivery = next(&mut second).await;
            let expected = if order.len() < 10 { 2 } else { 1 };
            assert_eq!(
                delivery.delivered, expected,
                "{}: {delivery:?}",
                target.name
            );
            order.push(number(&delivery));
            within(delivery.ack()).await.unwrap();
        }
        assert_eq!(order, (1..31).collect::<Vec<_>>(), "{}", target.name);
        assert_eq!(pending(&client, "k").await, 0, "{}", target.name);
    }
}

#[tokio::test]
async fn dropped_deliveries_are_redelivered_after_min_idle() {
    for target in servers().await {
        let client = target.connect().await;
        add(&client, "k", 1..3).await;
        let builder = consumer(&client, "ann", "k").min_idle(Duration::from_millis(20));
        let mut consumer = builder.build().unwrap();
        let held = next(&mut consumer).await;
        drop(next(&mut consumer).await);
        for times in 2..4 {
            let again = next(&mut consumer).await;
            // The other entry is being processed all the time.
            assert_eq!(number(&again), 2, "{}", target.name);
            assert!(again.delivered >= times, "{}: {again:?}", target.name);
        }
        within(held.ack()).await.unwrap();
        assert_eq!(pending(&client, "k").await, 1, "{}", target.name);
    }
}

#[tokio::test]
async fn pending_entries_that_were_trimmed_are_acknowledged_or_told() {
    for target in servers().await {
        for policy in [DeletedEntries::Acknowledge, DeletedEntries::Yield] {
            let client = target.connect().await;
            let key = &format!("{policy:?}");
            add(&client, key, 1..13).await;
            let build = || consumer(&client, "ann", key).min_idle(None);
            let mut first = build().count(9).build().unwrap();
            drop(next(&mut first).await);
            drop(first);
            let trim = Trim::maxlen(5);
            assert_eq!(within(client.xtrim(key, trim)).await.unwrap(), 7);
            // Whole pages consist of deleted entries.
            let builder = build().count(3).deleted_entries(policy);
            let mut second = builder.build().unwrap();
            let mut gone = Vec::new();
            let mut left = Vec::new();
            while left.len() < 5 {
                let delivery = next(&mut second).await;
                if delivery.is_deleted() {
                    gone.push(delivery.id);
                } else {
                    left.push(number(&delivery));
                }
                within(delivery.ack()).await.unwrap();
            }
            assert_eq!(left, [8, 9, 10, 11, 12], "{}", target.name);
            let expected: Vec<_> = (1..8).map(|ms| StreamId::new(ms, 1)).collect();
            // On SwarmKeyDb, trimmed entries leave the pending list.
            let forgotten = target.name.contains("upstream");
            let yielded = if policy == DeletedEntries::Yield && !forgotten {
                expected
            } else {
                Vec::new()
            };
            assert_eq!(gone, yielded, "{}", target.name);
            assert_eq!(pending(&client, key).await, 0, "{} {policy:?}", target.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_of_a_group_share_the_entries() {
    for target in servers().await {
        let client = target.connect().await;
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let mut members = Vec::new();
        let mut stoppers = Vec::new();
        for member in 0..4 {
            let name = format!("member {member}");
            let mut consumer = consumer(&client, &name, "k").count(5).build().unwrap();
            stoppers.push(consumer.stop_handle());
            let seen = Arc::clone(&seen);
            members.push(tokio::spawn(async move {
                while let Some(delivery) = within(consumer.next()).await {
                    let delivery = delivery.unwrap();
                    *seen.lock().unwrap().entry(number(&delivery)).or_insert(0) += 1;
                    within(delivery.ack()).await.unwrap();
                }
            }));
        }
        add(&client, "k", 1..501).await;
        within(async {
            while seen.lock().unwrap().len() < 500 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        stoppers.iter().for_each(swarm_keydb::StopHandle::stop);
        within(futures_util::future::try_join_all(members))
            .await
            .unwrap();
        assert_eq!(*seen.lock().unwrap(), once(1..501), "{}", target.name);
        assert_eq!(pending(&client, "k").await, 0, "{}", target.name);
    }
}

/// Three consumers crash repeatedly, each leaving unprocessed entries behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_entries_survive_crashes() {
    const ENTRIES: u64 = 100_000;
    let (_gateway, client) = connected().await;
    let producer = client.clone();
    let adding = tokio::spawn(async move {
        let numbers: Vec<u64> = (1..=ENTRIES).collect();
        for numbers in numbers.chunks(1000) {
            let adds: Vec<_> = numbers
                .iter()
                .map(|n| {
                    let options = swarm_keydb::XAddOptions::new().id(StreamId::new(*n, 1));
                    producer.xadd_with("k", [("n", *n)], options)
                })
                .collect();
            within(futures_util::future::try_join_all(adds))
                .await
                .unwrap();
        }
    });
    let acked = Arc::new(Mutex::new(BTreeSet::new()));
    let members: Vec<_> = (0..3)
        .map(|member| {
            let (client, acked) = (client.clone(), Arc::clone(&acked));
            tokio::spawn(async move {
                let mut life = 0;
                while acked.lock().unwrap().len() < usize::try_from(ENTRIES).unwrap() {
                    life += 1;
                    let name = format!("{member}/{life}");
                    let builder = consumer(&client, &name, "k").count(500);
                    let builder = builder.min_idle(Duration::from_millis(500));
                    let mut consumer = builder.build().unwrap();
                    crash_some_time(&mut consumer, &acked).await;
                }
            })
        })
        .collect();
    let all = futures_util::future::try_join_all(members);
    let limit = tokio::time::timeout(Duration::from_secs(300), all);
    limit.await.expect("nothing may hang").unwrap();
    within(adding).await.unwrap();
    assert_eq!(pending(&client, "k").await, 0);
    let acked: Vec<u64> = acked.lock().unwrap().iter().copied().collect();
    assert_eq!(acked, (1..=ENTRIES).collect::<Vec<_>>());
}

/// Processes entries in batches until a crash, or until no entry arrives for a while.
async fn crash_some_time(consumer: &mut swarm_keydb::Consumer, acked: &Mutex<BTreeSet<u64>>) {
    for _ in 0..fastrand::usize(1..30) {
        let mut batch = Vec::new();
        for _ in 0..200 {
            match tokio::time::timeout(Duration::from_secs(1), consumer.next()).await {
                Ok(delivery) => batch.push(delivery.unwrap().unwrap()),
                Err(_) => break,
            }
        }
        let acks = batch.iter().map(swarm_keydb::Delivery::ack);
        within(futures_util::future::try_join_all(acks))
            .await
            .unwrap();
        acked.lock().unwrap().extend(batch.iter().map(number));
        if batch.is_empty() {
            return;
        }
    }
}

#[tokio::test]
async fn claiming_ends_and_new_entries_come() {
    for target in servers().await {
        let client = target.connect().await;
        add(&client, "k", 1..11).await;
        let mut ann = consumer(&client, "ann", "k")
            .min_idle(None)
            .build()
            .unwrap();
        // The consumer `ann` is alive and keeps all of its entries.
        let mut held = Vec::new();
        for _ in 0..10 {
            held.push(next(&mut ann).await);
        }
        let hour = Duration::from_secs(3600);
        let builder = consumer(&client, "bob", "k").count(1).min_idle(hour);
        let mut bob = builder.build().unwrap();
        add(&client, "k", 11..16).await;
        assert_eq!(take(&mut bob, 5).await, once(11..16), "{}", target.name);
        assert_eq!(pending(&client, "k").await, 10, "{}", target.name);
    }
}
