//! Borrowed views of a frame and of the values inside it.

use std::fmt;
use std::iter::FusedIterator;

use bytes::Bytes;

use super::{Frame, FrameBuilder, Kind, Node, Tag, shares};
use crate::ServerError;
use crate::decode::{double, is_big_number};

/// A borrowed view of a [`Frame`] or of one value inside it, which is `Copy`.
///
/// A view of a frame that was never owned comes from [`Decoder::decode_ref`](crate::Decoder::decode_ref).
#[derive(Clone, Copy)]
pub struct FrameRef<'a> {
    bytes: &'a [u8],
    /// Who shares those bytes; nobody does when they lie in the frame itself, or are only borrowed.
    owner: Option<&'a Bytes>,
    /// The node of the value (behind its attributes, if it has any), then all that it spans.
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

    /// A part of this view.
    #[inline]
    const fn of(self, nodes: &'a [Node]) -> Self {
        Self::new(self.bytes, self.owner, nodes)
    }

    pub(crate) const fn nodes(self) -> &'a [Node] {
        self.nodes
    }

    /// Splits leading attributes, one map of them at most, from the value they describe.
    #[inline]
    fn split_attributes(self) -> (&'a [Node], &'a [Node]) {
        let at = match self.nodes.first() {
            Some(node) if node.tag == Tag::Attribute => node.span(),
            _ => 0,
        };
        self.nodes.split_at_checked(at).unwrap_or((self.nodes, &[]))
    }

    /// The value's own node. An index always holds one; a null stands for what cannot be.
    #[inline]
    pub(crate) fn node(self) -> Node {
        let node = self.split_attributes().1.first();
        node.copied().unwrap_or(Node::NULL)
    }

    /// What the value is. Attributes are looked through.
    #[inline]
    pub fn kind(self) -> Kind {
        match self.node().tag {
            Tag::SimpleString => Kind::SimpleString,
            Tag::SimpleError => Kind::SimpleError,
            Tag::Integer => Kind::Integer,
            Tag::BulkString | Tag::JoinedString => Kind::BulkString,
            Tag::Null | Tag::NullArray | Tag::Attribute => Kind::Null,
            Tag::Boolean => Kind::Boolean,
            Tag::Double | Tag::SpelledDouble => Kind::Double,
            Tag::BigNumber => Kind::BigNumber,
            Tag::BulkError => Kind::BulkError,
            Tag::Verbatim => Kind::VerbatimString,
            Tag::Array => Kind::Array,
            Tag::Map => Kind::Map,
            Tag::Set => Kind::Set,
            Tag::Push => Kind::Push,
        }
    }

    /// Whether the value is a null, in any of its three spellings.
    #[inline]
    pub fn is_null(self) -> bool {
        matches!(self.node().tag, Tag::Null | Tag::NullArray)
    }

    /// Offset and length of the value's text: without the format prefix for a verbatim string.
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
    fn slice(self, offset: usize, len: usize) -> Option<&'a [u8]> {
        self.bytes.get(offset..offset.checked_add(len)?)
    }

    /// The text of a string of any kind, or of a big number. Errors are not text: see [`as_error`](Self::as_error).
    ///
    /// `None` for a big number that is not made of digits, and for a verbatim string without a format: they
    /// [cannot be read](crate#values-that-cannot-be-read).
    #[inline]
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        let (offset, len) = self.text_range()?;
        self.slice(offset, len)
    }

    /// [`as_bytes`](Self::as_bytes), when it is UTF-8.
    pub fn as_str(self) -> Option<&'a str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// [`as_bytes`](Self::as_bytes) as shared bytes.
    ///
    /// They share the bytes of the frame if the text is at least an eighth of these, and are copied otherwise: see
    /// [Memory](crate#memory). The text of a view that borrows its bytes from
    /// [`Decoder::decode_ref`](crate::Decoder::decode_ref) is always copied, because those have no owner to share them.
    pub fn to_bytes(self) -> Option<Bytes> {
        let text = self.as_bytes()?;
        Some(match self.owner {
            Some(owner) if shares(text.len(), owner.len()) => owner.slice_ref(text),
            _ => Bytes::copy_from_slice(text),
        })
    }

    /// The three-letter format of a verbatim string, such as `txt`.
    pub fn verbatim_format(self) -> Option<&'a [u8]> {
        let node = self.node();
        self.text_range().filter(|_| node.tag == Tag::Verbatim)?;
        self.slice(node.a as usize, 3)
    }

    /// The value of an integer.
    #[inline]
    pub fn as_integer(self) -> Option<i64> {
        let node = self.node();
        (node.tag == Tag::Integer).then(|| node.bits().cast_signed())
    }

    /// The value of a double. `None` for one whose text is no number, which
    /// [cannot be read](crate#values-that-cannot-be-read).
    pub fn as_double(self) -> Option<f64> {
        self.node_double(self.node())
    }

    /// The double of a node of this view's index.
    pub(crate) fn node_double(self, node: Node) -> Option<f64> {
        match node.tag {
            Tag::Double => Some(f64::from_bits(node.bits())),
            Tag::SpelledDouble => double(self.node_text(node)),
            _ => None,
        }
    }

    /// The text of a double that was received, if it is a number.
    pub(crate) fn double_text(self) -> Option<&'a [u8]> {
        let node = self.node();
        (node.tag == Tag::SpelledDouble && self.as_double().is_some()).then(|| self.node_text(node))
    }

    /// The value of a boolean.
    pub fn as_bool(self) -> Option<bool> {
        let node = self.node();
        (node.tag == Tag::Boolean).then_some(node.a != 0)
    }

    /// The error that a simple or bulk error carries.
    pub fn as_error(self) -> Option<ServerError> {
        self.error_bytes().map(ServerError::parse)
    }

    /// The text of a simple or bulk error.
    pub fn error_bytes(self) -> Option<&'a [u8]> {
        let node = self.node();
        matches!(node.tag, Tag::SimpleError | Tag::BulkError)
            .then(|| self.slice(node.a as usize, node.b as usize))?
    }

    /// The values of an array, set or push; of a map, its keys and values in turn.
    #[inline]
    pub fn items(self) -> Option<Items<'a>> {
        let (_, value) = self.split_attributes();
        let (head, rest) = value.split_first()?;
        head.tag.is_aggregate().then_some(Items {
            rest: self.of(rest),
            left: head.a as usize,
        })
    }

    /// The pairs of a map.
    pub fn pairs(self) -> Option<Pairs<'a>> {
        (self.node().tag == Tag::Map).then(|| self.items().map(|items| Pairs { items }))?
    }

    /// The attributes that came before the value, if any.
    pub fn attributes(self) -> Option<Pairs<'a>> {
        let (head, rest) = self.nodes.split_first()?;
        (head.tag == Tag::Attribute).then_some(Pairs {
            items: Items {
                rest: self.of(rest),
                left: head.a as usize,
            },
        })
    }

    /// The value without its attributes.
    #[must_use]
    pub fn without_attributes(self) -> Self {
        self.of(self.split_attributes().1)
    }

    /// An owned frame. It shares the bytes of the one viewed if its texts are at least an eighth of these, and gets a copy
    /// otherwise, as [`to_compact_frame`](Self::to_compact_frame) makes one: see [Memory](crate#memory).
    ///
    /// A view from [`Decoder::decode_ref`](crate::Decoder::decode_ref) has no owner whose bytes could be shared, and is
    /// always copied.
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

    /// The bytes of all texts together.
    fn text_len(self) -> usize {
        let texts = self.nodes.iter().filter(|node| node.is_text());
        texts.fold(0, |sum, node| sum.saturating_add(node.b as usize))
    }

    /// An owned frame with bytes of its own: see [`Frame::compact`].
    pub fn to_compact_frame(self) -> Frame {
        let mut builder = FrameBuilder::new();
        builder.frame(self);
        builder.finish()
    }

    /// The bytes of a text node of this view's index.
    pub(crate) fn node_text(self, node: Node) -> &'a [u8] {
        self.slice(node.a as usize, node.b as usize)
            .unwrap_or_default()
    }
}

/// Offset and length of a text that may be one that cannot be read, of which nodes of few kinds have one.
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

/// The values of an aggregate, in the order they came.
#[derive(Clone)]
pub struct Items<'a> {
    /// What is left of the aggregate, and what follows it.
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

/// The pairs of a map or of attributes, in the order they came, duplicates kept.
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
