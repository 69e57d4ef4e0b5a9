//! Converts errors of the WebSocket library to transport errors.

use std::time::Duration;

use swarm_resp::DecodeError;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::http::header::{DATE, HeaderValue, RETRY_AFTER};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::TransportErrorKind as Kind;
use crate::{Endpoint, Scheme, TransportError, dial, http_status, retry_after};

pub(super) fn not_websocket(scheme: Scheme) -> TransportError {
    TransportError::new(
        Kind::Endpoint,
        format!(
            "{scheme}:// is not a WebSocket scheme; use ws:// or wss://, or another connector type"
        ),
    )
}

/// Converts an error of the opening handshake.
pub(super) fn from_handshake(endpoint: &Endpoint, error: Error) -> TransportError {
    match error {
        Error::Http(response) => {
            let status = response.status().as_u16();
            if response.status().is_success() {
                return TransportError::new(
                    Kind::Protocol,
                    format!(
                        "{endpoint} answered {status} instead of a WebSocket; check port and path"
                    ),
                )
                .with_status(status);
            }
            let header = |name| response.headers().get(name).map(HeaderValue::as_bytes);
            http_status::error(endpoint, status, "the WebSocket upgrade")
                .maybe_retry_after(retry_after::wait(header(RETRY_AFTER), header(DATE)))
        }
        Error::Protocol(ProtocolError::HandshakeIncomplete) => TransportError::new(
            Kind::Closed,
            format!(
                "{endpoint} closed the connection during the WebSocket handshake; check that the \
                 port is a WebSocket port"
            ),
        ),
        Error::Io(error) => {
            let error = dial::io_error(error);
            let message = format!("the WebSocket handshake with {endpoint} failed: {error}");
            error.with_context(message)
        }
        error => TransportError::new(
            Kind::Protocol,
            format!(
                "{endpoint} does not speak WebSocket; check the port, and use a redis:// address \
                 if it is a RESP port: {error}"
            ),
        )
        .with_source(error),
    }
}

/// Converts an error of an open WebSocket.
pub(super) fn from_socket(error: Error) -> TransportError {
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::SendAfterClosing) => closed(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => TransportError::new(
            Kind::Closed,
            "the peer closed the connection without a close frame",
        ),
        Error::Io(error) => dial::io_error(error),
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => TransportError::new(
            Kind::Limit,
            format!(
                "the peer sent a message of at least {size} bytes, which exceeds the limit of \
                 {max_size}; raise limits.max_frame"
            ),
        ),
        error => TransportError::new(
            Kind::Protocol,
            format!("the peer violated the WebSocket protocol: {error}"),
        )
        .with_source(error),
    }
}

/// Returns the close code that tells the peer why this side closes the connection, or `None` if the
/// peer is not at fault.
pub(super) fn close_code(error: &TransportError) -> Option<CloseCode> {
    match error.kind() {
        Kind::Limit => Some(CloseCode::Size),
        Kind::Protocol => {
            let source = std::error::Error::source(error);
            let is_text = source
                .and_then(|source| source.downcast_ref())
                .is_some_and(|error| matches!(error, Error::Utf8(_)));
            Some(if is_text {
                CloseCode::Invalid
            } else {
                CloseCode::Protocol
            })
        }
        _ => None,
    }
}

pub(super) fn closed() -> TransportError {
    TransportError::new(Kind::Closed, "the WebSocket is closed")
}

/// Creates the error for a peer that did not answer a ping.
pub(super) fn unresponsive(idle: Duration) -> TransportError {
    let message =
        format!("the peer is unresponsive: no data for {idle:?}, not even an answer to a ping");
    TransportError::new(Kind::Timeout, message)
}

/// Converts the close frame of the peer.
pub(super) fn from_close(frame: Option<&CloseFrame>) -> TransportError {
    let Some(frame) = frame else {
        return TransportError::new(
            Kind::Closed,
            "the peer closed the WebSocket without a close code",
        );
    };
    let code = u16::from(frame.code);
    let meaning = match code {
        1000 => "normal",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported message type",
        1007 => "invalid UTF-8",
        1008 => "policy violation",
        1009 => "message too big; lower max_request to reject such requests locally",
        1011 => "internal error",
        1012 => "restarting",
        1013 => "try again later",
        _ => "application-defined",
    };
    let mut message = format!("the peer closed the WebSocket with code {code} ({meaning})");
    if !frame.reason.is_empty() {
        message.push_str(": ");
        message.push_str(frame.reason.as_str());
    }
    TransportError::new(Kind::Closed, message).with_close_code(code)
}

/// Creates the error for a message that is not exactly one frame.
pub(super) fn from_decode(error: DecodeError) -> TransportError {
    TransportError::decode_error(
        "the peer sent a message that is not exactly one RESP frame",
        error,
    )
}
