//! Nodes: the entries of a frame's flat index.

/// The type of a node. The public [`Kind`](super::Kind) omits tags that only the index needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Tag {
    SimpleString,
    SimpleError,
    Integer,
    BulkString,
    Null,
    /// RESP2's `*-1`: a null with its own tag, so that it can be encoded as it was received.
    NullArray,
    Boolean,
    /// A double that was created locally, stored as its bits.
    Double,
    /// A double that was received, stored as the server's text.
    TextDouble,
    BigNumber,
    BulkError,
    Verbatim,
    Array,
    Map,
    Set,
    Push,
    /// Key-value pairs that describe the next sibling.
    Attribute,
    /// A streamed string while its frame is being scanned; its text is in a separate buffer. Never
    /// part of a finished frame.
    JoinedString,
}

impl Tag {
    #[inline]
    pub(crate) const fn is_aggregate(self) -> bool {
        matches!(
            self,
            Self::Array | Self::Map | Self::Set | Self::Push | Self::Attribute
        )
    }
}

/// A value in the index. The tag determines the meaning of the two words.
///
/// * text (simple, bulk, error, big number, verbatim, received double): offset and length in the
///   frame's bytes
/// * integer, double: the low and high half of the 64 bits
/// * boolean: 0 or 1 in the first word
/// * aggregate: the number of values in it (a map's keys and values each count one), and the number
///   of nodes that it spans, itself included
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) tag: Tag,
    pub(crate) a: u32,
    pub(crate) b: u32,
}

impl Node {
    pub(crate) const NULL: Self = Self {
        tag: Tag::Null,
        a: 0,
        b: 0,
    };
    pub(crate) const NULL_ARRAY: Self = Self {
        tag: Tag::NullArray,
        a: 0,
        b: 0,
    };

    pub(crate) const fn text(tag: Tag, offset: u32, len: u32) -> Self {
        Self {
            tag,
            a: offset,
            b: len,
        }
    }

    pub(crate) const fn aggregate(tag: Tag, count: u32, span: u32) -> Self {
        Self {
            tag,
            a: count,
            b: span,
        }
    }

    pub(crate) const fn integer(value: i64) -> Self {
        Self::word(Tag::Integer, value.cast_unsigned())
    }

    /// All NaNs are stored with the same bits, so that doubles can be compared by their bits.
    pub(crate) const fn double(value: f64) -> Self {
        let value = if value.is_nan() { f64::NAN } else { value };
        Self::word(Tag::Double, value.to_bits())
    }

    pub(crate) const fn boolean(value: bool) -> Self {
        Self {
            tag: Tag::Boolean,
            a: value as u32,
            b: 0,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the two halves of the word"
    )]
    const fn word(tag: Tag, bits: u64) -> Self {
        Self {
            tag,
            a: bits as u32,
            b: (bits >> 32) as u32,
        }
    }

    /// Returns the 64 bits of an integer or a double.
    pub(crate) const fn bits(self) -> u64 {
        (self.a as u64) | ((self.b as u64) << 32)
    }

    /// Returns whether the node refers to the frame's bytes.
    #[inline]
    pub(crate) const fn is_text(self) -> bool {
        matches!(
            self.tag,
            Tag::SimpleString
                | Tag::SimpleError
                | Tag::BulkString
                | Tag::BigNumber
                | Tag::TextDouble
                | Tag::BulkError
                | Tag::Verbatim
        )
    }

    #[inline]
    pub(crate) const fn is_double(self) -> bool {
        matches!(self.tag, Tag::Double | Tag::TextDouble)
    }

    /// Returns the number of nodes of this value, including itself.
    #[inline]
    pub(crate) const fn span(self) -> usize {
        if self.tag.is_aggregate() {
            self.b as usize
        } else {
            1
        }
    }
}
