//! Hostile input to the WebSocket listener: handshake, frames, and commands.

use crate::raw::{frame, message, serves, throw_all, throw_until, upgraded};

#[tokio::test]
async fn malformed_handshakes() {
    let gateway = swarm_gateway::test().await.unwrap();
    let header = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(4 << 20));
    let headers = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(100_000));
    let path = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(4 << 20));
    let cases: Vec<(&[u8], &str)> = vec![
        (b"", ""),
        (b"\x00\xff\xfe", ""),
        (b"*1\r\n$4\r\nPING\r\n", ""),
        (b"GET / HTTP/1.1\r\nHost: x", ""),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""),
        (b"POST / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", ""),
        (header.as_bytes(), ""),
        (headers.as_bytes(), ""),
        (path.as_bytes(), ""),
    ];
    throw_all(&gateway, gateway.ws_url(), &cases).await;
}

#[tokio::test]
async fn malformed_frames() {
    let gateway = swarm_gateway::test().await.unwrap();
    let length = (1_u64 << 30).to_be_bytes();
    let most = u64::MAX.to_be_bytes();
    for frames in [
        // Announces one GiB, and the maximum length.
        [&[0x82, 0xff], length.as_slice(), b"mask"].concat(),
        [&[0x82, 0xff], most.as_slice(), b"mask"].concat(),
        // Announces a fragment of one GiB.
        [&[0x02, 0xff], length.as_slice(), b"mask"].concat(),
        // Unmasked; reserved bit; reserved opcode; continuation without a start; fragmented ping;
        // invalid UTF-8.
        vec![0x82, 0x01, b'x'],
        frame(0xf2, b"PING"),
        frame(0x83, b"PING"),
        frame(0x80, b"PING"),
        frame(0x09, b"PING"),
        frame(0x81, b"\xff\xfe"),
        // Close frames with half a code and with a forbidden code.
        frame(0x88, b"\x03"),
        frame(0x88, b"\x00\x00"),
        // Truncated frame.
        vec![0x82],
        [&[0x82, 0xff], 100_u64.to_be_bytes().as_slice(), b"maskhalf"].concat(),
        // Endless fragments, each starting a new message.
        frame(0x02, b"x").repeat(1000),
    ] {
        let bytes = upgraded(&[&frames]);
        let cases = [(bytes.as_slice(), "HTTP/1.1 101 ")];
        throw_all(&gateway, gateway.ws_url(), &cases).await;
    }
}

#[tokio::test]
async fn malformed_commands() {
    let gateway = swarm_gateway::test().await.unwrap();
    let deep = "[".repeat(1 << 20);
    let deep_object = "{\"cmd\":".repeat(1 << 16);
    for (payload, expected) in [
        ("*1\r\n$1073741824\r\nabc", "-ERR Protocol error: "),
        ("*1073741824\r\n", "-ERR Protocol error: "),
        ("*2\r\n$3\r\nGET\r\n", "-ERR Protocol error: "),
        ("*1\r\n*1\r\n$4\r\nPING\r\n", "-ERR Protocol error: "),
        ("{", "\"error\":"),
        ("{\"cmd\":7}", "\"error\":"),
        ("{\"cmd\":\"GET\",\"args\":\"k\"}", "\"error\":"),
        ("{\"cmd\":\"GET\",\"args\":[1]}", "\"error\":"),
        ("{\"cmd\":\"GET\",\"args\":[null]}", "\"error\":"),
        ("{\"cmd\":\"GET\",\"args\":[[\"k\"]]}", "\"error\":"),
        ("[\"GET\",7]", "\"error\":"),
        ("[[\"GET\"]]", "\"error\":"),
        (&deep, "\"error\":"),
        (&deep_object, "\"error\":"),
    ] {
        // The message is at fault, not the stream, so the connection continues.
        let frames = [message(payload.as_bytes()), message(b"PING goes-on")].concat();
        let answer = throw_until(gateway.ws_url(), &upgraded(&[&frames]), "goes-on").await;
        let first = &payload[..payload.len().min(50)];
        let is_right = answer.contains(expected) && answer.contains("goes-on");
        assert!(is_right, "{first} was answered {}", answer.escape_debug());
    }
    serves(&gateway).await;
}
