//! Behavior shared by the embedded store and a real Redis, over WebSocket and TCP.

use swarm_gateway::Gateway;
use swarm_resp::Request;

use crate::client::show;
use crate::peer::{Listener, Peer};
use crate::redis::RedisServer;

/// A gateway in front of an empty store.
pub(crate) struct Ground {
    pub(crate) gateway: Gateway,
    pub(crate) redis: Option<RedisServer>,
    pub(crate) listener: Listener,
    name: &'static str,
}

impl Ground {
    pub(crate) async fn peer(&self) -> Peer {
        Peer::connect(&self.gateway, self.listener).await
    }
}

/// Returns a gateway in front of Redis if redis-server is installed.
pub(crate) async fn over_redis(listener: Listener) -> Option<Ground> {
    let redis = RedisServer::start(&[])?;
    let builder = Gateway::builder().redis(format!("redis://{}", redis.address()));
    Some(Ground {
        gateway: builder.start().await.unwrap(),
        redis: Some(redis),
        listener,
        name: "redis",
    })
}

async fn grounds() -> Vec<Ground> {
    let mut grounds = Vec::new();
    for listener in [Listener::Ws, Listener::Tcp] {
        grounds.push(Ground {
            gateway: swarm_gateway::test().await.unwrap(),
            redis: None,
            listener,
            name: "memory",
        });
        grounds.extend(over_redis(listener).await);
    }
    grounds
}

/// Runs `line => reply` pairs on numbered connections, on every backend and with both protocols.
async fn transcript(lines: &[(usize, &str, &str)]) {
    for ground in grounds().await {
        for protocol in ["2", "3"] {
            let mut peers = [ground.peer().await, ground.peer().await];
            for peer in &mut peers {
                peer.send(&format!("HELLO {protocol}")).await;
                assert!(peer.reply().await.items().is_some());
            }
            peers[0].call("FLUSHALL").await;
            for (peer, line, expected) in lines {
                let reply = peers[*peer].call(line).await;
                let at = format!("{} {:?} {protocol}: {line}", ground.name, ground.listener);
                assert_eq!(reply, *expected, "{at}");
            }
        }
    }
}

#[tokio::test]
async fn strings_and_keys() {
    transcript(&[
        (0, "PING", "\"PONG\""),
        (0, "SET k v EX 100", "\"OK\""),
        (1, "GET k", "\"v\""),
        (1, "TTL k", "100"),
        (0, "SET k w NX", "nil"),
        (0, "INCRBY n 5", "5"),
        (0, "INCR k", "-ERR value is not an integer or out of range"),
        (0, "GET none", "nil"),
        (0, "MGET k none n", "[\"v\", nil, \"5\"]"),
        (0, "TYPE k", "\"string\""),
        (
            0,
            "XADD k * f v",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        ),
        (0, "GET", "-ERR wrong number of arguments for 'get' command"),
        (
            0,
            "NOSUCH a",
            "-ERR unknown command 'NOSUCH', with args beginning with: 'a' ",
        ),
        (0, "DEL k n none", "2"),
    ])
    .await;
}

#[tokio::test]
async fn transactions() {
    transcript(&[
        (0, "MULTI", "\"OK\""),
        (0, "GET", "-ERR wrong number of arguments for 'get' command"),
        (
            0,
            "EXEC",
            "-EXECABORT Transaction discarded because of previous errors.",
        ),
        (0, "MULTI", "\"OK\""),
        (0, "SET k 1", "\"QUEUED\""),
        (0, "INCR k", "\"QUEUED\""),
        (1, "GET k", "nil"),
        (0, "EXEC", "[\"OK\", 2]"),
        (0, "EXEC", "-ERR EXEC without MULTI"),
        (0, "MULTI", "\"OK\""),
        (
            0,
            "NOSUCH a",
            "-ERR unknown command 'NOSUCH', with args beginning with: 'a' ",
        ),
        (0, "SET k 9", "\"QUEUED\""),
        (
            0,
            "EXEC",
            "-EXECABORT Transaction discarded because of previous errors.",
        ),
        (0, "WATCH k", "\"OK\""),
        (1, "SET k 5", "\"OK\""),
        (0, "MULTI", "\"OK\""),
        (0, "SET k 6", "\"QUEUED\""),
        (0, "EXEC", "nil"),
        (0, "GET k", "\"5\""),
        (0, "MULTI", "\"OK\""),
        (0, "DISCARD", "\"OK\""),
        (0, "PING", "\"PONG\""),
    ])
    .await;
}

#[tokio::test]
async fn streams() {
    transcript(&[
        (0, "XADD s 1-1 f v", "\"1-1\""),
        (
            0,
            "XADD s 1-1 f v",
            "-ERR The ID specified in XADD is equal or smaller than the target stream top item",
        ),
        (0, "XRANGE s - +", "[[\"1-1\", [\"f\", \"v\"]]]"),
        (0, "XGROUP CREATE s g 0", "\"OK\""),
        (
            0,
            "XGROUP CREATE s g 0",
            "-BUSYGROUP Consumer Group name already exists",
        ),
        (1, "XACK s g 1-1", "0"),
        (1, "XREAD COUNT 1 BLOCK 1 STREAMS s 1-1", "nil"),
    ])
    .await;
}

