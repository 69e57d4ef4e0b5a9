//! The WebSocket opening handshake.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::client::{Request, generate_key};
use tokio_tungstenite::tungstenite::http;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::error;
use crate::{Endpoint, TransportError, TransportErrorKind, TransportOptions};

/// Performs the WebSocket opening handshake on a connected stream.
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
        .map_err(|error| error::from_handshake(endpoint, error))?;
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

/// A message is one frame, so the frame size limit applies to messages.
pub(super) fn config(options: &TransportOptions) -> WebSocketConfig {
    let max = Some(options.limits.max_frame);
    WebSocketConfig::default()
        .read_buffer_size(options.read_buffer)
        // Above this size the library writes without a flush, and the transport is not ready while
        // the socket accepts nothing.
        .write_buffer_size(options.write_buffer)
        .max_message_size(max)
        .max_frame_size(max)
}
