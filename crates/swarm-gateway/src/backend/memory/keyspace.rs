//! The keys, their values and when they expire.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;

use super::reject::Reject;

/// What a key holds.
#[derive(Debug, Clone)]
pub(super) enum Value {
    String(Bytes),
}

impl Value {
    pub(super) fn as_string(&self) -> Result<&Bytes, Reject> {
        match self {
            Self::String(value) => Ok(value),
        }
    }
}

#[derive(Debug)]
struct Entry {
    value: Value,
    /// Milliseconds since 1970.
    expires_at: Option<i64>,
    /// When the key was made, in the order of all keys: what SCAN's cursor counts.
    born: u64,
}

/// All keys.
///
/// Keys that are due leave by [`expire_due`](Self::expire_due) before a command runs, so no command meets one.
#[derive(Debug, Default)]
pub(super) struct Keyspace {
    entries: HashMap<Bytes, Entry>,
    order: BTreeMap<u64, Bytes>,
    deadlines: BTreeSet<(i64, u64)>,
    births: u64,
}

/// What happens to the time to live when a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    Never,
    Keep,
    At(i64),
}

impl Keyspace {
    /// Removes the keys whose time has come.
    pub(super) fn expire_due(&mut self, now: i64) {
        while let Some(&(deadline, born)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            if let Some(key) = self.order.get(&born).cloned() {
                self.remove(&key);
            }
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Value> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// The string that a key holds.
    pub(super) fn string(&self, key: &[u8]) -> Result<Option<&Bytes>, Reject> {
        self.get(key).map(Value::as_string).transpose()
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.entries.contains_key(key)
    }

    /// Writes a value over whatever the key holds.
    pub(super) fn set(&mut self, key: &Bytes, value: Value, expiry: Expiry) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.value = value;
        } else {
            let born = self.births;
            self.births += 1;
            // A copy: the argument shares its message with the other arguments.
            let key = Bytes::copy_from_slice(key);
            self.order.insert(born, key.clone());
            let entry = Entry {
                value,
                expires_at: None,
                born,
            };
            self.entries.insert(key, entry);
        }
        match expiry {
            Expiry::Keep => {}
            Expiry::Never => {
                self.set_deadline(key, None);
            }
            Expiry::At(deadline) => {
                self.set_deadline(key, Some(deadline));
            }
        }
    }

    /// Writes a string, copied out of the message that it came in.
    pub(super) fn set_string(&mut self, key: &Bytes, value: &[u8], expiry: Expiry) {
        self.set(key, Value::String(Bytes::copy_from_slice(value)), expiry);
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Value> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.born);
        if let Some(deadline) = entry.expires_at {
            self.deadlines.remove(&(deadline, entry.born));
        }
        Some(entry.value)
    }

    /// When a key expires: `None` without the key, `Some(None)` without a time to live.
    pub(super) fn deadline(&self, key: &[u8]) -> Option<Option<i64>> {
        self.entries.get(key).map(|entry| entry.expires_at)
    }

    /// Sets or clears when a key expires, and says when it did before.
    pub(super) fn set_deadline(&mut self, key: &[u8], deadline: Option<i64>) -> Option<i64> {
        let entry = self.entries.get_mut(key)?;
        let before = std::mem::replace(&mut entry.expires_at, deadline);
        if let Some(before) = before {
            self.deadlines.remove(&(before, entry.born));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, entry.born));
        }
        before
    }
}
