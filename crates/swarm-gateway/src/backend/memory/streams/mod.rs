//! Streams and consumer groups.

mod add;
mod claim;
mod dumped;
mod group;
mod id;
mod info;
mod nodes;
mod pending;
mod range;
mod read;
mod saved;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use bytes::Bytes;
use swarm_resp::FrameBuilder;

use super::call::Call;
use super::keyspace::{Expiry, Value};
use super::reject::Reject;
use group::Group;
use id::StreamId;
use nodes::{NodeSize, Nodes};

pub(super) use add::{xadd, xdel, xlen, xtrim};
pub(super) use claim::{xautoclaim, xclaim};
pub(super) use group::{
    xack, xgroup_create, xgroup_createconsumer, xgroup_delconsumer, xgroup_destroy, xgroup_setid,
};
pub(super) use info::{xinfo_consumers, xinfo_groups, xinfo_stream, xsetid};
pub(super) use pending::xpending;
pub(super) use range::{xrange, xrevrange};
pub(super) use read::{xread, xreadgroup};

/// Value of a key of type `stream`.
#[derive(Debug, Clone, Default)]
pub(super) struct Stream {
    /// Alternating fields and values.
    entries: BTreeMap<StreamId, Vec<Bytes>>,
    nodes: Nodes,
    /// Highest ID ever assigned.
    last: StreamId,
    /// Highest ID ever removed by XDEL.
    deleted: StreamId,
    /// Number of entries ever added.
    added: i64,
    groups: BTreeMap<Bytes, Group>,
}

impl Stream {
    /// Returns the size of all fields and values in bytes.
    pub(super) fn size(&self) -> usize {
        self.entries.values().flatten().map(Bytes::len).sum()
    }

    /// Returns the first ID, or 0-0 if the stream is empty.
    fn first(&self) -> StreamId {
        (self.entries.first_key_value()).map_or(StreamId::MIN, |(id, _)| *id)
    }

    /// Returns whether XDEL removed an entry at or after an ID; later entries cannot be counted
    /// then.
    fn deleted_since(&self, id: StreamId) -> bool {
        !self.entries.is_empty() && self.deleted >= self.first().max(id)
    }

    /// Returns how many entries were ever added up to an ID, if known for certain.
    fn place(&self, id: StreamId) -> Option<i64> {
        let length = i64::try_from(self.entries.len()).unwrap_or(i64::MAX);
        if self.added == 0 {
            return Some(0);
        }
        if id == self.last || (length == 0 && id < self.last) {
            return Some(self.added);
        }
        let first = self.first();
        if id > self.last || (self.deleted != StreamId::MIN && self.deleted >= first) {
            return None;
        }
        match id.cmp(&first) {
            Ordering::Less => Some(self.added - length),
            Ordering::Equal => Some(self.added - length + 1),
            Ordering::Greater => None,
        }
    }

    /// Writes an entry: its ID, fields, and values.
    fn reply_entry(reply: &mut FrameBuilder, id: StreamId, fields: &[Bytes]) {
        reply.array(|entry| {
            entry.bulk(id.to_string().as_bytes());
            entry.array(|values| fields.iter().for_each(|field| values.bulk(field)));
        });
    }

    /// Adds an entry behind all others.
    fn append(&mut self, id: StreamId, fields: Vec<Bytes>, most: NodeSize) {
        self.nodes.add(id, &fields, most);
        self.entries.insert(id, fields);
        self.last = id;
        self.added = self.added.saturating_add(1);
    }

    /// Removes an entry. Returns whether it existed.
    fn delete(&mut self, id: StreamId) -> bool {
        let existed = self.entries.remove(&id).is_some();
        if existed {
            self.nodes.remove(id);
        }
        existed
    }

    /// Removes the oldest entries: whole nodes, and without `approximate` part of the next one. A
    /// node that would exceed the limit stays. Returns the number of removed entries.
    fn trim(&mut self, trim: Trim, approximate: bool, limit: usize) -> usize {
        let before = self.entries.len();
        while let Some(node) = self.nodes.oldest() {
            let (node, last) = (node.live, node.last);
            let left = self.entries.len();
            let is_over = before - left + node > limit;
            let is_whole = match trim {
                Trim::Length(most) if left <= most => break,
                Trim::Length(most) => left - node >= most,
                Trim::Before(first) => last < first,
            };
            if is_over || approximate && !is_whole {
                break;
            }
            if is_whole {
                (0..node).for_each(|_| drop(self.entries.pop_first()));
                self.nodes.remove_oldest();
                continue;
            }
            while let Some((&oldest, _)) = self.entries.first_key_value()
                && match trim {
                    Trim::Length(most) => self.entries.len() > most,
                    Trim::Before(first) => oldest < first,
                }
            {
                self.delete(oldest);
            }
            break;
        }
        before - self.entries.len()
    }
}

/// Trimming strategy.
#[derive(Debug, Clone, Copy)]
enum Trim {
    /// Maximum number of entries.
    Length(usize),
    /// Minimum ID.
    Before(StreamId),
}

impl<'a> Call<'a> {
    /// Returns the maximum size of a node.
    fn node_size(&self) -> NodeSize {
        let config = &self.server.config;
        NodeSize::new(
            config.number("stream-node-max-entries"),
            config.number("stream-node-max-bytes"),
        )
    }

    /// Returns the stream of a key.
    fn stream(&self, key: &[u8]) -> Result<Option<&Stream>, Reject> {
        self.keyspace.get(key).map(Value::as_stream).transpose()
    }

    /// Returns the stream of a key for modification.
    fn stream_mut(&mut self, key: &[u8]) -> Result<Option<&mut Stream>, Reject> {
        self.keyspace
            .get_mut(key)
            .map(Value::as_stream_mut)
            .transpose()
    }

    /// Returns the stream of a key, creating it if necessary.
    fn stream_or_new(&mut self, key: &Bytes) -> Result<&mut Stream, Reject> {
        if !self.keyspace.contains(key) {
            let stream = Value::Stream(Box::default());
            self.keyspace.set(key, stream, Expiry::Never);
        }
        // The key exists now, but may hold another type.
        self.stream_mut(key)?.ok_or(Reject::NO_KEY)
    }

    /// Returns the stream of a group.
    fn group_mut(&mut self, key: &Bytes, group: &Bytes) -> Result<(&mut Stream, Bytes), Reject> {
        let missing = || Reject::no_stream_or_group(key, group);
        let stream = self.stream_mut(key)?.ok_or_else(missing)?;
        if !stream.groups.contains_key(group) {
            return Err(missing());
        }
        Ok((stream, group.clone()))
    }

    /// Parses the arguments from an index on as IDs, which may lack the sequence.
    fn ids(&self, from: usize) -> Result<Vec<StreamId>, Reject> {
        (self.rest(from).iter())
            .map(|id| StreamId::parse(id, 0))
            .collect()
    }
}
