//! Arbitrary frames, encoded and decoded: equal in RESP3, and downgraded as Redis does in RESP2.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::BytesMut;
use proptest::prelude::*;
use swarm_resp::{Decoder, Frame, FrameBuilder, FrameRef, RespVersion, ToArg, encode_frame};

/// A value as a tree, from which frames are built.
#[derive(Debug, Clone)]
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
    BigNumber(String),
    Verbatim([u8; 3], Vec<u8>),
    Array(Vec<Self>),
    Set(Vec<Self>),
    Push(Vec<Self>),
    Map(Vec<(Self, Self)>),
    With(Vec<(Self, Self)>, Box<Self>),
}

fn put_pairs(builder: &mut FrameBuilder, pairs: &[(Value, Value)]) {
    for (key, value) in pairs {
        put(builder, key);
        put(builder, value);
    }
}

fn put_all(builder: &mut FrameBuilder, items: &[Value]) {
    items.iter().for_each(|item| put(builder, item));
}

fn put(builder: &mut FrameBuilder, value: &Value) {
    match value {
        Value::Null => builder.null(),
        Value::NullArray => builder.null_array(),
        Value::Integer(value) => builder.integer(*value),
        Value::Double(value) => builder.double(*value),
        Value::Boolean(value) => builder.boolean(*value),
        Value::Simple(text) => builder.simple(text),
        Value::Error(text) => builder.error(text),
        Value::Bulk(bytes) => builder.bulk(bytes),
        Value::BulkError(bytes) => builder.bulk_error(bytes),
        Value::BigNumber(digits) => builder.big_number(digits),
        Value::Verbatim(format, bytes) => builder.verbatim(*format, bytes),
        Value::Array(items) => builder.array(|array| put_all(array, items)),
        Value::Set(items) => builder.set(|set| put_all(set, items)),
        Value::Push(items) => builder.push_message(|push| put_all(push, items)),
        Value::Map(pairs) => builder.map(|map| put_pairs(map, pairs)),
        Value::With(attributes, value) => {
            builder.attributes(|map| put_pairs(map, attributes));
            put(builder, value);
        }
    }
}

/// Downgrades a value to RESP2.
fn degraded(value: &Value) -> Value {
    let all = |items: &[Value]| Value::Array(items.iter().map(degraded).collect());
    match value {
        Value::Double(number) => Value::Bulk(formatted(*number).into_bytes()),
        Value::Boolean(flag) => Value::Integer(i64::from(*flag)),
        Value::BulkError(bytes) => Value::Error(String::from_utf8(bytes.clone()).unwrap()),
        Value::BigNumber(digits) => Value::Bulk(digits.clone().into_bytes()),
        Value::Verbatim(_, bytes) => Value::Bulk(bytes.clone()),
        Value::Array(items) | Value::Set(items) | Value::Push(items) => all(items),
        Value::Map(pairs) => {
            let flat = pairs.iter().flat_map(|(key, value)| [key, value]);
            Value::Array(flat.map(degraded).collect())
        }
        Value::With(_, value) => degraded(value),
        scalar => scalar.clone(),
    }
}

/// Formats a double as Redis does.
fn formatted(number: f64) -> String {
    String::from_utf8(number.to_arg().to_vec()).unwrap()
}

fn build(value: &Value) -> Frame {
    Frame::build(|reply| put(reply, value))
}

fn encoded(frame: &Frame, protocol: RespVersion) -> BytesMut {
    let mut buffer = BytesMut::new();
    encode_frame(&mut buffer, frame, protocol);
    buffer
}

fn hash_of(frame: &Frame) -> u64 {
    let mut hasher = DefaultHasher::new();
    frame.hash(&mut hasher);
    hasher.finish()
}

