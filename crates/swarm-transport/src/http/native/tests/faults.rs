//! Connection failures: no request runs twice, and each failure has a specific error.

use std::sync::atomic::Ordering;
use std::time::Duration;

use swarm_resp::Request;
use tokio::net::TcpListener;

use super::{Does, Seen, answer, call, dial, ok, receive, serve, start};
use crate::{Endpoint, TransportErrorKind as Kind, TransportOptions};

#[tokio::test]
async fn a_lost_connection_ends_the_transport_and_nothing_is_resent() {
    for cut in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"result\":1}",
    ] {
        let (endpoint, counters) = serve(async move |_| Does::Cuts(cut)).await;
        let mut transport = dial(&endpoint, &TransportOptions::new()).await.unwrap();
        let error = call(&mut transport, Request::new("INCR", "n"))
            .await
            .unwrap_err();
        assert!(error.is_closed(), "{cut:?}: {error:?}");
        assert_eq!(counters.requests.load(Ordering::SeqCst), 1, "{cut:?}");
        assert!(receive(&mut transport).await.unwrap_err().is_closed());
    }
}

#[tokio::test]
async fn a_connection_closed_between_requests_is_replaced() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n{\"result\":1}";
    let (endpoint, counters) = serve(async move |_| Does::Cuts(cut)).await;
    let mut transport = dial(&endpoint, &TransportOptions::new()).await.unwrap();
    for n in 1..5 {
        let reply = call(&mut transport, Request::new("INCR", "n"))
            .await
            .unwrap();
        assert_eq!(reply.as_integer(), Some(1));
        assert_eq!(counters.requests.load(Ordering::SeqCst), n);
    }
}

#[tokio::test]
async fn no_request_runs_twice_when_idle_connections_go_stale() {
    // The server closes the connection after each response without announcing it. A request may
    // fail, but must not run twice.
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"result\":1}";
    let (endpoint, counters) = serve(async move |_| Does::Cuts(cut)).await;
    let mut tried = 0;
    for _ in 0..20 {
        let mut transport = dial(&endpoint, &TransportOptions::new()).await.unwrap();
        for _ in 0..3 {
            tried += 1;
            if call(&mut transport, Request::new("INCR", "n"))
                .await
                .is_err()
            {
                break;
            }
        }
    }
    assert!(counters.requests.load(Ordering::SeqCst) <= tried);
}

#[tokio::test]
async fn connecting_detects_a_wrong_port_path_and_token() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let cases = [
        (
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 47\r\n\r\n\
             {\"error\":\"NOAUTH Authentication required now!!\"}",
            Kind::Auth,
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            Kind::Protocol,
        ),
        ("-ERR unknown command 'POST'\r\n", Kind::Protocol),
        ("", Kind::Closed),
    ];
    for (bytes, kind) in cases {
        let options = TransportOptions::new();
        let dialing = dial(&endpoint, &options);
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            super::read_request(&mut stream).await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, bytes.as_bytes())
                .await
                .unwrap();
        };
        let (dialed, ()) = tokio::join!(dialing, serving);
        let error = dialed.err().unwrap();
        assert_eq!(error.kind(), kind, "{error:?}");
    }
    drop(listener);
    assert!(
        dial(&endpoint, &TransportOptions::new())
            .await
            .err()
            .unwrap()
            .is_refused()
    );
}

