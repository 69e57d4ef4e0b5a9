//! Maps HTTP statuses to transport errors.

use crate::TransportErrorKind as Kind;
use crate::{Endpoint, TransportError};

/// Creates the error for a request (`wanted`) that was refused with an HTTP status.
pub(crate) fn error(endpoint: &Endpoint, status: u16, wanted: &str) -> TransportError {
    let (kind, hint) = match status {
        300..=399 => (
            Kind::Protocol,
            "redirects are not followed; use the target address",
        ),
        400 => (
            Kind::Protocol,
            "check scheme and path of the address; a WebSocket port needs ws://, and a port with \
             TLS wss:// or https://",
        ),
        401 => (
            Kind::Auth,
            "the credentials are missing or wrong; check the password or bearer token",
        ),
        403 => (
            Kind::Auth,
            "this client is forbidden; check the Origin option, the bearer token and the \
             gateway's list of origins",
        ),
        404 | 405 => (
            Kind::Protocol,
            "not found; check port and path of the address",
        ),
        407 => (
            Kind::Auth,
            "a proxy requires credentials; configure it to let this client through",
        ),
        408 => (
            Kind::Timeout,
            "the request did not arrive in time; try again",
        ),
        411 => (
            Kind::Protocol,
            "the Content-Length header is missing; check for a proxy that removes it",
        ),
        413 => (
            Kind::Limit,
            "the request is too large; raise the gateway's limit, or lower max_request to reject \
             such requests locally",
        ),
        426 => (
            Kind::Protocol,
            "another protocol is required; check the scheme of the address",
        ),
        425 | 429 => (Kind::Refused, "too many requests; try again later"),
        502 | 504 => (
            Kind::Refused,
            "the gateway or a proxy cannot reach the server behind it; try again later",
        ),
        503 => (Kind::Refused, "the server is unavailable; try again later"),
        500..=599 => (Kind::Protocol, "internal error of the gateway; see its log"),
        _ => (Kind::Protocol, "check scheme, port and path of the address"),
    };
    TransportError::new(
        kind,
        format!("{endpoint} refused {wanted} with status {status}: {hint}"),
    )
    .with_status(status)
}
