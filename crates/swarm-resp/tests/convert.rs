//! Conversions: equal results from RESP2 and RESP3, and errors.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use swarm_resp::{
    Decoder, Frame, FromFrame, Kind, Milliseconds, Request, Seconds, ServerError, ToArg,
};

fn frame(encoded: &str) -> Frame {
    Decoder::new()
        .decode_message(Bytes::copy_from_slice(encoded.as_bytes()))
        .unwrap_or_else(|error| panic!("{encoded:?}: {error}"))
}

/// Asserts that all replies convert to the same value.
#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "calls read better without a reference"
)]
fn all<T: FromFrame + PartialEq + Debug>(expected: T, encodings: &[&str]) {
    for encoded in encodings {
        assert_eq!(
            frame(encoded).convert::<T>().as_ref(),
            Ok(&expected),
            "{encoded:?}"
        );
        assert_eq!(
            T::from_owned(frame(encoded)).as_ref(),
            Ok(&expected),
            "{encoded:?}, owned"
        );
    }
}

/// Asserts that no reply converts, and that the error names the type.
#[track_caller]
fn none<T: FromFrame + Debug>(expected: &str, encodings: &[&str]) {
    for encoded in encodings {
        let error = frame(encoded).convert::<T>().expect_err(encoded);
        assert_eq!(error.expected, expected, "{encoded:?}");
    }
}

#[test]
fn integers() {
    all(
        7i64,
        &[
            ":7\r\n",
            "$1\r\n7\r\n",
            "+7\r\n",
            ",7\r\n",
            "(7\r\n",
            "=5\r\ntxt:7\r\n",
        ],
    );
    all(-7i16, &[":-7\r\n", "$2\r\n-7\r\n", ",-7.0\r\n"]);
    all(1u32, &[":1\r\n", "#t\r\n", "$1\r\n1\r\n"]);
    all(
        u64::MAX,
        &[
            "$20\r\n18446744073709551615\r\n",
            "(18446744073709551615\r\n",
        ],
    );
    all(
        i64::MIN,
        &[
            ":-9223372036854775808\r\n",
            "$20\r\n-9223372036854775808\r\n",
        ],
    );
    all(1i128 << 100, &["(1267650600228229401496703205376\r\n"]);
}

/// The same text gives the same value in both protocols, regardless of the notation of the number.
/// Nothing is rounded.
#[test]
fn whole_numbers_with_a_fraction_or_an_exponent() {
    let both = |text: &str| {
        [
            format!(",{text}\r\n"),
            format!("${}\r\n{text}\r\n", text.len()),
        ]
    };
    for (text, expected) in [
        ("1e+19", 10_000_000_000_000_000_000),
        ("1e19", 10_000_000_000_000_000_000),
        ("1e3", 1000),
        ("3.0", 3),
        ("3.", 3),
        ("0.0", 0),
        ("0e99999", 0),
        ("1500e-2", 15),
        ("0.0025E4", 25),
        ("1.8446744073709551615e+19", u64::MAX),
        ("9007199254740993.0", 9_007_199_254_740_993),
        ("9007199254740993", 9_007_199_254_740_993),
    ] {
        let encodings = both(text);
        all(expected, &encodings.each_ref().map(String::as_str));
    }
    for (text, expected) in [
        ("-1e+3", -1000i64),
        ("-0", 0),
        ("-0.0", 0),
        ("-2.50e1", -25),
    ] {
        let encodings = both(text);
        all(expected, &encodings.each_ref().map(String::as_str));
    }
    all(true, &["$3\r\n1.0\r\n", ",1.0\r\n"]);
}

#[test]
fn integers_beyond_64_bits_convert_to_types_they_fit() {
    all(u64::MAX, &[":18446744073709551615\r\n"]);
    all(-(1i128 << 70), &[":-1180591620717411303424\r\n"]);
    none::<i64>("an integer that fits i64", &[":9223372036854775808\r\n"]);
}

