//! Servers that write replies in fragments with Nagle's algorithm cause no delayed acknowledgments.
//!
//! Each stall takes about 40 ms. A failing test takes the forty seconds of all stalls, a passing
//! one a second or two on a busy machine.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use swarm_resp::Request;
use swarm_transport::{
    BoxTransport, Endpoint, PeerIdentity, QuickAck, Scheme, TransportOptions, connector,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use crate::wire::{call, flush, receive, soon, start};

/// Upper bound for all rounds. An idle machine takes a tenth of a second.
const WITHOUT_STALLS: Duration = Duration::from_secs(10);

/// Answers each `GET` with a bulk string in two writes, as SwarmKeyDb's TCP port does.
async fn tcp_in_pieces(mut stream: TcpStream) {
    stream.set_nodelay(false).unwrap();
    let mut requests = [0; 4096];
    while let Ok(1..) = stream.read(&mut requests).await {
        for piece in ["$5\r\n", "value\r\n"] {
            if stream.write_all(piece.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// Answers each message with a separate write, as SwarmKeyDb's WebSocket gateway does.
async fn ws_in_pieces(stream: TcpStream) {
    stream.set_nodelay(false).unwrap();
    let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() {
            let reply = Message::binary(&b"$5\r\nvalue\r\n"[..]);
            if socket.send(reply).await.is_err() {
                return;
            }
        }
    }
}

/// Answers each request with separate writes for head and body.
async fn http_in_pieces(mut stream: TcpStream) {
    const BODY: &str = r#"{"result":"value"}"#;
    stream.set_nodelay(false).unwrap();
    let mut requests = [0; 4096];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", BODY.len());
    while let Ok(1..) = stream.read(&mut requests).await {
        for piece in [&head, BODY] {
            if stream.write_all(piece.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

async fn dial(scheme: &str, options: TransportOptions, server: Option<&str>) -> BoxTransport {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = Endpoint::parse(&format!("{scheme}://127.0.0.1:{port}")).unwrap();
    let scheme = endpoint.scheme();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        match scheme {
            Scheme::Ws => ws_in_pieces(stream).await,
            Scheme::Http => http_in_pieces(stream).await,
            _ => tcp_in_pieces(stream).await,
        }
    });
    let connector = connector(&endpoint, &options).unwrap();
    let mut transport = soon(connector.connect()).await.unwrap();
    if let Some(name) = server {
        transport.peer_identified(&PeerIdentity::new().with_server(name));
    }
    transport
}

async fn sequential(transport: &mut BoxTransport, rounds: usize) -> Duration {
    let begun = Instant::now();
    for _ in 0..rounds {
        let reply = soon(call(transport, Request::new("GET", "k"))).await;
        assert_eq!(reply.unwrap().as_str(), Some("value"));
    }
    begun.elapsed()
}

async fn pipelines(transport: &mut BoxTransport, rounds: usize, length: usize) -> Duration {
    let begun = Instant::now();
    for _ in 0..rounds {
        for _ in 0..length {
            start(transport, Request::new("GET", "k")).await.unwrap();
        }
        flush(transport).await.unwrap();
        for _ in 0..length {
            let reply = soon(receive(transport)).await.unwrap();
            assert_eq!(reply.as_str(), Some("value"));
        }
    }
    begun.elapsed()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_thousand_gets_over_tcp_do_not_stall() {
    let mut transport = dial("redis", TransportOptions::new(), Some("swarmkeydb")).await;
    let took = sequential(&mut transport, 1000).await;
    println!("1,000 sequential GETs over TCP: {took:?}");
    assert!(took < WITHOUT_STALLS, "{took:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hundred_pipelines_over_websocket_do_not_stall() {
    let mut transport = dial("ws", TransportOptions::new(), None).await;
    let took = pipelines(&mut transport, 250, 20).await;
    println!("250 pipelines of 20 over WebSocket: {took:?}");
    assert!(took < WITHOUT_STALLS, "{took:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_thousand_gets_over_http_do_not_stall() {
    let mut transport = dial("http", TransportOptions::new(), None).await;
    let took = sequential(&mut transport, 1000).await;
    println!("1,000 sequential GETs over HTTP: {took:?}");
    assert!(took < WITHOUT_STALLS, "{took:?}");
}

/// Where the socket option is disabled or unsupported, empty pongs trigger the acknowledgments.
#[tokio::test]
async fn pongs_keep_pipelines_over_websocket_from_stalling() {
    let options = TransportOptions::new().quick_ack(QuickAck::Off);
    let mut transport = dial("ws", options, None).await;
    let took = pipelines(&mut transport, 500, 20).await;
    println!("500 pipelines of 20 over WebSocket by pongs: {took:?}");
    assert!(took < WITHOUT_STALLS, "{took:?}");
}

/// Control for the tests above: they would prove nothing if this machine's kernel acknowledged
/// immediately anyway.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn without_acknowledgments_the_same_server_stalls() {
    let mut redis = dial("redis", TransportOptions::new(), Some("redis")).await;
    let options = TransportOptions::new().quick_ack(QuickAck::Off);
    let mut gateway = dial("ws", options, Some("redis")).await;
    let tcp = sequential(&mut redis, 60).await;
    let ws = pipelines(&mut gateway, 60, 20).await;
    println!("60 GETs over TCP: {tcp:?}; 60 pipelines over WebSocket: {ws:?}");
    assert!(tcp > Duration::from_millis(1000), "{tcp:?}");
    assert!(ws > Duration::from_millis(1000), "{ws:?}");
}
