//! Spans of attempts to connect, and the name of the server.

use std::time::Duration;

use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use swarm_gateway::Gateway;
use swarm_keydb::{Client, ClientOptions};
use swarm_tests::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{Spans, check, named, text};

/// How long the server of a test takes for its first reply.
const SLOW: Duration = Duration::from_millis(200);

/// Returns the address of a server over RESP that answers each request after a while: HELLO with
/// its name, and others with an error.
async fn slow_server(name: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut input = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut input).await {
                tokio::time::sleep(SLOW).await;
                let is_hello = input[..read].windows(5).any(|word| word == b"HELLO");
                let reply = match is_hello {
                    true => format!("%1\r\n$6\r\nserver\r\n${}\r\n{name}\r\n", name.len()),
                    false => "-ERR unknown command\r\n".to_owned(),
                };
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        }
    });
    format!("redis://{address}")
}

/// Returns the only span of an attempt to connect.
fn only_attempt(spans: &Spans) -> SpanData {
    let spans = spans.finished();
    let [attempt] = named(&spans, "CONNECT")[..] else {
        panic!("several attempts: {spans:?}");
    };
    assert_eq!(attempt.span_kind, SpanKind::Client);
    attempt.clone()
}

#[track_caller]
fn check_error(attempt: &SpanData, error: &str, code: Option<Value>) {
    assert!(
        matches!(attempt.status, Status::Error { .. }),
        "{attempt:?}"
    );
    check(
        attempt,
        &[
            ("error.type", text(error)),
            ("db.response.status_code", code),
        ],
    );
}

/// The handshake is part of the attempt, and its reply names the server, whatever the scheme says.
#[tokio::test]
async fn an_attempt_includes_the_handshake_which_names_the_server() {
    for (name, system) in [
        ("redis", "redis"),
        ("valkey", "redis"),
        ("proxy", "redis"),
        ("swarmkeydb", "swarmkeydb"),
    ] {
        let spans = Spans::start();
        let url = slow_server(name).await;
        let client = within(Client::connect(url)).await.unwrap();
        within(client.get("k")).await.unwrap_err();
        let attempt = only_attempt(&spans);
        let took = attempt.end_time.duration_since(attempt.start_time);
        assert!(took.unwrap() >= 2 * SLOW, "{attempt:?}");
        assert_eq!(attempt.status, Status::Unset);
        let attributes = [
            ("db.system.name", text(system)),
            ("server.address", text("127.0.0.1")),
            ("error.type", None),
        ];
        check(&attempt, &attributes);
        let spans = spans.finished();
        let [get] = named(&spans, "GET")[..] else {
            panic!("{spans:?}");
        };
        check(get, &[("db.system.name", text(system))]);
    }
}

#[tokio::test]
async fn an_attempt_that_fails_says_why() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = closed.local_addr().unwrap();
    drop(closed);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent
        .local_addr()
        .map(|address| (address, silent))
        .unwrap();
    for (url, error, system) in [
        (format!("redis://{nobody}"), "connection", "redis"),
        (format!("ws://{nobody}"), "connection", "swarmkeydb"),
        // The server accepts connections and does not answer the handshake.
        (format!("redis://{}", silent.0), "timeout", "redis"),
        (format!("ws://{}", silent.0), "timeout", "swarmkeydb"),
    ] {
        let spans = Spans::start();
        let options = ClientOptions::new(&url).connect_timeout(Duration::from_millis(200));
        within(Client::connect(options)).await.unwrap_err();
        let attempt = only_attempt(&spans);
        check_error(&attempt, error, None);
        check(&attempt, &[("db.system.name", text(system))]);
    }
}

#[tokio::test]
async fn an_attempt_with_wrong_credentials_has_the_code_of_the_server() {
    let guarded = Gateway::builder().password("right").ws("127.0.0.1:0");
    let guarded = within(guarded.start()).await.unwrap();
    for url in [guarded.ws_url(), guarded.tcp_url()] {
        let spans = Spans::start();
        let options = ClientOptions::new(url).password("s3cret");
        within(Client::connect(options)).await.unwrap_err();
        let attempt = only_attempt(&spans);
        check_error(&attempt, "WRONGPASS", text("WRONGPASS"));
        assert!(!format!("{attempt:?}").contains("s3cret"));
    }
}

/// The caller gives up while the server does not answer.
#[tokio::test]
async fn an_attempt_that_is_abandoned_is_cancelled_and_no_error() {
    let spans = Spans::start();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let client = Client::connect_lazy(url).unwrap();
    let (_connection, _) = within(silent.accept()).await.unwrap();
    within(client.close()).await;
    let attempt = only_attempt(&spans);
    assert_eq!(attempt.status, Status::Unset);
    check(&attempt, &[("error.type", text("cancelled"))]);
}
