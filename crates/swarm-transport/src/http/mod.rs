//! SwarmKeyDb's HTTP gateway: one `POST /cmd` per command, JSON both ways.
//!
//! What HTTP cannot carry is refused before anything is sent: commands of a session (transactions, subscriptions,
//! tracking), commands that block, and arguments that are not UTF-8. The gateway puts U+FFFD in place of reply bytes that
//! are not UTF-8; a reply with U+FFFD in it is therefore answered as an error of code `LOSSY`, unless
//! [`TransportOptions::lossy_replies`] says otherwise.

mod exchange;
mod json;
mod pool;
mod refuse;
#[cfg(test)]
mod tests;
mod transport;

use std::sync::Arc;

use crate::dial::{Dialer, Progress};
use crate::{
    BoxFuture, BoxTransport, Connect, Endpoint, TransportError, TransportErrorKind,
    TransportOptions,
};
use exchange::Exchange;
use transport::HttpTransport;

/// Dials an `http://` or `https://` endpoint.
///
/// A dial sends one PING, so that a wrong port, path or token shows there. A transport keeps connections alive and runs
/// up to [`TransportOptions::http_concurrency`] requests at a time, over one connection each in HTTP/1.1 and over one
/// connection in HTTP/2, which is used when TLS offers it. Results come in the order of the requests; the server may
/// run requests that are in flight together in any order, so [`Capabilities::ordered`](crate::Capabilities::ordered) is
/// false.
///
/// A request of which a byte may have been written is never sent again here.
#[derive(Debug, Clone)]
pub struct HttpConnector {
    dialer: Dialer,
}

impl HttpConnector {
    /// A connector that dials `endpoint`.
    ///
    /// # Errors
    ///
    /// When the endpoint is not HTTP, an option makes no sense, or `https` is asked for without the feature `tls`.
    pub fn new(endpoint: &Endpoint, options: &TransportOptions) -> Result<Self, TransportError> {
        let scheme = endpoint.scheme();
        if !scheme.is_http() {
            return Err(TransportError::new(
                TransportErrorKind::Endpoint,
                format!("{scheme}:// is not HTTP; use http:// or https://, or another connector"),
            ));
        }
        let dialer = Dialer::new(endpoint, options, &[b"h2", b"http/1.1"])?;
        Ok(Self { dialer })
    }

    async fn dial(&self, progress: &Progress) -> Result<BoxTransport, TransportError> {
        let exchange = Arc::new(Exchange::new(self.dialer.clone())?);
        let reply = exchange.probe(progress).await?;
        if let Some(error) = reply.as_error() {
            let (kind, transient) = match error.code() {
                "NOAUTH" | "WRONGPASS" | "NOPERM" => (TransportErrorKind::Auth, false),
                // The server's state, not the address, is at fault.
                "LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "DENIED" => {
                    (TransportErrorKind::Refused, true)
                }
                _ => (TransportErrorKind::Protocol, true),
            };
            let what = format!("{} refused PING: {error}", self.dialer.endpoint);
            return Err(TransportError::new(kind, what).with_transient(transient));
        }
        Ok(Box::new(HttpTransport::new(exchange, &self.dialer.options)))
    }
}

impl Connect for HttpConnector {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(async move {
            let progress = Progress::default();
            self.dialer.within(&progress, self.dial(&progress)).await
        })
    }
}
