//! Sending requests and receiving replies.

use std::future::poll_fn;
use std::task::{Context, Waker};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use swarm_resp::{Limits, Request};
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;

use super::{open, receive, receiving, send, with_timeout};
use crate::{RequestRejection, TransportErrorKind as Kind, TransportOptions};

#[tokio::test]
async fn one_command_per_binary_message_in_order() {
    let (mut transport, server) = open(TransportOptions::new(), |mut server| async move {
        let mut seen = Vec::new();
        while seen.len() < 3 {
            seen.push(server.next().await.unwrap().unwrap());
        }
        seen
    })
    .await;
    let requests =
        [("SET", "a"), ("GET", ""), ("DEL", "ü")].map(|(name, arg)| Request::new(name, arg));
    for request in &requests {
        send(&mut transport, request.clone()).await.unwrap();
    }
    let expected = requests.map(|request| Message::Binary(request.encoded().clone()));
    assert_eq!(with_timeout(server).await.unwrap(), expected);
}

#[tokio::test]
async fn replies_may_be_binary_or_text_whole_or_fragmented() {
    let (mut transport, _server) = open(TransportOptions::new(), |mut server| async move {
        server
            .send(Message::binary(&b"$3\r\n\xff\0\n\r\n"[..]))
            .await
            .unwrap();
        server.send(Message::text("+OK\r\n")).await.unwrap();
        // Three fragments of `:42\r\n` with a ping between them.
        let fragments = b"\x02\x01:\x89\x00\x00\x0242\x80\x02\r\n";
        server.get_mut().write_all(fragments).await.unwrap();
        while let Some(Ok(_)) = server.next().await {}
    })
    .await;
    let bulk = receive(&mut transport).await.unwrap();
    assert_eq!(bulk.as_bytes(), Some(&b"\xff\0\n"[..]));
    assert_eq!(receive(&mut transport).await.unwrap().as_str(), Some("OK"));
    assert_eq!(
        receive(&mut transport).await.unwrap().as_integer(),
        Some(42)
    );
}

#[tokio::test]
async fn a_message_that_is_not_one_frame_ends_the_connection() {
    let cases: [(&[u8], Kind); 7] = [
        (b"", Kind::Protocol),
        (b"$5\r\nhel", Kind::Protocol),
        (b"+OK\r\n+OK\r\n", Kind::Protocol),
        (b"{\"result\":1}", Kind::Protocol),
        (b"*1\r\n%7\r\n", Kind::Protocol),
        (b"$999999999999\r\n", Kind::Limit),
        (b"*2147483647\r\n", Kind::Limit),
    ];
    for (message, kind) in cases {
        let mut transport =
            receiving(vec![Message::binary(message), Message::text("+OK\r\n")]).await;
        let error = receive(&mut transport).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        // Later messages are not returned as replies.
        assert!(receive(&mut transport).await.unwrap_err().is_closed());
        assert!(
            send(&mut transport, Request::new("PING", ()))
                .await
                .unwrap_err()
                .is_closed()
        );
    }
}

#[tokio::test]
async fn a_message_above_the_limit_is_an_error() {
    let mut limits = Limits::default();
    limits.max_frame = 100;
    let options = TransportOptions::new().limits(limits);
    let (mut transport, _server) = open(options, |mut server| async move {
        // Only the header is sent.
        server
            .get_mut()
            .write_all(b"\x82\x7f\0\0\0\x10\0\0\0\0")
            .await
            .unwrap();
        while let Some(Ok(_)) = server.next().await {}
    })
    .await;
    assert!(receive(&mut transport).await.unwrap_err().is_limit());
}

#[tokio::test]
async fn pings_are_answered_while_the_client_only_receives() {
    let (saw_pong, pong) = oneshot::channel();
    let (mut transport, _server) = open(TransportOptions::new(), |mut server| async move {
        server
            .send(Message::Ping(Bytes::from_static(b"there?")))
            .await
            .unwrap();
        let answer = server.next().await.unwrap().unwrap();
        saw_pong.send(answer).unwrap();
        while let Some(Ok(_)) = server.next().await {}
    })
    .await;
    let reader = tokio::spawn(async move { receive(&mut transport).await });
    assert_eq!(
        with_timeout(pong).await.unwrap(),
        Message::Pong(Bytes::from_static(b"there?"))
    );
    reader.abort();
}

