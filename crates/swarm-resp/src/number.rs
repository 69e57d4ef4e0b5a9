//! Parses the text of numbers that take a whole line.

use nom::Parser;
use nom::bytes::complete::tag;
use nom::combinator::{all_consuming, recognize};

type NumberError<'a> = nom::error::Error<&'a [u8]>;

/// Parses a double that takes the whole line: a decimal with optional fraction and exponent, or
/// `inf`, `-inf` or `nan` in any case. Servers print the output of their C library, so a NaN may
/// have a payload, as in `-nan(ind)`.
pub(crate) fn double(line: &[u8]) -> Option<f64> {
    let (is_negative, unsigned) = match line {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, line),
    };
    if unsigned.eq_ignore_ascii_case(b"inf") {
        let infinity = f64::INFINITY;
        return Some(if is_negative { -infinity } else { infinity });
    }
    if let Some((word, payload)) = unsigned.split_at_checked(3)
        && word.eq_ignore_ascii_case(b"nan")
    {
        return is_nan_payload(payload).then_some(f64::NAN);
    }
    let mut number = all_consuming(nom::number::complete::recognize_float::<_, NumberError<'_>>);
    number.parse_complete(line).ok()?;
    std::str::from_utf8(line).ok()?.parse().ok()
}

/// Returns whether text is a NaN payload of a C library: empty, or a word in parentheses.
fn is_nan_payload(payload: &[u8]) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    match payload {
        [] => true,
        [b'(', word @ .., b')'] => word.iter().all(is_word),
        _ => false,
    }
}

/// Returns whether the whole line is an integer of any size.
pub(crate) fn is_big_number(line: &[u8]) -> bool {
    let sign = nom::branch::alt((tag("-"), tag("+")));
    let digits = nom::character::complete::digit1::<_, NumberError<'_>>;
    let mut number = all_consuming(recognize((nom::combinator::opt(sign), digits)));
    number.parse_complete(line).is_ok()
}
