//! Tests of the order of later calls with those that have timed out and may still run.

use tokio::time::Instant;

use super::pool::long_write;
use super::*;
use crate::{ErrorKind, Outcome, ServerKind};

const SECOND: Duration = Duration::from_secs(1);

/// Nobody will learn what it reads.
#[tokio::test(start_paused = true)]
async fn a_read_that_has_timed_out_keeps_no_call_waiting() {
    let server = Server::default();
    let client = server.client(options().min_connections(2)).await;
    while client.stats().shared.open < 2 {
        sleep(Duration::from_millis(1)).await;
    }
    let write = tokio::spawn(client.mset(pairs()));
    server.has_got("MSET").await;
    // It waits for MSET on the same connection.
    let read = client.mget(["key:0", "other"]).timeout(SECOND);
    let error = read.await.unwrap_err();
    assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
    let start = Instant::now();
    client.set("other", 1).await.unwrap();
    assert!(start.elapsed() <= 2 * INTERVAL, "{:?}", start.elapsed());
    assert!(!write.is_finished());
    write.await.unwrap().unwrap();
}

/// It may still run, and must not overwrite a later value, or be missed by a later read.
#[tokio::test(start_paused = true)]
async fn no_call_overtakes_a_write_that_has_timed_out() {
    let server = Server::default();
    let options = options().max_connections(8).min_connections(8);
    let client = server.client(options).await;
    let long = long_write(&server, &client, Some(INTERVAL)).await;
    long.await.unwrap().unwrap_err();
    // The server is silent on that connection for longer than `inactivity_timeout`.
    sleep(16 * SECOND).await;
    let error = client.set("key:0", 1).timeout(SECOND).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Timeout, Some(Outcome::NotSent))
    );
    let read = client.get("key:1").timeout(SECOND).await.unwrap_err();
    assert_eq!(read.outcome(), Some(Outcome::NotSent));
    client.set("other", 1).await.unwrap();
    // MSET ends.
    client.set("key:0", 2).await.unwrap();
    client.get("key:1").await.unwrap();
    client.close().await;
}

/// Otherwise, one command would stop the whole client.
#[tokio::test(start_paused = true)]
async fn a_fence_that_has_timed_out_holds_back_nothing_once_its_connection_is_silent() {
    for kind in [ServerKind::Redis, ServerKind::SwarmKeyDb] {
        let server = Server::default();
        let client = server.client(options().server(kind)).await;
        let start = Instant::now();
        let fence = client.raw("FLUSHALL", [""; 0]).timeout(SECOND);
        let error = fence.await.unwrap_err();
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun));
        while client.stats().draining == 0 {
            sleep(Duration::from_millis(10)).await;
        }
        client.set("k", 1).await.unwrap();
        let waited = start.elapsed();
        assert!(waited >= 15 * SECOND && waited < 17 * SECOND, "{waited:?}");
        assert!(server.written() < 300);
        client.close().await;
    }
}
