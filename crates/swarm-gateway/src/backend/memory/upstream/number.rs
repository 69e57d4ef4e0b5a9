//! Integers as .NET parses them: signs, leading zeros, and surrounding white space are allowed.

use super::super::reject::Reject;

/// Result of parsing an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parsed {
    Number(i128),
    /// Digits for a number that no type can hold.
    TooLong,
    Malformed,
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, 9..=13 | b' ')
}

/// Parses an integer of any size. NULs may follow it.
pub(super) fn parse(text: &[u8]) -> Parsed {
    let start = text.iter().position(|byte| !is_space(*byte)).unwrap_or(0);
    let end = text
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let text = text.get(start..end).unwrap_or_default();
    let end = text
        .iter()
        .rposition(|byte| !is_space(*byte))
        .map_or(0, |last| last + 1);
    let text = text.get(..end).unwrap_or_default();
    let digits = match text {
        [b'+' | b'-', digits @ ..] => digits,
        digits => digits,
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Parsed::Malformed;
    }
    let number = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    number.map_or(Parsed::TooLong, Parsed::Number)
}

/// Parses a 64-bit integer.
pub(super) fn integer(text: &[u8]) -> Result<i64, Reject> {
    match parse(text) {
        Parsed::Number(number) => i64::try_from(number).map_err(|_| Reject::NOT_INTEGER),
        Parsed::TooLong | Parsed::Malformed => Err(Reject::NOT_INTEGER),
    }
}

/// Parses a 64-bit integer that is not less than a limit.
pub(super) fn at_least(limit: i64, text: &[u8]) -> Result<i64, Reject> {
    integer(text).and_then(|number| match number >= limit {
        true => Ok(number),
        false => Err(Reject::NOT_INTEGER),
    })
}

/// Cuts a number of elements to 32 bits, as the server does; a negative one selects none.
pub(super) fn elements(count: i64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the server truncates the number"
    )]
    let cut = count as i32;
    usize::try_from(cut).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{elements, integer};

    #[test]
    fn signs_zeros_and_white_space_are_allowed() {
        for (text, number) in [
            ("+5", 5),
            (" 5", 5),
            ("5\n", 5),
            ("007", 7),
            ("-0", 0),
            ("12\0", 12),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(integer(text.as_bytes()), Ok(number), "{text:?}");
        }
        for text in [
            "",
            " ",
            "+",
            "1.0",
            "1e3",
            "1,000",
            "0x10",
            "9223372036854775808",
            "- 5",
        ] {
            assert!(integer(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn counts_have_32_bits() {
        assert_eq!(elements(7), 7);
        assert_eq!(elements(1 << 31), 0);
        assert_eq!(elements((1 << 32) + 1), 1);
    }
}
