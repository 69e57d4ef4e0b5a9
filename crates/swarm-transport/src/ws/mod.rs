//! RESP over WebSocket, for SwarmKeyDb's gateway: one command and one reply per message.
//!
//! **Logs.** The WebSocket library logs complete handshakes and messages at level `trace` through
//! the `log` facade, targets `tungstenite` and `tokio_tungstenite`. They contain tokens, passwords
//! and values, so disable that level for these targets. This crate itself does not log what it
//! carries.

mod ack_pong;
mod error;
mod handshake;
mod socket;
#[cfg(test)]
mod tests;
mod transport;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::dial::{self, Dialer, Progress, QuickAckPolicy, Step, Stream};
use crate::heartbeat::ReadActivity;
use crate::{BoxFuture, BoxTransport, Connect, Endpoint, TransportError, TransportOptions};
use transport::WsTransport;

/// Connects to a `ws://` or `wss://` endpoint.
///
/// Each connect resolves the host name again. The transport sends one command per Binary message,
/// and many messages per write. It accepts replies as Binary or Text messages, whole or fragmented,
/// with exactly one frame each. A message that contains anything else is a protocol error, because
/// later replies could no longer be matched to their requests. Pings are answered whenever the
/// transport is polled for frames.
///
/// # Examples
///
/// ```
/// use swarm_transport::ws::WsConnector;
/// use swarm_transport::{Connect, Endpoint, TransportError, TransportOptions};
///
/// async fn check(address: &str) -> Result<(), TransportError> {
///     let options = TransportOptions::new().origin("https://app.example");
///     let connector = WsConnector::new(&Endpoint::parse(address)?, &options)?;
///     let transport = connector.connect().await?;
///     println!("connected: {:?}", transport.capabilities());
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert!(check("redis://localhost").await.is_err()); // not a WebSocket endpoint
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct WsConnector {
    dialer: Dialer,
}

impl WsConnector {
    /// Creates a connector for `endpoint`.
    ///
    /// # Errors
    ///
    /// Returns an error if the endpoint's scheme is not `ws` or `wss`, if an option is invalid, or
    /// if TLS is required but the feature `tls` is disabled.
    pub fn new(endpoint: &Endpoint, options: &TransportOptions) -> Result<Self, TransportError> {
        if !endpoint.scheme().is_websocket() {
            return Err(error::not_websocket(endpoint.scheme()));
        }
        // A WebSocket upgrade requires HTTP/1.1.
        let dialer = Dialer::new(endpoint, options, &[b"http/1.1"])?;
        Ok(Self { dialer })
    }

    async fn dial(&self, progress: &Progress) -> Result<BoxTransport, TransportError> {
        let ack_policy = self.dialer.ack_policy();
        let stream = self.dialer.open(&ack_policy, progress).await?;
        progress.set_step(Step::Upgrade);
        match stream {
            Stream::Tcp(stream) => self.upgrade(stream, ack_policy).await,
            #[cfg(unix)]
            Stream::Unix(stream) => self.upgrade(stream, ack_policy).await,
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => self.upgrade(stream, ack_policy).await,
        }
    }

    async fn upgrade<S>(
        &self,
        stream: S,
        ack_policy: QuickAckPolicy,
    ) -> Result<BoxTransport, TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Dialer {
            endpoint, options, ..
        } = &self.dialer;
        let stream = ReadActivity::after_http_head(stream);
        let upgraded = handshake::upgrade(stream, endpoint, options).await;
        let socket = upgraded.map_err(|error| match ack_policy.peer_sent_alert() {
            true => dial::speaks_tls(endpoint).with_source(error),
            false => error,
        })?;
        Ok(Box::new(WsTransport::new(socket, ack_policy, options)))
    }
}

impl Connect for WsConnector {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(async move {
            let progress = Progress::default();
            self.dialer
                .with_timeout(&progress, self.dial(&progress))
                .await
        })
    }
}
