//! The in-process pair fulfills the contract of a transport.

use std::future::poll_fn;
use std::task::{Context, Waker};

use swarm_resp::{Frame, Request};

use super::*;
use crate::{Capabilities, RequestRejection, Transport, TransportError, TransportErrorKind};

async fn send(transport: &mut MemoryTransport, name: &str) -> Result<(), TransportError> {
    poll_fn(|cx| transport.poll_ready(cx)).await?;
    transport.start_send(Request::new(name, ()).view())?;
    poll_fn(|cx| transport.poll_flush(cx)).await
}

#[tokio::test]
async fn requests_and_frames_keep_their_order() {
    let (mut transport, mut peer) = pair();
    for name in ["ONE", "TWO"] {
        send(&mut transport, name).await.unwrap();
    }
    for name in ["ONE", "TWO"] {
        let request = peer.next_request().await.unwrap();
        assert_eq!(request, Request::new(name, ()));
        peer.reply(Frame::simple(name)).await.unwrap();
    }
    for name in ["ONE", "TWO"] {
        let reply = poll_fn(|cx| transport.poll_receive(cx)).await.unwrap();
        assert_eq!(reply.as_str(), Some(name));
    }
}

#[tokio::test]
async fn both_directions_are_bounded() {
    let (mut transport, mut peer) = pair_with_capacity(1);
    send(&mut transport, "ONE").await.unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(transport.poll_ready(&mut cx).is_pending());
    peer.next_request().await.unwrap();
    assert!(transport.poll_ready(&mut cx).is_ready());

    peer.reply(Frame::null()).await.unwrap();
    let blocked = tokio::spawn(async move {
        peer.reply(Frame::integer(2)).await.unwrap();
        peer
    });
    assert!(
        poll_fn(|cx| transport.poll_receive(cx))
            .await
            .unwrap()
            .is_null()
    );
    let second = poll_fn(|cx| transport.poll_receive(cx)).await.unwrap();
    assert_eq!(second.as_integer(), Some(2));
    blocked.await.unwrap();
}

#[tokio::test]
async fn frames_sent_before_the_close_are_received() {
    let (mut transport, mut peer) = pair();
    peer.reply(Frame::integer(1)).await.unwrap();
    peer.close();
    assert!(poll_fn(|cx| transport.poll_receive(cx)).await.is_ok());
    let end = poll_fn(|cx| transport.poll_receive(cx)).await.unwrap_err();
    assert!(end.is_closed());
    assert!(send(&mut transport, "LATE").await.unwrap_err().is_closed());
}

#[tokio::test]
async fn a_peer_can_fail_with_an_error() {
    let (mut transport, peer) = pair();
    peer.fail(TransportError::new(TransportErrorKind::Tls, "expired"));
    let end = poll_fn(|cx| transport.poll_receive(cx)).await.unwrap_err();
    assert!(end.is_tls());
}

#[tokio::test]
async fn closing_and_dropping_close_the_peer() {
    let (mut transport, mut peer) = pair();
    send(&mut transport, "LAST").await.unwrap();
    poll_fn(|cx| transport.poll_close(cx)).await.unwrap();
    assert!(peer.next_request().await.is_some());
    assert!(peer.next_request().await.is_none());
    assert!(peer.reply(Frame::null()).await.unwrap_err().is_closed());

    let (transport, mut peer) = pair();
    let waiting = tokio::spawn(async move { peer.next_request().await });
    tokio::task::yield_now().await;
    drop(transport);
    assert_eq!(waiting.await.unwrap(), None);
}

#[test]
fn capabilities_can_be_restricted() {
    let (transport, _peer) = pair();
    let transport = transport.with_capabilities(Capabilities {
        binary_arguments: false,
        ..Capabilities::FULL
    });
    let refusal = transport
        .check(Request::new("ECHO", b"\xff").view())
        .unwrap_err();
    assert_eq!(refusal, RequestRejection::NotUtf8 { argument: 1 });
    assert_eq!(
        transport
            .capabilities()
            .check(Request::new("ECHO", "ä").view()),
        Ok(())
    );
}
