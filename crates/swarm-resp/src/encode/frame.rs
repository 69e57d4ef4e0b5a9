//! Frames, for servers and proxies: every kind in RESP3, and in RESP2 what Redis writes in its place.

use bytes::{BufMut, BytesMut};

use super::Protocol;
use super::command::put_header;
use crate::args::ToArg;
use crate::frame::{FrameRef, Node, Tag};

/// Appends a frame to a buffer.
///
/// In RESP2, kinds that it lacks become what Redis sends instead: a map a flat array, a set or a push an array, a
/// boolean 1 or 0, a double, big number or verbatim string a bulk string, a bulk error a simple one. Attributes are left
/// out.
pub fn encode_frame<'a>(buffer: &mut BytesMut, frame: impl Into<FrameRef<'a>>, protocol: Protocol) {
    let frame = frame.into();
    let mut nodes = frame.nodes();
    // The index is the value in pre-order, which is the order of the wire: no recursion is needed.
    while let Some((node, rest)) = nodes.split_first() {
        nodes = rest;
        if node.tag == Tag::Attribute && protocol == Protocol::Resp2 {
            nodes = rest
                .get(node.span().saturating_sub(1)..)
                .unwrap_or_default();
            continue;
        }
        match protocol {
            Protocol::Resp2 => resp2(buffer, frame, *node),
            Protocol::Resp3 => resp3(buffer, frame, *node),
        }
    }
}

fn resp3(buffer: &mut BytesMut, frame: FrameRef<'_>, node: Node) {
    let text = || frame.node_text(node);
    match node.tag {
        Tag::SimpleString => line(buffer, b'+', text()),
        Tag::SimpleError => line(buffer, b'-', text()),
        Tag::Integer => integer(buffer, node.bits().cast_signed()),
        Tag::BulkString | Tag::JoinedString => bulk(buffer, b'$', text()),
        Tag::Null | Tag::NullArray => buffer.put_slice(b"_\r\n"),
        Tag::Boolean => buffer.put_slice(if node.a != 0 { b"#t\r\n" } else { b"#f\r\n" }),
        Tag::Double => line(buffer, b',', &f64::from_bits(node.bits()).to_arg()),
        Tag::BigNumber => line(buffer, b'(', text()),
        Tag::BulkError => bulk(buffer, b'!', text()),
        Tag::Verbatim => bulk(buffer, b'=', text()),
        Tag::Array => put_header(buffer, b'*', node.a as usize),
        Tag::Map => put_header(buffer, b'%', node.a as usize / 2),
        Tag::Set => put_header(buffer, b'~', node.a as usize),
        Tag::Push => put_header(buffer, b'>', node.a as usize),
        Tag::Attribute => put_header(buffer, b'|', node.a as usize / 2),
    }
}

fn resp2(buffer: &mut BytesMut, frame: FrameRef<'_>, node: Node) {
    let text = || frame.node_text(node);
    match node.tag {
        Tag::SimpleString => line(buffer, b'+', text()),
        Tag::SimpleError => line(buffer, b'-', text()),
        Tag::Integer => integer(buffer, node.bits().cast_signed()),
        Tag::BulkString | Tag::JoinedString | Tag::BigNumber => bulk(buffer, b'$', text()),
        Tag::Null => buffer.put_slice(b"$-1\r\n"),
        Tag::NullArray => buffer.put_slice(b"*-1\r\n"),
        Tag::Boolean => integer(buffer, i64::from(node.a != 0)),
        Tag::Double => bulk(buffer, b'$', &f64::from_bits(node.bits()).to_arg()),
        Tag::BulkError => {
            buffer.put_u8(b'-');
            let blank = |&byte: &u8| {
                if matches!(byte, b'\r' | b'\n') {
                    b' '
                } else {
                    byte
                }
            };
            buffer.extend(text().iter().map(blank));
            buffer.put_slice(b"\r\n");
        }
        Tag::Verbatim => bulk(buffer, b'$', text().get(4..).unwrap_or_default()),
        Tag::Array | Tag::Map | Tag::Set | Tag::Push | Tag::Attribute => {
            put_header(buffer, b'*', node.a as usize);
        }
    }
}

fn line(buffer: &mut BytesMut, marker: u8, text: &[u8]) {
    buffer.put_u8(marker);
    buffer.put_slice(text);
    buffer.put_slice(b"\r\n");
}

fn integer(buffer: &mut BytesMut, value: i64) {
    line(buffer, b':', &value.to_arg());
}

fn bulk(buffer: &mut BytesMut, marker: u8, text: &[u8]) {
    put_header(buffer, marker, text.len());
    buffer.put_slice(text);
    buffer.put_slice(b"\r\n");
}
