//! Doubles, as C parses and formats them.

use super::extended::{length, shifted};
use super::parse::hexadecimal_bits;

/// A parsed number, or why it is none.
enum Parsed {
    Number(f64),
    /// Too large or too small for a double; the nearest one.
    OutOfRange(f64),
}

/// Parses a number, other than NaN, that takes the whole text. Rejects numbers that are too large
/// or too small.
pub(in super::super) fn double(text: &[u8]) -> Option<f64> {
    match parse(text)? {
        Parsed::Number(number) => Some(number),
        Parsed::OutOfRange(_) => None,
    }
}

/// Parses a bound of a range of scores, as `strtod` does with a C string: blanks may precede it, an
/// empty text is 0, and a number that is too large is infinite.
pub(in super::super) fn bound(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_blank(byte))?;
    match parse(text.get(start..)?)? {
        Parsed::Number(number) | Parsed::OutOfRange(number) => Some(number),
    }
}

/// Parses the longest start of a text that is a number for `strtod`. Returns its length, too, which
/// is 0 if there is none.
#[cfg(feature = "lua")]
pub(in super::super) fn prefix(text: &[u8]) -> (f64, usize) {
    let sign = usize::from(matches!(text, [b'-' | b'+', ..]));
    let unsigned = text.get(sign..).unwrap_or_default();
    let starts_with = |word: &[u8]| {
        (unsigned.get(..word.len())).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    if starts_with(b"nan") {
        let nan = if text.starts_with(b"-") { -1.0 } else { 1.0 };
        return (f64::NAN.copysign(nan), sign + 3);
    }
    let length = match unsigned {
        _ if starts_with(b"infinity") => 8,
        _ if starts_with(b"inf") => 3,
        [b'0', b'x' | b'X', digits @ ..] => match prefix_length(digits, 16, *b"pP") {
            0 => 1,
            length => 2 + length,
        },
        digits => prefix_length(digits, 10, *b"eE"),
    };
    let number = match length {
        0 => return (0.0, 0),
        length => text.get(..sign + length).and_then(bound),
    };
    (number.unwrap_or_default(), sign + length)
}

/// Returns the length of digits with a point and an exponent, at the start of a text.
#[cfg(feature = "lua")]
fn prefix_length(text: &[u8], radix: u32, marks: [u8; 2]) -> usize {
    let count = |at: usize, radix: u32| {
        let digits = text.get(at..).unwrap_or_default().iter();
        let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
        digits.take_while(is_digit).count()
    };
    let whole = count(0, radix);
    let mut end = whole;
    if text.get(whole) == Some(&b'.') {
        let fraction = count(whole + 1, radix);
        if whole + fraction > 0 {
            end = whole + 1 + fraction;
        }
    }
    if end > 0 && text.get(end).is_some_and(|byte| marks.contains(byte)) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'-' | b'+')));
        match count(end + 1 + sign, 10) {
            0 => {}
            digits => end += 1 + sign + digits,
        }
    }
    end
}

/// Parses what SORT sorts by as [`bound`] does, but rejects numbers that are too large or too
/// small.
pub(in super::super) fn weight(text: &[u8]) -> Option<f64> {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_blank(byte))?;
    double(text.get(start..)?)
}

fn parse(text: &[u8]) -> Option<Parsed> {
    let (negative, unsigned) = match text {
        [b'-', unsigned @ ..] => (true, unsigned),
        [b'+', unsigned @ ..] => (false, unsigned),
        unsigned => (false, unsigned),
    };
    let parsed = match unsigned {
        [b'0', b'x' | b'X', digits @ ..] => hexadecimal(digits)?,
        [b'0'..=b'9' | b'.', ..] => decimal(unsigned)?,
        word if word.eq_ignore_ascii_case(b"inf") || word.eq_ignore_ascii_case(b"infinity") => {
            Parsed::Number(f64::INFINITY)
        }
        _ => return None,
    };
    let signed = |number: f64| if negative { -number } else { number };
    Some(match parsed {
        Parsed::Number(number) => Parsed::Number(signed(number)),
        Parsed::OutOfRange(number) => Parsed::OutOfRange(signed(number)),
    })
}

fn decimal(text: &[u8]) -> Option<Parsed> {
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let mantissa = text.split(|byte| matches!(byte, b'e' | b'E')).next()?;
    let is_zero = !mantissa.iter().any(|byte| matches!(byte, b'1'..=b'9'));
    Some(in_range(number, is_zero))
}

fn in_range(number: f64, is_zero: bool) -> Parsed {
    if number.is_infinite() || number == 0.0 && !is_zero {
        Parsed::OutOfRange(number)
    } else {
        Parsed::Number(number)
    }
}

/// Bits of a mantissa, and the exponents of the greatest and of the smallest normal number.
const PRECISION: i32 = 53;
const MAX_EXPONENT: i32 = 1023;
const MIN_EXPONENT: i32 = -1022;

