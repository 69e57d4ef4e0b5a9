//! Tests of a client that opens more connections because its server is serial.

use std::collections::BTreeMap;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;
use crate::{CommandOrder, Error, Growth, Outcome, ServerKind};

/// Sets keys of its own, one after another, until the time is up.
pub(super) async fn write_until(client: Client, task: usize, end: Instant) -> usize {
    let mut writes = 0;
    while Instant::now() < end {
        client
            .set(format!("{task}:{writes}"), "value")
            .await
            .unwrap();
        writes += 1;
    }
    writes
}

/// Lets this many tasks write for a time. Returns the number of writes.
pub(super) async fn load(client: &Client, tasks: usize, time: Duration) -> usize {
    let end = Instant::now() + time;
    let tasks = (0..tasks).map(|task| write_until(client.clone(), task, end));
    tasks
        .collect::<JoinSet<_>>()
        .join_all()
        .await
        .into_iter()
        .sum()
}

#[tokio::test(start_paused = true)]
async fn sixty_four_writers_have_sixty_four_connections_within_a_second() {
    let server = Server::default();
    let client = server.client(ClientOptions::default()).await;
    load(&client, 64, Duration::from_secs(1)).await;
    assert_eq!(client.stats().shared.open, 64);
    assert_eq!(client.stats().shared.growth, Growth::Serial);
    let writes = load(&client, 64, Duration::from_secs(2)).await;
    assert!(writes >= 64 * 19, "{writes}");
    assert_eq!(server.connections(), 64);
}

