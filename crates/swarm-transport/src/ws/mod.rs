//! RESP over WebSocket, for SwarmKeyDb's gateway: one command and one reply per message.
//!
//! **Logs.** The WebSocket library logs complete handshakes and messages at level `trace` through
//! the `log` facade, targets `tungstenite` and `tokio_tungstenite`. They contain tokens, passwords
//! and values, so disable that level for these targets. This crate itself does not log what it
//! carries.
//!
//! **In a browser**, the page's own WebSocket carries the messages. It shows no reason why a
//! connection could not be opened, sends neither headers nor pings, and reads as fast as the
//! network delivers: a page that takes messages too slowly loses the connection.

mod end;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod native;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod web;

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use native as platform;
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
use web as platform;

use crate::{BoxFuture, BoxTransport, Connect, Endpoint, TransportError, TransportOptions};

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
pub struct WsConnector(platform::Connector);

impl WsConnector {
    /// Creates a connector for `endpoint`.
    ///
    /// # Errors
    ///
    /// Returns an error if the endpoint's scheme is not `ws` or `wss`, if an option is invalid, or
    /// if TLS is required but the feature `tls` is disabled.
    pub fn new(endpoint: &Endpoint, options: &TransportOptions) -> Result<Self, TransportError> {
        if !endpoint.scheme().is_websocket() {
            return Err(end::not_websocket(endpoint.scheme()));
        }
        platform::Connector::new(endpoint, options).map(Self)
    }
}

impl Connect for WsConnector {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        self.0.connect()
    }
}
