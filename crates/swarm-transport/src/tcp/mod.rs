//! RESP as Redis, Valkey, KeyDB and SwarmKeyDb's TCP port speak it: over TCP and Unix sockets.

mod input;
mod output;
#[cfg(test)]
mod tests;
mod transport;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::dial::{Acks, Dialer, Progress, Stream};
use crate::{
    BoxFuture, BoxTransport, Connect, Endpoint, TransportError, TransportErrorKind,
    TransportOptions,
};
use transport::TcpTransport;

/// Dials a `redis://`, `rediss://` or `redis+unix://` endpoint.
///
/// Each dial resolves the name anew. Requests that are started together leave in one write; large ones leave as the
/// bytes they are, without a copy. Arguments may be any bytes. User, password and database of the endpoint are not used
/// here: the layer above says AUTH and SELECT.
#[derive(Debug, Clone)]
pub struct TcpConnector {
    dialer: Dialer,
}

impl TcpConnector {
    /// A connector that dials `endpoint`.
    ///
    /// # Errors
    ///
    /// When the endpoint is not RESP over a socket, an option makes no sense, or `rediss` is asked for without the
    /// feature `tls`.
    pub fn new(endpoint: &Endpoint, options: &TransportOptions) -> Result<Self, TransportError> {
        let scheme = endpoint.scheme();
        if !scheme.is_redis() {
            return Err(TransportError::new(
                TransportErrorKind::Endpoint,
                format!(
                    "{scheme}:// is not RESP over a socket; use redis:// or rediss://, or another connector"
                ),
            ));
        }
        let dialer = Dialer::new(endpoint, options, &[])?;
        Ok(Self { dialer })
    }

    async fn dial(&self, progress: &Progress) -> Result<BoxTransport, TransportError> {
        let acks = self.dialer.acks();
        Ok(match self.dialer.open(&acks, progress).await? {
            Stream::Tcp(stream) => self.transport(stream, acks),
            #[cfg(unix)]
            Stream::Unix(stream) => self.transport(stream, acks),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => self.transport(stream, acks),
        })
    }

    fn transport<S>(&self, stream: S, acks: Acks) -> BoxTransport
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Box::new(TcpTransport::new(stream, acks, &self.dialer.options))
    }
}

impl Connect for TcpConnector {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(async move {
            let progress = Progress::default();
            self.dialer.within(&progress, self.dial(&progress)).await
        })
    }
}
