//! Guarantees between clients, as listed in the guide: Redis isolates connections, SwarmKeyDb does
//! not.

use std::any::Any;
use std::time::Duration;

use futures_util::future::{join, join_all};
use swarm_gateway::{Dialect, Gateway, WriteQueue};
use swarm_keydb::{Client, ClientOptions, CommandOrder, ErrorKind, Exclusive, Result};
use swarm_tests::{Redis, within, within_secs};

/// Two clients of one server, which stops together with them.
struct Pair {
    name: &'static str,
    clients: [Client; 2],
    _server: Box<dyn Any>,
}

impl Pair {
    async fn of(name: &'static str, url: String, server: impl Any) -> Self {
        let one = within(Client::connect(&*url)).await.unwrap();
        let two = within(Client::connect(&*url)).await.unwrap();
        Self {
            name,
            clients: [one, two],
            _server: Box::new(server),
        }
    }
}

/// Returns the embedded gateway, which isolates connections as Redis does, and Redis, if installed.
async fn isolated() -> Vec<Pair> {
    let gateway = within(swarm_gateway::test()).await.unwrap();
    let mut pairs = vec![Pair::of("gateway", gateway.ws_url().to_owned(), gateway).await];
    if let Some(redis) = Redis::start() {
        pairs.push(Pair::of("redis", redis.url().to_owned(), redis).await);
    }
    pairs
}

/// Returns SwarmKeyDb with the given write queue settings.
async fn swarmkeydb(queue: WriteQueue) -> Pair {
    let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
    let gateway = within(builder.write_queue(queue).start()).await.unwrap();
    Pair::of("swarmkeydb", gateway.ws_url().to_owned(), gateway).await
}

/// Returns a queue that is flushed when both clients have written, so their writes always overlap.
fn when_both_have_written() -> WriteQueue {
    WriteQueue::new()
        .interval(Duration::from_secs(600))
        .batch(2)
        .flush_when_full()
}

/// Returns a queue with negligible delay.
fn quick() -> WriteQueue {
    WriteQueue::new().interval(Duration::from_millis(1))
}

/// Watches a counter and reads it.
async fn read(own: &mut Exclusive) -> Result<i64> {
    own.watch("n").await?;
    Ok(own.get_as("n").await?.unwrap_or(0))
}

/// Writes the value read plus one, if the counter has not changed.
async fn write(own: &Exclusive, read: i64) -> Result<()> {
    let tx = own.transaction();
    let set = tx.set("n", read + 1);
    tx.exec(set).await?
}

/// Reads the counter with both clients before either writes it.
async fn both_read_then_write(pair: &Pair) -> [Result<()>; 2] {
    let [one, two] = &pair.clients;
    let mut one = within(one.exclusive()).await.unwrap();
    let mut two = within(two.exclusive()).await.unwrap();
    let (first, second) = within(join(read(&mut one), read(&mut two))).await;
    let writes = join(write(&one, first.unwrap()), write(&two, second.unwrap()));
    let (first, second) = within(writes).await;
    [first, second]
}

#[tokio::test]
async fn increments_of_two_clients_are_lost_on_swarmkeydb_alone() {
    for pair in isolated().await {
        let [one, two] = &pair.clients;
        let (first, second) = within(join(one.incr("n"), two.incr("n"))).await;
        let sum = first.unwrap() + second.unwrap();
        assert_eq!(sum, 1 + 2, "{}", pair.name);
    }
    let pair = swarmkeydb(when_both_have_written()).await;
    let [one, two] = &pair.clients;
    let (first, second) = within(join(one.incr("n"), two.incr("n"))).await;
    assert_eq!((first.unwrap(), second.unwrap()), (1, 1));
    assert_eq!(within(one.get_as::<i64>("n")).await.unwrap(), Some(1));
}

#[tokio::test]
async fn tasks_that_share_a_client_count_exactly_everywhere() {
    let mut pairs = isolated().await;
    pairs.push(swarmkeydb(quick()).await);
    for pair in pairs {
        let [client, _] = &pair.clients;
        let increments = (0..40).map(|_| tokio::spawn(client.incr("n")));
        for increment in within(join_all(increments)).await {
            increment.unwrap().unwrap();
        }
        let count: Option<i64> = within(client.get_as("n")).await.unwrap();
        assert_eq!(count, Some(40), "{}", pair.name);
    }
}

/// Lets 64 tasks of one client increment a counter in turn with keys of their own, on SwarmKeyDb.
/// Returns the sorted counts, the final count, and the maximum number of connections.
async fn counts(order: CommandOrder) -> (Vec<i64>, i64, usize) {
    let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
    let gateway = within(builder.write_queue(quick()).start()).await.unwrap();
    let options = ClientOptions::new(gateway.ws_url()).ordering(order);
    let client = within(Client::connect(options.min_connections(16)))
        .await
        .unwrap();
    within(async {
        while client.stats().shared.open < 16 {
            client.ping().await.unwrap();
        }
    })
    .await;
    let tasks = (0..64).map(|task| {
        let client = client.clone();
        tokio::spawn(async move {
            let (mut counts, mut connections) = (Vec::new(), 0);
            for round in 0..5 {
                client.set(format!("k{task}"), round).await.unwrap();
                counts.push(client.incr("n").await.unwrap());
                connections = connections.max(client.stats().shared.open);
            }
            (counts, connections)
        })
    });
    // Every increment waits for a flush of the write queue.
    let done = within_secs(30, join_all(tasks)).await;
    let (mut counts, mut connections) = (Vec::new(), 0);
    for task in done {
        let (of_task, open) = task.unwrap();
        counts.extend(of_task);
        connections = connections.max(open);
    }
    counts.sort_unstable();
    let last = within(client.get_as("n")).await.unwrap();
    (counts, last.unwrap(), connections)
}

#[tokio::test]
async fn increments_of_one_client_are_exact_over_many_connections() {
    let (counts, last, connections) = counts(CommandOrder::PerKey).await;
    assert!(connections >= 16, "{connections}");
    assert!(counts.iter().copied().eq(1..=320), "{counts:?}");
    assert_eq!(last, 320);
}

#[tokio::test]
async fn increments_of_one_client_are_lost_on_swarmkeydb_without_order() {
    let (_, last, connections) = counts(CommandOrder::None).await;
    assert!(connections >= 16, "{connections}");
    assert!(last < 320, "{last}");
}

#[tokio::test]
async fn of_two_that_watch_and_write_one_fails_but_not_on_swarmkeydb() {
    for pair in isolated().await {
        let results = both_read_then_write(&pair).await;
        let failed: Vec<_> = results
            .iter()
            .filter_map(|done| done.as_ref().err())
            .collect();
        assert_eq!(failed.len(), 1, "{}", pair.name);
        assert_eq!(failed[0].kind(), ErrorKind::Conflict, "{}", pair.name);
    }
    let pair = swarmkeydb(when_both_have_written()).await;
    for done in both_read_then_write(&pair).await {
        done.unwrap();
    }
    let count: Option<i64> = within(pair.clients[0].get_as("n")).await.unwrap();
    assert_eq!(count, Some(1), "one of two updates is lost");
}

#[tokio::test]
async fn msetnx_has_one_winner_everywhere() {
    let mut pairs = isolated().await;
    pairs.push(swarmkeydb(quick()).await);
    for pair in pairs {
        let [one, two] = &pair.clients;
        let locks = join(one.msetnx([("lock", "one")]), two.msetnx([("lock", "two")]));
        let (first, second) = within(locks).await;
        assert_ne!(first.unwrap(), second.unwrap(), "{}", pair.name);
    }
}
