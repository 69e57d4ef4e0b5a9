//! Decoding errors.

/// The error of input that is not RESP or exceeds a limit. The rest of the stream cannot be
/// decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset} of the input")]
#[non_exhaustive]
pub struct DecodeError {
    /// The cause.
    pub kind: DecodeErrorKind,
    /// The offset in the stream, in bytes.
    pub offset: u64,
}

/// The cause of a [`DecodeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// A value begins with an unknown type marker.
    #[error("unknown type marker 0x{0:02x}")]
    UnknownMarker(u8),
    /// A number, count or length is malformed or out of range.
    #[error("malformed number")]
    InvalidNumber,
    /// A boolean is neither `t` nor `f`, or a null or an end marker is followed by text.
    #[error("malformed constant")]
    InvalidConstant,
    /// A line contains a CR or LF that is not part of a CRLF.
    #[error("stray line break")]
    StrayLineBreak,
    /// A bulk string is not followed by CRLF, so its length is wrong.
    #[error("bulk string not terminated by CRLF")]
    UnterminatedBulk,
    /// A chunk or an end marker is outside of a streamed value, or something else is in place of a
    /// chunk.
    #[error("streamed value out of place")]
    InvalidStream,
    /// A streamed map ends after a key.
    #[error("key without a value")]
    OddMap,
    /// Values nest deeper than [`Limits::max_depth`](super::Limits::max_depth).
    #[error("nesting depth exceeds the limit")]
    TooDeep,
    /// A bulk string is longer than [`Limits::max_bulk`](super::Limits::max_bulk).
    #[error("bulk string exceeds the limit")]
    BulkTooLong,
    /// A frame has more values than [`Limits::max_elements`](super::Limits::max_elements).
    #[error("number of elements exceeds the limit")]
    TooManyElements,
    /// A line is longer than [`Limits::max_line`](super::Limits::max_line).
    #[error("line exceeds the limit")]
    LineTooLong,
    /// A frame is larger than [`Limits::max_frame`](super::Limits::max_frame).
    #[error("frame exceeds the limit")]
    FrameTooLarge,
    /// A message that must contain exactly one frame ends in the middle of it.
    #[error("message ends in the middle of a frame")]
    Truncated,
    /// A message that must contain exactly one frame has data after it.
    #[error("message has data after its frame")]
    TrailingBytes,
}
