//! Frames, for servers and proxies: every kind in RESP3, and in RESP2 what Redis writes in its place.

use bytes::{BufMut, BytesMut};

use super::RespVersion;
use super::command::{header_len, put_header};
use crate::args::ToArg;
use crate::frame::{FrameRef, Node, Tag};

/// Appends a frame to a buffer, with one reservation of the exact size.
///
/// In RESP2, kinds that it lacks become what Redis sends instead: a map a flat array, a set or a push an array, a
/// boolean 1 or 0, a double, big number or verbatim string a bulk string, a bulk error a simple one. Attributes are left
/// out.
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

/// Takes what goes over the wire.
trait Wire {
    fn put(&mut self, bytes: &[u8]);

    /// A marker, a number and a line break.
    fn header(&mut self, marker: u8, number: usize);
}

impl Wire for BytesMut {
    fn put(&mut self, bytes: &[u8]) {
        self.put_slice(bytes);
    }

    fn header(&mut self, marker: u8, number: usize) {
        put_header(self, marker, number);
    }
}

/// Only counts.
struct Len(usize);

impl Wire for Len {
    fn put(&mut self, bytes: &[u8]) {
        self.0 = self.0.saturating_add(bytes.len());
    }

    fn header(&mut self, _: u8, number: usize) {
        self.0 = self.0.saturating_add(header_len(number));
    }
}

fn write(frame: FrameRef<'_>, protocol: RespVersion, wire: &mut impl Wire) {
    let mut nodes = frame.nodes();
    // The index is the value in pre-order, which is the order of the wire: no recursion is needed.
    while let Some((node, rest)) = nodes.split_first() {
        nodes = rest;
        if node.tag == Tag::Attribute && protocol == RespVersion::Resp2 {
            let inside = node.span().saturating_sub(1);
            nodes = rest.get(inside..).unwrap_or_default();
            continue;
        }
        match protocol {
            RespVersion::Resp2 => resp2(wire, frame, *node),
            RespVersion::Resp3 => resp3(wire, frame, *node),
        }
    }
}

fn resp3(wire: &mut impl Wire, frame: FrameRef<'_>, node: Node) {
    let text = || frame.node_text(node);
    match node.tag {
        Tag::Null | Tag::NullArray => wire.put(b"_\r\n"),
        Tag::Boolean => wire.put(if node.a != 0 { b"#t\r\n" } else { b"#f\r\n" }),
        Tag::Double => line(wire, b",", &f64::from_bits(node.bits()).to_arg()),
        Tag::SpelledDouble => line(wire, b",", text()),
        Tag::BigNumber => line(wire, b"(", text()),
        Tag::BulkError => bulk(wire, b'!', text()),
        Tag::Verbatim => bulk(wire, b'=', text()),
        Tag::Map => wire.header(b'%', node.a as usize / 2),
        Tag::Set => wire.header(b'~', node.a as usize),
        Tag::Push => wire.header(b'>', node.a as usize),
        Tag::Attribute => wire.header(b'|', node.a as usize / 2),
        _ => resp2(wire, frame, node),
    }
}

fn resp2(wire: &mut impl Wire, frame: FrameRef<'_>, node: Node) {
    let text = || frame.node_text(node);
    match node.tag {
        Tag::SimpleString => line(wire, b"+", text()),
        Tag::SimpleError => line(wire, b"-", text()),
        Tag::Integer => integer(wire, node.bits().cast_signed()),
        Tag::BulkString | Tag::JoinedString | Tag::BigNumber | Tag::SpelledDouble => {
            bulk(wire, b'$', text());
        }
        Tag::Null => wire.put(b"$-1\r\n"),
        Tag::NullArray => wire.put(b"*-1\r\n"),
        Tag::Boolean => integer(wire, i64::from(node.a != 0)),
        Tag::Double => bulk(wire, b'$', &f64::from_bits(node.bits()).to_arg()),
        Tag::BulkError => {
            wire.put(b"-");
            // A simple error is one line.
            for (at, part) in text()
                .split(|byte| matches!(byte, b'\r' | b'\n'))
                .enumerate()
            {
                wire.put(if at > 0 { b" " } else { b"" });
                wire.put(part);
            }
            wire.put(b"\r\n");
        }
        Tag::Verbatim => {
            let text = text();
            let format = text.get(3).filter(|byte| **byte == b':').map_or(0, |_| 4);
            bulk(wire, b'$', text.get(format..).unwrap_or_default());
        }
        Tag::Array | Tag::Map | Tag::Set | Tag::Push | Tag::Attribute => {
            wire.header(b'*', node.a as usize);
        }
    }
}

fn line(wire: &mut impl Wire, marker: &[u8], text: &[u8]) {
    wire.put(marker);
    wire.put(text);
    wire.put(b"\r\n");
}

fn integer(wire: &mut impl Wire, value: i64) {
    line(wire, b":", &value.to_arg());
}

fn bulk(wire: &mut impl Wire, marker: u8, text: &[u8]) {
    wire.header(marker, text.len());
    wire.put(text);
    wire.put(b"\r\n");
}
