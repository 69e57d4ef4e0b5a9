//! JSON replies, and HTTP statuses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarm_resp::{Frame, Kind as FrameKind, Limits, Request};

use super::{Does, answer, call, dial, ok, serve};
use crate::{TransportError, TransportErrorKind as Kind, TransportOptions};

/// Sends one command to a server and returns its reply.
async fn reply(options: &TransportOptions, does: Does) -> Result<Frame, TransportError> {
    let does = Arc::new(Mutex::new(Some(does)));
    let (endpoint, _) = serve(move |_| {
        let does = does.lock().unwrap().take().unwrap();
        async { does }
    })
    .await;
    let mut transport = dial(&endpoint, options).await.unwrap();
    call(&mut transport, Request::new("GET", "k")).await
}

#[tokio::test]
async fn json_becomes_frames_without_loss() {
    let cases = [
        ("null", "nil"),
        ("\"\"", "\"\""),
        (
            "\"a\\u0000\\r\\n\\ud83c\\udca1\"",
            "\"a\\x00\\r\\n\\xf0\\x9f\\x82\\xa1\"",
        ),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775807", "9223372036854775807"),
        ("18446744073709551615", "18446744073709551615"),
        ("1.5", "1.5"),
        ("true", "true"),
        ("[]", "[]"),
        ("[\"a\",null,[1,[false]]]", "[\"a\", nil, [1, [false]]]"),
        (
            "{\"b\":1,\"a\":\"x\",\"b\":2}",
            "{\"b\": 1, \"a\": \"x\", \"b\": 2}",
        ),
    ];
    for (json, shown) in cases {
        let frame = reply(&TransportOptions::new(), ok(json)).await.unwrap();
        assert_eq!(frame.to_string(), shown, "{json}");
    }
    let large = reply(&TransportOptions::new(), ok("18446744073709551615"))
        .await
        .unwrap();
    assert_eq!(large.kind(), FrameKind::BigNumber);
}

#[tokio::test]
async fn a_replacement_character_is_an_error_and_not_data() {
    let lossy = r#"["fine",{"k":"a\ufffdb"}]"#;
    let frame = reply(&TransportOptions::new(), ok(lossy)).await.unwrap();
    assert_eq!(frame.as_error().unwrap().code(), "LOSSY");
    let options = TransportOptions::new().lossy_replies(true);
    let frame = reply(&options, ok(lossy)).await.unwrap();
    assert!(frame.as_error().is_none());
}

#[tokio::test]
async fn server_errors_are_error_frames() {
    for status in ["400 Bad Request", "401 Unauthorized", "200 OK"] {
        let does = answer(status, r#"{"error":"WRONGTYPE Operation against a key"}"#);
        let frame = reply(&TransportOptions::new(), does).await.unwrap();
        assert_eq!(frame.as_error().unwrap().code(), "WRONGTYPE");
    }
}

#[tokio::test]
async fn other_statuses_end_the_transport() {
    let cases = [
        ("400 Bad Request", "<html>", Kind::Protocol),
        ("408 Request Timeout", "", Kind::Timeout),
        (
            "411 Length Required",
            "<h1>Length Required</h1>",
            Kind::Protocol,
        ),
        ("401 Unauthorized", "", Kind::Auth),
        (
            "403 Forbidden",
            r#"{"error":"ERR CORS origin forbidden"}"#,
            Kind::Auth,
        ),
        (
            "404 Not Found",
            r#"{"error":"ERR endpoint not found."}"#,
            Kind::Protocol,
        ),
        ("413 Content Too Large", "", Kind::Limit),
        ("429 Too Many Requests\r\nRetry-After: 7", "", Kind::Refused),
        // The command may have run, so only the caller can decide whether to retry.
        (
            "500 Internal Server Error",
            r#"{"error":"ERR internal server error."}"#,
            Kind::Protocol,
        ),
        ("503 Service Unavailable", "", Kind::Refused),
        ("204 No Content", "", Kind::Protocol),
        ("302 Found", "", Kind::Protocol),
    ];
    for (status, body, kind) in cases {
        let error = reply(&TransportOptions::new(), answer(status, body))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{status}: {error}");
        assert_eq!(error.status(), status[..3].parse().ok());
        let wait = status.contains("Retry").then_some(Duration::from_secs(7));
        assert_eq!(error.retry_after(), wait);
    }
}

/// Guards against losing the status and `Retry-After` because the error page cannot be read.
#[tokio::test]
async fn a_truncated_or_oversized_error_page_keeps_status_and_retry_after() {
    for head in [
        "503 Service Unavailable\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
         Retry-After: Sun, 06 Nov 1994 08:49:44 GMT",
        "429 Too Many Requests\r\nRetry-After: 7",
    ] {
        let cut = format!("HTTP/1.1 {head}\r\nContent-Length: 100\r\n\r\n<h1>").leak();
        for does in [Does::Cuts(cut), answer(head, &"x".repeat(5000))] {
            let options = TransportOptions::new().limits(Limits::new().with_max_frame(4096));
            let error = reply(&options, does).await.unwrap_err();
            assert_eq!(error.status(), head[..3].parse().ok(), "{error}");
            assert!(error.is_refused() && error.is_transient(), "{error}");
            assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
        }
    }
    // A body is expected here, so the truncated body is the error.
    let cut = "HTTP/1.1 401 Unauthorized\r\nRetry-After: 7\r\nContent-Length: 100\r\n\r\n{";
    let error = reply(&TransportOptions::new(), Does::Cuts(cut))
        .await
        .unwrap_err();
    assert!(error.is_closed(), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn responses_that_are_not_replies_are_errors() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases = [
        (answer("200 OK", "<html></html>"), Kind::Protocol),
        (answer("200 OK", ""), Kind::Protocol),
        (answer("200 OK", "{}"), Kind::Protocol),
        (answer("200 OK", r#"{"result":1}x"#), Kind::Protocol),
        (answer("200 OK", r#"{"result":"#), Kind::Protocol),
        (answer("200 OK", "[1]"), Kind::Protocol),
        (ok(&deep), Kind::Protocol),
        (ok(&format!("\"{}\"", "x".repeat(5000))), Kind::Limit),
        (ok(&format!("[{}1]", "1,".repeat(100))), Kind::Protocol),
    ];
    for (does, kind) in cases {
        let limits = Limits::new().with_max_elements(50).with_max_frame(4096);
        let limits = if kind == Kind::Limit {
            limits
        } else {
            limits.with_max_frame(1 << 20)
        };
        let options = TransportOptions::new().limits(limits);
        let error = reply(&options, does).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

/// Guards against values and control characters of a response in errors.
#[tokio::test]
async fn errors_do_not_quote_the_response() {
    for body in [
        r#""s3cret""#,
        r#"["s3cret"]"#,
        r#"{"error":{"s3cret":1}}"#,
        r#"{"error":123456789}"#,
        r#"{"result":s3cret}"#,
        "<h1>s3cret\u{1b}[31m</h1>",
    ] {
        let error = reply(&TransportOptions::new(), answer("200 OK", body))
            .await
            .unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(
            !text.contains("s3cret") && !text.contains("123456789"),
            "{text}"
        );
        assert!(text.contains("check the path"), "{text}");
    }
}
