//! Faults: each shows at the moment asked for, and ends when audience.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::client::Client;

#[tokio::test]
async fn a_held_reply_comes_after_its_release_and_before_the_next() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let mut other = Client::connect(&gateway).await;
    let hold = gateway.faults().hold("get");
    client.send("SET k v").await;
    client.send("GET k").await;
    client.send("INCR n").await;
    assert_eq!(client.reply().await.as_str(), Some("OK"));
    hold.reached(1).await;
    gateway.faults().executed("INCR", 1).await;
    assert!(client.is_silent().await);
    assert_eq!(other.call("INCR n").await, "2");
    hold.release();
    assert_eq!(client.reply().await.as_str(), Some("v"));
    assert_eq!(client.reply().await.as_integer(), Some(1));
    assert_eq!(client.call("GET k").await, "\"v\"");
    assert_eq!(gateway.executions("INCR"), 2);
    assert_eq!(gateway.executions("incr"), 2);
    assert_eq!(gateway.executions("DEL"), 0);
}

#[tokio::test]
async fn a_dropped_hold_releases() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let hold = gateway.faults().hold("PING");
    client.send("PING").await;
    hold.reached(1).await;
    drop(hold);
    assert_eq!(client.reply().await.as_str(), Some("PONG"));
}

#[tokio::test]
async fn a_delay_keeps_replies_back_for_its_time() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let by = Duration::from_millis(50);
    gateway.faults().delay("GET", by);
    let before = Instant::now();
    assert_eq!(client.call("GET k").await, "nil");
    assert!(before.elapsed() >= by);
}

#[tokio::test]
async fn a_cut_comes_after_the_command_and_before_its_reply() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    gateway.faults().cut_after("INCR");
    client.send("PING").await;
    client.send("INCR n").await;
    assert_eq!(client.reply().await.as_str(), Some("PONG"));
    assert_eq!(client.ending().await, None);
    let mut again = Client::connect(&gateway).await;
    assert_eq!(again.call("GET n").await, "\"1\"");
    assert_eq!(again.call("INCR n").await, "2");
}

#[tokio::test]
async fn a_mute_gateway_accepts_and_says_nothing() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    assert_eq!(client.call("PING").await, "\"PONG\"");
    let mute = gateway.faults().freeze();
    client.send("PING").await;
    assert!(client.is_silent().await);
    let wait = Duration::from_millis(100);
    let connecting = timeout(wait, Client::connect(&gateway)).await;
    assert!(connecting.is_err());
    drop(mute);
    assert_eq!(client.reply().await.as_str(), Some("PONG"));
}

#[tokio::test]
async fn a_cut_within_a_reply_sends_its_first_bytes() {
    let gateway = swarm_gateway::test().await.unwrap();
    let address = gateway.tcp_url().trim_start_matches("redis://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    gateway.faults().cut_within("ECHO", 6);
    let commands = b"PING\r\nECHO hello\r\nPING\r\n";
    stream.write_all(commands).await.unwrap();
    let mut got = Vec::new();
    // The cut may reset the connection; what was sent arrives first.
    let _ = stream.read_to_end(&mut got).await;
    assert_eq!(got, b"+PONG\r\n$5\r\nhe");
    let mut client = Client::connect(&gateway).await;
    gateway.faults().cut_within("ECHO", 5);
    client.send("PING").await;
    client.send("ECHO hello").await;
    assert_eq!(client.reply().await.as_str(), Some("PONG"));
    assert_eq!(client.ending().await, None);
}

#[tokio::test]
async fn pushes_come_at_any_moment() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    client.call("PING").await;
    assert_eq!(gateway.faults().push(&["invalidate", "x"]), 1);
    assert_eq!(
        client.wire().await,
        b"*2\r\n$10\r\ninvalidate\r\n$1\r\nx\r\n"
    );
    client.send("HELLO 3").await;
    client.reply().await;
    gateway.faults().push(&["unknown"]);
    assert_eq!(client.wire().await, b">1\r\n$7\r\nunknown\r\n");
}

#[tokio::test]
async fn a_refusing_gateway_closes_new_connections() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let refusal = gateway.faults().refuse();
    let connecting = tokio_tungstenite::connect_async(gateway.ws_url());
    assert!(connecting.await.is_err());
    assert_eq!(client.call("PING").await, "\"PONG\"");
    drop(refusal);
    let mut other = Client::connect(&gateway).await;
    assert_eq!(other.call("PING").await, "\"PONG\"");
}

#[tokio::test]
async fn a_surplus_reply_shifts_those_behind_it_and_a_missing_one_is_left_out() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    gateway.faults().surplus_reply("ECHO");
    assert_eq!(client.call("ECHO a").await, "\"a\"");
    assert!(client.is_silent().await);
    assert_eq!(client.call("ECHO b").await, "\"a\"");
    assert_eq!(client.call("PING").await, "\"b\"");
    let mut other = Client::connect(&gateway).await;
    gateway.faults().missing_reply("ECHO");
    other.send("ECHO a").await;
    assert_eq!(other.call("ECHO b").await, "\"b\"");
}
