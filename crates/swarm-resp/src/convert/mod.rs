//! From frames to the types that callers want.

use bytes::Bytes;

use crate::frame::{Frame, FrameRef, Kind};

/// A reply that cannot be the type asked for. The connection is fine: only this reply was not what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got {found}")]
pub struct ConvertError {
    /// What was asked for.
    pub expected: &'static str,
    /// What came.
    pub found: Kind,
}

impl ConvertError {
    /// An error that says that `found` is not what was `expected`.
    pub fn new(expected: &'static str, found: FrameRef<'_>) -> Self {
        Self {
            expected,
            found: found.kind(),
        }
    }
}

/// A type that can be made of a reply.
pub trait FromFrame: Sized {
    /// Makes it.
    ///
    /// # Errors
    ///
    /// When the reply is something else: also when it is a null and the type is not an `Option`.
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError>;
}

impl FromFrame for Frame {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        Ok(frame.to_frame())
    }
}

impl FromFrame for Bytes {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        frame
            .to_bytes()
            .ok_or_else(|| ConvertError::new("a string", frame))
    }
}

impl FromFrame for String {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        frame
            .as_str()
            .map(Self::from)
            .ok_or_else(|| ConvertError::new("a UTF-8 string", frame))
    }
}

impl FromFrame for i64 {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        (frame.as_integer())
            .or_else(|| frame.as_str()?.parse().ok())
            .ok_or_else(|| ConvertError::new("an integer", frame))
    }
}

impl FromFrame for u64 {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let unsigned = |value: i64| value.try_into().ok();
        (frame.as_integer().and_then(unsigned))
            .or_else(|| frame.as_str()?.parse().ok())
            .ok_or_else(|| ConvertError::new("an integer of at least 0", frame))
    }
}

impl FromFrame for bool {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        match (frame.as_bool(), frame.as_integer()) {
            (Some(value), _) => Ok(value),
            (_, Some(0)) => Ok(false),
            (_, Some(1)) => Ok(true),
            _ => Err(ConvertError::new("a boolean", frame)),
        }
    }
}

impl<T: FromFrame> FromFrame for Option<T> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        if frame.is_null() {
            Ok(None)
        } else {
            T::from_frame(frame).map(Some)
        }
    }
}

impl<T: FromFrame> FromFrame for Vec<T> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let items = frame
            .items()
            .ok_or_else(|| ConvertError::new("an array", frame))?;
        items.map(T::from_frame).collect()
    }
}
