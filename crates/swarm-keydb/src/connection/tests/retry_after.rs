//! Tests that everything that opens connections honors Retry-After.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const ASKED: Duration = Duration::from_secs(7);

fn busy() -> TransportError {
    TransportError::new(TransportErrorKind::Refused, "HTTP 503").with_retry_after(ASKED)
}

/// Checks that all pauses are as long as requested, and not much longer.
fn check(pauses: &[Duration], count: usize) {
    assert!(pauses.len() >= count, "{pauses:?}");
    assert!(
        pauses
            .iter()
            .all(|pause| *pause >= ASKED && *pause < 2 * ASKED),
        "{pauses:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_shared_connection_honors_retry_after() {
    let server = Server::default();
    let (client, mut accepted) = server.client(ClientOptions::default());
    let mut peer = accepted.recv().await.unwrap();
    shake_hands(&mut peer).await;
    let _client = client.await.unwrap().unwrap();
    server.fail([busy(), busy(), busy()]);
    peer.close();
    timeout(FOREVER, accepted.recv()).await.unwrap().unwrap();
    check(&server.pauses_after(1), 3);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_honors_retry_after() {
    let server = Server::default();
    let options = ClientOptions::default().request_timeout(60 * SECOND);
    let (client, mut accepted) = server.connected(options).await;
    server.fail([busy(), busy(), busy()]);
    let _subscribing = tokio::spawn(client.subscribe("a"));
    timeout(FOREVER, accepted.recv()).await.unwrap().unwrap();
    check(&server.pauses_after(1), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lease_honors_retry_after() {
    let server = Server::default();
    let options = ClientOptions::default().request_timeout(60 * SECOND);
    let (client, mut accepted) = server.connected(options).await;
    server.fail([busy(), busy(), busy()]);
    let lease = tokio::spawn(async move { client.exclusive().await.map(|_| ()) });
    let peer = timeout(FOREVER, accepted.recv()).await.unwrap().unwrap();
    tokio::spawn(peer.serve(answer));
    lease.await.unwrap().unwrap();
    check(&server.pauses_after(1), 3);
}

/// The leases of a consumer fail at once, because the server asks for more time than they have. So
/// the pauses are the consumer's.
#[tokio::test(start_paused = true)]
async fn a_consumer_honors_retry_after() {
    let server = Server::default();
    let options = ClientOptions::default().request_timeout(5 * SECOND);
    let (client, mut accepted) = server.client(options);
    let peer = accepted.recv().await.unwrap();
    tokio::spawn(peer.serve(|request| match request.name() {
        b"XGROUP" => Frame::simple("OK"),
        b"XPENDING" => Frame::array([]),
        _ => answer(request),
    }));
    let client = client.await.unwrap().unwrap();
    server.fail([busy(), busy(), busy()]);
    let builder = client.consumer("group", "name", "stream").min_idle(None);
    let mut consumer = builder.build().unwrap();
    let _consuming = tokio::spawn(async move { consumer.next().await.is_some() });
    timeout(FOREVER, accepted.recv()).await.unwrap().unwrap();
    check(&server.pauses_after(1), 3);
}
