//! Broken connections: no request runs twice, and each fault is told.

use std::sync::atomic::Ordering;
use std::time::Duration;

use swarm_resp::Request;
use tokio::net::TcpListener;

use super::{Does, answer, call, dial, ok, receive, serve, start};
use crate::{DialOptions, Endpoint, TransportErrorKind as Kind};

#[tokio::test]
async fn a_cut_connection_ends_the_transport_and_nothing_is_sent_again() {
    for cut in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"result\":1}",
    ] {
        let (endpoint, counters) = serve(async move |_| Does::Cuts(cut)).await;
        let mut transport = dial(&endpoint, &DialOptions::new()).await.unwrap();
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
    let mut transport = dial(&endpoint, &DialOptions::new()).await.unwrap();
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
    // The server closes after each answer without announcing it. Whatever a race does to a request, it may fail, but
    // not run twice.
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"result\":1}";
    let (endpoint, counters) = serve(async move |_| Does::Cuts(cut)).await;
    let mut tried = 0;
    for _ in 0..20 {
        let mut transport = dial(&endpoint, &DialOptions::new()).await.unwrap();
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
async fn a_dial_shows_a_wrong_port_path_and_token() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let endpoint = Endpoint::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let cases = [
        (
            "HTTP/1.1 401 Unauthorized\r\nContent-Length: 47\r\n\r\n{\"error\":\"NOAUTH Authentication required now!!\"}",
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
        let options = DialOptions::new();
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
        dial(&endpoint, &DialOptions::new())
            .await
            .err()
            .unwrap()
            .is_refused()
    );
}

#[tokio::test]
async fn a_mute_server_is_given_up() {
    let (endpoint, _) = serve(async |_| std::future::pending().await).await;
    let options = DialOptions::new().http_timeout(Duration::from_millis(50));
    let mut transport = dial(&endpoint, &options).await.unwrap();
    let error = call(&mut transport, Request::new("GET", "k"))
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[tokio::test]
async fn results_before_a_failed_request_are_still_delivered() {
    let (endpoint, _) = serve(async |seen| match seen.body.contains("BAD") {
        true => answer("503 Service Unavailable", ""),
        false => ok("1"),
    })
    .await;
    let mut transport = dial(&endpoint, &DialOptions::new()).await.unwrap();
    for name in ["GOOD", "BAD", "GOOD"] {
        start(&mut transport, Request::new(name, ())).await;
    }
    assert!(receive(&mut transport).await.is_ok());
    assert!(receive(&mut transport).await.unwrap_err().is_refused());
    assert!(receive(&mut transport).await.unwrap_err().is_closed());
}
