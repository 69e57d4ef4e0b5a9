//! HTTP listener, tested at the byte level.

use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, Quirk};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Sends a request on a new connection and returns the status and the body.
async fn send(gateway: &Gateway, head: &str, body: &str) -> (u16, String) {
    let address = gateway.http_url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (first, headers) = head.split_once('\n').unwrap_or((head, ""));
    let headers: String = headers.lines().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    let request = format!(
        "{first} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\ncontent-length: {length}\r\n\
         {headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    timeout(
        Duration::from_secs(10),
        stream.read_to_string(&mut response),
    )
    .await
    .unwrap()
    .unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
    let status = head
        .split(' ')
        .nth(1)
        .map_or(0, |code| code.parse().unwrap());
    (status, body.to_owned())
}

#[tokio::test]
async fn routes() {
    let gateway = swarm_gateway::test().await.unwrap();
    for (head, body, status, answer) in [
        ("GET /get/k", "", 200, r#"{"result":null}"#),
        (
            "POST /set/a+b%2Fc",
            r#"{"value":"v","ex":100}"#,
            200,
            r#"{"result":"OK"}"#,
        ),
        ("GET /get/a%20b/c", "", 200, r#"{"result":"v"}"#),
        ("GET /ttl/a+b%2fc", "", 200, r#"{"result":100}"#),
        ("GET /exists/a+b%2Fc", "", 200, r#"{"result":1}"#),
        ("GET /keys/a*", "", 200, r#"{"result":["a b/c"]}"#),
        (
            "POST /expire/a+b%2Fc",
            r#"{"seconds":50}"#,
            200,
            r#"{"result":1}"#,
        ),
        ("DELETE /del/a+b%2Fc", "", 200, r#"{"result":1}"#),
        (
            "POST /publish/ch",
            r#"{"message":"m"}"#,
            200,
            r#"{"result":0}"#,
        ),
        (
            "POST /xadd/s",
            r#"{"id":"1-1","fields":{"f":"v"}}"#,
            200,
            r#"{"result":"1-1"}"#,
        ),
        (
            "POST /cmd",
            r#"{"cmd":"XRANGE","args":["s","-","+"]}"#,
            200,
            r#"{"result":[["1-1",["f","v"]]]}"#,
        ),
        ("POST /cmd", r#"["INCR","n"]"#, 200, r#"{"result":1}"#),
        (
            "POST /cmd",
            r#"{"cmd":"CONFIG","args":["GET","save"]}"#,
            200,
            r#"{"result":["save",""]}"#,
        ),
        (
            "POST /cmd\naccept: application/json; resp=3",
            r#"{"cmd":"CONFIG","args":["GET","save"]}"#,
            200,
            r#"{"result":{"save":""}}"#,
        ),
        (
            "GET /get/s",
            "",
            400,
            r#"{"error":"WRONGTYPE Operation against a key holding the wrong kind of value"}"#,
        ),
        (
            "POST /cmd",
            r#"{"cmd":"GET","args":[1]}"#,
            400,
            r#"{"error":"ERR a command and its arguments must be JSON strings"}"#,
        ),
        (
            "POST /set/k",
            "[]",
            400,
            r#"{"error":"ERR the body must be a JSON object"}"#,
        ),
        (
            "POST /set/k",
            r#"{"ex":1}"#,
            400,
            r#"{"error":"ERR \"value\" must be a string"}"#,
        ),
        (
            "POST /cmd",
            r#"["multi"]"#,
            400,
            r#"{"error":"ERR 'MULTI' needs a persistent connection; use WebSocket or TCP"}"#,
        ),
        (
            "GET /nowhere",
            "",
            404,
            r#"{"error":"ERR unknown route; GET /openapi.json lists them"}"#,
        ),
        (
            "PUT /get/k",
            "",
            404,
            r#"{"error":"ERR unknown route; GET /openapi.json lists them"}"#,
        ),
    ] {
        let got = send(&gateway, head, body).await;
        assert_eq!(got, (status, answer.to_owned()), "{head} {body}");
    }
    let (status, description) = send(&gateway, "GET /openapi.json", "").await;
    assert_eq!(status, 200);
    assert!(description.contains(r#""/cmd":{"post""#));
    for garbage in ["{", "", "null", "{\"cmd\":null}", "[]", "\u{0}"] {
        assert_eq!(
            send(&gateway, "POST /cmd", garbage).await.0,
            400,
            "{garbage}"
        );
    }
}

#[tokio::test]
async fn password_and_origin_are_checked() {
    let gateway = Gateway::builder()
        .password("secret")
        .origins(["https://here.example"])
        .max_message(1000)
        .start()
        .await
        .unwrap();
    let get = |headers: &str| format!("GET /get/k\n{headers}");
    let right = "authorization: Bearer secret";
    for (headers, expected) in [
        ("", 401),
        ("authorization: Bearer wrong", 401),
        (right, 200),
        ("origin: https://elsewhere.example", 403),
    ] {
        assert_eq!(
            send(&gateway, &get(headers), "").await.0,
            expected,
            "{headers}"
        );
    }
    let post = format!("POST /cmd\n{right}");
    let large = format!(r#"["SET","k","{}"]"#, "v".repeat(1000));
    assert_eq!(send(&gateway, &post, &large).await.0, 413);
    // The WebSocket listener then also rejects clients without an origin.
    let refused = tokio_tungstenite::connect_async(gateway.ws_url()).await;
    assert!(refused.unwrap_err().to_string().contains("403"));
}

#[tokio::test]
async fn a_blocking_read_delays_the_response() {
    let gateway = swarm_gateway::test().await.unwrap();
    let read = r#"["XREAD","BLOCK","0","STREAMS","s","0-0"]"#;
    let (waiting, _) = tokio::join!(send(&gateway, "POST /cmd", read), async {
        let blocked = r#"["INFO","clients"]"#;
        while !send(&gateway, "POST /cmd", blocked)
            .await
            .1
            .contains("blocked_clients:1")
        {}
        send(
            &gateway,
            "POST /xadd/s",
            r#"{"id":"1-1","fields":{"f":"v"}}"#,
        )
        .await
    });
    let result = r#"{"result":[["s",[["1-1",["f","v"]]]]]}"#;
    assert_eq!(waiting, (200, result.to_owned()));
}

#[tokio::test]
async fn faults_reach_http_too() {
    let gateway = swarm_gateway::test().await.unwrap();
    gateway.faults().cut_after("INCR");
    assert_eq!(
        send(&gateway, "POST /cmd", r#"["INCR","n"]"#).await,
        (0, String::new())
    );
    assert_eq!(
        send(&gateway, "GET /get/n", "").await.1,
        r#"{"result":"1"}"#
    );
}

#[tokio::test]
async fn client_errors_are_recognized_in_every_dialect() {
    let gateway = Gateway::builder().dialect(Dialect::UPSTREAM.without(Quirk::WriteQueue));
    let gateway = gateway.start().await.unwrap();
    let body = r#"{"cmd":"INCRBY","args":["n"]}"#;
    let (status, answer) = send(&gateway, "POST /cmd", body).await;
    assert_eq!(status, 400, "{answer}");
    assert!(
        answer.starts_with(r#"{"error":"ERR wrong number"#),
        "{answer}"
    );
}
