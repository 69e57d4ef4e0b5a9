//! TCP listener: RESP as used by Redis clients.

use std::time::Duration;

use swarm_gateway::Gateway;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

async fn connect(gateway: &Gateway) -> TcpStream {
    let address = gateway.tcp_url().trim_start_matches("redis://");
    TcpStream::connect(address).await.unwrap()
}

/// Sends bytes and compares the response.
async fn exchange(stream: &mut TcpStream, send: &[u8], expected: &[u8]) {
    stream.write_all(send).await.unwrap();
    let mut got = vec![0; expected.len()];
    timeout(Duration::from_secs(10), stream.read_exact(&mut got))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&got),
        String::from_utf8_lossy(expected)
    );
}

/// Returns everything up to the end of the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    timeout(Duration::from_secs(10), stream.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8(rest).unwrap()
}

#[tokio::test]
async fn commands_split_at_any_byte() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut stream = connect(&gateway).await;
    let commands = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na\r\n\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n\
                     ECHO inline\r\n\r\n*1\r\n$4\r\nPING\r\n";
    let replies = b"+OK\r\n$3\r\na\r\n\r\n$6\r\ninline\r\n+PONG\r\n";
    exchange(&mut stream, commands, replies).await;
    for byte in commands {
        stream.write_all(&[*byte]).await.unwrap();
    }
    exchange(&mut stream, b"", replies).await;
}

#[tokio::test]
async fn half_closed_connections_are_served() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut stream = connect(&gateway).await;
    stream.write_all(&b"INCR n\r\n".repeat(1000)).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(rest(&mut stream).await.ends_with(":999\r\n:1000\r\n"));
}

/// An entry is added at the moment when a blocking read times out. The read still replies exactly
/// once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_times_out_while_served_replies_once() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut reader = connect(&gateway).await;
    exchange(&mut reader, b"XGROUP CREATE s g 0 MKSTREAM\r\n", b"+OK\r\n").await;
    let mut writer = connect(&gateway).await;
    let writing = tokio::spawn(async move {
        let mut id = [0; 64];
        while writer.write_all(b"XADD s * f v\r\n").await.is_ok() {
            if writer.read(&mut id).await.unwrap_or(0) == 0 {
                return;
            }
            // Close to the timeout of the read, so that some iterations hit the race.
            tokio::time::sleep(Duration::from_micros(fastrand::u64(0..3_000))).await;
        }
    });
    let mut reader = tokio::io::BufReader::new(reader);
    for number in 0..2_000 {
        let read =
            format!("XREADGROUP GROUP g c COUNT 1 BLOCK 1 STREAMS s >\r\nECHO {number}-end\r\n");
        reader.get_mut().write_all(read.as_bytes()).await.unwrap();
        let mut lines = Vec::new();
        let echo = format!("{number}-end");
        while lines.last() != Some(&echo) {
            let mut line = String::new();
            let read = reader.read_line(&mut line);
            timeout(Duration::from_secs(10), read)
                .await
                .unwrap()
                .unwrap();
            lines.push(line.trim_end().to_owned());
        }
        assert!(
            matches!(lines[0].as_str(), "*-1" | "*1"),
            "{number}: {lines:?}"
        );
    }
    drop(gateway);
    writing.await.unwrap();
}

#[tokio::test]
async fn malformed_input_ends_the_connection() {
    let gateway = swarm_gateway::test().await.unwrap();
    for garbage in [
        &b"*1\r\n$1073741824\r\n"[..],
        b"*1073741824\r\n",
        b"*x\r\n",
        b"*1\r\n:1\r\n",
        b"*1\r\n$3\r\nGETx\r\n",
        &[b'x'; 100_000],
    ] {
        let mut stream = connect(&gateway).await;
        stream.write_all(garbage).await.unwrap();
        let reply = rest(&mut stream).await;
        assert!(reply.starts_with("-ERR Protocol error: "), "{reply}");
    }
}

/// A web page can send an HTTP request with any body to any port. The commands in it must not run.
#[tokio::test]
async fn http_requests_run_nothing() {
    let gateway = swarm_gateway::test().await.unwrap();
    for request in [
        &b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nSET k v\r\n"[..],
        b"post\r\nSET k v\r\n",
        b"PUT / HTTP/1.1\r\nhost: localhost:6379\r\n\r\nSET k v\r\n",
        b"*1\r\n$4\r\nPost\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
    ] {
        let mut stream = connect(&gateway).await;
        stream.write_all(request).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(!answer.contains("OK"), "{answer}");
        let mut stream = connect(&gateway).await;
        exchange(&mut stream, b"EXISTS k\r\n", b":0\r\n").await;
    }
    // Commands ahead of the request have run, and arguments may have any text.
    let mut stream = connect(&gateway).await;
    stream
        .write_all(b"SET POST Host:\r\nPOST\r\nGET POST\r\n")
        .await
        .unwrap();
    assert_eq!(rest(&mut stream).await, "+OK\r\n");
}

#[tokio::test]
async fn authentication_as_in_redis() {
    let gateway = Gateway::builder().password("secret").start().await.unwrap();
    let mut stream = connect(&gateway).await;
    exchange(
        &mut stream,
        b"PING\r\n",
        b"-NOAUTH Authentication required.\r\n",
    )
    .await;
    exchange(&mut stream, b"HELLO 3\r\n", b"-NOAUTH HELLO must be called").await;
    let mut stream = connect(&gateway).await;
    exchange(&mut stream, b"AUTH other secret\r\n", b"-WRONGPASS ").await;
    let mut stream = connect(&gateway).await;
    exchange(
        &mut stream,
        b"AUTH default secret\r\nPING\r\n",
        b"+OK\r\n+PONG\r\n",
    )
    .await;
    exchange(&mut stream, b"RESET\r\nPING\r\n", b"+RESET\r\n-NOAUTH ").await;
    let mut stream = connect(&gateway).await;
    let hello = b"HELLO 3 AUTH default secret SETNAME me\r\n";
    exchange(&mut stream, hello, b"%7\r\n$6\r\nserver\r\n").await;
}

#[tokio::test]
async fn many_large_replies_reach_a_slow_reader() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut stream = connect(&gateway).await;
    let value = "v".repeat(100_000);
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n{value}\r\n");
    exchange(&mut stream, set.as_bytes(), b"+OK\r\n").await;
    let (mut reader, mut writer) = stream.into_split();
    let sending = tokio::spawn(async move {
        writer.write_all(&b"GET k\r\n".repeat(500)).await.unwrap();
        writer.shutdown().await.unwrap();
        writer
    });
    gateway.faults().executed("GET", 2).await;
    let mut got = Vec::new();
    reader.read_to_end(&mut got).await.unwrap();
    assert_eq!(got.len(), 500 * (100_000 + 11));
    sending.await.unwrap();
}
