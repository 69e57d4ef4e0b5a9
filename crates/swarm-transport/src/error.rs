//! What can go wrong on a wire.

use std::error::Error;
use std::fmt;

/// What went wrong, coarsely: enough to decide what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The address is not understood, or asks for what is not compiled in.
    Endpoint,
    /// The host name could not be resolved.
    Resolve,
    /// Nobody listens there, or the network refused.
    Refused,
    /// The peer did not answer in time.
    Timeout,
    /// TLS failed: a certificate, a name, a protocol version.
    Tls,
    /// The gateway wants other credentials: 401 or 403.
    Auth,
    /// The peer spoke, but not the protocol: a wrong path, a refused upgrade, bytes that are no RESP.
    Protocol,
    /// The peer sent more than the limits allow.
    Limit,
    /// The connection ended.
    Closed,
    /// Any other I/O error.
    Io,
}

/// An error of a wire. It ends the connection it comes from.
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    what: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl TransportError {
    /// An error in words. They must name no credentials and no values.
    pub fn new(kind: TransportErrorKind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            source: None,
        }
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong, coarsely.
    pub const fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// Nobody answered at the address.
    pub fn is_refused(&self) -> bool {
        matches!(
            self.kind,
            TransportErrorKind::Refused | TransportErrorKind::Resolve
        )
    }

    /// The peer did not answer in time.
    pub fn is_timeout(&self) -> bool {
        self.kind == TransportErrorKind::Timeout
    }

    /// The connection ended.
    pub fn is_closed(&self) -> bool {
        self.kind == TransportErrorKind::Closed
    }

    /// TLS failed.
    pub fn is_tls(&self) -> bool {
        self.kind == TransportErrorKind::Tls
    }

    /// The gateway wants other credentials.
    pub fn is_auth(&self) -> bool {
        self.kind == TransportErrorKind::Auth
    }

    /// The peer sent more than the limits allow.
    pub fn is_limit(&self) -> bool {
        self.kind == TransportErrorKind::Limit
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
