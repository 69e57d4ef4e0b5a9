//! Parsers of lengths, numbers and constants: nom parsers for the text after a type marker.
//!
//! Parsers of headers and integers run for every value of a reply, so they are inlined into the
//! calling loop.

use nom::IResult;
use nom::error::{ErrorKind, ParseError};
use nom::{Err, Needed};

use super::DecodeErrorKind;

/// A parse error, and the number of remaining bytes where it was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LeafError {
    pub(crate) kind: DecodeErrorKind,
    pub(crate) remaining: usize,
}

impl ParseError<&[u8]> for LeafError {
    fn from_error_kind(input: &[u8], _: ErrorKind) -> Self {
        Self {
            kind: DecodeErrorKind::InvalidNumber,
            remaining: input.len(),
        }
    }

    fn append(_: &[u8], _: ErrorKind, first: Self) -> Self {
        first
    }
}

pub(crate) type Parsed<'a, O> = IResult<&'a [u8], O, LeafError>;

/// The number in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// This many bytes or values.
    Known(u64),
    /// `-1`, RESP2's null.
    Null,
    /// `?`: a streamed value, which ends with an end marker.
    Streamed,
}

#[inline(always)]
fn fail<T>(kind: DecodeErrorKind, input: &[u8]) -> Parsed<'_, T> {
    Err(Err::Failure(LeafError {
        kind,
        remaining: input.len(),
    }))
}

const INCOMPLETE: Err<LeafError> = Err::Incomplete(Needed::Unknown);

/// Parses the CRLF that ends a header or a bulk string.
#[inline(always)]
fn crlf(kind: DecodeErrorKind, input: &[u8]) -> Parsed<'_, ()> {
    match input {
        [b'\r', b'\n', rest @ ..] => Ok((rest, ())),
        [] | [b'\r'] => Err(INCOMPLETE),
        _ => fail(kind, input),
    }
}

/// Parses the CRLF after the bytes of a bulk string.
#[inline(always)]
pub(crate) fn bulk_end(input: &[u8]) -> Parsed<'_, ()> {
    crlf(DecodeErrorKind::UnterminatedBulk, input)
}

/// Parses 1 to 19 decimal digits, which fit a `u64`. No length is longer.
#[inline(always)]
fn digits(input: &[u8]) -> Parsed<'_, u64> {
    let mut value: u64 = 0;
    for (at, byte) in input.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let rest = input.get(at..).unwrap_or_default();
            return if at == 0 {
                fail(DecodeErrorKind::InvalidNumber, rest)
            } else {
                Ok((rest, value))
            };
        }
        if at == 19 {
            return fail(DecodeErrorKind::InvalidNumber, input);
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    Err(INCOMPLETE)
}

/// Parses a length or a count: digits, `-1` or `?`.
#[inline(always)]
pub(crate) fn length(input: &[u8]) -> Parsed<'_, Length> {
    let (rest, length) = match input {
        // The fast path for most headers.
        [
            tens @ b'0'..=b'9',
            ones @ b'0'..=b'9',
            b'\r',
            b'\n',
            rest @ ..,
        ] => {
            let number = u64::from(tens & 0xf)
                .wrapping_mul(10)
                .wrapping_add(u64::from(ones & 0xf));
            return Ok((rest, Length::Known(number)));
        }
        [b'-', b'1', rest @ ..] => (rest, Length::Null),
        [b'?', rest @ ..] => (rest, Length::Streamed),
        [b'-'] => return Err(INCOMPLETE),
        _ => {
            let (rest, value) = digits(input)?;
            (rest, Length::Known(value))
        }
    };
    let (rest, ()) = crlf(DecodeErrorKind::InvalidNumber, rest)?;
    Ok((rest, length))
}

/// Parses a signed 64-bit integer; a leading `+` is allowed.
#[inline(always)]
pub(crate) fn integer(input: &[u8]) -> Parsed<'_, i64> {
    let (rest, negative) = match input {
        [b'-', rest @ ..] => (rest, true),
        [b'+', rest @ ..] => (rest, false),
        _ => (input, false),
    };
    let (rest, magnitude) = digits(rest)?;
    let value = if negative {
        0i64.checked_sub_unsigned(magnitude)
    } else {
        0i64.checked_add_unsigned(magnitude)
    };
    let Some(value) = value else {
        return fail(DecodeErrorKind::InvalidNumber, input);
    };
    let (rest, ()) = crlf(DecodeErrorKind::InvalidNumber, rest)?;
    Ok((rest, value))
}

/// Returns whether input that is not an [`integer`] may be one that exceeds 64 bits: it begins with
/// at least 19 digits.
pub(crate) fn may_exceed_i64(input: &[u8]) -> bool {
    let digits = match input {
        [b'-' | b'+', digits @ ..] => digits,
        _ => input,
    };
    (digits.get(..19)).is_some_and(|first| first.iter().all(u8::is_ascii_digit))
}

/// Parses `t` or `f`.
#[inline(always)]
pub(crate) fn boolean(input: &[u8]) -> Parsed<'_, bool> {
    let (rest, value) = match input {
        [b't', rest @ ..] => (rest, true),
        [b'f', rest @ ..] => (rest, false),
        [] => return Err(INCOMPLETE),
        _ => return fail(DecodeErrorKind::InvalidConstant, input),
    };
    let (rest, ()) = crlf(DecodeErrorKind::InvalidConstant, rest)?;
    Ok((rest, value))
}

/// Parses an empty line: a null, or the end of a streamed aggregate.
#[inline(always)]
pub(crate) fn empty(input: &[u8]) -> Parsed<'_, ()> {
    crlf(DecodeErrorKind::InvalidConstant, input)
}
