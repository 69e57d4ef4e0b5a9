//! The server as traces and observers name it.

use std::sync::{Arc, Mutex, PoisonError};

use swarm_transport::Route;
use swarm_transport::{Endpoint, TransportErrorKind};
use tracing::field::Empty;
use tracing::{Level, Span};

use super::Disconnect;
use crate::error::ErrorKind;
use crate::options::{CANCELLED, Observer, plausible_code};
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
    /// The endpoint of the shared connection, if the connector chooses among several.
    route: Mutex<Option<Route>>,
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

    /// The shared connection leads to this endpoint. Returns the previous one, if that was another.
    pub(crate) fn lead_to(&self, route: &Route) -> Option<Route> {
        let mut current = self.route.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = current.replace(route.clone())?;
        (!previous.is_same_endpoint(route)).then_some(previous)
    }

    /// Whether a connection leads to the same endpoint as the shared connection.
    pub(crate) fn is_led_to_by(&self, route: Option<&Route>) -> bool {
        let current = self.route.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*current, route) {
            (Some(current), Some(route)) => current.is_same_endpoint(route),
            (Some(_), None) => false,
            (None, _) => true,
        }
    }

    /// Returns the server's host, or the path of its Unix socket, and its port.
    pub(crate) fn server(&self) -> (String, Option<u16>) {
        let current = self.route.lock().unwrap_or_else(PoisonError::into_inner);
        let known = current.as_ref().and_then(Route::host_and_port);
        match known {
            Some((host, port)) => (host.to_owned(), port),
            None => (self.address.clone(), self.port),
        }
    }

    /// Returns `db.system.name`: by the options, or the name in the handshake, or the transport.
    pub(crate) fn system(&self) -> &'static str {
        match self.pinned.or_else(|| self.learned.kind()) {
            Some(ServerKind::SwarmKeyDb) => "swarmkeydb",
            None if self.is_gateway => "swarmkeydb",
            Some(ServerKind::Redis) | None => "redis",
        }
    }

    /// Starts an attempt to connect.
    pub(super) fn connecting(self: &Arc<Self>) -> Attempt {
        if !tracing::level_enabled!(Level::DEBUG) {
            return Attempt(None);
        }
        let (address, port) = self.server();
        let span = tracing::debug_span!(
            parent: None,
            "connect",
            otel.name = "CONNECT",
            otel.kind = "client",
            otel.status_code = Empty,
            // Recorded at the end, since the handshake may name the server.
            db.system.name = Empty,
            db.namespace = self.namespace.as_deref(),
            db.response.status_code = Empty,
            server.address = address,
            server.port = port.map(i64::from),
            error.type = Empty,
        );
        Attempt(Some((span, Arc::clone(self))))
    }
}

/// An attempt to connect, from dialing to the end of the handshake: its span, unless spans are
/// disabled. The span has no parent, because a connection serves any number of callers. If the
/// attempt is dropped, it was cancelled.
pub(super) struct Attempt(Option<(Span, Arc<Origin>)>);

impl Attempt {
    /// Returns the span, to dial in.
    pub(super) fn span(&self) -> Span {
        (self.0.as_ref()).map_or_else(Span::none, |(span, _)| span.clone())
    }

    /// The handshake is done.
    pub(super) fn succeeded(mut self) {
        self.end();
    }

    /// There is no connection.
    pub(super) fn failed(mut self, reason: &Disconnect) {
        let Some(span) = self.end() else {
            return;
        };
        let code = reason.server_error().and_then(plausible_code);
        if let Some(code) = code {
            span.record("db.response.status_code", code);
        }
        let kind = match reason {
            Disconnect::Transport(error) if error.is_auth() => ErrorKind::Auth,
            Disconnect::Transport(error) if error.kind() == TransportErrorKind::Timeout => {
                ErrorKind::Timeout
            }
            reason if reason.refused_credentials().is_some() => ErrorKind::Auth,
            _ => ErrorKind::Connection,
        };
        span.record("error.type", code.unwrap_or_else(|| kind.as_str()));
        span.record("otel.status_code", "ERROR");
    }

    /// The connector has chosen an endpoint.
    pub(super) fn leads_to(&self, route: &Route) {
        if let (Some((span, _)), Some((host, port))) = (&self.0, route.host_and_port()) {
            span.record("server.address", host);
            span.record("server.port", port.map(i64::from));
        }
    }

    fn end(&mut self) -> Option<Span> {
        let (span, origin) = self.0.take()?;
        span.record("db.system.name", origin.system());
        // Exporters take the last time that the span was entered for its end.
        span.in_scope(|| ());
        Some(span)
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(span) = self.end() {
            span.record("error.type", CANCELLED);
        }
    }
}
