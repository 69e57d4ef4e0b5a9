//! The memory of large messages is released without losing data.

use std::task::{Context, Waker};

use bytes::{BufMut, BytesMut};
use futures_util::StreamExt;
use swarm_resp::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{dial, listen, receive, with_timeout};
use crate::heartbeat::ReadActivity;
use crate::ws::native::socket::Socket;
use crate::{BoxTransport, TransportOptions};

/// Encodes an unmasked frame.
fn frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = BytesMut::new();
    frame.put_u8(first_byte);
    match payload.len() {
        len @ 0..=125 => frame.put_u8(len as u8),
        len @ 126..=65_535 => {
            frame.put_u8(126);
            frame.put_u16(len as u16);
        }
        len => {
            frame.put_u8(127);
            frame.put_u64(len as u64);
        }
    }
    frame.put_slice(payload);
    frame.to_vec()
}

async fn pipe() -> (Socket<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(8 << 20);
    let stream =
        WebSocketStream::from_raw_socket(ReadActivity::new(ours), Role::Client, None).await;
    (Socket::new(stream), theirs)
}

/// Receives all available messages.
async fn drain(socket: &mut Socket<DuplexStream>) -> Vec<Message> {
    // Yield to renew the task budget; with an exhausted one, tokio reports pending.
    tokio::task::yield_now().await;
    let mut cx = Context::from_waker(Waker::noop());
    let mut messages = Vec::new();
    while let std::task::Poll::Ready(message) = socket.poll_next(&mut cx) {
        messages.push(message.unwrap());
    }
    messages
}

#[tokio::test]
async fn a_socket_is_rebuilt_only_if_no_data_is_buffered() {
    let (large, small) = (vec![b'x'; 2 << 20], vec![b'y'; 300]);
    let small = frame(0x82, &small);
    // A small frame after the large one arrives however it is split.
    for cut in [0, 1, 2, 3, 4, 5, 100, small.len() - 1] {
        let (mut socket, mut peer) = pipe().await;
        peer.write_all(&frame(0x89, b"ping")).await.unwrap();
        peer.write_all(&frame(0x82, &large)).await.unwrap();
        peer.write_all(&small[..cut]).await.unwrap();
        let seen = drain(&mut socket).await;
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[1].len(), large.len());
        assert_eq!(socket.is_large(), cut > 0, "cut at {cut}");
        peer.write_all(&small[cut..]).await.unwrap();
        let seen = drain(&mut socket).await;
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].len(), 300);
        assert!(!socket.is_large(), "cut at {cut}");
        // The ping is answered regardless.
        let mut pong = [0; 2];
        peer.read_exact(&mut pong).await.unwrap();
        assert_eq!(pong, [0x8a, 0x84]);
    }
}

#[tokio::test]
async fn a_fragmented_message_prevents_a_rebuild() {
    let (mut socket, mut peer) = pipe().await;
    let half = vec![b'x'; 1 << 20];
    peer.write_all(&frame(0x02, &half)).await.unwrap();
    assert!(drain(&mut socket).await.is_empty());
    peer.write_all(&frame(0x80, &half)).await.unwrap();
    assert_eq!(drain(&mut socket).await[0].len(), 2 << 20);
    // The size of the fragments on the stream is unknown, so the socket is not rebuilt.
    assert!(socket.is_large());
    peer.write_all(&frame(0x82, b"next")).await.unwrap();
    assert_eq!(drain(&mut socket).await, [Message::binary(&b"next"[..])]);
}

#[tokio::test]
async fn a_large_request_is_flushed_before_a_rebuild() {
    let (mut socket, peer) = pipe().await;
    let request = Request::new("SET", ("k", "x".repeat(2 << 20)));
    socket
        .start_send(Message::Binary(request.encoded().clone()))
        .unwrap();
    let mut peer = WebSocketStream::from_raw_socket(peer, Role::Server, None).await;
    while socket.is_large() {
        assert!(drain(&mut socket).await.is_empty());
        tokio::task::yield_now().await;
    }
    let seen = with_timeout(peer.next()).await.unwrap().unwrap();
    assert_eq!(seen.into_data(), *request.encoded());
}

/// Opens a connection whose handshake response arrives together with `rest`, followed by `then`.
async fn behind_handshake(rest: Vec<u8>, then: Vec<u8>, line_break: &'static str) -> BoxTransport {
    let (listener, endpoint) = listen().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let (_, key) = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
            .unwrap();
        let accept = derive_accept_key(key.as_bytes());
        let lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Connection: Upgrade",
            "Upgrade: websocket",
            &format!("Sec-WebSocket-Accept: {accept}"),
            "",
            "",
        ];
        let mut answer = lines.join(line_break).into_bytes();
        answer.extend_from_slice(&rest);
        stream.write_all(&answer).await.unwrap();
        // The client receives the first part alone, sends a request, and receives the second part.
        let _ = stream.read_u8().await;
        stream.write_all(&then).await.unwrap();
        let _ = stream.read(&mut [0; 100]).await;
    });
    dial(&endpoint, &TransportOptions::new()).await.unwrap()
}

#[tokio::test]
async fn frames_received_with_the_handshake_are_counted() {
    let large = frame(
        0x82,
        format!("${}\r\n{}\r\n", 2 << 20, "x".repeat(2 << 20)).as_bytes(),
    );
    let empty_line = frame(0x82, b"$0\r\n\r\n");
    let small = frame(0x82, b":42\r\n");
    for line_break in ["\r\n", "\n"] {
        for cut in 0..small.len() {
            let rest = [&empty_line, large.as_slice(), &small[..cut]].concat();
            let mut transport = behind_handshake(rest, small[cut..].to_vec(), line_break).await;
            assert_eq!(receive(&mut transport).await.unwrap().as_str(), Some(""));
            let reply = receive(&mut transport).await.unwrap();
            assert_eq!(reply.as_bytes().unwrap().len(), 2 << 20);
            let mut cx = Context::from_waker(Waker::noop());
            assert!(transport.poll_receive(&mut cx).is_pending());
            super::send(&mut transport, Request::new("NEXT", ()))
                .await
                .unwrap();
            assert_eq!(
                receive(&mut transport).await.unwrap().as_integer(),
                Some(42)
            );
        }
    }
}
