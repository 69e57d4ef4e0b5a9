//! What a command looks like as an HTTP request, and what a response means, on every platform.

use bytes::Bytes;
use swarm_resp::{Frame, Limits, Request};

use super::json::{self, JsonReply};
use crate::TransportErrorKind as Kind;
use crate::{Endpoint, TransportError, TransportOptions, http_status};

/// The media type of replies with typed values: numbers, booleans and maps.
const TYPED: &str = "application/json; resp=3";

pub(super) const JSON: &str = "application/json";

/// The error reply for a value that contains U+FFFD.
const LOSSY: &str = "\
     LOSSY the command ran, but its reply contains U+FFFD, with which the HTTP gateway \
     replaces bytes that are not UTF-8; read it over ws:// or redis://, or allow lossy replies";

/// Returns the path that commands are sent to.
pub(super) fn path(endpoint: &Endpoint) -> String {
    format!("{}/cmd", endpoint.path().trim_end_matches('/'))
}

/// Returns the media type that a request accepts.
pub(super) fn accept(request: &Request) -> &'static str {
    // With typed replies, the gateway turns the count of EXISTS into a boolean.
    if request.name().eq_ignore_ascii_case(b"EXISTS") {
        JSON
    } else {
        TYPED
    }
}

/// Returns the body of a request.
pub(super) fn encode(request: &Request) -> Result<Bytes, TransportError> {
    json::request(request).map_err(|error| {
        TransportError::new(Kind::Protocol, "the request is not UTF-8").with_source(error)
    })
}

/// Converts responses of one gateway.
pub(super) struct Replies {
    pub(super) endpoint: Endpoint,
    limits: Limits,
    lossy: bool,
}

impl Replies {
    pub(super) fn new(endpoint: &Endpoint, options: &TransportOptions) -> Self {
        Self {
            endpoint: endpoint.clone(),
            limits: options.limits,
            lossy: options.lossy_replies,
        }
    }

    /// Returns the maximum size of a body.
    pub(super) const fn max_body(&self) -> usize {
        self.limits.max_frame
    }

    /// Checks whether a response with this status has a reply as its body. No other body is read: a
    /// truncated or oversized error page must not hide the status.
    pub(super) fn check_status(&self, status: u16) -> Result<(), TransportError> {
        if matches!(status, 200 | 400 | 401 | 413) {
            Ok(())
        } else {
            Err(self.refused(status))
        }
    }

    /// Converts a complete response. An error reply to the request alone is a frame.
    pub(super) fn frame(&self, status: u16, body: &[u8]) -> Result<Frame, TransportError> {
        match (status, json::answer(body, &self.limits)) {
            (200, Ok(JsonReply::Result(frame))) => Ok(frame),
            (200, Ok(JsonReply::Lossy(frame))) if self.lossy => Ok(frame),
            (200, Ok(JsonReply::Lossy(_))) => Ok(Frame::error(LOSSY)),
            // The server's error reply to this request, which did not run.
            (_, Ok(JsonReply::Error(text))) => Ok(Frame::error(text)),
            (200, Err(error)) => {
                let message = format!(
                    "{} returned a response that is not a JSON reply ({}); check the path",
                    self.endpoint,
                    json::describe(&error)
                );
                Err(TransportError::new(Kind::Protocol, message).with_status(status))
            }
            _ => Err(self.refused(status)),
        }
    }

    /// Converts the reply to the PING on connect.
    pub(super) fn probe(&self, reply: &Frame) -> Result<(), TransportError> {
        let Some(error) = reply.as_error() else {
            return Ok(());
        };
        let (kind, transient) = match error.code() {
            "NOAUTH" | "WRONGPASS" | "NOPERM" => (Kind::Auth, false),
            // The server is temporarily unavailable.
            "LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "DENIED" => {
                (Kind::Refused, true)
            }
            _ => (Kind::Protocol, true),
        };
        let endpoint = &self.endpoint;
        let message = if kind == Kind::Auth {
            format!(
                "{endpoint} rejected the credentials; check the password or bearer token: {error}"
            )
        } else {
            format!("{endpoint} refused PING: {error}")
        };
        Err(TransportError::new(kind, message).with_transient(transient))
    }

    fn refused(&self, status: u16) -> TransportError {
        http_status::error(&self.endpoint, status, "a command")
    }

    /// Creates the error for a body above the limit.
    pub(super) fn body_too_large(&self) -> TransportError {
        TransportError::new(
            Kind::Limit,
            format!(
                "a response exceeds the limit of {} bytes; raise limits.max_frame",
                self.limits.max_frame
            ),
        )
    }

    /// Creates the error for a request without a response in time.
    pub(super) fn timed_out(&self, timeout: std::time::Duration) -> TransportError {
        let message = format!("{} did not respond within {timeout:?}", self.endpoint);
        TransportError::new(Kind::Timeout, message)
    }
}
