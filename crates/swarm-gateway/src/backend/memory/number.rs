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
