//! Streams of SwarmKeyDb in snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::id::Id;
use super::{Entry, Group, Pending, Stream};
use crate::snapshot::{
    Data, SavedConsumer, SavedEntry, SavedGroup, SavedPending, SavedStream, ago, elapsed,
};

impl Stream {
    pub(in super::super::super) fn saved(&self, now: i64) -> SavedStream {
        let entries = self.entries.values().map(|entry| SavedEntry {
            id: entry.id.to_string(),
            fields: entry.fields.iter().cloned().map(Data).collect(),
        });
        let groups = self.groups.iter();
        SavedStream {
            entries: entries.collect(),
            last_id: Id::at(self.last).to_string(),
            max_deleted_id: None,
            entries_added: None,
            groups: groups.map(|(name, group)| group.saved(name, now)).collect(),
        }
    }

    /// Converts a saved stream, or returns why it is invalid. What SwarmKeyDb does not know is
    /// lost: the number of entries ever added, and the highest ID that XDEL deleted.
    pub(in super::super::super) fn from_saved(
        saved: &SavedStream,
        now: i64,
    ) -> Result<Self, String> {
        saved.check()?;
        let mut entries = BTreeMap::new();
        for SavedEntry { id, fields } in &saved.entries {
            let id = parse(id)?;
            let place = id.place();
            if entries
                .last_key_value()
                .is_some_and(|(last, _)| *last >= place)
            {
                return Err(format!("entry {id} is not behind the one before it"));
            }
            let fields = fields.iter().map(|Data(field)| field.clone()).collect();
            entries.insert(place, Arc::new(Entry { id, fields }));
        }
        let last = parse(&saved.last_id)?.place();
        if entries.last_key_value().is_some_and(|(id, _)| *id > last) {
            let last = Id::at(last);
            return Err(format!("`last_id` {last} is before the last entry"));
        }
        let mut groups = BTreeMap::new();
        for group in &saved.groups {
            let replaced = groups.insert(group.name.0.clone(), Group::from_saved(group, now)?);
            if replaced.is_some() {
                return Err(format!("group {} is listed twice", group.name));
            }
        }
        Ok(Self {
            entries,
            last,
            groups,
        })
    }
}

impl Group {
    fn saved(&self, name: &Bytes, now: i64) -> SavedGroup {
        let consumers = self.consumers.iter().map(|(name, seen)| SavedConsumer {
            name: Data(name.clone()),
            idle_ms: elapsed(*seen, now),
        });
        let pending = self.pending.values().map(|pending| SavedPending {
            id: pending.id.to_string(),
            consumer: Data(pending.consumer.clone()),
            idle_ms: elapsed(pending.delivered_at, now),
            deliveries: u64::try_from(pending.deliveries).unwrap_or(0),
        });
        SavedGroup {
            name: Data(name.clone()),
            last_delivered_id: self.delivered.to_string(),
            entries_read: None,
            consumers: consumers.collect(),
            pending: pending.collect(),
        }
    }

    fn from_saved(saved: &SavedGroup, now: i64) -> Result<Self, String> {
        let mut pending = BTreeMap::new();
        for entry in &saved.pending {
            let delivery = Pending {
                id: parse(&entry.id)?,
                consumer: entry.consumer.0.clone(),
                delivered_at: ago(now, entry.idle_ms),
                deliveries: i64::try_from(entry.deliveries).unwrap_or(i64::MAX),
            };
            if pending.insert(delivery.id.place(), delivery).is_some() {
                return Err(format!("pending entry {} is listed twice", entry.id));
            }
        }
        let consumers = saved.consumers.iter();
        Ok(Self {
            delivered: parse(&saved.last_delivered_id)?,
            pending,
            consumers: consumers
                .map(|consumer| (consumer.name.0.clone(), ago(now, consumer.idle_ms)))
                .collect(),
        })
    }
}

/// Parses a complete ID, which stays as it is written.
fn parse(id: &str) -> Result<Id, String> {
    Id::parse(&Bytes::copy_from_slice(id.as_bytes()))
        .map_err(|_| format!("{id:?} is no complete ID, such as 1-0"))
}
