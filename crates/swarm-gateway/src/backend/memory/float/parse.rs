//! Parser for numbers, which accepts what `strtold` of C does.

use super::extended::Extended;
use super::natural::Natural;

/// Texts of this length are rejected.
const TOO_LONG: usize = 5 * 1024;

/// With exponents of ten beyond this, [`TOO_LONG`] digits are infinite or zero.
const MAX_EXPONENT: i32 = 12_000;

/// Larger exponents are replaced by this one. With exponents of two beyond it, [`TOO_LONG`] digits
/// are infinite or zero.
const LARGEST: i32 = 100_000;

/// Parses a finite number, or an infinite one as `Some(None)`. Returns `None` for anything else,
/// including numbers that are too large or too small to represent.
pub(super) fn number(text: &[u8]) -> Option<Option<Extended>> {
    if text.len() >= TOO_LONG {
        return None;
    }
    let (negative, text) = match text {
        [b'-', text @ ..] => (true, text),
        [b'+', text @ ..] => (false, text),
        text => (false, text),
    };
    if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
        return Some(None);
    }
    let number = match text {
        [b'0', b'x' | b'X', digits @ ..] => hexadecimal(negative, digits),
        digits => decimal(negative, digits),
    };
    number.map(Some)
}

/// Digits with an exponent.
struct Scaled {
    /// Values of the digits, without leading zeros.
    digits: Vec<u32>,
    /// Number of digits after the point.
    places: i32,
    /// Exponent after the mark.
    exponent: i32,
}

impl Scaled {
    /// Parses digits of a base, and an exponent after one of two marks.
    fn parse(text: &[u8], radix: u32, marks: [u8; 2]) -> Option<Self> {
        let end = text.iter().position(|byte| marks.contains(byte));
        let (mantissa, exponent) = match end {
            Some(end) => (text.get(..end)?, parse_exponent(text.get(end + 1..)?)?),
            None => (text, 0),
        };
        let point = mantissa.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = match point {
            Some(point) => (mantissa.get(..point)?, mantissa.get(point + 1..)?),
            None => (mantissa, &[][..]),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let digits = (whole.iter().chain(fraction)).map(|byte| char::from(*byte).to_digit(radix));
        let digits: Vec<u32> = digits.collect::<Option<_>>()?;
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        Some(Self {
            digits: digits.get(zeros..)?.to_vec(),
            places: i32::try_from(fraction.len()).ok()?,
            exponent,
        })
    }
}

/// Parses an exponent, limited to [`LARGEST`].
fn parse_exponent(text: &[u8]) -> Option<i32> {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0, |exponent: i32, byte| {
        let digit = char::from(*byte).to_digit(10)?.cast_signed();
        let exponent = exponent.saturating_mul(10).saturating_add(sign * digit);
        Some(exponent.clamp(-LARGEST, LARGEST))
    })
}

/// Returns `None` if a number has been rounded to zero.
fn nonzero(number: Option<Extended>) -> Option<Extended> {
    number.filter(|number| !number.is_zero())
}

fn decimal(negative: bool, text: &[u8]) -> Option<Extended> {
    let scaled = Scaled::parse(text, 10, *b"eE")?;
    if scaled.digits.is_empty() {
        return Some(Extended::ZERO);
    }
    let exponent = scaled.exponent - scaled.places;
    if exponent.abs() > MAX_EXPONENT {
        return None;
    }
    let mut natural = Natural::default();
    for digit in scaled.digits {
        natural.multiply_add(10, digit);
    }
    let ten = exponent.unsigned_abs();
    if exponent >= 0 {
        natural.multiply_by_power_of_ten(ten);
        let (bits, shift, inexact) = natural.top();
        return Extended::rounded(negative, bits, shift.cast_signed(), inexact);
    }
    // Leaves enough bits of the quotient to round it: 10^n has at most 4n bits.
    let shift = (4 * ten + 128).saturating_sub(natural.bits());
    natural.shift_left(shift);
    let rest = natural.divide_by_power_of_ten(ten);
    let (bits, lacking, inexact) = natural.top();
    let exponent = lacking.cast_signed() - shift.cast_signed();
    nonzero(Extended::rounded(negative, bits, exponent, inexact | rest))
}

fn hexadecimal(negative: bool, text: &[u8]) -> Option<Extended> {
    let (bits, exponent, inexact) = hexadecimal_bits(text)?;
    if bits == 0 {
        return Some(Extended::ZERO);
    }
    nonzero(Extended::rounded(negative, bits, exponent, inexact))
}

/// Parses hexadecimal digits as `bits * 2^exponent`, and returns whether the exact value is greater
/// by less than one in the last bit.
pub(super) fn hexadecimal_bits(text: &[u8]) -> Option<(u128, i32, bool)> {
    let scaled = Scaled::parse(text, 16, *b"pP")?;
    let mut natural = Natural::default();
    for digit in scaled.digits {
        natural.multiply_add(16, digit);
    }
    let (bits, lacking, inexact) = natural.top();
    let exponent = scaled.exponent - 4 * scaled.places + lacking.cast_signed();
    Some((bits, exponent, inexact))
}