#[tokio::test]
async fn an_unresponsive_server_times_out() {
    let (endpoint, _) = serve(async |_| std::future::pending().await).await;
    let options = TransportOptions::new().http_timeout(Duration::from_millis(50));
    let mut transport = dial(&endpoint, &options).await.unwrap();
    let error = call(&mut transport, Request::new("GET", "k"))
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[tokio::test]
async fn replies_before_a_failed_request_are_delivered() {
    let (endpoint, _) = serve(async |seen| match seen.body.contains("BAD") {
        true => answer("503 Service Unavailable", ""),
        false => ok("1"),
    })
    .await;
    let mut transport = dial(&endpoint, &TransportOptions::new()).await.unwrap();
    for name in ["GOOD", "BAD", "GOOD"] {
        start(&mut transport, Request::new(name, ())).await;
    }
    assert!(receive(&mut transport).await.is_ok());
    assert!(receive(&mut transport).await.unwrap_err().is_refused());
    assert!(receive(&mut transport).await.unwrap_err().is_closed());
}

/// SwarmKeyDb resets idle connections after 15 seconds, which must not affect a request.
#[tokio::test]
async fn connections_idle_for_ten_seconds_are_not_reused() {
    let (endpoint, counters) = serve(async |_| ok("1")).await;
    let mut transport = dial(&endpoint, &TransportOptions::new()).await.unwrap();
    for (idle, connections) in [(9, 1), (9, 1), (10, 2), (14, 3)] {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(idle)).await;
        tokio::time::resume();
        call(&mut transport, Request::new("GET", "k"))
            .await
            .unwrap();
        let opened = counters.connections.load(Ordering::SeqCst);
        assert_eq!(opened, connections, "idle for {idle} s");
    }
}

/// SwarmKeyDb responds to errors with 400 and `Connection: close`, and closes the connection. The
/// error is a reply, and the next command uses a new connection.
#[tokio::test]
async fn an_error_reply_that_closes_its_connection_fails_no_other_command() {
    let error = r#"{"error":"ERR value is not an integer or out of range"}"#;
    let closing = format!(
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{error}",
        error.len()
    );
    let closing: &'static str = closing.leak();
    let (endpoint, counters) = serve(move |seen: Seen| async move {
        match seen.body.contains("INCR") {
            true => Does::Cuts(closing),
            false => ok("1"),
        }
    })
    .await;
    let mut transport = dial(&endpoint, &TransportOptions::new()).await.unwrap();
    for n in 1..6 {
        let refused = call(&mut transport, Request::new("INCR", "k"))
            .await
            .unwrap();
        assert_eq!(refused.as_error().unwrap().code(), "ERR");
        let served = call(&mut transport, Request::new("GET", "k"))
            .await
            .unwrap();
        assert_eq!(served.as_integer(), Some(1));
        assert_eq!(counters.connections.load(Ordering::SeqCst), n + 1);
    }
}

#[tokio::test]
async fn a_connect_timeout_names_the_step() {
    // The backlog accepts the connection, but nothing responds to PING.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = Endpoint::parse(&format!("http://{address}")).unwrap();
    let options = TransportOptions::new().dial_timeout(Duration::from_millis(50));
    let error = dial(&endpoint, &options).await.err().unwrap();
    assert!(error.is_timeout(), "{error}");
    let text = error.to_string();
    let accepted = format!("accepted a TCP connection at {address}");
    for part in ["50ms", "PING", accepted.as_str()] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Guards against mistaking a temporarily unavailable server for a wrong address.
#[tokio::test]
async fn a_refused_ping_is_classified_by_its_code() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let cases = [
        ("LOADING data", Kind::Refused, true),
        ("BUSY scripts", Kind::Refused, true),
        ("ERR max number of clients reached", Kind::Protocol, true),
        ("WRONGPASS no\\u001b[31m\\r\\n", Kind::Auth, false),
    ];
    for (text, kind, transient) in cases {
        let body = format!(r#"{{"error":"{text}"}}"#);
        let options = TransportOptions::new();
        let dialing = dial(&endpoint, &options);
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            super::read_request(&mut stream).await.unwrap();
            let Does::Answers(bytes) = answer("400 Bad Request", &body) else {
                unreachable!("an answer")
            };
            tokio::io::AsyncWriteExt::write_all(&mut stream, bytes.as_bytes())
                .await
                .unwrap();
        };
        let (dialed, ()) = tokio::join!(dialing, serving);
        let error = dialed.err().unwrap();
        assert_eq!(
            (error.kind(), error.is_transient()),
            (kind, transient),
            "{error}"
        );
        assert!(!error.to_string().contains(['\u{1b}', '\n']), "{error:?}");
    }
}
