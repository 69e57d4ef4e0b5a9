//! Frames made here rather than received: constructors, and a builder for nested replies.

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::{Frame, FrameRef, Node, Tag};
use crate::decode::is_big_number;

impl Frame {
    /// A null: `_` in RESP3, `$-1` in RESP2.
    pub const fn null() -> Self {
        Self::scalar(Node::NULL)
    }

    /// A null that RESP2 writes as `*-1`, as it does for an aborted EXEC or an XREAD without data.
    pub const fn null_array() -> Self {
        Self::scalar(Node::NULL_ARRAY)
    }

    /// An integer.
    pub const fn integer(value: i64) -> Self {
        Self::scalar(Node::integer(value))
    }

    /// A boolean; RESP2 knows it as 1 or 0.
    pub const fn boolean(value: bool) -> Self {
        Self::scalar(Node::boolean(value))
    }

    /// A double; RESP2 knows it as a bulk string.
    pub const fn double(value: f64) -> Self {
        Self::scalar(Node::double(value))
    }

    /// A bulk string that shares `value`. Longer than 4 GiB, it becomes an error frame that says so.
    pub fn bulk(value: impl Into<Bytes>) -> Self {
        Self::text(Tag::BulkString, value.into())
    }

    /// A simple string such as `OK`. Line breaks become blanks, for the wire cannot carry them.
    pub fn simple(value: impl Into<Bytes>) -> Self {
        Self::text(Tag::SimpleString, one_line(value.into()))
    }

    /// A simple error such as `ERR syntax error`. Line breaks become blanks.
    pub fn error(value: impl Into<Bytes>) -> Self {
        Self::text(Tag::SimpleError, one_line(value.into()))
    }

    /// An array of frames, whose bytes are copied together: for large replies, see [`FrameBuilder`].
    pub fn array<'a>(items: impl IntoIterator<Item = &'a Self>) -> Self {
        Self::build(|reply| {
            reply.array(|array| {
                for item in items {
                    array.frame(item.view());
                }
            });
        })
    }

    /// Builds a frame in place: see [`FrameBuilder`].
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

    /// What stands for a frame that offsets of 32 bits cannot index.
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

/// Builds one frame, nested or not, into one buffer and one index.
///
/// Counts come from what is put in, so they cannot be wrong. A frame holds at most 4 GiB: when more is put in,
/// [`finish`](Self::finish) answers an error frame that says so, which is what the peer should hear.
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
    /// How many values the aggregate being filled has so far.
    count: u32,
    /// The attributes put for a value that has not been put: where their node is.
    attributed: Option<usize>,
    /// How many bytes and how many nodes the index can count.
    max: usize,
    too_large: bool,
}

