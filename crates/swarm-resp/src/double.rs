//! Formats doubles as Redis does: like `%.17g`, but with the fewest digits that parse to the same
//! number.

/// Maximum length of a formatted double: `-2.2250738585072014e-308`.
pub(crate) const MAX_LEN: usize = 24;

/// Whole numbers from here on have 17 digits, all of which Redis writes.
const EXACT_FROM: f64 = 1e16;

/// Numbers from here on are formatted with an exponent.
const EXPONENT_FROM: f64 = 1e17;

/// Returns a whole number for which Redis writes more digits than the shortest form has.
pub(crate) fn exact(value: f64) -> Option<i64> {
    let is_exact = (EXACT_FROM..EXPONENT_FROM).contains(&value.abs());
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
    is_exact.then_some(value as i64)
}

/// Converts the shortest form, as formatted by `ryu`, to the format of Redis. Returns `None` if
/// they are equal except for a trailing `.0`.
pub(crate) fn redis_format(shortest: &str) -> Option<([u8; MAX_LEN], usize)> {
    let (sign, unsigned) = match shortest.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", shortest),
    };
    let (mantissa, exponent) = match unsigned.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None if unsigned.starts_with("0.0000") => (unsigned, 0),
        None => return None,
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    let leading = digits().take_while(|digit| *digit == b'0').count();
    let first = i32::try_from(leading).ok()?.checked_add(1)?;
    let exponent = (exponent.checked_add(i32::try_from(whole.len()).ok()?)?).checked_sub(first)?;
    let mut buffer = Buffer::default();
    buffer.push(sign.bytes());
    if exponent == 16 {
        buffer.push(digits().chain(std::iter::repeat(b'0')).take(17));
    } else {
        let mut digits = digits().skip(leading);
        buffer.push(digits.next().into_iter());
        let mut digits = digits.peekable();
        buffer.push(digits.peek().map(|_| b'.').into_iter());
        buffer.push(digits);
        let (sign, power) = (
            if exponent < 0 { b'-' } else { b'+' },
            exponent.unsigned_abs(),
        );
        buffer.push([b'e', sign].into_iter());
        buffer.push((power < 10).then_some(b'0').into_iter());
        buffer.push(itoa::Buffer::new().format(power).bytes());
    }
    Some((buffer.bytes, buffer.len))
}

#[derive(Default)]
struct Buffer {
    bytes: [u8; MAX_LEN],
    len: usize,
}

impl Buffer {
    fn push(&mut self, bytes: impl Iterator<Item = u8>) {
        for byte in bytes {
            if let Some(to) = self.bytes.get_mut(self.len) {
                *to = byte;
                self.len = self.len.saturating_add(1);
            }
        }
    }
}
