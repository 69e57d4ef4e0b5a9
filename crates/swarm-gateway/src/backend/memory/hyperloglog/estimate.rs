//! Hash of an element, and the estimate of the number of elements.

use super::{COUNTED_BITS, INDEX_BITS};

/// MurmurHash64A with the seed of Redis.
pub(super) fn murmur(data: &[u8]) -> u64 {
    const SEED: u64 = 0xadc8_3b19;
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    let mut hash = SEED ^ (data.len() as u64).wrapping_mul(FACTOR);
    let (blocks, rest) = data.as_chunks::<8>();
    for block in blocks {
        let mut block = u64::from_le_bytes(*block).wrapping_mul(FACTOR);
        block ^= block >> 47;
        hash = (hash ^ block.wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let bytes = rest.iter().rev();
        let rest = bytes.fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = (hash ^ rest).wrapping_mul(FACTOR);
    }
    hash ^= hash >> 47;
    hash = hash.wrapping_mul(FACTOR);
    hash ^ hash >> 47
}

/// How many registers have each value.
pub(super) struct Counts([u32; 64]);

impl Counts {
    pub(super) const fn new() -> Self {
        Self([0; 64])
    }

    /// Counts registers with the same value.
    pub(super) fn add(&mut self, value: u8, registers: usize) {
        if let Some(count) = self.0.get_mut(usize::from(value)) {
            *count += u32::try_from(registers).unwrap_or(0);
        }
    }
}

/// Estimates the number of elements from the registers, as described in "New cardinality estimation
/// algorithms for HyperLogLog sketches" by Otmar Ertl.
pub(super) fn estimate(counts: &Counts) -> u64 {
    const ALPHA: f64 = 0.721_347_520_444_481_7;
    let Counts(counts) = counts;
    let count = |value: usize| f64::from(counts.get(value).copied().unwrap_or(0));
    let total = f64::from(1_u32 << INDEX_BITS);
    let mut z = total * tau((total - count(COUNTED_BITS + 1)) / total);
    for value in (1..=COUNTED_BITS).rev() {
        z += count(value);
        z *= 0.5;
    }
    z += total * sigma(count(0) / total);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rounded, and not negative"
    )]
    let estimate = (ALPHA * total * total / z).round() as u64;
    estimate
}

#[expect(clippy::float_cmp, reason = "iterates until nothing changes")]
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if before == z {
            return z / 3.0;
        }
    }
}

#[expect(clippy::float_cmp, reason = "iterates until nothing changes")]
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if before == z {
            return z;
        }
    }
}
