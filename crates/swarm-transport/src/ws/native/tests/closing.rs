//! Closing a WebSocket from either side.

use std::borrow::Cow;
use std::future::poll_fn;

use futures_util::{SinkExt, StreamExt};
use swarm_resp::Request;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::{open, receive, send, with_timeout};
use crate::{TransportErrorKind as Kind, TransportOptions};

#[tokio::test]
async fn the_error_has_the_close_code_and_reason() {
    for (code, reason) in [
        (1000, ""),
        (1001, "bye"),
        (1008, "no\u{7}pe"),
        (1012, ""),
        (4000, "custom"),
    ] {
        let (mut transport, server) = open(TransportOptions::new(), move |mut server| async move {
            let frame = CloseFrame {
                code: code.into(),
                reason: reason.into(),
            };
            server.send(Message::text("+OK\r\n")).await.unwrap();
            server.close(Some(frame)).await.unwrap();
            // The close frame is answered.
            server.next().await.unwrap().unwrap()
        })
        .await;
        assert!(receive(&mut transport).await.is_ok());
        let error = receive(&mut transport).await.unwrap_err();
        assert!(error.is_closed());
        assert_eq!(error.close_code(), Some(code));
        let text = error.to_string();
        let shown: Cow<'_, str> = reason.replace('\u{7}', "").into();
        assert!(
            text.contains(&code.to_string()) && text.ends_with(&*shown),
            "{text}"
        );
        assert!(with_timeout(server).await.unwrap().is_close());
    }
}

#[tokio::test]
async fn a_connection_without_a_close_frame_is_closed() {
    let (mut transport, _) = open(
        TransportOptions::new(),
        |server| async move { drop(server) },
    )
    .await;
    let error = receive(&mut transport).await.unwrap_err();
    assert!(error.is_closed(), "{error:?}");
    assert_eq!(error.close_code(), None);
    assert!(receive(&mut transport).await.unwrap_err().is_closed());
}

#[tokio::test]
async fn a_truncated_frame_is_closed_and_invalid_framing_is_a_protocol_error() {
    let cases: [(&[u8], Kind); 4] = [
        (b"\x82\x7e\x01\x00$2", Kind::Closed),
        (b"\xf2\x05+OK\r\n", Kind::Protocol),
        (b"\x82\x85\0\0\0\0+OK\r\n", Kind::Protocol),
        (b"\x80\x05+OK\r\n", Kind::Protocol),
    ];
    for (bytes, kind) in cases {
        let (mut transport, _) = open(TransportOptions::new(), move |mut server| async move {
            server.get_mut().write_all(bytes).await.unwrap();
            server.get_mut().shutdown().await.unwrap();
        })
        .await;
        let error = receive(&mut transport).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[tokio::test]
async fn closing_flushes_and_sends_a_close_frame() {
    let (mut transport, server) = open(TransportOptions::new(), |mut server| async move {
        let mut seen = Vec::new();
        while let Some(Ok(message)) = server.next().await {
            seen.push(message);
        }
        seen
    })
    .await;
    let request = Request::new("SET", ("k", "v"));
    with_timeout(poll_fn(|cx| transport.poll_ready(cx)))
        .await
        .unwrap();
    transport.start_send(request.view()).unwrap();
    with_timeout(poll_fn(|cx| transport.poll_close(cx)))
        .await
        .unwrap();
    with_timeout(poll_fn(|cx| transport.poll_close(cx)))
        .await
        .unwrap();
    let seen = with_timeout(server).await.unwrap();
    assert_eq!(
        seen,
        [
            Message::Binary(request.encoded().clone()),
            Message::Close(None)
        ]
    );
    assert!(receive(&mut transport).await.unwrap_err().is_closed());
    assert!(send(&mut transport, request).await.unwrap_err().is_closed());
}

#[tokio::test]
async fn closing_an_unresponsive_peer_times_out() {
    let (mut transport, server) = open(TransportOptions::new(), |server| async move {
        std::future::pending::<()>().await;
        drop(server);
    })
    .await;
    with_timeout(poll_fn(|cx| transport.poll_close(cx)))
        .await
        .unwrap();
    server.abort();
}

#[tokio::test]
async fn a_peer_that_closes_while_the_client_sends_is_closed() {
    let (mut transport, server) = open(
        TransportOptions::new(),
        |server| async move { drop(server) },
    )
    .await;
    with_timeout(server).await.unwrap();
    let request = Request::new("ECHO", "x".repeat(64 << 10));
    let error = loop {
        if let Err(error) = send(&mut transport, request.clone()).await {
            break error;
        }
    };
    assert!(error.is_closed(), "{error:?}");
}

#[tokio::test]
async fn the_close_frame_of_a_peer_that_rejects_a_message_is_reported() {
    let (mut transport, server) = open(TransportOptions::new(), |mut server| async move {
        let frame = CloseFrame {
            code: 1009.into(),
            reason: "too big".into(),
        };
        server.close(Some(frame)).await.unwrap();
        // Closing a socket with unread data resets the connection.
        server.get_ref().readable().await.unwrap();
        drop(server);
    })
    .await;
    let request = Request::new("ECHO", "x".repeat(64 << 10));
    let error = loop {
        if let Err(error) = send(&mut transport, request.clone()).await {
            break error;
        }
    };
    with_timeout(server).await.unwrap();
    assert_eq!(error.close_code(), Some(1009), "{error:?}");
}

/// Guards against closing without a reason: the close frame names the peer's fault.
#[tokio::test]
async fn the_close_frame_names_the_fault_of_the_peer() {
    let mut limits = swarm_resp::Limits::default();
    limits.max_frame = 100;
    let cases: [(Vec<u8>, u16); 6] = [
        // Only the header of a message that is too large.
        (b"\x82\x7f\0\0\0\x10\0\0\0\0".to_vec(), 1009),
        ([b"\x82\x7e\0\x80".to_vec(), vec![b'x'; 128]].concat(), 1009),
        (b"\x82\x0f$999999999999\r\n".to_vec(), 1009),
        (b"\x82\x0a+OK\r\n+OK\r\n".to_vec(), 1002),
        (b"\xf2\x05+OK\r\n".to_vec(), 1002),
        (b"\x81\x01\xff".to_vec(), 1007),
    ];
    for (bytes, code) in cases {
        let sent = bytes.clone();
        let options = TransportOptions::new().limits(limits);
        let (mut transport, server) = open(options, move |mut server| async move {
            server.get_mut().write_all(&sent).await.unwrap();
            server.next().await
        })
        .await;
        let error = receive(&mut transport).await.unwrap_err();
        drop(transport);
        let received = with_timeout(server).await.unwrap();
        let Some(Ok(Message::Close(Some(frame)))) = received else {
            panic!("{bytes:?}, {error}: {received:?}");
        };
        assert_eq!(u16::from(frame.code), code, "{bytes:?}: {error}");
    }
}
