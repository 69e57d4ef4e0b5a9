//! The cached values: which may be used, how long, and how much memory they take.
//!
//! Reads no clock and performs no I/O: the time is passed in.

use std::collections::hash_map::RandomState;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::runtime::Instant;
use bytes::Bytes;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Lifecycle, Weighter};
use swarm_resp::{Frame, FrameRef};

use super::stats::CacheStats;
use super::validity::{Stamp, Validity};

/// Estimated size of a value, for the initial size of the table.
const ESTIMATED_SIZE: usize = 1 << 10;

/// Memory of an entry besides the bytes of its request and of its value: the entry itself, its
/// place in the table, and two allocations.
const ENTRY_OVERHEAD: usize = 160;

/// Memory of one element of a value besides its bytes.
const ELEMENT_OVERHEAD: usize = 16;

/// Cached values by encoded request.
#[derive(Debug)]
pub(super) struct Store {
    validity: Validity,
    entries: Cache<Key, Entry, Size, RandomState, Evictions>,
    max_age: Option<Duration>,
    counters: Arc<Counters>,
}

/// An encoded request that is stored.
#[derive(Debug, Clone)]
struct Key(Bytes);

/// An encoded request that is looked up. It hashes as [`Key`] does, which costs half of the hash of
/// a slice, because the length is not hashed: no part of a request is a request.
struct Encoded<'a>(&'a [u8]);

impl Hash for Encoded<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0);
    }
}

impl Equivalent<Key> for Encoded<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self.0 == *key.0
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Encoded(&self.0).hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Key {}

#[derive(Debug, Clone)]
struct Entry {
    value: Frame,
    stamp: Stamp,
    expires: Option<Instant>,
    size: u32,
}

#[derive(Debug, Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
    invalidations: AtomicU64,
    flushes: AtomicU64,
    poisoned: AtomicU64,
}

#[derive(Debug, Clone)]
struct Size;

impl Weighter<Key, Entry> for Size {
    fn weight(&self, _: &Key, entry: &Entry) -> u64 {
        u64::from(entry.size)
    }
}

/// Counts entries that were removed to stay within the budget.
#[derive(Debug, Clone)]
struct Evictions(Arc<Counters>);

impl Lifecycle<Key, Entry> for Evictions {
    type RequestState = ();

    fn on_evict(&self, (): &mut (), _: Key, _: Entry) {
        self.0.evictions.fetch_add(1, Ordering::Relaxed);
    }
}

impl Store {
    /// Creates a store that takes at most `budget` bytes, and uses a value for at most `max_age`.
    pub(super) fn new(budget: usize, max_age: Option<Duration>, hasher: RandomState) -> Self {
        let validity = Validity::for_budget(budget, hasher.clone());
        let left = budget.saturating_sub(validity.size()).max(1);
        let counters = Arc::<Counters>::default();
        Self {
            validity,
            entries: Cache::with(
                (left / ESTIMATED_SIZE).max(1),
                left as u64,
                Size,
                hasher,
                Evictions(Arc::clone(&counters)),
            ),
            max_age,
            counters,
        }
    }

    /// Returns the value of an encoded request, if it may be used.
    #[inline]
    pub(super) fn hit(&self, request: &[u8], now: impl FnOnce() -> Instant) -> Option<Frame> {
        let entry = self.entries.get(&Encoded(request))?;
        let is_valid = self.validity.is_current(entry.stamp)
            && entry.expires.is_none_or(|expires| now() < expires);
        if !is_valid {
            self.entries
                .remove_if(&Encoded(request), |stored| stored.stamp == entry.stamp);
            return None;
        }
        self.counters.hits.fetch_add(1, Ordering::Relaxed);
        Some(entry.value)
    }

    /// Returns the stamp for a value of a key, after there was no [`hit`](Self::hit) and before the
    /// value is requested.
    pub(super) fn miss(&self, key: &[u8]) -> Stamp {
        self.counters.misses.fetch_add(1, Ordering::Relaxed);
        self.validity.stamp(self.validity.slot(key))
    }

    /// Stores a value, unless it has become invalid since its request was sent.
    ///
    /// `sent` is when the request was sent, and `time_to_live` is that of the key.
    pub(super) fn insert(
        &self,
        request: &Bytes,
        value: &Frame,
        stamp: Stamp,
        sent: Instant,
        time_to_live: Option<Duration>,
    ) {
        if !self.validity.is_current(stamp) {
            self.counters.poisoned.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let age = time_to_live.into_iter().chain(self.max_age).min();
        // An age beyond the range of the clock never ends.
        let expires = age.and_then(|age| sent.checked_add(age));
        let value = value.compact();
        let bytes = (request.len())
            .saturating_add(size_of_value(value.view()))
            .saturating_add(ENTRY_OVERHEAD);
        let entry = Entry {
            value,
            stamp,
            expires,
            size: u32::try_from(bytes).unwrap_or(u32::MAX),
        };
        // A copy, because the request may share a larger buffer.
        self.entries
            .insert(Key(Bytes::copy_from_slice(request)), entry);
    }

    /// Invalidates the values of a key.
    pub(super) fn invalidate(&self, key: &[u8]) {
        self.validity.invalidate(self.validity.slot(key));
    }

    /// Invalidates the values of a key that the server has announced.
    pub(super) fn announced(&self, key: &[u8]) {
        self.counters.invalidations.fetch_add(1, Ordering::Relaxed);
        self.invalidate(key);
    }

    /// Invalidates all values.
    pub(super) fn flush(&self) {
        self.counters.flushes.fetch_add(1, Ordering::Relaxed);
        self.validity.invalidate_all();
        self.entries.clear();
    }

    /// Returns the metrics.
    pub(super) fn stats(&self) -> CacheStats {
        let Counters {
            hits,
            misses,
            evictions,
            invalidations,
            flushes,
            poisoned,
        } = &*self.counters;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheStats {
            hits: count(hits),
            misses: count(misses),
            evictions: count(evictions),
            invalidations: count(invalidations),
            flushes: count(flushes),
            poisoned: count(poisoned),
            entries: self.entries.len(),
            bytes: usize::try_from(self.entries.weight())
                .unwrap_or(usize::MAX)
                .saturating_add(self.validity.size()),
            is_tracking: false,
        }
    }
}

/// Returns the approximate size of a value in memory.
fn size_of_value(value: FrameRef<'_>) -> usize {
    let (mut size, mut rest) = (0_usize, vec![value]);
    while let Some(value) = rest.pop() {
        size = size.saturating_add(ELEMENT_OVERHEAD);
        if let Some(bytes) = value.as_bytes() {
            size = size.saturating_add(bytes.len());
        } else if let Some(pairs) = value.pairs() {
            rest.extend(pairs.flat_map(|(key, value)| [key, value]));
        } else if let Some(items) = value.items() {
            rest.extend(items);
        }
    }
    size
}