/// A malformed leaf with a known end fails only its own reply.
#[test]
fn a_malformed_leaf_fails_its_reply_and_not_the_stream() {
    for unreadable in [
        ",x\r\n",
        ",nan(\r\n",
        "(1.5\r\n",
        "=3\r\nabc\r\n",
        "=5\r\nabcde\r\n",
    ] {
        let mut stream = BytesMut::from(format!("{unreadable}:1\r\n").as_str());
        let mut decoder = Decoder::new();
        let frame = decoder.decode(&mut stream).unwrap().unwrap();
        assert!(frame.convert::<String>().is_err(), "{unreadable:?}");
        assert!(frame.convert::<Bytes>().is_err(), "{unreadable:?}");
        assert!(frame.convert::<f64>().is_err(), "{unreadable:?}");
        assert!(frame.convert::<i64>().is_err(), "{unreadable:?}");
        assert!(frame.clone().into_bytes().is_err(), "{unreadable:?}");
        assert_eq!(frame, frame.compact());
        let next = decoder.decode(&mut stream).unwrap().unwrap();
        assert_eq!(next.as_integer(), Some(1));
    }
    for nan in [",nan(0x7ff)\r\n", ",-nan(ind)\r\n", "$10\r\n-nan(snan)\r\n"] {
        assert!(frame(nan).convert::<f64>().unwrap().is_nan(), "{nan:?}");
    }
}

#[test]
fn integers_that_do_not_fit_are_errors() {
    none::<i16>(
        "an integer that fits i16",
        &[":32768\r\n", "$5\r\n32768\r\n", ",1e9\r\n"],
    );
    none::<u16>(
        "an integer that fits u16",
        &[":-1\r\n", "$2\r\n-1\r\n", ":65536\r\n"],
    );
    none::<u64>(
        "an integer that fits u64",
        &[":-1\r\n", "(18446744073709551616\r\n"],
    );
    none::<i64>(
        "an integer that fits i64",
        &[
            "(9223372036854775808\r\n",
            ",1e300\r\n",
            ",9223372036854775808\r\n",
            ",nan\r\n",
        ],
    );
}

#[test]
fn values_that_are_not_integers_are_errors() {
    none::<i64>(
        "an integer that fits i64",
        &[
            "$-1\r\n",
            "_\r\n",
            "*-1\r\n",
            "$0\r\n\r\n",
            "+OK\r\n",
            "$2\r\n 7\r\n",
            "$3\r\n7.5\r\n",
            ",7.5\r\n",
            "*1\r\n:7\r\n",
            "-7\r\n",
            "$4\r\n1e3x\r\n",
            "$4\r\n1e-1\r\n",
            "$5\r\n1.5e0\r\n",
            "$1\r\n.\r\n",
            "$2\r\ne3\r\n",
            "$2\r\n1e\r\n",
            "$3\r\n--1\r\n",
            "$3\r\ninf\r\n",
            "$6\r\n1e9999\r\n",
            ",x\r\n",
            "(x\r\n",
            "=1\r\n1\r\n",
        ],
    );
}

#[test]
fn floats() {
    all(1.5f64, &[",1.5\r\n", "$3\r\n1.5\r\n", "+1.5\r\n"]);
    all(3.0f64, &[",3\r\n", "$1\r\n3\r\n", ":3\r\n", "(3\r\n"]);
    all(f64::INFINITY, &[",inf\r\n", "$3\r\ninf\r\n"]);
    all(f64::NEG_INFINITY, &[",-inf\r\n", "$4\r\n-inf\r\n"]);
    all(f32::INFINITY, &[",inf\r\n"]);
    assert!(frame("$3\r\nnan\r\n").convert::<f64>().unwrap().is_nan());
    none::<f64>(
        "a number",
        &["$-1\r\n", "$1\r\nx\r\n", "$0\r\n\r\n", "#t\r\n", "*0\r\n"],
    );
    none::<f32>("a number that fits f32", &[",1e300\r\n"]);
}

#[test]
fn booleans() {
    all(true, &["#t\r\n", ":1\r\n", "$1\r\n1\r\n"]);
    all(false, &["#f\r\n", ":0\r\n", "$1\r\n0\r\n"]);
    none::<bool>(
        "a boolean",
        &[":2\r\n", "$-1\r\n", "+OK\r\n", "$4\r\ntrue\r\n"],
    );
}

