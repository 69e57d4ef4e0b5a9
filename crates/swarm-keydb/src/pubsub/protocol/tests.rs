//! Tests of a connection whose subscriber does not read, over an in-memory transport and a paused
//! clock.

use std::time::Duration;

use swarm_resp::{Frame, Request};
use swarm_transport::{BoxTransport, memory};
use tokio::sync::{mpsc, watch};

use crate::{Client, ClientOptions, Event, Overflow, Subscription};

/// Maximum number of messages in the subscriber's buffer.
const BUFFER: usize = 10;

/// Time from the server's last message to its reply to PING. Shorter than the limit on silence.
const LATE: Duration = Duration::from_secs(5);

/// Connects a client. Serves its shared connection, and returns a channel of all other connections.
async fn client() -> (Client, mpsc::UnboundedReceiver<memory::MemoryPeer>) {
    let (accept, mut accepted) = mpsc::unbounded_channel();
    let connect = move || {
        let (transport, peer) = memory::pair_with_capacity(20);
        accept.send(peer).unwrap();
        async move { Ok(Box::new(transport) as BoxTransport) }
    };
    let options = ClientOptions::default().heartbeat_interval(Duration::from_secs(10));
    let connecting = tokio::spawn(Client::connect_with(connect, options));
    let peer = accepted.recv().await.unwrap();
    tokio::spawn(peer.serve(|_| Frame::error("ERR unknown command")));
    (connecting.await.unwrap().unwrap(), accepted)
}

/// Completes the handshake and a subscription, waits for PING, publishes `count` numbers, and only
/// then replies to PING.
async fn publish(mut peer: memory::MemoryPeer, count: u32, published: watch::Sender<u32>) {
    for _ in ["HELLO", "ECHO"] {
        peer.next_request().await.unwrap();
        peer.reply(Frame::error("ERR unknown command"))
            .await
            .unwrap();
    }
    peer.next_request().await.unwrap();
    peer.reply(push(&["subscribe", "a", "1"])).await.unwrap();
    let ping = peer.next_request().await.unwrap();
    for n in 0..count {
        peer.reply(push(&["message", "a", &n.to_string()]))
            .await
            .unwrap();
        published.send_replace(n + 1);
    }
    tokio::time::sleep(LATE).await;
    peer.reply(pong(&ping)).await.unwrap();
    peer.serve(pong).await;
}

fn pong(ping: &Request) -> Frame {
    assert_eq!(ping.name(), b"PING");
    let nonce = ping.args().nth(1).unwrap();
    push(&["pong", str::from_utf8(nonce).unwrap()])
}

fn push(words: &[&str]) -> Frame {
    Frame::build(|reply| {
        reply.push_message(|push| words.iter().for_each(|word| push.bulk(word.as_bytes())));
    })
}

async fn stalled(count: u32) -> (Client, Subscription, watch::Receiver<u32>) {
    let (client, mut accepted) = client().await;
    let subscribing = client
        .subscribe("a")
        .buffer(BUFFER)
        .on_overflow(Overflow::Backpressure);
    let subscribing = tokio::spawn(subscribing);
    let peer = accepted.recv().await.unwrap();
    let (published, counting) = watch::channel(0);
    tokio::spawn(publish(peer, count, published));
    let subscription = subscribing.await.unwrap().unwrap();
    (client, subscription, counting)
}

#[tokio::test(start_paused = true)]
async fn a_full_buffer_pauses_receiving_and_does_not_count_as_server_silence() {
    let (_client, mut subscription, mut published) = stalled(1_000).await;
    // The capacity of the buffer and of the transport.
    let held = 30;
    published.wait_for(|count| *count >= held).await.unwrap();
    // The paused clock advances only when no task can make progress.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(*published.borrow(), held);
    for n in 0..1_000 {
        match subscription.next().await {
            Some(Ok(Event::Message(message))) => assert_eq!(message.payload, n.to_string()),
            other => panic!("{other:?} instead of {n}"),
        }
        assert!(*published.borrow() <= n + 1 + held);
    }
    // The client keeps sending PINGs and keeps the connection.
    let next = tokio::time::timeout(Duration::from_secs(3600), subscription.next()).await;
    assert!(next.is_err(), "{next:?}");
}