#[tokio::test]
async fn binary_values() {
    let value: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for ground in grounds().await {
        let mut peer = ground.peer().await;
        peer.request(&Request::new("SET", ("k", value.as_slice())))
            .await;
        assert_eq!(peer.reply().await.as_str(), Some("OK"));
        peer.send("GET k").await;
        assert_eq!(peer.reply().await.as_bytes(), Some(value.as_slice()));
    }
}

#[tokio::test]
async fn a_blocked_read_is_served_by_another_client() {
    for ground in grounds().await {
        let (mut reader, mut writer) = (ground.peer().await, ground.peer().await);
        reader.send("XREAD BLOCK 0 STREAMS s $").await;
        reader.send("PING").await;
        // A blocked read cannot be observed, so entries are written until one is read.
        let writing = async {
            loop {
                writer.call("XADD s * f v").await;
                tokio::task::yield_now().await;
            }
        };
        let entry = tokio::select! {
            entry = reader.reply() => entry,
            () = writing => unreachable!(),
        };
        assert!(entry.to_string().ends_with("[\"f\", \"v\"]]]]]"), "{entry}");
        assert_eq!(show(&reader.reply().await), "\"PONG\"");
    }
}

#[tokio::test]
async fn channels() {
    for ground in grounds().await {
        for protocol in ["2", "3"] {
            let (mut listener, mut speaker) = (ground.peer().await, ground.peer().await);
            listener.send(&format!("HELLO {protocol}")).await;
            listener.reply().await;
            listener.send("SUBSCRIBE a b").await;
            for expected in ["[\"subscribe\", \"a\", 1]", "[\"subscribe\", \"b\", 2]"] {
                assert_eq!(heard(&mut listener).await, expected);
            }
            assert_eq!(
                told(&mut listener, "PSUBSCRIBE c*").await,
                "[\"psubscribe\", \"c*\", 3]"
            );
            assert_eq!(speaker.call("PUBLISH a hi").await, "1");
            let message = listener.reply().await;
            assert_eq!(
                message.to_string().trim_start_matches('>'),
                "[\"message\", \"a\", \"hi\"]"
            );
            assert_eq!(message.is_push(), protocol == "3");
            assert_eq!(speaker.call("PUBLISH cd hi").await, "1");
            let of_pattern = heard(&mut listener).await;
            assert_eq!(of_pattern, "[\"pmessage\", \"c*\", \"cd\", \"hi\"]");
            let (pong, get) = match protocol {
                "2" => ("[\"pong\", \"\"]", "-ERR Can't execute 'get'"),
                _ => ("\"PONG\"", "nil"),
            };
            assert_eq!(listener.call("PING").await, pong);
            assert!(listener.call("GET k").await.starts_with(get));
            listener.send("UNSUBSCRIBE").await;
            listener.reply().await;
            listener.reply().await;
            assert_eq!(
                told(&mut listener, "PUNSUBSCRIBE c*").await,
                "[\"punsubscribe\", \"c*\", 0]"
            );
            assert_eq!(
                told(&mut listener, "UNSUBSCRIBE").await,
                "[\"unsubscribe\", nil, 0]"
            );
            assert_eq!(listener.call("GET k").await, "nil");
            assert_eq!(
                told(&mut listener, "SUBSCRIBE a").await,
                "[\"subscribe\", \"a\", 1]"
            );
            assert_eq!(listener.call("RESET").await, "\"RESET\"");
            assert_eq!(speaker.call("PUBLISH a hi").await, "0");
            assert_eq!(listener.call("GET k").await, "nil");
        }
    }
}

/// Returns the next message without the push marker.
async fn heard(listener: &mut Peer) -> String {
    let message = listener.reply().await.to_string();
    message.trim_start_matches('>').to_owned()
}

async fn told(listener: &mut Peer, line: &str) -> String {
    listener.send(line).await;
    heard(listener).await
}

#[tokio::test]
async fn faults_and_counters() {
    for ground in grounds().await {
        let mut peer = ground.peer().await;
        for line in ["MULTI", "INCR n", "INCR n", "EXEC", "INCR n", "INCR n n"] {
            peer.call(line).await;
        }
        assert_eq!(ground.gateway.executions("INCR"), 3, "{}", ground.name);
        let hold = ground.gateway.faults().hold("INCR");
        peer.send("INCR n").await;
        hold.reached(1).await;
        hold.release();
        assert_eq!(peer.reply().await.as_integer(), Some(4));
        ground.gateway.faults().cut_after("INCR");
        peer.send("INCR n").await;
        peer.closed().await;
        assert_eq!(ground.peer().await.call("GET n").await, "\"5\"");
    }
}
