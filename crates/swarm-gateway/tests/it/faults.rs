//! Faults: each shows at the moment asked for, and ends when told.

use std::time::Duration;

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
    let mute = gateway.faults().mute();
    client.send("PING").await;
    assert!(client.is_silent().await);
    let wait = Duration::from_millis(100);
    let connecting = timeout(wait, Client::connect(&gateway)).await;
    assert!(connecting.is_err());
    drop(mute);
    assert_eq!(client.reply().await.as_str(), Some("PONG"));
}
