//! Opens TCP, TLS and Unix socket streams to an endpoint.

mod deadline;
mod progress;
mod quick_ack;
mod socket;

use std::io;

#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::Instant;

use crate::{Endpoint, Scheme, TransportError, TransportErrorKind, TransportOptions};
pub(crate) use deadline::deadline_after;
pub(crate) use progress::{Progress, Step};
#[cfg(feature = "tcp")]
pub(crate) use quick_ack::is_tls_alert;
pub(crate) use quick_ack::{QuickAckPolicy, QuickAckStream};

/// Opens streams to an endpoint. Endpoint and options are validated when a dialer is created.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    pub(crate) endpoint: Endpoint,
    pub(crate) options: TransportOptions,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::Encryption>,
}

/// An open stream.
pub(crate) enum Stream {
    Tcp(QuickAckStream),
    #[cfg(unix)]
    Unix(UnixStream),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::client::TlsStream<QuickAckStream>>),
}

impl Dialer {
    /// Creates a dialer. TLS offers `protocols` by ALPN; an empty list offers none.
    pub(crate) fn new(
        endpoint: &Endpoint,
        options: &TransportOptions,
        #[cfg_attr(not(feature = "tls"), expect(unused, reason = "TLS negotiates them"))]
        protocols: &[&[u8]],
    ) -> Result<Self, TransportError> {
        options.validate()?;
        let scheme = endpoint.scheme();
        if cfg!(not(unix)) && scheme == Scheme::RedisUnix {
            return Err(TransportError::new(
                TransportErrorKind::Endpoint,
                "Unix sockets are not supported on this platform; use redis://",
            ));
        }
        if cfg!(not(feature = "tls")) && scheme.is_tls() {
            return Err(scheme.not_compiled_in());
        }
        Ok(Self {
            endpoint: endpoint.clone(),
            options: options.clone(),
            #[cfg(feature = "tls")]
            tls: (scheme.is_tls())
                .then(|| crate::tls::Encryption::new(endpoint, &options.tls, protocols))
                .transpose()?,
        })
    }

    /// Creates the acknowledgment policy for the streams of one transport.
    pub(crate) fn ack_policy(&self) -> QuickAckPolicy {
        QuickAckPolicy::new(self.endpoint.scheme(), &self.options)
    }

    /// Resolves the host name and opens a stream.
    pub(crate) async fn open(
        &self,
        ack_policy: &QuickAckPolicy,
        progress: &Progress,
    ) -> Result<Stream, TransportError> {
        #[cfg(unix)]
        if self.endpoint.scheme() == Scheme::RedisUnix {
            progress.set_step(Step::Connect);
            return Ok(Stream::Unix(socket::unix(&self.endpoint).await?));
        }
        let stream = socket::tcp(&self.endpoint, &self.options, progress).await?;
        let stream = QuickAckStream::new(stream, ack_policy.clone());
        #[cfg(feature = "tls")]
        if let Some(encryption) = &self.tls {
            progress.set_step(Step::Tls);
            let stream = encryption
                .connect(stream)
                .await
                .map_err(|error| tls_error(&self.endpoint, error))?;
            return Ok(Stream::Tls(Box::new(stream)));
        }
        Ok(Stream::Tcp(stream))
    }

    /// Applies [`TransportOptions::dial_timeout`] to a dial.
    pub(crate) async fn with_timeout<T>(
        &self,
        progress: &Progress,
        dial: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, TransportError> {
        let timeout = self.options.dial_timeout;
        let deadline = deadline_after(Instant::now(), timeout);
        tokio::time::timeout_at(deadline, dial)
            .await
            .unwrap_or_else(|_| Err(progress.timed_out(&self.endpoint, timeout)))
    }
}

/// Converts an error of a TLS handshake.
#[cfg(feature = "tls")]
fn tls_error(endpoint: &Endpoint, error: io::Error) -> TransportError {
    let Some(cause) = crate::tls::cause(&error) else {
        let message = format!(
            "{endpoint} closed the connection during the TLS handshake; check that the port \
             speaks TLS"
        );
        return io_error(error).with_context(message);
    };
    let message = match cause {
        rustls::Error::InvalidMessage(_) => format!(
            "{endpoint} does not speak TLS; use {}://, or the port of the server that has TLS: \
             {cause}",
            endpoint.scheme().with_other_encryption()
        ),
        cause => {
            let hint = crate::tls::hint(cause);
            format!("TLS with {endpoint} failed: {cause}; {hint}")
        }
    };
    TransportError::new(TransportErrorKind::Tls, message).with_source(error)
}

/// Creates the error for a TLS server at an endpoint without TLS.
#[cfg(any(feature = "ws", feature = "http"))]
pub(crate) fn speaks_tls(endpoint: &Endpoint) -> TransportError {
    let message = format!(
        "{endpoint} speaks TLS; use {}:// in its address",
        endpoint.scheme().with_other_encryption()
    );
    TransportError::new(TransportErrorKind::Protocol, message)
}

/// Converts an I/O error of an open socket.
#[cfg(any(feature = "ws", feature = "tcp", feature = "tls"))]
pub(crate) fn io_error(error: io::Error) -> TransportError {
    let (kind, message) = classify(&error);
    TransportError::new(kind, message).with_source(error)
}

/// Classifies an I/O error of an open socket, and describes it.
pub(crate) fn classify(error: &io::Error) -> (TransportErrorKind, String) {
    #[cfg(feature = "tls")]
    if let Some(cause) = crate::tls::cause(error) {
        let message = format!("TLS failed: {cause}; {}", crate::tls::hint(cause));
        return (TransportErrorKind::Tls, message);
    }
    match error.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::WriteZero => {
            let message = "the peer closed the connection abruptly";
            (TransportErrorKind::Closed, message.to_owned())
        }
        io::ErrorKind::TimedOut => {
            let message = "the peer is unreachable: sent data was not acknowledged";
            (TransportErrorKind::Timeout, message.to_owned())
        }
        // The HTTP/2 library keeps only the kind and text of an error. Below it, only TLS reports
        // invalid data.
        io::ErrorKind::InvalidData => (TransportErrorKind::Tls, format!("TLS failed: {error}")),
        _ => (
            TransportErrorKind::Io,
            format!("the connection failed: {error}"),
        ),
    }
}
