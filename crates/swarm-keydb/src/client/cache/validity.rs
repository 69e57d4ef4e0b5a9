//! Decides whether a cached value may still be used, in the presence of concurrent invalidations.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

/// Fewest and most counters. Each takes eight bytes.
const MIN_COUNTERS: usize = 1 << 10;
const MAX_COUNTERS: usize = 1 << 20;

/// Bytes of the budget per counter, so that the counters take a thirty-second part of it.
const BUDGET_PER_COUNTER: usize = 256;

/// The versions of all keys, as counters that invalidations increase.
///
/// A value is valid as long as its [`Stamp`], which was taken *before* its request was sent, is the
/// current one of its key. An invalidation that arrives after that moment changes the stamp,
/// whether the value is on its way, stored already, or never stored. Therefore, the order in which
/// invalidations and values are processed does not matter, and there is nothing to remove and no
/// request in flight to mark.
///
/// Keys share counters by their hash. A collision invalidates a value that is still correct, never
/// the opposite.
#[derive(Debug)]
pub(super) struct Validity {
    hasher: RandomState,
    /// Increased when all values become invalid.
    epoch: AtomicU64,
    /// One counter for all keys with the same hash, modulo their number, which is a power of two.
    versions: Box<[AtomicU64]>,
}

/// The counter of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot(u32);

/// The version of a key at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    slot: Slot,
    epoch: u64,
    version: u64,
}

impl Validity {
    /// Creates counters for a cache of this many bytes.
    pub(super) fn for_budget(bytes: usize, hasher: RandomState) -> Self {
        let count = (bytes / BUDGET_PER_COUNTER).clamp(MIN_COUNTERS, MAX_COUNTERS);
        let count = count.next_power_of_two();
        Self {
            hasher,
            epoch: AtomicU64::new(0),
            versions: (0..count).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Returns how many bytes the counters take.
    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.versions)
    }

    /// Returns the counter of a key.
    pub(super) fn slot(&self, key: &[u8]) -> Slot {
        let mask = self.versions.len() as u64 - 1;
        let index = self.hasher.hash_one(key) & mask;
        Slot(u32::try_from(index).unwrap_or_default())
    }

    /// Returns the current stamp. Take it before the request of a value is sent.
    pub(super) fn stamp(&self, slot: Slot) -> Stamp {
        // `SeqCst` throughout: whoever knows of an invalidation sees its effect.
        Stamp {
            slot,
            epoch: self.epoch.load(Ordering::SeqCst),
            version: self.version(slot).load(Ordering::SeqCst),
        }
    }

    /// Whether a value with this stamp may be used.
    pub(super) fn is_current(&self, stamp: Stamp) -> bool {
        self.stamp(stamp.slot) == stamp
    }

    /// Invalidates the values of a key.
    pub(super) fn invalidate(&self, slot: Slot) {
        self.version(slot).fetch_add(1, Ordering::SeqCst);
    }

    /// Invalidates all values.
    pub(super) fn invalidate_all(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    fn version(&self, Slot(index): Slot) -> &AtomicU64 {
        // The index is below the number of counters. Another one would only be a collision.
        (self.versions.get(index as usize)).unwrap_or(&self.epoch)
    }
}
