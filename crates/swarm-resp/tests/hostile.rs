//! Malicious input: typed errors, memory bounded by received data, no recursion.

use std::hash::{DefaultHasher, Hash, Hasher};

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use swarm_resp::{DecodeError, DecodeErrorKind, Decoder, Frame, Limits, RespVersion, encode_frame};

fn decode_with(limits: Limits, input: &[u8]) -> Result<Option<Frame>, DecodeError> {
    Decoder::with_limits(limits).decode_bytes(&mut Bytes::copy_from_slice(input))
}

fn error_of(limits: Limits, input: &[u8]) -> (DecodeErrorKind, u64) {
    let error = decode_with(limits, input).expect_err("an error");
    let borrowed = Decoder::with_limits(limits).decode_ref(input).unwrap_err();
    assert_eq!(borrowed, error);
    (error.kind, error.offset)
}

fn hash_of(frame: &Frame) -> u64 {
    let mut hasher = DefaultHasher::new();
    frame.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn announced_lengths_reserve_no_memory() {
    for header in [
        "*16777216\r\n",
        "*1000000000\r\n",
        "~16777216\r\n",
        ">16777216\r\n",
        "%8388608\r\n",
        "%9223372036854775808\r\n",
        "|8388608\r\n",
        "$536870912\r\n",
        "$9999999999999999999\r\n",
        "!536870912\r\n",
        "=536870912\r\n",
        "$?\r\n;536870912\r\n",
        "*16777216\r\n*16777216\r\n*16777216\r\n*16777216\r\n",
    ] {
        let mut input = BytesMut::from(header);
        let info = measure(|| {
            let _ = Decoder::new().decode(&mut input);
        });
        assert!(
            info.bytes_max < 2048,
            "{header:?} took {} bytes",
            info.bytes_max
        );
    }
}

/// The header that opens a nesting level, for every aggregate.
const OPENERS: [&str; 10] = [
    "*1\r\n",
    "~1\r\n",
    ">1\r\n",
    "%1\r\n",
    "%1\r\n:1\r\n",
    "|1\r\n",
    "|1\r\n:1\r\n",
    "*?\r\n",
    "~?\r\n",
    "%?\r\n:1\r\n",
];

#[test]
fn nesting_of_every_aggregate_is_bounded() {
    for opener in OPENERS {
        let input = opener.repeat(100_000);
        let mut buffer = BytesMut::from(input.as_str());
        let info = measure(|| {
            let error = Decoder::new().decode(&mut buffer).expect_err(opener);
            assert_eq!(error.kind, DecodeErrorKind::TooDeep, "{opener:?}");
            assert_eq!(error.offset, 128 * opener.len() as u64, "{opener:?}");
        });
        assert!(
            info.bytes_max < 16 << 10,
            "{opener:?} took {} bytes",
            info.bytes_max
        );
    }
}

#[test]
fn deep_nesting_within_the_limit_needs_no_recursion() {
    const DEPTH: usize = 100_000;
    let stack = 64 << 10;
    let deep = move || {
        for opener in ["*1\r\n", "~1\r\n", ">1\r\n", "%1\r\n:1\r\n"] {
            let input = opener.repeat(DEPTH) + ":7\r\n";
            let limits = Limits::new().with_max_depth(DEPTH);
            let frame = decode_with(limits, input.as_bytes()).unwrap().unwrap();
            let copy = frame.compact();
            assert_eq!(frame, copy);
            assert_eq!(hash_of(&frame), hash_of(&copy));
            assert!(format!("{frame:?}").len() < 1024);
            assert!(format!("{frame}").len() < 1024);
            let mut encoded = BytesMut::new();
            encode_frame(&mut encoded, &frame, RespVersion::Resp3);
            assert_eq!(encoded, input.as_bytes());
            drop(frame);
        }
    };
    let thread = std::thread::Builder::new().stack_size(stack).spawn(deep);
    thread.unwrap().join().unwrap();
}

#[test]
fn endless_lines_are_errors() {
    for marker in ["+", "-", ",", "(", ":", ":-"] {
        let limits = Limits::new().with_max_line(64 << 10);
        let mut decoder = Decoder::with_limits(limits);
        let mut buffer = BytesMut::from(marker);
        let error = loop {
            buffer.extend_from_slice(&[b'1'; 4096]);
            match decoder.decode(&mut buffer) {
                Ok(None) => assert!(buffer.len() < 80_000, "{marker}"),
                Ok(Some(_)) => panic!("{marker}: a frame"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind, DecodeErrorKind::LineTooLong, "{marker}");
    }
    for marker in ["$", "*", "%", "~", ">", "|", "!", "="] {
        let input = format!("{marker}{}", "0".repeat(1000));
        let error = error_of(Limits::new(), input.as_bytes());
        assert_eq!(error, (DecodeErrorKind::InvalidNumber, 1), "{marker}");
    }
}

#[test]
fn a_line_of_exactly_the_limit_is_decoded() {
    let limits = Limits::new().with_max_line(5);
    assert!(decode_with(limits, b"+12345\r\n").unwrap().is_some());
    assert_eq!(
        error_of(limits, b"+123456\r\n"),
        (DecodeErrorKind::LineTooLong, 1)
    );
}

#[test]
fn a_bulk_string_of_exactly_the_limit_is_decoded() {
    let limits = Limits::new().with_max_bulk(5);
    assert!(decode_with(limits, b"$5\r\n12345\r\n").unwrap().is_some());
    assert_eq!(
        error_of(limits, b"$6\r\n"),
        (DecodeErrorKind::BulkTooLong, 1)
    );
    assert!(
        decode_with(limits, b"$?\r\n;3\r\nabc\r\n;2\r\nde\r\n;0\r\n")
            .unwrap()
            .is_some()
    );
    let chunks = b"*1\r\n$?\r\n;3\r\nabc\r\n;3\r\ndef\r\n";
    assert_eq!(error_of(limits, chunks), (DecodeErrorKind::BulkTooLong, 18));
}

#[test]
fn exactly_the_limit_of_elements_is_decoded() {
    let limits = Limits::new().with_max_elements(3);
    assert!(
        decode_with(limits, b"*3\r\n:1\r\n:2\r\n:3\r\n")
            .unwrap()
            .is_some()
    );
    assert_eq!(
        error_of(limits, b"*4\r\n"),
        (DecodeErrorKind::TooManyElements, 1)
    );
    assert_eq!(
        error_of(limits, b"%2\r\n"),
        (DecodeErrorKind::TooManyElements, 1)
    );
    // Nested values count, too: none of these aggregates alone exceeds the limit.
    let nested = b"*2\r\n*2\r\n:1\r\n:2\r\n:3\r\n";
    assert_eq!(
        error_of(limits, nested),
        (DecodeErrorKind::TooManyElements, 16)
    );
    let streamed = b"*?\r\n:1\r\n:2\r\n:3\r\n:4\r\n.\r\n";
    assert_eq!(
        error_of(limits, streamed),
        (DecodeErrorKind::TooManyElements, 16)
    );
}

#[test]
fn a_frame_of_exactly_the_limit_is_decoded_and_a_larger_one_fails_when_announced() {
    let limits = Limits::new().with_max_frame(20);
    let exact = b"*2\r\n$1\r\na\r\n$3\r\nbcd\r\n";
    assert_eq!(exact.len(), 20);
    assert!(decode_with(limits, exact).unwrap().is_some());
    let longer = b"*2\r\n$1\r\na\r\n$4\r\n";
    assert_eq!(
        error_of(limits, longer),
        (DecodeErrorKind::FrameTooLarge, 11)
    );
    // Empty attributes count only with their bytes.
    let endless = "|0\r\n".repeat(10);
    assert_eq!(
        error_of(limits, endless.as_bytes()),
        (DecodeErrorKind::FrameTooLarge, 20)
    );
    // An incomplete frame that is already too large fails immediately.
    let line = "+".repeat(21);
    assert_eq!(
        error_of(limits, line.as_bytes()),
        (DecodeErrorKind::FrameTooLarge, 0)
    );
}

#[test]
fn a_million_bytes_one_by_one_take_linear_time() {
    // Rescanning for each chunk would take hours.
    let mut encoded = String::from("*3\r\n");
    encoded.push_str(&format!("+{}\r\n", "x".repeat(300_000)));
    encoded.push_str(&format!("$300000\r\n{}\r\n", "y".repeat(300_000)));
    encoded.push_str(&format!("*40000\r\n{}", "$2\r\nzz\r\n".repeat(40_000)));
    let limits = Limits::new().with_max_line(1 << 20);
    let mut decoder = Decoder::with_limits(limits);
    let mut buffer = BytesMut::with_capacity(encoded.len());
    let (last, body) = encoded.as_bytes().split_last().unwrap();
    for byte in body {
        buffer.extend_from_slice(&[*byte]);
        assert!(decoder.decode(&mut buffer).unwrap().is_none());
    }
    buffer.extend_from_slice(&[*last]);
    let frame = decoder.decode(&mut buffer).unwrap().unwrap();
    assert_eq!(frame.items().unwrap().len(), 3);
}

#[test]
fn a_huge_index_of_a_borrowed_frame_is_not_retained() {
    let encoded = ["*200000\r\n", &":1\r\n".repeat(200_000), ":2\r\n"].concat();
    let mut decoder = Decoder::new();
    let info = measure(|| {
        let (frame, len) = decoder.decode_ref(encoded.as_bytes()).unwrap().unwrap();
        assert_eq!(frame.items().unwrap().len(), 200_000);
        let (next, _) = decoder
            .decode_ref(&encoded.as_bytes()[len..])
            .unwrap()
            .unwrap();
        assert_eq!(next.as_integer(), Some(2));
    });
    assert!(
        info.bytes_current < 256 << 10,
        "{} bytes kept",
        info.bytes_current
    );
}

#[test]
fn a_huge_index_is_not_retained() {
    let mut encoded = BytesMut::from("*200000\r\n");
    encoded.extend_from_slice(":1\r\n".repeat(200_000).as_bytes());
    let mut decoder = Decoder::new();
    let info = measure(|| {
        let frame = decoder.decode(&mut encoded).unwrap().unwrap();
        drop(frame);
    });
    assert!(
        info.bytes_current < 256 << 10,
        "{} bytes kept",
        info.bytes_current
    );
}

fn wire_bytes() -> impl Strategy<Value = u8> {
    prop_oneof![
        4 => prop::sample::select(b"\r\n0123456789".as_slice()),
        3 => prop::sample::select(b"$*%~>|+-:_#,(!=;.?tf".as_slice()),
        1 => any::<u8>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn arbitrary_bytes_never_panic_and_end_alike_however_cut(
        bytes in prop::collection::vec(wire_bytes(), 0..64),
        cut in 0usize..64,
    ) {
        let whole = decode_with(Limits::new(), &bytes);
        let mut decoder = Decoder::new();
        let (head, tail) = bytes.split_at(cut.min(bytes.len()));
        let mut buffer = BytesMut::from(head);
        let mut cut_up = decoder.decode(&mut buffer);
        if matches!(cut_up, Ok(None)) {
            buffer.extend_from_slice(tail);
            cut_up = decoder.decode(&mut buffer);
        }
        prop_assert_eq!(&whole, &cut_up);
        let mut decoder = Decoder::new();
        let read = decoder.decode_ref(head);
        let mut borrowed = read.map(|read| read.map(|(view, _)| view.to_frame()));
        if matches!(borrowed, Ok(None)) {
            let read = decoder.decode_ref(&bytes);
            borrowed = read.map(|read| read.map(|(view, _)| view.to_frame()));
        }
        prop_assert_eq!(&whole, &borrowed);
        if let Ok(Some(frame)) = whole {
            let shown = format!("{frame:?} {frame}");
            prop_assert!(shown.len() < 1 << 16);
        }
    }
}
