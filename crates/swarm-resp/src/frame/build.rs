//! Constructors of frames, and a builder for nested frames.

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::{Frame, FrameRef, Node, Tag};
use crate::number::{double, is_big_number};

impl Frame {
    /// Creates a null: `_` in RESP3, `$-1` in RESP2.
    pub const fn null() -> Self {
        Self::scalar(Node::NULL)
    }

    /// Creates a null that RESP2 encodes as `*-1`, such as the reply to an aborted EXEC or an XREAD
    /// without data.
    pub const fn null_array() -> Self {
        Self::scalar(Node::NULL_ARRAY)
    }

    /// Creates an integer.
    pub const fn integer(value: i64) -> Self {
        Self::scalar(Node::integer(value))
    }

    /// Creates a boolean, which RESP2 encodes as 1 or 0.
    pub const fn boolean(value: bool) -> Self {
        Self::scalar(Node::boolean(value))
    }

    /// Creates a double, which RESP2 encodes as a bulk string.
    pub const fn double(value: f64) -> Self {
        Self::scalar(Node::double(value))
    }

    /// Creates a bulk string that shares `value`. A value larger than 4 GiB becomes an error frame.
    pub fn bulk(value: impl Into<Bytes>) -> Self {
        Self::text(Tag::BulkString, value.into())
    }

    /// Creates a simple string such as `OK`. Line breaks, which the encoding does not allow, become
    /// spaces.
    pub fn simple(value: impl Into<Bytes>) -> Self {
        Self::text(Tag::SimpleString, one_line(value.into()))
    }

    /// Creates a simple error such as `ERR syntax error`. Line breaks become spaces.
    pub fn error(value: impl Into<Bytes>) -> Self {
        Self::text(Tag::SimpleError, one_line(value.into()))
    }

    /// Creates an array of frames, whose bytes are copied. For large replies, use [`FrameBuilder`].
    pub fn array<'a>(items: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::build(|reply| {
            reply.array(|array| {
                for item in items {
                    array.frame(item.view());
                }
            });
        })
    }

    /// Creates a set of frames, whose bytes are copied. Duplicates are kept.
    pub fn set<'a>(items: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::build(|reply| {
            reply.set(|set| items.into_iter().for_each(|item| set.frame(item.view())));
        })
    }

    /// Creates a map of key-value pairs, whose bytes are copied. Order and duplicates are kept.
    pub fn map<'a>(pairs: impl IntoIterator<Item = (&'a Self, &'a Self)>) -> Self {
        Self::build(|reply| {
            reply.map(|map| {
                for (key, value) in pairs {
                    map.frame(key.view());
                    map.frame(value.view());
                }
            });
        })
    }

    /// Creates an integer of any size from its decimal digits. Other text becomes a bulk string.
    pub fn big_number(digits: &str) -> Self {
        Self::build(|reply| reply.big_number(digits))
    }

    /// Creates a verbatim string: a string with a three-letter format.
    pub fn verbatim(format: [u8; 3], value: &[u8]) -> Self {
        Self::build(|reply| reply.verbatim(format, value))
    }

    /// Builds a frame in place. See [`FrameBuilder`].
    pub fn build(fill: impl FnOnce(&mut FrameBuilder)) -> Self {
        let mut builder = FrameBuilder::new();
        fill(&mut builder);
        builder.finish()
    }

    fn text(tag: Tag, bytes: Bytes) -> Self {
        match u32::try_from(bytes.len()) {
            Ok(len) => Self::leaf(bytes, Node::text(tag, 0, len)),
            Err(_) => Self::too_large(),
        }
    }

    /// Creates the error frame that replaces a frame too large for 32-bit offsets.
    fn too_large() -> Self {
        const TEXT: &[u8] = b"ERR frame larger than 4 GiB";
        #[expect(clippy::cast_possible_truncation, reason = "27 bytes")]
        Self::leaf(
            Bytes::from_static(TEXT),
            Node::text(Tag::SimpleError, 0, TEXT.len() as u32),
        )
    }
}

fn one_line(text: Bytes) -> Bytes {
    if memchr::memchr2(b'\r', b'\n', &text).is_none() {
        return text;
    }
    (text.iter())
        .map(|&byte| match byte {
            b'\r' | b'\n' => b' ',
            byte => byte,
        })
        .collect()
}

/// Builds one frame, nested or not, in one buffer and one index.
///
/// The builder counts the values itself, so counts are always correct. A frame is limited to 4 GiB;
/// if more is added, [`finish`](Self::finish) returns an error frame that says so.
///
/// # Examples
///
/// ```
/// use swarm_resp::Frame;
///
/// let reply = Frame::build(|reply| {
///     reply.array(|array| {
///         array.bulk(b"key");
///         array.map(|map| {
///             map.bulk(b"field");
///             map.integer(1);
///         });
///     });
/// });
/// assert_eq!(reply.to_string(), r#"["key", {"field": 1}]"#);
/// ```
pub struct FrameBuilder {
    bytes: BytesMut,
    nodes: Vec<Node>,
    /// Number of values so far in the current aggregate.
    count: u32,
    /// Node of the attributes whose value has not been added yet.
    pending_attributes: Option<usize>,
    /// Maximum number of bytes and of nodes.
    max: usize,
    too_large: bool,
}

