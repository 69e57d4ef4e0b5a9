//! MULTI, EXEC, and WATCH.

use std::time::Duration;

use swarm_gateway::{Clock, Gateway};

use crate::client::Client;

#[tokio::test]
async fn commands_run_atomically() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let mut other = Client::connect(&gateway).await;
    assert_eq!(client.call("MULTI").await, "\"OK\"");
    assert_eq!(client.call("SET k v").await, "\"QUEUED\"");
    assert_eq!(client.call("INCR k").await, "\"QUEUED\"");
    assert_eq!(client.call("GET k").await, "\"QUEUED\"");
    assert_eq!(other.call("GET k").await, "nil");
    assert_eq!(gateway.executions("SET"), 0);
    let replies = client.call("EXEC").await;
    assert_eq!(
        replies,
        "[\"OK\", (error) ERR value is not an integer or out of range, \"v\"]"
    );
    assert_eq!(gateway.executions("SET"), 1);
    assert_eq!(client.call("EXEC").await, "-ERR EXEC without MULTI");
}

#[tokio::test]
async fn a_rejected_command_aborts_the_transaction() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let abort = "-EXECABORT Transaction discarded because of previous errors.";
    for bad in ["NOSUCH", "GET", "SUBSCRIBE", "AUTH"] {
        client.call("MULTI").await;
        assert!(client.call(bad).await.starts_with("-ERR "));
        assert_eq!(client.call("SET k v").await, "\"QUEUED\"");
        assert_eq!(client.call("EXEC").await, abort, "{bad}");
    }
    client.call("MULTI").await;
    assert_eq!(
        client.call("MULTI").await,
        "-ERR MULTI calls can not be nested"
    );
    assert_eq!(
        client.call("WATCH k").await,
        "-ERR WATCH inside MULTI is not allowed"
    );
    assert_eq!(client.call("DISCARD").await, "\"OK\"");
    assert_eq!(client.call("DISCARD").await, "-ERR DISCARD without MULTI");
    assert_eq!(client.call("GET k").await, "nil");
}

#[tokio::test]
async fn exec_fails_if_a_watched_key_changed() {
    let clock = Clock::manual();
    let gateway = Gateway::builder()
        .clock(clock.clone())
        .start()
        .await
        .unwrap();
    let mut client = Client::connect(&gateway).await;
    let mut other = Client::connect(&gateway).await;
    for (change, applies) in [
        ("GET k", true),
        ("SET other v", true),
        ("SET k v", false),
        ("SET k v PX 1000", false),
        ("PERSIST k", false),
        ("EXPIRE k 1", false),
        ("DEL k", false),
        ("DEL k", true),
    ] {
        client.call("WATCH k").await;
        other.call(change).await;
        client.call("MULTI").await;
        client.call("PING").await;
        client.send("EXEC").await;
        assert_eq!(!client.reply().await.is_null(), applies, "{change}");
    }
    client.call("SET k v PX 1000").await;
    client.call("WATCH k").await;
    clock.advance(Duration::from_secs(1));
    client.call("MULTI").await;
    client.send("EXEC").await;
    assert_eq!(client.wire().await, b"*-1\r\n");
    // EXEC ends a watch, and so does UNWATCH.
    client.call("WATCH k").await;
    client.call("UNWATCH").await;
    other.call("SET k v").await;
    client.call("MULTI").await;
    assert_eq!(client.call("EXEC").await, "[]");
}

/// HELLO in a transaction changes how the replies behind it are encoded.
#[tokio::test]
async fn hello_in_a_transaction() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    client.call("HSET h f v").await;
    client.call("MULTI").await;
    for command in ["HGETALL h", "HELLO 3", "HGETALL h"] {
        assert_eq!(client.call(command).await, "\"QUEUED\"");
    }
    client.send("EXEC").await;
    let wire = client.wire().await;
    let (before, after) = (
        &b"*3\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n%7\r\n"[..],
        b"%1\r\n$1\r\nf\r\n$1\r\nv\r\n",
    );
    assert!(wire.starts_with(before), "{}", wire.escape_ascii());
    assert!(wire.ends_with(after), "{}", wire.escape_ascii());
}
