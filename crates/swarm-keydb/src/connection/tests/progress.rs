//! Tests of what a connection records when data arrives.

use swarm_transport::{Capabilities, PeerIdentity};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A large reply that arrives slowly is not silence.
#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_while_bytes_arrive() {
    for arrives in [true, false] {
        let server = Server::default();
        server.set(|watch| watch.received_bytes = Some(0));
        let options = ClientOptions::default()
            .inactivity_timeout(15 * SECOND)
            .heartbeat_interval(FOREVER);
        let (client, mut accepted) = server.client(options);
        let mut peer = accepted.recv().await.unwrap();
        shake_hands(&mut peer).await;
        let client = client.await.unwrap().unwrap();
        let get = tokio::spawn(client.get("k").timeout(SECOND));
        assert!(get.await.unwrap().is_err());
        for received in 1..10 {
            sleep(10 * SECOND).await;
            if arrives {
                server.set(|watch| watch.received_bytes = Some(received));
            }
        }
        assert_eq!(server.dials() == 1, arrives);
    }
}

/// The replies arrive together, so the first caller must not see the load of the second one.
#[tokio::test(start_paused = true)]
async fn callers_that_have_their_replies_see_nothing_in_flight() {
    let (client, mut accepted) = Server::default().client(ClientOptions::default());
    let mut peer = accepted.recv().await.unwrap();
    shake_hands(&mut peer).await;
    let client = client.await.unwrap().unwrap();
    let gets = ["a", "b"].map(|key| {
        let (get, client) = (client.get(key), client.clone());
        tokio::spawn(async move {
            get.await.unwrap();
            client.stats().in_flight
        })
    });
    for _ in 0..2 {
        peer.next_request().await.unwrap();
    }
    assert_eq!(client.stats().in_flight, 2);
    for _ in 0..2 {
        peer.reply(Frame::null()).await.unwrap();
    }
    for get in gets {
        assert_eq!(get.await.unwrap(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_transport_with_a_session_is_told_its_server() {
    let redis = Frame::build(|reply| {
        reply.map(|map| {
            map.bulk(b"server");
            map.bulk(b"redis");
        });
    });
    let server = Server::default();
    let (client, mut accepted) = server.client(ClientOptions::default());
    let mut peer = accepted.recv().await.unwrap();
    peer.next_request().await.unwrap();
    peer.reply(redis).await.unwrap();
    let probe = peer.next_request().await.unwrap();
    peer.reply(answer(&probe)).await.unwrap();
    let _client = client.await.unwrap().unwrap();
    let expected = [PeerIdentity::new().with_server("redis")];
    server.set(|watch| assert_eq!(watch.peers, expected));

    // Without a session, there is no handshake, so nothing is known.
    let server = Server::default();
    let without = Capabilities::FULL.with_session(false);
    server.set(|watch| watch.capabilities = Some(without));
    let (client, _accepted) = server.client(ClientOptions::default());
    let _client = client.await.unwrap().unwrap();
    server.set(|watch| assert_eq!(watch.peers, []));
}
