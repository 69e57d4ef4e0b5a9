//! Arithmetic of INCRBYFLOAT: the 80-bit floats of Redis on x86-64.

mod extended;
mod natural;
mod parse;
#[cfg(test)]
mod tests;

use super::reject::Reject;
use extended::Extended;

const INVALID: Reject = Reject::text("ERR value is not a valid float");
const NOT_FINITE: Reject = Reject::text("ERR increment would produce NaN or Infinity");

/// Adds two numbers and formats the sum with at most 17 decimals, without an exponent or trailing
/// zeros.
pub(super) fn add(left: &[u8], right: &[u8]) -> Result<String, Reject> {
    let left = parse::number(left).ok_or(INVALID)?;
    let right = parse::number(right).ok_or(INVALID)?;
    let sum = (left.zip(right)).and_then(|(left, right)| Extended::sum(left, right));
    Ok(sum.ok_or(NOT_FINITE)?.to_string())
}
