//! Reset of idle HTTP connections, as on the deployed server.

use std::io::ErrorKind;
use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, Quirk};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, advance, pause, resume};

async fn start() -> Gateway {
    let dialect = Dialect::UPSTREAM.without(Quirk::WriteQueue);
    Gateway::builder().dialect(dialect).start().await.unwrap()
}

/// Connects, and waits until the gateway has accepted the connection.
async fn connect(gateway: &Gateway) -> TcpStream {
    let address = gateway.http_url().trim_start_matches("http://");
    let stream = TcpStream::connect(address.trim_end_matches('/'))
        .await
        .unwrap();
    let local = stream.local_addr().unwrap();
    while !(gateway.connections().iter()).any(|open| open.remote() == Some(local)) {
        tokio::task::yield_now().await;
    }
    stream
}

async fn request(stream: &mut TcpStream) {
    let request = b"GET /get/k HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(br#"{"result":null}"#) {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
    }
}

/// Waits until the connection is reset. Returns how long that takes.
async fn reset_after(stream: &mut TcpStream) -> u64 {
    pause();
    let start = Instant::now();
    let end = stream.read_u8().await.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
    let seconds = start.elapsed().as_secs();
    resume();
    seconds
}

#[tokio::test]
async fn an_idle_connection_is_reset_fifteen_seconds_after_an_answer() {
    let gateway = start().await;
    let mut stream = connect(&gateway).await;
    request(&mut stream).await;
    pause();
    advance(Duration::from_secs(14)).await;
    resume();
    request(&mut stream).await;
    assert!(matches!(reset_after(&mut stream).await, 14..=15));
}

#[tokio::test]
async fn a_connection_without_a_request_is_reset_after_ninety_seconds() {
    let gateway = start().await;
    let mut stream = connect(&gateway).await;
    assert!(matches!(reset_after(&mut stream).await, 89..=90));
}

#[tokio::test]
async fn a_request_that_takes_long_is_answered() {
    let gateway = start().await;
    let mut stream = connect(&gateway).await;
    let hold = gateway.faults().hold("GET");
    let request = b"GET /get/k HTTP/1.1\r\nhost: x\r\n\r\n";
    stream.write_all(request).await.unwrap();
    hold.reached(1).await;
    pause();
    advance(Duration::from_secs(200)).await;
    resume();
    hold.release();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}
