//! Unresponsive peers are detected and slow ones are not, on a paused clock.

use std::future::poll_fn;
use std::task::{Context, Waker};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use swarm_resp::{Frame, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::dial::QuickAckPolicy;
use crate::heartbeat::ReadActivity;
use crate::ws::native::transport::WsTransport;
use crate::{Scheme, Transport, TransportError, TransportOptions};

const SECOND: Duration = Duration::from_secs(1);

/// Creates a transport and the raw pipe of its peer.
async fn pipe(options: &TransportOptions) -> (WsTransport<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(1 << 20);
    let socket =
        WebSocketStream::from_raw_socket(ReadActivity::new(ours), Role::Client, None).await;
    (
        WsTransport::new(socket, QuickAckPolicy::new(Scheme::Ws, options), options),
        theirs,
    )
}

async fn receive(transport: &mut impl Transport) -> Result<Frame, TransportError> {
    poll_fn(|cx| transport.poll_receive(cx)).await
}

#[tokio::test(start_paused = true)]
async fn an_unresponsive_peer_is_detected_in_the_configured_time() {
    for (interval, timeout) in [(15, 10), (2, 1)] {
        let options = TransportOptions::new()
            .ws_ping_interval(interval * SECOND)
            .ws_ping_timeout(timeout * SECOND);
        let (mut transport, mut peer) = pipe(&options).await;
        let start = Instant::now();
        let error = receive(&mut transport).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        let found = start.elapsed();
        let due = (interval + timeout) * SECOND;
        assert!((due..due + SECOND / 10).contains(&found), "{found:?}");
        // The client sent an empty masked ping.
        let mut ping = [0; 6];
        peer.read_exact(&mut ping).await.unwrap();
        assert_eq!(ping[..2], [0x89, 0x80]);
        assert!(receive(&mut transport).await.unwrap_err().is_closed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reply_keeps_the_connection_if_pings_are_answered() {
    let (mut transport, peer) = pipe(&TransportOptions::new()).await;
    tokio::spawn(async move {
        let mut peer = WebSocketStream::from_raw_socket(peer, Role::Server, None).await;
        let late = sleep(600 * SECOND);
        tokio::pin!(late);
        loop {
            tokio::select! {
                () = &mut late => break,
                // Receiving also answers pings.
                message = peer.next() => assert!(message.unwrap().is_ok()),
            }
        }
        peer.send(Message::text("+LATE\r\n")).await.unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(
        receive(&mut transport).await.unwrap().as_str(),
        Some("LATE")
    );
}

#[tokio::test(start_paused = true)]
async fn a_partial_reply_counts_as_activity() {
    let (mut transport, mut peer) = pipe(&TransportOptions::new()).await;
    tokio::spawn(async move {
        peer.write_all(b"\x89\x00\x8a\x02ok").await.unwrap();
        for byte in b"\x82\x05+OK\r\n" {
            sleep(20 * SECOND).await;
            peer.write_all(&[*byte]).await.unwrap();
        }
        std::future::pending::<()>().await;
    });
    assert_eq!(receive(&mut transport).await.unwrap().as_str(), Some("OK"));
    // Pings and pongs do not count as reply bytes.
    assert_eq!(transport.received_bytes(), Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_is_detected() {
    let (mut transport, _peer) = pipe(&TransportOptions::new()).await;
    let request = Request::new("SET", ("k", "x".repeat(100 << 10)));
    while transport
        .poll_ready(&mut Context::from_waker(Waker::noop()))
        .is_ready()
    {
        transport.start_send(request.view()).unwrap();
    }
    let start = Instant::now();
    assert!(receive(&mut transport).await.unwrap_err().is_timeout());
    // With this much queued behind a running command, a missing pong proves nothing until the busy
    // timeout.
    let found = start.elapsed();
    assert!((600 * SECOND..630 * SECOND).contains(&found), "{found:?}");
}

/// A gateway reads ahead 64 KiB while a command runs, then nothing, not even pings, until the
/// command completes. Closing the connection would interrupt the command.
#[tokio::test(start_paused = true)]
async fn a_busy_peer_with_many_queued_requests_keeps_the_connection() {
    for (queued, is_kept) in [(8 << 10, false), (64 << 10, true)] {
        let (mut transport, mut peer) = pipe(&TransportOptions::new()).await;
        let write = Request::new("MSET", ("k", "v"));
        let waiting = Request::new("SET", ("k", "x".repeat(queued)));
        for request in [&write, &waiting] {
            poll_fn(|cx| transport.poll_ready(cx)).await.unwrap();
            transport.start_send(request.view()).unwrap();
        }
        poll_fn(|cx| transport.poll_flush(cx)).await.unwrap();
        tokio::spawn(async move {
            sleep(120 * SECOND).await;
            peer.write_all(b"\x82\x05+OK\r\n").await.unwrap();
            std::future::pending::<()>().await;
        });
        let reply = receive(&mut transport).await;
        assert_eq!(reply.is_ok(), is_kept, "{queued} bytes behind");
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_can_be_disabled() {
    let (mut transport, mut peer) = pipe(&TransportOptions::new().ws_ping_interval(None)).await;
    let day = tokio::time::timeout(86_400 * SECOND, receive(&mut transport)).await;
    assert!(day.is_err());
    assert!(tokio::time::timeout(SECOND, peer.read_u8()).await.is_err());
}
