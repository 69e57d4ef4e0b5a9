//! What OBJECT shows of a key: when it was used last, and how its string came to be.

use std::cell::Cell;

use super::{Keyspace, Value};

/// How a string came to be, which decides about its encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in super::super) enum Origin {
    /// Written by a command that encodes integers.
    #[default]
    Written,
    /// The result of a calculation that is not encoded as an integer.
    Calculated,
    /// Modified in place.
    Modified,
}

/// Use of a key.
#[derive(Debug, Clone, Default)]
pub(super) struct Usage {
    /// Seconds since the Unix epoch.
    pub(super) accessed: Cell<u32>,
    pub(super) origin: Origin,
}

impl Usage {
    pub(super) fn new(accessed: u32) -> Self {
        Self {
            accessed: Cell::new(accessed),
            origin: Origin::default(),
        }
    }
}

/// Returns the seconds since the Unix epoch.
pub(super) fn seconds(milliseconds: i64) -> u32 {
    u32::try_from(milliseconds / 1000).unwrap_or(0)
}

impl Keyspace {
    /// Returns the value of a key without using it.
    pub(in super::super) fn peek(&self, key: &[u8]) -> Option<&Value> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    pub(in super::super) fn origin(&self, key: &[u8]) -> Origin {
        let entry = self.entries.get(key);
        entry.map(|entry| entry.usage.origin).unwrap_or_default()
    }

    /// Encodes a sorted set as a skip list, which is no change of the key.
    pub(in super::super) fn use_skip_list(&mut self, key: &[u8]) {
        if let Some(Value::SortedSet(set)) = self.entries.get_mut(key).map(|entry| &mut entry.value)
        {
            set.use_skip_list();
        }
    }

    pub(in super::super) fn set_origin(&mut self, key: &[u8], origin: Origin) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.usage.origin = origin;
        }
    }

    /// Uses a key, if it exists.
    pub(in super::super) fn use_key(&self, key: &[u8]) {
        self.get(key);
    }

    /// Returns how long a key has not been used, in seconds.
    pub(in super::super) fn idle(&self, key: &[u8], now: i64) -> i64 {
        let entry = self.entries.get(key);
        let accessed = entry.map(|entry| entry.usage.accessed.get());
        accessed.map_or(0, |accessed| seconds(now).saturating_sub(accessed).into())
    }

    /// Sets how long a key has not been used, in seconds.
    pub(in super::super) fn set_idle(&mut self, key: &[u8], idle: i64, now: i64) {
        if let Some(entry) = self.entries.get_mut(key) {
            let idle = u32::try_from(idle).unwrap_or(u32::MAX);
            entry.usage.accessed.set(seconds(now).saturating_sub(idle));
        }
    }
}
