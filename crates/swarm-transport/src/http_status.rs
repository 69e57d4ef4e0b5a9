//! What the status of an HTTP answer means for a connection.

use crate::TransportErrorKind as Kind;
use crate::{Endpoint, TransportError};

/// The error for a status that stands in the way of `wanted`.
pub(crate) fn error(endpoint: &Endpoint, status: u16, wanted: &str) -> TransportError {
    let (kind, hint) = match status {
        300..=399 => (
            Kind::Protocol,
            "redirects are not followed; use the address it points to",
        ),
        400 => (Kind::Protocol, "check that the path is the gateway's"),
        401 => (
            Kind::Auth,
            "it wants credentials; give a bearer token or header",
        ),
        403 => (
            Kind::Auth,
            "it forbids this client; check the Origin option, the bearer token and the gateway's list of origins",
        ),
        404 | 405 => (
            Kind::Protocol,
            "nothing is there; check the path of the address",
        ),
        407 => (Kind::Auth, "a proxy wants credentials"),
        408 => (Kind::Timeout, "the request did not reach it in time"),
        411 => (
            Kind::Protocol,
            "it wants the length of a request that gives one; a proxy in between may remove it",
        ),
        413 => (
            Kind::Limit,
            "the request is larger than it takes; raise its limit, or lower max_request to be told before sending",
        ),
        426 => (
            Kind::Protocol,
            "it wants another protocol; check the scheme of the address",
        ),
        425 | 429 => (Kind::Refused, "it wants fewer requests; try again later"),
        502..=504 => (
            Kind::Refused,
            "the server behind it does not serve now; try again later",
        ),
        500..=599 => (Kind::Protocol, "an error inside it; see its log"),
        _ => (Kind::Protocol, "check scheme, port and path of the address"),
    };
    TransportError::new(
        kind,
        format!("{endpoint} refused {wanted} with status {status}: {hint}"),
    )
    .with_status(status)
}
