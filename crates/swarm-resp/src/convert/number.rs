//! Integers, floats and booleans.

use super::{ConvertError, FromFrame};
use crate::decode::double;
use crate::frame::FrameRef;

/// 2^127: every double below it, and none above, fits an `i128`.
const LARGEST: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

/// The integer that a value is or spells, wide enough for every type that asks.
fn integer(frame: FrameRef<'_>) -> Option<i128> {
    if let Some(value) = frame.as_integer() {
        return Some(value.into());
    }
    if let Some(value) = frame.as_double() {
        let whole = value.fract() == 0.0 && (-LARGEST..LARGEST).contains(&value);
        #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
        return whole.then_some(value as i128);
    }
    if let Some(value) = frame.as_bool() {
        return Some(value.into());
    }
    frame.as_str()?.parse().ok()
}

macro_rules! integers {
    ($($type:ident)+) => {$(
        impl FromFrame for $type {
            fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
                const EXPECTED: &str = concat!("an integer that fits ", stringify!($type));
                integer(frame)
                    .and_then(|value| value.try_into().ok())
                    .ok_or(ConvertError::new(EXPECTED, frame))
            }
        }
    )+};
}

integers!(i16 u16 i32 u32 i64 u64 i128 isize usize);

impl FromFrame for f64 {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        #[expect(clippy::cast_precision_loss, reason = "documented: to the nearest")]
        let rounded = |value: i64| value as Self;
        (frame.as_double())
            .or_else(|| frame.as_integer().map(rounded))
            .or_else(|| double(frame.as_bytes()?))
            .ok_or(ConvertError::new("a number", frame))
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