impl Default for FrameBuilder {
    fn default() -> Self {
        Self {
            bytes: BytesMut::new(),
            nodes: Vec::new(),
            count: 0,
            pending_attributes: None,
            max: u32::MAX as usize,
            too_large: false,
        }
    }
}

impl fmt::Debug for FrameBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nodes, bytes) = (self.nodes.len(), self.bytes.len());
        write!(f, "FrameBuilder({nodes} values, {bytes} bytes)")
    }
}

impl FrameBuilder {
    /// Creates an empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a bulk string.
    pub fn bulk(&mut self, value: &[u8]) {
        self.text(Tag::BulkString, value);
    }

    /// Appends a simple string. Line breaks become spaces.
    pub fn simple(&mut self, value: &str) {
        self.line(Tag::SimpleString, value);
    }

    /// Appends a simple error. Line breaks become spaces.
    pub fn error(&mut self, value: &str) {
        self.line(Tag::SimpleError, value);
    }

    /// Appends an error that may contain any bytes, which RESP2 encodes as a simple error.
    pub fn bulk_error(&mut self, value: &[u8]) {
        self.text(Tag::BulkError, value);
    }

    /// Appends an integer of any size, given as decimal digits. Other text is appended as a bulk
    /// string.
    pub fn big_number(&mut self, digits: &str) {
        let tag = match is_big_number(digits.as_bytes()) {
            true => Tag::BigNumber,
            false => Tag::BulkString,
        };
        self.text(tag, digits.as_bytes());
    }

    /// Appends an integer.
    pub fn integer(&mut self, value: i64) {
        self.push(Node::integer(value));
    }

    /// Appends a double.
    pub fn double(&mut self, value: f64) {
        self.push(Node::double(value));
    }

    /// Appends a double in a given format, such as the one of an older Redis. Text that is not a
    /// number is appended as a bulk string.
    pub fn double_text(&mut self, text: &str) {
        let tag = match double(text.as_bytes()) {
            Some(_) => Tag::TextDouble,
            None => Tag::BulkString,
        };
        self.text(tag, text.as_bytes());
    }

    /// Appends a boolean.
    pub fn boolean(&mut self, value: bool) {
        self.push(Node::boolean(value));
    }

    /// Appends a null, which RESP2 encodes as `$-1`.
    pub fn null(&mut self) {
        self.push(Node::NULL);
    }

    /// Appends a null, which RESP2 encodes as `*-1`.
    pub fn null_array(&mut self) {
        self.push(Node::NULL_ARRAY);
    }

    /// Appends a verbatim string: a string with a three-letter format.
    pub fn verbatim(&mut self, format: [u8; 3], value: &[u8]) {
        let mut text = Vec::with_capacity(value.len().saturating_add(4));
        text.extend_from_slice(&format);
        text.push(b':');
        text.extend_from_slice(value);
        self.text(Tag::Verbatim, &text);
    }

    /// Appends an array of the values that `fill` appends.
    pub fn array(&mut self, fill: impl FnOnce(&mut Self)) {
        self.aggregate(Tag::Array, fill);
    }

    /// Appends a set of the values that `fill` appends.
    pub fn set(&mut self, fill: impl FnOnce(&mut Self)) {
        self.aggregate(Tag::Set, fill);
    }

    /// Appends a push of the values that `fill` appends.
    pub fn push_message(&mut self, fill: impl FnOnce(&mut Self)) {
        self.aggregate(Tag::Push, fill);
    }

    /// Appends a map of the alternating keys and values that `fill` appends. A last key without a
    /// value gets a null.
    pub fn map(&mut self, fill: impl FnOnce(&mut Self)) {
        self.aggregate(Tag::Map, fill);
    }

    /// Appends attributes of the next value: the alternating keys and values that `fill` appends.
    /// Another call before that value adds more attributes.
    pub fn attributes(&mut self, fill: impl FnOnce(&mut Self)) {
        let at = self.pending_attributes.take().unwrap_or(self.nodes.len());
        let so_far = self.nodes.get(at).map_or(0, |node| node.a);
        if at == self.nodes.len() {
            self.nodes.push(Node::aggregate(Tag::Attribute, 0, 1));
        }
        self.fill(at, Tag::Attribute, so_far, fill);
        self.pending_attributes = Some(at);
    }

