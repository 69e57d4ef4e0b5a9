//! RESP over TCP and Unix sockets, for Redis, Valkey, KeyDB and SwarmKeyDb's TCP port.

mod read_buffer;
#[cfg(test)]
mod tests;
mod transport;
mod write_buffer;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::dial::{Dialer, Progress, QuickAckPolicy, Stream};
use crate::{
    BoxFuture, BoxTransport, Connect, Endpoint, TransportError, TransportErrorKind,
    TransportOptions,
};
pub use transport::RespTransport;

/// Connects to a `redis://`, `rediss://` or `redis+unix://` endpoint.
///
/// Each connect resolves the host name again. Requests that are started together are sent in one
/// write; large ones are not copied. Arguments may contain any bytes. The connector does not use
/// the endpoint's user, password and database: the client sends AUTH and SELECT.
///
/// # Examples
///
/// ```
/// use swarm_transport::tcp::TcpConnector;
/// use swarm_transport::{Connect, Endpoint, TransportError, TransportOptions};
///
/// async fn check(address: &str) -> Result<(), TransportError> {
///     let connector = TcpConnector::new(&Endpoint::parse(address)?, &TransportOptions::new())?;
///     let transport = connector.connect().await?;
///     println!("connected: {:?}", transport.capabilities());
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert!(check("ws://localhost").await.is_err()); // not a RESP endpoint
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TcpConnector {
    dialer: Dialer,
}

impl TcpConnector {
    /// Creates a connector for `endpoint`.
    ///
    /// # Errors
    ///
    /// Returns an error if the endpoint's scheme is not `redis`, `rediss` or `redis+unix`, if an
    /// option is invalid, or if TLS is required but the feature `tls` is disabled.
    pub fn new(endpoint: &Endpoint, options: &TransportOptions) -> Result<Self, TransportError> {
        let scheme = endpoint.scheme();
        if !scheme.is_redis() {
            return Err(TransportError::new(
                TransportErrorKind::Endpoint,
                format!(
                    "{scheme}:// is not RESP over a socket; use redis:// or rediss://, or another \
                     connector type"
                ),
            ));
        }
        let dialer = Dialer::new(endpoint, options, &[])?;
        Ok(Self { dialer })
    }

    async fn dial(&self, progress: &Progress) -> Result<BoxTransport, TransportError> {
        let ack_policy = self.dialer.ack_policy();
        Ok(match self.dialer.open(&ack_policy, progress).await? {
            Stream::Tcp(stream) => self.transport(stream, ack_policy),
            #[cfg(unix)]
            Stream::Unix(stream) => self.transport(stream, ack_policy),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => self.transport(stream, ack_policy),
        })
    }

    fn transport<S>(&self, stream: S, ack_policy: QuickAckPolicy) -> BoxTransport
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Box::new(RespTransport::over_socket(
            stream,
            ack_policy,
            &self.dialer.options,
        ))
    }
}

impl Connect for TcpConnector {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(async move {
            let progress = Progress::default();
            self.dialer
                .with_timeout(&progress, self.dial(&progress))
                .await
        })
    }
}
