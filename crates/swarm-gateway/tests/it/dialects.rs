//! Quirks of deployed servers, one test each.

use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, Quirk};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::Client;
use crate::peer::{Listener, Peer};

async fn with(quirk: Quirk) -> (Gateway, Client) {
    let dialect = Dialect::STANDARD.with(quirk);
    let gateway = Gateway::builder()
        .dialect(dialect)
        .password("secret")
        .start()
        .await
        .unwrap();
    let mut client = Client::connect(&gateway).await;
    assert!(client.call("GET k").await.contains("-NOAUTH"));
    client.send("AUTH secret").await;
    assert_eq!(client.wire().await, b"+OK\r\n");
    (gateway, client)
}

#[tokio::test]
async fn array_errors() {
    let (_gateway, mut client) = with(Quirk::ArrayErrors).await;
    client.send("GET").await;
    assert_eq!(
        client.wire().await,
        b"*8\r\n$4\r\n-ERR\r\n$5\r\nwrong\r\n$6\r\nnumber\r\n$2\r\nof\r\n$9\r\narguments\r\n$3\r\n\
          for\r\n$5\r\n'get'\r\n$7\r\ncommand\r\n"
    );
    client.send("SET k v").await;
    assert_eq!(client.wire().await, b"+OK\r\n");
    assert!(client.call("HELLO 9").await.contains("-NOPROTO"));
}

#[tokio::test]
async fn simple_as_bulk() {
    let (_gateway, mut client) = with(Quirk::SimpleAsBulk).await;
    client.send("SET k v").await;
    assert_eq!(client.wire().await, b"$2\r\nOK\r\n");
    client.send("GET").await;
    assert!(client.wire().await.starts_with(b"-ERR "));
}

#[tokio::test]
async fn hello_garbage() {
    let (_gateway, mut client) = with(Quirk::HelloGarbage).await;
    client.send("HELLO 3").await;
    assert_eq!(client.wire().await, b"*1\r\n$2\r\n%7\r\n");
    assert_eq!(client.call("PING").await, "\"server\"");
    assert_eq!(client.call("PING").await, "\"swarmkeydb\"");
}

/// In this dialect HELLO is an ordinary command: its reply is in order, and its errors arrive as
/// words.
#[tokio::test]
async fn upstream_treats_hello_as_an_ordinary_command() {
    let dialect = Dialect::UPSTREAM.without(Quirk::WriteQueue);
    let builder = Gateway::builder().dialect(dialect).password("secret");
    let gateway = builder.start().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    client.send("HELLO 3 AUTH default secret").await;
    assert_eq!(client.wire().await, b"-NOAUTH Authentication required.\r\n");
    client.send("AUTH secret").await;
    assert_eq!(client.wire().await, b"+OK\r\n");
    let hold = gateway.faults().hold("GET");
    client.send("GET k").await;
    hold.reached(1).await;
    client.send("HELLO 2").await;
    gateway.faults().executed("HELLO", 1).await;
    hold.release();
    assert!(client.reply().await.is_null());
    let hello = client.wire().await;
    assert!(hello.starts_with(
        b"*14\r\n$6\r\nserver\r\n$10\r\nswarmkeydb\r\n$7\r\nversion\r\n\
                                $5\r\n7.0.0\r\n$5\r\nproto\r\n:2\r\n"
    ));
    client.send("HELLO 4").await;
    assert_eq!(
        client.wire().await,
        b"*4\r\n$8\r\n-NOPROTO\r\n$11\r\nunsupported\r\n$8\r\nprotocol\r\n$7\r\nversion\r\n"
    );
    client.send("HELLO 2 AUTH default wrong").await;
    assert!(
        client
            .wire()
            .await
            .starts_with(b"*8\r\n$10\r\n-WRONGPASS\r\n")
    );
}

#[tokio::test]
async fn no_tcp_auth() {
    let dialect = Dialect::UPSTREAM.without(Quirk::WriteQueue);
    let builder = Gateway::builder().dialect(dialect).password("secret");
    let gateway = builder.start().await.unwrap();
    let mut peer = Peer::connect(&gateway, Listener::Tcp).await;
    assert_eq!(peer.call("SET k v").await, "\"OK\"");
    assert_eq!(
        peer.call("AUTH secret").await,
        "-ERR unknown command 'AUTH'"
    );
    assert!(
        peer.call("HELLO 2 AUTH default wrong")
            .await
            .starts_with("-WRONGPASS ")
    );
    assert!(
        peer.call("HELLO 3 AUTH default secret")
            .await
            .starts_with("{\"server\": \"swarmkeydb\"")
    );
    // Quirks of the WebSocket gateway only.
    assert_eq!(peer.call("NOSUCH x").await, "-ERR unknown command 'NOSUCH'");
    assert_eq!(peer.call("PING").await, "\"PONG\"");
}

#[tokio::test]
async fn utf8_input() {
    let (_gateway, mut client) = with(Quirk::Utf8Input).await;
    // One invalid byte becomes three, so the length is wrong.
    client
        .send_bytes(b"*2\r\n$4\r\nECHO\r\n$1\r\n\xff\r\n")
        .await;
    assert!(
        client
            .reply()
            .await
            .to_string()
            .contains("ERR Protocol error")
    );
    // Three bytes of a four-byte character become a replacement of three bytes: accepted, but
    // wrong.
    client
        .send_bytes(b"*2\r\n$4\r\nECHO\r\n$3\r\n\xf0\x9f\x98\r\n")
        .await;
    assert_eq!(client.reply().await.as_str(), Some("\u{fffd}"));
}

