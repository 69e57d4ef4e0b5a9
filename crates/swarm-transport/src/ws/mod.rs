//! RESP over WebSocket, as SwarmKeyDb's gateway speaks it: one command per message, one reply per message.
//!
//! **Logs.** The WebSocket library writes whole handshakes and messages to the `log` facade at level trace, targets
//! `tungstenite` and `tokio_tungstenite`: tokens, passwords and values among them. Leave that level off for these targets
//! wherever logs are kept; nothing else here logs what is carried.

mod error;
mod handshake;
mod nudge;
mod socket;
#[cfg(test)]
mod tests;
mod transport;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::dial::{Acks, Dialer, Progress, Step, Stream};
use crate::heartbeat::Heard;
use crate::{BoxFuture, BoxTransport, Connect, Endpoint, TransportError, TransportOptions};
use transport::WsTransport;

/// Dials a `ws://` or `wss://` endpoint.
///
/// Each dial resolves the name anew. What is sent goes out as Binary messages, one command in each, many of them in one
/// write; replies may come as Binary or Text messages, whole or in fragments, one frame in each. A message with
/// anything else than one frame is a protocol error, for after it no reply could be told from the next. Pings are
/// answered whenever the transport is polled for frames.
#[derive(Debug, Clone)]
pub struct WsConnector {
    dialer: Dialer,
}

impl WsConnector {
    /// A connector that dials `endpoint`.
    ///
    /// # Errors
    ///
    /// When the endpoint is no WebSocket, an option makes no sense, or `wss` is asked for without the feature `tls`.
    pub fn new(endpoint: &Endpoint, options: &TransportOptions) -> Result<Self, TransportError> {
        if !endpoint.scheme().is_websocket() {
            return Err(error::not_websocket(endpoint.scheme()));
        }
        // Only HTTP/1.1 can be upgraded.
        let dialer = Dialer::new(endpoint, options, &[b"http/1.1"])?;
        Ok(Self { dialer })
    }

    async fn dial(&self, progress: &Progress) -> Result<BoxTransport, TransportError> {
        let acks = self.dialer.acks();
        let stream = self.dialer.open(&acks, progress).await?;
        progress.reached(Step::Upgrade);
        match stream {
            Stream::Tcp(stream) => self.upgrade(stream, acks).await,
            #[cfg(unix)]
            Stream::Unix(stream) => self.upgrade(stream, acks).await,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => self.upgrade(stream, acks).await,
        }
    }

    async fn upgrade<S>(&self, stream: S, acks: Acks) -> Result<BoxTransport, TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Dialer {
            endpoint, options, ..
        } = &self.dialer;
        let socket = handshake::upgrade(Heard::behind_head(stream), endpoint, options).await?;
        Ok(Box::new(WsTransport::new(socket, acks, options)))
    }
}

impl Connect for WsConnector {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(async move {
            let progress = Progress::default();
            self.dialer.within(&progress, self.dial(&progress)).await
        })
    }
}
