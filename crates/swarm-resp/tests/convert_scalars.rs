//! Conversions of small and wide integers, characters, and shared text.

use std::borrow::Cow;
use std::fmt::Debug;
use std::num::NonZero;
use std::sync::Arc;

use bytes::Bytes;
use swarm_resp::{Decoder, Frame, FromFrame, ToArg};

fn frame(encoded: &str) -> Frame {
    let bytes = Bytes::copy_from_slice(encoded.as_bytes());
    Decoder::new().decode_message(bytes).unwrap()
}

/// Asserts that all replies convert to the same value.
#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "calls read better without a reference"
)]
fn all<T: FromFrame + PartialEq + Debug>(expected: T, encodings: &[&str]) {
    for encoded in encodings {
        let found = frame(encoded).convert::<T>();
        assert_eq!(found.as_ref(), Ok(&expected), "{encoded:?}");
    }
}

/// Asserts that no reply converts to the type.
#[track_caller]
fn none<T: FromFrame + Debug>(expected: &str, encodings: &[&str]) {
    for encoded in encodings {
        let error = frame(encoded).convert::<T>().unwrap_err();
        assert_eq!(error.expected, expected, "{encoded:?}");
    }
}

fn stored(value: &impl ToArg) -> Frame {
    Frame::bulk(value.to_arg().to_vec())
}

#[test]
fn small_and_wide_integers_characters_and_shared_text() {
    all(-128_i8, &[":-128\r\n", "$4\r\n-128\r\n"]);
    none::<i8>("an integer that fits i8", &[":128\r\n"]);
    let most = "340282366920938463463374607431768211455";
    all(
        u128::MAX,
        &[&format!("$39\r\n{most}\r\n"), &format!("({most}\r\n")],
    );
    all(7_u128, &[":7\r\n", ",7.0\r\n"]);
    none::<u128>("an integer that fits u128", &[":-1\r\n", "+x\r\n"]);
    all(NonZero::<u32>::MIN, &[":1\r\n", "+1\r\n"]);
    none::<NonZero<u32>>(
        "an integer other than 0 that fits u32",
        &[":0\r\n", ":-1\r\n"],
    );
    all('é', &["$2\r\né\r\n"]);
    none::<char>(
        "a single character",
        &["$2\r\nab\r\n", "$0\r\n\r\n", "_\r\n"],
    );
    all(Cow::<str>::from("ab"), &["+ab\r\n"]);
    all(Cow::<[u8]>::from(&b"ab"[..]), &["+ab\r\n"]);
    all(Arc::<[u8]>::from(&b"ab"[..]), &["+ab\r\n"]);
    let nine = "*9\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n";
    all((1, 2, 3, 4, 5, 6, 7, 8, 9), &[nine]);
}

#[test]
fn what_is_stored_reads_as_the_same_value() {
    fn same<T: ToArg + FromFrame + PartialEq + Debug>(value: T) {
        assert_eq!(stored(&value).convert::<T>(), Ok(value));
    }
    same(i128::MIN);
    same(u128::MAX);
    same(i8::MIN);
    same('€');
    same(NonZero::<i128>::MIN);
}
