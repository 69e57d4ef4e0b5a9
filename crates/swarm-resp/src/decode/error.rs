//! Why input is not RESP.

/// Input that is not RESP, or that exceeds a limit. The stream it came from cannot be read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset} of the input")]
pub struct DecodeError {
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// Where: the number of bytes this decoder took in before it.
    pub offset: u64,
}

/// What is wrong with the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// A value begins with a byte that no type begins with.
    #[error("unknown type marker 0x{0:02x}")]
    UnknownMarker(u8),
    /// A number, a count or a length is malformed, or out of the range of its type.
    #[error("malformed number")]
    InvalidNumber,
    /// A boolean is neither `t` nor `f`, or a null or an end marker carries text.
    #[error("malformed constant")]
    InvalidConstant,
    /// A line holds a lone carriage return or line feed.
    #[error("stray line break")]
    StrayLineBreak,
    /// The bytes of a bulk are not followed by a line break: its length was wrong.
    #[error("bulk not closed by a line break")]
    UnterminatedBulk,
    /// A chunk or an end marker stands where no streamed value is open, or something else where a chunk is due.
    #[error("streamed value out of place")]
    InvalidStream,
    /// A map or an attribute ended after a key.
    #[error("key without a value")]
    OddMap,
    /// Values nest deeper than [`Limits::max_depth`](super::Limits::max_depth).
    #[error("nesting deeper than the limit")]
    TooDeep,
    /// A bulk is longer than [`Limits::max_bulk`](super::Limits::max_bulk).
    #[error("bulk longer than the limit")]
    BulkTooLong,
    /// A frame has more values than [`Limits::max_elements`](super::Limits::max_elements).
    #[error("more elements than the limit")]
    TooManyElements,
    /// A line is longer than [`Limits::max_line`](super::Limits::max_line).
    #[error("line longer than the limit")]
    LineTooLong,
    /// A frame takes more bytes than [`Limits::max_frame`](super::Limits::max_frame).
    #[error("frame larger than the limit")]
    FrameTooLarge,
    /// A message that must hold exactly one frame ends inside it.
    #[error("message ends inside a frame")]
    Truncated,
    /// A message that must hold exactly one frame goes on behind it.
    #[error("message goes on behind its frame")]
    TrailingBytes,
}
