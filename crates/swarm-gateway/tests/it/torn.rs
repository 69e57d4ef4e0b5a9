//! Quirk `torn-writes`: counters, MSET, EXEC, and WATCH are not atomic across connections.

use futures_util::future::join;
use std::time::Duration;
use swarm_gateway::{Clock, Dialect, Gateway, Quirk};

use crate::client::{Client, show};

/// Returns a gateway whose writes wait until the clock is advanced.
async fn paused() -> (Gateway, Clock, Client, Client) {
    let clock = Clock::manual();
    let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
    let gateway = builder.clock(clock.clone()).start().await.unwrap();
    let one = Client::connect(&gateway).await;
    let two = Client::connect(&gateway).await;
    (gateway, clock, one, two)
}

/// Advances the clock, flush by flush, until a client receives a reply.
async fn answered(clock: &Clock, client: &mut Client) -> String {
    let passing = async {
        loop {
            clock.advance(Duration::from_millis(100));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        reply = client.reply() => show(&reply),
        () = passing => unreachable!(),
    }
}

#[tokio::test]
async fn concurrent_increments_lose_an_update() {
    let (_gateway, clock, mut one, mut two) = paused().await;
    one.send("INCR n").await;
    two.send("INCR n").await;
    // Both have read once both are in the queue, where a third queues behind them.
    assert!(join(one.is_silent(), two.is_silent()).await == (true, true));
    assert_eq!(answered(&clock, &mut one).await, "1");
    assert_eq!(answered(&clock, &mut two).await, "1");
    assert_eq!(one.call("GET n").await, "\"1\"");
}

#[tokio::test]
async fn mset_is_not_atomic() {
    let (_gateway, clock, mut one, mut two) = paused().await;
    one.send("MSET a 1 b 2").await;
    assert!(one.is_silent().await);
    clock.advance(Duration::from_millis(100));
    while two.call("MGET a b").await == "[nil, nil]" {}
    assert_eq!(two.call("MGET a b").await, "[\"1\", nil]");
    assert_eq!(answered(&clock, &mut one).await, "\"OK\"");
    assert_eq!(two.call("MGET a b").await, "[\"1\", \"2\"]");
}

#[tokio::test]
async fn set_with_ttl_is_briefly_visible_without_it() {
    let (_gateway, clock, mut one, mut two) = paused().await;
    one.send("SET a 1 EX 100").await;
    assert!(one.is_silent().await);
    clock.advance(Duration::from_millis(100));
    while two.call("GET a").await == "nil" {}
    assert_eq!(two.call("TTL a").await, "-1");
    assert_eq!(answered(&clock, &mut one).await, "\"OK\"");
    assert_ne!(two.call("TTL a").await, "-1");
}

#[tokio::test]
async fn exec_is_not_atomic() {
    let dialect = Dialect::UPSTREAM.without(Quirk::WriteQueue);
    let gateway = Gateway::builder().dialect(dialect).start().await.unwrap();
    let mut one = Client::connect(&gateway).await;
    let mut two = Client::connect(&gateway).await;
    one.call("MULTI").await;
    one.call("SET x A").await;
    one.call("XREAD BLOCK 10000 STREAMS s 0-0").await;
    one.call("GET x").await;
    one.send("EXEC").await;
    while two.call("GET x").await != "\"A\"" {}
    assert_eq!(two.call("SET x B").await, "\"OK\"");
    assert_eq!(two.call("XADD s 1-1 f v").await, "\"1-1\"");
    assert_eq!(
        show(&one.reply().await),
        "[\"OK\", [[\"s\", [[\"1-1\", [\"f\", \"v\"]]]]], \"B\"]"
    );
}

#[tokio::test]
async fn two_watchers_both_succeed() {
    let (_gateway, clock, mut one, mut two) = paused().await;
    for client in [&mut one, &mut two] {
        client.call("WATCH n").await;
        client.call("MULTI").await;
        client.call("SET n 1").await;
        client.send("EXEC").await;
    }
    assert!(join(one.is_silent(), two.is_silent()).await == (true, true));
    assert_eq!(answered(&clock, &mut one).await, "[\"OK\"]");
    assert_eq!(answered(&clock, &mut two).await, "[\"OK\"]");
}

#[tokio::test]
async fn watch_ignores_expiry() {
    let (_gateway, clock, mut one, _two) = paused().await;
    one.send("SET n 1 PX 1000").await;
    assert_eq!(answered(&clock, &mut one).await, "\"OK\"");
    one.call("WATCH n").await;
    clock.advance(Duration::from_millis(1000));
    assert_eq!(one.call("GET n").await, "nil");
    one.call("MULTI").await;
    one.call("PING").await;
    assert_eq!(one.call("EXEC").await, "[\"PONG\"]");
}

#[tokio::test]
async fn stream_commands_are_atomic() {
    let (_gateway, clock, mut one, mut two) = paused().await;
    one.send("XADD s * f v").await;
    two.send("XADD s * f v").await;
    answered(&clock, &mut one).await;
    answered(&clock, &mut two).await;
    assert_eq!(one.call("XLEN s").await, "2");
    one.send("XGROUP CREATE s g 0-0").await;
    assert_eq!(answered(&clock, &mut one).await, "\"OK\"");
    one.send("XREADGROUP GROUP g a COUNT 1 STREAMS s >").await;
    two.send("XREADGROUP GROUP g b COUNT 1 STREAMS s >").await;
    answered(&clock, &mut one).await;
    answered(&clock, &mut two).await;
    let pending = one.call("XPENDING s g").await;
    assert!(pending.ends_with("[[\"a\", 1], [\"b\", 1]]]"), "{pending}");
}

#[tokio::test]
async fn one_exec_delivers_at_most_256_messages() {
    let dialect = Dialect::UPSTREAM.without(Quirk::WriteQueue);
    let gateway = Gateway::builder().dialect(dialect).start().await.unwrap();
    let mut one = Client::connect(&gateway).await;
    let mut two = Client::connect(&gateway).await;
    two.call("SUBSCRIBE c").await;
    one.call("MULTI").await;
    for number in 0..300 {
        one.call(&format!("PUBLISH c {number}")).await;
    }
    one.send("EXEC").await;
    let counted = one.reply().await;
    let counted = counted.items().unwrap().map(|count| count.as_integer());
    assert_eq!(counted.flatten().sum::<i64>(), 300);
    for number in 0..256 {
        let expected = format!("[\"message\", \"c\", \"{number}\"]");
        assert_eq!(two.reply().await.to_string(), expected);
    }
    assert_eq!(one.call("PUBLISH c end").await, "1");
    assert_eq!(
        two.reply().await.to_string(),
        "[\"message\", \"c\", \"end\"]"
    );
}

#[tokio::test]
async fn a_lost_wake_up_leaves_a_read_blocked() {
    let dialect = Dialect::UPSTREAM.without(Quirk::WriteQueue);
    for dialect in [dialect, Dialect::STANDARD] {
        let builder = Gateway::builder().dialect(dialect).lost_wake_ups(1.0);
        let gateway = builder.start().await.unwrap();
        let mut one = Client::connect(&gateway).await;
        let mut two = Client::connect(&gateway).await;
        one.send("XREAD BLOCK 500 STREAMS s 0-0").await;
        assert!(one.is_silent().await);
        two.call("XADD s 1-1 f v").await;
        assert_eq!(show(&one.reply().await), "nil");
        assert!(
            one.call("XREAD BLOCK 500 STREAMS s 0-0")
                .await
                .contains("1-1")
        );
    }
}
