//! Whatever a body holds: frames without loss, or an error.

use proptest::prelude::*;
use serde_json::{Value, json};
use swarm_resp::{FrameRef, Kind, Limits, Request};

use super::{Answer, answer, request};

/// Any JSON value that a gateway may write.
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

/// A frame as JSON, by the readers of frames.
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
    fn results_become_frames_without_loss(value in value()) {
        let body = json!({ "result": value }).to_string();
        let lossy = body.contains(char::REPLACEMENT_CHARACTER);
        match answer(body.as_bytes(), &Limits::new()).unwrap() {
            Answer::Result(frame) => {
                prop_assert!(!lossy);
                prop_assert_eq!(read(frame.view()), value);
            }
            Answer::Lossy(frame) => {
                prop_assert!(lossy);
                prop_assert_eq!(read(frame.view()), value);
            }
            Answer::Error(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn any_bytes_are_an_answer_or_an_error(body in any::<Vec<u8>>()) {
        let _ = answer(&body, &Limits::new());
        let mut broken = br#"{"result":["#.to_vec();
        broken.extend_from_slice(&body);
        let _ = answer(&broken, &Limits::new());
    }

    #[test]
    fn arguments_arrive_as_they_are(args in prop::collection::vec(any::<String>(), 0..8)) {
        let body = request(&Request::new("CMD", args.as_slice())).unwrap();
        let read: Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(read, json!({ "cmd": "CMD", "args": args }));
    }
}

#[test]
fn an_error_beside_a_result_is_the_error() {
    for body in [
        r#"{"result":1,"error":"ERR x"}"#,
        r#"{"error":"ERR x","result":null,"more":[{}]}"#,
    ] {
        let read = answer(body.as_bytes(), &Limits::new()).unwrap();
        assert!(
            matches!(read, Answer::Error(text) if text == "ERR x"),
            "{body}"
        );
    }
    let read = answer(br#"{"error":null,"result":7}"#, &Limits::new()).unwrap();
    assert!(matches!(read, Answer::Result(frame) if frame.as_integer() == Some(7)));
}
