//! Sockets without manners.

use std::time::Duration;

use swarm_gateway::Gateway;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long anything may take. Far longer than it does.
const LIMIT: Duration = Duration::from_secs(20);

/// What a WebSocket client says first.
pub(crate) const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Host and port of a door's address.
pub(crate) fn address(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    rest.trim_end_matches('/')
}

/// Sends bytes, hangs up, and returns what came until the gateway closed too. A connection that is reset has ended.
///
/// What begins with [`UPGRADE`] is sent in two steps: a client speaks WebSocket only when it is told that it may.
pub(crate) async fn throw(url: &str, bytes: &[u8]) -> String {
    exchange(url, bytes, None).await
}

/// Sends bytes and returns what came until a word came or the gateway closed; hangs up only then.
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
            // The gateway may close before it has heard all.
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
    let answer = answer.unwrap_or_else(|_| panic!("no end to {}", shown(bytes)));
    String::from_utf8_lossy(&answer).into_owned()
}

/// Makes a WebSocket of a connection.
pub(crate) async fn upgrade(stream: &mut TcpStream, answer: &mut Vec<u8>) {
    stream.write_all(UPGRADE.as_bytes()).await.unwrap();
    while !answer.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(answer).await.unwrap(), 0, "no WebSocket");
    }
}

/// Throws each of some bytes, which must be answered so or just by the end where nothing is expected.
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

/// Fails unless every door answers an honest client.
pub(crate) async fn serves(gateway: &Gateway) {
    let tcp = throw(gateway.tcp_url(), b"PING\r\n").await;
    assert_eq!(tcp, "+PONG\r\n");
    let request = b"GET /exists/k HTTP/1.1\r\nHost: gateway\r\n\r\n";
    let http = throw_until(gateway.http_url(), request, "result").await;
    assert!(http.starts_with("HTTP/1.1 200 "), "{http}");
    let ws = throw_until(gateway.ws_url(), &upgraded(&[&message(b"PING")]), "+PONG").await;
    assert!(ws.contains("+PONG"), "{ws}");
}

/// A WebSocket connection's bytes: the upgrade, then what follows it.
pub(crate) fn upgraded(frames: &[&[u8]]) -> Vec<u8> {
    [UPGRADE.as_bytes(), &frames.concat()].concat()
}

/// A Binary message, masked by zeros.
pub(crate) fn message(payload: &[u8]) -> Vec<u8> {
    frame(0x82, payload)
}

/// A frame with a first byte of any kind, masked by zeros.
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
