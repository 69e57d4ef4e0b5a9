//! Arbitrary frames: RESP3 preserves them, and RESP2 converts them as Redis does.
#![no_main]

use arbitrary::Arbitrary;
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use swarm_resp::{Decoder, Frame, FrameBuilder, RespVersion, encode_frame};

/// A value for the builder, and its RESP2 equivalent.
#[derive(Debug, Arbitrary)]
enum Value {
    Null,
    NullArray,
    Integer(i64),
    Double(f64),
    Boolean(bool),
    Simple(String),
    Error(String),
    Bulk(Vec<u8>),
    BulkError(Vec<u8>),
    BigNumber(i128),
    Verbatim([u8; 3], Vec<u8>),
    Array(Vec<Value>),
    Set(Vec<Value>),
    Push(Vec<Value>),
    Map(Vec<(Value, Value)>),
    With(Vec<(Value, Value)>, Box<Value>),
}

/// Writes the value, or its RESP2 equivalent if `degraded` is set.
fn put(builder: &mut FrameBuilder, value: &Value, degraded: bool) {
    let all = |builder: &mut FrameBuilder, items: &[Value]| {
        items.iter().for_each(|item| put(builder, item, degraded));
    };
    let pairs = |builder: &mut FrameBuilder, pairs: &[(Value, Value)]| {
        for (key, value) in pairs {
            put(builder, key, degraded);
            put(builder, value, degraded);
        }
    };
    match value {
        Value::Null => builder.null(),
        Value::NullArray => builder.null_array(),
        Value::Integer(value) => builder.integer(*value),
        Value::Simple(text) => builder.simple(text),
        Value::Error(text) => builder.error(text),
        Value::Bulk(bytes) => builder.bulk(bytes),
        Value::Array(items) => builder.array(|array| all(array, items)),
        Value::With(_, value) if degraded => put(builder, value, degraded),
        Value::Boolean(value) if degraded => builder.integer(i64::from(*value)),
        Value::Double(value) if degraded => builder.bulk(&spelled(*value)),
        Value::BulkError(bytes) if degraded => builder.error(&latin(bytes)),
        Value::BigNumber(number) if degraded => builder.bulk(number.to_string().as_bytes()),
        Value::Verbatim(_, bytes) if degraded => builder.bulk(bytes),
        Value::Set(items) | Value::Push(items) if degraded => {
            builder.array(|array| all(array, items))
        }
        Value::Map(map) if degraded => builder.array(|array| pairs(array, map)),
        Value::Double(value) => builder.double(*value),
        Value::Boolean(value) => builder.boolean(*value),
        Value::BulkError(bytes) => builder.bulk_error(latin(bytes).as_bytes()),
        Value::BigNumber(number) => builder.big_number(&number.to_string()),
        Value::Verbatim(format, bytes) => builder.verbatim(*format, bytes),
        Value::Set(items) => builder.set(|set| all(set, items)),
        Value::Push(items) => builder.push_message(|push| all(push, items)),
        Value::Map(map) => builder.map(|builder| pairs(builder, map)),
        Value::With(attributes, value) => {
            builder.attributes(|builder| pairs(builder, attributes));
            put(builder, value, degraded);
        }
    }
}

fn spelled(value: f64) -> Vec<u8> {
    use swarm_resp::ToArg;
    value.to_arg().to_vec()
}

/// Maps arbitrary bytes to valid text.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

fn depth(value: &Value) -> usize {
    let deepest =
        |values: &mut dyn Iterator<Item = &Value>| values.map(depth).max().unwrap_or(0) + 1;
    match value {
        Value::Array(items) | Value::Set(items) | Value::Push(items) => deepest(&mut items.iter()),
        Value::Map(pairs) => deepest(&mut pairs.iter().flat_map(|(key, value)| [key, value])),
        Value::With(pairs, value) => {
            deepest(&mut pairs.iter().flat_map(|(key, value)| [key, value])).max(depth(value))
        }
        _ => 0,
    }
}

fn reread(frame: &Frame, protocol: RespVersion) -> Frame {
    let mut wire = BytesMut::new();
    encode_frame(&mut wire, frame, protocol);
    let read = Decoder::new()
        .decode(&mut wire)
        .expect("no error")
        .expect("a frame");
    assert!(wire.is_empty());
    read
}

fuzz_target!(|value: Value| {
    if depth(&value) > 100 {
        return;
    }
    let frame = Frame::build(|reply| put(reply, &value, false));
    assert_eq!(reread(&frame, RespVersion::Resp3), frame);
    let kept = Frame::build(|reply| put(reply, &value, true));
    assert_eq!(reread(&frame, RespVersion::Resp2), kept);
});
