//! Why a WebSocket is closed or is closed by this side, on every platform.

use swarm_resp::DecodeError;

use crate::TransportErrorKind as Kind;
use crate::{Scheme, TransportError};

pub(super) fn not_websocket(scheme: Scheme) -> TransportError {
    TransportError::new(
        Kind::Endpoint,
        format!(
            "{scheme}:// is not a WebSocket scheme; use ws:// or wss://, or another connector type"
        ),
    )
}

pub(super) fn closed() -> TransportError {
    TransportError::new(Kind::Closed, "the WebSocket is closed")
}

/// Creates the error for a connection that ended without a close frame.
pub(super) fn without_close_frame() -> TransportError {
    TransportError::new(
        Kind::Closed,
        "the peer closed the connection without a close frame",
    )
}

/// Creates the error for a message above the limit.
pub(super) fn message_too_long(size: usize, max_size: usize) -> TransportError {
    TransportError::new(
        Kind::Limit,
        format!(
            "the peer sent a message of at least {size} bytes, which exceeds the limit of \
             {max_size}; raise limits.max_frame"
        ),
    )
}

/// Converts the code and reason of the peer's close frame. There may be neither.
pub(super) fn from_close(frame: Option<(u16, &str)>) -> TransportError {
    let Some((code, reason)) = frame else {
        return TransportError::new(
            Kind::Closed,
            "the peer closed the WebSocket without a close code",
        );
    };
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
    if !reason.is_empty() {
        message.push_str(": ");
        message.push_str(reason);
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
