//! Pool of keep-alive HTTP connections.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::{Request, Response};
#[cfg(feature = "tls")]
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::error::hyper_error;
use crate::dial::{Dialer, Progress, QuickAckPolicy, Stream};
use crate::{PeerIdentity, TransportError};

/// Maximum idle time of a pooled connection. SwarmKeyDb resets idle connections after 15 seconds;
/// if one is reset while a request is being sent, the outcome of the request is unknown.
const MAX_IDLE: Duration = Duration::from_secs(10);

type Body = Full<Bytes>;

/// The request side of a connection, whose I/O runs in a background task until this side is
/// dropped.
pub(super) enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// A pooled connection, and when it was last used.
struct Pooled {
    sender: Sender,
    since: Instant,
}

pub(super) struct Pool {
    dialer: Dialer,
    ack_policy: QuickAckPolicy,
    pooled: Mutex<Vec<Pooled>>,
}

impl Pool {
    pub(super) fn new(dialer: Dialer) -> Self {
        Self {
            ack_policy: dialer.ack_policy(),
            dialer,
            pooled: Mutex::new(Vec::new()),
        }
    }

    /// Returns a connection that is ready for a request, and whether it was used before.
    pub(super) async fn take(&self, progress: &Progress) -> Result<(Sender, bool), TransportError> {
        while let Some(mut sender) = self.pop() {
            if sender.is_ready().await {
                return Ok((sender, true));
            }
        }
        Ok((self.open(progress).await?, false))
    }

    /// Opens a connection, bounded by the connect timeout.
    pub(super) async fn open(&self, progress: &Progress) -> Result<Sender, TransportError> {
        self.dialer
            .with_timeout(progress, self.dial(progress))
            .await
    }

    /// Opens a connection without a timeout.
    pub(super) async fn dial(&self, progress: &Progress) -> Result<Sender, TransportError> {
        match self.dialer.open(&self.ack_policy, progress).await? {
            Stream::Tcp(stream) => self.http1(stream).await,
            #[cfg(unix)]
            Stream::Unix(stream) => self.http1(stream).await,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                self.http2(stream).await
            }
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => self.http1(stream).await,
        }
    }

    /// Records which server the peer is.
    pub(super) fn peer_identified(&self, peer: &PeerIdentity) {
        self.ack_policy.peer_identified(peer);
    }

    /// Returns whether the peer has answered with a TLS alert.
    pub(super) fn peer_sent_alert(&self) -> bool {
        self.ack_policy.peer_sent_alert()
    }

    /// Returns a connection to the pool after its response was read completely.
    pub(super) fn put(&self, sender: Sender) {
        let since = Instant::now();
        self.lock().push(Pooled { sender, since });
    }

    /// Takes the most recently used connection, so that surplus connections expire.
    fn pop(&self) -> Option<Sender> {
        let mut pooled = self.lock();
        pooled.retain(|pooled| pooled.since.elapsed() < MAX_IDLE && !pooled.sender.is_closed());
        let last = pooled.last_mut()?;
        if let Sender::Http2(sender) = &last.sender {
            // An HTTP/2 connection stays in the pool, because concurrent requests share it.
            last.since = Instant::now();
            return Some(Sender::Http2(sender.clone()));
        }
        pooled.pop().map(|pooled| pooled.sender)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Pooled>> {
        self.pooled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn http1<S>(&self, stream: S) -> Result<Sender, TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) =
            shaken.map_err(|error| hyper_error(&self.dialer.endpoint, error))?;
        // Errors are reported to the request they affect.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Sender::Http1(sender))
    }

    #[cfg(feature = "tls")]
    async fn http2<S>(&self, stream: S) -> Result<Sender, TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shaken = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (sender, connection) =
            shaken.map_err(|error| hyper_error(&self.dialer.endpoint, error))?;
        tokio::spawn(async move { drop(connection.await) });
        let sender = Sender::Http2(sender);
        if let Sender::Http2(shared) = &sender {
            self.put(Sender::Http2(shared.clone()));
        }
        Ok(sender)
    }
}

impl Sender {
    fn is_closed(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_closed(),
            Self::Http2(sender) => sender.is_closed(),
        }
    }

    async fn is_ready(&mut self) -> bool {
        match self {
            Self::Http1(sender) => sender.ready().await.is_ok(),
            Self::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    /// Sends a request. If the error returns the request, no byte of it was written.
    pub(super) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Body>>> {
        match self {
            Self::Http1(sender) => sender.try_send_request(request).await,
            Self::Http2(sender) => sender.try_send_request(request).await,
        }
    }

    pub(super) const fn is_http1(&self) -> bool {
        matches!(self, Self::Http1(_))
    }
}
