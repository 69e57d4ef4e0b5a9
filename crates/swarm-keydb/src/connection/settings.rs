//! Settings that all connections of a client share.

use std::sync::Arc;
use std::time::Duration;

use swarm_resp::Request;

use crate::credentials::Credentials;
use crate::options::{CommandOrder, ErrorEncoding, FallbackScope, ProtocolVersion, RetryPolicy};
use crate::server::{Learned, ServerKind};

/// The part of the client's options that a connection needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// The server's address for errors and logs, without secrets. `None` with a custom connector.
    pub(crate) address: Option<Arc<str>>,
    /// The address of the HTTP fallback, likewise.
    pub(crate) fallback_address: Option<Arc<str>>,
    pub(crate) credentials: Option<Credentials>,
    /// Requests that every connection starts with, each with the option that asks for it: a
    /// database, a name, an identity.
    pub(crate) session: Vec<(&'static str, Request)>,
    /// Default timeout of a command.
    pub(crate) request_timeout: Duration,
    /// How long the server may stay silent while a reply is overdue before the client drops the
    /// connection.
    pub(crate) silence: Duration,
    /// The same limit while a reply to a write is overdue.
    pub(crate) drain_timeout: Duration,
    /// Interval between PINGs, on idle and on busy connections.
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) retry: RetryPolicy,
    pub(crate) protocol: ProtocolVersion,
    pub(crate) error_encoding: ErrorEncoding,
    /// The kind of server, if the options pin it.
    pub(crate) server: Option<ServerKind>,
    /// Whether the server must be a primary. One that is not counts as not available.
    pub(crate) needs_primary: bool,
    /// Which commands stay in order.
    pub(crate) order: CommandOrder,
    /// Which commands may use the HTTP fallback while there is no connection.
    pub(crate) fallback: FallbackScope,
    /// Codes of errors after which the client drains the connection and opens another.
    pub(crate) reconnect_on: Arc<[Box<str>]>,
    /// What the client has learned about the server. Shared by all connections of a client.
    pub(crate) learned: Learned,
}
