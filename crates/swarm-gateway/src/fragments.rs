//! Encodes replies as the deployed server writes them: in several writes, with unescaped text.

use bytes::{BufMut, Bytes, BytesMut};
use swarm_resp::{Frame, FrameRef, Kind, RespVersion, encode_frame};

/// Format of the verbatim string that carries a status reply; a simple string cannot hold line
/// breaks.
const STATUS: [u8; 3] = *b"sts";

/// Returns an error reply that keeps line breaks until it is encoded.
pub(crate) fn error(text: &[u8]) -> Frame {
    Frame::build(|reply| reply.bulk_error(text))
}

/// Returns a status reply that keeps line breaks until it is encoded.
pub(crate) fn status(text: &[u8]) -> Frame {
    Frame::build(|reply| reply.verbatim(STATUS, text))
}

/// Splits a frame into the buffers that the server passes to separate writes.
pub(crate) fn fragments(frame: &Frame, protocol: RespVersion, escaped: bool) -> Vec<Bytes> {
    let mut fragments = Vec::new();
    take_apart(frame.view(), protocol, escaped, &mut fragments);
    fragments
}

/// Encodes a frame whose errors and status replies are ASCII with unescaped line breaks.
pub(crate) fn unescaped(frame: &Frame, protocol: RespVersion) -> Bytes {
    fragments(frame, protocol, false).concat().into()
}

fn take_apart(
    frame: FrameRef<'_>,
    protocol: RespVersion,
    escaped: bool,
    fragments: &mut Vec<Bytes>,
) {
    let resp3 = protocol == RespVersion::Resp3;
    let (mark, factor) = match frame.kind() {
        Kind::Array => (b'*', 1),
        Kind::Push => (if resp3 { b'>' } else { b'*' }, 1),
        Kind::Set => (if resp3 { b'~' } else { b'*' }, 1),
        Kind::Map => (if resp3 { b'%' } else { b'*' }, if resp3 { 1 } else { 2 }),
        _ => return leaf(frame, protocol, escaped, fragments),
    };
    let mut inside = Vec::new();
    let count = if frame.kind() == Kind::Map {
        let pairs: Vec<_> = frame.pairs().into_iter().flatten().collect();
        for (key, value) in &pairs {
            take_apart(*key, protocol, escaped, &mut inside);
            take_apart(*value, protocol, escaped, &mut inside);
        }
        pairs.len()
    } else {
        let items: Vec<_> = frame.items().into_iter().flatten().collect();
        for item in &items {
            take_apart(*item, protocol, escaped, &mut inside);
        }
        items.len()
    };
    let mut head = BytesMut::new();
    head.put_u8(mark);
    head.put_slice(format!("{}\r\n", count * factor).as_bytes());
    fragments.push(head.freeze());
    fragments.append(&mut inside);
}

fn leaf(frame: FrameRef<'_>, protocol: RespVersion, escaped: bool, fragments: &mut Vec<Bytes>) {
    let text = match frame.kind() {
        Kind::SimpleError | Kind::BulkError if !escaped => Some((b'-', frame.error_bytes())),
        Kind::SimpleString if !escaped => Some((b'+', frame.as_bytes())),
        Kind::VerbatimString if !escaped && frame.verbatim_format() == Some(&STATUS) => {
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
        let fragments = fragments(frame, RespVersion::Resp2, escaped);
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
    fn texts_keep_their_line_breaks_and_lose_what_is_not_ascii() {
        let frame = error("ERR é\r\n:1".as_bytes());
        assert_eq!(written(&frame, false), ["-ERR ?\r\n:1\r\n"]);
        assert_eq!(written(&status(b"a\rb"), false), ["+a\rb\r\n"]);
        assert_eq!(written(&Frame::simple("OK"), false), ["+OK\r\n"]);
    }
}
