//! The opening handshake and its errors.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

use super::{dial, listen, with_timeout};
use crate::ws::WsConnector;
use crate::{Endpoint, TransportError, TransportErrorKind as Kind, TransportOptions, connector};

#[tokio::test]
async fn the_handshake_carries_origin_headers_and_token() {
    let (listener, endpoint) = listen().await;
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut seen = None;
        #[expect(clippy::result_large_err, reason = "the library's signature")]
        let record = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            seen = Some((request.uri().to_string(), request.headers().clone()));
            Ok(response)
        };
        accept_hdr_async(stream, record).await.unwrap();
        seen.unwrap()
    });
    let options = TransportOptions::new()
        .origin("https://app.example")
        .header("X-Tenant", "blue")
        .bearer_token("s3cret");
    dial(&endpoint, &options).await.unwrap();
    let (target, headers) = with_timeout(server).await.unwrap();
    assert_eq!(target, "/db");
    assert_eq!(headers["host"], endpoint.authority());
    assert_eq!(headers["origin"], "https://app.example");
    assert_eq!(headers["x-tenant"], "blue");
    assert_eq!(headers["authorization"], "Bearer s3cret");
}

/// Connects to a server that responds with `answer` and closes, and returns the error.
async fn answered(answer: &'static str) -> TransportError {
    let (listener, endpoint) = listen().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    let options = TransportOptions::new().bearer_token("s3cret");
    let error = dial(&endpoint, &options).await.err().unwrap();
    assert!(
        !format!("{error} {error:?}").contains("s3cret"),
        "{error:?}"
    );
    error
}

#[tokio::test]
async fn a_refused_upgrade_is_classified_by_its_status() {
    let cases = [
        ("400 Bad Request", Kind::Protocol, "path"),
        ("401 Unauthorized", Kind::Auth, "credentials"),
        ("403 Forbidden", Kind::Auth, "Origin"),
        ("404 Not Found", Kind::Protocol, "path"),
        ("429 Too Many Requests", Kind::Refused, "later"),
        ("500 Internal Server Error", Kind::Protocol, "log"),
        ("503 Service Unavailable", Kind::Refused, "later"),
        ("302 Found", Kind::Protocol, "redirects"),
        ("200 OK", Kind::Protocol, "instead of a WebSocket"),
    ];
    for (status, kind, hint) in cases {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let error = answered(answer.leak()).await;
        assert_eq!(error.kind(), kind, "{status}");
        assert_eq!(error.status(), status[..3].parse().ok(), "{status}");
        let text = error.to_string();
        assert!(text.contains(hint) && text.contains(&status[..3]), "{text}");
        assert_eq!(error.is_auth(), kind == Kind::Auth);
        assert_eq!(error.is_refused(), kind == Kind::Refused);
    }
}

#[tokio::test]
async fn a_refused_upgrade_carries_retry_after() {
    let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT";
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        for (headers, seconds) in [
            ("Retry-After: 7".to_owned(), Some(7)),
            (
                "retry-after: 999999999999999999999".to_owned(),
                Some(86_400),
            ),
            (
                format!("{date}\r\nRetry-After: Sun, 06 Nov 1994 08:50:07 GMT"),
                Some(30),
            ),
            ("Retry-After: soon".to_owned(), None),
            (date.to_owned(), None),
        ] {
            let answer = format!("HTTP/1.1 {status}\r\n{headers}\r\nContent-Length: 0\r\n\r\n");
            let error = answered(answer.leak()).await;
            assert!(error.is_refused() && error.is_transient(), "{error}");
            let wait = seconds.map(Duration::from_secs);
            assert_eq!(error.retry_after(), wait, "{status} {headers}");
        }
    }
}

#[tokio::test]
async fn a_peer_that_does_not_speak_http_is_an_error() {
    let redis = answered("-ERR unknown command 'GET'\r\n").await;
    assert_eq!(redis.kind(), Kind::Protocol);
    assert!(!redis.is_transient(), "{redis}");
    assert!(
        redis.to_string().contains("does not speak WebSocket"),
        "{redis}"
    );
    assert!(answered("").await.is_closed());
    assert!(answered("HTTP/1.1 101 Swi").await.is_closed());
    let unkeyed = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                   Connection: upgrade\r\n\
                   Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
    assert_eq!(answered(unkeyed).await.kind(), Kind::Protocol);
}

#[tokio::test]
async fn a_refused_port_is_an_error_with_a_hint() {
    let (listener, endpoint) = listen().await;
    drop(listener);
    let error = dial(&endpoint, &TransportOptions::new())
        .await
        .err()
        .unwrap();
    assert!(error.is_refused(), "{error}");
    assert!(error.to_string().contains("check host and port"), "{error}");
}

#[tokio::test]
async fn an_unknown_host_name_is_named() {
    let endpoint = Endpoint::parse("ws://nowhere.invalid:8765").unwrap();
    let error = dial(&endpoint, &TransportOptions::new())
        .await
        .err()
        .unwrap();
    assert_eq!(error.kind(), Kind::Resolve);
    assert!(error.is_refused() && error.to_string().contains("nowhere.invalid"));
}

#[tokio::test]
async fn an_unresponsive_peer_times_out() {
    // The backlog accepts the connection, but nothing responds to the upgrade.
    let (_listener, endpoint) = listen().await;
    let options = TransportOptions::new().dial_timeout(Duration::from_millis(50));
    let error = dial(&endpoint, &options).await.err().unwrap();
    assert!(error.is_timeout(), "{error}");
    let text = error.to_string();
    let address = format!("accepted a TCP connection at 127.0.0.1:{}", endpoint.port());
    for part in ["50ms", "WebSocket upgrade", address.as_str()] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn the_next_address_is_tried_if_one_refuses() {
    // `localhost` resolves to ::1 and 127.0.0.1 on most machines; only the latter listens.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = Endpoint::parse(&format!("ws://localhost:{port}")).unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        tokio_tungstenite::accept_async(stream).await.unwrap();
    });
    dial(&endpoint, &TransportOptions::new()).await.unwrap();
    with_timeout(server).await.unwrap();
}

#[test]
fn invalid_endpoints_and_options_are_rejected_before_connecting() {
    let http = Endpoint::parse("http://host").unwrap();
    let error = WsConnector::new(&http, &TransportOptions::new()).unwrap_err();
    assert!(error.to_string().contains("ws://"), "{error}");
    let bad = TransportOptions::new().max_request(0);
    let endpoint = Endpoint::parse("ws://host").unwrap();
    let error = connector(&endpoint, &bad).err().unwrap();
    assert_eq!(error.kind(), Kind::Options);
}
