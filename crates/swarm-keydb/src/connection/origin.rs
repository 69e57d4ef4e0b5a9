//! The server as traces and observers name it.

use swarm_transport::{Endpoint, TransportError, TransportErrorKind};
use tracing::Span;
use tracing::field::Empty;

use crate::options::Observer;
use crate::server::{Learned, ServerKind};

/// Facts about the server that every span has, and the observer of the client's operations.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    /// Host, or path of the Unix socket.
    pub(crate) address: String,
    pub(crate) port: Option<u16>,
    /// Number of the database, if the URL names one.
    pub(crate) namespace: Option<String>,
    pub(crate) observer: Option<Observer>,
    /// The kind of server that the options pin.
    pinned: Option<ServerKind>,
    /// Whether the transport is one that only SwarmKeyDb's gateways speak.
    is_gateway: bool,
    learned: Learned,
}

impl Origin {
    /// Creates the origin of a client. With a custom connector, there is no endpoint.
    pub(crate) fn new(
        endpoint: Option<&Endpoint>,
        pinned: Option<ServerKind>,
        learned: Learned,
        observer: Option<Observer>,
    ) -> Self {
        let mut origin = Self {
            pinned,
            learned,
            observer,
            ..Self::default()
        };
        if let Some(endpoint) = endpoint {
            match endpoint.socket_path() {
                Some(path) => origin.address = path.display().to_string(),
                None => {
                    origin.address = endpoint.host().to_owned();
                    origin.port = Some(endpoint.port());
                }
            }
            origin.namespace = endpoint.database().map(|number| number.to_string());
            origin.is_gateway = !endpoint.scheme().is_redis();
        }
        origin
    }

    /// Returns `db.system.name`: by the options, or the name in the handshake, or the transport.
    pub(crate) fn system(&self) -> &'static str {
        match self.pinned.or_else(|| self.learned.kind()) {
            Some(ServerKind::SwarmKeyDb) => "swarmkeydb",
            None if self.is_gateway => "swarmkeydb",
            Some(ServerKind::Redis) | None => "redis",
        }
    }

    /// Creates the span of opening a connection. The span has no parent, because a connection
    /// serves any number of callers.
    pub(crate) fn connecting(&self) -> Span {
        tracing::debug_span!(
            parent: None,
            "connect",
            otel.name = "CONNECT",
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = self.system(),
            server.address = self.address,
            server.port = self.port.map(i64::from),
            error.type = Empty,
        )
    }
}

/// Records in the span of [`Origin::connecting`] why there is no connection.
pub(super) fn not_connected(span: &Span, error: &TransportError) {
    let kind = match error.kind() {
        TransportErrorKind::Timeout => "timeout",
        _ => "connection",
    };
    span.record("error.type", kind);
    span.record("otel.status_code", "ERROR");
}
