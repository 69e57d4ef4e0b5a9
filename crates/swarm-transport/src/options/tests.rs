//! Validation of options, in particular of durations.

use super::*;
use crate::TransportErrorKind;

#[test]
fn the_defaults_are_valid() {
    TransportOptions::new().validate().unwrap();
}

#[test]
fn errors_name_the_option() {
    let new = TransportOptions::new;
    let cases = [
        (new().max_request(0), "max_request"),
        (new().read_buffer(1), "read_buffer"),
        (new().write_buffer(usize::MAX), "write_buffer"),
        (new().http_concurrency(0), "http_concurrency"),
        (new().header("", "x"), "header"),
        (new().header("X Y", "x"), "header"),
        (new().header("HOST", "x"), "HOST"),
        (new().header("X-A", "s3cret\r\nX-B: 1"), "X-A"),
        (new().origin("https://s3cret\n"), "Origin"),
        (new().bearer_token("s3cret\r\n"), "Authorization"),
        (new().bearer_token("s3cret\u{e9}"), "password"),
    ];
    for (options, option) in cases {
        assert_refused(&options, option);
    }
}

#[track_caller]
fn assert_refused(options: &TransportOptions, option: &str) {
    let error = options.validate().unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::Options);
    assert!(error.to_string().contains(option), "{error}");
    assert!(!format!("{error} {options:?}").contains("s3cret"));
}

#[test]
fn the_last_token_wins() {
    let options = TransportOptions::new()
        .bearer_token("a")
        .header("authorization", "Basic b");
    assert_eq!(
        options.headers,
        [("authorization".into(), "Basic b".into())]
    );
}

type Set = fn(TransportOptions, Duration) -> TransportOptions;

/// The setter of every duration option. [`TransportOptions::durations`] does not compile without a
/// new field, and the tests below fail without its setter.
const SETTERS: [(&str, Set); 6] = [
    ("dial_timeout", TransportOptions::dial_timeout),
    ("tcp_keepalive", |options, value| {
        options.tcp_keepalive(value)
    }),
    ("tcp_user_timeout", |options, value| {
        options.tcp_user_timeout(value)
    }),
    ("ws_ping_interval", |options, value| {
        options.ws_ping_interval(value)
    }),
    ("ws_ping_timeout", TransportOptions::ws_ping_timeout),
    ("http_timeout", TransportOptions::http_timeout),
];

/// A duration beyond the range of clocks, other than [`Duration::MAX`].
const OVERFLOWS: Duration = Duration::from_secs(u64::MAX / 2);

#[test]
fn every_duration_has_a_setter_that_sets_it() {
    let durations = TransportOptions::new().durations();
    assert_eq!(durations.len(), SETTERS.len());
    for (option, set) in SETTERS {
        let value = Duration::from_secs(77);
        let set = set(TransportOptions::new(), value).durations();
        let duration = set.iter().find(|duration| duration.option == option);
        assert_eq!(duration.unwrap().value, Some(value), "{option}");
    }
}

/// Guards against unbounded durations, which fail late, without a name, or with a panic.
#[test]
fn every_duration_is_valid_or_rejected_by_name() {
    for (option, set) in SETTERS {
        let with = |value| set(TransportOptions::new(), value);
        for value in [Duration::ZERO, Duration::from_nanos(1)] {
            assert_refused(&with(value), option);
        }
        for value in [
            Duration::from_secs(1),
            Duration::from_secs(3600),
            Duration::MAX,
        ] {
            with(value).validate().unwrap();
        }
    }
    let new = TransportOptions::new;
    for (options, option) in [
        (
            new().tcp_keepalive(Duration::from_millis(999)),
            "tcp_keepalive",
        ),
        (
            new().tcp_keepalive(Duration::from_secs(32_768)),
            "tcp_keepalive",
        ),
        (new().tcp_keepalive(OVERFLOWS), "tcp_keepalive"),
        (
            new().tcp_user_timeout(Duration::from_millis(1 << 31)),
            "tcp_user_timeout",
        ),
        (new().tcp_user_timeout(OVERFLOWS), "tcp_user_timeout"),
    ] {
        assert_refused(&options, option);
    }
}

/// Accepted durations work on the transport that they apply to.
#[cfg(all(feature = "ws", feature = "tcp", feature = "http"))]
#[tokio::test]
async fn every_accepted_duration_carries_a_command() {
    for (option, set) in SETTERS {
        for value in [
            Duration::from_secs(5),
            Duration::from_secs(32_767),
            OVERFLOWS,
            Duration::MAX,
        ] {
            let options = set(TransportOptions::new(), value);
            if options.validate().is_err() {
                continue;
            }
            for scheme in ["ws", "redis", "http"] {
                let answered =
                    tokio::time::timeout(Duration::from_secs(60), server::ping(scheme, &options));
                answered
                    .await
                    .unwrap_or_else(|_| panic!("{option} {value:?} over {scheme} hangs"));
            }
        }
    }
}

#[cfg(all(feature = "ws", feature = "tcp", feature = "http"))]
mod server {
    //! A minimal server for each transport, which answers PONG to everything.

    use std::future::poll_fn;

    use futures_util::{SinkExt, StreamExt};
    use swarm_resp::Request;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_tungstenite::tungstenite::Message;

    use crate::{Endpoint, TransportOptions, connector};

    const HTTP: &str = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"result\":\"PONG\"}";

    async fn answer(scheme: &str, mut stream: TcpStream) {
        if scheme == "ws" {
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            while let Some(Ok(Message::Binary(_))) = socket.next().await {
                socket.send(Message::binary("+PONG\r\n")).await.unwrap();
            }
            return;
        }
        let reply = if scheme == "http" { HTTP } else { "+PONG\r\n" };
        let mut request = [0; 4096];
        while let Ok(1..) = stream.read(&mut request).await {
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    }

    /// Connects and sends one command.
    pub(super) async fn ping(scheme: &'static str, options: &TransportOptions) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(scheme, stream));
            }
        });
        let endpoint = Endpoint::parse(&format!("{scheme}://127.0.0.1:{port}")).unwrap();
        let connector = connector(&endpoint, options).unwrap();
        let mut transport = connector.connect().await.unwrap();
        poll_fn(|cx| transport.poll_ready(cx)).await.unwrap();
        transport
            .start_send(Request::new("PING", ()).view())
            .unwrap();
        poll_fn(|cx| transport.poll_flush(cx)).await.unwrap();
        let reply = poll_fn(|cx| transport.poll_receive(cx)).await.unwrap();
        assert_eq!(reply.as_str(), Some("PONG"));
    }
}