impl Default for FrameBuilder {
    fn default() -> Self {
        Self {
            bytes: BytesMut::new(),
            nodes: Vec::new(),
            count: 0,
            attributed: None,
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
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a bulk string.
    pub fn bulk(&mut self, value: &[u8]) {
        self.text(Tag::BulkString, value);
    }

    /// Puts a simple string; line breaks become blanks.
    pub fn simple(&mut self, value: &str) {
        self.line(Tag::SimpleString, value);
    }

    /// Puts a simple error; line breaks become blanks.
    pub fn error(&mut self, value: &str) {
        self.line(Tag::SimpleError, value);
    }

    /// Puts an error that may hold any bytes; RESP2 knows it as a simple error.
    pub fn bulk_error(&mut self, value: &[u8]) {
        self.text(Tag::BulkError, value);
    }

    /// Puts an integer of any size by its decimal digits. Text that is no integer is put as a bulk string.
    pub fn big_number(&mut self, digits: &str) {
        let tag = match is_big_number(digits.as_bytes()) {
            true => Tag::BigNumber,
            false => Tag::BulkString,
        };
        self.text(tag, digits.as_bytes());
    }

    /// Puts an integer.
    pub fn integer(&mut self, value: i64) {
        self.push(Node::integer(value));
    }

    /// Puts a double.
    pub fn double(&mut self, value: f64) {
        self.push(Node::double(value));
    }

    /// Puts a boolean.
    pub fn boolean(&mut self, value: bool) {
        self.push(Node::boolean(value));
    }

    /// Puts a null, `$-1` in RESP2.
    pub fn null(&mut self) {
        self.push(Node::NULL);
    }

    /// Puts a null, `*-1` in RESP2.
    pub fn null_array(&mut self) {
        self.push(Node::NULL_ARRAY);
    }

    /// Puts a string that carries a three-letter format.
    pub fn verbatim(&mut self, format: [u8; 3], value: &[u8]) {
        let mut text = Vec::with_capacity(value.len().saturating_add(4));
        text.extend_from_slice(&format);
        text.push(b':');
        text.extend_from_slice(value);
        self.text(Tag::Verbatim, &text);
    }

    /// Puts an array of what `fill` puts.
    pub fn array(&mut self, fill: impl FnOnce(&mut Self)) {
        self.aggregate(Tag::Array, fill);
    }

    /// Puts a set of what `fill` puts.
    pub fn set(&mut self, fill: impl FnOnce(&mut Self)) {
        self.aggregate(Tag::Set, fill);
    }

    /// Puts a push of what `fill` puts.
    pub fn push_message(&mut self, fill: impl FnOnce(&mut Self)) {
        self.aggregate(Tag::Push, fill);
    }

    /// Puts a map of what `fill` puts: keys and values in turn. A key without a value gets a null.
    pub fn map(&mut self, fill: impl FnOnce(&mut Self)) {
        self.aggregate(Tag::Map, fill);
    }

    /// Puts attributes that describe the value put next: keys and values in turn. Called again before that value, it
    /// adds to them.
    pub fn attributes(&mut self, fill: impl FnOnce(&mut Self)) {
        let at = self.attributed.take().unwrap_or(self.nodes.len());
        let so_far = self.nodes.get(at).map_or(0, |node| node.a);
        if at == self.nodes.len() {
            self.nodes.push(Node::aggregate(Tag::Attribute, 0, 1));
        }
        self.fill(at, Tag::Attribute, so_far, fill);
        self.attributed = Some(at);
    }

    /// Puts a copy of a value.
    pub fn frame(&mut self, value: FrameRef<'_>) {
        let mut nodes = value.nodes();
        if let (Some(_), Some(attributes)) = (self.attributed, value.attributes()) {
            // A value has one map of attributes.
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
                self.appended(node.tag, value.node_text(*node))
            } else {
                *node
            };
            self.nodes.push(node);
        }
        self.ended();
    }

    /// The frame, or a null when nothing was put.
    ///
    /// When the last thing put were attributes, a null follows them, for attributes describe a value.
    pub fn finish(mut self) -> Frame {
        if self.attributed.is_some() || self.nodes.is_empty() {
            self.null();
        }
        if self.too_large {
            return Frame::too_large();
        }
        Frame::from_nodes(self.bytes.freeze(), &self.nodes)
    }

    fn push(&mut self, node: Node) {
        self.nodes.push(node);
        self.ended();
    }

    /// Counts a value.
    fn ended(&mut self) {
        self.count = self.count.saturating_add(1);
        self.attributed = None;
    }

    fn line(&mut self, tag: Tag, value: &str) {
        if memchr::memchr2(b'\r', b'\n', value.as_bytes()).is_some() {
            self.text(tag, &one_line(Bytes::copy_from_slice(value.as_bytes())));
        } else {
            self.text(tag, value.as_bytes());
        }
    }

    fn text(&mut self, tag: Tag, value: &[u8]) {
        let node = self.appended(tag, value);
        self.push(node);
    }

    /// Appends a text and makes the node that points at it.
    fn appended(&mut self, tag: Tag, text: &[u8]) -> Node {
        let offset = self.bytes.len();
        if text.len() > self.max.saturating_sub(offset) || self.too_large {
            self.too_large = true;
            return Node::NULL;
        }
        self.bytes.extend_from_slice(text);
        Node::text(tag, self.narrow(offset), self.narrow(text.len()))
    }

    /// A number that the index stores in 32 bits.
    fn narrow(&mut self, n: usize) -> u32 {
        self.too_large |= n > self.max;
        u32::try_from(n).unwrap_or(u32::MAX)
    }

    fn aggregate(&mut self, tag: Tag, fill: impl FnOnce(&mut Self)) {
        let at = self.nodes.len();
        self.nodes.push(Node::aggregate(tag, 0, 1));
        self.attributed = None;
        self.fill(at, tag, 0, fill);
        self.ended();
    }

    /// Fills the aggregate at `at`, which holds so many values already.
    fn fill(&mut self, at: usize, tag: Tag, count: u32, fill: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.count, count);
        fill(self);
        if self.attributed.is_some() {
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

    #[test]
    fn what_the_index_cannot_count_becomes_an_error_and_never_a_wrong_value() {
        let mut builder = FrameBuilder {
            max: 8,
            ..FrameBuilder::new()
        };
        builder.array(|array| {
            array.bulk(b"12345");
            array.bulk(b"1234");
            array.bulk(b"x");
        });
        assert_eq!(builder.bytes.len(), 5, "nothing is kept of what is refused");
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
    fn too_many_values_are_refused_as_too_many_bytes_are() {
        let mut builder = FrameBuilder {
            max: 3,
            ..FrameBuilder::new()
        };
        builder.array(|array| (0..3).for_each(|n| array.integer(n)));
        assert!(builder.finish().as_error().is_some());
    }
}
