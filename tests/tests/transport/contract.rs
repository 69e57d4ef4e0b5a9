//! The contract of `Transport`, on every transport.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use swarm_resp::{Frame, Request};
use swarm_tests::within_secs;
use swarm_transport::{BoxTransport, TransportErrorKind, TransportOptions};
use tokio::sync::{mpsc, oneshot};

use crate::hooks::{Hooks, Manner};
use crate::wire::{Wire, call, flush, receive, soon, start};

/// Declares each test for each transport.
macro_rules! on_every_wire {
    ($($test:ident),+ $(,)?) => {
        on_every_wire!(
            @ ws Ws, wss Wss, http Http, https Https, tcp Tcp, tls Tls, unix Unix,
            pipe Pipe, memory Memory;
            ($($test)+)
        );
    };
    (@ $($module:ident $wire:ident),+; $tests:tt) => {
        $(mod $module { on_every_wire!(# $wire $tests); })+
    };
    (# $wire:ident ($($test:ident)+)) => {
        $(#[tokio::test]
        async fn $test() {
            super::$test(crate::wire::Wire::$wire).await;
        })+
    };
}

on_every_wire!(
    replies_reach_64_concurrent_senders,
    values_of_every_size_pass,
    ten_thousand_requests_in_one_burst,
    a_flushed_request_arrives_though_nobody_receives,
    abandoned_polls_lose_nothing,
    a_peer_that_leaves_ends_the_transport,
    closing_delivers_what_was_started,
    dropping_ends_the_connection,
    a_peer_that_does_not_read_stops_the_sender,
    errors_of_the_server_are_replies,
    each_dial_is_a_connection_of_its_own,
);

/// Sends the requests of many tasks over one transport; replies match by order alone.
async fn share(
    mut transport: BoxTransport,
    mut calls: mpsc::Receiver<(Request, oneshot::Sender<Frame>)>,
) {
    let mut waiting = VecDeque::new();
    let mut next = None;
    poll_fn(|cx| {
        loop {
            if next.is_none() {
                next = match calls.poll_recv(cx) {
                    Poll::Ready(None) if waiting.is_empty() => return Poll::Ready(()),
                    Poll::Ready(call) => call,
                    Poll::Pending => None,
                };
            }
            let mut moved = false;
            if next.is_some() && transport.poll_ready(cx).map(Result::unwrap).is_ready() {
                let (request, reply) = next.take().unwrap();
                transport.start_send(request.view()).unwrap();
                waiting.push_back(reply);
                moved = true;
            }
            if !moved {
                let _ = transport.poll_flush(cx).map(Result::unwrap);
            }
            if let Poll::Ready(frame) = transport.poll_receive(cx) {
                let caller: oneshot::Sender<_> = waiting.pop_front().unwrap();
                caller.send(frame.unwrap()).unwrap();
                moved = true;
            }
            if !moved {
                return Poll::Pending;
            }
        }
    })
    .await;
}

async fn replies_reach_64_concurrent_senders(wire: Wire) {
    let server = wire.listen(&Hooks::new(Manner::Answers)).await;
    let (calls, receiver) = mpsc::channel(64);
    let driver = tokio::spawn(share(server.dial().await, receiver));
    let senders: Vec<_> = (0..64)
        .map(|task| {
            let calls = calls.clone();
            tokio::spawn(async move {
                for n in 0..20 {
                    let (reply, answered) = oneshot::channel();
                    let value = format!("{task}/{n}");
                    calls
                        .send((Request::new("ECHO", value.as_str()), reply))
                        .await
                        .unwrap();
                    let frame = answered.await.unwrap();
                    assert_eq!(frame.as_str(), Some(value.as_str()));
                }
            })
        })
        .collect();
    drop(calls);
    for sender in senders {
        soon(sender).await.unwrap();
    }
    soon(driver).await.unwrap();
}

async fn values_of_every_size_pass(wire: Wire) {
    let server = wire.listen(&Hooks::new(Manner::Answers)).await;
    let mut transport = server.dial().await;
    for size in [0, 1, 125, 126, 16 << 10, 65_535, 65_536, 1 << 20, 32 << 20] {
        let value = "v".repeat(size);
        // 32 MiB are encrypted, masked or escaped by a debug build.
        let reply = within_secs(
            60,
            call(&mut transport, Request::new("ECHO", value.as_str())),
        )
        .await
        .unwrap();
        assert!(reply.as_str() == Some(&value), "{size} bytes");
    }
    let list = soon(call(
        &mut transport,
        Request::new("LIST", ("", "a", "", "\r\n")),
    ))
    .await
    .unwrap();
    let items: Vec<_> = list
        .items()
        .unwrap()
        .map(|item| item.as_str().unwrap())
        .collect();
    assert_eq!(items, ["", "a", "", "\r\n"]);
}

async fn ten_thousand_requests_in_one_burst(wire: Wire) {
    // HTTP carries one command per exchange, so a burst is bounded by the number of exchanges in
    // flight.
    let burst = if wire.is_http() { 1_000 } else { 10_000 };
    let server = wire.listen(&Hooks::new(Manner::Answers)).await;
    let mut transport = server.dial().await;
    let (mut sent, mut received, mut flushes) = (0, 0, 0);
    let all = poll_fn(|cx| {
        loop {
            let before = (sent, received);
            while sent < burst && transport.poll_ready(cx).map(Result::unwrap).is_ready() {
                transport
                    .start_send(Request::new("ECHO", sent).view())
                    .unwrap();
                sent += 1;
            }
            flushes += 1;
            let _ = transport.poll_flush(cx).map(Result::unwrap);
            while let Poll::Ready(frame) = transport.poll_receive(cx) {
                assert_eq!(frame.unwrap().as_str(), Some(received.to_string().as_str()));
                received += 1;
            }
            if received == burst {
                return Poll::Ready(());
            }
            if before == (sent, received) {
                return Poll::Pending;
            }
        }
    });
    // A debug build encodes and answers them one by one.
    within_secs(60, all).await;
    if !wire.is_http() {
        assert!(
            flushes * 5 < burst,
            "{flushes} flushes for {burst} requests"
        );
    }
}

async fn a_flushed_request_arrives_though_nobody_receives(wire: Wire) {
    let hooks = Hooks::new(Manner::Answers);
    let server = wire.listen(&hooks).await;
    let mut transport = server.dial().await;
    start(&mut transport, Request::new("ECHO", "x"))
        .await
        .unwrap();
    soon(flush(&mut transport)).await.unwrap();
    soon(async {
        while hooks.requests() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(
        soon(receive(&mut transport)).await.unwrap().as_str(),
        Some("x")
    );
}

async fn abandoned_polls_lose_nothing(wire: Wire) {
    let server = wire.listen(&Hooks::new(Manner::Answers)).await;
    let mut transport = server.dial().await;
    for n in 0..50 {
        let value = "x".repeat(n * 1000);
        start(&mut transport, Request::new("ECHO", value.as_str()))
            .await
            .unwrap();
        // Polls that are abandoned immediately, with a waker that wakes nobody.
        let _ = transport
            .poll_flush(&mut Context::from_waker(Waker::noop()))
            .map(Result::unwrap);
        soon(flush(&mut transport)).await.unwrap();
        let reply = loop {
            match transport.poll_receive(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(reply) => break reply.unwrap(),
                Poll::Pending => tokio::task::yield_now().await,
            }
        };
        assert_eq!(reply.as_str(), Some(value.as_str()));
    }
}

async fn a_peer_that_leaves_ends_the_transport(wire: Wire) {
    let server = wire.listen(&Hooks::new(Manner::Leaves(3))).await;
    let mut transport = server.dial().await;
    for n in 0..3 {
        start(&mut transport, Request::new("ECHO", n))
            .await
            .unwrap();
    }
    flush(&mut transport).await.unwrap();
    for n in 0..3 {
        let reply = soon(receive(&mut transport)).await.unwrap();
        assert_eq!(reply.as_str(), Some(n.to_string().as_str()));
    }
    if wire.is_http() {
        // A connection that ends between two requests does not matter: the next request opens its
        // own.
        let reply = soon(call(&mut transport, Request::new("ECHO", "again")))
            .await
            .unwrap();
        assert_eq!(reply.as_str(), Some("again"));
    } else {
        let end = soon(receive(&mut transport)).await.unwrap_err();
        assert!(end.is_closed(), "{end:?}");
        // The transport stays closed.
        assert!(soon(receive(&mut transport)).await.unwrap_err().is_closed());
        assert!(
            soon(call(&mut transport, Request::new("ECHO", "")))
                .await
                .unwrap_err()
                .is_closed()
        );
    }
}

async fn closing_delivers_what_was_started(wire: Wire) {
    let hooks = Hooks::new(Manner::Answers);
    let server = wire.listen(&hooks).await;
    // More data than the sockets buffer is pending when the transport closes, and the peer answers
    // meanwhile.
    let connector = server.connector(TransportOptions::new().write_buffer(4 << 20));
    let mut transport = soon(connector.connect()).await.unwrap();
    let value = "x".repeat(50 << 10);
    for _ in 0..30 {
        soon(start(&mut transport, Request::new("ECHO", value.as_str())))
            .await
            .unwrap();
    }
    soon(poll_fn(|cx| transport.poll_close(cx))).await.unwrap();
    soon(poll_fn(|cx| transport.poll_close(cx))).await.unwrap();
    let end = soon(receive(&mut transport)).await.unwrap_err();
    assert!(end.is_closed(), "{end:?}");
    drop(transport);
    soon(hooks.ended()).await;
    assert_eq!(hooks.requests(), 30);
}

async fn dropping_ends_the_connection(wire: Wire) {
    let hooks = Hooks::new(Manner::IsMute);
    let server = wire.listen(&hooks).await;
    let mut transport = server.dial().await;
    start(&mut transport, Request::new("ECHO", "x"))
        .await
        .unwrap();
    flush(&mut transport).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(20), receive(&mut transport)).await;
    assert!(waiting.is_err(), "a mute peer answered");
    drop(transport);
    soon(hooks.ended()).await;
}

async fn a_peer_that_does_not_read_stops_the_sender(wire: Wire) {
    let server = wire.listen(&Hooks::new(Manner::IsDeaf)).await;
    let mut transport = server.dial().await;
    let request = Request::new("ECHO", "x".repeat(64 << 10));
    let mut taken = 0;
    // If the transport becomes ready again soon, the socket accepted more; a full one stays full.
    while let Ok(started) = tokio::time::timeout(
        Duration::from_millis(100),
        start(&mut transport, request.clone()),
    )
    .await
    {
        started.unwrap();
        taken += request.encoded().len();
        // Socket buffers hold a few megabytes on both sides; an unbounded queue would accept
        // everything.
        assert!(taken < 64 << 20, "the queue grows without bounds");
    }
}

async fn errors_of_the_server_are_replies(wire: Wire) {
    let server = wire.listen(&Hooks::new(Manner::Answers)).await;
    let mut transport = server.dial().await;
    let error = soon(call(&mut transport, Request::new("FAIL", ())))
        .await
        .unwrap();
    assert_eq!(error.as_error().unwrap().as_str(), "ERR as asked");
    let null = soon(call(&mut transport, Request::new("GET", "missing")))
        .await
        .unwrap();
    assert!(null.is_null());
}

async fn each_dial_is_a_connection_of_its_own(wire: Wire) {
    let hooks = Hooks::new(Manner::Answers);
    let server = wire.listen(&hooks).await;
    let connector = server.connector(TransportOptions::new());
    for n in 0..3 {
        let mut transport = soon(connector.connect()).await.unwrap();
        let reply = soon(call(&mut transport, Request::new("ECHO", n)))
            .await
            .unwrap();
        assert_eq!(reply.as_str(), Some(n.to_string().as_str()));
        drop(transport);
        soon(hooks.ended()).await;
    }
}

/// A dial whose handshake is never answered; over plain TCP, one that is never accepted.
#[tokio::test]
async fn a_dial_without_an_answer_times_out() {
    let options = TransportOptions::new().dial_timeout(Duration::from_millis(100));
    for (wire, waits_for) in [
        (Wire::Ws, "WebSocket upgrade"),
        (Wire::Wss, "TLS handshake"),
        (Wire::Http, "PING"),
        (Wire::Https, "TLS handshake"),
        (Wire::Tls, "TLS handshake"),
        (Wire::Tcp, "TCP connection within"),
    ] {
        let backlog =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        backlog
            .bind(
                &"127.0.0.1:0"
                    .parse::<std::net::SocketAddr>()
                    .unwrap()
                    .into(),
            )
            .unwrap();
        backlog.listen(0).unwrap();
        let address = backlog.local_addr().unwrap().as_socket().unwrap();
        let mut full = Vec::new();
        if wire == Wire::Tcp {
            // Fills the accept queue, so that the kernel does not complete the next handshake.
            while let Ok(Ok(stream)) = tokio::time::timeout(
                Duration::from_millis(50),
                tokio::net::TcpStream::connect(address),
            )
            .await
            {
                full.push(stream);
            }
        }
        let dial = swarm_transport::connector(
            &wire.endpoint(address.port()),
            &options.clone().tls(crate::identity::trusting()),
        )
        .unwrap();
        let error = soon(dial.connect()).await.err().unwrap();
        assert_eq!(
            error.kind(),
            TransportErrorKind::Timeout,
            "{wire:?}: {error}"
        );
        // The step that the dial was waiting for, the address, and the timeout.
        for part in ["100ms", waits_for, &address.to_string()] {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
    }
}
