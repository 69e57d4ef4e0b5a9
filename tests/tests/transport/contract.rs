//! The contract of `Transport`, on every transport.

mod rules;

use std::sync::Arc;
use std::time::Duration;

use swarm_transport::{Connect, TransportErrorKind, TransportOptions};

use crate::hooks::{Hooks, Manner};
use crate::wire::{Server, Wire, soon};

/// A peer over a transport.
struct Peer<const IS_HTTP: bool> {
    server: Server,
    hooks: Hooks,
}

impl<const IS_HTTP: bool> Peer<IS_HTTP> {
    async fn new(wire: Wire, manner: Manner) -> Self {
        assert_eq!(wire.is_http(), IS_HTTP);
        let hooks = Hooks::new(manner);
        let server = wire.listen(&hooks).await;
        Self { server, hooks }
    }
}

impl<const IS_HTTP: bool> rules::Peer for Peer<IS_HTTP> {
    const IS_HTTP: bool = IS_HTTP;

    fn connector(&self, options: TransportOptions) -> Arc<dyn Connect> {
        self.server.connector(options)
    }

    async fn requests(&self) -> usize {
        self.hooks.requests()
    }

    async fn ended(&self) {
        self.hooks.ended().await;
    }

    async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(limit, future).await.ok()
    }

    async fn turn() {
        tokio::task::yield_now().await;
    }
}

/// Declares each test for each transport.
macro_rules! on_every_wire {
    ($($test:ident: $manner:expr),+ $(,)?) => {
        on_every_wire!(
            @ ws Ws, wss Wss, http Http, https Https, tcp Tcp, tls Tls, unix Unix,
            pipe Pipe, memory Memory;
            ($($test $manner)+)
        );
    };
    (@ $($module:ident $wire:ident),+; $tests:tt) => {
        $(mod $module { on_every_wire!(# $wire $tests); })+
    };
    (# $wire:ident ($($test:ident $manner:expr)+)) => {
        $(#[tokio::test]
        async fn $test() {
            use crate::contract::{Peer, rules};
            use crate::hooks::Manner;
            use crate::wire::Wire;
            const IS_HTTP: bool = Wire::$wire.is_http();
            rules::$test(&Peer::<IS_HTTP>::new(Wire::$wire, $manner).await).await;
        })+
    };
}

on_every_wire!(
    replies_reach_64_concurrent_senders: Manner::Answers,
    values_of_every_size_pass: Manner::Answers,
    ten_thousand_requests_in_one_burst: Manner::Answers,
    a_flushed_request_arrives_though_nobody_receives: Manner::Answers,
    abandoned_polls_lose_nothing: Manner::Answers,
    a_peer_that_leaves_ends_the_transport: Manner::Leaves(3),
    closing_delivers_what_was_started: Manner::Answers,
    dropping_ends_the_connection: Manner::IsMute,
    a_peer_that_does_not_read_stops_the_sender: Manner::IsDeaf,
    errors_of_the_server_are_replies: Manner::Answers,
    each_dial_is_a_connection_of_its_own: Manner::Answers,
);

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
