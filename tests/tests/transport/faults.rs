//! Every network failure is a typed error with the right predicates, in bounded time.

use std::time::Duration;

use swarm_resp::{Limits, Request};
use swarm_transport::{TransportError, TransportErrorKind as Kind, TransportOptions, connector};

use crate::hooks::{Hooks, Manner};
use crate::identity;
use crate::proxy::{Fault, Proxy};
use crate::wire::{Wire, call, soon};

/// Returns the error of a call after a fault that is injected once the connection is open.
async fn spoiled(wire: Wire, fault: Fault, options: &TransportOptions) -> TransportError {
    let server = wire.listen(&Hooks::new(Manner::Answers)).await;
    let proxy = Proxy::before(server.port()).await;
    let options = options.clone().tls(identity::trusting());
    let connector = connector(&wire.endpoint(proxy.port), &options).unwrap();
    let mut transport = soon(connector.connect()).await.unwrap();
    let before = soon(call(&mut transport, Request::new("ECHO", "fine")))
        .await
        .unwrap();
    assert_eq!(before.as_str(), Some("fine"));
    proxy.set(fault);
    let error = soon(call(&mut transport, Request::new("ECHO", "hello")))
        .await
        .unwrap_err();
    // A failed transport stays failed.
    assert!(
        soon(call(&mut transport, Request::new("ECHO", "late")))
            .await
            .is_err()
    );
    error
}

#[track_caller]
fn assert_kind(error: &TransportError, kind: Kind, case: &dyn std::fmt::Debug) {
    assert_eq!(error.kind(), kind, "{case:?}: {error}");
    let predicates = [
        (error.is_refused(), Kind::Refused),
        (error.is_timeout(), Kind::Timeout),
        (error.is_closed(), Kind::Closed),
        (error.is_tls(), Kind::Tls),
        (error.is_auth(), Kind::Auth),
        (error.is_limit(), Kind::Limit),
    ];
    for (says, of) in predicates {
        assert_eq!(says, of == kind, "{case:?}: {error}");
    }
}

#[tokio::test]
async fn faults_behind_an_open_connection_are_told() {
    use Wire::{Http, Https, Tcp, Tls, Ws, Wss};
    let cases = [
        // The peer closes: at a frame boundary and inside a frame, with and without a close
        // handshake.
        (Ws, Fault::CutAfter(0), Kind::Closed),
        (Ws, Fault::CutAfter(1), Kind::Closed),
        (Ws, Fault::CutAfter(7), Kind::Closed),
        (Wss, Fault::CutAfter(0), Kind::Closed),
        (Wss, Fault::CutAfter(10), Kind::Closed),
        (Tcp, Fault::CutAfter(0), Kind::Closed),
        (Tcp, Fault::CutAfter(1), Kind::Closed),
        (Tcp, Fault::CutAfter(7), Kind::Closed),
        (Tls, Fault::CutAfter(0), Kind::Closed),
        (Tls, Fault::CutAfter(10), Kind::Closed),
        (Http, Fault::CutAfter(0), Kind::Closed),
        (Http, Fault::CutAfter(20), Kind::Closed),
        (Https, Fault::CutAfter(0), Kind::Closed),
        (Ws, Fault::ResetAfter(3), Kind::Closed),
        (Tcp, Fault::ResetAfter(3), Kind::Closed),
        (Http, Fault::ResetAfter(3), Kind::Closed),
        // Wrong lengths: too long within a message, too short, and above a limit.
        (Ws, Fault::Replace(b"$5\r", b"$9\r"), Kind::Protocol),
        (Ws, Fault::Replace(b"$5\r", b"$4\r"), Kind::Protocol),
        (Tcp, Fault::Replace(b"$5\r", b"$4\r"), Kind::Protocol),
        (
            Tcp,
            Fault::Replace(b"$5\r\nhello\r\n", b"$99999999\r\n"),
            Kind::Limit,
        ),
        (
            Tcp,
            Fault::Replace(b"$5\r\nhello\r\n", b"*99999999\r\n"),
            Kind::Limit,
        ),
        (
            Http,
            Fault::Replace(b"content-length: 1", b"content-length: 0"),
            Kind::Protocol,
        ),
        // Corrupted bytes.
        (Ws, Fault::FlipAt(0), Kind::Protocol),
        (Ws, Fault::FlipAt(2), Kind::Protocol),
        (Tcp, Fault::FlipAt(0), Kind::Protocol),
        (Wss, Fault::FlipAt(12), Kind::Tls),
        (Tls, Fault::FlipAt(12), Kind::Tls),
        (Https, Fault::FlipAt(12), Kind::Tls),
        (Http, Fault::FlipAt(0), Kind::Protocol),
    ];
    let options = TransportOptions::new().limits(Limits::new().with_max_bulk(1 << 20));
    for (wire, fault, kind) in cases {
        let error = spoiled(wire, fault, &options).await;
        assert_kind(&error, kind, &(wire, fault));
        // The peer has spoken the protocol before, so another connection may work.
        assert_eq!(error.is_transient(), kind != Kind::Limit, "{error}");
    }
}

