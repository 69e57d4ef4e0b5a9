//! Behavior of dialect `upstream` that the recorded answers do not show.

use swarm_gateway::{Dialect, Gateway, Quirk};

use crate::client::Client;
use crate::peer::{Listener, Peer};

async fn gateway() -> Gateway {
    let dialect = Dialect::UPSTREAM.without(Quirk::WriteQueue);
    let builder = Gateway::builder().dialect(dialect).password("secret");
    builder.start().await.unwrap()
}

async fn authenticated(gateway: &Gateway) -> Client {
    let mut client = Client::connect(gateway).await;
    client.send("AUTH secret").await;
    assert_eq!(client.wire().await, b"+OK\r\n");
    client
}

#[tokio::test]
async fn every_close_frame_is_answered_alike() {
    let gateway = gateway().await;
    for payload in [&b""[..], b"\x03\xe8", b"\x03\xe9bye", b"\x0f\xa0\xc3\xa9"] {
        let mut client = Client::connect(&gateway).await;
        let length = 0x80 | u8::try_from(payload.len()).unwrap();
        // Masked with zeros.
        let frame = [&[0x88, length, 0, 0, 0, 0], payload].concat();
        client.send_raw(&frame).await;
        let close = client.ending().await.unwrap();
        let close = (u16::from(close.code), close.reason.as_str().to_owned());
        assert_eq!(close, (1000, "closing".to_owned()), "{payload:?}");
    }
    let mut client = authenticated(&gateway).await;
    client.send("QUIT").await;
    assert_eq!(client.ending().await.unwrap().reason.as_str(), "closing");
}

#[tokio::test]
async fn a_pong_comes_unasked() {
    let gateway = gateway().await;
    let mut client = Client::connect(&gateway).await;
    tokio::time::pause();
    assert!(client.next_is_empty_pong().await);
    assert!(client.next_is_empty_pong().await);
}

#[tokio::test]
async fn answers_ahead_come_at_once_and_in_order() {
    let gateway = gateway().await;
    let mut client = authenticated(&gateway).await;
    client.send("XREAD BLOCK 0 STREAMS s 0-0").await;
    for (command, answer) in [
        ("AUTH wrong", "-WRONGPASS"),
        ("AUTH a b", "-ERR wrong number"),
        ("AUTH secret", "+OK"),
    ] {
        client.send(command).await;
        let wire = client.wire().await;
        assert!(wire.starts_with(answer.as_bytes()), "{command}");
    }
    client.send_bytes(b"*x\r\n").await;
    let malformed = b"-ERR Protocol error: invalid RESP frame\r\n";
    assert_eq!(client.wire().await, malformed);
    let mut other = authenticated(&gateway).await;
    other.call("XADD s 1-1 f v").await;
    assert_eq!(client.reply().await.items().unwrap().count(), 1);
}

#[tokio::test]
async fn a_crash_leaves_a_connection_unresponsive() {
    let gateway = gateway().await;
    let mut client = authenticated(&gateway).await;
    client.send("INCRBY k abc").await;
    client.send("PING").await;
    assert!(client.is_silent().await);
    assert!(client.answers_ping().await);
    client.send("AUTH secret").await;
    assert_eq!(client.wire().await, b"+OK\r\n");
    let mut peer = Peer::connect(&gateway, Listener::Tcp).await;
    assert_eq!(peer.call("SET k 1").await, "\"OK\"");
    peer.send("INCRBY k abc").await;
    peer.closed().await;
}

#[tokio::test]
async fn commands_before_a_crash_in_a_transaction_take_effect() {
    let gateway = gateway().await;
    let mut peer = Peer::connect(&gateway, Listener::Tcp).await;
    for command in ["MULTI", "SET a 1", "INCRBY a x", "SET b 1"] {
        peer.call(command).await;
    }
    peer.send("EXEC").await;
    peer.closed().await;
    let mut peer = Peer::connect(&gateway, Listener::Tcp).await;
    assert_eq!(peer.call("MGET a b").await, "[\"1\", nil]");
}

#[tokio::test]
async fn a_reply_that_looks_like_a_push_is_sent_as_one() {
    let gateway = gateway().await;
    let mut client = authenticated(&gateway).await;
    client.call("SET a message").await;
    client.send_text(r#"["MGET","a","b"]"#).await;
    let push = r#"{"type":"push","data":["message",null]}"#;
    assert_eq!(client.text().await, push);
    client.send_text(r#"["PING"]"#).await;
    assert_eq!(client.text().await, r#""PONG""#);
}

#[tokio::test]
async fn watch_follows_the_words_of_commands() {
    let gateway = gateway().await;
    let mut one = authenticated(&gateway).await;
    let mut two = authenticated(&gateway).await;
    two.call("XADD s 1-1 f v").await;
    for (watched, command, conflicts) in [
        ("CREATE", "XGROUP CREATE s g 0-0", true),
        ("GROUP", "XREADGROUP GROUP g c STREAMS s >", true),
        ("s", "XREADGROUP GROUP g c STREAMS s 0-0", false),
        ("k", "DEL k", true),
        ("k", "EXPIRE k 10", true),
        ("k", "GET k", false),
        ("k", "SET k v NX", false),
    ] {
        one.call(&format!("WATCH {watched}")).await;
        two.call(command).await;
        one.call("MULTI").await;
        let expected = if conflicts { "nil" } else { "[]" };
        assert_eq!(one.call("EXEC").await, expected, "{command}");
    }
    // Watching again forgets the conflict.
    one.call("WATCH k").await;
    two.call("SET k v").await;
    one.call("WATCH k").await;
    one.call("MULTI").await;
    assert_eq!(one.call("EXEC").await, "[]");
}

#[tokio::test]
async fn upstream_new_answers_hello_itself() {
    let dialect = Dialect::UPSTREAM_NEW.without(Quirk::WriteQueue);
    let gateway = Gateway::builder().dialect(dialect).start().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    client.send("HELLO 3").await;
    assert!(client.wire().await.starts_with(b"%7\r\n"));
    assert_eq!("upstream-new".parse(), Ok(Dialect::UPSTREAM_NEW));
}
