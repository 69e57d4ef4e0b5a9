//! The keys, their values and when they expire.

mod journal;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;

use super::reject::Reject;
use super::streams::Stream;
use journal::Journal;

pub(super) use journal::Write;

/// What a key holds.
#[derive(Debug, Clone)]
pub(super) enum Value {
    String(Bytes),
    Stream(Box<Stream>),
}

impl Value {
    /// The name that TYPE shows.
    pub(super) const fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::Stream(_) => "stream",
        }
    }

    pub(super) fn as_string(&self) -> Result<&Bytes, Reject> {
        match self {
            Self::String(value) => Ok(value),
            Self::Stream(_) => Err(Reject::WRONG_TYPE),
        }
    }

    pub(super) fn as_stream(&self) -> Result<&Stream, Reject> {
        match self {
            Self::Stream(stream) => Ok(stream),
            Self::String(_) => Err(Reject::WRONG_TYPE),
        }
    }

    pub(super) fn as_stream_mut(&mut self) -> Result<&mut Stream, Reject> {
        match self {
            Self::Stream(stream) => Ok(stream),
            Self::String(_) => Err(Reject::WRONG_TYPE),
        }
    }
}

#[derive(Debug, Clone)]
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
    watched: HashMap<Bytes, Watched>,
    /// Keys that changed since [`take_changed`](Self::take_changed).
    changed: Vec<Bytes>,
    /// The writes of the command that runs, when they are to be taken back.
    journal: Option<Journal>,
}

/// A key that transactions watch.
#[derive(Debug, Default)]
struct Watched {
    watchers: usize,
    /// Counts the changes since the first watch.
    version: u64,
}

/// What happens to the time to live when a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    Never,
    Keep,
    At(i64),
}

impl Keyspace {
    /// Removes the keys whose time has come. `watched` says whether WATCH sees it.
    pub(super) fn expire_due(&mut self, now: i64, watched: bool) {
        while let Some(&(deadline, born)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            if let Some(key) = self.order.get(&born).cloned() {
                self.take_out(&key);
                if watched {
                    self.touch(&key);
                } else {
                    self.changed.push(key);
                }
            }
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Value> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// A value to change in place: [`touch`](Self::touch) must tell of it.
    pub(super) fn get_mut(&mut self, key: &[u8]) -> Option<&mut Value> {
        self.note_in_place(key);
        self.entries.get_mut(key).map(|entry| &mut entry.value)
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
        self.note_value(key);
        if let Some(entry) = self.entries.get_mut(key) {
            entry.value = value;
        } else {
            let born = self.birth();
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
        self.touch(key);
        match expiry {
            Expiry::Keep => {}
            Expiry::Never => self.index_deadline(key, None),
            Expiry::At(deadline) if self.journal.is_some() => {
                // Two writes: the first ends the time to live that there was.
                self.index_deadline(key, None);
                self.note_deadline(key);
                self.index_deadline(key, Some(deadline));
                self.touch(key);
            }
            Expiry::At(deadline) => self.index_deadline(key, Some(deadline)),
        }
    }

    /// Writes a string, copied out of the message that it came in.
    pub(super) fn set_string(&mut self, key: &Bytes, value: &[u8], expiry: Expiry) {
        self.set(key, Value::String(Bytes::copy_from_slice(value)), expiry);
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Value> {
        if !self.contains(key) {
            return None;
        }
        self.note_value(key);
        let value = self.take_out(key);
        self.touch(key);
        value
    }

    fn take_out(&mut self, key: &[u8]) -> Option<Value> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.born);
        if let Some(deadline) = entry.expires_at {
            self.deadlines.remove(&(deadline, entry.born));
        }
        Some(entry.value)
    }

    /// A place in the order of keys for a new one.
    const fn birth(&mut self) -> u64 {
        let born = self.births;
        self.births += 1;
        born
    }

    /// When a key expires: `None` without the key, `Some(None)` without a time to live.
    pub(super) fn deadline(&self, key: &[u8]) -> Option<Option<i64>> {
        self.entries.get(key).map(|entry| entry.expires_at)
    }

    /// Sets or clears when a key expires, and says when it did before.
    pub(super) fn set_deadline(&mut self, key: &[u8], deadline: Option<i64>) -> Option<i64> {
        let before = self.deadline(key)?;
        if before != deadline {
            self.note_deadline(key);
            self.index_deadline(key, deadline);
            self.touch(key);
        }
        before
    }

    fn index_deadline(&mut self, key: &[u8], deadline: Option<i64>) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        if let Some(before) = std::mem::replace(&mut entry.expires_at, deadline) {
            self.deadlines.remove(&(before, entry.born));
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, entry.born));
        }
    }

    /// Notes that a key changed.
    pub(super) fn touch(&mut self, key: &[u8]) {
        if self.keeps_touch(key) {
            return;
        }
        if let Some(watched) = self.watched.get_mut(key) {
            watched.version += 1;
        }
        self.changed.push(Bytes::copy_from_slice(key));
    }

    /// The keys that changed since the last call.
    pub(super) fn take_changed(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.changed)
    }

    /// Begins to count the changes of a key, for one watcher more, and says how many there were.
    pub(super) fn watch(&mut self, key: &Bytes) -> u64 {
        let watched = self.watched.entry(key.clone()).or_default();
        watched.watchers += 1;
        watched.version
    }

    pub(super) fn watched_version(&self, key: &[u8]) -> u64 {
        self.watched.get(key).map_or(0, |watched| watched.version)
    }

    pub(super) fn unwatch(&mut self, key: &[u8]) {
        if let Some(watched) = self.watched.get_mut(key) {
            watched.watchers -= 1;
            if watched.watchers == 0 {
                self.watched.remove(key);
            }
        }
    }

    /// Takes a string out to change it: [`set`](Self::set) must put it back.
    pub(super) fn take_string(&mut self, key: &[u8]) -> Result<Option<Bytes>, Reject> {
        let recording = self.journal.is_some();
        match self.entries.get_mut(key).map(|entry| &mut entry.value) {
            None => Ok(None),
            Some(Value::String(value)) if recording => Ok(Some(value.clone())),
            Some(Value::String(value)) => Ok(Some(std::mem::take(value))),
            Some(Value::Stream(_)) => Err(Reject::WRONG_TYPE),
        }
    }

    /// How many keys have a time to live.
    pub(super) fn expiring(&self) -> usize {
        self.deadlines.len()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Keys and values from a place in the order in which keys were made, each with its place.
    pub(super) fn from(&self, place: u64) -> impl Iterator<Item = (u64, &Bytes, &Value)> {
        (self.order.range(place..)).filter_map(|(place, key)| Some((*place, key, self.get(key)?)))
    }

    /// One past the last place that a key was given.
    pub(super) const fn places(&self) -> u64 {
        self.births
    }

    pub(super) fn clear(&mut self) {
        let keys: Vec<Bytes> = self.order.values().cloned().collect();
        for key in keys {
            self.remove(&key);
        }
    }

    /// Moves a value with its time to live, over whatever is there. Says whether there was one to move.
    pub(super) fn rename(&mut self, from: &[u8], to: &Bytes) -> bool {
        let Some(deadline) = self.deadline(from) else {
            return false;
        };
        if let Some(value) = self.remove(from) {
            self.set(to, value, deadline.map_or(Expiry::Never, Expiry::At));
        }
        true
    }
}
