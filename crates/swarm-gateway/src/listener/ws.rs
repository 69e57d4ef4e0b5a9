//! WebSocket listener: one command per incoming message, one Binary message per reply.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use swarm_resp::{Frame, ProtocolError, encode_frame};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::budget::{Budget, Budgeted};
use super::input::{self, Read};
use super::{Sink, Source, Stop};
use crate::dialect::{Dialect, Quirk};
use crate::json;
use crate::listener_kind::ListenerKind;
use crate::outbox::{Ending, Form};
use crate::session::{Inbound, Shared};
use crate::stream::Stream;

/// Timeout of the opening handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Interval of the pongs that the deployed gateway sends unasked.
const ALIVE: Duration = Duration::from_secs(30);

/// Serves one WebSocket connection.
pub(crate) async fn serve(shared: Arc<Shared>, stream: Stream, stop: Stop) {
    shared.faults.thawed().await;
    let config = WebSocketConfig::default()
        .read_buffer_size(16 << 10)
        .write_buffer_size(64 << 10)
        .max_message_size(Some(shared.max_message))
        .max_frame_size(Some(shared.max_message));
    let addresses = stream.addresses();
    let budget = Budget::default();
    let mut stream = Budgeted::new(stream, budget.clone());
    let admit = Admit(&shared);
    let accepting =
        tokio_tungstenite::accept_hdr_async_with_config(&mut stream, admit, Some(config));
    let socket = match timeout(HANDSHAKE, accepting).await {
        Ok(Ok(socket)) => socket,
        Ok(Err(error)) => {
            tracing::debug!(%error, "WebSocket handshake failed");
            // `Admit` has already written its rejection, and a broken connection cannot receive
            // one.
            if !matches!(error, Error::Http(_) | Error::Io(_)) {
                refuse(&mut stream).await;
            }
            return;
        }
        Err(_) => return tracing::debug!("WebSocket handshake timed out"),
    };
    let (sink, stream) = socket.split();
    let fault = Fault::default();
    let source = WsSource {
        stream,
        fault: fault.clone(),
        budget: budget.clone(),
        dialect: shared.dialect,
        max_message: shared.max_message,
    };
    let sink = WsSink {
        sink,
        fault,
        budget,
        dialect: shared.dialect,
        alive: tokio::time::interval_at(Instant::now() + ALIVE, ALIVE),
    };
    super::serve(shared, ListenerKind::Ws, addresses, source, sink, stop).await;
}

/// Answers a request that does not ask for a WebSocket upgrade.
async fn refuse(stream: &mut Budgeted<Stream>) {
    const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
        content-length: 37\r\nconnection: close\r\n\r\nthis port speaks WebSocket, not HTTP\n";
    // A client that does not wait for the answer does not need it.
    let _ = stream.write_all(ANSWER).await;
    let _ = stream.shutdown().await;
}

/// Rejects pages of other origins.
struct Admit<'a>(&'a Shared);

impl Callback for Admit<'_> {
    fn on_request(self, request: &Request, response: Response) -> Result<Response, ErrorResponse> {
        let origin = request.headers().get("Origin");
        if (self.0.origins).allow(origin.map(|origin| origin.as_bytes())) {
            return Ok(response);
        }
        let mut refusal = ErrorResponse::new(Some("origin not allowed".to_owned()));
        *refusal.status_mut() = StatusCode::FORBIDDEN;
        Err(refusal)
    }
}

/// Close code for a protocol violation by the client, passed from the read half to the write half.
#[derive(Clone)]
struct Fault(Arc<AtomicU16>);

impl Default for Fault {
    fn default() -> Self {
        Self(Arc::new(AtomicU16::new(CloseCode::Normal.into())))
    }
}

impl Fault {
    fn note(&self, error: &Error) {
        let code = match error {
            Error::Capacity(_) => CloseCode::Size,
            Error::Utf8(_) => CloseCode::Invalid,
            Error::Protocol(_) => CloseCode::Protocol,
            _ => return,
        };
        self.0.store(code.into(), Ordering::Relaxed);
    }

    fn code(&self) -> CloseCode {
        self.0.load(Ordering::Relaxed).into()
    }
}

struct WsSource<S> {
    stream: SplitStream<WebSocketStream<S>>,
    fault: Fault,
    budget: Budget,
    dialect: Dialect,
    max_message: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Source for WsSource<S> {
    async fn next(&mut self) -> Option<Inbound> {
        loop {
            let message = match self.stream.next().await? {
                Ok(Message::Binary(bytes)) => bytes,
                Ok(Message::Text(text)) => text.into(),
                Ok(Message::Close(close)) => {
                    if self.dialect.has(Quirk::CloseReason) {
                        self.budget.close(&payload(close));
                    }
                    return None;
                }
                // The WebSocket library answers pings itself.
                Ok(_) => continue,
                Err(error) => {
                    self.fault.note(&error);
                    tracing::debug!(%error, "WebSocket read failed");
                    return None;
                }
            };
            if self.dialect.has(Quirk::SwarmInput) {
                match input::message(&String::from_utf8_lossy(&message)) {
                    Read::Command(inbound) => return Some(inbound),
                    Read::Incomplete | Read::Crashed => return None,
                }
            }
            if let Some(inbound) = self.command(message) {
                return Some(inbound);
            }
        }
    }
}

/// Returns the payload of a close frame.
fn payload(close: Option<CloseFrame>) -> Vec<u8> {
    let frame = close.map(|close| {
        let code = u16::from(close.code).to_be_bytes();
        [&code[..], close.reason.as_bytes()].concat()
    });
    frame.unwrap_or_default()
}

impl<S> WsSource<S> {
    /// Parses the command of a message. Returns `None` if the message is empty.
    fn command(&self, message: Bytes) -> Option<Inbound> {
        let message = if self.dialect.has(Quirk::Utf8Input) {
            Bytes::from(String::from_utf8_lossy(&message).into_owned())
        } else {
            message
        };
        let first = message.iter().find(|byte| !byte.is_ascii_whitespace())?;
        Some(match first {
            b'*' => Inbound::resp(self.resp(message)),
            b'{' | b'[' => Inbound::json(json::command(&message)),
            _ => {
                let words = super::inline(&message, self.max_message);
                Inbound::resp(words.map_err(|error| error.to_string()))
            }
        })
    }

