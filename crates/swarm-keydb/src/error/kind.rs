//! Error kinds, and what the client knows about each.

use super::Error;

/// What went wrong.
///
/// [`Error`] has a predicate for each kind, such as [`Error::is_timeout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server is unreachable, or the connection was lost. See [`Error::transport_error`].
    Connection,
    /// The server replied with an error. See [`Error::server_error`].
    Server,
    /// No reply arrived within the timeout.
    Timeout,
    /// The request queue is full, and
    /// [`ClientOptions::fail_when_full`](crate::ClientOptions::fail_when_full) is set.
    QueueFull,
    /// The server or the gateway rejected the credentials.
    Auth,
    /// An option of the client is invalid.
    Config,
    /// An argument was rejected before the command was sent.
    Argument,
    /// The reply cannot be converted to the requested type.
    UnexpectedReply,
    /// A watched key changed, so the transaction did not run.
    Conflict,
    /// The client is closed.
    Closed,
    /// A subscription ended because its buffer was full: see
    /// [`Overflow::Close`](crate::Overflow::Close).
    Lagged,
}

/// Whether an error can go away without a change to the program or its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transience {
    Never,
    Always,
    /// Decided by the transport's error. Without one, the error is transient.
    ByTransport,
    /// Decided by the server's error code.
    ByCode,
}

/// What the client knows about a kind.
pub(super) struct Facts {
    pub(super) name: &'static str,
    pub(super) transience: Transience,
    /// Whether the same request can never succeed again.
    pub(super) is_final: bool,
}

const fn row(name: &'static str, transience: Transience, is_final: bool) -> Facts {
    Facts {
        name,
        transience,
        is_final,
    }
}

impl ErrorKind {
    /// One row per kind. A new kind does not compile without its row.
    pub(super) const fn facts(self) -> Facts {
        match self {
            Self::Connection => row("connection", Transience::ByTransport, false),
            Self::Server => row("server", Transience::ByCode, false),
            Self::Timeout => row("timeout", Transience::ByTransport, false),
            Self::QueueFull => row("queue_full", Transience::Always, false),
            Self::Auth => row("auth", Transience::ByCode, false),
            Self::Config => row("config", Transience::Never, true),
            Self::Argument => row("argument", Transience::Never, true),
            Self::UnexpectedReply => row("unexpected_reply", Transience::Never, false),
            Self::Conflict => row("conflict", Transience::Always, false),
            Self::Closed => row("closed", Transience::Never, true),
            Self::Lagged => row("lagged", Transience::Never, false),
        }
    }

    /// Whether the same request can never succeed again: a stream reports such an error once and
    /// then ends.
    pub(crate) const fn is_final(self) -> bool {
        self.facts().is_final
    }

    /// Returns the kind's name in snake case, as recorded in tracing spans: `queue_full`.
    pub const fn as_str(self) -> &'static str {
        self.facts().name
    }
}

/// A predicate for each kind.
impl Error {
    /// Returns true for [`ErrorKind::Connection`].
    pub fn is_connection(&self) -> bool {
        self.kind() == ErrorKind::Connection
    }

    /// Returns true for [`ErrorKind::Server`].
    pub fn is_server(&self) -> bool {
        self.kind() == ErrorKind::Server
    }

    /// Returns true for [`ErrorKind::Timeout`].
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// Returns true for [`ErrorKind::QueueFull`].
    pub fn is_queue_full(&self) -> bool {
        self.kind() == ErrorKind::QueueFull
    }

    /// Returns true for [`ErrorKind::Auth`].
    pub fn is_auth(&self) -> bool {
        self.kind() == ErrorKind::Auth
    }

    /// Returns true for [`ErrorKind::Config`].
    pub fn is_config(&self) -> bool {
        self.kind() == ErrorKind::Config
    }

    /// Returns true for [`ErrorKind::Argument`].
    pub fn is_argument(&self) -> bool {
        self.kind() == ErrorKind::Argument
    }

    /// Returns true for [`ErrorKind::UnexpectedReply`].
    pub fn is_unexpected_reply(&self) -> bool {
        self.kind() == ErrorKind::UnexpectedReply
    }

    /// Returns true for [`ErrorKind::Conflict`].
    pub fn is_conflict(&self) -> bool {
        self.kind() == ErrorKind::Conflict
    }

    /// Returns true for [`ErrorKind::Closed`].
    pub fn is_closed(&self) -> bool {
        self.kind() == ErrorKind::Closed
    }

    /// Returns true for [`ErrorKind::Lagged`].
    pub fn is_lagged(&self) -> bool {
        self.kind() == ErrorKind::Lagged
    }
}
