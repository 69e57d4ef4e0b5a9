//! Converts errors of the WebSocket library to transport errors.

use std::time::Duration;

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::http::header::{DATE, HeaderValue, RETRY_AFTER};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::end;
use crate::TransportErrorKind as Kind;
use crate::{Endpoint, TransportError, dial, http_status, retry_after};

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
        | Error::Protocol(ProtocolError::SendAfterClosing) => end::closed(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => end::without_close_frame(),
        Error::Io(error) => dial::io_error(error),
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            end::message_too_long(size, max_size)
        }
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

/// Creates the error for a peer that did not answer a ping.
pub(super) fn unresponsive(idle: Duration) -> TransportError {
    let message =
        format!("the peer is unresponsive: no data for {idle:?}, not even an answer to a ping");
    TransportError::new(Kind::Timeout, message)
}

/// Converts the close frame of the peer.
pub(super) fn from_close(frame: Option<&CloseFrame>) -> TransportError {
    end::from_close(frame.map(|frame| (u16::from(frame.code), frame.reason.as_str())))
}
