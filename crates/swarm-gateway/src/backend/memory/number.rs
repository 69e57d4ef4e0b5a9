//! Parser for integers in arguments and values.

use super::reject::Reject;

/// Parses a 64-bit integer in canonical form: no spaces, plus sign, or leading zeros.
pub(super) fn integer(text: &[u8]) -> Result<i64, Reject> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => text == b"0",
        [b'1'..=b'9', ..] => true,
        _ => false,
    };
    std::str::from_utf8(text)
        .ok()
        .filter(|_| canonical)
        .and_then(|text| text.parse().ok())
        .ok_or(Reject::NOT_INTEGER)
}

/// Returns the integer that a text begins with, or 0, as `atoi` of C does: behind spaces and a
/// sign, and with the lowest 32 bits of a large number.
#[expect(clippy::cast_possible_truncation, reason = "as in C")]
pub(super) fn prefix(text: &[u8]) -> i32 {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let start = text.iter().position(|byte| !is_space(byte));
    let text = start.and_then(|start| text.get(start..)).unwrap_or(&[]);
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.fold(0_i64, |number, digit| {
        let digit = i64::from(digit - b'0');
        let digit = if is_negative { -digit } else { digit };
        number.saturating_mul(10).saturating_add(digit)
    });
    number as i32
}

/// Parses an integer that is not negative.
pub(super) fn positive(text: &[u8]) -> Result<i64, Reject> {
    at_least(0, text, "ERR value is out of range, must be positive")
}

/// Parses an integer of at least `least`. `message` is the error for any other argument.
pub(super) fn at_least(least: i64, text: &[u8], message: &'static str) -> Result<i64, Reject> {
    (integer(text).ok())
        .filter(|number| *number >= least)
        .ok_or(Reject::text(message))
}

/// Parses an integer in a range.
pub(super) fn within(text: &[u8], least: i64, most: i64) -> Result<i64, Reject> {
    match integer(text)? {
        number if (least..=most).contains(&number) => Ok(number),
        _ => Err(Reject::new(format!(
            "ERR value is out of range, value must between {least} and {most}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::integer;

    #[test]
    fn only_the_one_spelling_is_an_integer() {
        assert_eq!(integer(b"0"), Ok(0));
        assert_eq!(integer(b"-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(integer(b"9223372036854775807"), Ok(i64::MAX));
        for text in [
            "",
            "-",
            "-0",
            "+1",
            "01",
            " 1",
            "1 ",
            "1.0",
            "0x1",
            "9223372036854775808",
            "\u{661}",
        ] {
            assert!(integer(text.as_bytes()).is_err(), "{text:?}");
        }
    }
}
