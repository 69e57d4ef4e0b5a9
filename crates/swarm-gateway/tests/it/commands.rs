//! Commands of the embedded store, with the replies of Redis 7.

use std::time::Duration;

use swarm_gateway::{Clock, Gateway};

use crate::client::Client;

/// Sends each command and compares its reply.
async fn transcript(client: &mut Client, lines: &[(&str, &str)]) {
    for (line, expected) in lines {
        assert_eq!(client.call(line).await, *expected, "{line}");
    }
}

#[tokio::test]
async fn strings() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    transcript(
        &mut client,
        &[
            ("PING", "\"PONG\""),
            ("ping hello", "\"hello\""),
            (
                "PING a b",
                "-ERR wrong number of arguments for 'ping' command",
            ),
            ("ECHO hi", "\"hi\""),
            ("GET k", "nil"),
            ("SET k v", "\"OK\""),
            ("GET k", "\"v\""),
            ("SET k w NX", "nil"),
            ("SET k w XX", "\"OK\""),
            ("SET k x GET", "\"w\""),
            ("SET new x NX GET", "nil"),
            ("SET new y NX GET", "\"x\""),
            ("SET k x NX XX", "-ERR syntax error"),
            ("SET k x EX 1 PX 1", "-ERR syntax error"),
            ("SET k x EX 1 KEEPTTL", "-ERR syntax error"),
            ("SET k x EX", "-ERR syntax error"),
            ("SET k x EX 0", "-ERR invalid expire time in 'set' command"),
            (
                "SET k x EX 9223372036854775807",
                "-ERR invalid expire time in 'set' command",
            ),
            (
                "SET k x EX 1.5",
                "-ERR value is not an integer or out of range",
            ),
            ("MSET a 1 b 2", "\"OK\""),
            (
                "MSET a 1 b",
                "-ERR wrong number of arguments for 'mset' command",
            ),
            ("MGET a none b", "[\"1\", nil, \"2\"]"),
            ("EXISTS a a none", "2"),
            ("DEL a b none", "2"),
            ("EXISTS a b", "0"),
            ("GET", "-ERR wrong number of arguments for 'get' command"),
            (
                "NOSUCH a b",
                "-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' ",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn counters() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    transcript(
        &mut client,
        &[
            ("INCR n", "1"),
            ("INCRBY n 41", "42"),
            ("DECR n", "41"),
            ("DECRBY n 40", "1"),
            ("GET n", "\"1\""),
            ("INCRBY n x", "-ERR value is not an integer or out of range"),
            ("SET n 9223372036854775807", "\"OK\""),
            ("INCR n", "-ERR increment or decrement would overflow"),
            (
                "DECRBY n -9223372036854775808",
                "-ERR decrement would overflow",
            ),
            ("SET n 010", "\"OK\""),
            ("INCR n", "-ERR value is not an integer or out of range"),
        ],
    )
    .await;
}

#[tokio::test]
async fn keys_expire_by_the_manual_clock() {
    let clock = Clock::manual();
    let gateway = Gateway::builder()
        .clock(clock.clone())
        .start()
        .await
        .unwrap();
    let mut client = Client::connect(&gateway).await;
    transcript(
        &mut client,
        &[
            ("TTL k", "-2"),
            ("EXPIRE k 10", "0"),
            ("SET k v EX 10", "\"OK\""),
            ("PTTL k", "10000"),
            ("SET k w KEEPTTL", "\"OK\""),
            ("TTL k", "10"),
            ("EXPIRE k 5 GT", "0"),
            ("EXPIRE k 5 LT", "1"),
            ("EXPIRE k 20 NX", "0"),
            ("PEXPIRE k 1500 XX", "1"),
            ("TTL k", "2"),
            (
                "EXPIRE k 1 NX XX",
                "-ERR NX and XX, GT or LT options at the same time are not compatible",
            ),
            ("EXPIRE k 1 SOON", "-ERR Unsupported option SOON"),
            (
                "EXPIRE k 9223372036854775807",
                "-ERR invalid expire time in 'expire' command",
            ),
        ],
    )
    .await;
    clock.advance(Duration::from_millis(1499));
    transcript(&mut client, &[("PTTL k", "1"), ("GET k", "\"w\"")]).await;
    clock.advance(Duration::from_millis(1));
    transcript(
        &mut client,
        &[
            ("GET k", "nil"),
            ("PTTL k", "-2"),
            ("SET k v EX 10", "\"OK\""),
            ("PERSIST k", "1"),
            ("PERSIST k", "0"),
            ("TTL k", "-1"),
            ("SET k v PX 10", "\"OK\""),
            ("SET k v", "\"OK\""),
            ("TTL k", "-1"),
            ("EXPIRE k -1", "1"),
            ("EXISTS k", "0"),
        ],
    )
    .await;
}

#[tokio::test]
async fn values_are_binary_safe() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let all: Vec<u8> = (0..=255).collect();
    let set = swarm_resp::Request::new("SET", ("k", &all));
    client.send_bytes(set.encoded()).await;
    assert_eq!(client.reply().await.as_str(), Some("OK"));
    client.send("GET k").await;
    assert_eq!(client.reply().await.as_bytes(), Some(all.as_slice()));
}

#[tokio::test]
async fn random_keys_are_equally_likely() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    client.call("SET a 1").await;
    // Keys that are gone leave no trace in the probabilities.
    for _ in 0..500 {
        client.call("SET gone 1").await;
        client.call("DEL gone").await;
    }
    client.call("SET b 1").await;
    let mut found = 0;
    for _ in 0..300 {
        found += usize::from(client.call("RANDOMKEY").await == "\"a\"");
    }
    assert!((75..=225).contains(&found), "{found} of 300");
}

