//! Every failure that a caller can encounter, and the error reported for it.

use std::time::Duration;

use bytes::BytesMut;
use swarm_gateway::Gateway;
use swarm_keydb::TransportErrorKind as Wire;
use swarm_keydb::{Client, ClientOptions, Error, ErrorKind as Kind, Outcome};
use swarm_resp::{Decoder, Limits};
use swarm_tests::{connected, connected_with, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Checks an error against its row of the table. `wire` is the transport's error, if the failure is
/// one of the transport.
#[track_caller]
fn assert_is(
    fault: &str,
    error: &Error,
    (kind, outcome, retryable): (Kind, impl Into<Option<Outcome>>, bool),
    wire: Option<Wire>,
) {
    assert_eq!(error.kind(), kind, "{fault}: {error}");
    assert_eq!(error.outcome(), outcome.into(), "{fault}: {error}");
    assert_eq!(error.is_retryable(), retryable, "{fault}: {error}");
    assert_eq!(
        error.transport_error().map(|error| error.kind()),
        wire,
        "{fault}: {error}"
    );
    let shown = format!("{error} {error:?}");
    for secret in ["s3cret", "value-7", "key-7"] {
        assert!(!shown.contains(secret), "{fault} shows {secret}: {shown}");
    }
}

/// Answers every HTTP request except PING with the given status.
async fn answering(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = BytesMut::new();
            // A command is a POST of a JSON object, an upgrade a GET.
            let is_whole = |request: &[u8]| {
                request.ends_with(b"}")
                    || request.starts_with(b"GET") && request.ends_with(b"\r\n\r\n")
            };
            while !is_whole(&request) {
                match stream.read_buf(&mut request).await {
                    Ok(1..) => {}
                    _ => break,
                }
            }
            let pings = request.ends_with(b"\"PING\",\"args\":[]}");
            let (status, body) = if pings {
                ("200 OK", "{\"result\":\"PONG\"}")
            } else {
                (status, "")
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\nRetry-After: 1\r\nContent-Length: {}\r\nConnection: \
                 close\r\n\r\n{body}",
                body.len()
            );
            let _gone = stream.write_all(answer.as_bytes()).await;
        }
    });
    address.to_string()
}

/// A server that rejects the handshake's commands and answers everything else with these bytes.
async fn babbler(bytes: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(babble(stream, bytes.as_bytes()));
        }
    });
    url
}

async fn babble(mut stream: TcpStream, bytes: &[u8]) {
    let (mut input, mut decoder) = (BytesMut::new(), Decoder::new());
    while let Ok(1..) = stream.read_buf(&mut input).await {
        while let Some(command) = decoder.decode(&mut input).unwrap() {
            let words: Vec<String> = command.convert().unwrap();
            let reply = match words[0].as_str() {
                "HELLO" | "ECHO" => b"-ERR not here\r\n",
                _ => bytes,
            };
            if stream.write_all(reply).await.is_err() {
                return;
            }
        }
    }
}

#[tokio::test]
async fn faults_of_connecting() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = closed.local_addr().unwrap().to_string();
    drop(closed);
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let guarded = Gateway::builder().password("right").ws("127.0.0.1:0");
    let guarded = guarded.start().await.unwrap();
    let plain = swarm_gateway::test().await.unwrap();
    let not_tls = plain.ws_url().replace("ws://", "wss://");
    let url = |scheme: &str, address: String| format!("{scheme}://{address}/");

    let lost = (Kind::Connection, None::<Outcome>, true);
    // Only a changed configuration would help.
    let lasting = (Kind::Connection, None, false);
    let auth = (Kind::Auth, None, false);
    let table = [
        (
            "DNS",
            "ws://nobody.invalid:1/".to_owned(),
            lost,
            Some(Wire::Resolve),
        ),
        ("refused", url("ws", nobody), lost, Some(Wire::Refused)),
        (
            "mute",
            url("ws", mute.local_addr().unwrap().to_string()),
            lost,
            Some(Wire::Timeout),
        ),
        ("TLS", not_tls, lasting, Some(Wire::Tls)),
        (
            "WebSocket 401",
            url("ws", answering("401 x").await),
            auth,
            Some(Wire::Auth),
        ),
        (
            "WebSocket 403",
            url("ws", answering("403 x").await),
            auth,
            Some(Wire::Auth),
        ),
        (
            "WebSocket 503",
            url("ws", answering("503 x").await),
            lost,
            Some(Wire::Refused),
        ),
        (
            "WebSocket 404",
            url("ws", answering("404 x").await),
            lasting,
            Some(Wire::Protocol),
        ),
        (
            "no RESP",
            babbler("SSH-2.0\r\n").await,
            lasting,
            Some(Wire::Protocol),
        ),
        (
            "AUTH refused for another reason than the password",
            babbler("-ERR upstream failure\r\n").await,
            lost,
            Some(Wire::Protocol),
        ),
        ("AUTH", guarded.ws_url().to_owned(), auth, None),
    ];
    for (fault, url, expected, wire) in table {
        let options = ClientOptions::new(url)
            .password("s3cret")
            .connect_timeout(Duration::from_secs(1));
        let error = within(Client::connect(options)).await.unwrap_err();
        assert_is(fault, &error, expected, wire);
    }
    let error = within(Client::connect("ftp://localhost/"))
        .await
        .unwrap_err();
    assert_is(
        "option",
        &error,
        (Kind::Config, None::<Outcome>, false),
        None,
    );
}

