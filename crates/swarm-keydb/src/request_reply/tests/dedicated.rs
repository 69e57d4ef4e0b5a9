//! Tests of dedicated and shared connections together: idle ones serve either use, and neither use
//! takes connections away from the other.

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::pool::{load, write_until};
use super::*;
use crate::{Exclusive, Growth, Stats};

const SECOND: Duration = Duration::from_secs(1);

/// Leases a number of connections at the same time.
async fn leased(client: &Client, connections: usize) -> Vec<Exclusive> {
    let leases = (0..connections).map(|_| {
        let client = client.clone();
        async move { client.exclusive().await.unwrap() }
    });
    leases.collect::<JoinSet<_>>().join_all().await
}

/// Waits until the statistics are as given.
async fn settled(client: &Client, condition: impl Fn(&Stats) -> bool) {
    let start = Instant::now();
    while !condition(&client.stats()) {
        let stats = client.stats();
        let (shared, dedicated) = (stats.shared, stats.dedicated);
        assert!(start.elapsed() < 100 * SECOND, "{shared:?}, {dedicated:?}");
        sleep(Duration::from_millis(1)).await;
    }
}

/// Leases a connection for each write, until the time is up. Returns the number of writes.
async fn lease_until(client: Client, task: usize, end: Instant) -> usize {
    let mut writes = 0;
    while Instant::now() < end {
        let lease = client.exclusive().await.unwrap();
        lease.set(format!("lease:{task}"), writes).await.unwrap();
        writes += 1;
    }
    writes
}

/// The most connections that the server has had open at a time.
#[derive(Default)]
struct Most(Arc<AtomicUsize>);

impl Most {
    /// Watches a server from now on.
    fn of(server: &Server) -> Self {
        let (server, most) = (server.clone(), Self::default());
        let count = Arc::clone(&most.0);
        tokio::spawn(async move {
            loop {
                count.fetch_max(server.0.open.load(Ordering::Relaxed), Ordering::Relaxed);
                sleep(Duration::from_millis(1)).await;
            }
        });
        most
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn writers_and_leases_under_load_do_not_starve_each_other() {
    let server = Server::default();
    let client = server.client(options()).await;
    let most = Most::of(&server);
    let end = Instant::now() + 10 * SECOND;
    let leases = (0..40).map(|task| lease_until(client.clone(), task, end));
    let leases: JoinSet<_> = leases.collect();
    let writers = (0..64).map(|task| write_until(client.clone(), task, end));
    let writers: JoinSet<_> = writers.collect();
    sleep(2 * SECOND).await;
    let stats = client.stats();
    assert_eq!((stats.shared.open, stats.dedicated.in_use), (64, 16));
    assert_eq!(stats.dedicated.waiting, 24);
    let writers = writers.join_all().await;
    let leases = leases.join_all().await;
    // One write takes 0.1 s. The first second is for finding out about the server.
    assert!(writers.iter().all(|writes| *writes >= 85), "{writers:?}");
    let leased: usize = leases.iter().sum();
    assert!(leased >= 16 * 95, "{leased}");
    assert!(leases.iter().all(|writes| *writes >= 30), "{leases:?}");
    assert_eq!(most.get(), 64 + 16);
}

#[tokio::test(start_paused = true)]
async fn leases_that_are_held_leave_the_shared_connections_alone() {
    let server = Server::default();
    let client = server.client(options()).await;
    let held = leased(&client, 16).await;
    load(&client, 64, SECOND).await;
    assert_eq!(client.stats().shared.open, 64);
    assert_eq!(client.stats().shared.growth, Growth::Serial);
    assert_eq!(server.connections(), 64 + 16);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn writers_leave_the_connections_of_leases_alone() {
    let server = Server::default();
    let client = server.client(options()).await;
    let end = Instant::now() + 3 * SECOND;
    let writers = (0..128).map(|task| write_until(client.clone(), task, end));
    let writers: JoinSet<_> = writers.collect();
    sleep(2 * SECOND).await;
    let start = Instant::now();
    let held = leased(&client, 16).await;
    assert!(start.elapsed() < INTERVAL, "{:?}", start.elapsed());
    writers.join_all().await;
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_lease_takes_a_connection_that_the_writers_no_longer_need() {
    let server = Server::default();
    let client = server.client(options()).await;
    load(&client, 16, 2 * SECOND).await;
    settled(&client, |stats| stats.dedicated.idle == 4).await;
    let stats = client.stats();
    assert_eq!((stats.dedicated.in_use, stats.shared.open), (0, 12));
    assert_eq!(
        server.0.open.load(Ordering::Relaxed),
        16,
        "each counts once"
    );
    let held = leased(&client, 4).await;
    let stats = client.stats();
    assert_eq!((stats.dedicated.in_use, stats.dedicated.idle), (4, 0));
    assert_eq!(server.connections(), 16);
    for lease in &held {
        lease.set("k", 1).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn writers_take_the_idle_connections_of_leases() {
    let server = Server::default();
    let client = server.client(options()).await;
    drop(leased(&client, 4).await);
    settled(&client, |stats| stats.dedicated.idle == 4).await;
    load(&client, 5, 3 * SECOND).await;
    let stats = client.stats();
    assert_eq!((stats.shared.open, stats.dedicated.idle), (5, 0));
    assert_eq!(server.connections(), 5);
    // They are not dedicated any longer, so it is not their place that a lease takes.
    let held = leased(&client, 16).await;
    load(&client, 5, SECOND).await;
    assert_eq!(server.connections(), 5 + 16);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_given_up_is_kept_only_if_there_is_a_place() {
    for (held, kept) in [(0, 2), (1, 1), (2, 0)] {
        let server = Server::default();
        let options = options().max_dedicated_connections(2);
        let client = server.client(options).await;
        let held = leased(&client, held).await;
        load(&client, 8, 2 * SECOND).await;
        let before = server.connections();
        let mut most = 0;
        for _ in 0..25_000 {
            sleep(Duration::from_millis(1)).await;
            most = most.max(client.stats().dedicated.idle);
        }
        assert_eq!(most, kept);
        assert_eq!(server.connections(), before);
        let dedicated = client.stats().dedicated;
        assert_eq!((dedicated.in_use, dedicated.max), (held.len(), 2));
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_with_earlier_credentials_is_not_used() {
    let server = Server::default();
    let client = server.client(options()).await;
    drop(leased(&client, 2).await);
    settled(&client, |stats| stats.dedicated.idle == 2).await;
    assert_eq!(server.connections(), 3);
    client.auth("another").await.unwrap();
    drop(leased(&client, 1).await);
    assert_eq!(server.connections(), 4);
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_calls_on_connections_that_changed_their_use() {
    let server = Server::default();
    let client = server.client(options()).await;
    drop(leased(&client, 4).await);
    settled(&client, |stats| stats.dedicated.idle == 4).await;
    load(&client, 5, 3 * SECOND).await;
    assert_eq!(server.connections(), 5);
    let before = server.written();
    let calls: JoinSet<_> = (0..50).map(|n| client.set(format!("k{n}"), n)).collect();
    tokio::task::yield_now().await;
    let start = Instant::now();
    let closed = client.close_within(30 * SECOND).await;
    assert!(closed.is_complete(), "{closed:?}");
    // All five connections write until the end.
    assert!(start.elapsed() <= 12 * INTERVAL, "{:?}", start.elapsed());
    for call in calls.join_all().await {
        call.unwrap();
    }
    assert_eq!(server.settled().await - before, 50);
}
