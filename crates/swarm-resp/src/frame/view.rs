//! Borrowed views of frames and of the values in them.

use std::fmt;
use std::iter::FusedIterator;

use bytes::Bytes;

use super::{Frame, FrameBuilder, Kind, Node, Tag, shares};
use crate::ServerError;
use crate::number::{double, is_big_number};

/// A borrowed view of a [`Frame`] or of a value inside it. Views are `Copy`.
///
/// [`Decoder::decode_ref`](crate::Decoder::decode_ref) returns a view without creating a frame.
///
/// # Examples
///
/// ```
/// use swarm_resp::{Frame, FrameRef};
///
/// fn first_field(reply: FrameRef<'_>) -> Option<&str> {
///     reply.pairs()?.next()?.0.as_str()
/// }
///
/// let reply = Frame::build(|reply| {
///     reply.map(|map| {
///         map.bulk(b"name");
///         map.bulk(b"Ada");
///     });
/// });
/// assert_eq!(first_field(reply.view()), Some("name"));
/// ```
#[derive(Clone, Copy)]
pub struct FrameRef<'a> {
    bytes: &'a [u8],
    /// The shared owner of `bytes`, or `None` if they are stored inline or only borrowed.
    owner: Option<&'a Bytes>,
    /// The node of the value, preceded by its attributes if there are any, and all nodes that they
    /// span.
    nodes: &'a [Node],
}

impl<'a> FrameRef<'a> {
    #[inline]
    pub(crate) const fn new(bytes: &'a [u8], owner: Option<&'a Bytes>, nodes: &'a [Node]) -> Self {
        Self {
            bytes,
            owner,
            nodes,
        }
    }

    /// Creates a view of a part of this value.
    #[inline]
    const fn of(self, nodes: &'a [Node]) -> Self {
        Self::new(self.bytes, self.owner, nodes)
    }

