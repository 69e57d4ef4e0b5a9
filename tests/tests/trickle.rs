//! A slow server is not mistaken for a dead one.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use swarm_keydb::{Client, ClientOptions};
use swarm_resp::Decoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Rejects the handshake's commands, sends the reply to GET slowly, and answers the rest.
async fn serve(mut stream: TcpStream) {
    let (mut input, mut decoder) = (BytesMut::new(), Decoder::new());
    while let Ok(1..) = stream.read_buf(&mut input).await {
        while let Some(command) = decoder.decode(&mut input).unwrap() {
            let words: Vec<String> = command.convert().unwrap();
            if words[0] == "GET" {
                for byte in b"$21\r\nslow and yet alive...\r\n" {
                    tokio::time::sleep(Duration::from_millis(40)).await;
                    if stream.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                }
                continue;
            }
            let reply: &[u8] = match words[0].as_str() {
                "INCR" => b":1\r\n",
                _ => b"-ERR not here\r\n",
            };
            if stream.write_all(reply).await.is_err() {
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_reply_that_trickles_in_does_not_cost_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let connections = tokio::spawn(async move {
        let mut count = 0;
        while let Ok((stream, _)) = listener.accept().await {
            count += 1;
            assert_eq!(count, 1, "the connection was given up");
            tokio::spawn(serve(stream));
        }
    });
    let options = ClientOptions::new(url).inactivity_timeout(Duration::from_millis(250));
    let client = Client::connect(options).await.unwrap();
    let start = Instant::now();
    let slow = client.get("large").timeout(Duration::from_millis(50));
    assert!(slow.await.unwrap_err().is_timeout());
    // The reply to the first command takes longer than the silence limit.
    let next = client.incr("n").timeout(Duration::from_secs(30)).await;
    assert_eq!(next.unwrap(), 1);
    assert!(start.elapsed() > Duration::from_millis(600));
    assert!(!connections.is_finished());
}
