//! Write queue: cost of each command, shared flushes, and visibility of queued writes.

use std::time::Duration;

use futures_util::future::join_all;
use swarm_gateway::{Clock, Dialect, Gateway, Quirk, WriteQueue};
use tokio::time::Instant;

use crate::client::Client;
use crate::peer::{Listener, Peer};
use crate::redis::RedisServer;

const FLUSH: Duration = Duration::from_millis(20);

async fn with_interval(interval: Duration) -> Gateway {
    let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
    let queue = WriteQueue::new().interval(interval);
    builder.write_queue(queue).start().await.unwrap()
}

/// Returns the minimum number of flushes that a command waited for.
async fn flushes(peer: &mut Peer, line: &str) -> u128 {
    let before = Instant::now();
    peer.call(line).await;
    before.elapsed().as_millis() / FLUSH.as_millis()
}

#[tokio::test]
async fn each_written_key_costs_a_flush() {
    let gateway = with_interval(FLUSH).await;
    for listener in [Listener::Ws, Listener::Tcp] {
        let mut peer = Peer::connect(&gateway, listener).await;
        for (line, cost) in [
            ("SET a 1", 1),
            ("SET a 1 EX 100", 2),
            ("SETEX a 100 1", 2),
            ("INCR a", 1),
            ("EXPIRE a 100", 1),
            ("MSET a 1 b 2 c 3 d 4", 4),
            ("DEL a b c", 3),
            ("XADD s 1-1 f v", 1),
            ("XGROUP CREATE s g 0-0", 1),
            ("XREADGROUP GROUP g me STREAMS s >", 1),
            ("XACK s g 1-1", 1),
            ("DEL s", 1),
        ] {
            assert!(flushes(&mut peer, line).await >= cost, "{line}");
        }
        assert_eq!(peer.call("MULTI").await, "\"OK\"");
        for _ in 0..3 {
            assert_eq!(peer.call("SET a 1").await, "\"QUEUED\"");
        }
        assert!(flushes(&mut peer, "EXEC").await >= 3);
    }
}

/// With a flush that never happens, only commands that do not wait for it complete.
#[tokio::test]
async fn reads_and_errors_do_not_wait() {
    let clock = Clock::manual();
    let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
    let gateway = builder.clock(clock.clone()).start().await.unwrap();
    let mut reader = Client::connect(&gateway).await;
    let mut writer = Client::connect(&gateway).await;
    for line in [
        "GET a",
        "MGET a b",
        "DEL none none",
        "EXPIRE none 1",
        "MSETNX",
        "XTRIM s MAXLEN 1",
        "XACK s g 1-1",
        "XREADGROUP GROUP g me STREAMS s >",
        "XPENDING s g",
        "PUBLISH c m",
        "NOSUCH",
    ] {
        reader.call(line).await;
    }
    writer.send("SET a 1").await;
    writer.send("GET a").await;
    // The old value is visible until the write is applied, and commands of a connection stay in
    // order.
    assert_eq!(reader.call("GET a").await, "nil");
    assert!(writer.is_silent().await);
    clock.advance(Duration::from_millis(100));
    assert_eq!(writer.reply().await.as_str(), Some("OK"));
    assert_eq!(writer.reply().await.as_str(), Some("1"));
}

#[tokio::test]
async fn writes_of_different_connections_share_a_flush() {
    let interval = Duration::from_millis(300);
    let gateway = with_interval(interval).await;
    let peers = (0..20).map(|_| Peer::connect(&gateway, Listener::Tcp));
    let mut peers = join_all(peers).await;
    let before = Instant::now();
    join_all(peers.iter_mut().map(|peer| peer.call("INCR n"))).await;
    assert!(before.elapsed() < interval * 10);
    // Stream writes do not share a flush.
    let before = Instant::now();
    let adding = peers.iter_mut().take(4).enumerate();
    join_all(adding.map(async |(number, peer)| {
        let line = format!("XADD s{number} * f v");
        peer.call(&line).await;
    }))
    .await;
    assert!(before.elapsed() >= interval * 4);
}

#[tokio::test]
async fn a_batch_is_flushed_once_full_if_so_configured() {
    let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
    let queue = WriteQueue::new()
        .interval(Duration::from_secs(600))
        .batch(8)
        .flush_when_full();
    let gateway = builder.write_queue(queue).start().await.unwrap();
    let peers = (0..8).map(|_| Peer::connect(&gateway, Listener::Tcp));
    let mut peers = join_all(peers).await;
    join_all(peers.iter_mut().map(|peer| peer.call("SET k v"))).await;
}

#[tokio::test]
async fn cost_in_front_of_redis_depends_on_arguments() {
    let Some(redis) = RedisServer::start(&[]) else {
        return;
    };
    let builder = Gateway::builder().dialect(Dialect::STANDARD.with(Quirk::WriteQueue));
    let queue = WriteQueue::new().interval(FLUSH);
    let builder = builder
        .redis(format!("redis://{}", redis.address()))
        .write_queue(queue);
    let gateway = builder.start().await.unwrap();
    let mut peer = Peer::connect(&gateway, Listener::Ws).await;
    assert!(flushes(&mut peer, "MSET a 1 b 2 c 3").await >= 3);
    peer.call("MULTI").await;
    peer.call("SET a 1 EX 100").await;
    peer.call("DEL a b").await;
    assert!(flushes(&mut peer, "EXEC").await >= 4);
}
