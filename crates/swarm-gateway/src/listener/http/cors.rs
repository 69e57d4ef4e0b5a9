//! Cross-origin requests: which pages may send them and read the answers.

use hyper::HeaderMap;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    HeaderValue, VARY,
};

use crate::origins::Origins;

const METHODS: HeaderValue = HeaderValue::from_static("GET,POST,DELETE,OPTIONS");
const HEADERS: HeaderValue = HeaderValue::from_static("Content-Type, Authorization");

/// Returns whether a request may run. Only browsers send an origin, and origins protect only
/// browsers; they send one with every request that may change something.
pub(super) fn admits(origins: &Origins, origin: Option<&HeaderValue>) -> bool {
    origin.is_none_or(|origin| origins.allow(Some(origin.as_bytes())))
}

/// Lets a page of an allowed origin read the answer.
pub(super) fn allow(origins: &Origins, origin: Option<HeaderValue>, headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    let allowed = match origins {
        Origins::Any => Some(HeaderValue::from_static("*")),
        Origins::Listed(_) => {
            headers.insert(VARY, HeaderValue::from_static("Origin"));
            origin
        }
    };
    if let Some(allowed) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    }
}
