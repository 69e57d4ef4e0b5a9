//! Stream consumers: over every transport with sessions, every dialect, and a real Redis, no entry
//! is lost.

mod crashes;
mod dead_letters;
mod fair;
mod faults;
mod flow;
mod queue;

use std::collections::BTreeMap;
use std::time::Duration;

use swarm_keydb::{Client, Consumer, ConsumerBuilder, Delivery, StreamId, XAddOptions};
use swarm_tests::{Target, targets, within};

const GROUP: &str = "workers";

/// Returns servers with sessions, each with its own store.
async fn servers() -> Vec<Target> {
    let mut targets = targets().await;
    targets.retain(|target| !target.name.starts_with("http"));
    targets
}

/// Returns a consumer of one stream with short timeouts.
fn consumer(client: &Client, name: &str, key: &str) -> ConsumerBuilder {
    client
        .consumer(GROUP, name, key)
        .block(Duration::from_millis(50))
        .claim_interval(Duration::from_millis(20))
}

/// Adds entries with the numbers as IDs and in field `n`.
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

/// Returns the number of an entry.
fn number(delivery: &Delivery) -> u64 {
    let number = delivery.fields.get_as("n").unwrap();
    assert_eq!(number, Some(delivery.id.ms), "another entry's fields");
    delivery.id.ms
}

/// Acknowledges deliveries until `entries` different ones have arrived. Returns how often each
/// arrived.
async fn take(consumer: &mut Consumer, entries: usize) -> BTreeMap<u64, u32> {
    let mut seen = BTreeMap::new();
    while seen.len() < entries {
        let delivery = next(consumer).await;
        *seen.entry(number(&delivery)).or_insert(0) += 1;
        within(delivery.ack()).await.unwrap();
    }
    seen
}

/// Returns the number of pending entries.
async fn pending(client: &Client, key: &str) -> u64 {
    within(client.xpending(key, GROUP)).await.unwrap().count
}

fn once(numbers: std::ops::Range<u64>) -> BTreeMap<u64, u32> {
    numbers.map(|n| (n, 1)).collect()
}
