//! Streams: entries in the order of their IDs, and groups that share the reading of them.

mod add;
mod claim;
mod group;
mod id;
mod info;
mod pending;
mod range;
mod read;
mod swarm;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use bytes::Bytes;
use swarm_resp::FrameBuilder;

use super::call::Call;
use super::keyspace::{Expiry, Value};
use super::reject::Reject;
use group::Group;
use id::StreamId;

pub(super) use add::{xadd, xdel, xlen, xtrim};
pub(super) use claim::{xautoclaim, xclaim};
pub(super) use group::{
    xack, xgroup_create, xgroup_createconsumer, xgroup_delconsumer, xgroup_destroy, xgroup_setid,
};
pub(super) use info::{xinfo_consumers, xinfo_groups, xinfo_stream, xsetid};
pub(super) use pending::xpending;
pub(super) use range::{xrange, xrevrange};
pub(super) use read::{xread, xreadgroup};
pub(super) use swarm::known_to_swarm;

/// What a key of type `stream` holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Stream {
    /// Fields and values in turn.
    entries: BTreeMap<StreamId, Vec<Bytes>>,
    /// The highest ID that there ever was.
    last: StreamId,
    /// The highest ID that XDEL ever removed.
    deleted: StreamId,
    /// How many entries there ever were.
    added: i64,
    groups: BTreeMap<Bytes, Group>,
}

impl Stream {
    /// The first entry there is; 0-0 without one.
    fn first(&self) -> StreamId {
        (self.entries.first_key_value()).map_or(StreamId::MIN, |(id, _)| *id)
    }

    /// Whether XDEL removed an entry at an ID or behind it, so that those behind it cannot be counted.
    fn deleted_since(&self, id: StreamId) -> bool {
        !self.entries.is_empty() && self.deleted != StreamId::MIN && id <= self.deleted
    }

    /// How many entries were ever added up to an ID, where that is certain.
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

    /// Puts an entry: its ID, its fields and values.
    fn reply_entry(reply: &mut FrameBuilder, id: StreamId, fields: &[Bytes]) {
        reply.array(|entry| {
            entry.bulk(id.to_string().as_bytes());
            entry.array(|values| fields.iter().for_each(|field| values.bulk(field)));
        });
    }

    /// Removes the oldest entries while `excess` says so of the number that is left and the oldest ID.
    fn trim(&mut self, excess: impl Fn(usize, StreamId) -> bool) -> usize {
        let before = self.entries.len();
        while let Some((oldest, _)) = self.entries.first_key_value() {
            if !excess(self.entries.len(), *oldest) {
                break;
            }
            self.entries.pop_first();
        }
        before - self.entries.len()
    }
}

impl<'a> Call<'a> {
    /// The stream of a key.
    fn stream(&self, key: &[u8]) -> Result<Option<&Stream>, Reject> {
        self.keyspace.get(key).map(Value::as_stream).transpose()
    }

    /// The stream of a key, to change it.
    fn stream_mut(&mut self, key: &[u8]) -> Result<Option<&mut Stream>, Reject> {
        self.keyspace
            .get_mut(key)
            .map(Value::as_stream_mut)
            .transpose()
    }

    /// The stream of a key, made when there is none.
    fn stream_or_new(&mut self, key: &Bytes) -> Result<&mut Stream, Reject> {
        if !self.keyspace.contains(key) {
            let stream = Value::Stream(Box::default());
            self.keyspace.set(key, stream, Expiry::Never);
        }
        // It was made just now, or is what it is.
        self.stream_mut(key)?.ok_or(Reject::NO_KEY)
    }

    /// A group of a stream.
    fn group_mut(&mut self, key: &Bytes, group: &Bytes) -> Result<(&mut Stream, Bytes), Reject> {
        let missing = || Reject::no_key_or_group(key, group);
        let stream = self.stream_mut(key)?.ok_or_else(missing)?;
        if !stream.groups.contains_key(group) {
            return Err(missing());
        }
        Ok((stream, group.clone()))
    }

    /// The IDs from an argument on, all of which must be complete or lack the sequence only.
    fn ids(&self, from: usize) -> Result<Vec<StreamId>, Reject> {
        (self.rest(from).iter())
            .map(|id| StreamId::parse(id, 0))
            .collect()
    }
}
