//! Encoding of commands, built at once and argument by argument.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use swarm_resp::{Decoder, Request, RequestBatch, RequestRef, ToArgs, encode_command};

/// Decodes the arguments of an encoded command.
fn sent(name: &str, args: impl ToArgs) -> Vec<Bytes> {
    let mut buffer = BytesMut::new();
    encode_command(&mut buffer, name, &args);
    let frame = Decoder::new().decode_message(buffer.freeze()).unwrap();
    frame.convert().unwrap()
}

#[track_caller]
fn sends(args: impl ToArgs, expected: &[&str]) {
    assert_eq!(sent("X", args)[1..], *expected);
}

#[test]
fn a_command_is_an_array_of_bulk_strings() {
    let request = Request::new("SET", ("key", "value"));
    let encoded = b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n";
    assert_eq!(request.encoded().as_ref(), encoded);
    assert_eq!(request.len(), 3);
    assert_eq!(request.name(), b"SET");
}

#[test]
fn every_word_of_a_name_is_an_argument() {
    let request = Request::new("XGROUP CREATE", ("stream", "group", "$"));
    assert_eq!(request.len(), 5);
    let words: Vec<&[u8]> = request.args().collect();
    assert_eq!(
        words,
        [&b"XGROUP"[..], b"CREATE", b"stream", b"group", b"$"]
    );
}

#[test]
fn an_empty_name_is_no_argument() {
    assert_eq!(sent("", "x"), ["x"]);
    assert_eq!(sent("  ", "x"), ["x"]);
    assert_eq!(sent(" CLIENT  ID ", ()), ["CLIENT", "ID"]);
    assert!(Request::new("", ()).is_empty());
    assert_eq!(
        Request::builder(" CLIENT  ID ").build(),
        Request::new("CLIENT ID", ())
    );
}

#[test]
fn one_argument() {
    sends("text", &["text"]);
    sends(String::from("text"), &["text"]);
    sends(Cow::Borrowed("text"), &["text"]);
    sends(b"bytes", &["bytes"]);
    sends(b"bytes".as_slice(), &["bytes"]);
    sends(Bytes::from_static(b"bytes"), &["bytes"]);
    sends(vec![b'x'; 3], &["xxx"]);
    sends("", &[""]);
    sends("a\r\n$1\r\nb", &["a\r\n$1\r\nb"]);
    sends(true, &["1"]);
    sends(false, &["0"]);
}

#[test]
fn numbers() {
    sends(0, &["0"]);
    sends(i64::MIN, &["-9223372036854775808"]);
    sends(u64::MAX, &["18446744073709551615"]);
    sends(-1i16, &["-1"]);
    sends(1.0, &["1"]);
    sends(-0.5, &["-0.5"]);
    sends(0.1f32, &["0.1"]);
    // As Redis formats them: without an exponent up to 17 digits, then with a signed one of at
    // least two digits.
    sends(1e15, &["1000000000000000"]);
    sends(1e16, &["10000000000000000"]);
    sends(-1e16, &["-10000000000000000"]);
    sends(72_057_594_037_927_936.0, &["72057594037927936"]);
    sends(99_999_999_999_999_984.0, &["99999999999999984"]);
    sends(1e17, &["1e+17"]);
    sends(1e21, &["1e+21"]);
    sends(-1.5e21, &["-1.5e+21"]);
    sends(0.0001, &["0.0001"]);
    sends(0.000_01, &["1e-05"]);
    sends(0.000_012_345, &["1.2345e-05"]);
    sends(1.234e-6, &["1.234e-06"]);
    sends(5e-324, &["5e-324"]);
    sends(1e300, &["1e+300"]);
    sends(1e16f32, &["10000000000000000"]);
    sends(1.5e20f32, &["1.5e+20"]);
    sends(-0.0, &["-0"]);
    sends(f64::INFINITY, &["inf"]);
    sends(f64::NEG_INFINITY, &["-inf"]);
    sends(f64::NAN, &["nan"]);
    sends(f64::MIN_POSITIVE, &["2.2250738585072014e-308"]);
    sends(-f64::MIN_POSITIVE, &["-2.2250738585072014e-308"]);
}

#[test]
fn several_arguments() {
    sends((), &[]);
    sends(None::<&str>, &[]);
    sends(Some("x"), &["x"]);
    sends(("PX", 1500), &["PX", "1500"]);
    sends(Some(("PX", 1500)), &["PX", "1500"]);
    sends(["a", "b"], &["a", "b"]);
    sends(&["a", "b"][..], &["a", "b"]);
    sends(vec![("a", 1), ("b", 2)], &["a", "1", "b", "2"]);
    sends(VecDeque::from(["a"]), &["a"]);
    sends(BTreeSet::from(["b", "a"]), &["a", "b"]);
    sends(BTreeMap::from([("b", 2), ("a", 1)]), &["a", "1", "b", "2"]);
    sends(
        ("k", Some("x"), None::<i64>, vec![1, 2], ()),
        &["k", "x", "1", "2"],
    );
}

