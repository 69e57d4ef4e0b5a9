//! Dead peers are found and slow ones are kept, in simulated time.

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

use crate::dial::Acks;
use crate::heartbeat::Heard;
use crate::ws::transport::WsTransport;
use crate::{Scheme, Transport, TransportError, TransportOptions};

const SECOND: Duration = Duration::from_secs(1);

/// A transport, and the raw pipe to it.
async fn pipe(options: &TransportOptions) -> (WsTransport<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(1 << 20);
    let socket = WebSocketStream::from_raw_socket(Heard::new(ours), Role::Client, None).await;
    (
        WsTransport::new(socket, Acks::new(Scheme::Ws, options), options),
        theirs,
    )
}

async fn receive(transport: &mut impl Transport) -> Result<Frame, TransportError> {
    poll_fn(|cx| transport.poll_receive(cx)).await
}

#[tokio::test(start_paused = true)]
async fn a_mute_peer_is_found_in_the_configured_time() {
    for (silence, patience) in [(15, 10), (2, 1)] {
        let options = TransportOptions::new()
            .ws_ping_interval(silence * SECOND)
            .ws_ping_timeout(patience * SECOND);
        let (mut transport, mut peer) = pipe(&options).await;
        let start = Instant::now();
        let error = receive(&mut transport).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        let found = start.elapsed();
        let due = (silence + patience) * SECOND;
        assert!((due..due + SECOND / 10).contains(&found), "{found:?}");
        // It was asked: an empty masked ping.
        let mut ping = [0; 6];
        peer.read_exact(&mut ping).await.unwrap();
        assert_eq!(ping[..2], [0x89, 0x80]);
        assert!(receive(&mut transport).await.unwrap_err().is_closed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_pings_is_kept_however_long_a_reply_takes() {
    let (mut transport, peer) = pipe(&TransportOptions::new()).await;
    tokio::spawn(async move {
        let mut peer = WebSocketStream::from_raw_socket(peer, Role::Server, None).await;
        let late = sleep(600 * SECOND);
        tokio::pin!(late);
        loop {
            tokio::select! {
                () = &mut late => break,
                // Reading answers pings.
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
async fn a_reply_that_trickles_in_is_a_sign_of_life() {
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
    // Pings and pongs are no part of a reply.
    assert_eq!(transport.received_bytes(), Some(7));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_found_behind_waiting_requests() {
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
    // With so much behind a command that may run, a missing pong is no proof for long.
    let found = start.elapsed();
    assert!((600 * SECOND..630 * SECOND).contains(&found), "{found:?}");
}

/// A gateway reads 64 KiB behind a command that runs, then nothing until that has ended: no ping, either. The end of the connection
/// would stop the command midway.
#[tokio::test(start_paused = true)]
async fn a_peer_that_runs_a_command_with_much_behind_it_is_kept() {
    for (behind, is_kept) in [(8 << 10, false), (64 << 10, true)] {
        let (mut transport, mut peer) = pipe(&TransportOptions::new()).await;
        let write = Request::new("MSET", ("k", "v"));
        let waiting = Request::new("SET", ("k", "x".repeat(behind)));
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
        assert_eq!(reply.is_ok(), is_kept, "{behind} bytes behind");
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_can_be_turned_off() {
    let (mut transport, mut peer) = pipe(&TransportOptions::new().ws_ping_interval(None)).await;
    let day = tokio::time::timeout(86_400 * SECOND, receive(&mut transport)).await;
    assert!(day.is_err());
    assert!(tokio::time::timeout(SECOND, peer.read_u8()).await.is_err());
}
