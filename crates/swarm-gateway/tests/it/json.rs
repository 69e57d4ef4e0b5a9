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
    let mut other = Client::connect(&gateway).await;
    assert_eq!(other.call("PUBLISH a hi").await, "1");
    assert_eq!(client.text().await, r#"["message","a","hi"]"#);
    for garbage in ["{", "[", "[]", "{\"cmd\":{}}", "{\"args\":[]}", "[\"GET\""] {
        client.send_text(garbage).await;
        let answer = client.text().await;
        assert!(
            answer.contains("ERR Protocol error: "),
            "{garbage} {answer}"
        );
    }
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