    /// Appends a copy of a value.
    pub fn frame(&mut self, value: FrameRef<'_>) {
        let mut nodes = value.nodes();
        if let (Some(_), Some(attributes)) = (self.pending_attributes, value.attributes()) {
            // Merge the attributes, because a value has only one map of them.
            self.attributes(|all| {
                for (key, value) in attributes {
                    all.frame(key);
                    all.frame(value);
                }
            });
            nodes = value.without_attributes().nodes();
        }
        for node in nodes {
            let node = if node.is_text() {
                self.append(node.tag, value.node_text(*node))
            } else {
                *node
            };
            self.nodes.push(node);
        }
        self.count_value();
    }

    /// Finishes the frame. An empty builder gives a null.
    ///
    /// Attributes without a following value get a null.
    pub fn finish(mut self) -> Frame {
        if self.pending_attributes.is_some() || self.nodes.is_empty() {
            self.null();
        }
        if self.too_large {
            return Frame::too_large();
        }
        Frame::from_nodes(self.bytes.freeze(), &self.nodes)
    }

    fn push(&mut self, node: Node) {
        self.nodes.push(node);
        self.count_value();
    }

    /// Counts a completed value.
    fn count_value(&mut self) {
        self.count = self.count.saturating_add(1);
        self.pending_attributes = None;
    }

    fn line(&mut self, tag: Tag, value: &str) {
        if memchr::memchr2(b'\r', b'\n', value.as_bytes()).is_some() {
            self.text(tag, &one_line(Bytes::copy_from_slice(value.as_bytes())));
        } else {
            self.text(tag, value.as_bytes());
        }
    }

    fn text(&mut self, tag: Tag, value: &[u8]) {
        let node = self.append(tag, value);
        self.push(node);
    }

    /// Appends text to the buffer and returns its node.
    fn append(&mut self, tag: Tag, text: &[u8]) -> Node {
        let offset = self.bytes.len();
        if text.len() > self.max.saturating_sub(offset) || self.too_large {
            self.too_large = true;
            return Node::NULL;
        }
        self.bytes.extend_from_slice(text);
        Node::text(tag, self.narrow(offset), self.narrow(text.len()))
    }

    /// Converts a number for the index, which stores 32 bits.
    fn narrow(&mut self, n: usize) -> u32 {
        self.too_large |= n > self.max;
        u32::try_from(n).unwrap_or(u32::MAX)
    }

    fn aggregate(&mut self, tag: Tag, fill: impl FnOnce(&mut Self)) {
        let at = self.nodes.len();
        self.nodes.push(Node::aggregate(tag, 0, 1));
        self.pending_attributes = None;
        self.fill(at, tag, 0, fill);
        self.count_value();
    }

    /// Fills the aggregate at node `at`, which already has `count` values.
    fn fill(&mut self, at: usize, tag: Tag, count: u32, fill: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.count, count);
        fill(self);
        if self.pending_attributes.is_some() {
            self.null();
        }
        if matches!(tag, Tag::Map | Tag::Attribute) && self.count % 2 == 1 {
            self.null();
        }
        let span = self.narrow(self.nodes.len().saturating_sub(at));
        let count = std::mem::replace(&mut self.count, outer);
        if let Some(node) = self.nodes.get_mut(at) {
            *node = Node::aggregate(tag, count, span);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RespVersion, encode_frame};

    #[test]
    fn a_frame_too_large_for_the_index_becomes_an_error() {
        let mut builder = FrameBuilder {
            max: 8,
            ..FrameBuilder::new()
        };
        builder.array(|array| {
            array.bulk(b"12345");
            array.bulk(b"1234");
            array.bulk(b"x");
        });
        assert_eq!(builder.bytes.len(), 5, "rejected values are not stored");
        let frame = builder.finish();
        assert_eq!(frame.to_string(), "(error) ERR frame larger than 4 GiB");
    }

    #[test]
    fn a_frame_of_exactly_the_maximum_is_built() {
        let mut builder = FrameBuilder {
            max: 8,
            ..FrameBuilder::new()
        };
        builder.bulk(b"12345678");
        assert_eq!(builder.finish().as_bytes(), Some(&b"12345678"[..]));
    }

    #[test]
    fn a_double_keeps_its_text() {
        let frame = Frame::build(|reply| reply.double_text("0.10000000000000001"));
        assert_eq!(frame.as_double(), Some(0.1));
        for (protocol, encoded) in [
            (RespVersion::Resp2, "$19\r\n0.10000000000000001\r\n"),
            (RespVersion::Resp3, ",0.10000000000000001\r\n"),
        ] {
            let mut buffer = BytesMut::new();
            encode_frame(&mut buffer, &frame, protocol);
            assert_eq!(buffer, encoded);
        }
        let frame = Frame::build(|reply| reply.double_text("x"));
        assert_eq!(frame.as_bytes(), Some(&b"x"[..]));
    }

    #[test]
    fn too_many_values_become_an_error() {
        let mut builder = FrameBuilder {
            max: 3,
            ..FrameBuilder::new()
        };
        builder.array(|array| (0..3).for_each(|n| array.integer(n)));
        assert!(builder.finish().as_error().is_some());
    }
}
