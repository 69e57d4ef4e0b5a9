//! Streams of SwarmKeyDb: each is one stored value, which every stream write rewrites.

mod claim;
mod entries;
mod group;
mod id;
mod pending;
mod read;
mod saved;
mod stored;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use swarm_resp::FrameBuilder;

use super::super::call::Call;
use super::super::keyspace::{Expiry, Value};
use super::super::reject::Reject;
use id::{Id, Place};

pub(super) use claim::{xautoclaim, xclaim};
pub(super) use entries::{xadd, xlen, xrange, xrevrange, xtrim};
pub(super) use group::{xack, xgroup};
pub(super) use pending::xpending;
pub(super) use read::{xread, xreadgroup};
pub(super) use stored::STORED;

/// Number of entries of a read without COUNT.
const MOST: usize = 1000;

/// Value of a key of type `stream`.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Stream {
    entries: BTreeMap<Place, Arc<Entry>>,
    last: Place,
    groups: BTreeMap<Bytes, Group>,
}

#[derive(Debug)]
struct Entry {
    id: Id,
    /// Alternating fields and values.
    fields: Vec<Bytes>,
}

/// A consumer group.
#[derive(Debug, Clone, Default)]
struct Group {
    /// Last ID delivered to any consumer.
    delivered: Id,
    /// Entries delivered but not acknowledged.
    pending: BTreeMap<Place, Pending>,
    /// Consumers, with the time of their last read.
    consumers: BTreeMap<Bytes, i64>,
}

/// A delivered entry that has not been acknowledged.
#[derive(Debug, Clone)]
struct Pending {
    id: Id,
    consumer: Bytes,
    /// Milliseconds since the Unix epoch.
    delivered_at: i64,
    deliveries: i64,
}

impl Entry {
    fn put(&self, reply: &mut FrameBuilder) {
        reply.array(|entry| {
            entry.bulk(self.id.text());
            entry.array(|values| self.fields.iter().for_each(|field| values.bulk(field)));
        });
    }
}

/// Writes a list of entries.
fn put_entries(reply: &mut FrameBuilder, entries: &[Arc<Entry>]) {
    reply.array(|array| entries.iter().for_each(|entry| entry.put(array)));
}

impl Stream {
    /// Removes the oldest entries while `excess` returns `true` for their number and the oldest.
    /// Pending lists lose them too.
    fn trim(&mut self, excess: impl Fn(usize, Place) -> bool) -> usize {
        let mut removed = HashSet::new();
        while let Some((oldest, _)) = self.entries.first_key_value() {
            if !excess(self.entries.len(), *oldest) {
                break;
            }
            removed.extend(self.entries.pop_first().map(|(place, _)| place));
        }
        if !removed.is_empty() {
            for group in self.groups.values_mut() {
                group.pending.retain(|place, _| !removed.contains(place));
            }
        }
        removed.len()
    }
}

impl Group {
    /// Records the first delivery of an entry.
    fn give(&mut self, entry: &Entry, consumer: &Bytes, now: i64) {
        let pending = Pending {
            id: entry.id.clone(),
            consumer: consumer.clone(),
            delivered_at: now,
            deliveries: 1,
        };
        self.pending.insert(entry.id.place(), pending);
    }
}

/// Returns the stream of a key.
fn stream(call: &Call<'_>, key: &[u8]) -> Result<Option<Arc<Stream>>, Reject> {
    match call.keyspace.get(key) {
        None => Ok(None),
        Some(Value::Swarm(stream)) => Ok(Some(stream.clone())),
        // The server takes such a string for a stream, and fails to parse it.
        Some(Value::String(value)) if value.starts_with(STORED) => Err(Reject::CRASH),
        Some(_) => Err(Reject::WRONG_TYPE),
    }
}

/// Returns the stream of a group.
fn stream_of_group(call: &Call<'_>, key: &Bytes, group: &Bytes) -> Result<Arc<Stream>, Reject> {
    let found = stream(call, key)?.filter(|stream| stream.groups.contains_key(group));
    found.ok_or_else(|| Reject::no_key_or_group(key, group))
}

/// Writes a stream, which clears its time to live.
fn store(call: &mut Call<'_>, key: &Bytes, stream: Arc<Stream>) {
    call.keyspace.set(key, Value::Swarm(stream), Expiry::Never);
}
