//! Conversion to text and bytes.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{ConvertError, FromFrame};
use crate::args::ToArg;
use crate::frame::{Frame, FrameRef};

/// Returns the bytes of a string, or of a number as RESP2 would encode it.
fn bytes<'a>(frame: FrameRef<'a>, expected: &'static str) -> Result<Cow<'a, [u8]>, ConvertError> {
    if let Some(bytes) = frame.as_bytes() {
        return Ok(bytes.into());
    }
    let formatted = |number: &dyn ToArg| Ok(Cow::Owned(number.to_arg().to_vec()));
    if let Some(number) = frame.as_integer() {
        return formatted(&number);
    }
    // RESP2 would encode the double as the same text.
    if let Some(text) = frame.double_text() {
        return Ok(text.into());
    }
    if let Some(number) = frame.as_double() {
        return formatted(&number);
    }
    if let Some(flag) = frame.as_bool() {
        return formatted(&flag);
    }
    Err(ConvertError::new(expected, frame))
}

impl FromFrame for Bytes {
    /// Shares the bytes of a string that is at least an eighth of its reply, and copies a smaller
    /// one. See [`FrameRef::to_bytes`].
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        match frame.to_bytes() {
            Some(shared) => Ok(shared),
            None => bytes(frame, "a string").map(|bytes| bytes.into_owned().into()),
        }
    }

    #[inline]
    fn from_owned(frame: Frame) -> Result<Self, ConvertError> {
        match frame.into_bytes() {
            Ok(bytes) => Ok(bytes),
            Err(frame) => Self::from_frame(frame.view()),
        }
    }
}

impl FromFrame for BytesMut {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        bytes(frame, "a string").map(|bytes| Self::from(&*bytes))
    }
}

impl FromFrame for Vec<u8> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        bytes(frame, "a string").map(Cow::into_owned)
    }
}

impl FromFrame for Box<[u8]> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        Vec::from_frame(frame).map(Self::from)
    }
}

impl<const N: usize> FromFrame for [u8; N] {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        const EXPECTED: &str = "a string of a fixed length";
        let bytes = bytes(frame, EXPECTED)?;
        Self::try_from(&*bytes).map_err(|_| ConvertError::new(EXPECTED, frame))
    }
}

impl FromFrame for String {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        const EXPECTED: &str = "a UTF-8 string";
        let bytes = bytes(frame, EXPECTED)?.into_owned();
        Self::from_utf8(bytes).map_err(|_| ConvertError::new(EXPECTED, frame))
    }
}

impl FromFrame for Box<str> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        String::from_frame(frame).map(Self::from)
    }
}

impl FromFrame for Arc<str> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        String::from_frame(frame).map(Self::from)
    }
}

impl FromFrame for Arc<[u8]> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        Vec::from_frame(frame).map(Self::from)
    }
}

impl FromFrame for Cow<'_, str> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        String::from_frame(frame).map(Self::from)
    }
}

impl FromFrame for Cow<'_, [u8]> {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        Vec::from_frame(frame).map(Self::from)
    }
}

impl FromFrame for char {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let text = String::from_frame(frame).ok();
        text.and_then(|text| text.parse().ok())
            .ok_or_else(|| ConvertError::new("a single character", frame))
    }
}