#[tokio::test]
async fn approximate_trimming_removes_whole_nodes() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let set = "CONFIG SET stream-node-max-entries";
    transcript(&mut client, &[(&format!("{set} 3"), "\"OK\"")]).await;
    for id in 1..=10 {
        client.call(&format!("XADD s {id}-0 f v")).await;
    }
    transcript(
        &mut client,
        &[
            ("XTRIM s MAXLEN ~ 8", "0"),
            ("XTRIM s MAXLEN ~ 7", "3"),
            // A node would exceed the limit.
            ("XTRIM s MAXLEN ~ 0 LIMIT 2", "0"),
            ("XTRIM s MINID ~ 7", "3"),
            ("XDEL s 8-0", "1"),
            // Deleted entries keep their place in the node.
            ("XADD s 11-0 f v", "\"11-0\""),
            ("XADD s 12-0 f v", "\"12-0\""),
            ("XADD s MAXLEN ~ 3 13-0 f v", "\"13-0\""),
            ("XLEN s", "4"),
            ("XTRIM s MAXLEN ~ 0 LIMIT 0", "4"),
        ],
    )
    .await;
}

#[tokio::test]
async fn nodes_are_full_after_4096_bytes() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    for (length, in_a_node) in [(1350, "3"), (1353, "2")] {
        client.call("DEL s").await;
        let value = "x".repeat(length);
        for id in 1..=4 {
            client.call(&format!("XADD s {id}-0 f {value}")).await;
        }
        transcript(&mut client, &[("XTRIM s MAXLEN ~ 0 LIMIT 3", in_a_node)]).await;
    }
}

#[tokio::test]
async fn invalid_settings_are_refused() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    transcript(
        &mut client,
        &[
            (
                "CONFIG SET maxmemory abc",
                "-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument \
                 must be a memory value",
            ),
            // All or nothing.
            (
                "CONFIG SET maxmemory 5 timeout x",
                "-ERR CONFIG SET failed (possibly related to argument 'timeout') - argument \
                 couldn't be parsed into an integer",
            ),
            ("CONFIG GET maxmemory", "[\"maxmemory\", \"0\"]"),
            ("CONFIG SET MAXMEMORY 1kb", "\"OK\""),
            ("CONFIG GET maxmemory", "[\"maxmemory\", \"1024\"]"),
        ],
    )
    .await;
}

/// A key that expires wakes the consumers that wait for it, also if its deadline is set later.
#[tokio::test]
async fn an_expired_stream_ends_the_wait_for_it() {
    let clock = Clock::manual();
    let gateway = Gateway::builder().clock(clock.clone());
    let gateway = gateway.start().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    for later in [false, true] {
        let mut reader = Client::connect(&gateway).await;
        client.call("XGROUP CREATE s g $ MKSTREAM").await;
        if !later {
            client.call("PEXPIRE s 1000").await;
        }
        reader
            .send("XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
            .await;
        loop {
            client.send("INFO clients").await;
            let info = client.reply().await;
            if info.as_str().unwrap().contains("blocked_clients:1") {
                break;
            }
        }
        if later {
            client.call("PEXPIRE s 1000").await;
        }
        clock.advance(Duration::from_secs(1));
        let reply = reader.reply().await.to_string();
        assert!(reply.contains("UNBLOCKED"), "{reply}");
    }
}
