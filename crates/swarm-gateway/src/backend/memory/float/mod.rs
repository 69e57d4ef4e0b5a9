//! Numbers with a fraction: the 80-bit floats of Redis on x86-64 for INCRBYFLOAT and timeouts, and
//! doubles as C parses and formats them.

mod double;
mod extended;
mod natural;
mod parse;
#[cfg(test)]
mod tests;

use super::reject::Reject;
use extended::Extended;

pub(super) use double::{bound, double, fixed, general, human, weight};
#[cfg(feature = "lua")]
pub(super) use double::{prefix, significant};

pub(super) const INVALID: Reject = Reject::text("ERR value is not a valid float");
const NOT_FINITE: Reject = Reject::text("ERR increment would produce NaN or Infinity");

/// A number with 64 bits of precision, or an infinite one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Long(Option<Extended>);

impl Long {
    pub(super) const ZERO: Self = Self(Some(Extended::ZERO));

    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        parse::number(text).map(Self)
    }

    pub(super) const fn is_finite(self) -> bool {
        self.0.is_some()
    }

    /// Adds a number and formats the sum with at most 17 decimals, without an exponent or trailing
    /// zeros.
    pub(super) fn sum(self, other: Self) -> Result<String, Reject> {
        let sum = (self.0.zip(other.0)).and_then(|(left, right)| Extended::sum(left, right));
        Ok(sum.ok_or(NOT_FINITE)?.to_string())
    }
}

/// Adds two numbers as [`Long::sum`] does.
pub(super) fn add(left: &[u8], right: &[u8]) -> Result<String, Reject> {
    let left = Long::parse(left).ok_or(INVALID)?;
    let right = Long::parse(right).ok_or(INVALID)?;
    left.sum(right)
}

/// Parses the timeout of a blocking command, in seconds. Returns when it ends, in milliseconds, or
/// `None` if it never does.
pub(super) fn deadline(timeout: &[u8], now: i64) -> Result<Option<i64>, Reject> {
    const INVALID: Reject = Reject::text("ERR timeout is not a float or out of range");
    const NEGATIVE: Reject = Reject::text("ERR timeout is negative");
    let seconds = parse::number(timeout).ok_or(INVALID)?;
    // Redis takes one that is too large for a negative one.
    match seconds.and_then(Extended::thousandfold) {
        None | Some(..0) => Err(NEGATIVE),
        Some(0) => Ok(None),
        Some(milliseconds) => Ok(milliseconds.checked_add(now)),
    }
}
