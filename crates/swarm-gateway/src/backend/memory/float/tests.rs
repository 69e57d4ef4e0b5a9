//! Sums of Redis 7, and properties of all numbers.

use proptest::prelude::*;

use super::add;

fn sum(left: &str, right: &str) -> String {
    match add(left.as_bytes(), right.as_bytes()) {
        Ok(sum) => sum,
        Err(reject) => reject.to_string(),
    }
}

#[test]
fn sums_are_those_of_redis() {
    for (left, right, expected) in [
        ("0.1", "0.2", "0.3"),
        ("10.5", "0.1", "10.6"),
        ("3.0e3", "200", "3200"),
        ("0", "-0.5", "-0.5"),
        ("3", "-3", "0"),
        ("1e20", "0", "100000000000000000000"),
        // More decimals than are shown.
        ("1.5", "0.023333333333333334", "1.52333333333333333"),
        ("0.5", "1e-20", "0.5"),
        ("-0.000000000000000006", "0", "-0.00000000000000001"),
        ("-0.000000000000000004", "0", "0"),
        ("0", "-1e-20", "0"),
        ("-0", "-0", "0"),
        // The limits of the mantissa and of the exponent.
        ("9223372036854775807", "1", "9223372036854775808"),
        ("18446744073709551615", "1", "18446744073709551616"),
        ("18446744073709551616", "1", "18446744073709551616"),
        ("18446744073709551616", "3", "18446744073709551620"),
        ("1", "2e-4951", "1"),
        // All notations of C.
        ("1", "0x10", "17"),
        ("1", "0X1P+2", "5"),
        ("0x.8", "0x1.p-1", "1"),
        ("+1", ".5", "1.5"),
        ("5.", "-.5e1", "0"),
        ("1", "0e999999999999999999999", "1"),
    ] {
        assert_eq!(sum(left, right), expected, "{left} + {right}");
    }
}

#[test]
fn errors_are_those_of_redis() {
    for text in [
        "", "a", "nan", "NAN(1)", "1 ", " 1", "\t1", "0x", "0x.", "0xp1", "0x1p", "0x1p+", "1e",
        "1e+", ".", "-", "+-1", "1.2.3", "1_0", "1f", "e5", "1\0", "0x1g", "in", "infinit",
    ] {
        assert_eq!(sum("1", text), "ERR value is not a valid float", "{text:?}");
        assert_eq!(sum(text, "1"), "ERR value is not a valid float", "{text:?}");
    }
    // Out of range.
    for text in [
        "1.19e4932",
        "-1e9999999999",
        "1e-4951",
        "-1e-99999",
        "0x1p16384",
        "0x1p-16446",
    ] {
        assert_eq!(sum("1", text), "ERR value is not a valid float", "{text:?}");
    }
    let most = "1.18973149535723176502e4932";
    for (left, right) in [
        ("1", "inf"),
        ("-Infinity", "+INF"),
        (most, most),
        ("-inf", "0"),
    ] {
        let text = "ERR increment would produce NaN or Infinity";
        assert_eq!(sum(left, right), text, "{left} + {right}");
    }
    let long = "0".repeat(5 * 1024 - 1);
    assert_eq!(sum("1", &long), "1");
    assert_eq!(
        sum("1", &format!("{long}0")),
        "ERR value is not a valid float"
    );
}

/// Formats a number as Redis does.
fn plain(number: f64) -> String {
    // Exact, because every f64 is a finite decimal.
    let text = format!("{number:.17}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

/// Any finite number, with exponents of all sizes.
fn finite() -> impl Strategy<Value = f64> {
    any::<u64>()
        .prop_map(f64::from_bits)
        .prop_filter("finite", |number| number.is_finite())
}

proptest! {
    #[test]
    fn every_f64_is_read_and_shown_exactly(number in finite()) {
        // 1,100 decimals are all that an f64 can have.
        prop_assert_eq!(sum(&format!("{number:.1100}"), "0"), plain(number));
        prop_assert_eq!(sum("0", &format!("{number:.1100}")), plain(number));
    }

    #[test]
    fn sums_of_integers_are_exact_up_to_64_bits(left: i64, right: i64) {
        let exact = i128::from(left) + i128::from(right);
        prop_assert_eq!(sum(&left.to_string(), &right.to_string()), exact.to_string());
    }

    #[test]
    fn the_order_makes_no_difference(left in finite(), right in finite()) {
        let (left, right) = (left.to_string(), right.to_string());
        prop_assert_eq!(sum(&left, &right), sum(&right, &left));
    }

    #[test]
    fn a_sum_of_fractions_is_rounded_once(
        (left, right) in any::<(i64, i64)>(),
        shift in 0..60_u32,
    ) {
        // Both are multiples of 2^-shift, and so is the sum, which needs 64 bits.
        let text = |sign: &str, number: u128| format!("{sign}0x{number:x}p-{shift}");
        let part = |number: i64| {
            text(if number < 0 { "-" } else { "" }, number.unsigned_abs().into())
        };
        let exact = i128::from(left) + i128::from(right);
        let sign = if exact < 0 { "-" } else { "" };
        let whole = text(sign, exact.unsigned_abs());
        prop_assert_eq!(sum(&part(left), &part(right)), sum(&whole, "0"));
    }

    #[test]
    fn any_text_is_a_number_or_an_error(text in "[-+]?[0-9a-fxpe.]{0,12}([ep][-+]?[0-9]{1,5})?") {
        let sum = sum("0", &text);
        let digits = sum.trim_start_matches('-');
        let is_number = digits.starts_with(|first: char| first.is_ascii_digit());
        prop_assert!(is_number || sum.starts_with("ERR "), "{} is {}", text, sum);
    }
}
