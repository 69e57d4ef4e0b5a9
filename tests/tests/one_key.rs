//! Tasks of one client that work on one key lose nothing, even on a server that isolates no command
//! from those of other connections.

use std::collections::BTreeSet;
use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, WriteQueue};
use swarm_keydb::{Client, ErrorKind, Outcome, Result};
use swarm_tests::{UPSTREAM, within, within_secs};
use tokio::task::JoinSet;

const TASKS: usize = 64;
const ROUNDS: usize = 6;

/// Adds one: reads, then writes what it has read plus one.
async fn add_one(client: Client) -> Result<u64> {
    client
        .transact("n", async move |conn| {
            let next = conn.get_as::<u64>("n").await?.unwrap_or(0) + 1;
            let tx = conn.transaction();
            let set = tx.set("n", next);
            tx.exec(set).await??;
            Ok(next)
        })
        .await
}

/// Adds to the key in several ways, and returns the values that it was given.
async fn work(client: Client, task: usize) -> Result<Vec<u64>> {
    let mut values = Vec::new();
    for round in 0..ROUNDS {
        match (task + round) % 4 {
            0 => values.push(u64::try_from(client.incr("n").await?).unwrap()),
            1 => values.push(add_one(client.clone()).await?),
            2 => {
                // Polled one after the other, so nothing of this client comes between.
                let (incr, read) = tokio::join!(client.incr("n"), client.get_as::<u64>("n"));
                let value = u64::try_from(incr?).unwrap();
                assert!(read?.is_some_and(|read| read >= value));
                values.push(value);
            }
            _ => {
                let last = values.last().copied();
                assert!(client.get_as("n").await? >= last);
            }
        }
    }
    Ok(values)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increments_reads_and_optimistic_transactions_of_one_client_lose_nothing() {
    let urls: [fn(&Gateway) -> &str; 2] = [Gateway::ws_url, Gateway::tcp_url];
    for url in urls {
        let queue = WriteQueue::new().interval(Duration::from_millis(5));
        let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
        let gateway = within(builder.write_queue(queue).start()).await.unwrap();
        let client = within(Client::connect(url(&gateway))).await.unwrap();
        within(client.set("n", 0)).await.unwrap();
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            tasks.spawn(work(client.clone(), task));
        }
        // Some 300 writes of 5 ms and more, one after another.
        let values = within_secs(60, tasks.join_all()).await;
        let values: Vec<_> = values.into_iter().flat_map(Result::unwrap).collect();
        let distinct = BTreeSet::from_iter(values.iter().copied());
        let count = u64::try_from(values.len()).unwrap();
        assert_eq!(distinct, (1..=count).collect(), "each value was given once");
        assert_eq!(within(client.get_as("n")).await.unwrap(), Some(count));
    }
}

#[tokio::test]
async fn a_write_of_a_watched_key_waits_until_the_attempt_has_ended() {
    let builder = Gateway::builder().dialect(UPSTREAM);
    let gateway = within(builder.start()).await.unwrap();
    let client = within(Client::connect(gateway.ws_url())).await.unwrap();
    let other = client.clone();
    let attempt = client.transact("n", async |conn| {
        let early = other.incr("n").timeout(Duration::from_millis(50)).await;
        let error = early.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert_eq!(error.outcome(), Some(Outcome::NotSent), "{error}");
        assert_eq!(other.get("n").await?, None, "reads do not wait");
        assert_eq!(other.incr("m").await?, 1, "nor do writes of other keys");
        let tx = conn.transaction();
        let set = tx.set("n", 1);
        tx.exec(set).await?
    });
    within(attempt).await.unwrap();
    assert_eq!(within(client.incr("n")).await.unwrap(), 2);
}