/// Guards against quadratic time: prepending a command takes constant time.
#[test]
fn prepending_to_a_batch_takes_constant_time() {
    const COUNT: usize = 200_000;
    let request = Request::new("GET", "x");
    let mut batch = RequestBatch::builder();
    let start = Instant::now();
    for _ in 0..COUNT {
        batch.push(Request::builder("GET").arg("x"));
    }
    let behind = start.elapsed();
    let start = Instant::now();
    for _ in 0..COUNT {
        batch.push_front(request.clone());
    }
    let before = start.elapsed();
    // Moving all other commands each time would take a hundred times as long.
    assert!(before < 10 * behind, "{before:?} before, {behind:?} behind");
    batch.push_front(Request::new("FIRST", ()));
    assert_eq!(
        format!("{batch:?}"),
        format!("RequestBatchBuilder({} commands)", 2 * COUNT + 1)
    );
    let batch = batch.build();
    assert_eq!(batch.len(), 2 * COUNT + 1);
    assert_eq!(batch.get(0).map(RequestRef::name), Some(&b"FIRST"[..]));
    assert_eq!(batch.get(1).map(RequestRef::to_request), Some(request));
}

#[test]
fn debug_shows_no_arguments() {
    let request = Request::new("AUTH", ("user", "secret"));
    assert_eq!(format!("{request:?}"), "Request(AUTH +2 args)");
    let mut builder = Request::builder("AUTH");
    builder.arg("secret");
    assert!(!format!("{builder:?} {:?}", request.args()).contains("secret"));
}

proptest! {
    #[test]
    fn any_arguments_arrive_as_they_are(args: Vec<Vec<u8>>) {
        let found = sent("X", &args);
        prop_assert_eq!(&found[1..], args.as_slice());
    }

    #[test]
    fn both_ways_of_building_agree(args: Vec<Vec<u8>>) {
        let whole = Request::new("XGROUP CREATE", &args);
        let mut builder = Request::builder("XGROUP CREATE");
        for arg in &args {
            builder.arg(arg);
        }
        let built = builder.build();
        prop_assert_eq!(&built, &whole);
        prop_assert_eq!(built.len(), args.len() + 2);
        prop_assert!(whole.args().skip(2).eq(args.iter().map(Vec::as_slice)));
    }

    #[test]
    fn what_was_written_is_seen_before_it_is_built(args: Vec<Vec<u8>>) {
        let mut builder = Request::builder("XGROUP CREATE");
        builder.args(&args);
        let whole = Request::new("XGROUP CREATE", &args);
        prop_assert!(builder.written().eq(whole.args()));
        prop_assert_eq!(builder.written().peek(), Some(&b"XGROUP"[..]));
    }

    #[test]
    fn a_batch_holds_what_was_put_in(sizes in vec(0..6000usize, 0..20)) {
        let args = |size: &usize| (*size, "x".repeat(*size));
        let mut batch = RequestBatch::builder();
        for size in &sizes {
            let mut request = Request::builder("SET");
            request.args(args(size));
            batch.push(&mut request);
            prop_assert!(request.is_empty() && request.written().peek().is_none());
        }
        batch.push_front(Request::new("MULTI", ()));
        let batch = batch.build();
        let expected: Vec<_> = std::iter::once(Request::new("MULTI", ()))
            .chain(sizes.iter().map(|size| Request::new("SET", args(size))))
            .collect();
        prop_assert_eq!(batch.len(), expected.len());
        prop_assert!(batch.iter().map(RequestRef::to_request).eq(expected.iter().cloned()));
        for (at, request) in expected.iter().enumerate() {
            let found = batch.get(at).unwrap();
            prop_assert!(found.args().eq(request.args()) && found.len() == request.len());
        }
        prop_assert!(batch.get(expected.len()).is_none());
        let len: usize = expected.iter().map(|request| request.encoded().len()).sum();
        prop_assert_eq!(batch.encoded_len(), len);
        let same = RequestBatch::from_iter(expected);
        let mut batch = batch.iter().map(RequestRef::to_request);
        prop_assert!(same.iter().map(RequestRef::to_request).eq(&mut batch));
    }

    #[test]
    fn both_ways_agree_on_a_first_word_of_any_length(name in "[A-Z]{1,300}", arg: Vec<u8>) {
        let mut builder = Request::builder(&name);
        builder.arg(&arg);
        prop_assert_eq!(builder.build(), Request::new(&name, &arg));
    }

    #[test]
    fn the_reservation_is_exact(args: Vec<Vec<u8>>) {
        let mut buffer = BytesMut::new();
        encode_command(&mut buffer, "SET", &args);
        prop_assert_eq!(buffer.len(), buffer.capacity());
    }
}
