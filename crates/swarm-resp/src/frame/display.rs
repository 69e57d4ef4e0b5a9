//! `Debug` and `Display` of frames, bounded in length and depth.

use std::fmt::{self, Formatter};

use super::{Frame, FrameRef, Kind};

/// Limits of the output: bytes of a string, items of an aggregate, nesting levels, and values in
/// total.
const MAX_TEXT: usize = 64;
const MAX_ITEMS: usize = 16;
const MAX_DEPTH: usize = 6;
const MAX_VALUES: usize = 128;

impl fmt::Display for FrameRef<'_> {
    /// Formats the value similarly to `redis-cli`: at most 64 bytes of a string, 16 items of an
    /// aggregate, 6 nesting levels and 128 values in total.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        show(f, *self, MAX_DEPTH, &mut { MAX_VALUES }, &text)
    }
}

impl fmt::Debug for FrameRef<'_> {
    /// Formats kinds, numbers and lengths, but never the content of a string, because frames end up
    /// in logs. Bounded like `Display`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        show(f, *self, MAX_DEPTH, &mut { MAX_VALUES }, &|f, value| {
            write!(f, "{:?}[{}]", value.kind(), raw_text(value).len())
        })
    }
}

impl fmt::Display for Frame {
    /// Formats the frame like its [`FrameRef`].
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.view(), f)
    }
}

impl fmt::Debug for Frame {
    /// Formats the frame like its [`FrameRef`], without the content of strings.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.view(), f)
    }
}

type ShowText = dyn Fn(&mut Formatter<'_>, FrameRef<'_>) -> fmt::Result;

/// Formats a value, up to `depth` nesting levels and `values` values in total.
fn show(
    f: &mut Formatter<'_>,
    value: FrameRef<'_>,
    depth: usize,
    values: &mut usize,
    show_text: &ShowText,
) -> fmt::Result {
    *values = values.saturating_sub(1);
    if let Some(number) = value.as_integer() {
        return write!(f, "{number}");
    }
    if let Some(number) = value.as_double() {
        return write!(f, "{number:?}");
    }
    if let Some(flag) = value.as_bool() {
        return write!(f, "{flag}");
    }
    if value.is_null() {
        return f.write_str("nil");
    }
    let Some(mut items) = value.items() else {
        return show_text(f, value);
    };
    let (open, close) = match value.kind() {
        Kind::Map => ("{", "}"),
        Kind::Set => ("~{", "}"),
        Kind::Push => (">[", "]"),
        _ => ("[", "]"),
    };
    f.write_str(open)?;
    let Some(depth) = depth.checked_sub(1) else {
        return write!(f, "… {} items{close}", items.len());
    };
    let is_map = value.kind() == Kind::Map;
    for at in 0..MAX_ITEMS {
        if *values == 0 {
            break;
        }
        let Some(item) = items.next() else { break };
        if at > 0 {
            f.write_str(if is_map && at % 2 == 1 { ": " } else { ", " })?;
        }
        show(f, item, depth, values, show_text)?;
    }
    if items.len() > 0 {
        write!(f, ", … {} more", items.len())?;
    }
    f.write_str(close)
}

/// Returns the text of a string, error or number, even if it is malformed.
fn raw_text<'a>(value: FrameRef<'a>) -> &'a [u8] {
    value
        .as_bytes()
        .unwrap_or_else(|| value.node_text(value.node()))
}

/// Escapes control characters and non-ASCII bytes. An apostrophe needs no escape in double quotes.
struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.split(|byte| *byte == b'\'').enumerate() {
            f.write_str(if at > 0 { "'" } else { "" })?;
            write!(f, "{}", part.escape_ascii())?;
        }
        Ok(())
    }
}

fn text(f: &mut Formatter<'_>, value: FrameRef<'_>) -> fmt::Result {
    let whole = raw_text(value);
    let shown = whole.get(..MAX_TEXT).unwrap_or(whole);
    let more = if shown.len() < whole.len() { "…" } else { "" };
    match value.kind() {
        Kind::SimpleError | Kind::BulkError => {
            write!(f, "(error) {}{more}", Escaped(shown))
        }
        Kind::BigNumber | Kind::Double => write!(f, "{}{more}", Escaped(shown)),
        _ => write!(f, "\"{}{more}\"", Escaped(shown)),
    }
}