#[tokio::test]
async fn stalls_are_found_by_heartbeats_and_deadlines() {
    let options = TransportOptions::new()
        .ws_ping_interval(Duration::from_millis(100))
        .ws_ping_timeout(Duration::from_millis(100))
        .http_timeout(Duration::from_millis(200));
    for wire in [Wire::Ws, Wire::Wss, Wire::Http, Wire::Https] {
        for after in [0, 3] {
            let error = spoiled(wire, Fault::StallAfter(after), &options).await;
            assert_kind(&error, Kind::Timeout, &(wire, after));
        }
    }
}

/// Faults during a dial rather than on an open connection.
#[tokio::test]
async fn faults_of_a_dial_are_told() {
    use Wire::{Http, Https, Tls, Ws, Wss};
    let options = TransportOptions::new()
        .dial_timeout(Duration::from_millis(200))
        .tls(identity::trusting());
    let cases = [
        (Ws, Fault::CutAfter(10), Kind::Closed),
        (Wss, Fault::CutAfter(0), Kind::Closed),
        (Wss, Fault::CutAfter(100), Kind::Closed),
        (Tls, Fault::CutAfter(100), Kind::Closed),
        (Http, Fault::CutAfter(10), Kind::Closed),
        (Https, Fault::CutAfter(100), Kind::Closed),
        (Ws, Fault::StallAfter(10), Kind::Timeout),
        (Wss, Fault::StallAfter(100), Kind::Timeout),
        (Tls, Fault::StallAfter(100), Kind::Timeout),
        (Http, Fault::StallAfter(10), Kind::Timeout),
        (Tls, Fault::FlipAt(0), Kind::Tls),
        (Wss, Fault::FlipAt(200), Kind::Tls),
        (Ws, Fault::FlipAt(0), Kind::Protocol),
    ];
    for (wire, fault, kind) in cases {
        let server = wire.listen(&Hooks::new(Manner::Answers)).await;
        let proxy = Proxy::before(server.port()).await;
        proxy.set(fault);
        let connector = connector(&wire.endpoint(proxy.port), &options).unwrap();
        let error = soon(connector.connect()).await.err().unwrap();
        assert_kind(&error, kind, &(wire, fault));
    }
}

#[tokio::test]
async fn nobody_listening_is_refused_on_every_wire() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for wire in [
        Wire::Ws,
        Wire::Wss,
        Wire::Http,
        Wire::Https,
        Wire::Tcp,
        Wire::Tls,
    ] {
        let options = TransportOptions::new().tls(identity::trusting());
        let connector = connector(&wire.endpoint(port), &options).unwrap();
        let error = soon(connector.connect()).await.err().unwrap();
        assert_kind(&error, Kind::Refused, &wire);
    }
}
