//! Tests of a server that is silent because it is busy with a write.

use tokio::time::Instant;

use super::*;
use crate::{ErrorKind, Outcome, State};

const SECOND: Duration = Duration::from_secs(1);

/// A client whose MSET of 200 keys has timed out while the server is still running it.
async fn stuck(
    options: ClientOptions,
) -> (
    Server,
    Client,
    tokio::task::JoinHandle<crate::Result<Option<crate::Bytes>>>,
) {
    let server = Server::default();
    let client = server.client(options).await;
    let start = Instant::now();
    let write = tokio::spawn(client.mset(pairs()).timeout(SECOND));
    server.has_got("MSET").await;
    // A second call waits for the first, for longer than that.
    let read = tokio::spawn(client.get("k").timeout(60 * SECOND));
    server.has_got("GET").await;
    let write = write.await.unwrap();
    let error = write.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Timeout, Some(Outcome::MayHaveRun))
    );
    assert_eq!(start.elapsed(), SECOND);
    (server, client, read)
}

#[tokio::test(start_paused = true)]
async fn other_calls_move_to_another_connection_and_late_replies_still_arrive() {
    let (server, client, read) = stuck(options()).await;
    // The server is silent for 15 s before the client checks; MSET takes 20 s.
    sleep(14 * SECOND).await;
    assert_eq!((server.connections(), client.stats().draining), (1, 0));
    sleep(SECOND).await;
    assert!(client.get("k").await.unwrap().is_some());
    assert!(server.written() < 200, "the call does not wait for MSET");
    assert_eq!(server.connections(), 2);
    assert_eq!(
        (client.state(), client.stats().draining),
        (State::Connected, 1)
    );
    assert!(read.await.unwrap().unwrap().is_some(), "a late reply");
    assert_eq!(server.written(), 200);
    while client.stats().draining > 0 {
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(client.stats().reconnects, 1);
    client.close().await;
    assert_eq!(server.settled().await, 200);
}

#[tokio::test(start_paused = true)]
async fn if_the_liveness_check_fails_the_connection_is_kept_and_paused() {
    let (server, client, read) = stuck(options()).await;
    server.0.unreachable.store(true, Ordering::Relaxed);
    sleep(16 * SECOND).await;
    assert_eq!(client.state(), State::Reconnecting);
    let error = client.incr("n").timeout(SECOND).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Timeout, Some(Outcome::NotSent))
    );
    assert!(read.await.unwrap().unwrap().is_some());
    assert_eq!(client.state(), State::Connected);
    assert!(client.get("k").await.unwrap().is_some());
    assert_eq!(
        (server.written(), server.connections(), server.count("INCR")),
        (200, 1, 0)
    );
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn without_reconnecting_a_silent_connection_is_kept_too() {
    let (server, client, read) = stuck(options().reconnect(false)).await;
    assert!(read.await.unwrap().unwrap().is_some());
    assert_eq!((server.written(), server.connections()), (200, 1));
    assert!(client.get("k").await.unwrap().is_some());
    client.close().await;
}

#[tokio::test(start_paused = true)]
async fn unresponsive_connections_do_not_exhaust_the_limit_on_set_aside() {
    let server = Server::default();
    let half = SECOND / 2;
    let client = server.client(options().inactivity_timeout(half)).await;
    for round in 1..=12 {
        let start = Instant::now();
        let pairs: Vec<_> = (0..200).map(|n| (format!("{round}:{n}"), n)).collect();
        let write = client.mset(pairs).timeout(half);
        assert_eq!(write.await.unwrap_err().kind(), ErrorKind::Timeout);
        assert!(client.get("k").await.unwrap().is_some());
        assert_eq!(
            start.elapsed(),
            half,
            "the deadline, which is as long as the silence"
        );
        assert_eq!(client.stats().draining, round.min(8));
    }
    // The last eight are still open, and finish their command.
    let closed = client.close_within(Duration::ZERO).await;
    assert_eq!(closed.unanswered, 8, "{closed:?}");
}
