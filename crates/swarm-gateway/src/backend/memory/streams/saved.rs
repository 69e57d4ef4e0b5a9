//! Streams in snapshots.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Stream;
use super::group::{Group, Pending};
use super::id::StreamId;
use super::nodes::{NodeSize, Nodes};
use crate::snapshot::{
    Data, SavedConsumer, SavedEntry, SavedGroup, SavedPending, SavedStream, ago, elapsed,
};

impl Stream {
    pub(in super::super) fn saved(&self, now: i64) -> SavedStream {
        let entries = self.entries.iter().map(|(id, fields)| SavedEntry {
            id: id.to_string(),
            fields: fields.iter().cloned().map(Data).collect(),
        });
        let groups = self.groups.iter();
        SavedStream {
            entries: entries.collect(),
            last_id: self.last.to_string(),
            max_deleted_id: (self.deleted != StreamId::MIN).then(|| self.deleted.to_string()),
            entries_added: u64::try_from(self.added).ok(),
            groups: groups.map(|(name, group)| group.saved(name, now)).collect(),
        }
    }

    /// Converts a saved stream, or returns why it is invalid.
    pub(in super::super) fn from_saved(saved: &SavedStream, now: i64) -> Result<Self, String> {
        saved.check()?;
        let mut entries = BTreeMap::new();
        let mut nodes = Nodes::default();
        for SavedEntry { id, fields } in &saved.entries {
            let place = parse(id)?;
            if entries
                .last_key_value()
                .is_some_and(|(last, _)| *last >= place)
            {
                return Err(format!("entry {id} is not behind the one before it"));
            }
            let fields: Vec<_> = fields.iter().map(|Data(field)| field.clone()).collect();
            // A snapshot does not contain the nodes.
            nodes.add(place, &fields, NodeSize::default());
            entries.insert(place, fields);
        }
        let last = parse(&saved.last_id)?;
        if entries.last_key_value().is_some_and(|(id, _)| *id > last) {
            return Err(format!("`last_id` {last} is before the last entry"));
        }
        let length = i64::try_from(entries.len()).unwrap_or(i64::MAX);
        let added = saved.entries_added.map_or(Ok(length), i64::try_from);
        let added = added.map_err(|_| "`entries_added` too large".to_owned())?;
        if added < length {
            return Err(format!("`entries_added` {added} is less than the entries"));
        }
        let deleted = saved
            .max_deleted_id
            .as_deref()
            .map_or(Ok(StreamId::MIN), parse)?;
        let mut groups = BTreeMap::new();
        for group in &saved.groups {
            let replaced = groups.insert(group.name.0.clone(), Group::from_saved(group, now)?);
            if replaced.is_some() {
                return Err(format!("group {} is listed twice", group.name));
            }
        }
        Ok(Self {
            entries,
            nodes,
            last,
            deleted,
            added,
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
        let pending = self.pending.iter().map(|(id, pending)| SavedPending {
            id: id.to_string(),
            consumer: Data(pending.consumer.clone()),
            idle_ms: elapsed(pending.delivered_at, now),
            deliveries: u64::try_from(pending.deliveries).unwrap_or(0),
        });
        SavedGroup {
            name: Data(name.clone()),
            last_delivered_id: self.delivered.to_string(),
            entries_read: self.entries_read.and_then(|read| u64::try_from(read).ok()),
            consumers: consumers.collect(),
            pending: pending.collect(),
        }
    }

    fn from_saved(saved: &SavedGroup, now: i64) -> Result<Self, String> {
        let mut pending = BTreeMap::new();
        for entry in &saved.pending {
            let delivery = Pending {
                consumer: entry.consumer.0.clone(),
                delivered_at: ago(now, entry.idle_ms),
                deliveries: i64::try_from(entry.deliveries).unwrap_or(i64::MAX),
            };
            if pending.insert(parse(&entry.id)?, delivery).is_some() {
                return Err(format!("pending entry {} is listed twice", entry.id));
            }
        }
        let consumers = saved.consumers.iter();
        let entries_read = saved.entries_read.map(i64::try_from).transpose();
        Ok(Self {
            delivered: parse(&saved.last_delivered_id)?,
            entries_read: entries_read.map_err(|_| "`entries_read` too large".to_owned())?,
            pending,
            consumers: consumers
                .map(|consumer| (consumer.name.0.clone(), ago(now, consumer.idle_ms)))
                .collect(),
        })
    }
}

/// Parses a complete ID.
fn parse(id: &str) -> Result<StreamId, String> {
    let parsed = id
        .contains('-')
        .then(|| StreamId::parse(id.as_bytes(), 0).ok());
    let parsed = parsed.flatten();
    parsed.ok_or_else(|| format!("{id:?} is no complete ID, such as 1-0"))
}
