//! Encodes doubles as Redis does: `%.17g`, with no more digits than it takes to read the same number back.

/// No double takes more: `-2.2250738585072014e-308`.
pub(crate) const MAX_LEN: usize = 24;

/// Whole numbers from here on have 17 digits, all of which Redis writes.
const EXACT_FROM: f64 = 1e16;

/// Numbers from here on are written with an exponent.
const EXPONENT_FROM: f64 = 1e17;

/// A whole number that Redis writes with more digits than identify it.
pub(crate) fn exact(value: f64) -> Option<i64> {
    let is_exact = (EXACT_FROM..EXPONENT_FROM).contains(&value.abs());
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
    is_exact.then_some(value as i64)
}

/// Turns the shortest form, as `ryu` lays it out, into Redis' layout. `None` if that is the same but for a `.0`.
pub(crate) fn laid_out(shortest: &str) -> Option<([u8; MAX_LEN], usize)> {
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
    buffer.put(sign.bytes());
    if exponent == 16 {
        buffer.put(digits().chain(std::iter::repeat(b'0')).take(17));
    } else {
        let mut digits = digits().skip(leading);
        buffer.put(digits.next().into_iter());
        let mut digits = digits.peekable();
        buffer.put(digits.peek().map(|_| b'.').into_iter());
        buffer.put(digits);
        let (sign, power) = (
            if exponent < 0 { b'-' } else { b'+' },
            exponent.unsigned_abs(),
        );
        buffer.put([b'e', sign].into_iter());
        buffer.put((power < 10).then_some(b'0').into_iter());
        buffer.put(itoa::Buffer::new().format(power).bytes());
    }
    Some((buffer.bytes, buffer.len))
}

#[derive(Default)]
struct Buffer {
    bytes: [u8; MAX_LEN],
    len: usize,
}

impl Buffer {
    fn put(&mut self, bytes: impl Iterator<Item = u8>) {
        for byte in bytes {
            if let Some(to) = self.bytes.get_mut(self.len) {
                *to = byte;
                self.len = self.len.saturating_add(1);
            }
        }
    }
}