#[tokio::test]
async fn ten_thousand_requests_share_few_flushes_and_stay_bounded() {
    const BURST: usize = 10_000;
    let (go, start) = oneshot::channel::<()>();
    let (mut transport, server) = open(TransportOptions::new(), |mut server| async move {
        start.await.unwrap();
        for n in 0..BURST {
            let message = server.next().await.unwrap().unwrap();
            assert_eq!(message.into_data(), *Request::new("ECHO", n).encoded());
            server
                .feed(Message::binary(format!(":{n}\r\n")))
                .await
                .unwrap();
        }
        server.flush().await.unwrap();
        while let Some(Ok(_)) = server.next().await {}
    })
    .await;
    let mut go = Some(go);
    let (mut sent, mut pauses) = (0, 0);
    while sent < BURST {
        if transport
            .poll_ready(&mut Context::from_waker(Waker::noop()))
            .is_pending()
        {
            pauses += 1;
            if let Some(go) = go.take() {
                go.send(()).unwrap();
            }
            with_timeout(poll_fn(|cx| transport.poll_ready(cx)))
                .await
                .unwrap();
        }
        transport
            .start_send(Request::new("ECHO", sent).view())
            .unwrap();
        sent += 1;
    }
    if let Some(go) = go {
        go.send(()).unwrap();
    }
    with_timeout(poll_fn(|cx| transport.poll_flush(cx)))
        .await
        .unwrap();
    assert!(pauses < 50, "{pauses} pauses");
    for n in 0..BURST {
        let reply = receive(&mut transport).await.unwrap();
        assert_eq!(reply.as_integer(), Some(n as i64));
    }
    drop(transport);
    with_timeout(server).await.unwrap();
}

#[tokio::test]
async fn backpressure_if_the_peer_does_not_read() {
    let (mut transport, server) = open(TransportOptions::new(), |server| async move {
        std::future::pending::<()>().await;
        drop(server);
    })
    .await;
    let request = Request::new("ECHO", "x".repeat(64 << 10));
    let mut sent = 0;
    while transport
        .poll_ready(&mut Context::from_waker(Waker::noop()))
        .is_ready()
    {
        transport.start_send(request.view()).unwrap();
        sent += 1;
        // Socket buffers hold a few megabytes; an unbounded queue would accept everything.
        assert!(sent < 1000, "the write buffer grows without bounds");
    }
    server.abort();
}

#[tokio::test]
async fn large_values_are_sent_and_received() {
    let (mut transport, _server) = open(TransportOptions::new(), |mut server| async move {
        let message = server.next().await.unwrap().unwrap().into_data();
        server.send(Message::Binary(message)).await.unwrap();
        while let Some(Ok(_)) = server.next().await {}
    })
    .await;
    let request = Request::new("ECHO", "v".repeat(32 << 20));
    send(&mut transport, request.clone()).await.unwrap();
    let echo = receive(&mut transport).await.unwrap();
    let texts: Vec<_> = echo
        .items()
        .unwrap()
        .map(|item| item.as_bytes().unwrap().to_vec())
        .collect();
    assert!(texts.iter().map(Vec::as_slice).eq(request.args()));
}

#[tokio::test]
async fn non_utf8_arguments_are_rejected_unless_binary_safe() {
    let binary = Request::new("SET", ("key", &b"\xf0\x9f\x92"[..]));
    let transport = receiving(vec![]).await;
    assert!(!transport.capabilities().binary_arguments);
    assert_eq!(
        transport.check(binary.view()),
        Err(RequestRejection::NotUtf8 { argument: 2 })
    );
    assert_eq!(
        transport.check(Request::new("SET", ("key", "🂡")).view()),
        Ok(())
    );

    let options = TransportOptions::new().binary_safe(true).max_request(64);
    let (transport, _) = open(options, |_| async {}).await;
    assert_eq!(transport.check(binary.view()), Ok(()));
    let refusal = transport.check(Request::new("SET", ("key", "x".repeat(64))).view());
    assert!(matches!(
        refusal,
        Err(RequestRejection::TooLarge { limit: 64, .. })
    ));
}