    fn resp(&self, mut message: Bytes) -> Result<Vec<Bytes>, String> {
        let mut decoder = super::decoder(self.max_message);
        let args = if self.dialect.has(Quirk::RestDiscarded) {
            let args = decoder.decode_bytes(&mut message);
            args.and_then(|args| args.ok_or(ProtocolError::Truncated))
        } else {
            decoder.decode_message(message)
        };
        args.map_err(|error| error.to_string())
    }
}

struct WsSink<S> {
    sink: SplitSink<WebSocketStream<S>, Message>,
    fault: Fault,
    /// Number of bytes that may still be written, including framing.
    budget: Budget,
    dialect: Dialect,
    /// When to send a pong that nobody has asked for.
    alive: Interval,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Sink for WsSink<S> {
    async fn put(&mut self, frame: Frame, form: Form) -> io::Result<()> {
        let message = self.message(&frame, &form);
        let fed = self.sink.feed(message).await;
        if self.dialect.has(Quirk::Nagle) {
            // Each message is a separate write.
            fed.and(self.sink.flush().await).map_err(io_error)
        } else {
            fed.map_err(io_error)
        }
    }

    async fn put_part(&mut self, frame: Frame, form: Form, bytes: usize) {
        let message = self.message(&frame, &form);
        self.budget.limit(bytes);
        // The connection is cut next, whether or not this succeeded.
        let _ = self.sink.send(message).await;
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.sink.flush().await.map_err(io_error)
    }

    async fn alive_due(&mut self) {
        if self.dialect.has(Quirk::UnaskedPongs) {
            self.alive.tick().await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    async fn keep_alive(&mut self) -> io::Result<()> {
        let pong = Message::Pong(Bytes::new());
        self.sink.send(pong).await.map_err(io_error)
    }

    async fn end(&mut self, ending: Ending) -> io::Result<()> {
        let by_client = matches!(ending, Ending::Quit | Ending::Gone);
        let (code, reason) = match ending {
            _ if by_client && self.dialect.has(Quirk::CloseReason) => {
                (self.fault.code(), "closing")
            }
            Ending::Quit => (CloseCode::Normal, ""),
            Ending::Gone => (self.fault.code(), ""),
            Ending::Shutdown => (CloseCode::Away, "the gateway is shutting down"),
            Ending::Lost => (CloseCode::Error, "the gateway lost its connection to Redis"),
        };
        let reason = reason.into();
        let close = Message::Close(Some(CloseFrame { code, reason }));
        match self.sink.send(close).await {
            Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => Ok(()),
            Err(error) => Err(io_error(error)),
        }
    }
}

impl<S> WsSink<S> {
    fn message(&self, frame: &Frame, form: &Form) -> Message {
        let Some(command) = &form.json else {
            let mut buffer = BytesMut::new();
            encode_frame(&mut buffer, frame, form.protocol);
            return Message::Binary(buffer.freeze());
        };
        let text = if self.dialect.has(Quirk::JsonEscapes) {
            self.escaped(frame, form, command)
        } else if form.is_push {
            self.json_push(&json::value(frame.view(), form.protocol))
        } else {
            self.json_reply(&json::reply(frame, form.protocol, command), command)
        };
        Message::Text(text.into())
    }

    /// Encodes a frame as the deployed gateway does.
    fn escaped(&self, frame: &Frame, form: &Form, command: &str) -> String {
        if let Some(error) = frame.error_bytes() {
            let error = json::escaped(&String::from_utf8_lossy(error));
            let command = match command {
                "" => "null".to_owned(),
                command => json::escaped(command),
            };
            return format!(r#"{{"error":{error},"cmd":{command}}}"#);
        }
        let value = json::escaped_value(frame.view(), form.protocol);
        let envelope = self.dialect.has(Quirk::JsonEnvelope);
        match (form.is_push, envelope) {
            (true, true) => format!(r#"{{"push":{value}}}"#),
            (true, false) => format!(r#"{{"type":"push","data":{value}}}"#),
            (false, true) => format!(r#"{{"cmd":{},"data":{value}}}"#, json::escaped(command)),
            (false, false) if self.dialect.has(Quirk::JsonNullObject) && frame.is_null() => {
                "{}".to_owned()
            }
            (false, false) => value,
        }
    }

    /// Encodes a reply in the dialect's JSON format.
    fn json_reply(&self, value: &Value, command: &str) -> String {
        if self.dialect.has(Quirk::JsonEnvelope) && value.get("error").is_none() {
            return json!({ "cmd": command, "data": value }).to_string();
        }
        if self.dialect.has(Quirk::JsonNullObject) && value.is_null() {
            return "{}".to_owned();
        }
        value.to_string()
    }

    /// Encodes a push in the dialect's JSON format.
    fn json_push(&self, value: &Value) -> String {
        if self.dialect.has(Quirk::JsonEnvelope) {
            format!(r#"{{"push":{value}}}"#)
        } else {
            format!(r#"{{"type":"push","data":{value}}}"#)
        }
    }
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        other => io::Error::other(other),
    }
}
