//! Keyspace: keys, values, and deadlines.

mod clear;
mod journal;
mod notices;
mod sweeps;
mod usage;
mod value;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Notify;

use super::reject::Reject;
use crate::dialect::{Dialect, Quirk};
use journal::Journal;
use notices::Notices;
use sweeps::Sweeps;
use usage::{Usage, seconds};

pub(super) use clear::Cleared;
pub(super) use journal::Write;
pub(super) use notices::{Class, Notice};
pub(super) use usage::Origin;
pub(super) use value::Value;

#[derive(Debug, Clone)]
struct Entry {
    value: Value,
    /// Milliseconds since the Unix epoch.
    expires_at: Option<i64>,
    /// Creation number of the key, unique across all keys. SCAN cursors refer to it.
    born: u64,
    usage: Usage,
}

/// All keys.
///
/// [`expire_due`](Self::expire_due) removes expired keys before each command, so commands never see
/// them.
#[derive(Debug, Default)]
pub(super) struct Keyspace {
    entries: HashMap<Bytes, Entry>,
    order: BTreeMap<u64, Bytes>,
    deadlines: BTreeSet<(i64, u64)>,
    /// Notified when the first deadline becomes earlier.
    earlier: Arc<Notify>,
    births: u64,
    /// Number of keys that have expired.
    expired: u64,
    /// Number of changes of keys.
    changes: u64,
    watched: HashMap<Bytes, Watched>,
    /// Whether changes are recorded in `changed`: a client waits for keys or tracks them.
    observed: bool,
    /// Keys changed since the last [`take_changed`](Self::take_changed).
    changed: Vec<Bytes>,
    /// Where [`clear`](Self::clear) has removed keys, as parts of `changed`.
    cleared: Vec<Cleared>,
    /// Recorded writes of the running command, if they will be rolled back.
    journal: Option<Journal>,
    /// Changes go unnoticed by WATCH and tracking, which follow commands instead.
    by_command: bool,
    /// The time of the running command, in seconds since the Unix epoch.
    clock: u32,
    sweeps: Option<Sweeps>,
    notices: Notices,
}

/// A watched key.
#[derive(Debug, Default)]
struct Watched {
    watchers: usize,
    /// Number of changes since the first watch.
    version: u64,
}

/// What a write does to the deadline of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    Never,
    Keep,
    At(i64),
}