#[test]
fn text() {
    let hello = ["$5\r\nhello\r\n", "+hello\r\n", "=9\r\ntxt:hello\r\n"];
    all(String::from("hello"), &hello);
    all(Box::<str>::from("hello"), &hello);
    all(Arc::<str>::from("hello"), &hello);
    all(Bytes::from_static(b"hello"), &hello);
    all(b"hello".to_vec(), &hello);
    all(*b"hello", &hello);
    // RESP3 sends numbers where RESP2 sends text.
    all(String::from("1.5"), &["$3\r\n1.5\r\n", ",1.5\r\n"]);
    all(String::from("3"), &["$1\r\n3\r\n", ",3\r\n", ":3\r\n"]);
    all(Bytes::from_static(b"1"), &[":1\r\n", "#t\r\n"]);
    // A double keeps the text that the server sent.
    for text in [
        "10000000000000000",
        "1e+21",
        "0.10000000000000001",
        "1e16",
        "-nan(ind)",
    ] {
        let encodings = [
            format!(",{text}\r\n"),
            format!("${}\r\n{text}\r\n", text.len()),
        ];
        all(
            String::from(text),
            &encodings.each_ref().map(String::as_str),
        );
        all(Bytes::from(text), &encodings.each_ref().map(String::as_str));
    }
    all(vec![String::from("1e+21")], &["*1\r\n,1e+21\r\n"]);
    none::<String>("a UTF-8 string", &["$-1\r\n", "*0\r\n", "-ERR x\r\n"]);
    none::<Bytes>("a string", &["$-1\r\n", "%0\r\n", "-ERR x\r\n"]);
    none::<[u8; 4]>("a string of a fixed length", &hello);
    let latin = Frame::bulk(&b"\xe9"[..]);
    assert_eq!(latin.convert::<Vec<u8>>().unwrap(), b"\xe9");
    assert!(latin.convert::<String>().is_err());
}

#[test]
fn options() {
    all(None::<i64>, &["$-1\r\n", "*-1\r\n", "_\r\n"]);
    all(Some(7i64), &[":7\r\n"]);
    all(Some(Vec::<i64>::new()), &["*0\r\n"]);
    all(Some(String::new()), &["$0\r\n\r\n"]);
    all(
        vec![Some(1i64), None],
        &["*2\r\n:1\r\n$-1\r\n", "*2\r\n:1\r\n_\r\n"],
    );
}

#[test]
fn lists_and_sets() {
    let encodings = [
        "*3\r\n:2\r\n:1\r\n:2\r\n",
        "~3\r\n:2\r\n:1\r\n:2\r\n",
        ">3\r\n+2\r\n+1\r\n+2\r\n",
    ];
    all(vec![2i64, 1, 2], &encodings);
    all(VecDeque::from([2i64, 1, 2]), &encodings);
    all([2i64, 1, 2], &encodings);
    all((2i64, String::from("1"), 2.0f64), &encodings);
    all(HashSet::<i64>::from([1, 2]), &encodings);
    all(BTreeSet::from([1i64, 2]), &encodings);
    all(vec![vec![1i64], vec![]], &["*2\r\n*1\r\n:1\r\n*0\r\n"]);
    none::<Vec<i64>>("a list", &["$-1\r\n", "+OK\r\n"]);
    none::<Vec<i64>>("an integer that fits i64", &["*1\r\n$-1\r\n"]);
    none::<[i64; 2]>("a list of a fixed length", &encodings);
    none::<(i64, i64)>("a list of 2", &encodings);
    none::<(i64, i64)>("a list of 2", &["$-1\r\n"]);
}

