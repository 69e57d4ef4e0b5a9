//! Snapshots of the embedded store. Each type of value has its own conversion, in its module.

use std::collections::HashSet;
use std::sync::Arc;

use super::config::Config;
use super::hashes::Hash;
use super::keyspace::{Expiry, Value};
use super::limits::Limits;
use super::sets::Set;
use super::sorted_sets::SortedSet;
use super::streams::Stream;
use super::tracking::Audience;
use super::{State, blocking, upstream};
use crate::error::StoreError;
use crate::snapshot::{self, Data, SavedKey, SavedValue, Snapshot, Version};

impl Value {
    fn saved(&self, now: i64) -> SavedValue {
        match self {
            Self::String(value) => SavedValue::String(Data(value.clone())),
            Self::Hash(hash) => SavedValue::Hash(hash.saved()),
            Self::Set(set) => SavedValue::Set(set.saved()),
            Self::SortedSet(set) => SavedValue::SortedSet(set.saved()),
            Self::List(list) => SavedValue::List(list.iter().cloned().map(Data).collect()),
            Self::Stream(stream) => SavedValue::Stream(stream.saved(now)),
            Self::Swarm(stream) => SavedValue::Stream(stream.saved(now)),
        }
    }

    /// Converts a value for SwarmKeyDb's commands or for Redis's.
    fn from_saved(
        saved: &SavedValue,
        config: &Config,
        now: i64,
        swarm: bool,
    ) -> Result<Self, String> {
        Ok(match saved {
            SavedValue::String(Data(value)) => Self::String(value.clone()),
            SavedValue::Hash(fields) => {
                let hash = Hash::from_saved(fields, Limits::of_hashes(config))?;
                Self::Hash(Box::new(hash))
            }
            SavedValue::Set(members) => {
                let set = Set::from_saved(members, Limits::of_sets(config))?;
                Self::Set(Box::new(set))
            }
            SavedValue::SortedSet(members) => {
                let set = SortedSet::from_saved(members, Limits::of_sorted_sets(config))?;
                Self::SortedSet(Box::new(set))
            }
            SavedValue::List(list) if list.is_empty() => return Err("empty list".to_owned()),
            SavedValue::List(list) => {
                Self::List(list.iter().map(|Data(element)| element.clone()).collect())
            }
            SavedValue::Stream(stream) if swarm => {
                Self::Swarm(Arc::new(upstream::Stream::from_saved(stream, now)?))
            }
            SavedValue::Stream(stream) => Self::Stream(Box::new(Stream::from_saved(stream, now)?)),
        })
    }
}

impl State {
    /// Copies all keys that have not expired.
    pub(super) fn snapshot(&mut self, now: i64) -> Snapshot {
        let live = |saved: &SavedKey| saved.ttl_ms != Some(0);
        let mut saved = Snapshot::default();
        for database in 0..self.server.databases.used() {
            let keyspace = self.database(database);
            let keys = keyspace.from(0).map(|(_, key, value)| {
                let deadline = keyspace.deadline(key).flatten();
                SavedKey {
                    key: Data(key.clone()),
                    database: u32::try_from(database).unwrap_or(u32::MAX),
                    ttl_ms: deadline.map(|deadline| snapshot::elapsed(now, deadline)),
                    value: value.saved(now),
                }
            });
            saved.keys.extend(keys.filter(live));
        }
        saved
    }

    /// Replaces all keys, unless one of the new ones is invalid.
    pub(super) fn restore(&mut self, snapshot: &Snapshot, now: i64) -> Result<(), StoreError> {
        let swarm = self.keyspace.is_by_command();
        let mut values = Vec::new();
        let mut names = HashSet::new();
        for saved in &snapshot.keys {
            let invalid =
                |reason: &str| StoreError::invalid(format!("key {}: {reason}", saved.key));
            let database = usize::try_from(saved.database).unwrap_or(usize::MAX);
            if snapshot.version == Version::One && database > 0 {
                return Err(invalid("version 1 has no `database`"));
            }
            if database >= self.server.databases.len() {
                return Err(invalid("no such `database`"));
            }
            if !names.insert((database, saved.key.0.as_ref())) {
                return Err(invalid("listed twice"));
            }
            let expiry = match saved.ttl_ms {
                None => Expiry::Never,
                Some(0) => return Err(invalid("`ttl_ms` is 0: the key has expired")),
                Some(ttl) => {
                    Expiry::At(later(now, ttl).ok_or_else(|| invalid("`ttl_ms` too large"))?)
                }
            };
            let value = Value::from_saved(&saved.value, &self.server.config, now, swarm)
                .map_err(|why| invalid(&why))?;
            values.push((database, &saved.key, value, expiry));
        }
        for database in 0..self.server.databases.used() {
            self.database(database).clear();
        }
        self.keyspace.announce_clear();
        for (database, Data(key), value, expiry) in values {
            self.database(database).set(key, value, expiry);
        }
        blocking::settle(self, Audience::All, now);
        Ok(())
    }
}

/// Returns the time a number of milliseconds from now, if there is one.
fn later(now: i64, milliseconds: u64) -> Option<i64> {
    now.checked_add(i64::try_from(milliseconds).ok()?)
}
