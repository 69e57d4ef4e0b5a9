//! From a connected stream to a WebSocket.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::client::{Request, generate_key};
use tokio_tungstenite::tungstenite::http;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::error;
use crate::{Endpoint, TransportError, TransportErrorKind, TransportOptions};

/// Asks the peer to speak WebSocket.
pub(super) async fn upgrade<S>(
    stream: S,
    endpoint: &Endpoint,
    options: &TransportOptions,
) -> Result<WebSocketStream<S>, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = request(endpoint, options).map_err(|error| {
        TransportError::new(
            TransportErrorKind::Endpoint,
            "the address or a header cannot be written as an HTTP request",
        )
        .with_source(error)
    })?;
    let (socket, _) = client_async_with_config(request, stream, Some(config(options)))
        .await
        .map_err(|error| error::of_handshake(endpoint, error))?;
    Ok(socket)
}

fn request(endpoint: &Endpoint, options: &TransportOptions) -> Result<Request, http::Error> {
    let scheme = endpoint.scheme();
    let authority = endpoint.authority();
    let mut request = Request::builder()
        .uri(format!("{scheme}://{authority}{}", endpoint.target()))
        .header(http::header::HOST, authority)
        .header(http::header::CONNECTION, "Upgrade")
        .header(http::header::UPGRADE, "websocket")
        .header(http::header::SEC_WEBSOCKET_VERSION, "13")
        .header(http::header::SEC_WEBSOCKET_KEY, generate_key());
    for (name, value) in &options.headers {
        request = request.header(name, value);
    }
    request.body(())
}

/// A message is one reply, so that the limit of a frame is the limit of a message.
pub(super) fn config(options: &TransportOptions) -> WebSocketConfig {
    let max = Some(options.limits.max_frame);
    WebSocketConfig::default()
        .read_buffer_size(options.read_buffer)
        // Above this the transport writes by itself; while the socket takes nothing, it is not ready.
        .write_buffer_size(options.write_buffer)
        .max_message_size(max)
        .max_frame_size(max)
}