#[test]
fn maps_convert_from_every_encoding() {
    let encodings = [
        "%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:2\r\n",
        "*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:2\r\n",
        "*2\r\n*2\r\n$1\r\na\r\n:1\r\n*2\r\n$1\r\nb\r\n:2\r\n",
        "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$1\r\n2\r\n",
    ];
    all(
        HashMap::from([("a".to_owned(), 1i64), ("b".to_owned(), 2)]),
        &encodings,
    );
    all(
        BTreeMap::from([("a".to_owned(), 1i64), ("b".to_owned(), 2)]),
        &encodings,
    );
    all(
        vec![("a".to_owned(), 1i64), ("b".to_owned(), 2)],
        &encodings,
    );
    all(BTreeMap::<String, i64>::new(), &["%0\r\n", "*0\r\n"]);
    all(
        vec![("a".to_owned(), 1u16), ("a".to_owned(), 2)],
        &["%2\r\n+a\r\n:1\r\n+a\r\n:2\r\n"],
    );
    all(
        BTreeMap::from([("a".to_owned(), 2)]),
        &["%2\r\n+a\r\n:1\r\n+a\r\n:2\r\n"],
    );
    none::<HashMap<String, i64>>("a map", &["$-1\r\n", "*1\r\n+a\r\n", "+OK\r\n"]);
    none::<BTreeMap<String, i64>>("an integer that fits i64", &["%1\r\n+a\r\n_\r\n"]);
}

#[test]
fn scores_and_stream_entries() {
    // ZRANGE WITHSCORES: flat text in RESP2, pairs with doubles in RESP3.
    all(
        vec![("m".to_owned(), 1.5f64), ("n".to_owned(), 2.0)],
        &[
            "*4\r\n$1\r\nm\r\n$3\r\n1.5\r\n$1\r\nn\r\n$1\r\n2\r\n",
            "*2\r\n*2\r\n$1\r\nm\r\n,1.5\r\n*2\r\n$1\r\nn\r\n,2\r\n",
        ],
    );
    // XREAD: a list of streams in RESP2, a map in RESP3; an entry's fields may be nil.
    type Entry = (String, Option<Vec<(String, String)>>);
    let entries: Vec<Entry> = vec![
        ("1-0".into(), Some(vec![("f".into(), "v".into())])),
        ("2-0".into(), None),
    ];
    let body = "*2\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n*2\r\n$3\r\n2-0\r\n*-1\r\n";
    all(
        BTreeMap::from([("s".to_owned(), entries)]),
        &[
            &format!("*1\r\n*2\r\n$1\r\ns\r\n{body}"),
            &format!("%1\r\n$1\r\ns\r\n{body}"),
        ],
    );
}

#[test]
fn errors_among_replies() {
    let reply = frame("*3\r\n+OK\r\n-WRONGTYPE no list\r\n!5\r\nERR x\r\n");
    let replies: Vec<Result<String, ServerError>> = reply.convert().unwrap();
    assert_eq!(replies[0], Ok("OK".into()));
    assert_eq!(replies[1].as_ref().unwrap_err().code(), "WRONGTYPE");
    assert_eq!(replies[2].as_ref().unwrap_err().message(), "x");
    all((), &["+OK\r\n", "$-1\r\n", ":1\r\n", "*0\r\n"]);
    none::<()>("a reply without an error", &["-ERR x\r\n"]);
}

#[test]
fn attributes_are_ignored() {
    let attributed = "|1\r\n+ttl\r\n:60\r\n";
    all(7i64, &[&format!("{attributed}:7\r\n")]);
    all(vec![1i64, 2], &[&format!("*2\r\n{attributed}:1\r\n:2\r\n")]);
    let pair = format!("%1\r\n{attributed}+a\r\n{attributed}:1\r\n");
    all(BTreeMap::from([("a".to_owned(), 1i64)]), &[&pair]);
    all(None::<i64>, &[&format!("{attributed}_\r\n")]);
}

#[test]
fn durations() {
    all(
        Seconds(Duration::from_secs(90)),
        &[":90\r\n", "$2\r\n90\r\n"],
    );
    all(Milliseconds(Duration::from_millis(1)), &[":1\r\n"]);
    none::<Seconds>("a number of seconds", &[":-1\r\n", "$-1\r\n"]);
    let formatted = |duration| Seconds(duration).to_arg().to_vec();
    assert_eq!(formatted(Duration::ZERO), b"0");
    assert_eq!(formatted(Duration::from_nanos(1)), b"1");
    assert_eq!(formatted(Duration::from_millis(1001)), b"2");
    assert_eq!(formatted(Duration::MAX), b"18446744073709551615");
    assert_eq!(*Milliseconds(Duration::from_micros(1500)).to_arg(), *b"2");
}