#[tokio::test(start_paused = true)]
async fn as_many_connections_as_writers() {
    for (writers, connections) in [(1, 1), (2, 2), (5, 5)] {
        let server = Server::default();
        let client = server.client(ClientOptions::default()).await;
        load(&client, writers, Duration::from_secs(3)).await;
        assert_eq!(server.connections(), connections, "{writers} writers");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_keeps_all_commands_in_order_has_one_connection() {
    let server = Server::default();
    let options = ClientOptions::default().ordering(CommandOrder::All);
    let client = server.client(options).await;
    let writes = load(&client, 8, Duration::from_secs(3)).await;
    assert_eq!(server.connections(), 1);
    assert!(writes <= 38, "{writes}");
}

#[tokio::test(start_paused = true)]
async fn reads_do_not_wait_for_writes_of_other_keys() {
    let server = Server::default();
    let client = server.client(ClientOptions::default()).await;
    load(&client, 8, Duration::from_secs(2)).await;
    let end = Instant::now() + Duration::from_secs(1);
    let writers = (0..4).map(|task| write_until(client.clone(), task, end));
    let writers: JoinSet<_> = writers.collect();
    while Instant::now() < end {
        let start = Instant::now();
        client.get("k").await.unwrap();
        assert!(start.elapsed() < INTERVAL, "{:?}", start.elapsed());
        sleep(Duration::from_millis(7)).await;
    }
    writers.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn reads_do_not_wait_even_if_there_are_more_writes_than_connections() {
    let server = Server::default();
    let client = server.client(options().max_connections(4)).await;
    load(&client, 8, Duration::from_secs(2)).await;
    client.get("k").await.unwrap();
    let end = Instant::now() + Duration::from_secs(3);
    let writers = (0..16).map(|task| write_until(client.clone(), task, end));
    let writers: JoinSet<_> = writers.collect();
    // The writes that went to the primary connection before.
    sleep(3 * INTERVAL).await;
    while Instant::now() < end {
        let start = Instant::now();
        client.get("k").await.unwrap();
        assert!(start.elapsed() < INTERVAL, "{:?}", start.elapsed());
        sleep(Duration::from_millis(7)).await;
    }
    let writes: usize = writers.join_all().await.into_iter().sum();
    assert!(writes >= 3 * 25, "{writes} by three connections");
}

/// A read that bypasses the pool has no place in it until a write comes.
#[tokio::test(start_paused = true)]
async fn a_write_does_not_overtake_a_read_of_its_key_that_is_in_flight() {
    let server = Server::default();
    let client = server.client(ClientOptions::default()).await;
    load(&client, 8, Duration::from_secs(2)).await;
    assert_eq!(client.stats().shared.growth, Growth::Serial);
    server.0.ignores_get.store(true, Ordering::Relaxed);
    let _read = tokio::spawn(client.get("a"));
    server.has_got("GET").await;
    let _write = tokio::spawn(client.set("a", 1));
    client.set("b", 1).await.unwrap();
    let sets = server.sets();
    assert!(sets.iter().any(|(key, _)| key == "b"));
    assert!(sets.iter().all(|(key, _)| key != "a"));
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_idle_are_closed() {
    let server = Server::default();
    let client = server.client(ClientOptions::default()).await;
    load(&client, 16, Duration::from_secs(2)).await;
    assert_eq!(client.stats().shared.open, 16);
    for _ in 0..60 {
        sleep(Duration::from_secs(1)).await;
        client.get("k").await.unwrap();
    }
    assert_eq!(client.stats().shared.open, 1);
    assert_eq!(server.0.open.load(Ordering::Relaxed), 1);
    // The server is still known to be serial.
    load(&client, 16, Duration::from_millis(500)).await;
    assert_eq!(client.stats().shared.open, 17, "and one for reads");
}

#[tokio::test(start_paused = true)]
async fn a_client_of_redis_has_one_connection_whatever_the_options_allow() {
    let server = Server::default();
    let options = ClientOptions::default().server(ServerKind::Redis);
    let client = server
        .client(options.min_connections(4).max_connections(8))
        .await;
    load(&client, 8, Duration::from_secs(3)).await;
    assert_eq!(
        (client.stats().shared.open, client.stats().shared.max),
        (1, 1)
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_keeps_the_minimum_of_connections() {
    let server = Server::default();
    let options = ClientOptions::default().min_connections(4);
    let client = server.client(options).await;
    client.watch_state().reached(crate::State::Connected).await;
    for _ in 0..120 {
        sleep(Duration::from_secs(1)).await;
        client.get("k").await.unwrap();
    }
    assert_eq!(client.stats().shared.open, 4);
    assert_eq!(server.connections(), 4);
}

#[tokio::test(start_paused = true)]
async fn commands_of_one_key_keep_their_order_while_the_client_grows() {
    let server = Server::default();
    let client = server.client(options()).await;
    let mut calls = JoinSet::new();
    for number in 0..400 {
        let command = client.set(format!("key:{}", number % 40), number);
        calls.spawn(command);
        if number % 40 == 39 {
            sleep(Duration::from_millis(130)).await;
        }
    }
    for call in calls.join_all().await {
        call.unwrap();
    }
    let mut last = BTreeMap::new();
    for (key, number) in server.sets() {
        let before = last.insert(key.clone(), number);
        assert!(before < Some(number), "{key}: {number} after {before:?}");
    }
    assert!(server.connections() > 10, "{}", server.connections());
}

#[tokio::test(start_paused = true)]
async fn if_all_connections_are_lost_only_what_was_in_flight_may_have_run() {
    let server = Server::default();
    let client = server.client(options()).await;
    load(&client, 32, Duration::from_secs(2)).await;
    let before = server.written();
    let calls: JoinSet<_> = (0..500).map(|n| client.set(format!("k{n}"), n)).collect();
    sleep(INTERVAL / 2).await;
    let open = client.stats().shared.open;
    server.cut_all();
    let results = calls.join_all().await;
    let errors: Vec<Error> = results.into_iter().filter_map(Result::err).collect();
    for error in &errors {
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
    }
    assert!(errors.len() <= 2 * open, "{} of {open}", errors.len());
    assert!(errors.len() >= open, "{} of {open}", errors.len());
    assert_eq!(server.written() - before, 500 - errors.len());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_too_long_was_not_sent() {
    let server = Server::default();
    let client = server
        .client(ClientOptions::default().max_connections(4))
        .await;
    load(&client, 4, Duration::from_secs(2)).await;
    let limit = Duration::from_secs(1);
    let calls = (0..200).map(|n| client.set(format!("k{n}"), n).timeout(limit));
    let results = calls.collect::<JoinSet<_>>().join_all().await;
    let errors = results.into_iter().filter_map(Result::err);
    let outcomes: Vec<_> = errors.map(|error| error.outcome().unwrap()).collect();
    let unsent = outcomes
        .iter()
        .filter(|outcome| **outcome == Outcome::NotSent);
    let (unsent, all) = (unsent.count(), outcomes.len());
    assert!(all - unsent <= 8, "{unsent} of {all}");
    assert!(unsent >= 140, "{unsent} of {all}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_more_connections_is_used_with_those_it_takes() {
    let server = Server::default();
    let client = server.client(ClientOptions::default()).await;
    server.limit(6);
    let writes = load(&client, 32, Duration::from_secs(5)).await;
    assert_eq!(client.stats().shared.open, 6);
    assert!(writes >= 6 * 40, "{writes}");
    // It is not asked again at once.
    assert!(server.refused() <= 6, "{}", server.refused());
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_the_calls_on_all_connections() {
    let server = Server::default();
    let client = server.client(options()).await;
    load(&client, 16, Duration::from_secs(2)).await;
    let before = server.written();
    let calls: JoinSet<_> = (0..100).map(|n| client.set(format!("k{n}"), n)).collect();
    tokio::task::yield_now().await;
    let closed = client.close_within(Duration::from_secs(30)).await;
    assert!(closed.is_complete(), "{closed:?}");
    for call in calls.join_all().await {
        call.unwrap();
    }
    assert_eq!(server.settled().await - before, 100);
}

#[tokio::test(start_paused = true)]
async fn close_within_a_limit_counts_what_is_left_on_all_connections() {
    let server = Server::default();
    let client = server.client(options()).await;
    load(&client, 16, Duration::from_secs(2)).await;
    let calls: JoinSet<_> = (0..100).map(|n| client.set(format!("k{n}"), n)).collect();
    tokio::task::yield_now().await;
    let closed = client.close_within(INTERVAL * 2 + INTERVAL / 2).await;
    let results = calls.join_all().await;
    let errors: Vec<Error> = results.into_iter().filter_map(Result::err).collect();
    assert_eq!(errors.len(), closed.abandoned);
    assert!(errors.len() < 90, "{}", errors.len());
    let may_have_run = |error: &&Error| error.outcome() == Some(Outcome::MayHaveRun);
    assert_eq!(
        errors.iter().filter(may_have_run).count(),
        closed.unanswered
    );
    server.settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_client_closes_all_connections() {
    let server = Server::default();
    let client = server.client(options()).await;
    load(&client, 16, Duration::from_secs(2)).await;
    drop(client);
    server.settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_primary_connection_costs_only_its_own_calls_and_takes_calls_again() {
    let server = Server::default();
    let client = server.client(ClientOptions::default()).await;
    load(&client, 16, Duration::from_secs(2)).await;
    let calls: JoinSet<_> = (0..160).map(|n| client.set(format!("k{n}"), n)).collect();
    sleep(INTERVAL / 2).await;
    server.cut_oldest();
    let results = calls.join_all().await;
    let errors: Vec<Error> = results.into_iter().filter_map(Result::err).collect();
    for error in &errors {
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
    }
    assert!((1..=2).contains(&errors.len()), "{}", errors.len());
    assert_eq!(client.stats().reconnects, 1);
    let writes = load(&client, 16, Duration::from_secs(2)).await;
    assert!(writes >= 16 * 18, "{writes}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_worker_costs_only_its_own_calls() {
    let server = Server::default();
    let client = server.client(options()).await;
    load(&client, 16, Duration::from_secs(2)).await;
    let calls: JoinSet<_> = (0..160).map(|n| client.set(format!("k{n}"), n)).collect();
    sleep(INTERVAL / 2).await;
    server.cut_newest();
    let results = calls.join_all().await;
    let failed = results.iter().filter(|result| result.is_err()).count();
    assert!((1..=2).contains(&failed), "{failed}");
}

/// Runs an MSET on a worker, besides eight writers.
pub(super) async fn long_write(
    server: &Server,
    client: &Client,
    timeout: Option<Duration>,
) -> tokio::task::JoinHandle<crate::Result<()>> {
    load(client, 8, Duration::from_secs(2)).await;
    // The primary connection gets the first call.
    let first = tokio::spawn(client.set("first", 0));
    tokio::task::yield_now().await;
    let long = client.mset(pairs());
    let long = match timeout {
        Some(timeout) => long.timeout(timeout),
        None => long,
    };
    let long = tokio::spawn(long);
    server.has_got("MSET").await;
    first.await.unwrap().unwrap();
    long
}

#[tokio::test(start_paused = true)]
async fn no_call_waits_behind_a_long_one() {
    let server = Server::default();
    let client = server.client(options().max_connections(8)).await;
    let long = long_write(&server, &client, None).await;
    let end = Instant::now() + Duration::from_secs(10);
    let mut slowest = Duration::ZERO;
    while Instant::now() < end {
        let calls = (0..16).map(|n| client.set(format!("k{n}"), n));
        let start = Instant::now();
        for call in calls.collect::<JoinSet<_>>().join_all().await {
            call.unwrap();
        }
        slowest = slowest.max(start.elapsed());
    }
    // Seven connections write sixteen values in three rounds.
    assert!(slowest <= 3 * INTERVAL, "{slowest:?}");
    assert!(!long.is_finished());
    long.await.unwrap().unwrap();
    assert_eq!(server.connections(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_owes_an_overdue_reply_is_passed_over_until_the_reply_arrives() {
    let server = Server::default();
    let options = options().max_connections(8).min_connections(8);
    let client = server.client(options).await;
    // Its caller gives up at once, so that the reply is overdue.
    let long = long_write(&server, &client, Some(INTERVAL)).await;
    long.await.unwrap().unwrap_err();
    sleep(Duration::from_secs(16)).await;
    let before = server.written();
    let mut slowest = Duration::ZERO;
    for round in 0..5 {
        let calls = (0..16).map(|n| client.set(format!("k{round}:{n}"), n));
        let start = Instant::now();
        for call in calls.collect::<JoinSet<_>>().join_all().await {
            call.unwrap();
        }
        slowest = slowest.max(start.elapsed());
        assert_eq!(client.stats().shared.open, 8, "it still counts");
    }
    assert!(slowest <= 3 * INTERVAL, "{slowest:?}");
    // MSET has ended meanwhile, or ends now.
    sleep(Duration::from_secs(5)).await;
    assert!(server.written() > before);
    let calls = (0..16).map(|n| client.set(format!("last:{n}"), n));
    let start = Instant::now();
    calls.collect::<JoinSet<_>>().join_all().await;
    assert!(start.elapsed() <= 2 * INTERVAL, "all eight are in use");
    assert_eq!(server.connections(), 8);
}

#[tokio::test(start_paused = true)]
async fn calls_that_return_from_lost_connections_time_out_while_there_is_none() {
    let server = Server::default();
    let client = server.client(options()).await;
    load(&client, 16, Duration::from_secs(2)).await;
    let limit = Duration::from_secs(3);
    let start = Instant::now();
    // Reads may be sent again, and writes that were not sent, too.
    let gets = (0..100).map(|n| client.get(format!("k{n}")).timeout(limit));
    server.0.ignores_get.store(true, Ordering::Relaxed);
    let sets = (0..100).map(|n| client.set(format!("k{n}"), n).timeout(limit));
    let (gets, sets): (JoinSet<_>, JoinSet<_>) = (gets.collect(), sets.collect());
    sleep(INTERVAL / 2).await;
    server.0.unreachable.store(true, Ordering::Relaxed);
    server.cut_all();
    assert!(gets.join_all().await.iter().all(Result::is_err));
    sets.join_all().await;
    assert!(start.elapsed() <= limit, "{:?}", start.elapsed());
    server.0.unreachable.store(false, Ordering::Relaxed);
    client.set("k", 1).await.unwrap();
    assert_eq!(client.stats().in_flight_bytes, 0);
}
