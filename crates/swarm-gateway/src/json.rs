//! JSON encoding of commands and replies. Invalid UTF-8 cannot be represented and is replaced.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use swarm_resp::{Frame, FrameRef, Kind, RespVersion};

/// Parses `{"cmd":"SET","args":["k","v"]}` or `["SET","k","v"]`.
pub(crate) fn command(message: &[u8]) -> Result<Vec<Bytes>, String> {
    let value = serde_json::from_slice(message)
        .map_err(|error| format!("the message is not JSON: {error}"))?;
    let strings = |values: Vec<Value>| {
        let string = |value| match value {
            Value::String(text) => Ok(Bytes::from(text)),
            _ => Err("a command and its arguments must be JSON strings".to_owned()),
        };
        values
            .into_iter()
            .map(string)
            .collect::<Result<Vec<_>, _>>()
    };
    match value {
        Value::Array(values) if !values.is_empty() => strings(values),
        Value::Object(mut object) => {
            let name = object.remove("cmd").unwrap_or_default();
            let args = match object.remove("args") {
                None => Vec::new(),
                Some(Value::Array(args)) => args,
                Some(_) => return Err("\"args\" must be an array of strings".to_owned()),
            };
            strings([vec![name], args].concat())
        }
        _ => Err("expected {\"cmd\":…,\"args\":[…]} or an array of strings".to_owned()),
    }
}

/// Encodes a top-level reply; an error includes the command name.
pub(crate) fn reply(frame: &Frame, protocol: RespVersion, command: &str) -> Value {
    match frame.as_error() {
        Some(error) => json!({ "error": error.as_str(), "cmd": command }),
        None => value(frame.view(), protocol),
    }
}

/// Encodes a value. As in RESP2 itself, RESP2 has no maps, booleans, or doubles.
pub(crate) fn value(frame: FrameRef<'_>, protocol: RespVersion) -> Value {
    let typed = protocol == RespVersion::Resp3;
    let array = || (frame.items().into_iter().flatten()).map(|item| value(item, protocol));
    match frame.kind() {
        Kind::Null => Value::Null,
        Kind::Integer => frame.as_integer().into(),
        Kind::Boolean if typed => frame.as_bool().into(),
        Kind::Boolean => i64::from(frame.as_bool() == Some(true)).into(),
        // JSON has no infinity; as text, it is what RESP2 sends.
        Kind::Double if typed && frame.as_double().is_some_and(f64::is_finite) => {
            frame.as_double().into()
        }
        Kind::Double => frame.as_double().map(|number| number.to_string()).into(),
        Kind::SimpleError | Kind::BulkError => {
            json!({ "error": text(frame.error_bytes().unwrap_or_default()) })
        }
        Kind::Map if typed => {
            let entry = |(key, item): (FrameRef<'_>, FrameRef<'_>)| {
                let name = match key.as_bytes() {
                    Some(bytes) => text(bytes),
                    None => value(key, protocol).to_string(),
                };
                (name, value(item, protocol))
            };
            let pairs = frame.pairs().into_iter().flatten();
            Value::Object(pairs.map(entry).collect::<Map<_, _>>())
        }
        Kind::Array | Kind::Map | Kind::Set | Kind::Push => array().collect(),
        _ => text(frame.as_bytes().unwrap_or_default()).into(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Encodes a text as the deployed server does: everything but plain ASCII is escaped.
pub(crate) fn escaped(text: &str) -> String {
    use std::fmt::Write;

    let mut escaped = String::from("\"");
    for unit in text.encode_utf16() {
        // A formatter of a string cannot fail.
        let _ = match u8::try_from(unit).map(char::from) {
            Ok('\\') => escaped.write_str("\\\\"),
            Ok('\u{8}') => escaped.write_str("\\b"),
            Ok('\t') => escaped.write_str("\\t"),
            Ok('\n') => escaped.write_str("\\n"),
            Ok('\u{c}') => escaped.write_str("\\f"),
            Ok('\r') => escaped.write_str("\\r"),
            Ok(char @ (' '..='~')) if !"\"&'+<>`".contains(char) => escaped.write_char(char),
            _ => write!(escaped, "\\u{unit:04X}"),
        };
    }
    escaped.push('"');
    escaped
}

/// Encodes a value as the deployed server does. Errors inside of it are texts.
pub(crate) fn escaped_value(frame: FrameRef<'_>, protocol: RespVersion) -> String {
    let typed = protocol == RespVersion::Resp3;
    let text = |bytes: Option<&[u8]>| escaped(&text(bytes.unwrap_or_default()));
    match frame.kind() {
        Kind::Null => "null".to_owned(),
        Kind::Integer => frame.as_integer().unwrap_or(0).to_string(),
        Kind::Boolean if typed => (frame.as_bool() == Some(true)).to_string(),
        Kind::SimpleError | Kind::BulkError => text(frame.error_bytes()),
        Kind::Map if typed => {
            let members: Vec<_> = (frame.pairs().into_iter().flatten())
                .map(|(name, item)| {
                    format!(
                        "{}:{}",
                        text(name.as_bytes()),
                        escaped_value(item, protocol)
                    )
                })
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Kind::Array | Kind::Map | Kind::Set | Kind::Push => {
            let items = frame.items().into_iter().flatten();
            let items: Vec<_> = items.map(|item| escaped_value(item, protocol)).collect();
            format!("[{}]", items.join(","))
        }
        _ => text(frame.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn all_but_plain_ascii_is_escaped() {
        let text = escaped("a\0<&'+é😀\"\\\n");
        assert_eq!(
            text,
            r#""a\u0000\u003C\u0026\u0027\u002B\u00E9\uD83D\uDE00\u0022\\\n""#
        );
    }
}