    pub(crate) const fn nodes(self) -> &'a [Node] {
        self.nodes
    }

    /// Splits leading attributes (at most one map) from the value.
    #[inline]
    fn split_attributes(self) -> (&'a [Node], &'a [Node]) {
        let at = match self.nodes.first() {
            Some(node) if node.tag == Tag::Attribute => node.span(),
            _ => 0,
        };
        self.nodes.split_at_checked(at).unwrap_or((self.nodes, &[]))
    }

    /// Returns the node of the value. An index always has one; the null is unreachable.
    #[inline]
    pub(crate) fn node(self) -> Node {
        let node = self.split_attributes().1.first();
        node.copied().unwrap_or(Node::NULL)
    }

    /// Returns the kind of the value, ignoring attributes.
    #[inline]
    pub fn kind(self) -> Kind {
        match self.node().tag {
            Tag::SimpleString => Kind::SimpleString,
            Tag::SimpleError => Kind::SimpleError,
            Tag::Integer => Kind::Integer,
            Tag::BulkString | Tag::JoinedString => Kind::BulkString,
            Tag::Null | Tag::NullArray | Tag::Attribute => Kind::Null,
            Tag::Boolean => Kind::Boolean,
            Tag::Double | Tag::TextDouble => Kind::Double,
            Tag::BigNumber => Kind::BigNumber,
            Tag::BulkError => Kind::BulkError,
            Tag::Verbatim => Kind::VerbatimString,
            Tag::Array => Kind::Array,
            Tag::Map => Kind::Map,
            Tag::Set => Kind::Set,
            Tag::Push => Kind::Push,
        }
    }

    /// Returns whether the value is a null, in any of its three encodings.
    #[inline]
    pub fn is_null(self) -> bool {
        matches!(self.node().tag, Tag::Null | Tag::NullArray)
    }

    /// Returns offset and length of the value's text, without the format prefix of a verbatim
    /// string.
    #[inline]
    pub(super) fn text_range(self) -> Option<(usize, usize)> {
        let node = self.node();
        let (offset, len) = (node.a as usize, node.b as usize);
        match node.tag {
            Tag::SimpleString | Tag::BulkString => Some((offset, len)),
            Tag::BigNumber | Tag::Verbatim => checked_range(node.tag, offset, len, self.bytes),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn slice(self, offset: usize, len: usize) -> Option<&'a [u8]> {
        self.bytes.get(offset..offset.checked_add(len)?)
    }

    /// Returns the bytes of a string of any kind, or the digits of a big number. For errors, see
    /// [`as_error`](Self::as_error).
    ///
    /// Returns `None` for malformed big numbers and verbatim strings, which
    /// [cannot be read](crate#values-that-cannot-be-read).
    #[inline]
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        let (offset, len) = self.text_range()?;
        self.slice(offset, len)
    }

    /// Returns [`as_bytes`](Self::as_bytes) if it is valid UTF-8.
    pub fn as_str(self) -> Option<&'a str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// Returns [`as_bytes`](Self::as_bytes) as shared bytes.
    ///
    /// The result shares the bytes of the frame if the string is at least an eighth of them, and is
    /// a copy otherwise; see [Memory](crate#memory). A string in a view from
    /// [`Decoder::decode_ref`](crate::Decoder::decode_ref) is always copied, because its bytes have
    /// no shared owner.
    pub fn to_bytes(self) -> Option<Bytes> {
        let text = self.as_bytes()?;
        Some(match self.owner {
            Some(owner) if shares(text.len(), owner.len()) => owner.slice_ref(text),
            _ => Bytes::copy_from_slice(text),
        })
    }

    /// Returns the three-letter format of a verbatim string, such as `txt`.
    pub fn verbatim_format(self) -> Option<&'a [u8]> {
        let node = self.node();
        self.text_range().filter(|_| node.tag == Tag::Verbatim)?;
        self.slice(node.a as usize, 3)
    }

    /// Returns the value of an integer.
    #[inline]
    pub fn as_integer(self) -> Option<i64> {
        let node = self.node();
        (node.tag == Tag::Integer).then(|| node.bits().cast_signed())
    }

    /// Returns the value of a double, or `None` if its text is not a number and
    /// [cannot be read](crate#values-that-cannot-be-read).
    pub fn as_double(self) -> Option<f64> {
        self.node_double(self.node())
    }

    /// Returns the double of a node.
    pub(crate) fn node_double(self, node: Node) -> Option<f64> {
        match node.tag {
            Tag::Double => Some(f64::from_bits(node.bits())),
            Tag::TextDouble => double(self.node_text(node)),
            _ => None,
        }
    }

    /// Returns the text of a received double, if it is a number.
    pub(crate) fn double_text(self) -> Option<&'a [u8]> {
        let node = self.node();
        (node.tag == Tag::TextDouble && self.as_double().is_some()).then(|| self.node_text(node))
    }

    /// Returns the value of a boolean.
    pub fn as_bool(self) -> Option<bool> {
        let node = self.node();
        (node.tag == Tag::Boolean).then_some(node.a != 0)
    }

    /// Returns the error of a simple or bulk error.
    pub fn as_error(self) -> Option<ServerError> {
        self.error_bytes().map(ServerError::parse)
    }

    /// Returns the bytes of a simple or bulk error.
    pub fn error_bytes(self) -> Option<&'a [u8]> {
        let node = self.node();
        matches!(node.tag, Tag::SimpleError | Tag::BulkError)
            .then(|| self.slice(node.a as usize, node.b as usize))?
    }

    /// Returns the values of an array, set or push, or the alternating keys and values of a map.
    #[inline]
    pub fn items(self) -> Option<Items<'a>> {
        let (_, value) = self.split_attributes();
        let (head, rest) = value.split_first()?;
        head.tag.is_aggregate().then_some(Items {
            rest: self.of(rest),
            left: head.a as usize,
        })
    }

    /// Returns the key-value pairs of a map.
    pub fn pairs(self) -> Option<Pairs<'a>> {
        (self.node().tag == Tag::Map).then(|| self.items().map(|items| Pairs { items }))?
    }

    /// Returns the attributes of the value, if any.
    pub fn attributes(self) -> Option<Pairs<'a>> {
        let (head, rest) = self.nodes.split_first()?;
        (head.tag == Tag::Attribute).then_some(Pairs {
            items: Items {
                rest: self.of(rest),
                left: head.a as usize,
            },
        })
    }

    /// Returns the value without its attributes.
    #[must_use]
    pub fn without_attributes(self) -> Self {
        self.of(self.split_attributes().1)
    }

    /// Converts the view to an owned frame. The frame shares the bytes of the viewed frame if its
    /// strings are at least an eighth of them, and is a copy otherwise, like
    /// [`to_compact_frame`](Self::to_compact_frame); see [Memory](crate#memory).
    ///
    /// A view from [`Decoder::decode_ref`](crate::Decoder::decode_ref) is always copied, because
    /// its bytes have no shared owner.
    pub fn to_frame(self) -> Frame {
        if let [node] = self.nodes
            && !node.tag.is_aggregate()
            && let Some(frame) = Frame::small(self.bytes, *node)
        {
            return frame;
        }
        match self.owner {
            Some(_) if self.text_len() == 0 => Frame::from_nodes(Bytes::new(), self.nodes),
            Some(owner) if shares(self.text_len(), owner.len()) => {
                Frame::from_nodes(owner.clone(), self.nodes)
            }
            _ => self.to_compact_frame(),
        }
    }

    /// Returns the total length of all text.
    fn text_len(self) -> usize {
        let texts = self.nodes.iter().filter(|node| node.is_text());
        texts.fold(0, |sum, node| sum.saturating_add(node.b as usize))
    }

    /// Converts the view to an owned frame with its own copy of the bytes. See [`Frame::compact`].
    pub fn to_compact_frame(self) -> Frame {
        let mut builder = FrameBuilder::new();
        builder.frame(self);
        builder.finish()
    }

    /// Returns the bytes of a text node.
    pub(crate) fn node_text(self, node: Node) -> &'a [u8] {
        self.slice(node.a as usize, node.b as usize)
            .unwrap_or_default()
    }
}