#[tokio::test(start_paused = true)]
async fn the_client_reconnects_if_the_server_does_not_answer_a_ping() {
    let (client, mut accepted) = client().await;
    let subscribing = tokio::spawn(client.subscribe("a"));
    let (published, _counting) = watch::channel(0);
    let mut peer = accepted.recv().await.unwrap();
    for frame in [
        Frame::error("ERR"),
        Frame::error("ERR"),
        push(&["subscribe", "a", "1"]),
    ] {
        peer.next_request().await.unwrap();
        peer.reply(frame).await.unwrap();
    }
    let mut subscription = subscribing.await.unwrap().unwrap();
    assert_eq!(peer.next_request().await.unwrap().name(), b"PING");
    let asked = tokio::time::Instant::now();
    assert!(peer.next_request().await.is_none());
    assert_eq!(asked.elapsed().as_secs(), 15);
    tokio::spawn(publish(accepted.recv().await.unwrap(), 1, published));
    let event = subscription.next().await.unwrap().unwrap();
    assert_eq!(event, Event::Reconnected { gap: true });
}

/// The server is silent after a pause, too.
#[tokio::test(start_paused = true)]
async fn silence_is_noticed_again_once_the_buffer_has_capacity() {
    let (_client, mut subscription, mut accepted) = {
        let (client, mut accepted) = client().await;
        let subscribing = client
            .subscribe("a")
            .buffer(BUFFER)
            .on_overflow(Overflow::Backpressure);
        let subscribing = tokio::spawn(subscribing);
        let mut peer = accepted.recv().await.unwrap();
        shake_hands(&mut peer).await;
        let subscription = subscribing.await.unwrap().unwrap();
        tokio::spawn(async move {
            for n in 0..BUFFER {
                peer.reply(push(&["message", "a", &n.to_string()]))
                    .await
                    .unwrap();
            }
            // The PINGs are not answered.
            while peer.next_request().await.is_some() {}
        });
        (client, subscription, accepted)
    };
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(accepted.try_recv().is_err(), "nothing was received");
    for _ in 0..BUFFER {
        let event = subscription.next().await.unwrap().unwrap();
        assert!(matches!(event, Event::Message(_)));
    }
    let next = tokio::time::timeout(Duration::from_secs(3600), accepted.recv()).await;
    assert!(next.expect("dialed again").is_some());
}

/// Messages that nobody reads must not hide the acknowledgment behind them.
#[tokio::test(start_paused = true)]
async fn a_full_buffer_does_not_delay_the_end_of_its_subscription() {
    let (client, mut accepted) = client().await;
    let subscribing = client
        .subscribe("a")
        .buffer(1)
        .on_overflow(Overflow::Backpressure);
    let subscribing = tokio::spawn(subscribing);
    let mut peer = accepted.recv().await.unwrap();
    shake_hands(&mut peer).await;
    let subscription = subscribing.await.unwrap().unwrap();
    for n in 0..10 {
        let message = push(&["message", "a", &n.to_string()]);
        peer.reply(message).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = tokio::time::Instant::now();
    drop(subscription);
    assert_eq!(peer.next_request().await.unwrap().name(), b"UNSUBSCRIBE");
    peer.reply(push(&["unsubscribe", "a", "0"])).await.unwrap();
    assert!(peer.next_request().await.is_none(), "closed");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

/// Completes the handshake and a subscription.
async fn shake_hands(peer: &mut memory::MemoryPeer) {
    for reply in [
        Frame::error("ERR unknown command"),
        Frame::error("ERR unknown command"),
        push(&["subscribe", "a", "1"]),
    ] {
        let request = tokio::time::timeout(Duration::from_secs(60), peer.next_request()).await;
        assert!(request.expect("a request").is_some());
        peer.reply(reply).await.unwrap();
    }
}
