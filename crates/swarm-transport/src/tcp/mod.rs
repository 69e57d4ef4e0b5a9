//! RESP as Redis, Valkey, KeyDB and SwarmKeyDb's TCP port speak it: over TCP and Unix sockets.

mod input;
mod output;
#[cfg(test)]
mod tests;
mod transport;

use crate::connector::not_compiled_in;
use crate::{
    BoxFuture, BoxTransport, Connect, DialOptions, Endpoint, Scheme, TransportError,
    TransportErrorKind, dial,
};
use transport::TcpTransport;

/// Dials a `redis://` or `redis+unix://` endpoint.
///
/// Each dial resolves the name anew. Requests that are started together leave in one write; large ones leave as the
/// bytes they are, without a copy. Arguments may be any bytes. User, password and database of the endpoint are not used
/// here: the layer above says AUTH and SELECT.
#[derive(Debug, Clone)]
pub struct TcpConnector {
    endpoint: Endpoint,
    options: DialOptions,
}

impl TcpConnector {
    /// A connector that dials `endpoint`.
    ///
    /// # Errors
    ///
    /// When the endpoint is not RESP over a socket, or an option makes no sense.
    pub fn new(endpoint: &Endpoint, options: &DialOptions) -> Result<Self, TransportError> {
        options.validate()?;
        match endpoint.scheme() {
            Scheme::Redis => {}
            Scheme::RedisUnix if cfg!(unix) => {}
            Scheme::RedisUnix => {
                return Err(TransportError::new(
                    TransportErrorKind::Endpoint,
                    "this system has no Unix sockets; use redis://",
                ));
            }
            Scheme::Rediss => return Err(not_compiled_in(Scheme::Rediss)),
            scheme => {
                return Err(TransportError::new(
                    TransportErrorKind::Endpoint,
                    format!(
                        "{scheme}:// is not RESP over a socket; use redis:// or rediss://, or another connector"
                    ),
                ));
            }
        }
        Ok(Self {
            endpoint: endpoint.clone(),
            options: options.clone(),
        })
    }

    async fn dial(&self) -> Result<BoxTransport, TransportError> {
        #[cfg(unix)]
        if self.endpoint.scheme() == Scheme::RedisUnix {
            let stream = dial::unix(&self.endpoint).await?;
            return Ok(Box::new(TcpTransport::new(stream, &self.options)));
        }
        let stream = dial::tcp(&self.endpoint, &self.options).await?;
        Ok(Box::new(TcpTransport::new(stream, &self.options)))
    }
}

impl Connect for TcpConnector {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(dial::within(&self.endpoint, &self.options, self.dial()))
    }
}
