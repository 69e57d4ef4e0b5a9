//! The WebSocket door: one command per message in, one Binary message per reply out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use swarm_resp::{Decoder, Frame, Protocol, encode_frame};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Sink, Source, Stop};
use crate::dialect::{Dialect, Quirk};
use crate::outbox::Ending;
use crate::session::{DoorKind, Inbound, Shared};

/// How long a client may take for the opening handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Serves one TCP connection that asks for a WebSocket.
pub(crate) async fn serve(shared: Arc<Shared>, stream: TcpStream, stop: Stop) {
    shared.faults.speaking().await;
    let config = WebSocketConfig::default()
        .read_buffer_size(16 << 10)
        .write_buffer_size(64 << 10)
        .max_message_size(Some(shared.max_message))
        .max_frame_size(Some(shared.max_message));
    let accepting = tokio_tungstenite::accept_async_with_config(stream, Some(config));
    let socket = match timeout(HANDSHAKE, accepting).await {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => return tracing::debug!(%error, "WebSocket handshake failed"),
        Err(_) => return tracing::debug!("WebSocket handshake took too long"),
    };
    let (sink, stream) = socket.split();
    let source = WsSource {
        stream,
        dialect: shared.dialect,
        max_message: shared.max_message,
    };
    super::serve(shared, DoorKind::Ws, source, WsSink { sink }, stop).await;
}

struct WsSource {
    stream: SplitStream<WebSocketStream<TcpStream>>,
    dialect: Dialect,
    max_message: usize,
}

impl Source for WsSource {
    async fn next(&mut self) -> Option<Inbound> {
        loop {
            let message = match self.stream.next().await? {
                Ok(Message::Binary(bytes)) => bytes,
                Ok(Message::Text(text)) => text.into(),
                Ok(Message::Close(_)) => return None,
                // The WebSocket layer answers pings by itself.
                Ok(_) => continue,
                Err(error) => {
                    tracing::debug!(%error, "WebSocket read failed");
                    return None;
                }
            };
            if let Some(inbound) = self.command(message) {
                return Some(inbound);
            }
        }
    }
}

impl WsSource {
    /// The command of a message; `None` when there is nothing in it.
    fn command(&self, message: Bytes) -> Option<Inbound> {
        let message = if self.dialect.has(Quirk::Utf8Input) {
            Bytes::from(String::from_utf8_lossy(&message).into_owned())
        } else {
            message
        };
        let first = message.iter().find(|byte| !byte.is_ascii_whitespace())?;
        if *first == b'*' {
            Some(self.resp(message).unwrap_or_else(Inbound::Malformed))
        } else {
            super::inline(&message).map(Inbound::Command)
        }
    }

    fn resp(&self, message: Bytes) -> Result<Inbound, String> {
        let mut decoder = Decoder::with_limits(super::limits(self.max_message));
        let frame = if self.dialect.has(Quirk::RestDiscarded) {
            let mut rest = message;
            (decoder.decode_bytes(&mut rest))
                .and_then(|frame| frame.map_or_else(|| decoder.decode_message(Bytes::new()), Ok))
        } else {
            decoder.decode_message(message)
        };
        let frame = frame.map_err(|error| error.to_string())?;
        super::command(&frame).map(Inbound::Command)
    }
}

struct WsSink {
    sink: SplitSink<WebSocketStream<TcpStream>, Message>,
}

impl Sink for WsSink {
    async fn put(&mut self, frame: Frame, protocol: Protocol) -> io::Result<()> {
        let mut buffer = BytesMut::new();
        encode_frame(&mut buffer, &frame, protocol);
        let message = Message::Binary(buffer.freeze());
        self.sink.feed(message).await.map_err(io_error)
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.sink.flush().await.map_err(io_error)
    }

    async fn end(&mut self, ending: Ending) -> io::Result<()> {
        let (code, reason) = match ending {
            Ending::Quit | Ending::Gone => (CloseCode::Normal, ""),
            Ending::Shutdown => (CloseCode::Away, "the gateway stops"),
        };
        let reason = reason.into();
        let close = Message::Close(Some(CloseFrame { code, reason }));
        match self.sink.send(close).await {
            Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => Ok(()),
            Err(error) => Err(io_error(error)),
        }
    }
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}
