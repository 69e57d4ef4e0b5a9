//! BITCOUNT and BITPOS.

use std::ops::RangeInclusive;

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply, count};
use super::super::reject::Reject;
use super::bit;

/// Unit of the indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Bytes,
    Bits,
}

impl Unit {
    fn parse(text: &[u8]) -> Result<Self, Reject> {
        match text.to_ascii_uppercase().as_slice() {
            b"BIT" => Ok(Self::Bits),
            b"BYTE" => Ok(Self::Bytes),
            _ => Err(Reject::SYNTAX),
        }
    }

    /// Converts indices, negative ones counted from the end, to places of bits.
    fn bits(self, start: i64, end: i64, length: usize) -> Option<RangeInclusive<usize>> {
        let (total, width) = match self {
            Self::Bits => (length.saturating_mul(8), 1),
            Self::Bytes => (length, 8),
        };
        let total = i64::try_from(total).ok()?;
        let from_start = |index: i64| match index {
            ..0 => index.saturating_add(total).max(0),
            index => index,
        };
        let (start, end) = (from_start(start), from_start(end).min(total - 1));
        if start > end {
            return None;
        }
        let first = usize::try_from(start).ok()? * width;
        let last = usize::try_from(end).ok()? * width + width - 1;
        Some(first..=last)
    }
}

/// Counts the bits that are set.
fn ones(bytes: &[u8], range: RangeInclusive<usize>) -> usize {
    let (first, last) = range.into_inner();
    let whole = bytes.get(first / 8..=last / 8).unwrap_or_default();
    let all: usize = whole.iter().map(|byte| byte.count_ones() as usize).sum();
    let before = (first / 8 * 8..first).filter(|at| bit(bytes, *at)).count();
    let after = (last + 1..(last / 8 + 1) * 8)
        .filter(|at| bit(bytes, *at))
        .count();
    all - before - after
}

/// `BITCOUNT key [start end [BYTE|BIT]]`.
pub(super) fn bitcount(call: &mut Call<'_>) -> Reply {
    let Some(value) = call.keyspace.string(call.arg(1))? else {
        return Ok(Frame::integer(0));
    };
    let range = match call.rest(2) {
        [] => Unit::Bytes.bits(0, -1, value.len()),
        [_, _] | [_, _, _] => {
            let (start, end) = (call.integer(2)?, call.integer(3)?);
            if start < 0 && end < 0 && start > end {
                return Ok(Frame::integer(0));
            }
            let unit = call.rest(4).first();
            let unit = unit.map_or(Ok(Unit::Bytes), |unit| Unit::parse(unit))?;
            unit.bits(start, end, value.len())
        }
        _ => return Err(Reject::SYNTAX),
    };
    Ok(count(range.map_or(0, |range| ones(value, range))))
}

/// Returns the place of the first bit that is set, or clear.
fn find(bytes: &[u8], range: &RangeInclusive<usize>, on: bool) -> Option<usize> {
    let skipped = if on { 0 } else { u8::MAX };
    let mut at = *range.start();
    while at <= *range.end() {
        if at.is_multiple_of(8) && bytes.get(at / 8) == Some(&skipped) {
            at += 8;
            continue;
        }
        if bit(bytes, at) == on {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// `BITPOS key bit [start [end [BYTE|BIT]]]`.
pub(super) fn bitpos(call: &mut Call<'_>) -> Reply {
    let on = match call.integer(2)? {
        0 => false,
        1 => true,
        _ => return Err(Reject::text("ERR The bit argument must be 1 or 0.")),
    };
    let Some(value) = call.keyspace.string(call.arg(1))?.cloned() else {
        return Ok(Frame::integer(if on { -1 } else { 0 }));
    };
    if call.args.len() > 6 {
        return Err(Reject::SYNTAX);
    }
    let start = match call.args.get(3) {
        Some(_) => call.integer(3)?,
        None => 0,
    };
    let unit = call.args.get(5).map(Bytes::as_ref);
    let unit = unit.map_or(Ok(Unit::Bytes), Unit::parse)?;
    let end = match call.args.get(4) {
        Some(_) => Some(call.integer(4)?),
        None => None,
    };
    let Some(range) = unit.bits(start, end.unwrap_or(-1), value.len()) else {
        return Ok(Frame::integer(-1));
    };
    Ok(match find(&value, &range, on) {
        Some(at) => count(at),
        // Without an end, zeros follow the string.
        None if !on && end.is_none() => count(value.len() * 8),
        None => Frame::integer(-1),
    })
}
