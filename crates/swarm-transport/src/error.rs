//! Transport errors and their classification.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::Printable;

#[cfg(any(feature = "ws", feature = "tcp"))]
use swarm_resp::{DecodeError, DecodeErrorKind};

/// The kind of a [`TransportError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The endpoint is malformed, or its transport is not compiled in.
    Endpoint,
    /// An option has an invalid value.
    Options,
    /// The host name cannot be resolved.
    Resolve,
    /// The connection was refused, the network is unreachable, or the gateway is unavailable
    /// (status 425, 429, 502, 503 or 504).
    Refused,
    /// The operation did not complete in time.
    Timeout,
    /// TLS failed, for example because of a certificate, a host name or a protocol version.
    Tls,
    /// The gateway rejected the credentials (status 401, 403 or 407).
    Auth,
    /// The peer violated the protocol: a wrong path, a refused upgrade, or data that is not RESP.
    Protocol,
    /// A size limit of this side or of the peer was exceeded.
    Limit,
    /// The connection is closed.
    Closed,
    /// Another I/O error.
    Io,
}

/// An error of a transport. The connection cannot be used any more.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use swarm_transport::{TransportError, TransportErrorKind};
///
/// let error = TransportError::new(TransportErrorKind::Refused, "overloaded; try again later")
///     .with_status(503)
///     .with_retry_after(Duration::from_secs(7));
/// assert!(error.is_refused() && error.is_transient());
/// assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
/// ```
#[derive(Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    message: String,
    status: Option<u16>,
    close_code: Option<u16>,
    retry_after: Option<Duration>,
    transient: Option<bool>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl TransportError {
    /// Creates an error with a message.
    ///
    /// The message must contain neither credentials nor values. Control characters in it are
    /// removed (see [`Printable`]), so it may quote a peer.
    pub fn new(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            kind,
            message: Printable(&message).to_string(),
            status: None,
            close_code: None,
            retry_after: None,
            transient: None,
            source: None,
        }
    }

    /// Creates the error for data that cannot be decoded. The decoder's error is appended to
    /// `message`.
    #[cfg(any(feature = "ws", feature = "tcp"))]
    pub(crate) fn decode_error(message: &str, error: DecodeError) -> Self {
        let kind = match error.kind {
            DecodeErrorKind::TooDeep
            | DecodeErrorKind::BulkTooLong
            | DecodeErrorKind::TooManyElements
            | DecodeErrorKind::LineTooLong
            | DecodeErrorKind::FrameTooLarge => TransportErrorKind::Limit,
            _ => TransportErrorKind::Protocol,
        };
        Self::new(kind, format!("{message}: {error}")).with_source(error)
    }

    /// Sets the source of this error.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Replaces the message, and makes this error the source of the new one.
    ///
    /// The new error keeps the kind, HTTP status, close code,
    /// [`retry_after`](Self::retry_after) and [`is_transient`](Self::is_transient). The same rules
    /// apply to the message as for [`new`](Self::new).
    #[must_use]
    pub fn with_context(self, message: impl Into<String>) -> Self {
        Self {
            message: Printable(&message.into()).to_string(),
            kind: self.kind,
            status: self.status,
            close_code: self.close_code,
            retry_after: self.retry_after,
            transient: Some(self.is_transient()),
            source: Some(Box::new(self)),
        }
    }

    /// Sets the HTTP status of the peer's response.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets the code of the WebSocket close frame that the peer sent.
    #[must_use]
    pub const fn with_close_code(mut self, code: u16) -> Self {
        self.close_code = Some(code);
        self
    }

    /// Sets how long the peer asked the client to wait before it retries.
    #[must_use]
    pub const fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Sets [`retry_after`](Self::retry_after) if the response had such a header, and adds the wait
    /// to the message.
    #[cfg(any(
        feature = "http",
        all(
            feature = "ws",
            not(all(target_family = "wasm", target_os = "unknown"))
        )
    ))]
    pub(crate) fn maybe_retry_after(mut self, wait: Option<Duration>) -> Self {
        match wait {
            Some(wait) => {
                self.message.push_str(&format!(" (Retry-After: {wait:?})"));
                self.with_retry_after(wait)
            }
            None => self,
        }
    }

    /// Overrides the classification of [`is_transient`](Self::is_transient).
    #[must_use]
    pub const fn with_transient(mut self, transient: bool) -> Self {
        self.transient = Some(transient);
        self
    }

    /// Classifies an error on a connection that has already carried replies. Its peer does speak
    /// the protocol, so another connection may work.
    #[cfg(feature = "net")]
    pub(crate) fn after_replies(self) -> Self {
        match (self.kind, self.status) {
            (TransportErrorKind::Protocol | TransportErrorKind::Tls, None | Some(200..=299)) => {
                self.with_transient(true)
            }
            _ => self,
        }
    }

    /// Returns how long the peer asked the client to wait before it retries, from the `Retry-After`
    /// header of an HTTP response or of a refused WebSocket upgrade.
    ///
    /// The wait is capped at 24 hours. A date is compared with the `Date` header of the same
    /// response, if there is one, so clock skew has no effect.
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns the HTTP status if the peer refused the request or the WebSocket upgrade with one.
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// Returns the code of the WebSocket close frame that the peer sent, such as 1001 (going away)
    /// or 1008 (policy violation).
    pub const fn close_code(&self) -> Option<u16> {
        self.close_code
    }

    /// Returns the kind of the error.
    pub const fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    /// Returns whether another attempt may succeed without a change of configuration on either
    /// side. A retry loop should stop at the first error that is not transient.
    ///
    /// | error | transient |
    /// |---|---|
    /// | [`Refused`](TransportErrorKind::Refused), [`Resolve`](TransportErrorKind::Resolve), [`Timeout`](TransportErrorKind::Timeout) | yes |
    /// | [`Closed`](TransportErrorKind::Closed) | yes, except for close codes that reject what was sent: 1002, 1003, 1007, 1008, 1009, 1010 |
    /// | [`Io`](TransportErrorKind::Io) | yes, except if the operating system denies permission or does not support the operation |
    /// | [`Tls`](TransportErrorKind::Tls): an unknown issuer, an expired certificate, a wrong name, a port without TLS | no; yes on a connection that has already carried replies |
    /// | [`Protocol`](TransportErrorKind::Protocol): a port that speaks another protocol | no; yes on a connection that has already carried replies |
    /// | [`Protocol`](TransportErrorKind::Protocol) with an HTTP status: 301, 400, 404 and the like | no; yes for 5xx except 501 and 505 |
    /// | [`Endpoint`](TransportErrorKind::Endpoint), [`Options`](TransportErrorKind::Options), [`Auth`](TransportErrorKind::Auth), [`Limit`](TransportErrorKind::Limit) | no |
    ///
    /// A host name that does not exist counts as transient, because the system resolver does not
    /// distinguish it from an unavailable name server.
    pub fn is_transient(&self) -> bool {
        use TransportErrorKind as Kind;
        if let Some(transient) = self.transient {
            return transient;
        }
        match self.kind {
            Kind::Refused | Kind::Resolve | Kind::Timeout => true,
            Kind::Closed => !matches!(self.close_code, Some(1002 | 1003 | 1007..=1010)),
            Kind::Io => !self.is_system_refusal(),
            Kind::Protocol => matches!(self.status, Some(500 | 502..=504 | 506..=599)),
            Kind::Endpoint | Kind::Options | Kind::Auth | Kind::Limit | Kind::Tls => false,
        }
    }

    /// Whether the operating system rejected the operation itself.
    fn is_system_refusal(&self) -> bool {
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

    /// Returns whether the server could not be reached: kinds
    /// [`Refused`](TransportErrorKind::Refused) and [`Resolve`](TransportErrorKind::Resolve).
    pub fn is_refused(&self) -> bool {
        matches!(
            self.kind,
            TransportErrorKind::Refused | TransportErrorKind::Resolve
        )
    }

    /// Returns whether the operation timed out.
    pub fn is_timeout(&self) -> bool {
        self.kind == TransportErrorKind::Timeout
    }

    /// Returns whether the connection is closed.
    pub fn is_closed(&self) -> bool {
        self.kind == TransportErrorKind::Closed
    }

    /// Returns whether TLS failed.
    pub fn is_tls(&self) -> bool {
        self.kind == TransportErrorKind::Tls
    }

    /// Returns whether the gateway rejected the credentials.
    pub fn is_auth(&self) -> bool {
        self.kind == TransportErrorKind::Auth
    }

    /// Returns whether a size limit was exceeded.
    pub fn is_limit(&self) -> bool {
        self.kind == TransportErrorKind::Limit
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    //! Classification of transient errors, and error text.

    use std::io;

    use super::*;
    use TransportErrorKind as Kind;

    fn error(kind: Kind) -> TransportError {
        TransportError::new(kind, "x")
    }

    /// Guards against retry loops that never end because only a changed configuration would help.
    #[test]
    fn configuration_errors_are_not_transient() {
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
    fn statuses_of_configuration_errors_are_not_transient() {
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
    fn errors_after_replies_are_transient() {
        assert!(error(Kind::Protocol).after_replies().is_transient());
        assert!(error(Kind::Tls).after_replies().is_transient());
        assert!(!error(Kind::Limit).after_replies().is_transient());
        let moved = error(Kind::Protocol).with_status(301).after_replies();
        assert!(!moved.is_transient());
    }

    /// Guards against reconnecting too early, or never, because an error was wrapped on its way.
    #[test]
    fn context_replaces_the_message_alone() {
        let inner = error(Kind::Closed)
            .with_status(503)
            .with_close_code(1008)
            .with_retry_after(Duration::from_secs(7));
        assert!(!inner.is_transient());
        let outer = inner.with_context("the \u{1b}handshake failed");
        assert_eq!(outer.to_string(), "the handshake failed");
        assert_eq!(outer.kind(), Kind::Closed);
        assert_eq!(outer.status(), Some(503));
        assert_eq!(outer.close_code(), Some(1008));
        assert_eq!(outer.retry_after(), Some(Duration::from_secs(7)));
        assert!(!outer.is_transient());
        assert_eq!(
            outer.source().map(ToString::to_string).as_deref(),
            Some("x")
        );

        let io = error(Kind::Io).with_source(io::Error::from(io::ErrorKind::PermissionDenied));
        assert!(!io.with_context("y").is_transient());
        let overridden = error(Kind::Protocol).with_transient(true);
        assert!(overridden.with_context("y").is_transient());
    }

    /// Guards against control characters from a peer in terminals and logs.
    #[test]
    fn error_text_has_no_control_characters() {
        let error = TransportError::new(Kind::Closed, "a\u{1b}[31m\r\nb\u{9b}c\u{202e}d");
        assert_eq!(error.to_string(), "a[31m bcd");
        assert!(!format!("{error:?}").contains('\u{1b}'));
    }
}