impl Keyspace {
    /// Creates an empty keyspace. With SwarmKeyDb's commands, WATCH and tracking follow
    /// [`announce`](Self::announce) instead of changes.
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            by_command: dialect.has(Quirk::SwarmCommands),
            sweeps: (dialect.has(Quirk::LateSweeps)).then(Sweeps::default),
            ..Self::default()
        }
    }

    /// Creates an empty keyspace beside this one.
    pub(super) fn another(&self) -> Self {
        Self {
            by_command: self.by_command,
            earlier: self.earlier.clone(),
            ..Self::default()
        }
    }

    pub(super) const fn is_by_command(&self) -> bool {
        self.by_command
    }

    /// Records for WATCH that a command has named a key.
    pub(super) fn announce(&mut self, key: &[u8]) {
        if let Some(watched) = self.watched.get_mut(key) {
            watched.version += 1;
        }
    }

    pub(super) const fn clock(&self) -> u32 {
        self.clock
    }

    pub(super) const fn set_clock(&mut self, clock: u32) {
        self.clock = clock;
    }

    /// Removes expired keys. `watched` sets whether WATCH observes it.
    pub(super) fn expire_due(&mut self, now: i64, watched: bool) {
        self.set_clock(seconds(now));
        while let Some(&(deadline, born)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            if let Some(key) = self.order.get(&born).cloned() {
                self.take_out(&key);
                self.expired += 1;
                if let Some(sweeps) = &mut self.sweeps {
                    sweeps.expired(&key);
                }
                self.notify(Class::EXPIRED, "expired", &key);
                if watched {
                    self.touch(&key);
                } else {
                    self.record_change(&key);
                }
            }
        }
        if let Some(sweeps) = &mut self.sweeps {
            sweeps.sweep_if_due(now);
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<&Value> {
        let entry = self.entries.get(key)?;
        entry.usage.accessed.set(self.clock);
        Some(&entry.value)
    }

    /// Returns a value to change in place; the caller must then call [`touch`](Self::touch).
    pub(super) fn get_mut(&mut self, key: &[u8]) -> Option<&mut Value> {
        self.note_in_place(key);
        let entry = self.entries.get_mut(key)?;
        entry.usage.accessed.set(self.clock);
        Some(&mut entry.value)
    }

    /// Returns the string value of a key.
    pub(super) fn string(&self, key: &[u8]) -> Result<Option<&Bytes>, Reject> {
        self.get(key).map(Value::as_string).transpose()
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.entries.contains_key(key)
    }

    /// Writes a value and keeps the deadline, without counting it as a change. Returns whether the
    /// key has a deadline.
    pub(super) fn set_quietly(&mut self, key: &Bytes, value: Value) -> bool {
        self.note_value(key);
        if let Some(entry) = self.entries.get_mut(key) {
            entry.value = value;
            entry.usage = Usage::new(self.clock);
            entry.expires_at.is_some()
        } else {
            self.forget_expired(key);
            let born = self.birth();
            // Copied, because the argument shares its buffer with the other arguments.
            let key = Bytes::copy_from_slice(key);
            self.order.insert(born, key.clone());
            let entry = Entry {
                value,
                expires_at: None,
                born,
                usage: Usage::new(self.clock),
            };
            self.notify(Class::NEW, "new", &key);
            self.entries.insert(key, entry);
            false
        }
    }

    /// Writes a value, replacing any existing one.
    pub(super) fn set(&mut self, key: &Bytes, value: Value, expiry: Expiry) {
        let expires = self.set_quietly(key, value);
        self.touch(key);
        match expiry {
            Expiry::Keep => {}
            Expiry::Never if !expires => {}
            Expiry::Never => self.index_deadline(key, None),
            Expiry::At(deadline) if self.journal.is_some() => {
                // Two writes; the first clears the old deadline.
                self.index_deadline(key, None);
                self.note_deadline(key);
                self.index_deadline(key, Some(deadline));
                self.touch(key);
            }
            Expiry::At(deadline) => self.index_deadline(key, Some(deadline)),
        }
    }

    /// Writes a string copied out of the received message.
    pub(super) fn set_string(&mut self, key: &Bytes, value: &[u8], expiry: Expiry) {
        self.set(key, Value::String(Bytes::copy_from_slice(value)), expiry);
    }

    /// Replaces a string by what `change` returns, and keeps the deadline.
    pub(super) fn change_string(
        &mut self,
        key: &Bytes,
        change: impl FnOnce(Option<&Bytes>) -> Result<Bytes, Reject>,
    ) -> Result<(), Reject> {
        if self.journal.is_none()
            && let Some(entry) = self.entries.get_mut(key)
        {
            let changed = change(Some(entry.value.as_string()?))?;
            entry.value = Value::String(changed);
            entry.usage = Usage::new(self.clock);
            self.touch(key);
        } else {
            let changed = change(self.string(key)?)?;
            self.set(key, Value::String(changed), Expiry::Keep);
        }
        Ok(())
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

    /// Removes a key as [`remove`](Self::remove) does. Returns whether the server counts it as
    /// removed, which may include a key that has expired.
    pub(super) fn delete(&mut self, key: &[u8]) -> bool {
        self.forget_expired(key) | self.remove(key).is_some()
    }

    /// Forgets that a key has expired. Returns whether it had not been swept yet.
    fn forget_expired(&mut self, key: &[u8]) -> bool {
        (self.sweeps.as_mut()).is_some_and(|sweeps| sweeps.forget(key))
    }

    /// Removes a key whose collection has no elements left.
    pub(super) fn discard_empty(&mut self, key: &[u8]) {
        self.remove(key);
        self.notify(Class::GENERIC, "del", key);
    }

    fn take_out(&mut self, key: &[u8]) -> Option<Value> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.born);
        if let Some(deadline) = entry.expires_at {
            self.deadlines.remove(&(deadline, entry.born));
        }
        Some(entry.value)
    }

    /// Returns the next creation number.
    const fn birth(&mut self) -> u64 {
        let born = self.births;
        self.births += 1;
        born
    }

    /// Returns the deadline of a key: `None` if the key does not exist, `Some(None)` if it has no
    /// deadline.
    pub(super) fn deadline(&self, key: &[u8]) -> Option<Option<i64>> {
        self.entries.get(key).map(|entry| entry.expires_at)
    }

    /// Sets or clears the deadline of a key and returns the previous one.
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
            if self.next_deadline() == Some(deadline) {
                self.earlier.notify_one();
            }
        }
    }

    /// Returns the first deadline of all keys.
    pub(super) fn next_deadline(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Returns what is notified when the first deadline becomes earlier.
    pub(super) fn earlier(&self) -> Arc<Notify> {
        self.earlier.clone()
    }

    /// Records that a key changed.
    pub(super) fn touch(&mut self, key: &[u8]) {
        if self.keeps_touch(key) {
            return;
        }
        self.changes += 1;
        if !self.by_command {
            self.announce(key);
        }
        self.record_change(key);
    }

    fn record_change(&mut self, key: &[u8]) {
        if self.observed {
            self.changed.push(Bytes::copy_from_slice(key));
        }
    }

    pub(super) const fn is_observed(&self) -> bool {
        self.observed
    }

    /// Sets whether anyone must be notified of changes.
    pub(super) const fn set_observed(&mut self, observed: bool) {
        self.observed = observed;
    }

    /// Takes the keys changed since the last call, and which of them were removed with all others.
    /// Returns `None` if there are none.
    pub(super) fn take_changed(&mut self) -> Option<(Vec<Bytes>, Vec<Cleared>)> {
        if self.changed.is_empty() && self.cleared.is_empty() {
            return None;
        }
        let cleared = std::mem::take(&mut self.cleared);
        Some((std::mem::take(&mut self.changed), cleared))
    }

    /// Adds a watcher of a key and returns the key's current version.
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

    /// Takes a string out of a key to modify it; the caller must put it back with
    /// [`set`](Self::set).
    pub(super) fn take_string(&mut self, key: &[u8]) -> Result<Option<Bytes>, Reject> {
        let recording = self.journal.is_some();
        match self.entries.get_mut(key).map(|entry| &mut entry.value) {
            None => Ok(None),
            Some(Value::String(value)) if recording => Ok(Some(value.clone())),
            Some(Value::String(value)) => Ok(Some(std::mem::take(value))),
            Some(_) => Err(Reject::WRONG_TYPE),
        }
    }

    /// Returns the number of keys that have expired.
    pub(super) const fn expired(&self) -> u64 {
        self.expired
    }

    /// Returns the number of changes of keys.
    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    /// Returns the number of keys with a deadline.
    pub(super) fn expiring(&self) -> usize {
        self.deadlines.len()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Iterates over keys in creation order from a creation number on.
    pub(super) fn from(&self, place: u64) -> impl Iterator<Item = (u64, &Bytes, &Value)> {
        (self.order.range(place..)).filter_map(|(place, key)| Some((*place, key, self.peek(key)?)))
    }

    /// Returns a random key, each with the same probability.
    pub(super) fn random(&self) -> Option<&Bytes> {
        if self.order.is_empty() {
            return None;
        }
        // Unless most keys have been removed, a random creation number soon belongs to a key.
        let chance = || self.order.get(&fastrand::u64(..self.births));
        let key = (0..32).find_map(|_| chance());
        key.or_else(|| self.order.values().nth(fastrand::usize(..self.order.len())))
    }

    /// Returns the earliest deadline of several keys.
    pub(super) fn first_deadline(&self, keys: &[Bytes]) -> Option<i64> {
        (keys.iter())
            .filter_map(|key| self.deadline(key).flatten())
            .min()
    }

    /// Moves a value and its deadline to another key, replacing any value there. Returns `false` if
    /// `from` does not exist.
    pub(super) fn rename(&mut self, from: &[u8], to: &Bytes) -> bool {
        let origin = self.origin(from);
        let Some(deadline) = self.deadline(from) else {
            return false;
        };
        if let Some(value) = self.remove(from) {
            self.set(to, value, deadline.map_or(Expiry::Never, Expiry::At));
            self.set_origin(to, origin);
        }
        true
    }
}