#[test]
fn errors_name_expected_and_found_types_but_no_value() {
    let error = Frame::bulk("secret").convert::<i64>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "a bulk string that cannot be read as an integer that fits i64"
    );
    let error = Frame::null().convert::<String>().unwrap_err();
    assert_eq!(
        (error.expected, error.found),
        ("a UTF-8 string", Kind::Null)
    );
    assert_eq!(error.position().len(), 0);
    assert_eq!(error.server_error(), None);
}

/// A server error in place of a value is part of the conversion error, with its position.
#[test]
fn errors_include_the_server_error_and_its_position() {
    let position = |encoded: &str, found: swarm_resp::ConvertError| {
        assert_eq!(
            found.server_error().unwrap().code(),
            "WRONGTYPE",
            "{encoded:?}"
        );
        assert!(
            found.to_string().ends_with("of the reply: WRONGTYPE no"),
            "{found}"
        );
        found.position().collect::<Vec<_>>()
    };
    let list = "*2\r\n:1\r\n-WRONGTYPE no\r\n";
    let error = frame(list).convert::<Vec<i64>>().unwrap_err();
    assert_eq!(position(list, error), [1]);
    let error = frame(list).convert::<(i64, String)>().unwrap_err();
    assert_eq!(position(list, error), [1]);
    let error = frame(list).convert::<[i64; 2]>().unwrap_err();
    assert_eq!(position(list, error), [1]);
    let error = frame(list).convert::<HashMap<String, i64>>().unwrap_err();
    assert_eq!(position(list, error), [1]);
    let nested = "*2\r\n*0\r\n*3\r\n:1\r\n:2\r\n!12\r\nWRONGTYPE no\r\n";
    let error = frame(nested)
        .convert::<Vec<Option<BTreeSet<i64>>>>()
        .unwrap_err();
    assert_eq!(position(nested, error), [1, 2]);
    let pairs = "*2\r\n*2\r\n+a\r\n:1\r\n*2\r\n+b\r\n-WRONGTYPE no\r\n";
    let error = frame(pairs).convert::<BTreeMap<String, i64>>().unwrap_err();
    assert_eq!(position(pairs, error), [1, 1]);
    let map = "%1\r\n+a\r\n*1\r\n-WRONGTYPE no\r\n";
    let error = frame(map)
        .convert::<HashMap<String, Vec<i64>>>()
        .unwrap_err();
    assert_eq!(position(map, error), [1, 0]);
    // A list of pairs inside a map is not the requested map.
    let error = frame("%1\r\n+a\r\n:1\r\n").convert::<HashMap<String, Vec<(i64, i64)>>>();
    assert_eq!(error.unwrap_err().expected, "a list of tuples");
    let whole = frame("-WRONGTYPE no\r\n")
        .convert::<Vec<i64>>()
        .unwrap_err();
    assert_eq!(
        whole.to_string(),
        "an error that cannot be read as a list: WRONGTYPE no"
    );
}

/// Encodes a value as an argument and converts it back from a bulk string.
fn stored(value: &impl ToArg) -> Frame {
    let request = Request::new("SET", &*value.to_arg());
    Frame::bulk(request.args().nth(1).unwrap().to_vec())
}

proptest! {
    #[test]
    fn numbers_come_back_as_they_went(integer: i64, unsigned: u64, double: f64, float: f32) {
        prop_assert_eq!(stored(&integer).convert::<i64>(), Ok(integer));
        prop_assert_eq!(stored(&unsigned).convert::<u64>(), Ok(unsigned));
        prop_assert_eq!(stored(&double).convert::<f64>().unwrap().to_bits(), double.to_bits());
        prop_assert_eq!(stored(&float).convert::<f32>().unwrap().to_bits(), float.to_bits());
    }

    #[test]
    fn text_comes_back_as_it_went(text: String, bytes: Vec<u8>) {
        prop_assert_eq!(stored(&text).convert::<String>(), Ok(text));
        prop_assert_eq!(stored(&bytes).convert::<Vec<u8>>(), Ok(bytes));
    }
}
