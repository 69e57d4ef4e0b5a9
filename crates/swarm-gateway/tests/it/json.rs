//! JSON over WebSocket, in both encodings.

use swarm_gateway::{Dialect, Gateway, Quirk};

use crate::client::Client;

#[tokio::test]
async fn json_replies_are_bare_values() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    for (message, answer) in [
        (r#"{"cmd":"SET","args":["k","v"]}"#, r#""OK""#),
        (r#" ["GET","k"]"#, r#""v""#),
        (r#"{"cmd":"PING"}"#, r#""PONG""#),
        (r#"["GET","none"]"#, "null"),
        (r#"["INCR","n"]"#, "1"),
        (r#"["MGET","k","none"]"#, r#"["v",null]"#),
        (
            r#"["INCR","k"]"#,
            r#"{"cmd":"INCR","error":"ERR value is not an integer or out of range"}"#,
        ),
        (
            r#"["GET",1]"#,
            concat!(
                r#"{"cmd":"","error":"ERR Protocol error: "#,
                r#"a command and its arguments must be JSON strings"}"#
            ),
        ),
        (
            r#"["HELLO","4"]"#,
            r#"{"cmd":"HELLO","error":"NOPROTO unsupported protocol version"}"#,
        ),
        (r#"["SUBSCRIBE","a"]"#, r#"["subscribe","a",1]"#),
    ] {
        client.send_text(message).await;
        assert_eq!(client.text().await, answer, "{message}");
    }
    for garbage in ["{", "[", "[]", "{\"cmd\":{}}", "{\"args\":[]}", "[\"GET\""] {
        client.send_text(garbage).await;
        let answer = client.text().await;
        assert!(
            answer.contains("ERR Protocol error: "),
            "{garbage} {answer}"
        );
    }
}

/// The SDKs of the server recognize a message by `"type":"push"`.
#[tokio::test]
async fn json_pushes_say_so_and_acknowledgments_are_replies() {
    let envelope = Dialect::STANDARD.with(Quirk::JsonEnvelope);
    for (dialect, expected) in [
        (
            Dialect::STANDARD,
            [
                r#"["subscribe","a",1]"#,
                r#"["psubscribe","a*",2]"#,
                r#"{"type":"push","data":["message","a","hi"]}"#,
                r#"{"type":"push","data":["pmessage","a*","a","hi"]}"#,
                r#"["unsubscribe","a",1]"#,
            ],
        ),
        (
            envelope,
            [
                r#"{"cmd":"SUBSCRIBE","data":["subscribe","a",1]}"#,
                r#"{"cmd":"PSUBSCRIBE","data":["psubscribe","a*",2]}"#,
                r#"{"push":["message","a","hi"]}"#,
                r#"{"push":["pmessage","a*","a","hi"]}"#,
                r#"{"cmd":"UNSUBSCRIBE","data":["unsubscribe","a",1]}"#,
            ],
        ),
    ] {
        // With the version of the protocol that marks acknowledgments as pushes, too.
        for protocol in ["2", "3"] {
            let gateway = Gateway::builder().dialect(dialect).start().await.unwrap();
            let mut client = Client::connect(&gateway).await;
            client
                .send_text(&format!(r#"["HELLO","{protocol}"]"#))
                .await;
            client.text().await;
            let [subscribed, psubscribed, message, pmessage, unsubscribed] = expected;
            client.send_text(r#"["SUBSCRIBE","a"]"#).await;
            assert_eq!(client.text().await, subscribed);
            client.send_text(r#"["PSUBSCRIBE","a*"]"#).await;
            assert_eq!(client.text().await, psubscribed);
            let mut other = Client::connect(&gateway).await;
            assert_eq!(other.call("PUBLISH a hi").await, "2");
            assert_eq!(client.text().await, message);
            assert_eq!(client.text().await, pmessage);
            client.send_text(r#"["UNSUBSCRIBE","a"]"#).await;
            assert_eq!(client.text().await, unsubscribed);
        }
    }
}

#[tokio::test]
async fn json_invalidations_are_pushes() {
    let dialect = Dialect::STANDARD.with(Quirk::TrackingEverything);
    let gateway = Gateway::builder().dialect(dialect).start().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    client.send_text(r#"["CLIENT","TRACKING","ON"]"#).await;
    assert_eq!(client.text().await, r#""OK""#);
    let mut other = Client::connect(&gateway).await;
    other.call("SET k v").await;
    let push = r#"{"type":"push","data":["invalidate",["k"]]}"#;
    assert_eq!(client.text().await, push);
}

#[tokio::test]
async fn invalid_utf8_is_replaced() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    client
        .send_bytes(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n\xff\r\n")
        .await;
    assert_eq!(client.wire().await, b"+OK\r\n");
    client.send_text(r#"["GET","k"]"#).await;
    assert_eq!(client.text().await, "\"\u{fffd}\"");
}

/// The first version of the server wrapped everything but its gateway's own errors.
#[tokio::test]
async fn envelopes_of_upstream() {
    let dialect: Dialect = "upstream,-write-queue,json-envelope".parse().unwrap();
    let gateway = Gateway::builder().dialect(dialect).start().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let mut other = Client::connect(&gateway).await;
    for (command, reply) in [
        (
            r#"{"cmd":"set","args":["k","é"]}"#,
            r#"{"cmd":"SET","data":"OK"}"#,
        ),
        (r#"["GET","k"]"#, r#"{"cmd":"GET","data":"\u00E9"}"#),
        (r#"["GET","none"]"#, r#"{"cmd":"GET","data":null}"#),
        (
            r#"["MGET","k","none"]"#,
            r#"{"cmd":"MGET","data":["\u00E9",null]}"#,
        ),
        (r#"["GET"]"#, ""),
        ("[1]", ""),
        (
            r#"["SUBSCRIBE","a"]"#,
            r#"{"cmd":"SUBSCRIBE","data":["subscribe","a",1]}"#,
        ),
    ] {
        client.send_text(command).await;
        let answer = client.text().await;
        match command {
            // The processor's errors are lists of words.
            r#"["GET"]"# => assert!(
                answer.starts_with(r#"{"cmd":"GET","data":["-ERR","#),
                "{answer}"
            ),
            "[1]" => assert!(answer.starts_with(r#"{"error":"ERR "#), "{answer}"),
            _ => assert_eq!(answer, reply, "{command}"),
        }
    }
    other.call("PUBLISH a hi").await;
    assert_eq!(client.text().await, r#"{"push":["message","a","hi"]}"#);
}

#[tokio::test]
async fn quirks_of_json() {
    let quirks = Dialect::STANDARD
        .with(Quirk::JsonEnvelope)
        .with(Quirk::JsonNullObject);
    for (dialect, null, value) in [
        (
            Dialect::STANDARD.with(Quirk::JsonNullObject),
            "{}",
            r#""PONG""#,
        ),
        (
            quirks,
            r#"{"cmd":"GET","data":null}"#,
            r#"{"cmd":"PING","data":"PONG"}"#,
        ),
    ] {
        let gateway = Gateway::builder().dialect(dialect).start().await.unwrap();
        let mut client = Client::connect(&gateway).await;
        client.send_text(r#"["GET","k"]"#).await;
        assert_eq!(client.text().await, null);
        client.send_text(r#"["PING"]"#).await;
        assert_eq!(client.text().await, value);
    }
}
