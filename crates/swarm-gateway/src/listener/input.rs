//! Input as the deployed server's listeners read it: malformed input is answered and read on.

use bytes::Bytes;
use serde_json::Value;
use swarm_resp::{Frame, Kind};

use crate::reader::{self, Parsed};
use crate::session::Inbound;

const MALFORMED: &str = "ERR Protocol error: invalid RESP frame";

/// Result of reading input.
pub(super) enum Read {
    Command(Inbound),
    Incomplete,
    /// The server cannot go on; the connection ends without an answer.
    Crashed,
}

/// Reads a command from the start of a stream. Returns how much was read.
pub(super) fn stream(bytes: &[u8]) -> (usize, Read) {
    match reader::parse(bytes) {
        Parsed::Frame(frame, length) => {
            let inbound = command(&frame);
            let inbound = inbound.unwrap_or_else(|| Inbound::refused("ERR expected command array"));
            (length, Read::Command(inbound))
        }
        Parsed::Incomplete => (0, Read::Incomplete),
        Parsed::Broken(length) => (length, Read::Command(Inbound::refused(MALFORMED))),
        Parsed::Crashed => (0, Read::Crashed),
    }
}

/// Reads the command of a message, which is text of either encoding.
pub(super) fn message(text: &str) -> Read {
    if text.trim_start().starts_with(['{', '[']) {
        return match json(text) {
            Ok(args) => Read::Command(Inbound::json(Ok(args))),
            Err(Refusal::Text(text)) => Read::Command(Inbound::refused_json(text)),
            Err(Refusal::Crash) => Read::Crashed,
        };
    }
    let inbound = match reader::parse(text.as_bytes()) {
        Parsed::Frame(frame, _) => command(&frame),
        Parsed::Incomplete | Parsed::Broken(_) | Parsed::Crashed => None,
    };
    Read::Command(inbound.unwrap_or_else(|| Inbound::refused(MALFORMED)))
}

/// Returns the command of a frame. Arguments that are no strings are null, which most commands take
/// for empty.
fn command(frame: &Frame) -> Option<Inbound> {
    let items: Vec<_> = match frame.kind() {
        Kind::Array => frame.items().into_iter().flatten().collect(),
        _ => return None,
    };
    let name = items.first()?;
    let args = items.iter().map(|item| item.to_bytes().unwrap_or_default());
    let args: Vec<Bytes> = args.collect();
    let echoes = ["ECHO", "PING"].into_iter().any(|known| {
        (name.as_bytes()).is_some_and(|name| name.eq_ignore_ascii_case(known.as_bytes()))
    });
    let is_null = items.get(1).is_some_and(|item| item.to_bytes().is_none());
    Some(if echoes && is_null && items.len() == 2 {
        Inbound::null_echo(args)
    } else {
        Inbound::resp(Ok(args))
    })
}

/// Why JSON is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Text(&'static str),
    /// A text that is read has half of a surrogate pair.
    Crash,
}

/// Character in the place of half a surrogate pair; it has no meaning in any text.
const HALF: char = '\u{fdd0}';

/// Parses JSON. Half surrogate pairs, which .NET only notices when it reads the text, become
/// [`HALF`].
pub(super) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&without_halves(text)))
        .ok()
}

/// Replaces the escapes of half surrogate pairs.
fn without_halves(text: &str) -> String {
    let mut parts = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        parts.push_str(before);
        let unit = |text: &str| {
            let digits = text.strip_prefix("\\u")?.get(..4)?;
            u32::from_str_radix(digits, 16).ok()
        };
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => {
                parts.push_str(escape.get(..12).unwrap_or_default());
                12
            }
            (Some(0xd800..=0xdfff), _) => {
                parts.push(HALF);
                6
            }
            _ => {
                let length = escape.chars().take(2).map(char::len_utf8).sum();
                parts.push_str(escape.get(..length).unwrap_or_default());
                length
            }
        };
        rest = escape.get(length..).unwrap_or_default();
    }
    parts + rest
}

/// Reads a text value.
pub(super) fn text(value: &Value) -> Result<Option<&str>, Refusal> {
    match value {
        Value::String(text) if text.contains(HALF) => Err(Refusal::Crash),
        Value::String(text) => Ok(Some(text)),
        _ => Ok(None),
    }
}

/// Parses `{"cmd":"SET","args":["k","v"]}` or `["SET","k","v"]`.
fn json(message: &str) -> Result<Vec<Bytes>, Refusal> {
    const NOT_STRINGS: Refusal = Refusal::Text("ERR JSON command args must be strings.");
    let value = parse(message).ok_or(Refusal::Text("ERR malformed JSON command."))?;
    let (name, args) = match &value {
        Value::Array(values) => {
            let no_name = "ERR JSON array command must start with a string command name.";
            let name = values.first().map(text).transpose()?.flatten();
            let name = name.filter(|name| !name.trim().is_empty());
            (
                name.ok_or(Refusal::Text(no_name))?,
                values.get(1..).unwrap_or_default(),
            )
        }
        Value::Object(object) => {
            let no_name = "ERR JSON command must include string 'cmd'.";
            let name = object.get("cmd").map(text).transpose()?.flatten();
            let name = name.filter(|name| !name.trim().is_empty());
            let name = name.ok_or(Refusal::Text(no_name))?;
            let args = match object.get("args") {
                None => &[][..],
                Some(Value::Array(args)) => args,
                Some(_) => return Err(Refusal::Text("ERR JSON field 'args' must be an array.")),
            };
            (name, args)
        }
        _ => return Err(Refusal::Text("ERR malformed JSON command.")),
    };
    let mut command = vec![Bytes::copy_from_slice(name.as_bytes())];
    for arg in args {
        let arg = text(arg)?.ok_or(NOT_STRINGS)?;
        command.push(Bytes::copy_from_slice(arg.as_bytes()));
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_surrogate_pair_crashes_only_where_it_is_read() {
        assert_eq!(json(r#"["ECHO","\ud83d"]"#), Err(Refusal::Crash));
        assert_eq!(json(r#"["ECHO","\ud83d\ude00"]"#).unwrap()[1], "😀");
        assert_eq!(json(r#"{"x":"\ude00","cmd":"PING"}"#).unwrap(), ["PING"]);
        assert_eq!(json(r#"["ECHO","\\ud83d"]"#).unwrap()[1], r"\ud83d");
    }
}
