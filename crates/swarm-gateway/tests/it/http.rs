//! HTTP listener, tested at the byte level.

use std::time::Duration;

use swarm_gateway::{Dialect, Gateway, Quirk};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Sends a request on a new connection and returns the status and the body.
async fn send(gateway: &Gateway, head: &str, body: &str) -> (u16, String) {
    let (head, body) = response(gateway, head, body).await;
    let status = head
        .split(' ')
        .nth(1)
        .map_or(0, |code| code.parse().unwrap());
    (status, body)
}

/// Sends a request on a new connection and returns the head and the body of the response.
async fn response(gateway: &Gateway, head: &str, body: &str) -> (String, String) {
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
    (head.to_owned(), body.to_owned())
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
    let right = "authorization: Bearer secret";
    let forbidden = "ERR CORS origin forbidden";
    let missing = "NOAUTH Authentication required";
    let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
    let not_found = "ERR unknown route; GET /openapi.json lists them";
    for (head, status, error) in [
        ("GET /get/k", 401, missing),
        ("GET /get/k\nauthorization: Basic secret", 401, missing),
        ("GET /get/k\nauthorization: Bearer wrong", 401, wrong),
        ("GET /get/k\nauthorization: Bearer secret", 200, ""),
        ("GET /get/k\nauthorization: bearer secret", 200, ""),
        (
            "GET /get/k\norigin: https://elsewhere.example",
            403,
            forbidden,
        ),
        ("GET /get/k\norigin: null", 403, forbidden),
        (
            "GET /get/k?auth=secret\norigin: https://HERE.example",
            200,
            "",
        ),
        // The parameter wins over the header, unless it is empty.
        ("GET /get/k?auth=s%65cret", 200, ""),
        (
            "GET /get/k?x=1&auth=wrong\nauthorization: Bearer secret",
            401,
            wrong,
        ),
        ("GET /get/k?auth=\nauthorization: Bearer secret", 200, ""),
        // The password is checked before the route; the description of the routes is public.
        ("GET /nowhere", 401, missing),
        ("GET /nowhere?auth=secret", 404, not_found),
        ("OPTIONS /get/k", 204, ""),
        (
            "OPTIONS /get/k\norigin: https://elsewhere.example",
            403,
            forbidden,
        ),
    ] {
        let body = match (status, error) {
            (204, _) => String::new(),
            (_, "") => r#"{"result":null}"#.to_owned(),
            _ => format!(r#"{{"error":"{error}"}}"#),
        };
        assert_eq!(send(&gateway, head, "").await, (status, body), "{head}");
    }
    assert_eq!(send(&gateway, "GET /openapi.json", "").await.0, 200);
    let (status, page) = send(&gateway, "GET /docs", "").await;
    assert!(
        status == 200 && page.starts_with("<!doctype html>"),
        "{page}"
    );
    let post = format!("POST /cmd\n{right}");
    let large = format!(r#"["SET","k","{}"]"#, "v".repeat(1000));
    assert_eq!(send(&gateway, &post, &large).await.0, 413);
    // The WebSocket listener then also rejects clients without an origin.
    let refused = tokio_tungstenite::connect_async(gateway.ws_url()).await;
    assert!(refused.unwrap_err().to_string().contains("403"));
}

/// A browser sends a request with a plain text body to any origin, and only then hides the answer.
#[tokio::test]
async fn a_page_of_another_origin_runs_no_command() {
    let gateway = Gateway::builder()
        .origins(["https://here.example"])
        .start()
        .await
        .unwrap();
    let head = "POST /cmd\ncontent-type: text/plain\norigin: https://elsewhere.example";
    let (status, _) = send(&gateway, head, r#"["SET","k","v"]"#).await;
    assert_eq!(status, 403);
    assert_eq!(gateway.executions("SET"), 0);
    let head = "POST /cmd\ncontent-type: text/plain\norigin: https://here.example";
    let (status, _) = send(&gateway, head, r#"["SET","k","v"]"#).await;
    assert_eq!((status, gateway.executions("SET")), (200, 1));
}

/// Returns the headers that a browser looks at: the allowed origin, methods and headers, and what
/// the answer varies by.
async fn cors(gateway: &Gateway, head: &str) -> [Option<String>; 4] {
    let names = [
        "access-control-allow-origin: ",
        "access-control-allow-methods: ",
        "access-control-allow-headers: ",
        "vary: ",
    ];
    let head = response(gateway, head, "").await.0;
    names.map(|name| {
        let mut values = head.lines().filter_map(|line| line.strip_prefix(name));
        let value = values.next().map(str::to_owned);
        assert_eq!(values.next(), None, "{head}");
        value
    })
}

#[tokio::test]
async fn pages_of_allowed_origins_may_read_every_answer() {
    let methods = || Some("GET,POST,DELETE,OPTIONS".to_owned());
    let headers = || Some("Content-Type, Authorization".to_owned());
    let everyone = || Some("*".to_owned());
    let heads = [
        "GET /get/k",
        "POST /cmd",
        "GET /nowhere",
        "OPTIONS /nowhere",
        "GET /docs",
        "GET /get/k?auth=wrong",
    ];
    for origins in [&[][..], &["*"], &["https://here.example", " * "]] {
        let gateway = Gateway::builder().origins(origins.iter().copied());
        let gateway = gateway.password("secret").start().await.unwrap();
        for head in heads {
            for head in [
                head.to_owned(),
                format!("{head}\norigin: https://any.example"),
            ] {
                let expected = [everyone(), methods(), headers(), None];
                assert_eq!(cors(&gateway, &head).await, expected, "{head} {origins:?}");
            }
        }
    }
    let gateway = Gateway::builder().origins(["https://a.example", " HTTPS://b.example"]);
    let gateway = gateway.password("secret").start().await.unwrap();
    let vary = || Some("Origin".to_owned());
    for head in heads {
        let expected = [None, methods(), headers(), vary()];
        assert_eq!(cors(&gateway, head).await, expected, "{head}");
        let allowed = format!("{head}\norigin: https://b.example");
        let expected = [
            Some("https://b.example".to_owned()),
            methods(),
            headers(),
            vary(),
        ];
        assert_eq!(cors(&gateway, &allowed).await, expected, "{head}");
        let forbidden = format!("{head}\norigin: https://c.example");
        assert_eq!(
            cors(&gateway, &forbidden).await,
            [const { None }; 4],
            "{head}"
        );
    }
}

/// The WebSocket listener of a gateway whose origins include `*` accepts every page.
#[tokio::test]
async fn a_star_opens_the_websocket_listener() {
    let gateway = Gateway::builder().origins(["*"]).start().await.unwrap();
    let mut client = crate::client::Client::connect(&gateway).await;
    assert_eq!(client.call("PING").await, "\"PONG\"");
}

/// The client waits for permission to send the body, as `Expect: 100-continue` lets it.
#[tokio::test]
async fn a_body_that_is_announced_as_too_large_is_rejected_at_once() {
    let gateway = Gateway::builder().max_message(1000).start().await.unwrap();
    let address = gateway.http_url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /cmd HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1001\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    timeout(Duration::from_secs(5), read)
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_off() {
    let gateway = swarm_gateway::test().await.unwrap();
    let address = gateway.http_url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /cmd HTTP/1.1\r\nhost: gateway\r\ncontent-length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    // From here on, the clock advances whenever everything waits.
    tokio::time::pause();
    let mut answer = String::new();
    let trickling = async {
        while writer.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        read = reader.read_to_string(&mut answer) => { read.unwrap(); }
        () = trickling => {}
        () = tokio::time::sleep(Duration::from_secs(60)) => panic!("not cut off"),
    }
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
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
