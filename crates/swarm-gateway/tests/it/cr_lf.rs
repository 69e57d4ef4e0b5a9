//! Quirk `cr-lf`: line breaks in text reach TCP clients unescaped and shift replies over WebSocket.

use bytes::Bytes;
use swarm_gateway::{Dialect, Gateway, Quirk};
use swarm_resp::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Client;

async fn gateway() -> Gateway {
    let dialect = Dialect::UPSTREAM
        .without(Quirk::WriteQueue)
        .with(Quirk::CrLf);
    Gateway::builder().dialect(dialect).start().await.unwrap()
}

fn request(args: &[&str]) -> Bytes {
    Request::new("", args.to_vec()).encoded().clone()
}

/// Returns the bytes of the next WebSocket message as a string.
async fn wire(client: &mut Client) -> String {
    String::from_utf8(client.wire().await).unwrap()
}

/// Encodes a list of words as the gateway's internal reader does.
fn words(words: &[&str]) -> String {
    let bulk = words
        .iter()
        .map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n{}", words.len(), bulk.collect::<String>())
}

async fn over_tcp(gateway: &Gateway, args: &[&str]) -> String {
    let address = gateway.tcp_url().trim_start_matches("redis://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&request(args)).await.unwrap();
    stream.write_all(b"QUIT\r\n").await.unwrap();
    let mut got = String::new();
    stream.read_to_string(&mut got).await.unwrap();
    got.strip_suffix("+OK\r\n").unwrap().to_owned()
}

#[tokio::test]
async fn text_after_a_line_break_is_a_separate_line_over_tcp() {
    let gateway = gateway().await;
    let group = "-NOGROUP No such key 's' or consumer group 'g\r\nh'";
    for (args, expected) in [
        (&["XACK", "s", "g\r\nh", "1-1"][..], group.to_owned()),
        (&["XPENDING", "s", "g\r\nh"], group.to_owned()),
        (
            &["XCLAIM", "s", "g\r\nh", "c", "0", "1-1"],
            group.to_owned(),
        ),
        (
            &["XAUTOCLAIM", "s", "g\r\nh", "c", "0", "0-0"],
            group.to_owned(),
        ),
        (
            &["XREADGROUP", "GROUP", "g\r\nh", "c", "STREAMS", "s", ">"],
            format!("{group} in XREADGROUP with GROUP option"),
        ),
        (&["A\r\nB"], "-ERR unknown command 'A\r\nB'".to_owned()),
        (&["A\rB"], "-ERR unknown command 'A\rB'".to_owned()),
        (&["\u{e9}"], "-ERR unknown command '?'".to_owned()),
        (
            &["PUBSUB", "A\r\nB"],
            "-ERR unknown subcommand or wrong number of arguments for 'A\r\nB' command".to_owned(),
        ),
    ] {
        assert_eq!(over_tcp(&gateway, args).await, format!("{expected}\r\n"));
    }
}

#[tokio::test]
async fn later_replies_are_shifted_over_websocket() {
    let gateway = gateway().await;
    let mut client = Client::connect(&gateway).await;
    client
        .send_bytes(&request(&["XACK", "s", "g\r\nh", "1-1"]))
        .await;
    let shown = [
        "-NOGROUP", "No", "such", "key", "'s'", "or", "consumer", "group", "'g",
    ];
    assert_eq!(wire(&mut client).await, words(&shown));
    client.send("ECHO 1").await;
    assert_eq!(wire(&mut client).await, words(&["h'"]));
    client.send("ECHO 2").await;
    assert_eq!(wire(&mut client).await, "$1\r\n1\r\n");
    client.send("PING").await;
    assert_eq!(wire(&mut client).await, "$1\r\n2\r\n");
    // The gateway's own replies are not delayed.
    client.send("AUTH x").await;
    assert_eq!(wire(&mut client).await, "+OK\r\n");
}

#[tokio::test]
async fn text_after_a_line_break_is_parsed_as_replies() {
    let gateway = gateway().await;
    let mut client = Client::connect(&gateway).await;
    client.send_bytes(&request(&["a\r\n:1\r\n$3\r\nabc"])).await;
    assert_eq!(
        wire(&mut client).await,
        words(&["-ERR", "unknown", "command", "'A"])
    );
    for expected in [":1\r\n", "$-1\r\n"] {
        // The bulk string takes its length from the text, and the following quote does not end it.
        client.send("GET k").await;
        if expected == "$-1\r\n" {
            assert!(client.is_silent().await);
        } else {
            assert_eq!(wire(&mut client).await, expected);
        }
    }
}

#[tokio::test]
async fn an_array_header_in_a_text_swallows_later_replies() {
    let gateway = gateway().await;
    let mut client = Client::connect(&gateway).await;
    client.send_bytes(&request(&["a\r\n*2\r\n:1\r\nb"])).await;
    wire(&mut client).await;
    client.send("ECHO 1").await;
    assert_eq!(
        wire(&mut client).await,
        format!("*2\r\n:1\r\n{}", words(&["B'"]))
    );
    client.send("ECHO 2").await;
    assert_eq!(wire(&mut client).await, "$1\r\n1\r\n");
}

#[tokio::test]
async fn a_lone_cr_makes_the_connection_unresponsive() {
    let gateway = gateway().await;
    let mut client = Client::connect(&gateway).await;
    let mut other = Client::connect(&gateway).await;
    client.send_bytes(&request(&["a\rb"])).await;
    client.send("SET k v").await;
    gateway.faults().executed("SET", 1).await;
    assert!(client.is_silent().await);
    // Commands are still executed, and both kinds of heartbeat are still answered.
    assert_eq!(other.call("GET k").await, "\"v\"");
    assert!(client.answers_ping().await);
    client.send("AUTH x").await;
    assert_eq!(wire(&mut client).await, "+OK\r\n");
}

#[tokio::test]
async fn elements_of_an_exec_reply_shift() {
    let gateway = gateway().await;
    let mut client = Client::connect(&gateway).await;
    client.call("MULTI").await;
    client
        .send_bytes(&request(&["XACK", "s", "g\r\nh", "1-1"]))
        .await;
    client.reply().await;
    client.call("ECHO 1").await;
    client.send("EXEC").await;
    let reply = client.reply().await;
    let items: Vec<_> = reply.items().unwrap().collect();
    assert_eq!(items.len(), 2);
    let mut surplus = items[1].items().unwrap();
    assert_eq!(surplus.next().unwrap().as_str(), Some("h'"));
    client.send("PING").await;
    assert_eq!(wire(&mut client).await, "$1\r\n1\r\n");
}
