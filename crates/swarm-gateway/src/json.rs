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
        Kind::Double if typed => frame.as_double().into(),
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