#[tokio::test]
async fn rest_discarded() {
    let (_gateway, mut client) = with(Quirk::RestDiscarded).await;
    client
        .send_bytes(b"*2\r\n$4\r\nECHO\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n")
        .await;
    assert_eq!(client.reply().await.as_str(), Some("a"));
    assert_eq!(client.call("ECHO b").await, "\"b\"");
}

#[tokio::test]
async fn overtaking() {
    let (gateway, mut client) = with(Quirk::Overtaking).await;
    let hold = gateway.faults().hold("GET");
    client.send("GET k").await;
    hold.reached(1).await;
    client.send("AUTH secret").await;
    gateway.faults().executed("AUTH", 2).await;
    hold.release();
    assert_eq!(client.reply().await.as_str(), Some("OK"));
    assert!(client.reply().await.is_null());
}

#[tokio::test]
async fn late_replies() {
    let (gateway, mut client) = with(Quirk::LateReplies).await;
    assert_eq!(
        client.call("SUBSCRIBE a b").await,
        "[\"subscribe\", \"a\", 1]"
    );
    gateway.faults().push(&["message", "a", "m"]);
    assert!(client.is_silent().await);
    assert_eq!(client.call("PING").await, "[\"subscribe\", \"b\", 2]");
    // A push answers no command, and is sent as soon as the replies before it have been sent.
    assert_eq!(
        client.reply().await.to_string(),
        "[\"message\", \"a\", \"m\"]"
    );
    assert_eq!(client.call("PING").await, "[\"pong\", \"\"]");
}

#[tokio::test]
async fn push_buffer() {
    let (gateway, mut client) = with(Quirk::PushBuffer).await;
    let hold = gateway.faults().hold("PING");
    client.send("PING").await;
    hold.reached(1).await;
    for number in 0..300 {
        gateway
            .faults()
            .push(&["message", "a", &number.to_string()]);
    }
    hold.release();
    assert_eq!(client.reply().await.as_str(), Some("PONG"));
    for number in 0..256 {
        let expected = format!("[\"message\", \"a\", \"{number}\"]");
        assert_eq!(client.reply().await.to_string(), expected);
    }
    assert_eq!(client.call("ECHO end").await, "\"end\"");
}

/// The deployed server's SET takes a key and a value, optionally with a time to live. A rejected
/// SET does not write.
#[tokio::test]
async fn upstream_rejects_set_conditions() {
    let gateway = Gateway::builder()
        .ws("127.0.0.1:0")
        .dialect(Dialect::STANDARD.with(Quirk::SwarmCommands))
        .start()
        .await
        .unwrap();
    let mut client = Client::connect(&gateway).await;
    let arity = "-ERR wrong number of arguments for 'SET'";
    for (command, reply) in [
        ("SET k v NX", arity),
        ("SET k v XX", arity),
        ("SET k v GET", arity),
        ("SET k v KEEPTTL", arity),
        ("SET k v EX", arity),
        ("SET k v EX 5 NX", arity),
        ("SET k v PXAT 1", "-ERR syntax error"),
        ("SET k v NX 1", "-ERR syntax error"),
        ("GET k", "nil"),
        ("SET k v ex 5", "\"OK\""),
        ("SET k v PX 5000", "\"OK\""),
        ("SET k v EXAT 99999999999", "\"OK\""),
    ] {
        assert_eq!(client.call(command).await, reply, "{command}");
    }
}

/// Null arrays of a transaction and of a read keep their encoding in RESP3, other nulls do not.
#[tokio::test]
async fn plain_null_arrays() {
    let dialect = Dialect::STANDARD.with(Quirk::PlainNullArrays);
    let gateway = Gateway::builder().dialect(dialect).start().await.unwrap();
    let address = gateway.tcp_url().trim_start_matches("redis://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let commands = b"HELLO 3\r\nGET k\r\nXREAD STREAMS s 0\r\nMULTI\r\nXREAD STREAMS s 0\r\n\
        EXEC\r\nQUIT\r\n";
    stream.write_all(commands).await.unwrap();
    let mut replies = String::new();
    stream.read_to_string(&mut replies).await.unwrap();
    let expected = "_\r\n*-1\r\n+OK\r\n+QUEUED\r\n*1\r\n*-1\r\n+OK\r\n";
    assert!(replies.ends_with(expected), "{replies}");
}

/// An upgrade that asks for a WebSocket but lacks a valid key or version stays without an answer,
/// until the gateway stops.
#[tokio::test]
async fn mute_upgrades() {
    let (gateway, _client) = with(Quirk::MuteUpgrades).await;
    let address = gateway
        .ws_url()
        .trim_start_matches("ws://")
        .trim_end_matches('/');
    let upgrade = "GET / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n";
    let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let mut silent = Vec::new();
    for head in [
        "sec-websocket-version: 13\r\n".to_owned(),
        format!("sec-websocket-version: 12\r\n{key}"),
        "sec-websocket-version: 13\r\nsec-websocket-key: x\r\n".to_owned(),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{upgrade}{head}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        silent.push(stream);
    }
    for stream in &mut silent {
        let wait = Duration::from_millis(50);
        assert!(timeout(wait, stream.read_u8()).await.is_err());
    }
    // A plain request is answered.
    for method in ["GET", "POST"] {
        let mut plain = TcpStream::connect(address).await.unwrap();
        let request = format!("{method} / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
        plain.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        plain.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(head.contains("\r\nConnection: close"), "{answer}");
        assert!(head.contains("\r\nTransfer-Encoding: chunked"), "{answer}");
        assert_eq!(body, "0\r\n\r\n");
    }
    gateway.shutdown().await;
    for mut stream in silent {
        assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)));
    }
}
