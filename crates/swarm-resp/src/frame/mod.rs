//! The one reply type: shared bytes and a flat index over them.

mod build;
mod compare;
mod display;
mod node;
mod repr;
mod share;
mod view;

use bytes::{Buf, Bytes};

pub use build::FrameBuilder;
pub(crate) use node::{Node, Tag};
use repr::Repr;
pub(crate) use share::{shares, text_shares};
pub use view::{FrameRef, Items, Pairs};

use crate::ServerError;

/// What a [`Frame`] holds, in the names of the RESP3 specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `+OK`: a short text without line breaks.
    SimpleString,
    /// `-ERR …`: an error without line breaks.
    SimpleError,
    /// `:42`: a signed 64-bit integer.
    Integer,
    /// `$3`: a binary-safe string.
    BulkString,
    /// `_`, or RESP2's `$-1` and `*-1`.
    Null,
    /// `#t` or `#f`.
    Boolean,
    /// `,3.14`: a 64-bit float, infinities and NaN included.
    Double,
    /// `(3492…`: an integer of any size, as its digits.
    BigNumber,
    /// `!21`: a binary-safe error.
    BulkError,
    /// `=15`: a text with a three-letter format such as `txt` or `mkd`.
    VerbatimString,
    /// `*2`: an ordered list.
    Array,
    /// `%1`: pairs of a key and a value, in the order they came, duplicates kept.
    Map,
    /// `~2`: a list that the sender calls a set; duplicates are kept.
    Set,
    /// `>3`: out-of-band data that answers no request.
    Push,
}

/// A RESP value: a reply, a push, or a part of one.
///
/// A frame shares the buffer that it arrived in if it is a good part of it, and owns a copy of its bytes otherwise: see
/// [Memory](crate#memory). Numbers and texts of at most 32 bytes are stored in the frame itself, and allocate nothing. An
/// aggregate allocates one index, however deep it nests. Clones share everything.
///
/// Equality compares values: RESP2's two encodings of null are equal, doubles are equal however they are written, and
/// NaN equals NaN. `0` and `-0` differ, as doubles: they are written differently. Kinds differ too: a simple string
/// never equals a bulk string.
#[derive(Clone)]
pub struct Frame(Repr);

impl Frame {
    /// What the frame holds. Attributes are looked through.
    pub fn kind(&self) -> Kind {
        self.view().kind()
    }

    /// Whether the frame is a null, in any of its three spellings.
    pub fn is_null(&self) -> bool {
        self.view().is_null()
    }

    /// Whether the frame is a push: out-of-band data that answers no request.
    pub fn is_push(&self) -> bool {
        self.kind() == Kind::Push
    }

    /// The text of a string of any kind, or of a big number.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.view().as_bytes()
    }

    /// [`as_bytes`](Self::as_bytes), when it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        self.view().as_str()
    }

    /// [`as_bytes`](Self::as_bytes) as shared bytes: see [`FrameRef::to_bytes`].
    pub fn to_bytes(&self) -> Option<Bytes> {
        self.view().to_bytes()
    }

    /// [`to_bytes`](Self::to_bytes) of a frame that is not needed any more, which spares a share of its bytes. It is given
    /// back when it is no text.
    ///
    /// # Errors
    ///
    /// The frame, when it has no text.
    #[inline]
    pub fn into_bytes(mut self) -> Result<Bytes, Self> {
        let range = self.view().text_range();
        if let (Repr::Leaf { bytes, .. }, Some((offset, len))) = (&mut self.0, range) {
            let mut bytes = std::mem::take(bytes);
            bytes.advance(offset.min(bytes.len()));
            bytes.truncate(len);
            return Ok(bytes);
        }
        match self.to_bytes() {
            Some(bytes) => Ok(bytes),
            None => Err(self),
        }
    }

    /// The value of an integer.
    pub fn as_integer(&self) -> Option<i64> {
        self.view().as_integer()
    }

    /// The value of a double: see [`FrameRef::as_double`].
    pub fn as_double(&self) -> Option<f64> {
        self.view().as_double()
    }

    /// The value of a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        self.view().as_bool()
    }

    /// The error that a simple or bulk error carries.
    pub fn as_error(&self) -> Option<ServerError> {
        self.view().as_error()
    }

    /// The values of an array, set or push; of a map, its keys and values in turn.
    pub fn items(&self) -> Option<Items<'_>> {
        self.view().items()
    }

    /// The pairs of a map.
    pub fn pairs(&self) -> Option<Pairs<'_>> {
        self.view().pairs()
    }

    /// The attributes that came before the value, if any.
    pub fn attributes(&self) -> Option<Pairs<'_>> {
        self.view().attributes()
    }

    /// A copy of the frame that holds on to no more bytes than it needs.
    ///
    /// A frame may share a buffer of many times its size: see [Memory](crate#memory). Compact a frame to keep it for long.
    #[must_use]
    pub fn compact(&self) -> Self {
        self.view().to_compact_frame()
    }
}

impl<'a> From<&'a Frame> for FrameRef<'a> {
    fn from(frame: &'a Frame) -> Self {
        frame.view()
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SimpleString => "a simple string",
            Self::SimpleError => "an error",
            Self::Integer => "an integer",
            Self::BulkString => "a bulk string",
            Self::Null => "a null",
            Self::Boolean => "a boolean",
            Self::Double => "a double",
            Self::BigNumber => "a big number",
            Self::BulkError => "a bulk error",
            Self::VerbatimString => "a verbatim string",
            Self::Array => "an array",
            Self::Map => "a map",
            Self::Set => "a set",
            Self::Push => "a push",
        })
    }
}
