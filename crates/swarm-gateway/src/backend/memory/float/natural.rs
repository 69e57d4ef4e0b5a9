//! Natural numbers of any size, as needed to convert between decimal and binary.

/// A natural number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Natural {
    /// Digits in base 2^32, the least significant first. The last one is not zero.
    digits: Vec<u32>,
}

/// Largest power of ten that fits into a digit, and its exponent.
const CHUNK: (u32, u32) = (1_000_000_000, 9);

impl Natural {
    pub(super) const fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Returns the number of bits without leading zeros.
    pub(super) fn bits(&self) -> u32 {
        let Some(last) = self.digits.last() else {
            return 0;
        };
        let digits = u32::try_from(self.digits.len()).unwrap_or(u32::MAX);
        digits.saturating_mul(32) - last.leading_zeros()
    }

    /// Multiplies by `factor`, then adds `summand`.
    pub(super) fn multiply_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for digit in &mut self.digits {
            let product = u64::from(*digit) * u64::from(factor) + carry;
            *digit = low(product);
            carry = product >> 32;
        }
        if carry > 0 {
            self.digits.push(low(carry));
        }
        self.trim();
    }

    /// Divides by `divisor` and returns the remainder.
    pub(super) fn divide(&mut self, divisor: u32) -> u32 {
        let mut rest = 0;
        for digit in self.digits.iter_mut().rev() {
            let dividend = rest << 32 | u64::from(*digit);
            *digit = low(dividend / u64::from(divisor));
            rest = dividend % u64::from(divisor);
        }
        self.trim();
        low(rest)
    }

    pub(super) fn multiply_by_power_of_ten(&mut self, exponent: u32) {
        for _ in 0..exponent / CHUNK.1 {
            self.multiply_add(CHUNK.0, 0);
        }
        self.multiply_add(10_u32.pow(exponent % CHUNK.1), 0);
    }

    /// Divides by a power of ten, and returns whether there is a remainder.
    pub(super) fn divide_by_power_of_ten(&mut self, exponent: u32) -> bool {
        let mut inexact = false;
        for _ in 0..exponent / CHUNK.1 {
            inexact |= self.divide(CHUNK.0) > 0;
        }
        inexact | (self.divide(10_u32.pow(exponent % CHUNK.1)) > 0)
    }

    pub(super) fn shift_left(&mut self, bits: u32) {
        if self.is_zero() {
            return;
        }
        self.multiply_add(1 << (bits % 32), 0);
        let zeros = usize::try_from(bits / 32).unwrap_or(usize::MAX);
        drop(self.digits.splice(0..0, std::iter::repeat_n(0, zeros)));
    }

    /// Returns the most significant digits as a number of more than 96 bits if there are as many,
    /// how many bits it lacks, and whether any of those is set.
    pub(super) fn top(&self) -> (u128, u32, bool) {
        let cut = self.digits.len().saturating_sub(4);
        let (low, high) = self.digits.split_at(cut);
        let top = high
            .iter()
            .rev()
            .fold(0, |top, digit| top << 32 | u128::from(*digit));
        let lacking = u32::try_from(cut).unwrap_or(u32::MAX).saturating_mul(32);
        (top, lacking, low.iter().any(|digit| *digit > 0))
    }

    /// Formats the number in decimal.
    pub(super) fn into_decimal(mut self) -> String {
        let mut chunks = Vec::new();
        while !self.is_zero() {
            chunks.push(self.divide(CHUNK.0));
        }
        let Some(first) = chunks.pop() else {
            return "0".to_owned();
        };
        let rest = chunks.iter().rev().map(|chunk| format!("{chunk:09}"));
        std::iter::once(first.to_string()).chain(rest).collect()
    }

    fn trim(&mut self) {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
    }
}

impl From<u64> for Natural {
    fn from(number: u64) -> Self {
        let mut natural = Self {
            digits: vec![low(number), low(number >> 32)],
        };
        natural.trim();
        natural
    }
}

/// Returns the lower half of a number.
fn low(number: u64) -> u32 {
    u32::try_from(number & u64::from(u32::MAX)).unwrap_or(0)
}
