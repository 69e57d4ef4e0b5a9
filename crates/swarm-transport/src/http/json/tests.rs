//! Any response body decodes to a frame without loss, or to an error.

use proptest::prelude::*;
use serde_json::{Value, json};
use swarm_resp::{FrameRef, Kind, Limits, Request};

use super::{JsonReply, answer, request};

/// Any JSON value that a gateway may send.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Converts a frame to JSON through its accessors.
fn read(frame: FrameRef<'_>) -> Value {
    match frame.kind() {
        Kind::Null => Value::Null,
        Kind::Boolean => frame.as_bool().into(),
        Kind::Integer => frame.as_integer().into(),
        Kind::Double => frame.as_double().into(),
        Kind::BigNumber => frame.as_str().unwrap().parse::<u64>().unwrap().into(),
        Kind::Array => frame.items().unwrap().map(read).collect(),
        Kind::Map => {
            let pairs = frame.pairs().unwrap();
            pairs
                .map(|(key, value)| (key.as_str().unwrap().to_owned(), read(value)))
                .collect()
        }
        _ => frame.as_str().into(),
    }
}

proptest! {
    #[test]
    fn results_decode_without_loss(value in value()) {
        let body = json!({ "result": value }).to_string();
        let lossy = body.contains(char::REPLACEMENT_CHARACTER);
        match answer(body.as_bytes(), &Limits::new()).unwrap() {
            JsonReply::Result(frame) => {
                prop_assert!(!lossy);
                prop_assert_eq!(read(frame.view()), value);
            }
            JsonReply::Lossy(frame) => {
                prop_assert!(lossy);
                prop_assert_eq!(read(frame.view()), value);
            }
            JsonReply::Error(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn any_bytes_are_a_reply_or_an_error(body in any::<Vec<u8>>()) {
        let _ = answer(&body, &Limits::new());
        let mut broken = br#"{"result":["#.to_vec();
        broken.extend_from_slice(&body);
        let _ = answer(&broken, &Limits::new());
    }

    #[test]
    fn arguments_are_encoded_unchanged(args in prop::collection::vec(any::<String>(), 0..8)) {
        let body = request(&Request::new("CMD", args.as_slice())).unwrap();
        let read: Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(read, json!({ "cmd": "CMD", "args": args }));
    }
}

#[test]
fn an_error_takes_precedence_over_a_result() {
    for body in [
        r#"{"result":1,"error":"ERR x"}"#,
        r#"{"error":"ERR x","result":null,"more":[{}]}"#,
    ] {
        let read = answer(body.as_bytes(), &Limits::new()).unwrap();
        assert!(
            matches!(read, JsonReply::Error(text) if text == "ERR x"),
            "{body}"
        );
    }
    let read = answer(br#"{"error":null,"result":7}"#, &Limits::new()).unwrap();
    assert!(matches!(read, JsonReply::Result(frame) if frame.as_integer() == Some(7)));
}
