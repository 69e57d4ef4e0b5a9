//! Tests of peers that accept a connection and then do not respond.

use super::*;
use crate::ErrorKind;
use crate::connection::CLOSE_TIMEOUT;

const SECOND: Duration = Duration::from_secs(1);

/// Guards against `connect` waiting forever for a `redis://` peer that accepts and stays silent.
#[tokio::test(start_paused = true)]
async fn a_silent_handshake_fails_connect_within_connect_timeout() {
    let options = ClientOptions::default().connect_timeout(3 * SECOND);
    let start = Instant::now();
    let (client, mut accepted) = Server::default().client(options);
    let mut peer = accepted.recv().await.unwrap();
    let failed = timeout(FOREVER, client)
        .await
        .expect("connect ends")
        .unwrap();
    let error = failed.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    let cause = error.transport_error().unwrap();
    assert_eq!(cause.kind(), TransportErrorKind::Timeout);
    assert!(cause.to_string().contains("handshake"), "{cause}");
    assert_eq!(start.elapsed(), 3 * SECOND);
    assert_eq!(peer.next_request().await.unwrap().name(), b"HELLO");
    assert!(peer.next_request().await.is_none(), "closed");
}

/// Guards against a client that is stuck with a silent connection while reconnecting.
#[tokio::test(start_paused = true)]
async fn a_silent_handshake_does_not_end_reconnecting() {
    let options = ClientOptions::default().connect_timeout(3 * SECOND);
    let server = Server::default();
    let (client, mut accepted) = server.client(options);
    let mut first = accepted.recv().await.unwrap();
    shake_hands(&mut first).await;
    let _client = client.await.unwrap().unwrap();
    first.close();
    let _silent = accepted.recv().await.unwrap();
    let start = Instant::now();
    let third = timeout(FOREVER, accepted.recv()).await;
    assert!(third.expect("dialed again").is_some());
    assert!(start.elapsed() >= 3 * SECOND && start.elapsed() < 4 * SECOND);
}

/// Guards against a subscription that never resumes after a silent connection.
#[tokio::test(start_paused = true)]
async fn a_silent_handshake_of_a_subscribed_connection_ends_it() {
    let options = ClientOptions::default()
        .connect_timeout(3 * SECOND)
        .request_timeout(60 * SECOND);
    let (client, mut accepted) = Server::default().connected(options).await;
    let subscribing = tokio::spawn(client.subscribe("a"));
    let mut silent = accepted.recv().await.unwrap();
    let start = Instant::now();
    let next = timeout(FOREVER, accepted.recv()).await;
    let mut peer = next.expect("dialed again").unwrap();
    assert!(start.elapsed() >= 3 * SECOND && start.elapsed() < 4 * SECOND);
    assert_eq!(silent.next_request().await.unwrap().name(), b"HELLO");
    assert!(silent.next_request().await.is_none(), "closed");
    shake_hands(&mut peer).await;
    assert_eq!(peer.next_request().await.unwrap().name(), b"SUBSCRIBE");
    peer.reply(push(&["subscribe", "a", "1"])).await.unwrap();
    assert!(subscribing.await.unwrap().is_ok());
}

/// Guards against an unneeded connection that stays open because the server does not acknowledge
/// UNSUBSCRIBE.
#[tokio::test(start_paused = true)]
async fn an_unsubscribed_connection_closes_though_the_server_acknowledges_nothing() {
    let options = ClientOptions::default();
    let (client, mut accepted) = Server::default().connected(options).await;
    let subscribing = tokio::spawn(client.subscribe("a"));
    let mut peer = accepted.recv().await.unwrap();
    shake_hands(&mut peer).await;
    peer.next_request().await.unwrap();
    peer.reply(push(&["subscribe", "a", "1"])).await.unwrap();
    let subscription = subscribing.await.unwrap().unwrap();
    let start = Instant::now();
    drop(subscription);
    assert_eq!(peer.next_request().await.unwrap().name(), b"UNSUBSCRIBE");
    let next = timeout(FOREVER, peer.next_request()).await.expect("closed");
    assert!(
        next.is_none(),
        "{:?}",
        next.map(|next| next.name().to_vec())
    );
    assert_eq!(start.elapsed(), CLOSE_TIMEOUT);
    // The next subscription gets a new connection.
    let again = tokio::spawn(client.subscribe("a"));
    let mut peer = accepted.recv().await.unwrap();
    shake_hands(&mut peer).await;
    assert_eq!(peer.next_request().await.unwrap().name(), b"SUBSCRIBE");
    again.abort();
}

/// Guards against a client that cannot be closed while the server does not respond.
#[tokio::test(start_paused = true)]
async fn closing_within_a_time_fails_what_the_server_does_not_answer() {
    use crate::Outcome;

    let (client, mut accepted) = Server::default().client(ClientOptions::default());
    let mut peer = accepted.recv().await.unwrap();
    shake_hands(&mut peer).await;
    let client = client.await.unwrap().unwrap();
    let sent = tokio::spawn(client.get("k").timeout(FOREVER));
    assert_eq!(peer.next_request().await.unwrap().name(), b"GET");
    let start = Instant::now();
    let closed = timeout(FOREVER, client.close_within(SECOND)).await;
    assert_eq!(closed.expect("closes").abandoned, 1);
    assert_eq!(start.elapsed(), SECOND);
    let error = sent.await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Closed, Some(Outcome::MayHaveRun))
    );
    let late = client.get("k").await.unwrap_err();
    assert_eq!(
        (late.kind(), late.outcome()),
        (ErrorKind::Closed, Some(Outcome::NotSent))
    );
}
