//! Encoding of frames in RESP3, and in RESP2 as Redis downgrades them.

use bytes::{BufMut, BytesMut};

use super::RespVersion;
use super::command::{header_len, put_header};
use crate::args::ToArg;
use crate::frame::{FrameRef, Node, Tag};

/// Appends an encoded frame to a buffer, with one reservation of the exact size.
///
/// RESP2 lacks some kinds, which are encoded as Redis does: a map as a flat array; a set or push as
/// an array; a boolean as 1 or 0; a double, big number or verbatim string as a bulk string; a bulk
/// error as a simple error. Attributes are omitted.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use swarm_resp::{Frame, RespVersion, encode_frame};
///
/// let reply = Frame::build(|reply| reply.map(|map| {
///     map.bulk(b"ready");
///     map.boolean(true);
/// }));
/// let mut buffer = BytesMut::new();
/// encode_frame(&mut buffer, &reply, RespVersion::Resp3);
/// assert_eq!(buffer, "%1\r\n$5\r\nready\r\n#t\r\n");
/// buffer.clear();
/// encode_frame(&mut buffer, &reply, RespVersion::Resp2);
/// assert_eq!(buffer, "*2\r\n$5\r\nready\r\n:1\r\n");
/// ```
pub fn encode_frame<'a>(
    buffer: &mut BytesMut,
    frame: impl Into<FrameRef<'a>>,
    protocol: RespVersion,
) {
    let frame = frame.into();
    let mut len = Len(0);
    write(frame, protocol, &mut len);
    buffer.reserve(len.0);
    write(frame, protocol, buffer);
}

/// A destination for encoded bytes.
trait Sink {
    fn put(&mut self, bytes: &[u8]);

    /// Appends a header: a marker, a number and CRLF.
    fn header(&mut self, marker: u8, number: usize);
}

impl Sink for BytesMut {
    fn put(&mut self, bytes: &[u8]) {
        self.put_slice(bytes);
    }

    fn header(&mut self, marker: u8, number: usize) {
        put_header(self, marker, number);
    }
}

/// Counts bytes.
struct Len(usize);

impl Sink for Len {
    fn put(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len());
    }

    fn header(&mut self, _: u8, number: usize) {
        self.0 = self.0.saturating_add(header_len(number));
    }
}

fn write(frame: FrameRef<'_>, protocol: RespVersion, sink: &mut impl Sink) {
    let mut nodes = frame.nodes();
    // The index is in pre-order, as is the encoding, so no recursion is needed.
    while let Some((node, rest)) = nodes.split_first() {
        nodes = rest;
        if node.tag == Tag::Attribute && protocol == RespVersion::Resp2 {
            let inside = node.span().saturating_sub(1);
            nodes = rest.get(inside..).unwrap_or_default();
            continue;
        }
        match protocol {
            RespVersion::Resp2 => resp2(sink, frame, *node),
            RespVersion::Resp3 => resp3(sink, frame, *node),
        }
    }
}

fn resp3(sink: &mut impl Sink, frame: FrameRef<'_>, node: Node) {
    let text = || frame.node_text(node);
    match node.tag {
        Tag::Null | Tag::NullArray => sink.put(b"_\r\n"),
        Tag::Boolean => sink.put(if node.a != 0 { b"#t\r\n" } else { b"#f\r\n" }),
        Tag::Double => line(sink, b",", &f64::from_bits(node.bits()).to_arg()),
        Tag::TextDouble => line(sink, b",", text()),
        Tag::BigNumber => line(sink, b"(", text()),
        Tag::BulkError => bulk(sink, b'!', text()),
        Tag::Verbatim => bulk(sink, b'=', text()),
        Tag::Map => sink.header(b'%', node.a as usize / 2),
        Tag::Set => sink.header(b'~', node.a as usize),
        Tag::Push => sink.header(b'>', node.a as usize),
        Tag::Attribute => sink.header(b'|', node.a as usize / 2),
        _ => resp2(sink, frame, node),
    }
}

fn resp2(sink: &mut impl Sink, frame: FrameRef<'_>, node: Node) {
    let text = || frame.node_text(node);
    match node.tag {
        Tag::SimpleString => line(sink, b"+", text()),
        Tag::SimpleError => line(sink, b"-", text()),
        Tag::Integer => integer(sink, node.bits().cast_signed()),
        Tag::BulkString | Tag::JoinedString | Tag::BigNumber | Tag::TextDouble => {
            bulk(sink, b'$', text());
        }
        Tag::Null => sink.put(b"$-1\r\n"),
        Tag::NullArray => sink.put(b"*-1\r\n"),
        Tag::Boolean => integer(sink, i64::from(node.a != 0)),
        Tag::Double => bulk(sink, b'$', &f64::from_bits(node.bits()).to_arg()),
        Tag::BulkError => {
            sink.put(b"-");
            // A simple error cannot contain line breaks.
            for (at, part) in text()
                .split(|byte| matches!(byte, b'\r' | b'\n'))
                .enumerate()
            {
                sink.put(if at > 0 { b" " } else { b"" });
                sink.put(part);
            }
            sink.put(b"\r\n");
        }
        Tag::Verbatim => {
            let text = text();
            let format = text.get(3).filter(|byte| **byte == b':').map_or(0, |_| 4);
            bulk(sink, b'$', text.get(format..).unwrap_or_default());
        }
        Tag::Array | Tag::Map | Tag::Set | Tag::Push | Tag::Attribute => {
            sink.header(b'*', node.a as usize);
        }
    }
}

fn line(sink: &mut impl Sink, marker: &[u8], text: &[u8]) {
    sink.put(marker);
    sink.put(text);
    sink.put(b"\r\n");
}

fn integer(sink: &mut impl Sink, value: i64) {
    line(sink, b":", &value.to_arg());
}

fn bulk(sink: &mut impl Sink, marker: u8, text: &[u8]) {
    sink.header(marker, text.len());
    sink.put(text);
    sink.put(b"\r\n");
}
