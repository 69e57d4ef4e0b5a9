//! Fault injection: each fault takes effect at the requested moment and ends when released.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::client::Client;

#[tokio::test]
async fn a_held_reply_keeps_its_order() {
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
async fn dropping_a_hold_releases_replies() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let hold = gateway.faults().hold("PING");
    client.send("PING").await;
    hold.reached(1).await;
    drop(hold);
    assert_eq!(client.reply().await.as_str(), Some("PONG"));
}

#[tokio::test]
async fn delay_delays_replies() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let by = Duration::from_millis(50);
    gateway.faults().delay("GET", by);
    let before = Instant::now();
    assert_eq!(client.call("GET k").await, "nil");
    assert!(before.elapsed() >= by);
}

#[tokio::test]
async fn cut_after_runs_the_command_but_sends_no_reply() {
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
async fn a_frozen_gateway_accepts_but_never_answers() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    assert_eq!(client.call("PING").await, "\"PONG\"");
    let freeze = gateway.faults().freeze();
    client.send("PING").await;
    assert!(client.is_silent().await);
    let wait = Duration::from_millis(100);
    let connecting = timeout(wait, Client::connect(&gateway)).await;
    assert!(connecting.is_err());
    drop(freeze);
    assert_eq!(client.reply().await.as_str(), Some("PONG"));
}

#[tokio::test]
async fn cut_within_sends_the_first_bytes() {
    let gateway = swarm_gateway::test().await.unwrap();
    let address = gateway.tcp_url().trim_start_matches("redis://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    gateway.faults().cut_within("ECHO", 6);
    let commands = b"PING\r\nECHO hello\r\nPING\r\n";
    stream.write_all(commands).await.unwrap();
    let mut got = Vec::new();
    // The cut may reset the connection, but data that was sent arrives first.
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
async fn pushes_arrive_at_any_time() {
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
async fn refuse_closes_new_connections() {
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
async fn surplus_and_missing_replies_shift_later_ones() {
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
