//! Tests of connections that are set aside: how long they are kept, and how their calls complete.

use tokio::time::Instant;

use super::*;
use crate::{CommandOrder, ErrorKind, Outcome, ServerKind, State};

const SECOND: Duration = Duration::from_secs(1);

/// Starts an MSET of new keys whose caller soon gives up while the server continues.
async fn write_on(server: &Server, client: &Client, keys: usize) {
    let before = server.count("MSET");
    let pairs: Vec<_> = (0..keys).map(|n| (format!("{before}:{n}"), n)).collect();
    let write = tokio::spawn(client.mset(pairs).timeout(SECOND));
    while server.count("MSET") == before {
        sleep(Duration::from_millis(1)).await;
    }
    let error = write.await.unwrap().unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::MayHaveRun));
}

/// Waits until this many connections are set aside.
async fn set_aside(client: &Client, connections: usize) {
    let start = Instant::now();
    while client.stats().draining != connections {
        assert!(
            start.elapsed() < 100 * SECOND,
            "no connection was set aside"
        );
        sleep(Duration::from_millis(10)).await;
    }
}

/// Guards against a task that never ends because the timer is not set again after an error.
#[tokio::test(start_paused = true)]
async fn drain_timeout_holds_with_a_pending_read_after_the_last_client_is_dropped() {
    let server = Server::default();
    let client = server.client(options().drain_timeout(60 * SECOND)).await;
    write_on(&server, &client, 3000).await;
    set_aside(&client, 1).await;
    server.0.ignores_get.store(true, Ordering::Relaxed);
    let read = tokio::spawn(client.get("k").timeout(SECOND));
    assert!(read.await.unwrap().is_err());
    let start = Instant::now();
    drop(client);
    server.settled().await;
    assert!(start.elapsed() < 61 * SECOND, "{:?}", start.elapsed());
}

/// Guards against dropping calls with their connection, and against a stale metric.
#[tokio::test(start_paused = true)]
async fn reads_are_resent_after_drain_timeout() {
    let server = Server::default();
    let client = server.client(options().drain_timeout(16 * SECOND)).await;
    write_on(&server, &client, 1000).await;
    let read = tokio::spawn(client.get("k").timeout(60 * SECOND));
    set_aside(&client, 1).await;
    let start = Instant::now();
    assert!(read.await.unwrap().unwrap().is_some());
    assert!(start.elapsed() <= 17 * SECOND, "{:?}", start.elapsed());
    assert_eq!(client.stats().draining, 0);
    client.close().await;
}

/// Guards against a limit that interrupts a write.
#[tokio::test(start_paused = true)]
async fn ending_the_client_closes_no_connection_with_a_pending_write() {
    let server = Server::default();
    let client = server.client(options()).await;
    for connections in 1..=8 {
        write_on(&server, &client, 3000).await;
        set_aside(&client, connections).await;
    }
    write_on(&server, &client, 3000).await;
    drop(client);
    assert_eq!(server.settled().await, 9 * 3000);
}

/// Guards against the same fault when scripts desynchronize connections.
#[tokio::test(start_paused = true)]
async fn a_desynchronized_connection_displaces_no_other() {
    let server = Server::default();
    let client = server.client(options()).await;
    for connections in 1..=8 {
        write_on(&server, &client, 3000).await;
        set_aside(&client, connections).await;
    }
    server.0.out_of_step.store(true, Ordering::Relaxed);
    let script = tokio::spawn(client.eval("return 1", ["k"], [""; 0]));
    let write = tokio::spawn(client.set("k", 1));
    for call in [
        script.await.unwrap().map(drop),
        write.await.unwrap().map(drop),
    ] {
        let error = call.unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Connection, Some(Outcome::MayHaveRun))
        );
    }
    server.0.out_of_step.store(false, Ordering::Relaxed);
    assert!(client.get("k").await.unwrap().is_some());
    assert_eq!(client.stats().draining, 8);
    drop(client);
    assert!(server.settled().await >= 8 * 3000);
}

/// Guards against interrupting a write because a script desynchronized its connection.
#[tokio::test(start_paused = true)]
async fn a_write_on_a_desynchronized_connection_runs_to_its_end() {
    let server = Server::default();
    let client = server.client(options()).await;
    server.0.out_of_step.store(true, Ordering::Relaxed);
    let script = tokio::spawn(client.eval("return 1", [""; 0], [""; 0]));
    let write = tokio::spawn(client.mset(pairs()));
    assert!(script.await.unwrap().is_err());
    assert!(write.await.unwrap().is_err());
    server.0.out_of_step.store(false, Ordering::Relaxed);
    assert_eq!(client.stats().draining, 1);
    drop(client);
    assert_eq!(server.settled().await, 200);
}

