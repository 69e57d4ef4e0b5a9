//! Quirk `close-drops`: a closed WebSocket aborts the running command and drops the queued ones.

use std::time::Duration;

use swarm_gateway::{Clock, Dialect, Gateway};

use crate::client::Client;
use crate::peer::{Listener, Peer};

/// Starts a command, disconnects after its first write, and returns what the others see afterwards.
async fn left_behind(begin: &[&str], leave: Leave) -> String {
    let clock = Clock::manual();
    let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
    let gateway = builder.clock(clock.clone()).start().await.unwrap();
    let mut one = Client::connect(&gateway).await;
    let mut two = Client::connect(&gateway).await;
    for line in begin {
        one.send(line).await;
    }
    while two.call("GET a").await == "nil" {
        clock.advance(Duration::from_millis(100));
    }
    match leave {
        Leave::Quit => {
            one.send("quit").await;
            // The connection ends without a reply.
            assert_eq!(
                one.ending().await.map(|end| u16::from(end.code)),
                Some(1000)
            );
        }
        Leave::Close => one.close().await,
        Leave::Drop => drop(one),
    }
    while two.call("CLIENT LIST").await.matches("id=").count() > 1 {}
    // The queued write is applied, and nothing follows it.
    for _ in 0..20 {
        clock.advance(Duration::from_millis(100));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    two.call("MGET a b c d e f").await
}

enum Leave {
    Quit,
    Close,
    Drop,
}

#[tokio::test]
async fn closing_aborts_the_running_command_and_drops_queued_ones() {
    for begin in [
        &["MSET a 1 b 2 c 3 d 4 e 5", "SET f 6"][..],
        &[
            "SET a 1", "SET b 2", "SET c 3", "SET d 4", "SET e 5", "SET f 6",
        ],
        &[
            "MULTI", "SET a 1", "SET b 2", "SET c 3", "SET d 4", "SET e 5", "EXEC", "SET f 6",
        ],
    ] {
        for leave in [Leave::Quit, Leave::Close, Leave::Drop] {
            let left = left_behind(begin, leave).await;
            assert!(left.starts_with("[\"1\","), "{left}");
            assert!(left.ends_with("nil]"), "{left}");
        }
    }
}

/// A TCP client that has closed its sending half receives all replies.
#[tokio::test]
async fn tcp_runs_everything_sent_before_a_half_close() {
    let clock = Clock::manual();
    let builder = Gateway::builder().dialect(Dialect::UPSTREAM);
    let gateway = builder.clock(clock.clone()).start().await.unwrap();
    let mut one = Peer::connect(&gateway, Listener::Tcp).await;
    one.send("MSET a 1 b 2 c 3").await;
    one.send("GET c").await;
    one.shut_sending().await;
    let passing = async {
        loop {
            clock.advance(Duration::from_millis(100));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let replies = async { (one.reply().await.to_string(), one.reply().await.to_string()) };
    tokio::select! {
        replies = replies => assert_eq!(replies, ("\"OK\"".to_owned(), "\"3\"".to_owned())),
        () = passing => unreachable!(),
    }
}