fn hexadecimal(digits: &[u8]) -> Option<Parsed> {
    let (bits, exponent, inexact) = hexadecimal_bits(digits)?;
    if bits == 0 {
        return Some(Parsed::Number(0.0));
    }
    let leading = length(bits) - 1 + exponent;
    if leading > MAX_EXPONENT {
        return Some(Parsed::OutOfRange(f64::INFINITY));
    }
    let precision = PRECISION - (MIN_EXPONENT - leading).max(0);
    let surplus = length(bits) - precision;
    let (kept, exponent) = match surplus {
        1.. => (shifted(bits, surplus, inexact), exponent + surplus),
        _ => (bits, exponent),
    };
    // Both factors and the product are exact, unless the product is infinite.
    #[expect(clippy::cast_precision_loss, reason = "at most 53 bits are left")]
    let number = scale(kept as f64, exponent);
    Some(in_range(number, false))
}

/// Multiplies a whole number by a power of two.
fn scale(mut number: f64, mut exponent: i32) -> f64 {
    while exponent > 0 && number.is_finite() {
        number *= 2.0;
        exponent -= 1;
    }
    while exponent < 0 && number != 0.0 {
        number /= 2.0;
        exponent += 1;
    }
    number
}

/// Formats a number as `%.17g` does.
pub(in super::super) fn general(number: f64) -> String {
    significant(number, 17)
}

/// Formats a number with this many significant digits, as `%g` does.
pub(in super::super) fn significant(number: f64, precision: u8) -> String {
    if number.is_infinite() || number == 0.0 {
        return number.to_string();
    }
    // Without a precision, the exponent could be one of fewer digits.
    let text = format!("{number:.*e}", usize::from(precision.saturating_sub(1)));
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(|digit| *digit != '.').collect();
    let digits = digits.trim_end_matches('0');
    let (whole, fraction, suffix) = if (-4..0).contains(&exponent) {
        let zeros = usize::try_from(-1 - exponent).unwrap_or(0);
        ("0".to_owned(), "0".repeat(zeros) + digits, String::new())
    } else if (0..i32::from(precision)).contains(&exponent) {
        let length = usize::try_from(exponent + 1).unwrap_or(1);
        let whole: String = digits
            .chars()
            .chain(std::iter::repeat('0'))
            .take(length)
            .collect();
        (whole, digits.chars().skip(length).collect(), String::new())
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        let suffix = format!("e{sign}{:02}", exponent.abs());
        (
            digits.chars().take(1).collect(),
            digits.chars().skip(1).collect(),
            suffix,
        )
    };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}{suffix}")
}

/// Formats a number with at most 17 decimals, without an exponent or trailing zeros.
pub(in super::super) fn human(number: f64) -> String {
    let text = format!("{number:.17}");
    match text.contains('.') {
        true => match text.trim_end_matches('0').trim_end_matches('.') {
            "-0" => "0".to_owned(),
            text => text.to_owned(),
        },
        false => text,
    }
}

/// Formats a number with 4 decimals, rounded to the even neighbor.
pub(in super::super) fn fixed(number: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "distances on the earth are small"
    )]
    let scaled = (number * 10_000.0).round_ties_even() as i64;
    let sign = if scaled < 0 { "-" } else { "" };
    let scaled = scaled.unsigned_abs();
    format!("{sign}{}.{:04}", scaled / 10_000, scaled % 10_000)
}

#[cfg(test)]
mod tests {
    use super::{bound, double, fixed, general, human};

    #[test]
    fn numbers_are_formatted_as_in_c() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (0.1, "0.10000000000000001"),
            (-1.5, "-1.5"),
            (3.0, "3"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (1.5e300, "1.5000000000000001e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1.0000000000000001e-05"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::MAX, "1.7976931348623157e+308"),
        ] {
            assert_eq!(general(number), text);
        }
        assert_eq!(human(13.361389338970184), "13.36138933897018433");
        assert_eq!(human(-0.0), "0");
        assert_eq!(human(100.0), "100");
        assert_eq!(fixed(166274.15156960033), "166274.1516");
        assert_eq!(fixed(0.00004), "0.0000");
    }

    #[test]
    fn numbers_are_parsed_as_in_c() {
        for (text, number) in [
            ("1", 1.0),
            ("+1.5e2", 150.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("0x10", 16.0),
            ("-0X.8p1", -1.0),
            ("0x1p-1074", 5e-324),
            ("0x1.fffffffffffff7p1023", f64::MAX),
            ("0e999999", 0.0),
            ("iNf", f64::INFINITY),
            ("-infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(double(text.as_bytes()), Some(number), "{text}");
        }
        for text in [
            "",
            " 1",
            "1 ",
            "nan",
            "1e",
            "x",
            "0x",
            ".",
            "-",
            "1e400",
            "1e-400",
            "0x1p1024",
            "0x1p-1076",
            "1\0",
            "0x1.fffffffffffff8p1023",
            "inf ",
            "++1",
            "1_0",
        ] {
            assert_eq!(double(text.as_bytes()), None, "{text}");
        }
        for (text, number) in [
            ("", 0.0),
            ("\0x", 0.0),
            (" 1", 1.0),
            ("1e400", f64::INFINITY),
            ("1\0x", 1.0),
        ] {
            assert_eq!(bound(text.as_bytes()), Some(number), "{text}");
        }
        for text in [" ", "1 ", "nan", "x", "1x"] {
            assert_eq!(bound(text.as_bytes()), None, "{text}");
        }
    }
}
