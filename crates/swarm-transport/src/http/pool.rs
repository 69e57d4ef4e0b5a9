//! Connections that are kept for the next request.

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

use super::exchange::failed;
use crate::dial::{Acks, Dialer, Progress, Stream};
use crate::{PeerIdentity, TransportError};

/// A connection that was idle for longer is not used again. SwarmKeyDb resets idle connections after 15 seconds, and one
/// that is reset while a request is on its way cannot say whether the request ran.
const IDLE: Duration = Duration::from_secs(10);

type Body = Full<Bytes>;

/// The sending end of a connection. The other end runs as a task until this one is dropped.
pub(super) enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// A connection, and when it was used last.
struct Kept {
    sender: Sender,
    since: Instant,
}

pub(super) struct Pool {
    dialer: Dialer,
    acks: Acks,
    kept: Mutex<Vec<Kept>>,
}

impl Pool {
    pub(super) fn new(dialer: Dialer) -> Self {
        Self {
            acks: dialer.acks(),
            dialer,
            kept: Mutex::new(Vec::new()),
        }
    }

    /// A connection that is ready for a request, and whether it was used before.
    pub(super) async fn take(&self, progress: &Progress) -> Result<(Sender, bool), TransportError> {
        while let Some(mut sender) = self.pop() {
            if sender.is_ready().await {
                return Ok((sender, true));
            }
        }
        Ok((self.open(progress).await?, false))
    }

    /// A new connection, within the time that a dial may take.
    pub(super) async fn open(&self, progress: &Progress) -> Result<Sender, TransportError> {
        self.dialer.within(progress, self.dial(progress)).await
    }

    /// A new connection, not bounded in time.
    pub(super) async fn dial(&self, progress: &Progress) -> Result<Sender, TransportError> {
        match self.dialer.open(&self.acks, progress).await? {
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

    /// Takes note of which server the peer is.
    pub(super) fn peer_identified(&self, peer: &PeerIdentity) {
        self.acks.identified(peer);
    }

    /// Keeps a connection whose answer was read to its end.
    pub(super) fn put(&self, sender: Sender) {
        let since = Instant::now();
        self.lock().push(Kept { sender, since });
    }

    /// The connection that was used last, so that the others grow old and go.
    fn pop(&self) -> Option<Sender> {
        let mut kept = self.lock();
        kept.retain(|kept| kept.since.elapsed() < IDLE && !kept.sender.is_closed());
        let last = kept.last_mut()?;
        if let Sender::Http2(sender) = &last.sender {
            // It carries many requests at a time: all share it.
            last.since = Instant::now();
            return Some(Sender::Http2(sender.clone()));
        }
        kept.pop().map(|kept| kept.sender)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn http1<S>(&self, stream: S) -> Result<Sender, TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| failed(&self.dialer.endpoint, error))?;
        // Its error reaches the request it belongs to.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Sender::Http1(sender))
    }

    #[cfg(feature = "tls")]
    async fn http2<S>(&self, stream: S) -> Result<Sender, TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shaken = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| failed(&self.dialer.endpoint, error))?;
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

    /// Sends a request. An error that has the request in it says that not a byte of it was written.
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
