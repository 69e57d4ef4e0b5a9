//! From an endpoint to an open stream, however it is encrypted.

mod acks;
mod deadline;
mod progress;
mod socket;

use std::io;

#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::Instant;

use crate::connector::not_compiled_in;
use crate::{Endpoint, Scheme, TransportError, TransportErrorKind, TransportOptions};
pub(crate) use acks::{AckedStream, Acks};
pub(crate) use deadline::after;
pub(crate) use progress::{Progress, Step};

/// Opens streams to an endpoint. All that can be refused before a dial is refused when it is made.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    pub(crate) endpoint: Endpoint,
    pub(crate) options: TransportOptions,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::Encryption>,
}

/// An open stream.
pub(crate) enum Stream {
    Tcp(AckedStream),
    #[cfg(unix)]
    Unix(UnixStream),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::client::TlsStream<AckedStream>>),
}

impl Dialer {
    /// A dialer of streams that speak one of `protocols`, or any when there are none.
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
                "this system has no Unix sockets; use redis://",
            ));
        }
        if cfg!(not(feature = "tls")) && scheme.is_tls() {
            return Err(not_compiled_in(scheme));
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

    /// Decides how the streams of one transport acknowledge.
    pub(crate) fn acks(&self) -> Acks {
        Acks::new(self.endpoint.scheme(), &self.options)
    }

    /// Opens a stream, resolving the name anew.
    pub(crate) async fn open(
        &self,
        acks: &Acks,
        progress: &Progress,
    ) -> Result<Stream, TransportError> {
        #[cfg(unix)]
        if self.endpoint.scheme() == Scheme::RedisUnix {
            progress.reached(Step::Connect);
            return Ok(Stream::Unix(socket::unix(&self.endpoint).await?));
        }
        let stream = socket::tcp(&self.endpoint, &self.options, progress).await?;
        let stream = AckedStream::new(stream, acks.clone());
        #[cfg(feature = "tls")]
        if let Some(encryption) = &self.tls {
            progress.reached(Step::Tls);
            let stream = encryption.connect(stream, &self.endpoint).await?;
            return Ok(Stream::Tls(Box::new(stream)));
        }
        Ok(Stream::Tcp(stream))
    }

    /// Bounds a dial by [`TransportOptions::dial_timeout`].
    pub(crate) async fn within<T>(
        &self,
        progress: &Progress,
        dial: impl Future<Output = Result<T, TransportError>>,
    ) -> Result<T, TransportError> {
        let timeout = self.options.dial_timeout;
        let deadline = after(Instant::now(), timeout);
        tokio::time::timeout_at(deadline, dial)
            .await
            .unwrap_or_else(|_| Err(progress.timed_out(&self.endpoint, timeout)))
    }
}

/// The error of a socket in use.
#[cfg(any(feature = "ws", feature = "tcp", feature = "tls"))]
pub(crate) fn broken(error: io::Error) -> TransportError {
    let (kind, what) = diagnose(&error);
    TransportError::new(kind, what).with_source(error)
}

/// What the error of a socket in use means, and its words.
pub(crate) fn diagnose(error: &io::Error) -> (TransportErrorKind, String) {
    #[cfg(feature = "tls")]
    if let Some(cause) = crate::tls::cause(error) {
        let what = format!("TLS failed: {cause}; {}", crate::tls::hint(cause));
        return (TransportErrorKind::Tls, what);
    }
    match error.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::WriteZero => {
            let what = "the peer cut the connection";
            (TransportErrorKind::Closed, what.to_owned())
        }
        io::ErrorKind::TimedOut => {
            let what = "the peer is gone: the network delivered nothing to it any more";
            (TransportErrorKind::Timeout, what.to_owned())
        }
        // HTTP/2 hands an error on by its kind and words; below it, only TLS judges data.
        io::ErrorKind::InvalidData => (TransportErrorKind::Tls, format!("TLS failed: {error}")),
        _ => (
            TransportErrorKind::Io,
            format!("the connection broke: {error}"),
        ),
    }
}
