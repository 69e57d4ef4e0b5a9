//! RESP over WebSocket, as SwarmKeyDb's gateway speaks it: one command per message, one reply per message.

mod error;
mod handshake;
#[cfg(test)]
mod tests;
mod transport;

use crate::connector::not_compiled_in;
use crate::{
    BoxFuture, BoxTransport, Connect, DialOptions, Endpoint, Scheme, TransportError, dial,
};
use transport::WsTransport;

/// Dials a `ws://` endpoint.
///
/// Each dial resolves the name anew. What is sent goes out as Binary messages, one command in each, many of them in one
/// write; replies may come as Binary or Text messages, whole or in fragments, one frame in each. A message with
/// anything else than one frame is a protocol error, for after it no reply could be told from the next. Pings are
/// answered whenever the transport is polled for frames.
#[derive(Debug, Clone)]
pub struct WsConnector {
    endpoint: Endpoint,
    options: DialOptions,
}

impl WsConnector {
    /// A connector that dials `endpoint`.
    ///
    /// # Errors
    ///
    /// When the endpoint is no WebSocket, or an option makes no sense.
    pub fn new(endpoint: &Endpoint, options: &DialOptions) -> Result<Self, TransportError> {
        options.validate()?;
        match endpoint.scheme() {
            Scheme::Ws => Ok(Self {
                endpoint: endpoint.clone(),
                options: options.clone(),
            }),
            Scheme::Wss => Err(not_compiled_in(Scheme::Wss)),
            scheme => Err(error::not_websocket(scheme)),
        }
    }

    async fn dial(&self) -> Result<BoxTransport, TransportError> {
        let stream = dial::tcp(&self.endpoint, &self.options).await?;
        let socket = handshake::upgrade(stream, &self.endpoint, &self.options).await?;
        Ok(Box::new(WsTransport::new(socket, &self.options)))
    }
}

impl Connect for WsConnector {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(dial::within(&self.endpoint, &self.options, self.dial()))
    }
}
