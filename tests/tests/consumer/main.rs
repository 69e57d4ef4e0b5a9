//! Consumers of groups: over every wire with a session, every dialect and a real Redis, nothing is lost.

mod crashes;
mod fair;
mod faults;
mod flow;
mod queue;

use std::collections::BTreeMap;
use std::time::Duration;

use swarm_keydb::{Client, Consumer, ConsumerBuilder, Delivery, StreamId, XAddOptions};
use swarm_tests::{Target, targets, within};

const GROUP: &str = "workers";

/// Servers with sessions, each with its own store.
async fn servers() -> Vec<Target> {
    let mut targets = targets().await;
    targets.retain(|target| !target.name.starts_with("http"));
    targets
}

/// A consumer of one stream that does not wait long for anything.
fn consumer(client: &Client, name: &str, key: &str) -> ConsumerBuilder {
    client
        .consumer(GROUP, name, key)
        .block(Duration::from_millis(50))
        .claim_interval(Duration::from_millis(20))
}

/// Adds entries `from-1`, … with their number as field `n`.
async fn add(client: &Client, key: &str, numbers: std::ops::Range<u64>) {
    for n in numbers {
        let options = XAddOptions::new().id(StreamId::new(n, 1));
        within(client.xadd_with(key, [("n", n)], options))
            .await
            .unwrap();
    }
}

async fn next(consumer: &mut Consumer) -> Delivery {
    within(consumer.next()).await.expect("no end").unwrap()
}

/// The number that an entry was given.
fn number(delivery: &Delivery) -> u64 {
    let number = delivery.fields.get_as("n").unwrap();
    assert_eq!(number, Some(delivery.id.ms), "another entry's fields");
    delivery.id.ms
}

/// Takes and acknowledges until so many different entries came; how often each came.
async fn take(consumer: &mut Consumer, entries: usize) -> BTreeMap<u64, u32> {
    let mut seen = BTreeMap::new();
    while seen.len() < entries {
        let delivery = next(consumer).await;
        *seen.entry(number(&delivery)).or_insert(0) += 1;
        within(delivery.ack()).await.unwrap();
    }
    seen
}

/// How many entries are pending.
async fn pending(client: &Client, key: &str) -> u64 {
    within(client.xpending(key, GROUP)).await.unwrap().count
}

fn once(numbers: std::ops::Range<u64>) -> BTreeMap<u64, u32> {
    numbers.map(|n| (n, 1)).collect()
}