/// Returns offset and length of the text of a kind that may be malformed, if it is well-formed.
#[cold]
#[inline(never)]
fn checked_range(tag: Tag, offset: usize, len: usize, bytes: &[u8]) -> Option<(usize, usize)> {
    let text = bytes.get(offset..offset.checked_add(len)?)?;
    if tag == Tag::BigNumber {
        return is_big_number(text).then_some((offset, len));
    }
    text.get(3).filter(|byte| **byte == b':')?;
    Some((offset.checked_add(4)?, len.checked_sub(4)?))
}

/// Iterator over the values of an aggregate, in the received order.
#[derive(Clone)]
pub struct Items<'a> {
    /// The remaining nodes of the aggregate, and those after it.
    rest: FrameRef<'a>,
    left: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = FrameRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<FrameRef<'a>> {
        self.left = self.left.checked_sub(1)?;
        let mut span: usize = 0;
        loop {
            let node = self.rest.nodes.get(span)?;
            span = span.saturating_add(node.span());
            if node.tag != Tag::Attribute {
                break;
            }
        }
        let (value, rest) = self.rest.nodes.split_at_checked(span)?;
        self.rest.nodes = rest;
        Some(self.rest.of(value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Items({} left)", self.len())
    }
}

impl ExactSizeIterator for Items<'_> {}
impl FusedIterator for Items<'_> {}

/// Iterator over the key-value pairs of a map or of attributes, in the received order, with
/// duplicates.
#[derive(Clone)]
pub struct Pairs<'a> {
    items: Items<'a>,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (FrameRef<'a>, FrameRef<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some((self.items.next()?, self.items.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.items.left >> 1;
        (left, Some(left))
    }
}

impl fmt::Debug for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pairs({} left)", self.len())
    }
}

impl ExactSizeIterator for Pairs<'_> {}
impl FusedIterator for Pairs<'_> {}
