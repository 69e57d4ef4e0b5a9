//! Encodes replies as the deployed server writes them: in several writes, with unescaped text.

use bytes::{BufMut, Bytes, BytesMut};
use swarm_resp::{Frame, FrameRef, Kind, RespVersion, encode_frame};

use crate::dialect::{Dialect, Quirk};

/// Format of the verbatim string that carries a status reply; a simple string cannot hold line
/// breaks.
const STATUS: [u8; 3] = *b"sts";

const NULL_ARRAY: &[u8] = b"*-1\r\n";

/// Returns an error reply that keeps line breaks until it is encoded.
pub(crate) fn error(text: &[u8]) -> Frame {
    Frame::build(|reply| reply.bulk_error(text))
}

/// Returns a status reply that keeps line breaks until it is encoded.
#[cfg(feature = "lua")]
pub(crate) fn status(text: &[u8]) -> Frame {
    Frame::build(|reply| reply.verbatim(STATUS, text))
}

/// How a server encodes frames, where it deviates from RESP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Style {
    /// Errors and status replies are ASCII with unescaped line breaks.
    unescaped: bool,
    /// Null arrays stay `*-1` in RESP3.
    plain_null_arrays: bool,
}

impl Style {
    pub(crate) const fn of(dialect: Dialect) -> Self {
        Self {
            unescaped: dialect.has(Quirk::CrLf),
            plain_null_arrays: dialect.has(Quirk::PlainNullArrays),
        }
    }

    /// Returns whether the style is that of RESP.
    pub(crate) fn is_standard(self) -> bool {
        self == Self::default()
    }
}

/// Splits a frame into the buffers that the server passes to separate writes.
pub(crate) fn fragments(frame: &Frame, protocol: RespVersion, style: Style) -> Vec<Bytes> {
    let mut fragments = Vec::new();
    take_apart(frame.view(), protocol, style, &mut fragments);
    fragments
}

/// Encodes a frame.
pub(crate) fn encoded(frame: &Frame, protocol: RespVersion, style: Style) -> Bytes {
    fragments(frame, protocol, style).concat().into()
}

fn take_apart(
    frame: FrameRef<'_>,
    protocol: RespVersion,
    style: Style,
    fragments: &mut Vec<Bytes>,
) {
    let resp3 = protocol == RespVersion::Resp3;
    let (mark, factor) = match frame.kind() {
        Kind::Array => (b'*', 1),
        Kind::Push => (if resp3 { b'>' } else { b'*' }, 1),
        Kind::Set => (if resp3 { b'~' } else { b'*' }, 1),
        Kind::Map => (if resp3 { b'%' } else { b'*' }, if resp3 { 1 } else { 2 }),
        _ => return leaf(frame, protocol, style, fragments),
    };
    let mut inside = Vec::new();
    let count = if frame.kind() == Kind::Map {
        let pairs: Vec<_> = frame.pairs().into_iter().flatten().collect();
        for (key, value) in &pairs {
            take_apart(*key, protocol, style, &mut inside);
            take_apart(*value, protocol, style, &mut inside);
        }
        pairs.len()
    } else {
        let items: Vec<_> = frame.items().into_iter().flatten().collect();
        for item in &items {
            take_apart(*item, protocol, style, &mut inside);
        }
        items.len()
    };
    let mut head = BytesMut::new();
    head.put_u8(mark);
    head.put_slice(format!("{}\r\n", count * factor).as_bytes());
    fragments.push(head.freeze());
    fragments.append(&mut inside);
}

fn leaf(frame: FrameRef<'_>, protocol: RespVersion, style: Style, fragments: &mut Vec<Bytes>) {
    let text = match frame.kind() {
        Kind::SimpleError | Kind::BulkError if style.unescaped => Some((b'-', frame.error_bytes())),
        Kind::SimpleString if style.unescaped => Some((b'+', frame.as_bytes())),
        Kind::VerbatimString if style.unescaped && frame.verbatim_format() == Some(&STATUS) => {
            Some((b'+', frame.as_bytes()))
        }
        _ => None,
    };
    let mut wire = BytesMut::new();
    if let Some((mark, text)) = text {
        wire.put_u8(mark);
        wire.put_slice(ascii(text.unwrap_or_default()).as_bytes());
        wire.put_slice(b"\r\n");
        fragments.push(wire.freeze());
        return;
    }
    if style.plain_null_arrays && frame.is_null() {
        // RESP2 tells null arrays from other nulls.
        encode_frame(&mut wire, &frame.to_frame(), RespVersion::Resp2);
        if wire.as_ref() == NULL_ARRAY {
            fragments.push(wire.freeze());
            return;
        }
        wire.clear();
    }
    encode_frame(&mut wire, &frame.to_frame(), protocol);
    let wire = wire.freeze();
    if frame.kind() != Kind::BulkString {
        fragments.push(wire);
        return;
    }
    // The length, the content, and the terminator are separate writes.
    let head = (wire.iter().position(|byte| *byte == b'\n')).map_or(0, |end| end + 1);
    let end = wire.len().saturating_sub(2).max(head);
    fragments.extend([wire.slice(..head), wire.slice(head..end), wire.slice(end..)]);
}

/// Replaces every non-ASCII character with a question mark.
fn ascii(text: &[u8]) -> String {
    (String::from_utf8_lossy(text).chars())
        .map(|char| if char.is_ascii() { char } else { '?' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(frame: &Frame, escaped: bool) -> Vec<String> {
        let style = Style {
            unescaped: !escaped,
            ..Style::default()
        };
        let fragments = fragments(frame, RespVersion::Resp2, style);
        let text = |piece: &Bytes| String::from_utf8(piece.to_vec()).unwrap();
        fragments.iter().map(text).collect()
    }

    #[test]
    fn bulk_strings_are_three_writes_and_lines_are_one() {
        let frame = Frame::array(&[Frame::bulk("a"), Frame::integer(1)]);
        assert_eq!(
            written(&frame, true),
            ["*2\r\n", "$1\r\n", "a", "\r\n", ":1\r\n"]
        );
        assert_eq!(written(&Frame::null(), true), ["$-1\r\n"]);
        assert_eq!(written(&Frame::bulk(""), true), ["$0\r\n", "", "\r\n"]);
    }

    #[test]
    fn null_arrays_stay_plain_at_any_depth() {
        let nulls = Frame::array(&[Frame::null(), Frame::null_array()]);
        let style = Style::of(Dialect::STANDARD.with(Quirk::PlainNullArrays));
        for (style, wire) in [
            (style, &b"*2\r\n_\r\n*-1\r\n"[..]),
            (Style::default(), b"*2\r\n_\r\n_\r\n"),
        ] {
            assert_eq!(encoded(&nulls, RespVersion::Resp3, style), wire);
        }
    }

    #[test]
    fn texts_keep_their_line_breaks_and_lose_what_is_not_ascii() {
        let frame = error("ERR é\r\n:1".as_bytes());
        assert_eq!(written(&frame, false), ["-ERR ?\r\n:1\r\n"]);
        assert_eq!(written(&status(b"a\rb"), false), ["+a\rb\r\n"]);
        assert_eq!(written(&Frame::simple("OK"), false), ["+OK\r\n"]);
    }
}
