//! Removal of all keys, and their exchange with those of another database.

use std::ops::Range;

use bytes::Bytes;

use super::Keyspace;

/// Changes that are the removal of all keys.
#[derive(Debug)]
pub(in super::super) struct Cleared {
    /// Their places among the changes.
    pub(in super::super) range: Range<usize>,
    /// Whether tracking clients are told that all keys have been removed.
    pub(in super::super) announce: bool,
}

impl Keyspace {
    /// Removes all keys. The removal of each is announced to WATCH, but not to tracking clients.
    pub(in super::super) fn clear(&mut self) {
        let start = self.changed.len();
        let keys: Vec<Bytes> = self.order.values().cloned().collect();
        for key in keys {
            self.remove(&key);
        }
        if self.observed {
            self.cleared.push(Cleared {
                range: start..self.changed.len(),
                announce: false,
            });
        }
    }

    /// Tells tracking clients that all keys have been removed.
    pub(in super::super) fn announce_clear(&mut self) {
        let end = self.changed.len();
        if self.observed {
            self.cleared.push(Cleared {
                range: end..end,
                announce: true,
            });
        }
    }

    /// Exchanges the keys with those of another database. Watches stay where they are.
    pub(in super::super) fn swap_data(&mut self, other: &mut Self) {
        let present = |key: &Bytes| self.contains(key) || other.contains(key);
        let keys = self.watched.keys().chain(other.watched.keys());
        let changed: Vec<Bytes> = keys.filter(|key| present(key)).cloned().collect();
        for key in changed {
            self.announce(&key);
            other.announce(&key);
        }
        std::mem::swap(&mut self.entries, &mut other.entries);
        std::mem::swap(&mut self.order, &mut other.order);
        std::mem::swap(&mut self.deadlines, &mut other.deadlines);
        std::mem::swap(&mut self.births, &mut other.births);
    }
}
