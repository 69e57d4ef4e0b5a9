//! Tests of how long a connection lasted, and the delay that follows.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Maximum delay after a connection that had worked.
const SHORT: Duration = Duration::from_millis(100);

/// Delays are random; so many in a row are within the wrong bound only with a negligible
/// probability.
const MANY: usize = 20;

fn options() -> ClientOptions {
    ClientOptions::default()
        .reconnect_base_delay(SECOND)
        .reconnect_max_delay(8 * SECOND)
}

async fn connected(server: &Server) -> (Client, MemoryPeer, mpsc::UnboundedReceiver<MemoryPeer>) {
    let (client, mut accepted) = server.client(options());
    let mut peer = accepted.recv().await.unwrap();
    shake_hands(&mut peer).await;
    (client.await.unwrap().unwrap(), peer, accepted)
}

/// Closes a connection. Returns the next one, and the time until then.
async fn redialed(
    peer: MemoryPeer,
    accepted: &mut mpsc::UnboundedReceiver<MemoryPeer>,
) -> (MemoryPeer, Duration) {
    let closed = Instant::now();
    peer.close();
    let mut next = accepted.recv().await.unwrap();
    let delay = closed.elapsed();
    shake_hands(&mut next).await;
    (next, delay)
}

async fn answer_one(client: &Client, peer: &mut MemoryPeer) {
    let get = tokio::spawn(client.get("k"));
    assert_eq!(peer.next_request().await.unwrap().name(), b"GET");
    peer.reply(Frame::null()).await.unwrap();
    get.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_answered_something_is_replaced_soon() {
    let (client, mut peer, mut accepted) = connected(&Server::default()).await;
    for _ in 0..MANY {
        answer_one(&client, &mut peer).await;
        let delay;
        (peer, delay) = redialed(peer, &mut accepted).await;
        assert!(delay <= SHORT, "{delay:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn delays_grow_while_connections_are_lost_before_they_answer_anything() {
    let (client, mut peer, mut accepted) = connected(&Server::default()).await;
    // The answer of an earlier connection does not count.
    answer_one(&client, &mut peer).await;
    (peer, _) = redialed(peer, &mut accepted).await;
    let mut longest = Duration::ZERO;
    for _ in 0..MANY {
        let delay;
        (peer, delay) = redialed(peer, &mut accepted).await;
        longest = longest.max(delay);
    }
    assert!(longest > SECOND, "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn delays_start_over_after_a_connection_that_outlasted_them() {
    let (_client, mut peer, mut accepted) = connected(&Server::default()).await;
    for _ in 0..MANY {
        sleep(8 * SECOND).await;
        let delay;
        (peer, delay) = redialed(peer, &mut accepted).await;
        assert!(delay <= SECOND, "{delay:?}");
    }
}
