//! Conversion to integers, floats and booleans.

use std::num::NonZero;

use super::{ConvertError, FromFrame};
use crate::frame::FrameRef;
use crate::number::double;

/// 2^127: the exclusive upper bound of doubles that fit an `i128`.
const LARGEST: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

/// Returns the integer that a value is or encodes, in a type that is wide enough for all
/// conversions.
///
/// A received double is converted by its text, because RESP2 sends only the text.
fn integer(frame: FrameRef<'_>) -> Option<i128> {
    if let Some(value) = frame.as_integer() {
        return Some(value.into());
    }
    if let Some(text) = frame.as_bytes().or_else(|| frame.double_text()) {
        let digits = std::str::from_utf8(text).ok()?.parse().ok();
        return digits.or_else(|| whole(text));
    }
    if let Some(value) = frame.as_double() {
        let whole = value.fract() == 0.0 && (-LARGEST..LARGEST).contains(&value);
        #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
        return whole.then_some(value as i128);
    }
    if let Some(value) = frame.as_bool() {
        return Some(value.into());
    }
    None
}

/// Parses a whole number with a fraction or an exponent, such as `1e+19` or `3.0`. The result is
/// exact; a nonzero fraction is rejected.
fn whole(text: &[u8]) -> Option<i128> {
    let (is_negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => {
            let (mantissa, exponent) = text.split_at_checked(at)?;
            let exponent = std::str::from_utf8(exponent.get(1..)?).ok()?;
            (mantissa, exponent.parse::<i64>().ok()?)
        }
        None => (text, 0),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (mantissa.get(..at)?, mantissa.get(at.checked_add(1)?..)?),
        None => (mantissa, &[][..]),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value: i128 = 0;
    // Zeros are significant only if another digit follows.
    let mut zeros: u32 = 0;
    for byte in whole.iter().chain(fraction) {
        let digit = byte.wrapping_sub(b'0');
        match digit {
            0 => zeros = zeros.saturating_add(1),
            1..=9 if value == 0 => (value, zeros) = (digit.into(), 0),
            1..=9 => {
                let scaled = scale(value, zeros.saturating_add(1).into())?;
                (value, zeros) = (scaled.checked_add(digit.into())?, 0);
            }
            _ => return None,
        }
    }
    if value == 0 {
        return Some(0);
    }
    let power = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let value = scale(value, power.checked_add(zeros.into())?)?;
    Some(if is_negative {
        value.checked_neg()?
    } else {
        value
    })
}

fn scale(value: i128, power: i64) -> Option<i128> {
    value.checked_mul(10i128.checked_pow(u32::try_from(power).ok()?)?)
}

macro_rules! integers {
    ($($type:ident)+) => {$(
        impl FromFrame for $type {
            fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
                const EXPECTED: &str = concat!("an integer that fits ", stringify!($type));
                integer(frame)
                    .and_then(|value| value.try_into().ok())
                    .ok_or_else(|| ConvertError::new(EXPECTED, frame))
            }
        }
    )+};
}

integers!(i8 i16 u16 i32 u32 i64 u64 i128 isize usize);

impl FromFrame for u128 {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        // Larger than an `i128`: only text and big numbers are.
        let large = || std::str::from_utf8(frame.as_bytes()?).ok()?.parse().ok();
        integer(frame)
            .map_or_else(large, |value| value.try_into().ok())
            .ok_or_else(|| ConvertError::new("an integer that fits u128", frame))
    }
}

macro_rules! non_zero {
    ($($type:ident)+) => {$(
        impl FromFrame for NonZero<$type> {
            fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
                const EXPECTED: &str =
                    concat!("an integer other than 0 that fits ", stringify!($type));
                let value = $type::from_frame(frame).ok().and_then(Self::new);
                value.ok_or_else(|| ConvertError::new(EXPECTED, frame))
            }
        }
    )+};
}

non_zero!(i8 i16 u16 i32 u32 i64 u64 i128 u128 isize usize);

impl FromFrame for f64 {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        #[expect(clippy::cast_precision_loss, reason = "documented: to the nearest")]
        let rounded = |value: i64| value as Self;
        (frame.as_double())
            .or_else(|| frame.as_integer().map(rounded))
            .or_else(|| double(frame.as_bytes()?))
            .ok_or_else(|| ConvertError::new("a number", frame))
    }
}

impl FromFrame for f32 {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let wide = f64::from_frame(frame)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "documented: to the nearest"
        )]
        let narrow = wide as Self;
        if narrow.is_infinite() && wide.is_finite() {
            return Err(ConvertError::new("a number that fits f32", frame));
        }
        Ok(narrow)
    }
}

impl FromFrame for bool {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        match integer(frame) {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => Err(ConvertError::new("a boolean", frame)),
        }
    }
}
