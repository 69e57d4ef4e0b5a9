//! What can go wrong on a wire.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::Printable;

#[cfg(any(feature = "ws", feature = "tcp"))]
use swarm_resp::{DecodeError, DecodeErrorKind};

/// What went wrong, coarsely: enough to decide what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The address is not understood, or asks for what is not compiled in.
    Endpoint,
    /// An option's value makes no sense.
    Options,
    /// The host name could not be resolved.
    Resolve,
    /// Nobody listens there, the network refused, or the gateway says that it does not serve now: 429, 502, 503, 504.
    Refused,
    /// The peer did not answer in time.
    Timeout,
    /// TLS failed: a certificate, a name, a protocol version.
    Tls,
    /// The gateway wants other credentials: 401 or 403.
    Auth,
    /// The peer spoke, but not the protocol: a wrong path, a refused upgrade, bytes that are no RESP.
    Protocol,
    /// The peer sent more than the limits allow, or was sent more than it takes.
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
    status: Option<u16>,
    close_code: Option<u16>,
    retry_after: Option<Duration>,
    transient: Option<bool>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl TransportError {
    /// Creates an error with a text, which must hold neither credentials nor values. What a peer wrote into it is shown as
    /// [`Printable`] shows it.
    pub fn new(kind: TransportErrorKind, what: impl Into<String>) -> Self {
        let what = what.into();
        Self {
            kind,
            what: Printable(&what).to_string(),
            status: None,
            close_code: None,
            retry_after: None,
            transient: None,
            source: None,
        }
    }

    /// The error for bytes that are not the RESP they should be. `what` says what they are not.
    #[cfg(any(feature = "ws", feature = "tcp"))]
    pub(crate) fn undecodable(what: &str, error: DecodeError) -> Self {
        let kind = match error.kind {
            DecodeErrorKind::TooDeep
            | DecodeErrorKind::BulkTooLong
            | DecodeErrorKind::TooManyElements
            | DecodeErrorKind::LineTooLong
            | DecodeErrorKind::FrameTooLarge => TransportErrorKind::Limit,
            _ => TransportErrorKind::Protocol,
        };
        Self::new(kind, format!("{what}: {error}")).with_source(error)
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds the HTTP status that the peer answered.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds the code of the WebSocket close frame that the peer sent.
    #[must_use]
    pub const fn with_close_code(mut self, code: u16) -> Self {
        self.close_code = Some(code);
        self
    }

    /// Adds the time that the peer asks the client to wait before it retries.
    #[must_use]
    pub const fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds the wait that the headers of an HTTP response ask for, if any.
    #[cfg(any(feature = "ws", feature = "http"))]
    pub(crate) fn maybe_retry_after(self, wait: Option<Duration>) -> Self {
        match wait {
            Some(wait) => self.with_retry_after(wait),
            None => self,
        }
    }

    /// Overrides what [`is_transient`](Self::is_transient) derives from the kind of the error.
    #[must_use]
    pub const fn with_transient(mut self, transient: bool) -> Self {
        self.transient = Some(transient);
        self
    }

    /// Marks an error of a connection that has carried replies before: its peer does speak the protocol, so another
    /// connection may work.
    #[cfg(feature = "net")]
    pub(crate) fn after_replies(self) -> Self {
        match (self.kind, self.status) {
            (TransportErrorKind::Protocol | TransportErrorKind::Tls, None | Some(200..=299)) => {
                self.with_transient(true)
            }
            _ => self,
        }
    }

    /// Returns the wait that the peer asks for in the `Retry-After` header of an HTTP response or of a
    /// refused WebSocket upgrade.
    ///
    /// Waits longer than 24 hours, and dates farther away, are cut to 24 hours. A date is measured
    /// from the `Date` header of the same response, so a wrong clock on either side does not matter.
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The HTTP status that the peer answered instead of what was asked for.
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// The code with which the peer closed a WebSocket, such as 1001 when it goes away or 1008 for its policy.
    pub const fn close_code(&self) -> Option<u16> {
        self.close_code
    }

    /// What went wrong, coarsely.
    pub const fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// Whether the same attempt may succeed later without a change to a configuration, on this side or the server's.
    /// A retry loop should end at the first error that is not transient.
    ///
    /// | error | transient |
    /// |---|---|
    /// | [`Refused`](TransportErrorKind::Refused), [`Resolve`](TransportErrorKind::Resolve), [`Timeout`](TransportErrorKind::Timeout) | yes |
    /// | [`Closed`](TransportErrorKind::Closed) | yes, unless the close code blames what was sent: 1002, 1003, 1007, 1008, 1009, 1010 |
    /// | [`Io`](TransportErrorKind::Io) | yes, unless the system denies permission or does not support the operation |
    /// | [`Tls`](TransportErrorKind::Tls): an unknown issuer, an expired certificate, a wrong name, a port without TLS | no; yes on a connection that carried replies before |
    /// | [`Protocol`](TransportErrorKind::Protocol): a port that speaks another protocol | no; yes on a connection that carried replies before |
    /// | [`Protocol`](TransportErrorKind::Protocol) with an HTTP status: 301, 400, 404 and the like | no; yes for 5xx except 501 and 505 |
    /// | [`Endpoint`](TransportErrorKind::Endpoint), [`Options`](TransportErrorKind::Options), [`Auth`](TransportErrorKind::Auth), [`Limit`](TransportErrorKind::Limit) | no |
    ///
    /// A host name that does not exist counts as transient, because the system's resolver does not tell it from a name
    /// server that is down.
    pub fn is_transient(&self) -> bool {
        use TransportErrorKind as Kind;
        if let Some(transient) = self.transient {
            return transient;
        }
        match self.kind {
            Kind::Refused | Kind::Resolve | Kind::Timeout => true,
            Kind::Closed => !matches!(self.close_code, Some(1002 | 1003 | 1007..=1010)),
            Kind::Io => !self.is_of_the_system(),
            Kind::Protocol => matches!(self.status, Some(500 | 502..=504 | 506..=599)),
            Kind::Endpoint | Kind::Options | Kind::Auth | Kind::Limit | Kind::Tls => false,
        }
    }

    /// Whether the system refuses in principle what was asked of it.
    fn is_of_the_system(&self) -> bool {
        let source = self.source.as_deref();
        let source = source.and_then(|source| source.downcast_ref::<std::io::Error>());
        source.is_some_and(|error| {
            matches!(
                error.kind(),
                std::io::ErrorKind::PermissionDenied
                    | std::io::ErrorKind::InvalidInput
                    | std::io::ErrorKind::Unsupported
            )
        })
    }

    /// Nobody answered at the address, or nobody who serves now.
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

    /// The peer sent more than the limits allow, or was sent more than it takes.
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

#[cfg(test)]
mod tests {
    //! Which errors may pass, and what their text shows.

    use std::io;

    use super::*;
    use TransportErrorKind as Kind;

    fn error(kind: Kind) -> TransportError {
        TransportError::new(kind, "x")
    }

    /// Stands for: a retry loop that never ends, because only a changed configuration would help.
    #[test]
    fn errors_of_a_configuration_are_not_transient() {
        let by_kind = [
            (Kind::Endpoint, false),
            (Kind::Options, false),
            (Kind::Resolve, true),
            (Kind::Refused, true),
            (Kind::Timeout, true),
            (Kind::Tls, false),
            (Kind::Auth, false),
            (Kind::Protocol, false),
            (Kind::Limit, false),
            (Kind::Closed, true),
            (Kind::Io, true),
        ];
        for (kind, transient) in by_kind {
            assert_eq!(error(kind).is_transient(), transient, "{kind:?}");
            assert!(error(kind).with_transient(true).is_transient());
            assert!(!error(kind).with_transient(false).is_transient());
        }
        for code in 1000..1020 {
            let transient = !matches!(code, 1002 | 1003 | 1007..=1010);
            let closed = error(Kind::Closed).with_close_code(code);
            assert_eq!(closed.is_transient(), transient, "{code}");
        }
        for (kind, transient) in [
            (io::ErrorKind::PermissionDenied, false),
            (io::ErrorKind::InvalidInput, false),
            (io::ErrorKind::Unsupported, false),
            (io::ErrorKind::Other, true),
            (io::ErrorKind::OutOfMemory, true),
        ] {
            let io = error(Kind::Io).with_source(io::Error::from(kind));
            assert_eq!(io.is_transient(), transient, "{kind:?}");
        }
    }

    #[cfg(any(feature = "ws", feature = "http"))]
    #[test]
    fn statuses_of_a_configuration_are_not_transient() {
        let endpoint = crate::Endpoint::parse("ws://h").unwrap();
        for status in 300..600 {
            let error = crate::http_status::error(&endpoint, status, "a command");
            let transient =
                matches!(status, 408 | 425 | 429) || status >= 500 && !matches!(status, 501 | 505);
            assert_eq!(error.is_transient(), transient, "{status}");
        }
    }

    #[cfg(feature = "net")]
    #[test]
    fn a_connection_that_carried_replies_may_be_made_anew() {
        assert!(error(Kind::Protocol).after_replies().is_transient());
        assert!(error(Kind::Tls).after_replies().is_transient());
        assert!(!error(Kind::Limit).after_replies().is_transient());
        let moved = error(Kind::Protocol).with_status(301).after_replies();
        assert!(!moved.is_transient());
    }

    /// Stands for: text from outside that reaches a terminal or a log as it came.
    #[test]
    fn the_text_of_every_error_is_printable() {
        let error = TransportError::new(Kind::Closed, "a\u{1b}[31m\r\nb\u{9b}c\u{202e}d");
        assert_eq!(error.to_string(), "a[31m bcd");
        assert!(!format!("{error:?}").contains('\u{1b}'));
    }
}
