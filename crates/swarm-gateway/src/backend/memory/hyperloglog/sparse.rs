//! Sparse encoding: runs of equal registers.

use bytes::BytesMut;

use super::estimate::Counts;
use super::{HEADER, REGISTERS};

/// Registers with a higher value are not encoded.
const MAX_VALUE: u8 = 32;
/// Longest run of a register that is not zero.
const MAX_RUN: usize = 4;
/// Longest run of zeros in one byte.
const MAX_SHORT: usize = 64;

/// A run of equal registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    value: u8,
    length: usize,
    /// Bytes of its encoding.
    size: usize,
}

impl Run {
    /// Decodes the run at a place.
    fn at(value: &[u8], place: usize) -> Option<Self> {
        let first = *value.get(place)?;
        let low = usize::from(first & 63);
        Some(match first >> 6 {
            0 => Self {
                value: 0,
                length: low + 1,
                size: 1,
            },
            1 => Self {
                value: 0,
                length: (low << 8 | usize::from(*value.get(place + 1)?)) + 1,
                size: 2,
            },
            _ => Self {
                value: (first >> 2 & 31) + 1,
                length: usize::from(first & 3) + 1,
                size: 1,
            },
        })
    }

    const fn is_zero(self) -> bool {
        self.value == 0
    }
}

/// Encodes a run of zeros.
pub(super) fn zeros(length: usize) -> Vec<u8> {
    let length_less_one = u16::try_from(length - 1).unwrap_or(u16::MAX);
    let [high, low] = length_less_one.to_be_bytes();
    match length > MAX_SHORT {
        true => vec![1 << 6 | high, low],
        false => vec![low],
    }
}

/// Encodes a short run of a value that is not zero.
fn run(value: u8, length: usize) -> u8 {
    let length = u8::try_from(length).unwrap_or(1);
    1 << 7 | (value - 1) << 2 | (length - 1)
}

/// Calls a function with each run. Returns `None` if the value is corrupted.
fn each_run(value: &[u8], mut run: impl FnMut(Run)) -> Option<()> {
    let (mut place, mut registers) = (HEADER, 0);
    while place < value.len() {
        let next = Run::at(value, place)?;
        registers += next.length;
        if registers > REGISTERS {
            return None;
        }
        run(next);
        place += next.size;
    }
    (registers == REGISTERS).then_some(())
}

/// Returns all registers, or `None` if the value is corrupted.
pub(super) fn registers(value: &[u8]) -> Option<Vec<u8>> {
    let mut registers = Vec::with_capacity(REGISTERS);
    each_run(value, |run| {
        registers.extend(std::iter::repeat_n(run.value, run.length));
    })?;
    Some(registers)
}

/// Returns how many registers have each value, or `None` if the value is corrupted.
pub(super) fn counts(value: &[u8]) -> Option<Counts> {
    let mut counts = Counts::new();
    each_run(value, |run| counts.add(run.value, run.length))?;
    Some(counts)
}

/// Result of raising a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raised {
    Yes,
    No,
    /// The register cannot be raised in this encoding.
    TooLarge,
}

/// Raises a register. Returns `None` if the value is corrupted.
pub(super) fn raise(value: &mut BytesMut, index: usize, count: u8, most: usize) -> Option<Raised> {
    if count > MAX_VALUE {
        return Some(Raised::TooLarge);
    }
    // The run with the register, where it starts, and the place of the run before it.
    let (mut first, mut place, mut before) = (0, HEADER, HEADER);
    let bytes: &[u8] = value;
    let found = loop {
        // Decodes only what it needs, because a value may have thousands of runs.
        let (length, size) = match *bytes.get(place)? {
            byte @ ..64 => (usize::from(byte) + 1, 1),
            byte @ 128.. => (usize::from(byte & 3) + 1, 1),
            _ => {
                let run = Run::at(bytes, place)?;
                (run.length, run.size)
            }
        };
        if index < first + length {
            break Run::at(bytes, place)?;
        }
        before = place;
        place += size;
        first += length;
    };
    if !found.is_zero() && found.value >= count {
        return Some(Raised::No);
    }
    let same = |length: usize| match (found.is_zero(), length) {
        (_, 0) => Vec::new(),
        (true, length) => zeros(length),
        (false, length) => vec![run(found.value, length)],
    };
    let mut parts = same(index - first);
    parts.push(run(count, 1));
    parts.extend(same(first + found.length - 1 - index));
    if parts.len() > found.size && value.len() + parts.len() - found.size > most {
        return Some(Raised::TooLarge);
    }
    let tail = value.split_off(place + found.size);
    value.truncate(place);
    value.extend_from_slice(&parts);
    value.extend_from_slice(&tail);
    merge_runs(value, before);
    Some(Raised::Yes)
}

/// Merges equal runs among the five from a place on.
fn merge_runs(value: &mut BytesMut, mut place: usize) {
    for _ in 0..5 {
        let Some(left) = Run::at(value, place) else {
            return;
        };
        if left.is_zero() {
            place += left.size;
            continue;
        }
        let right = Run::at(value, place + 1);
        let right = right.filter(|right| right.value == left.value);
        let length = right.map(|right| left.length + right.length);
        match length.filter(|length| *length <= MAX_RUN) {
            Some(length) => {
                let tail = value.split_off(place + 2);
                value.truncate(place);
                value.extend_from_slice(&[run(left.value, length)]);
                value.extend_from_slice(&tail);
            }
            None => place += 1,
        }
    }
}
