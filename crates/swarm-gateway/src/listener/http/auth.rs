//! The password of a request.

use bytes::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;

use super::route;
use crate::login::WRONG_PASSWORD;
use crate::session::Shared;

/// Rejects a request without the right password; the error is its text.
pub(super) fn check(shared: &Shared, head: &Parts) -> Result<(), &'static str> {
    let given = in_query(head).or_else(|| in_header(head));
    if shared.accepts_password(given.as_deref()) {
        return Ok(());
    }
    Err(match given {
        None => "NOAUTH Authentication required",
        Some(_) => WRONG_PASSWORD,
    })
}

/// Returns the password in `?auth=`, which takes precedence over the header unless it is empty.
fn in_query(head: &Parts) -> Option<Bytes> {
    let mut fields = head.uri.query()?.split('&');
    let password = fields.find_map(|field| field.strip_prefix("auth="))?;
    (!password.is_empty()).then(|| route::decoded(password))
}

/// Returns the password in `Authorization: Bearer`.
fn in_header(head: &Parts) -> Option<Bytes> {
    let value = head.headers.get(AUTHORIZATION)?.as_bytes();
    let space = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, password) = value.split_at(space);
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer");
    is_bearer.then(|| Bytes::copy_from_slice(password.trim_ascii()))
}
