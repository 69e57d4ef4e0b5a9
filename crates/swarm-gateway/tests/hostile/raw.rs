//! Raw sockets that send arbitrary bytes.

use std::time::Duration;

use swarm_gateway::Gateway;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Time limit per operation.
const LIMIT: Duration = Duration::from_secs(20);

/// Opening handshake of a WebSocket client.
pub(crate) const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: gateway\r\n\
    Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Returns the host and port of a URL.
pub(crate) fn address(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    rest.trim_end_matches('/')
}

/// Sends bytes, closes the sending half, and returns the response up to the end of the connection.
/// A reset counts as an end.
///
/// Input that begins with [`UPGRADE`] is sent in two parts, because a client sends frames only
/// after the upgrade response.
pub(crate) async fn throw(url: &str, bytes: &[u8]) -> String {
    exchange(url, bytes, None).await
}

/// Sends bytes and returns the response up to `word` or the end of the connection. Closes the
/// sending half only then.
pub(crate) async fn throw_until(url: &str, bytes: &[u8], word: &str) -> String {
    exchange(url, bytes, Some(word.as_bytes())).await
}

async fn exchange(url: &str, bytes: &[u8], until: Option<&[u8]>) -> String {
    let thrown = async {
        let mut stream = TcpStream::connect(address(url)).await.unwrap();
        let mut answer = Vec::new();
        let rest = match bytes.strip_prefix(UPGRADE.as_bytes()) {
            None => bytes,
            Some(rest) => {
                upgrade(&mut stream, &mut answer).await;
                rest
            }
        };
        let (mut reader, mut writer) = stream.into_split();
        let sending = async {
            // The gateway may close before it has read everything.
            let _ = writer.write_all(rest).await;
            if until.is_none() {
                let _ = writer.shutdown().await;
            }
            writer
        };
        let reading = async {
            let is_last = |answer: &[u8]| {
                until.is_some_and(|word| answer.windows(word.len()).any(|part| part == word))
            };
            while !is_last(&answer) && matches!(reader.read_buf(&mut answer).await, Ok(1..)) {}
        };
        let (_writer, ()) = tokio::join!(sending, reading);
        answer
    };
    let answer = timeout(LIMIT, thrown).await;
    let answer = answer.unwrap_or_else(|_| panic!("connection did not end after {}", shown(bytes)));
    String::from_utf8_lossy(&answer).into_owned()
}

/// Upgrades a connection to WebSocket.
pub(crate) async fn upgrade(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    stream.write_all(UPGRADE.as_bytes()).await.unwrap();
    while !answer.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(answer).await.unwrap(), 0, "no WebSocket");
    }
}

/// Sends each input and checks its response; an empty expectation only requires the connection to
/// end.
pub(crate) async fn throw_all(gateway: &Gateway, url: &str, cases: &[(&[u8], &str)]) {
    for (bytes, expected) in cases {
        let answer = match *expected {
            "" => throw(url, bytes).await,
            expected => throw_until(url, bytes, expected).await,
        };
        let (bytes, at) = (shown(bytes), answer.escape_debug());
        assert!(answer.contains(expected), "{bytes} was answered {at}");
        serves(gateway).await;
    }
}

/// Checks that every listener still serves regular clients.
pub(crate) async fn serves(gateway: &Gateway) {
    let tcp = throw(gateway.tcp_url(), b"PING\r\n").await;
    assert_eq!(tcp, "+PONG\r\n");
    let request = b"GET /exists/k HTTP/1.1\r\nHost: gateway\r\n\r\n";
    let http = throw_until(gateway.http_url(), request, "result").await;
    assert!(http.starts_with("HTTP/1.1 200 "), "{http}");
    let ws = throw_until(gateway.ws_url(), &upgraded(&[&message(b"PING")]), "+PONG").await;
    assert!(ws.contains("+PONG"), "{ws}");
}

/// Returns the bytes of a WebSocket connection: the upgrade and the given frames.
pub(crate) fn upgraded(frames: &[&[u8]]) -> Vec<u8> {
    [UPGRADE.as_bytes(), &frames.concat()].concat()
}

/// Returns a Binary message masked with zeros.
pub(crate) fn message(payload: &[u8]) -> Vec<u8> {
    frame(0x82, payload)
}

/// Returns a frame with the given first byte, masked with zeros.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = match payload.len() {
        short @ 0..126 => vec![0x80 | u8::try_from(short).unwrap()],
        middle @ 126..65536 => {
            let length = u16::try_from(middle).unwrap().to_be_bytes();
            [&[0xfe], length.as_slice()].concat()
        }
        long => {
            let length = u64::try_from(long).unwrap().to_be_bytes();
            [&[0xff], length.as_slice()].concat()
        }
    };
    [&[first], length.as_slice(), &[0; 4], payload].concat()
}

fn shown(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(300)];
    format!("{} bytes, {}", bytes.len(), start.escape_ascii())
}
