//! Encoded requests, connection reuse, and the order of replies.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use swarm_resp::Request;
use tokio::sync::Notify;

use super::{call, dial, ok, receive, serve, start, with_timeout};
use crate::{Capabilities, RequestRejection, TransportOptions};

#[tokio::test]
async fn a_command_is_a_post_with_its_arguments_as_strings() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let (endpoint, _) = serve(move |request| {
        log.lock().unwrap().push(request);
        async { ok("1") }
    })
    .await;
    let options = TransportOptions::new()
        .bearer_token("s3cret")
        .origin("https://app.example");
    let mut transport = dial(&endpoint, &options).await.unwrap();
    let tricky = "\"\\\r\n\0\u{1F0A1}";
    call(
        &mut transport,
        Request::new("XGROUP CREATE", (tricky, -5, "")),
    )
    .await
    .unwrap();
    call(&mut transport, Request::new("exists", ("a", "b")))
        .await
        .unwrap();

    let seen = seen.lock().unwrap();
    assert_eq!(
        seen[0].body,
        r#"{"cmd":"XGROUP","args":["CREATE","\"\\\r\n\u0000🂡","-5",""]}"#
    );
    let head = seen[0].head.to_ascii_lowercase();
    assert!(head.starts_with("post /base/cmd http/1.1\r\n"), "{head}");
    for line in [
        "accept: application/json; resp=3",
        "authorization: bearer s3cret",
        "content-type: application/json",
        "origin: https://app.example",
        &format!("host: {}", endpoint.authority()),
    ] {
        assert!(head.contains(&format!("{line}\r\n")), "{line} in {head}");
    }
    assert!(
        seen[1]
            .head
            .to_ascii_lowercase()
            .contains("accept: application/json\r\n")
    );
}

#[tokio::test]
async fn requests_one_after_another_share_a_connection() {
    let (endpoint, counters) = serve(async |_| ok("1")).await;
    let mut transport = dial(&endpoint, &TransportOptions::new()).await.unwrap();
    for _ in 0..20 {
        call(&mut transport, Request::new("INCR", "n"))
            .await
            .unwrap();
    }
    assert_eq!(counters.connections.load(Ordering::SeqCst), 1);
    assert_eq!(counters.requests.load(Ordering::SeqCst), 20);
}

#[tokio::test]
async fn replies_keep_the_request_order() {
    let last_seen = Arc::new(Notify::new());
    let (endpoint, counters) = serve(move |seen| {
        let last_seen = Arc::clone(&last_seen);
        async move {
            let number = seen
                .body
                .trim_end_matches("\"]}")
                .rsplit('"')
                .next()
                .unwrap()
                .to_owned();
            match number.as_str() {
                "7" => last_seen.notify_one(),
                // Reply to the first request only when the last one has arrived.
                "0" => last_seen.notified().await,
                _ => {}
            }
            ok(&number)
        }
    })
    .await;
    let options = TransportOptions::new().http_concurrency(8);
    let mut transport = dial(&endpoint, &options).await.unwrap();
    assert!(!transport.capabilities().ordered);
    for n in 0..8 {
        start(&mut transport, Request::new("ECHO", n)).await;
    }
    for n in 0..8 {
        assert_eq!(receive(&mut transport).await.unwrap().as_integer(), Some(n));
    }
    assert!(counters.connections.load(Ordering::SeqCst) <= 8);
}

#[tokio::test]
async fn a_concurrency_of_one_preserves_the_execution_order() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&log);
    let (endpoint, counters) = serve(move |request| {
        seen.lock().unwrap().push(request.body);
        async { ok("1") }
    })
    .await;
    let options = TransportOptions::new().http_concurrency(1);
    let mut transport = dial(&endpoint, &options).await.unwrap();
    assert!(transport.capabilities().ordered);
    for n in 0..10 {
        let ready = poll_fn(|cx| std::task::Poll::Ready(transport.poll_ready(cx).is_ready())).await;
        assert!(ready);
        call(&mut transport, Request::new("ECHO", n)).await.unwrap();
    }
    let expected: Vec<_> = (0..10)
        .map(|n| format!(r#"{{"cmd":"ECHO","args":["{n}"]}}"#))
        .collect();
    assert_eq!(*log.lock().unwrap(), expected);
    assert_eq!(counters.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn unsupported_requests_are_rejected_before_any_io() {
    let (endpoint, counters) = serve(async |_| ok("1")).await;
    let mut transport = dial(&endpoint, &TransportOptions::new()).await.unwrap();
    let capabilities = transport.capabilities();
    assert!(!capabilities.push && !capabilities.session && !capabilities.binary_arguments);
    let refused = [
        ("multi", "sessions"),
        ("WATCH", "sessions"),
        ("SUBSCRIBE", "sessions"),
        ("CLIENT TRACKING", "sessions"),
        ("HELLO", "sessions"),
        ("AUTH", "sessions"),
        ("Select", "sessions"),
        ("SWAPDB", "sessions"),
        ("BLPOP", "blocking commands"),
        ("xread BLOCK 0 STREAMS", "blocking commands"),
        (
            "XREADGROUP GROUP g c COUNT 1 block 5 STREAMS",
            "blocking commands",
        ),
    ];
    for (command, lack) in refused {
        let refusal = transport
            .check(Request::new(command, "key").view())
            .unwrap_err();
        let RequestRejection::Unsupported {
            command: name,
            needs,
            transport,
        } = &refusal
        else {
            panic!("{refusal}");
        };
        assert_eq!((*needs, *transport), (lack, "HTTP"));
        assert!(command.to_ascii_uppercase().starts_with(name));
    }
    for allowed in [
        "GET",
        "EVAL",
        "XREAD COUNT 1 STREAMS block",
        "PUBLISH",
        "SCAN",
    ] {
        transport
            .check(Request::new(allowed, "key").view())
            .unwrap();
    }
    let binary = transport.check(Request::new("SET", ("k", b"\xff")).view());
    assert_eq!(binary, Err(RequestRejection::NotUtf8 { argument: 2 }));
    assert_eq!(counters.requests.load(Ordering::SeqCst), 0);
    with_timeout(poll_fn(|cx| transport.poll_close(cx)))
        .await
        .unwrap();
}

#[tokio::test]
async fn closing_waits_for_started_requests() {
    let (endpoint, counters) = serve(async |_| ok("1")).await;
    let mut transport = dial(&endpoint, &TransportOptions::new()).await.unwrap();
    for n in 0..5 {
        start(&mut transport, Request::new("ECHO", n)).await;
    }
    with_timeout(poll_fn(|cx| transport.poll_close(cx)))
        .await
        .unwrap();
    assert_eq!(counters.requests.load(Ordering::SeqCst), 5);
    assert!(receive(&mut transport).await.unwrap_err().is_closed());
}

#[test]
fn capabilities_follow_the_options() {
    let lesser = Capabilities::FULL
        .with_push(false)
        .with_ordered(false)
        .with_max_request(9);
    assert!(!lesser.push && !lesser.ordered && lesser.session);
    assert_eq!(lesser.max_request, 9);
}
