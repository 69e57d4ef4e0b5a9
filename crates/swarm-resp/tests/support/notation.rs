//! The notation of the vector files: frames in full detail, and escaped bytes.

use std::fmt::Write;

use swarm_resp::{FrameRef, Kind};

/// Renders a frame unambiguously: kind, content, order and attributes.
pub(crate) fn render(frame: FrameRef<'_>) -> String {
    let mut out = String::new();
    if let Some(attributes) = frame.attributes() {
        write!(out, "|{{{}}} ", pairs(attributes)).unwrap();
        out.push_str(&render(frame.without_attributes()));
        return out;
    }
    let quoted = |bytes: Option<&[u8]>| format!("\"{}\"", unquoted(bytes.unwrap()));
    match frame.kind() {
        Kind::SimpleString => write!(out, "+{}", quoted(frame.as_bytes())),
        Kind::SimpleError => write!(out, "-{}", quoted(frame.error_bytes())),
        Kind::Integer => write!(out, ":{}", frame.as_integer().unwrap()),
        Kind::BulkString => write!(out, "${}", quoted(frame.as_bytes())),
        Kind::Null => write!(out, "_"),
        Kind::Boolean => write!(out, "#{}", if frame.as_bool().unwrap() { 't' } else { 'f' }),
        Kind::Double => match frame.as_double() {
            Some(number) => write!(out, ",{number:?}"),
            None => write!(out, ",unreadable"),
        },
        Kind::BigNumber => write!(out, "({}", frame.as_str().unwrap_or("unreadable")),
        Kind::BulkError => write!(out, "!{}", quoted(frame.error_bytes())),
        Kind::VerbatimString if frame.as_bytes().is_none() => write!(out, "=unreadable"),
        Kind::VerbatimString => {
            let format = unquoted(frame.verbatim_format().unwrap());
            write!(out, "={format}{}", quoted(frame.as_bytes()))
        }
        Kind::Array => write!(out, "*[{}]", items(frame)),
        Kind::Set => write!(out, "~[{}]", items(frame)),
        Kind::Push => write!(out, ">[{}]", items(frame)),
        Kind::Map => write!(out, "%{{{}}}", pairs(frame.pairs().unwrap())),
        kind => panic!("the notation lacks {kind:?}"),
    }
    .unwrap();
    out
}

fn items(frame: FrameRef<'_>) -> String {
    frame
        .items()
        .unwrap()
        .map(render)
        .collect::<Vec<_>>()
        .join(", ")
}

fn pairs<'a>(pairs: impl Iterator<Item = (FrameRef<'a>, FrameRef<'a>)>) -> String {
    let pair = |(key, value)| format!("{}: {}", render(key), render(value));
    pairs.map(pair).collect::<Vec<_>>().join(", ")
}

/// Escapes bytes like a byte string literal, except apostrophes and quotation marks.
fn unquoted(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Parses the escapes `\r`, `\n`, `\\` and `\xNN`; other bytes are literal.
pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => panic!("unknown escape {other:?} in {text}"),
        });
    }
    bytes
}
