//! Frames: RESP values as shared bytes with a flat index.

mod access;
mod build;
mod compare;
mod display;
mod node;
mod repr;
mod sharing;
mod view;

use bytes::{Buf, Bytes};

pub use access::FrameIndex;
pub use build::FrameBuilder;
pub(crate) use node::{Node, Tag};
use repr::Repr;
pub(crate) use sharing::{shares, text_shares};
pub use view::{FrameRef, Items, Pairs};

use crate::ServerError;

/// The kind of a [`Frame`], as named by the RESP3 specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `+OK`: a string without line breaks.
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
    /// `(3492…`: an integer of any size, as decimal digits.
    BigNumber,
    /// `!21`: a binary-safe error.
    BulkError,
    /// `=15`: a string with a three-letter format such as `txt` or `mkd`.
    VerbatimString,
    /// `*2`: an ordered list.
    Array,
    /// `%1`: key-value pairs, in the received order; duplicates are kept.
    Map,
    /// `~2`: a set, in the received order; duplicates are kept.
    Set,
    /// `>3`: out-of-band data that is not a reply.
    Push,
}

/// A RESP value, such as a reply or a push.
///
/// A frame shares the buffer it was decoded from if it makes up a large enough part of it;
/// otherwise it owns a copy. See [Memory](crate#memory). Numbers, and strings of at most 32 bytes,
/// are stored in the frame itself without an allocation. An aggregate allocates one index,
/// regardless of nesting. Clones share all data.
///
/// Equality compares values and kinds. Both RESP2 encodings of null are equal. Doubles are equal
/// regardless of their text, and NaN equals NaN; `0` and `-0` differ as doubles, because their
/// encodings differ. A simple string never equals a bulk string.
///
/// # Examples
///
/// ```
/// use swarm_resp::Frame;
///
/// let reply = Frame::array(&[Frame::bulk("visits"), Frame::integer(7)]);
/// let (name, count): (String, u64) = reply.convert()?;
/// assert_eq!((name.as_str(), count), ("visits", 7));
/// # Ok::<(), swarm_resp::ConvertError>(())
/// ```
#[derive(Clone)]
pub struct Frame(Repr);

impl Frame {
    /// Returns the kind of the value, ignoring attributes.
    pub fn kind(&self) -> Kind {
        self.view().kind()
    }

    /// Returns whether the frame is a null, in any of its three encodings.
    pub fn is_null(&self) -> bool {
        self.view().is_null()
    }

    /// Returns whether the frame is a push: out-of-band data that is not a reply.
    pub fn is_push(&self) -> bool {
        self.kind() == Kind::Push
    }

    /// Returns the bytes of a string of any kind, or the digits of a big number.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.view().as_bytes()
    }

    /// Returns [`as_bytes`](Self::as_bytes) if it is valid UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        self.view().as_str()
    }

    /// Returns [`as_bytes`](Self::as_bytes) as shared bytes. See [`FrameRef::to_bytes`].
    pub fn to_bytes(&self) -> Option<Bytes> {
        self.view().to_bytes()
    }

    /// Converts the frame to the bytes of its string. Unlike [`to_bytes`](Self::to_bytes), moves
    /// the bytes if possible instead of sharing them.
    ///
    /// # Errors
    ///
    /// Returns the frame if it is not a string or a big number.
    #[inline]
    pub fn into_bytes(mut self) -> Result<Bytes, Self> {
        let Some((offset, len)) = self.view().text_range() else {
            return Err(self);
        };
        match &mut self.0 {
            Repr::Leaf { bytes, .. } => {
                let mut bytes = std::mem::take(bytes);
                bytes.advance(offset.min(bytes.len()));
                bytes.truncate(len);
                Ok(bytes)
            }
            Repr::Small { .. } => match self.view().slice(offset, len) {
                Some(text) => Ok(Bytes::copy_from_slice(text)),
                None => Err(self),
            },
            _ => self.to_bytes().ok_or(self),
        }
    }

    /// Returns the value of an integer.
    pub fn as_integer(&self) -> Option<i64> {
        self.view().as_integer()
    }

    /// Returns the value of a double. See [`FrameRef::as_double`].
    pub fn as_double(&self) -> Option<f64> {
        self.view().as_double()
    }

    /// Returns the value of a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        self.view().as_bool()
    }

    /// Returns the error of a simple or bulk error.
    pub fn as_error(&self) -> Option<ServerError> {
        self.view().as_error()
    }

    /// Returns the bytes of a simple or bulk error.
    pub fn error_bytes(&self) -> Option<&[u8]> {
        self.view().error_bytes()
    }

    /// Returns the three-letter format of a verbatim string, such as `txt`.
    pub fn verbatim_format(&self) -> Option<&[u8]> {
        self.view().verbatim_format()
    }

    /// Returns the values of an array, set or push, or the alternating keys and values of a map.
    pub fn items(&self) -> Option<Items<'_>> {
        self.view().items()
    }

    /// Returns the key-value pairs of a map.
    pub fn pairs(&self) -> Option<Pairs<'_>> {
        self.view().pairs()
    }

    /// Returns the attributes of the value, if any.
    pub fn attributes(&self) -> Option<Pairs<'_>> {
        self.view().attributes()
    }

    /// Returns a copy of the frame that retains no more memory than it needs.
    ///
    /// A frame may share a buffer that is many times larger; see [Memory](crate#memory). Compact
    /// frames that you keep for a long time.
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
