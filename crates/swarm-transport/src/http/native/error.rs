//! Errors of HTTP connections.

use std::error::Error;

use crate::{Endpoint, TransportError, TransportErrorKind as Kind, dial};

/// Converts an error of an HTTP connection.
pub(super) fn hyper_error(endpoint: &Endpoint, error: hyper::Error) -> TransportError {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            let (kind, message) = dial::classify(io);
            let message = format!("the HTTP request to {endpoint} failed: {message}");
            return TransportError::new(kind, message).with_source(error);
        }
        source = cause.source();
    }
    let (kind, message) = if error.is_incomplete_message()
        || error.is_canceled()
        || error.is_closed()
    {
        (Kind::Closed, "closed the connection before it responded")
    } else if error.is_parse() {
        (
            Kind::Protocol,
            "does not speak HTTP; check the port, and use a redis:// address if it is a RESP port",
        )
    } else if error.is_timeout() {
        (Kind::Timeout, "did not respond in time")
    } else {
        (Kind::Io, "did not complete the HTTP request")
    };
    TransportError::new(kind, format!("{endpoint} {message}")).with_source(error)
}
