//! Frames made here rather than received: constructors, and a builder for nested replies.

use bytes::{Bytes, BytesMut};

use super::{Frame, FrameRef, Node, Tag};

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

    /// A bulk string that shares `value`.
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
            Err(_) => Self::null(),
        }
    }
}

fn one_line(text: Bytes) -> Bytes {
    if memchr::memchr2(b'\r', b'\n', &text).is_none() {
        return text;
    }
    text.iter()
        .map(|&byte| {
            if matches!(byte, b'\r' | b'\n') {
                b' '
            } else {
                byte
            }
        })
        .collect()
}

/// Builds one frame, nested or not, into one buffer and one index.
///
/// Counts come from what is put in, so they cannot be wrong.
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
#[derive(Debug, Default)]
pub struct FrameBuilder {
    bytes: BytesMut,
    nodes: Vec<Node>,
    /// How many values the aggregate being filled has so far.
    count: u32,
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
        self.frame(Frame::simple(Bytes::copy_from_slice(value.as_bytes())).view());
    }

    /// Puts a simple error; line breaks become blanks.
    pub fn error(&mut self, value: &str) {
        self.frame(Frame::error(Bytes::copy_from_slice(value.as_bytes())).view());
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

    /// Puts attributes that describe the value put next: keys and values in turn.
    pub fn attributes(&mut self, fill: impl FnOnce(&mut Self)) {
        self.aggregate(Tag::Attribute, fill);
        self.count = self.count.saturating_sub(1);
    }

    /// Puts a copy of a value.
    pub fn frame(&mut self, value: FrameRef<'_>) {
        for node in value.nodes() {
            if node.is_text() {
                let offset = self.append(value.node_text(*node));
                self.nodes.push(Node::text(node.tag, offset, node.b));
            } else {
                self.nodes.push(*node);
            }
        }
        self.count = self.count.saturating_add(1);
    }

    /// The frame, or a null when nothing was put.
    pub fn finish(self) -> Frame {
        if self.nodes.is_empty() {
            return Frame::null();
        }
        Frame::from_nodes(self.bytes.freeze(), &self.nodes)
    }

    fn push(&mut self, node: Node) {
        self.nodes.push(node);
        self.count = self.count.saturating_add(1);
    }

    fn text(&mut self, tag: Tag, value: &[u8]) {
        let offset = self.append(value);
        let len = u32::try_from(value.len()).unwrap_or(0);
        self.push(Node::text(tag, offset, len));
    }

    fn append(&mut self, text: &[u8]) -> u32 {
        let offset = u32::try_from(self.bytes.len()).unwrap_or(0);
        self.bytes.extend_from_slice(text);
        offset
    }

    fn aggregate(&mut self, tag: Tag, fill: impl FnOnce(&mut Self)) {
        let at = self.nodes.len();
        self.nodes.push(Node::aggregate(tag, 0, 1));
        let outer = std::mem::take(&mut self.count);
        fill(self);
        if matches!(tag, Tag::Map | Tag::Attribute) && self.count % 2 == 1 {
            self.null();
        }
        let span = u32::try_from(self.nodes.len().saturating_sub(at)).unwrap_or(1);
        if let Some(node) = self.nodes.get_mut(at) {
            *node = Node::aggregate(tag, self.count, span);
        }
        self.count = outer.saturating_add(1);
    }
}
