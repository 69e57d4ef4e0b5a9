//! Distribution of work among consumers, and the number of writes it takes.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use swarm_keydb::Trim;
use swarm_tests::{connected, within};

use super::{GROUP, add, consumer, next, number, once, pending, servers};

#[tokio::test]
async fn one_consumer_leaves_entries_to_others() {
    for target in servers().await {
        let client = target.connect().await;
        add(&client, "k", 1..21).await;
        let mut ann = client.consumer(GROUP, "ann", "k").build().unwrap();
        let mut bob = client.consumer(GROUP, "bob", "k").build().unwrap();
        let mut held = BTreeMap::new();
        for consumer in [&mut ann, &mut bob] {
            // The second consumer finds entries although the first took only one delivery out of
            // its buffer.
            let delivery = next(consumer).await;
            *held.entry(number(&delivery)).or_insert(0) += 1;
            delivery.ack().await.unwrap();
        }
        assert_eq!(held.len(), 2, "{}", target.name);
    }
}

#[tokio::test]
async fn acknowledgements_that_are_awaited_together_share_a_write() {
    for target in servers().await {
        let client = target.connect().await;
        let Some(gateway) = target.gateway() else {
            continue;
        };
        add(&client, "k", 1..101).await;
        let mut consumers = Vec::new();
        for name in ["ann", "bob", "cid", "dan"] {
            consumers.push(consumer(&client, name, "k").count(10).build().unwrap());
        }
        let (mut seen, mut deliveries) = (BTreeMap::new(), Vec::new());
        while seen.len() < 100 {
            for consumer in &mut consumers {
                while let Some(delivery) = consumer.next().now_or_never() {
                    let delivery = delivery.unwrap().unwrap();
                    *seen.entry(number(&delivery)).or_insert(0) += 1;
                    deliveries.push(delivery);
                }
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(seen, once(1..101), "{}", target.name);
        let results = within(join_all(deliveries.iter().map(|delivery| delivery.ack()))).await;
        assert!(results.iter().all(Result::is_ok), "{}", target.name);
        assert_eq!(pending(&client, "k").await, 0, "{}", target.name);
        let acks = gateway.executions("XACK");
        assert!(acks <= 2, "{}: {acks} writes", target.name);
    }
}

#[tokio::test]
async fn deleted_entries_are_acknowledged_together() {
    let (gateway, client) = connected().await;
    add(&client, "k", 1..51).await;
    let mut ann = consumer(&client, "ann", "k").count(50).build().unwrap();
    drop(next(&mut ann).await);
    drop(ann);
    within(client.xtrim("k", Trim::maxlen(0))).await.unwrap();
    add(&client, "k", 100..101).await;
    let builder = consumer(&client, "bob", "k").min_idle(Duration::from_millis(1));
    let mut bob = builder.count(50).build().unwrap();
    assert_eq!(number(&next(&mut bob).await), 100);
    let acks = gateway.executions("XACK");
    assert!(acks <= 2, "{acks} writes");
}
