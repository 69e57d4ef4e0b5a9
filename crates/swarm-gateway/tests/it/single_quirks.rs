//! Quirks of SwarmKeyDb's commands that can be had one by one, with Redis's commands and without.

use std::time::Duration;

use swarm_gateway::{Clock, Dialect, Gateway, Quirk};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peer::{Listener, Peer};

/// SwarmKeyDb's commands without anything that makes writes slow or not atomic.
const SWARM: Dialect = Dialect::STANDARD.with(Quirk::SwarmCommands);

async fn start(dialect: Dialect) -> (Gateway, Clock, Peer) {
    let clock = Clock::manual();
    let builder = Gateway::builder().dialect(dialect).clock(clock.clone());
    let gateway = builder.start().await.unwrap();
    let peer = Peer::connect(&gateway, Listener::Tcp).await;
    (gateway, clock, peer)
}

/// Returns each set of commands without and with a quirk.
fn both(quirk: Quirk) -> [(Dialect, bool); 4] {
    [Dialect::STANDARD, SWARM]
        .map(|commands| {
            [
                (commands.without(quirk), false),
                (commands.with(quirk), true),
            ]
        })
        .concat()
        .try_into()
        .unwrap()
}

#[test]
fn swarm_commands_include_what_can_be_had_alone() {
    let parts = "floored-ttl,offset-cursors,endless-autoclaim,incrby-crash,plain-messages";
    assert_eq!(SWARM.to_string(), format!("swarm-commands,{parts}"));
    assert_eq!(SWARM.without(Quirk::SwarmCommands), Dialect::STANDARD);
    let one: Dialect = "swarm-commands,-floored-ttl".parse().unwrap();
    assert!(one.has(Quirk::OffsetCursors) && !one.has(Quirk::FlooredTtl));
}

#[tokio::test]
async fn floored_ttl() {
    for (dialect, has_quirk) in both(Quirk::FlooredTtl) {
        let (_gateway, clock, mut peer) = start(dialect).await;
        peer.call("SETEX k 10 v").await;
        clock.advance(Duration::from_millis(200));
        let (seconds, millis) = if has_quirk {
            ("9", "9799")
        } else {
            ("10", "9800")
        };
        assert_eq!(peer.call("TTL k").await, seconds, "{dialect}");
        assert_eq!(peer.call("PTTL k").await, millis, "{dialect}");
    }
}

#[tokio::test]
async fn offset_cursors() {
    for (dialect, has_quirk) in both(Quirk::OffsetCursors) {
        let (_gateway, _, mut peer) = start(dialect).await;
        peer.call("MSET d 1 c 1 b 1 a 1").await;
        let page = peer.call("SCAN 0 COUNT 2").await;
        let first = if has_quirk {
            r#"["a", "b"]"#
        } else {
            r#"["d", "c"]"#
        };
        assert!(page.ends_with(&format!("{first}]")), "{dialect}: {page}");
        let cursor = page.split('"').nth(1).unwrap().to_owned();
        peer.call(if has_quirk { "DEL a b" } else { "DEL c d" })
            .await;
        let page = peer.call(&format!("SCAN {cursor} COUNT 2")).await;
        let second = if has_quirk { "[]" } else { r#"["b", "a"]"# };
        assert_eq!(page, format!(r#"["0", {second}]"#), "{dialect}");
    }
}

#[tokio::test]
async fn endless_autoclaim() {
    for (dialect, has_quirk) in both(Quirk::EndlessAutoclaim) {
        let (_gateway, _, mut peer) = start(dialect).await;
        peer.call("XADD s 1-1 f v").await;
        peer.call("XADD s 2-1 f v").await;
        peer.call("XGROUP CREATE s g 0-0").await;
        peer.call("XREADGROUP GROUP g c STREAMS s >").await;
        let page = peer.call("XAUTOCLAIM s g d 0 0-0 COUNT 1").await;
        assert!(page.starts_with(r#"["2-1", "#), "{dialect}: {page}");
        let page = peer.call("XAUTOCLAIM s g d 0 2-1 COUNT 1").await;
        let end = if has_quirk { "2-1" } else { "0-0" };
        assert!(
            page.starts_with(&format!("[\"{end}\", ")),
            "{dialect}: {page}"
        );
    }
}

#[tokio::test]
async fn incrby_crash() {
    for (dialect, has_quirk) in both(Quirk::IncrbyCrash) {
        let (_gateway, _, mut peer) = start(dialect).await;
        assert_eq!(peer.call("INCRBY k -5").await, "-5");
        let huge = peer.call("INCRBY k 99999999999999999999").await;
        assert_eq!(huge, "-ERR value is not an integer or out of range");
        if has_quirk {
            peer.send("INCRBY k abc").await;
            peer.closed().await;
        } else {
            let error = peer.call("INCRBY k abc").await;
            assert_eq!(error, huge, "{dialect}");
        }
    }
}

#[tokio::test]
async fn plain_messages() {
    for (dialect, has_quirk) in both(Quirk::PlainMessages) {
        let (gateway, _, _peer) = start(dialect).await;
        let address = gateway.tcp_url().trim_start_matches("redis://");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let commands = b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n\
            *1\r\n$4\r\nQUIT\r\n";
        stream.write_all(commands).await.unwrap();
        let mut replies = String::new();
        stream.read_to_string(&mut replies).await.unwrap();
        let kind = if has_quirk { '*' } else { '>' };
        let end = format!("{kind}3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n+OK\r\n");
        assert!(replies.ends_with(&end), "{dialect}: {replies}");
    }
}

#[tokio::test]
async fn late_sweeps() {
    for (dialect, has_quirk) in both(Quirk::LateSweeps) {
        let (_gateway, clock, mut peer) = start(dialect).await;
        // The first command sweeps.
        peer.call("PING").await;
        for key in ["a", "b", "c"] {
            peer.call(&format!("PSETEX {key} 1 v")).await;
        }
        clock.advance(Duration::from_millis(5));
        for (command, late) in [("DEL a a", "1"), ("EXPIRE b -1", "1")] {
            assert_eq!(peer.call("EXISTS a").await, "0", "{dialect}");
            assert_eq!(peer.call("EXPIRE b 10").await, "0", "{dialect}");
            let swept = "0";
            let expected = if has_quirk { late } else { swept };
            assert_eq!(peer.call(command).await, expected, "{dialect}: {command}");
            assert_eq!(peer.call(command).await, swept, "{dialect}: {command}");
        }
        clock.advance(Duration::from_millis(100));
        assert_eq!(peer.call("DEL c").await, "0", "{dialect}");
        // A key that is written again has not expired.
        peer.call("PSETEX c 1 v").await;
        clock.advance(Duration::from_millis(5));
        peer.call("SET c v").await;
        assert_eq!(peer.call("DEL c").await, "1", "{dialect}");
        assert_eq!(peer.call("DEL c").await, "0", "{dialect}");
    }
}
