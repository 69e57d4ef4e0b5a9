//! Decimal arithmetic of INCRBYFLOAT.

use super::reject::Reject;

/// Number of decimal places kept and shown.
const DIGITS: usize = 17;

/// 10 to the power of [`DIGITS`].
const ONE: i128 = 100_000_000_000_000_000;

/// Adds two numbers and formats the sum without an exponent or trailing zeros.
///
/// Redis adds 80-bit floats, which shows as noise in the last digits of sums above 8. Here the sum
/// is exact as long as it fits, and falls back to a 64-bit float beyond that.
pub(super) fn add(left: &[u8], right: &[u8]) -> Result<String, Reject> {
    let (left, right) = (Number::parse(left)?, Number::parse(right)?);
    let exact = left.exact.zip(right.exact);
    if let Some(sum) = exact.and_then(|(left, right)| left.checked_add(right)) {
        return Ok(spell(sum));
    }
    let sum = left.nearest + right.nearest;
    if sum.is_finite() {
        Ok(format!("{sum:.0}"))
    } else {
        Err(Reject::text("ERR increment would produce NaN or Infinity"))
    }
}

struct Number {
    nearest: f64,
    /// The value in units of 10^-[`DIGITS`], if it is a whole number of them.
    exact: Option<i128>,
}

impl Number {
    fn parse(text: &[u8]) -> Result<Self, Reject> {
        let invalid = Reject::text("ERR value is not a valid float");
        let text = std::str::from_utf8(text).map_err(|_| invalid.clone())?;
        let nearest: f64 = text.parse().map_err(|_| invalid.clone())?;
        if nearest.is_nan() {
            return Err(invalid);
        }
        Ok(Self {
            nearest,
            exact: exact(text),
        })
    }
}

/// Parses a decimal number exactly, applying its exponent.
fn exact(text: &str) -> Option<i128> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits: i128 = digits.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?;
    let shift = exponent.checked_sub(places)?.checked_add(DIGITS as i32)?;
    let power = 10i128.checked_pow(shift.unsigned_abs())?;
    if shift >= 0 {
        digits.checked_mul(power)
    } else {
        (digits % power == 0).then_some(digits / power)
    }
}

fn spell(sum: i128) -> String {
    let sign = if sum < 0 { "-" } else { "" };
    let sum = sum.unsigned_abs();
    let (whole, fraction) = (sum / ONE.unsigned_abs(), sum % ONE.unsigned_abs());
    let text = format!("{sign}{whole}.{fraction:017}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::add;

    #[test]
    fn sums_are_spelled_plainly() {
        for (left, right, sum) in [
            ("0.1", "0.2", "0.3"),
            ("10.5", "0.1", "10.6"),
            ("5.0e3", "2.0e2", "5200"),
            ("0", "-0.5", "-0.5"),
            ("3", "-3", "0"),
            ("1e20", "0", "100000000000000000000"),
        ] {
            let text = add(left.as_bytes(), right.as_bytes()).unwrap();
            assert_eq!(text, sum, "{left} + {right}");
        }
        for text in ["", "a", "nan", "1 ", " 1", "0x"] {
            assert!(add(b"0", text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(add(b"1e308", b"1e309").is_err());
    }
}
