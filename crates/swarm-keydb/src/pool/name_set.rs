//! Names of several calls, to find out which other calls they keep waiting.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::OrderKeys;

/// Names of calls, each with the number of calls that have it.
#[derive(Debug, Default)]
pub(crate) struct NameSet {
    names: HashMap<u64, usize>,
    /// Number of calls, and of those that concern everything.
    calls: usize,
    fences: usize,
}

impl NameSet {
    pub(crate) fn insert(&mut self, keys: &OrderKeys) {
        self.calls += 1;
        self.fences += usize::from(keys.is_fence());
        for name in keys.names() {
            *self.names.entry(*name).or_default() += 1;
        }
    }

    pub(crate) fn remove(&mut self, keys: &OrderKeys) {
        self.calls = self.calls.saturating_sub(1);
        self.fences = (self.fences).saturating_sub(usize::from(keys.is_fence()));
        for name in keys.names() {
            if let Entry::Occupied(mut count) = self.names.entry(*name) {
                match count.get().checked_sub(1) {
                    Some(left @ 1..) => *count.get_mut() = left,
                    _ => drop(count.remove()),
                }
            }
        }
    }

    /// Whether a later call with these keys must wait for one of the calls.
    pub(crate) fn meets(&self, keys: &OrderKeys) -> bool {
        self.fences > 0
            || keys.is_fence() && self.calls > 0
            || (keys.names().iter()).any(|name| self.names.contains_key(name))
    }
}