#[tokio::test]
async fn errors_of_the_server() {
    let (gateway, client) = connected().await;
    let table = [
        ("WRONGTYPE Operation against a key", Kind::Server, false),
        ("ERR syntax error", Kind::Server, false),
        ("OOM command not allowed", Kind::Server, false),
        ("NOPERM this user has no permissions", Kind::Server, false),
        (
            "LOADING Redis is loading the dataset in memory",
            Kind::Server,
            true,
        ),
        ("BUSY Redis is busy running a script", Kind::Server, true),
        (
            "TRYAGAIN Multiple keys request during rehashing of slot",
            Kind::Server,
            true,
        ),
        ("CLUSTERDOWN The cluster is down", Kind::Server, true),
        ("MASTERDOWN Link with MASTER is down", Kind::Server, true),
        (
            "READONLY You can't write against a read only replica.",
            Kind::Server,
            true,
        ),
        ("NOAUTH Authentication required.", Kind::Auth, true),
        (
            "WRONGPASS invalid username-password pair",
            Kind::Auth,
            false,
        ),
    ];
    for (text, kind, retryable) in table {
        gateway.faults().answer_error("SET", text);
        let error = within(client.set("key-7", "value-7")).await.unwrap_err();
        assert_is(text, &error, (kind, Outcome::Rejected, retryable), None);
        let server = error.server_error().unwrap();
        assert_eq!(format!("{} {}", server.code(), server.message()), text);
        assert_eq!(error.command(), Some("SET"));
    }
}

#[tokio::test]
async fn faults_of_http_at_a_call() {
    let lost = (Kind::Connection, Outcome::MayHaveRun, false);
    let table = [
        ("429 x", lost, Wire::Refused),
        ("503 x", lost, Wire::Refused),
        ("500 x", lost, Wire::Protocol),
        (
            "401 x",
            (Kind::Auth, Outcome::MayHaveRun, false),
            Wire::Auth,
        ),
    ];
    for (status, expected, wire) in table {
        let options = ClientOptions::new(format!("http://{}/", answering(status).await));
        let client = Client::connect_lazy(options.password("s3cret")).unwrap();
        let error = within(client.incr("key-7")).await.unwrap_err();
        assert_is(status, &error, expected, Some(wire));
    }
}

#[tokio::test]
async fn faults_of_a_call() {
    let (gateway, client) = connected_with(|options| options.max_in_flight(1)).await;
    let hold = gateway.faults().hold("INCR");
    let soon = Duration::from_millis(100);
    let timeout = |outcome| (Kind::Timeout, outcome, outcome == Outcome::NotSent);
    let in_flight = tokio::spawn(client.incr("key-7").timeout(soon * 2));
    within(hold.reached(1)).await;
    let error = within(client.incr("key-7").timeout(soon))
        .await
        .unwrap_err();
    assert_is("queued", &error, timeout(Outcome::NotSent), None);
    let error = within(in_flight).await.unwrap().unwrap_err();
    assert_is("in flight", &error, timeout(Outcome::MayHaveRun), None);
    hold.release();

    gateway.faults().cut_after("INCR");
    let lost = (Kind::Connection, Outcome::MayHaveRun, false);
    let error = within(client.incr("key-7")).await.unwrap_err();
    assert_is("cut", &error, lost, Some(Wire::Closed));

    let error = within(client.set("key-7\r\n", "value-7"))
        .await
        .unwrap_err();
    assert_is(
        "argument",
        &error,
        (Kind::Argument, Outcome::NotSent, false),
        None,
    );
    within(client.set("k", "value-7")).await.unwrap();
    let error = within(client.get_as::<i64>("k")).await.unwrap_err();
    assert_is(
        "conversion",
        &error,
        (Kind::UnexpectedReply, Outcome::Ran, false),
        None,
    );

    within(client.close()).await;
    let error = within(client.incr("key-7")).await.unwrap_err();
    assert_is(
        "closed",
        &error,
        (Kind::Closed, Outcome::NotSent, false),
        None,
    );
}