/// Guards against a state that is published too early.
#[tokio::test(start_paused = true)]
async fn the_state_is_connected_only_after_the_handshake() {
    let server = Server::default();
    let client = server
        .client(options().reconnect_max_delay(Duration::from_millis(250)))
        .await;
    write_on(&server, &client, 1000).await;
    server.0.unreachable.store(true, Ordering::Relaxed);
    let mut states = client.watch_state();
    assert!(states.reached(State::Reconnecting).await);
    // The connection is lost, and the next one is never answered.
    server.0.mute.store(true, Ordering::Relaxed);
    server.0.unreachable.store(false, Ordering::Relaxed);
    server.cut_all();
    let connected = tokio::time::timeout(8 * SECOND, states.reached(State::Connected)).await;
    assert!(connected.is_err());
    assert!(server.connections() >= 2);
}

/// Guards against an unusable handle that never reports an error.
#[tokio::test(start_paused = true)]
async fn without_reconnecting_the_client_ends_when_its_server_has_vanished() {
    let server = Server::default();
    let options = options()
        .drain_timeout(60 * SECOND)
        .max_dedicated_connections(1);
    let client = server.client(options).await;
    let own = client.exclusive().await.unwrap();
    let before = server.count("MSET");
    let write = tokio::spawn(own.mset(vec![("key", 1); 5000]).timeout(SECOND));
    while server.count("MSET") == before {
        sleep(Duration::from_millis(1)).await;
    }
    assert!(write.await.unwrap().is_err());
    let start = Instant::now();
    let error = loop {
        let error = own.get("k").timeout(SECOND).await.unwrap_err();
        if error.kind() != ErrorKind::Timeout {
            break error;
        }
        assert!(start.elapsed() < 100 * SECOND, "for ever: {error}");
    };
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Connection, Some(Outcome::NotSent))
    );
    drop(own);
    let other = client.exclusive().await.unwrap();
    drop(other);
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn with_one_connection_no_call_overtakes_those_that_were_set_aside() {
    for kind in [ServerKind::Redis, ServerKind::SwarmKeyDb] {
        let server = Server::default();
        let options = options().server(kind).max_connections(1);
        let client = server.client(options).await;
        write_on(&server, &client, 300).await;
        set_aside(&client, 1).await;
        let start = Instant::now();
        client.get("other").await.unwrap();
        client.set("other", 1).await.unwrap();
        assert!(start.elapsed() <= INTERVAL, "{:?}", start.elapsed());
        assert!(server.written() < 300);
        client.get("0:7").await.unwrap();
        assert!(server.written() >= 300, "{kind:?}: a read of its key waits");
        // The order of one connection is enough again.
        while client.stats().draining > 0 {
            sleep(Duration::from_millis(10)).await;
        }
        client.set("0:7", 1).await.unwrap();
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_keeps_all_commands_in_order_waits_for_those_that_were_set_aside() {
    let server = Server::default();
    let options = options().ordering(CommandOrder::All);
    let client = server.client(options).await;
    write_on(&server, &client, 300).await;
    set_aside(&client, 1).await;
    client.get("other").await.unwrap();
    // Until the server should have done its work.
    assert!(server.written() >= 290, "{}", server.written());
    client.close().await;
}

/// A read that was sent may be overdue for long.
#[tokio::test(start_paused = true)]
async fn writes_do_not_overtake_a_read_that_was_set_aside_and_reads_do() {
    let server = Server::default();
    let client = server.client(options().server(ServerKind::Redis)).await;
    let pairs: Vec<_> = (0..300).map(|n| (format!("key:{n}"), n)).collect();
    let write = tokio::spawn(client.mset(pairs).timeout(SECOND));
    server.has_got("MSET").await;
    let read = tokio::spawn(client.get("k"));
    server.has_got("GET").await;
    write.await.unwrap().unwrap_err();
    set_aside(&client, 1).await;
    client.get("k").await.unwrap();
    assert!(!read.is_finished());
    client.set("k", 1).await.unwrap();
    assert!(read.is_finished());
    client.close().await;
}

/// Guards against calls that a pool dispatches and takes back again and again.
#[tokio::test(start_paused = true)]
async fn a_pool_goes_on_while_a_connection_is_set_aside() {
    let server = Server::default();
    let options = options().min_connections(2).inactivity_timeout(SECOND / 2);
    let client = server.client(options).await;
    while client.stats().shared.open < 2 {
        sleep(Duration::from_millis(1)).await;
    }
    write_on(&server, &client, 3000).await;
    set_aside(&client, 1).await;
    for number in 0..20 {
        client.set(format!("other:{number}"), number).await.unwrap();
    }
    client.close().await;
}