fn pairs(
    value: impl Strategy<Value = Value> + Clone,
) -> impl Strategy<Value = Vec<(Value, Value)>> {
    prop::collection::vec((value.clone(), value), 0..4)
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(Value::NullArray),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Double),
        prop::num::f64::ANY.prop_map(Value::Double),
        any::<bool>().prop_map(Value::Boolean),
        "[^\r\n]{0,12}".prop_map(Value::Simple),
        "[A-Z]{1,8} [^\r\n]{0,12}".prop_map(Value::Error),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bulk),
        "[^\r\n]{0,20}".prop_map(|text| Value::BulkError(text.into_bytes())),
        "[+-]?[0-9]{1,40}".prop_map(Value::BigNumber),
        (any::<[u8; 3]>(), prop::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(format, bytes)| Value::Verbatim(format, bytes)),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..6);
        prop_oneof![
            list().prop_map(Value::Array),
            list().prop_map(Value::Set),
            list().prop_map(Value::Push),
            pairs(inner.clone()).prop_map(Value::Map),
            (pairs(inner.clone()), inner.clone())
                .prop_map(|(pairs, value)| Value::With(pairs, Box::new(value))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn resp3_keeps_everything(value in values()) {
        let frame = build(&value);
        let mut encoded = encoded(&frame, RespVersion::Resp3);
        let read = Decoder::new().decode(&mut encoded).unwrap().unwrap();
        prop_assert!(encoded.is_empty());
        prop_assert_eq!(&read, &frame);
        prop_assert_eq!(hash_of(&read), hash_of(&frame));
    }

    #[test]
    fn resp2_downgrades_like_redis(value in values()) {
        let mut encoded = encoded(&build(&value), RespVersion::Resp2);
        let read = Decoder::new().decode(&mut encoded).unwrap().unwrap();
        prop_assert!(encoded.is_empty());
        prop_assert_eq!(read, build(&degraded(&value)));
    }

    #[test]
    fn doubles_round_trip(number in prop::num::f64::ANY, single in prop::num::f32::ANY) {
        let read = |text: &[u8]| Frame::bulk(text.to_vec()).convert::<f64>().unwrap();
        prop_assert_eq!(Frame::double(read(&number.to_arg())), Frame::double(number));
        let again = Frame::bulk(single.to_arg().to_vec()).convert::<f32>().unwrap();
        prop_assert_eq!(Frame::double(again.into()), Frame::double(single.into()));
    }

    #[test]
    fn both_take_one_reservation_of_the_exact_size(value in values()) {
        let frame = build(&value);
        for protocol in [RespVersion::Resp2, RespVersion::Resp3] {
            let encoded = encoded(&frame, protocol);
            // The smallest vector has a capacity of eight bytes.
            prop_assert_eq!(encoded.capacity(), encoded.len().max(8));
        }
    }

    #[test]
    fn a_compact_copy_is_equal(value in values()) {
        let frame = build(&value);
        prop_assert_eq!(frame.compact(), frame);
    }

    #[test]
    fn a_borrowed_view_equals_the_owned_frame(values in prop::collection::vec(values(), 1..4)) {
        let frames: Vec<Frame> = values.iter().map(build).collect();
        let mut stream = BytesMut::new();
        frames.iter().for_each(|frame| encode_frame(&mut stream, frame, RespVersion::Resp3));
        let (mut decoder, mut input) = (Decoder::new(), stream.as_ref());
        for frame in &frames {
            let (view, len) = decoder.decode_ref(input).unwrap().unwrap();
            prop_assert_eq!(view, frame.view());
            prop_assert_eq!(view.to_frame(), frame.clone());
            prop_assert_eq!(view.to_bytes(), frame.to_bytes());
            let items = |view: FrameRef<'_>| -> Vec<Frame> {
                view.items().into_iter().flatten().map(FrameRef::to_frame).collect()
            };
            prop_assert_eq!(items(view), items(frame.view()));
            input = &input[len..];
        }
        prop_assert!(input.is_empty());
    }

    #[test]
    fn results_do_not_depend_on_chunks(value in values(), size in 1usize..40) {
        let frame = build(&value);
        let encoded = encoded(&frame, RespVersion::Resp3);
        let (mut decoder, mut buffer) = (Decoder::new(), BytesMut::new());
        let mut read = None;
        for chunk in encoded.chunks(size) {
            prop_assert!(read.is_none());
            buffer.extend_from_slice(chunk);
            read = decoder.decode(&mut buffer).unwrap();
        }
        prop_assert_eq!(read, Some(frame));
    }
}

#[test]
fn bulk_errors_with_line_breaks_stay_one_line_in_resp2() {
    let frame = build(&Value::BulkError(b"ERR a\r\nb\nc".to_vec()));
    assert_eq!(encoded(&frame, RespVersion::Resp2), "-ERR a  b c\r\n");
}

#[test]
fn line_breaks_cannot_be_injected_into_lines() {
    for text in ["a\r\n+b", "\n", "\r", "a\nb\r\n"] {
        for value in [Value::Simple(text.into()), Value::Error(text.into())] {
            let encoded = encoded(&build(&value), RespVersion::Resp3);
            let breaks = encoded.iter().filter(|byte| matches!(byte, b'\r' | b'\n'));
            assert_eq!(breaks.count(), 2, "{value:?}");
        }
    }
    let encoded = encoded(&Frame::simple("a\r\nb"), RespVersion::Resp2);
    assert_eq!(encoded, "+a  b\r\n");
}

#[test]
fn text_that_is_not_a_number_is_never_encoded_as_one() {
    let frame = build(&Value::BigNumber("12\r\n:3".into()));
    assert_eq!(encoded(&frame, RespVersion::Resp3), "$6\r\n12\r\n:3\r\n");
}