#[tokio::test]
async fn replies_that_cannot_be_read() {
    let lost = (Kind::Connection, Outcome::MayHaveRun, false);
    let table = [
        ("parse", "?what\r\n", Wire::Protocol),
        ("limit", "$1000\r\n", Wire::Limit),
    ];
    for (fault, bytes, wire) in table {
        let options = ClientOptions::new(babbler(bytes).await)
            .transport(|transport| transport.limits(Limits::new().with_max_bulk(100)));
        let client = within(Client::connect(options)).await.unwrap();
        let error = within(client.incr("key-7")).await.unwrap_err();
        assert_is(fault, &error, lost, Some(wire));
    }
}

/// The first frame is the reply. The second belongs to no request and would shift all later
/// replies.
#[tokio::test]
async fn a_surplus_reply_closes_the_connection_but_loses_no_reply() {
    let client = within(Client::connect(babbler(":1\r\n:2\r\n").await)).await;
    let client = client.unwrap();
    assert_eq!(within(client.incr("key-7")).await.unwrap(), 1);
    within(async {
        while client.stats().reconnects < 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn retry_after_is_honored() {
    let options = ClientOptions::new(format!("http://{}/", answering("429 x").await))
        .reconnect_base_delay(Duration::from_millis(1))
        .reconnect_max_delay(Duration::from_millis(1));
    let client = within(Client::connect(options)).await.unwrap();
    let start = std::time::Instant::now();
    for _ in 0..2 {
        let error = within(client.incr("key-7")).await.unwrap_err();
        assert_eq!(error.outcome(), Some(Outcome::MayHaveRun), "{error}");
    }
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn fail_when_full_fails_immediately() {
    let (gateway, client) =
        connected_with(|options| options.max_in_flight(1).fail_when_full(true)).await;
    let hold = gateway.faults().hold("INCR");
    let in_flight = tokio::spawn(client.incr("key-7"));
    within(hold.reached(1)).await;
    let error = within(client.incr("key-7")).await.unwrap_err();
    let expected = (Kind::QueueFull, Outcome::NotSent, true);
    assert_is("full", &error, expected, None);
    let pipeline = client.pipeline();
    let handles = (pipeline.incr("key-7"), pipeline.get("key-7"));
    let (incr, get) = within(pipeline.send(handles)).await;
    assert_is("full", &incr.unwrap_err(), expected, None);
    assert_is("full", &get.unwrap_err(), expected, None);
    hold.release();
    assert_eq!(within(in_flight).await.unwrap().unwrap(), 1);
    // The reply has returned the capacity before the caller has it.
    within(client.incr("key-7")).await.unwrap();
    assert_eq!(gateway.executions("INCR"), 2);
}

/// Four tasks never have more than four calls in flight, so a queue of 100 is never full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_with_capacity_refuses_nothing_to_callers_that_do_not_wait() {
    let (gateway, client) =
        connected_with(|options| options.max_in_flight(100).fail_when_full(true)).await;
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for call in 0..200 {
                    let result = client.incr("key-7").await;
                    assert!(result.is_ok(), "call {call}: {result:?}");
                }
            })
        })
        .collect();
    for task in tasks {
        within(task).await.unwrap();
    }
    assert_eq!(gateway.executions("INCR"), 800);
}

/// Where errors arrive as errors, an unknown script did not run. Where they arrive as arrays, a
/// script may have returned that array, so the outcome is unknown.
#[tokio::test]
async fn an_unknown_script_did_not_run_unless_a_script_may_have_said_so() {
    for target in swarm_tests::targets().await {
        let client = target.connect().await;
        let digest = "0".repeat(40);
        let error = within(client.evalsha(&digest, (), ())).await.unwrap_err();
        let code = error.server_error().map(|error| error.code());
        assert_eq!(code, Some("NOSCRIPT"), "{}: {error}", target.name);
        let words = ["array-errors", "upstream"];
        let in_words =
            target.name.starts_with("ws") && words.iter().any(|word| target.name.contains(word));
        let expected = match in_words {
            true => Some(Outcome::MayHaveRun),
            false => Some(Outcome::Rejected),
        };
        assert_eq!(error.outcome(), expected, "{}: {error}", target.name);
    }
}
