//! The fast path must decode and fail exactly like the scanner alone.

use proptest::prelude::*;

use super::fast_path;
use super::leaf::{self, LeafError, Length};
use super::scan::{Scan, ScanError, visible};
use super::state::Scanner;
use super::{DecodeErrorKind, Limits};
use crate::frame::{Node, Tag};
use crate::number;

/// Creates nom's unrecoverable error.
fn failure<T>(kind: DecodeErrorKind, remaining: usize) -> Result<T, nom::Err<LeafError>> {
    Err(nom::Err::Failure(LeafError { kind, remaining }))
}

#[test]
fn lengths() {
    assert_eq!(
        leaf::length(b"12\r\nrest"),
        Ok((&b"rest"[..], Length::Known(12)))
    );
    assert_eq!(leaf::length(b"-1\r\n"), Ok((&b""[..], Length::Null)));
    assert_eq!(leaf::length(b"?\r\n"), Ok((&b""[..], Length::Streamed)));
    let longest = leaf::length(b"9999999999999999999\r\n");
    assert_eq!(
        longest,
        Ok((&b""[..], Length::Known(9_999_999_999_999_999_999)))
    );
    for incomplete in ["", "-", "-1", "?", "1", "12\r"] {
        let found = leaf::length(incomplete.as_bytes());
        assert!(
            found.is_err_and(|error| error.is_incomplete()),
            "{incomplete:?}"
        );
    }
    // The error is at the first wrong byte, given as the number of remaining bytes.
    assert_eq!(
        leaf::length(b"1x\r\n"),
        failure(DecodeErrorKind::InvalidNumber, 3)
    );
    assert_eq!(
        leaf::length(b"12345678901234567890\r\n"),
        failure(DecodeErrorKind::InvalidNumber, 22)
    );
}

#[test]
fn integers() {
    for value in [0, 1, -1, 42, i64::MIN, i64::MAX] {
        let line = format!("{value}\r\n.");
        assert_eq!(leaf::integer(line.as_bytes()), Ok((&b"."[..], value)));
    }
    assert_eq!(
        leaf::integer(b"9223372036854775808\r\n"),
        failure(DecodeErrorKind::InvalidNumber, 21)
    );
}

#[test]
fn doubles() {
    assert_eq!(number::double(b"-1.5e3"), Some(-1500.0));
    assert_eq!(number::double(b"-INF"), Some(f64::NEG_INFINITY));
    assert!(number::double(b"-NaN").is_some_and(f64::is_nan));
    for nan in ["nan", "-nan(ind)", "nan(0x7ff)", "NaN()"] {
        assert!(
            number::double(nan.as_bytes()).is_some_and(f64::is_nan),
            "{nan:?}"
        );
    }
    for wrong in [
        "", " 1", "1 ", "infinity", "0x1", "1e", ".", "nan(", "nan(a", "nan(-)", "nane", "+-inf",
    ] {
        assert_eq!(number::double(wrong.as_bytes()), None, "{wrong:?}");
    }
}

#[test]
fn big_numbers() {
    assert!(number::is_big_number(b"-349289032840923850932485094385"));
    assert!(number::is_big_number(b"+0"));
    for wrong in ["", "-", "+-1", "1.0", "1a"] {
        assert!(!number::is_big_number(wrong.as_bytes()), "{wrong:?}");
    }
}

type Outcome = (Result<Scan, ScanError>, Vec<(Tag, u32, u32)>);

fn index(nodes: &[Node]) -> Vec<(Tag, u32, u32)> {
    nodes
        .iter()
        .map(|node| (node.tag, node.a, node.b))
        .collect()
}

fn with_fast_path(input: &[u8], limits: &Limits) -> Outcome {
    if let Some((node, end)) = fast_path::leaf(visible(input, limits), 0, limits) {
        return (Ok(Scan::Complete(end)), index(&[node]));
    }
    let mut scanner = Scanner::default();
    let scan = scanner.scan_by::<true>(input, limits);
    (scan, index(&scanner.nodes))
}

fn scanner_alone(input: &[u8], limits: &Limits) -> Outcome {
    let mut scanner = Scanner::default();
    let scan = scanner.scan_by::<false>(input, limits);
    (scan, index(&scanner.nodes))
}

/// Runs the scanner alone, with input that grows byte by byte.
fn bytewise(input: &[u8], limits: &Limits) -> Result<Scan, ScanError> {
    let mut scanner = Scanner::default();
    for end in 0..input.len() {
        match scanner.scan_by::<true>(&input[..end], limits) {
            Ok(Scan::Incomplete) => {}
            outcome => return outcome,
        }
    }
    scanner.scan_by::<true>(input, limits)
}

fn limits() -> impl Strategy<Value = Limits> {
    (0usize..4, 0usize..6, 0usize..6, 0usize..6, 0usize..40).prop_map(
        |(depth, bulk, elements, line, frame)| {
            Limits::new()
                .with_max_depth(depth)
                .with_max_bulk(bulk)
                .with_max_elements(elements)
                .with_max_line(line)
                .with_max_frame(frame)
        },
    )
}

/// Mostly valid tokens.
fn input() -> impl Strategy<Value = Vec<u8>> {
    const TOKENS: [&str; 41] = [
        "*0\r\n",
        "*1\r\n",
        "*2\r\n",
        "*3\r\n",
        "%1\r\n",
        "%2\r\n",
        "~1\r\n",
        ">2\r\n",
        "|1\r\n",
        "|0\r\n",
        "*?\r\n",
        "%?\r\n",
        ".\r\n",
        "$?\r\n",
        ";1\r\na\r\n",
        ";0\r\n",
        "$0\r\n\r\n",
        "$1\r\na\r\n",
        "$5\r\nhello\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "+OK\r\n",
        "-ERR\r\n",
        ":1\r\n",
        ":-12\r\n",
        "_\r\n",
        "#t\r\n",
        ",1.5\r\n",
        "(12\r\n",
        "=5\r\ntxt:a\r\n",
        "!1\r\nx\r\n",
        "+a\n",
        "$1\r\nab",
        ":x\r\n",
        ":12345678901234567890\r\n",
        ":9223372036854775808\r\n",
        ":1234567890123456789x",
        ",x\r\n",
        ",\x07",
        "(1\n",
        ".",
    ];
    let token = prop_oneof![
        20 => prop::sample::select(TOKENS.as_slice()).prop_map(|token| token.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..3),
    ];
    (prop::collection::vec(token, 1..12), 0usize..4).prop_map(|(tokens, cut)| {
        let mut input = tokens.concat();
        input.truncate(input.len().saturating_sub(cut));
        input
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_fast_path_decodes_like_the_scanner(input in input()) {
        let limits = Limits::new();
        prop_assert_eq!(with_fast_path(&input, &limits), scanner_alone(&input, &limits));
    }

    #[test]
    fn the_fast_path_fails_like_the_scanner(input in input(), limits in limits()) {
        prop_assert_eq!(with_fast_path(&input, &limits), scanner_alone(&input, &limits));
    }

    #[test]
    fn errors_do_not_depend_on_chunks(input in input(), limits in limits()) {
        let whole = scanner_alone(&input, &limits).0;
        prop_assert_eq!(whole, bytewise(&input, &limits));
    }
}
