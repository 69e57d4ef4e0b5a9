//! Behavior specific to a real Redis behind the gateway.

use std::time::Duration;

use swarm_gateway::Gateway;

use crate::backends::over_redis;
use crate::peer::{Listener, Peer};
use crate::redis::RedisServer;

#[tokio::test]
async fn the_gateways_password_is_independent_of_redis() {
    let Some(redis) = RedisServer::start(&["--requirepass", "inside"]) else {
        return;
    };
    let url = format!("redis://:inside@{}/3", redis.address());
    let builder = Gateway::builder().redis(&url).password("outside");
    let gateway = builder.start().await.unwrap();
    for listener in [Listener::Ws, Listener::Tcp] {
        let mut peer = Peer::connect(&gateway, listener).await;
        assert_eq!(peer.call("GET k").await, "-NOAUTH Authentication required.");
        assert!(peer.call("AUTH inside").await.starts_with("-WRONGPASS"));
        assert_eq!(peer.call("AUTH outside").await, "\"OK\"");
        peer.send("CLIENT INFO").await;
        let info = peer.reply().await;
        assert!(info.as_str().unwrap().contains(" db=3 "));
        // RESET clears the authentication and the selected database; the gateway restores both.
        assert_eq!(peer.call("RESET").await, "\"RESET\"");
        peer.call("AUTH outside").await;
        peer.send("CLIENT INFO").await;
        let info = peer.reply().await;
        assert!(info.as_str().unwrap().contains(" db=3 "));
    }
    let wrong = Gateway::builder().redis(format!("redis://:s3cret@{}", redis.address()));
    let error = wrong.start().await.unwrap_err().to_string();
    assert!(
        error.contains("WRONGPASS") && !error.contains("s3cret"),
        "{error}"
    );
}

#[tokio::test]
async fn the_connection_id_is_that_of_redis() {
    let Some(ground) = over_redis(Listener::Tcp).await else {
        return;
    };
    let mut peer = ground.peer().await;
    let hello = peer.call("HELLO 3 SETNAME me").await;
    let id = peer.call("CLIENT ID").await;
    assert!(hello.contains(&format!("\"id\": {id}")), "{hello} {id}");
    assert_eq!(peer.call("CLIENT GETNAME").await, "\"me\"");
    assert!(
        peer.call("HELLO 3 SETNAME \u{7}")
            .await
            .starts_with("-ERR ")
    );
}

#[tokio::test]
async fn start_fails_without_redis() {
    for (url, says) in [
        ("redis://:s3cret@127.0.0.1:1", "127.0.0.1:1"),
        ("ws://127.0.0.1:1", "redis://"),
        ("redis://:s3cret@host/two", "database"),
    ] {
        let error = Gateway::builder().redis(url).start().await.unwrap_err();
        let error = error.to_string();
        assert!(error.contains(says) && !error.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn losing_redis_closes_client_connections() {
    for listener in [Listener::Ws, Listener::Tcp] {
        let Some(mut ground) = over_redis(listener).await else {
            return;
        };
        let (mut idle, mut waiting) = (ground.peer().await, ground.peer().await);
        assert_eq!(idle.call("PING").await, "\"PONG\"");
        waiting.call("PING").await;
        waiting.send("BLPOP k 0").await;
        drop(ground.redis.take());
        idle.closed().await;
        waiting.closed().await;
        let mut late = ground.peer().await;
        let reply = late.call("GET k").await;
        assert!(
            reply.starts_with("-ERR the gateway cannot reach Redis: "),
            "{reply}"
        );
        ground.gateway.shutdown().await;
    }
}

#[tokio::test]
async fn disconnecting_cancels_a_blocked_command() {
    for listener in [Listener::Ws, Listener::Tcp] {
        let Some(ground) = over_redis(listener).await else {
            return;
        };
        let (mut waiting, mut other) = (ground.peer().await, ground.peer().await);
        waiting.send("BLPOP k 0").await;
        blocked(&mut other, 1).await;
        drop(waiting);
        blocked(&mut other, 0).await;
        assert_eq!(other.call("RPUSH k v").await, "1");
        assert_eq!(other.call("LLEN k").await, "1");
    }
}

/// Waits until Redis reports `count` blocked clients.
async fn blocked(peer: &mut Peer, count: usize) {
    let line = format!("blocked_clients:{count}\r\n");
    let counted = async {
        loop {
            peer.send("INFO clients").await;
            if peer.reply().await.as_str().unwrap().contains(&line) {
                break;
            }
        }
    };
    let counted = tokio::time::timeout(Duration::from_secs(10), counted).await;
    counted.expect(&line);
}

#[tokio::test]
async fn commands_without_exactly_one_reply_are_rejected() {
    let Some(ground) = over_redis(Listener::Tcp).await else {
        return;
    };
    let mut peer = ground.peer().await;
    for line in ["MONITOR", "client reply off", "PSYNC ? -1"] {
        let reply = peer.call(line).await;
        assert!(
            reply.ends_with("is not available through the gateway"),
            "{reply}"
        );
    }
    peer.call("MULTI").await;
    peer.call("SET k v").await;
    assert!(peer.call("MONITOR").await.starts_with("-ERR "));
    assert!(peer.call("EXEC").await.starts_with("-EXECABORT "));
    assert_eq!(peer.call("GET k").await, "nil");
    assert_eq!(peer.call("MULTI").await, "\"OK\"");
    assert_eq!(peer.call("EXEC").await, "[]");
}
