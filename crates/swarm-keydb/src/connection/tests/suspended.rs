//! Tests of clients whose process, machine or page was suspended while they waited.

use tokio::time::advance;

use super::*;
use crate::{ErrorKind, Event};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Connects a client whose shared connection the test serves.
async fn client_and_peer() -> (Client, MemoryPeer) {
    let (client, mut accepted) = Server::default().client(ClientOptions::default());
    let mut peer = accepted.recv().await.unwrap();
    shake_hands(&mut peer).await;
    let client = client.await.unwrap().unwrap();
    // Later connections are refused.
    drop(accepted);
    (client, peer)
}

async fn next(peer: &mut MemoryPeer, name: &str) -> Request {
    let request = timeout(FOREVER, peer.next_request()).await.unwrap();
    let request = request.expect("the connection is open");
    assert_eq!(request.name(), name.as_bytes());
    request
}

/// Guards against replies that arrived during a suspension and are thrown away.
#[tokio::test(start_paused = true)]
async fn a_reply_that_arrived_meanwhile_is_no_timeout() {
    let (client, mut peer) = client_and_peer().await;
    let reply = tokio::spawn(client.get_as::<String>("key"));
    next(&mut peer, "GET").await;
    advance(HOUR).await;
    // The network delivers later than the timer fires.
    sleep(SECOND).await;
    assert!(!reply.is_finished());
    peer.reply(Frame::bulk("value")).await.unwrap();
    assert_eq!(reply.await.unwrap().unwrap().as_deref(), Some("value"));
    // The connection was asked whether it works.
    let ping = next(&mut peer, "PING").await;
    peer.reply(answer(&ping)).await.unwrap();
    let reply = tokio::spawn(client.incr("key"));
    next(&mut peer, "INCR").await;
    peer.reply(Frame::integer(1)).await.unwrap();
    assert_eq!(reply.await.unwrap().unwrap(), 1);
}

/// Guards against calls that wait forever, and against a dead connection that is kept.
#[tokio::test(start_paused = true)]
async fn without_a_reply_the_calls_fail_and_the_connection_ends_soon() {
    let (client, mut peer) = client_and_peer().await;
    let reply = tokio::spawn(client.get_as::<String>("key"));
    next(&mut peer, "GET").await;
    advance(HOUR).await;
    let start = Instant::now();
    let error = reply.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(start.elapsed() <= 4 * SECOND, "{:?}", start.elapsed());
    next(&mut peer, "PING").await;
    assert!(peer.next_request().await.is_none(), "closed");
    assert!(start.elapsed() <= 4 * SECOND, "{:?}", start.elapsed());
}

/// Guards against a subscription that is lost although its connection still works.
#[tokio::test(start_paused = true)]
async fn a_subscription_survives_if_its_connection_does() {
    let server = Server::default();
    let (client, mut accepted) = server.connected(ClientOptions::default()).await;
    let (mut subscription, mut peer) = subscribed(&client, &mut accepted, "news").await;
    // One heartbeat is pending when the time jumps.
    next(&mut peer, "PING").await;
    advance(HOUR).await;
    sleep(SECOND).await;
    let dials = server.dials();
    peer.reply(push(&["message", "news", "hello"]))
        .await
        .unwrap();
    let message = timeout(FOREVER, subscription.next()).await.unwrap();
    let Some(Ok(Event::Message(message))) = message else {
        panic!("{message:?}");
    };
    assert_eq!(&message.payload[..], b"hello");
    assert_eq!(server.dials(), dials);
}
