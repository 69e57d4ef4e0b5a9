//! Binary floating-point numbers with a 64-bit mantissa: `long double` on x86-64.

use std::fmt;

use super::natural::Natural;

/// Bits of a mantissa.
const PRECISION: i32 = 64;

/// Exponent of the least significant bit of the smallest number.
const MIN_EXPONENT: i32 = -16_445;

/// Numbers of at least 2 to this power are infinite.
const MAX_BITS: i32 = 16_384;

/// Decimals that are shown.
const DECIMALS: usize = 17;

/// 10 to the power of [`DECIMALS`].
const ONE: u128 = 100_000_000_000_000_000;

/// A finite number: `mantissa * 2^exponent`. Zero has no sign, because it is never shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extended {
    negative: bool,
    mantissa: u64,
    exponent: i32,
}

impl Extended {
    pub(super) const ZERO: Self = Self {
        negative: false,
        mantissa: 0,
        exponent: 0,
    };

    pub(super) const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Rounds `bits * 2^exponent` to the nearest number, or to the even one of two. Returns `None`
    /// if it is infinite.
    ///
    /// `inexact` is set if the exact value is greater by less than one in the last bit. `bits` then
    /// has more bits than a mantissa.
    pub(super) fn rounded(
        negative: bool,
        bits: u128,
        exponent: i32,
        inexact: bool,
    ) -> Option<Self> {
        let surplus = (length(bits) - PRECISION).max(MIN_EXPONENT - exponent);
        let (kept, exponent) = if surplus <= 0 {
            (bits, exponent)
        } else {
            (shifted(bits, surplus, inexact), exponent + surplus)
        };
        // Rounding up may have added a bit, whose lower ones are then zero.
        let (kept, exponent) = match u64::try_from(kept) {
            Ok(kept) => (kept, exponent),
            Err(_) => (1 << (PRECISION - 1), exponent + 1),
        };
        if kept == 0 {
            return Some(Self::ZERO);
        }
        (length(u128::from(kept)) + exponent <= MAX_BITS).then_some(Self {
            negative,
            mantissa: kept,
            exponent,
        })
    }

    /// Returns the sum, or `None` if it is infinite.
    pub(super) fn sum(left: Self, right: Self) -> Option<Self> {
        let (left, right) = (left.normalized(), right.normalized());
        if left.is_zero() || right.is_zero() {
            return Some(if left.is_zero() { right } else { left });
        }
        let (large, small) = if left.exponent >= right.exponent {
            (left, right)
        } else {
            (right, left)
        };
        // Leaves one bit for the carry, and more bits below the mantissa than rounding needs.
        const BELOW: i32 = 62;
        let widened = |number: Self| u128::from(number.mantissa) << BELOW;
        let distance = (large.exponent - small.exponent).min(127);
        let (high, low) = (widened(large), widened(small));
        let aligned = low >> distance;
        let inexact = aligned << distance != low;
        let exponent = large.exponent - BELOW;
        if large.negative == small.negative {
            return Self::rounded(large.negative, high + aligned, exponent, inexact);
        }
        if high < aligned {
            // Both have the same exponent, so the difference is exact.
            return Self::rounded(small.negative, aligned - high, exponent, false);
        }
        // What was cut off makes the difference smaller.
        let difference = high - aligned - u128::from(inexact);
        Self::rounded(large.negative, difference, exponent, inexact)
    }

    /// Returns 1000 times the number, rounded up to an integer, or `None` if that is beyond the
    /// range of integers of 64 bits. A negative number beyond it becomes the smallest one.
    pub(super) fn thousandfold(self) -> Option<i64> {
        let product = u128::from(self.mantissa) * 1000;
        let Some(product) = Self::rounded(self.negative, product, self.exponent, false) else {
            return self.negative.then_some(i64::MIN);
        };
        let mantissa = i128::from(product.mantissa);
        let shift = product.exponent.unsigned_abs();
        let (whole, rest) = if product.is_zero() {
            (0, false)
        } else if product.exponent >= 64 {
            (i128::MAX, false)
        } else if product.exponent >= 0 {
            (mantissa << shift, false)
        } else {
            let whole = mantissa.checked_shr(shift).unwrap_or(0);
            (whole, whole.checked_shl(shift) != Some(mantissa))
        };
        match product.negative {
            true => Some(i64::try_from(-whole).unwrap_or(i64::MIN)),
            false => i64::try_from(whole + i128::from(rest)).ok(),
        }
    }

    /// Shifts the mantissa as far to the left as possible.
    const fn normalized(self) -> Self {
        let shift = self.mantissa.leading_zeros();
        if shift >= 64 {
            return Self::ZERO;
        }
        Self {
            negative: self.negative,
            mantissa: self.mantissa << shift,
            exponent: self.exponent - shift.cast_signed(),
        }
    }

    /// Returns the whole part and the decimals.
    fn decimal(self) -> (String, u128) {
        if let Ok(zeros) = u32::try_from(self.exponent) {
            let mut whole = Natural::from(self.mantissa);
            whole.shift_left(zeros);
            return (whole.into_decimal(), 0);
        }
        let scaled = shifted(u128::from(self.mantissa) * ONE, -self.exponent, false);
        ((scaled / ONE).to_string(), scaled % ONE)
    }
}

/// Shows at most 17 decimals, without an exponent and without trailing zeros, as Redis does.
impl fmt::Display for Extended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = self.decimal();
        if self.negative && (whole != "0" || decimals > 0) {
            f.write_str("-")?;
        }
        f.write_str(&whole)?;
        if decimals == 0 {
            return Ok(());
        }
        let decimals = format!("{decimals:0DECIMALS$}");
        write!(f, ".{}", decimals.trim_end_matches('0'))
    }
}

/// Divides by a power of two and rounds to the nearest number, or to the even one of two. `inexact`
/// is set if the exact value of `bits` is greater by less than one.
pub(super) fn shifted(bits: u128, by: i32, inexact: bool) -> u128 {
    if by > length(bits) {
        return 0;
    }
    let kept = bits.checked_shr(by.unsigned_abs()).unwrap_or(0);
    let half = 1_u128 << (by - 1);
    let rest = bits & (half | (half - 1));
    let is_up = rest > half || rest == half && (inexact || kept % 2 == 1);
    kept + u128::from(is_up)
}

/// Returns the number of bits without leading zeros.
pub(super) const fn length(bits: u128) -> i32 {
    128 - bits.leading_zeros().cast_signed()
}
