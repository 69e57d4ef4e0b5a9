//! Errors of the control door.

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{StartError, StoreError};

/// Body of every response that reports a failure.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Failure {
    pub(super) error: Problem,
}

/// What is wrong with a request.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct Problem {
    pub(super) code: Code,
    /// What failed, and the remedy. For people; the text may change.
    pub(super) message: String,
}

/// Kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Code {
    /// The body is not JSON.
    MalformedJson,
    /// The body or the query has a field that the operation does not know.
    UnknownField,
    /// A field is missing, or has an invalid value.
    InvalidRequest,
    /// The snapshot contradicts itself.
    InvalidSnapshot,
    /// The request comes from a web page.
    Forbidden,
    /// There is no such path.
    NotFound,
    /// There is no such fault, or it was deleted.
    NoSuchFault,
    /// There is no such connection, or it was closed.
    NoSuchConnection,
    /// The path does not have this method.
    MethodNotAllowed,
    /// The clock is the system's, which cannot be advanced.
    ClockNotManual,
    /// The fault does not count what it applies to.
    NotCountable,
    /// A newer fault has replaced this one.
    Replaced,
    /// The data is in the server behind the gateway.
    NotEmbedded,
    /// Too many faults are active.
    TooManyFaults,
    /// A port of the gateway is taken.
    CannotStart,
    /// The body is too large.
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyTooSlow,
    /// What the request waits for did not happen in time.
    TimedOut,
    /// The gateway is shutting down.
    ShuttingDown,
}

impl Code {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::MalformedJson | Self::UnknownField | Self::InvalidRequest => {
                StatusCode::BAD_REQUEST
            }
            Self::InvalidSnapshot => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound | Self::NoSuchFault | Self::NoSuchConnection => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::ClockNotManual
            | Self::NotCountable
            | Self::Replaced
            | Self::NotEmbedded
            | Self::TooManyFaults
            | Self::CannotStart => StatusCode::CONFLICT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Problem {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    /// Returns the problem of a body that is not what the operation takes.
    pub(super) fn of_json(error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let code = if !error.is_data() {
            Code::MalformedJson
        } else if message.starts_with("unknown field") {
            Code::UnknownField
        } else {
            Code::InvalidRequest
        };
        Self::new(code, message)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::NotEmbedded => Code::NotEmbedded,
            StoreError::Invalid { .. } => Code::InvalidSnapshot,
        };
        Self::new(code, error.to_string())
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        Self::new(Code::CannotStart, error.to_string())
    }
}
