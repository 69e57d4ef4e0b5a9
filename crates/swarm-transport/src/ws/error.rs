//! From the errors of the WebSocket library to those of a wire.

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
        format!("{scheme}:// is no WebSocket; use ws:// or wss://, or another connector"),
    )
}

/// What ended the handshake.
pub(super) fn of_handshake(endpoint: &Endpoint, error: Error) -> TransportError {
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
                "{endpoint} closed the connection during the WebSocket handshake; check that the port is a WebSocket's"
            ),
        ),
        Error::Io(error) => {
            let error = dial::broken(error);
            TransportError::new(
                error.kind(),
                format!("the WebSocket handshake with {endpoint} failed: {error}"),
            )
            .with_source(error)
        }
        error => TransportError::new(
            Kind::Protocol,
            format!("{endpoint} does not speak WebSocket: {error}; check port and path"),
        )
        .with_source(error),
    }
}

/// What ended an open WebSocket.
pub(super) fn of_socket(error: Error) -> TransportError {
    match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::SendAfterClosing) => closed(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => TransportError::new(
            Kind::Closed,
            "the peer ended the connection without a close frame",
        ),
        Error::Io(error) => dial::broken(error),
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => TransportError::new(
            Kind::Limit,
            format!(
                "the peer sent a message of {size} bytes or more, and the limits allow {max_size}"
            ),
        ),
        error => TransportError::new(
            Kind::Protocol,
            format!("the peer broke the WebSocket protocol: {error}"),
        )
        .with_source(error),
    }
}

/// The code that tells the peer why this side ends the connection; `None` when the peer is not at fault.
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

/// The peer that answered no ping.
pub(super) fn gone(silence: Duration) -> TransportError {
    let what = format!(
        "the peer is gone: nothing was heard of it for {silence:?}, not even an answer to a ping"
    );
    TransportError::new(Kind::Timeout, what)
}

/// The peer's goodbye.
pub(super) fn of_close(frame: Option<&CloseFrame>) -> TransportError {
    let Some(frame) = frame else {
        return TransportError::new(
            Kind::Closed,
            "the peer closed the WebSocket and gave no code",
        );
    };
    let code = u16::from(frame.code);
    let meaning = match code {
        1000 => "normal",
        1001 => "it goes away",
        1002 => "protocol error",
        1003 => "it does not take this kind of message",
        1007 => "it takes UTF-8 only",
        1008 => "against its policy",
        1009 => "a message was too big for it: lower max_request to be told before sending",
        1011 => "an error inside it",
        1012 => "it restarts",
        1013 => "try again later",
        _ => "a code of its own",
    };
    let mut what = format!("the peer closed the WebSocket with code {code}, {meaning}");
    if !frame.reason.is_empty() {
        what.push_str(": ");
        what.push_str(frame.reason.as_str());
    }
    TransportError::new(Kind::Closed, what).with_close_code(code)
}

/// A message that is not one frame.
pub(super) fn of_message(error: DecodeError) -> TransportError {
    TransportError::undecodable("a message of the peer is not one RESP frame", error)
}
