//! Tests that a long write is never interrupted, however its connection ends.

use tokio::task::JoinHandle;

use super::*;
use crate::{Error, ErrorKind, Outcome, State};

const ALL: usize = 200;

/// The command that writes 200 keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Mset,
    Exec,
    /// On a leased connection.
    Exclusive,
    Transact,
}

const EVERY_HOW: [How; 4] = [How::Mset, How::Exec, How::Exclusive, How::Transact];

async fn fill(tx: crate::Transaction, timeout: Option<Duration>) -> Result<(), Error> {
    let tx = match timeout {
        Some(timeout) => tx.timeout(timeout),
        None => tx,
    };
    let pairs = pairs();
    let handles: Vec<_> = pairs
        .iter()
        .map(|(key, value)| tx.set(key, *value))
        .collect();
    tx.exec(handles).await?.into_iter().collect()
}

async fn write(client: Client, how: How, timeout: Option<Duration>) -> Result<(), Error> {
    match how {
        How::Mset => {
            let reply = client.mset(pairs());
            match timeout {
                Some(timeout) => reply.timeout(timeout).await,
                None => reply.await,
            }
        }
        How::Exec => fill(client.transaction(), timeout).await,
        How::Exclusive => fill(client.exclusive().await?.transaction(), timeout).await,
        How::Transact => {
            client
                .transact(["key:0"], async move |own| {
                    fill(own.transaction(), timeout).await
                })
                .await
        }
    }
}

/// Starts to write, and returns while the server is in the middle of the write.
async fn begun(
    how: How,
    timeout: Option<Duration>,
) -> (Server, Client, JoinHandle<Result<(), Error>>) {
    let server = Server::default();
    let client = server.client(options()).await;
    let writing = tokio::spawn(write(client.clone(), how, timeout));
    server
        .has_got(if how == How::Mset { "MSET" } else { "EXEC" })
        .await;
    sleep(Duration::from_millis(500)).await;
    assert!((1..20).contains(&server.written()), "{how:?}");
    (server, client, writing)
}

#[tokio::test(start_paused = true)]
async fn a_write_outlives_its_deadline() {
    for how in EVERY_HOW {
        let (server, client, writing) = begun(how, Some(Duration::from_secs(1))).await;
        let error = writing.await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Timeout, Some(Outcome::MayHaveRun)),
            "{how:?}"
        );
        drop(client);
        assert_eq!(server.settled().await, ALL, "{how:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_outlives_its_future_and_the_client() {
    for how in EVERY_HOW {
        let (server, client, writing) = begun(how, None).await;
        writing.abort();
        assert!(writing.await.unwrap_err().is_cancelled());
        drop(client);
        assert_eq!(server.settled().await, ALL, "{how:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_a_write_whose_future_was_dropped() {
    for how in EVERY_HOW {
        let (server, client, writing) = begun(how, None).await;
        writing.abort();
        assert!(writing.await.unwrap_err().is_cancelled());
        client.close().await;
        assert_eq!(client.state(), State::Closed);
        if matches!(how, How::Mset | How::Exec) {
            assert_eq!(
                server.written(),
                ALL,
                "{how:?}: close waits for what is in time"
            );
        }
        assert_eq!(server.settled().await, ALL, "{how:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn close_waits_for_a_write() {
    for how in EVERY_HOW {
        let (server, client, writing) = begun(how, None).await;
        client.close().await;
        assert_eq!(server.written(), ALL, "{how:?}");
        writing.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_outlives_a_close_with_a_timeout() {
    for how in EVERY_HOW {
        let (server, client, writing) = begun(how, None).await;
        let closed = client.close_within(Duration::from_secs(1)).await;
        assert_eq!(closed.unanswered, 1, "{how:?}");
        assert_eq!(client.state(), State::Closed);
        assert!(server.written() < 40, "{how:?}: it did not wait longer");
        let error = writing.await.unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome()),
            (ErrorKind::Closed, Some(Outcome::MayHaveRun)),
            "{how:?}"
        );
        drop(client);
        assert_eq!(server.settled().await, ALL, "{how:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_occupies_the_pool_until_its_reply_has_arrived() {
    for how in [How::Exclusive, How::Transact] {
        let server = Server::default();
        let client = server
            .client(
                options()
                    .max_dedicated_connections(1)
                    .max_idle_dedicated_connections(1),
            )
            .await;
        let writing = tokio::spawn(write(client.clone(), how, None));
        server.has_got("EXEC").await;
        sleep(Duration::from_millis(500)).await;
        writing.abort();
        assert!(writing.await.unwrap_err().is_cancelled());
        assert_eq!(client.stats().dedicated.in_use, 1);
        let other = client.exclusive().await.unwrap();
        assert_eq!(server.written(), ALL, "{how:?}");
        drop(other);
        client.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_drain_timeout_a_connection_is_closed_despite_a_pending_write() {
    let server = Server::default();
    let limit = Duration::from_secs(5);
    let client = server.client(options().drain_timeout(limit)).await;
    let writing = tokio::spawn(write(client.clone(), How::Mset, None));
    server.has_got("MSET").await;
    writing.abort();
    assert!(writing.await.unwrap_err().is_cancelled());
    drop(client);
    let left = tokio::time::Instant::now();
    let written = server.settled().await;
    assert!((49..=51).contains(&written), "{written}");
    assert!(left.elapsed() < limit + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_with_only_pending_reads_is_closed_at_once() {
    let server = Server::default();
    let client = server.client(options()).await;
    let own = client.exclusive().await.unwrap();
    let read = tokio::spawn(own.raw_blocking("XREAD", ["BLOCK", "0", "STREAMS", "s", "$"], None));
    server.has_got("XREAD").await;
    read.abort();
    let _cancelled = read.await;
    drop(own);
    client.close().await;
    let closed = tokio::time::Instant::now();
    server.settled().await;
    assert!(closed.elapsed() < Duration::from_secs(1));
}
