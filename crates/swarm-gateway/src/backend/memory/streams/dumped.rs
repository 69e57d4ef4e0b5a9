//! Streams in the format of DUMP.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Stream;
use super::group::{Group, Pending};
use super::id::StreamId;
use crate::backend::memory::dump::{Reader, elements, listpack, put_length, put_string};

/// Flags of an entry in a node.
const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

impl StreamId {
    const fn to_key(self) -> [u8; 16] {
        let Self { millis, sequence } = self;
        ((millis as u128) << 64 | sequence as u128).to_be_bytes()
    }

    fn from_key(key: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(key);
        Self::new((number >> 64) as u64, number as u64)
    }

    fn put(self, payload: &mut Vec<u8>) {
        put_length(payload, self.millis);
        put_length(payload, self.sequence);
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self::new(reader.number()?, reader.number()?))
    }
}

impl Stream {
    /// Appends the content of a stream. Deleted entries, which a node of Redis still contains, are
    /// left out.
    pub(in super::super) fn put(&self, payload: &mut Vec<u8>) {
        let nodes: Vec<_> = self.nodes.iter().collect();
        put_length(payload, nodes.len() as u64);
        for (first, node) in nodes {
            put_string(payload, &first.to_key());
            put_string(payload, &self.listpack(*first, node.last, node.fields()));
        }
        put_length(payload, self.entries.len() as u64);
        self.last.put(payload);
        self.first().put(payload);
        self.deleted.put(payload);
        put_length(payload, self.added.cast_unsigned());
        put_length(payload, self.groups.len() as u64);
        for (name, group) in &self.groups {
            put_string(payload, name);
            group.put(payload);
        }
    }

    /// Returns a node: a header, the fields of its first entry, and its entries.
    fn listpack(&self, first: StreamId, last: StreamId, names: &[Bytes]) -> Vec<u8> {
        let entries = || self.entries.range(first..=last);
        let mut list = listpack::Writer::default();
        list.integer(entries().count() as i64);
        list.integer(0);
        list.integer(names.len() as i64);
        names.iter().for_each(|name| list.text(name));
        list.integer(0);
        for (id, fields) in entries() {
            let same = fields.iter().step_by(2).eq(names);
            list.integer(if same { SAME_FIELDS } else { 0 });
            list.integer(id.millis.wrapping_sub(first.millis).cast_signed());
            list.integer(id.sequence.wrapping_sub(first.sequence).cast_signed());
            let mut elements = fields.len() / 2 + 3;
            if same {
                fields
                    .iter()
                    .skip(1)
                    .step_by(2)
                    .for_each(|value| list.text(value));
            } else {
                elements += fields.len() / 2 + 1;
                list.integer((fields.len() / 2) as i64);
                fields.iter().for_each(|part| list.text(part));
            }
            list.integer(elements as i64);
        }
        list.finish()
    }

    /// Reads the content of a stream, or returns `None` if it is malformed. Redis before 7.0 does
    /// not count all entries.
    pub(in super::super) fn read(reader: &mut Reader<'_>, counts: bool) -> Option<Self> {
        let mut stream = Self::default();
        let mut before = None;
        for _ in 0..reader.number()? {
            let key = reader.string()?;
            let first = StreamId::from_key(key.as_ref().try_into().ok()?);
            if before.is_some_and(|before| before >= first) {
                return None;
            }
            before = Some(stream.read_node(first, &elements(&reader.string()?)?)?);
        }
        let length = reader.number()?;
        stream.last = StreamId::read(reader)?;
        stream.added = i64::try_from(length).ok()?;
        if counts {
            // The first ID is that of the first entry.
            StreamId::read(reader)?;
            stream.deleted = StreamId::read(reader)?;
            stream.added = i64::try_from(reader.number()?).ok()?;
        }
        let is_behind = |(last, _): (&StreamId, _)| *last <= stream.last;
        let is_whole = usize::try_from(length).ok()? == stream.entries.len()
            && stream.entries.last_key_value().is_none_or(is_behind);
        if !is_whole {
            return None;
        }
        for _ in 0..reader.number()? {
            let name = reader.string()?;
            let mut group = Group::read(reader, counts)?;
            if !counts {
                group.entries_read = stream.place(group.delivered);
            }
            if stream.groups.insert(name, group).is_some() {
                return None;
            }
        }
        Some(stream)
    }

    /// Adds the entries of a node behind all others. Returns the last ID, that of a deleted entry
    /// included.
    fn read_node(&mut self, first: StreamId, elements: &[Bytes]) -> Option<StreamId> {
        let mut elements = elements.iter();
        let number = |element: &Bytes| str::from_utf8(element).ok()?.parse::<i64>().ok();
        let mut next = || elements.next().cloned();
        let live = number(&next()?)?;
        let deleted = number(&next()?)?;
        let count = number(&next()?)?;
        let names: Vec<_> = (0..count).map(|_| next()).collect::<Option<_>>()?;
        next()?;
        self.nodes.begin(first, names.clone());
        let mut gone = Vec::new();
        let total = live.checked_add(deleted).filter(|_| live > 0)?;
        let mut last = None;
        for _ in 0..total {
            let flags = number(&next()?)?;
            let millis = first.millis.wrapping_add(number(&next()?)?.cast_unsigned());
            let sequence = first
                .sequence
                .wrapping_add(number(&next()?)?.cast_unsigned());
            let id = StreamId::new(millis, sequence);
            let mut fields = Vec::new();
            if flags & SAME_FIELDS == 0 {
                for _ in 0..number(&next()?)? {
                    fields.extend([next()?, next()?]);
                }
            } else {
                for name in &names {
                    fields.extend([name.clone(), next()?]);
                }
            }
            next()?;
            if id < first || last.is_some_and(|last| last >= id) {
                return None;
            }
            last = Some(id);
            self.nodes.push(id, &fields);
            if flags & DELETED == 0 {
                self.entries.insert(id, fields);
            } else {
                gone.push(id);
            }
        }
        let is_whole = elements.next().is_none() && i64::try_from(gone.len()) == Ok(deleted);
        gone.into_iter().for_each(|id| self.nodes.remove(id));
        last.filter(|_| is_whole)
    }
}

impl Group {
    fn put(&self, payload: &mut Vec<u8>) {
        self.delivered.put(payload);
        put_length(payload, self.entries_read.unwrap_or(-1).cast_unsigned());
        put_length(payload, self.pending.len() as u64);
        for (id, pending) in &self.pending {
            payload.extend_from_slice(&id.to_key());
            payload.extend_from_slice(&pending.delivered_at.to_le_bytes());
            put_length(payload, pending.deliveries.cast_unsigned());
        }
        put_length(payload, self.consumers.len() as u64);
        for (name, seen) in &self.consumers {
            put_string(payload, name);
            payload.extend_from_slice(&seen.to_le_bytes());
            let pending: Vec<_> = self.pending_of(name).collect();
            put_length(payload, pending.len() as u64);
            for (id, _) in pending {
                payload.extend_from_slice(&id.to_key());
            }
        }
    }

    fn read(reader: &mut Reader<'_>, counts: bool) -> Option<Self> {
        let delivered = StreamId::read(reader)?;
        let entries_read = match counts {
            true => Some(reader.number()?.cast_signed()).filter(|read| *read >= 0),
            false => None,
        };
        let mut unowned = BTreeMap::new();
        for _ in 0..reader.number()? {
            let id = StreamId::from_key(reader.array()?);
            let delivered_at = i64::from_le_bytes(reader.array()?);
            let deliveries = i64::try_from(reader.number()?).ok()?;
            if unowned.insert(id, (delivered_at, deliveries)).is_some() {
                return None;
            }
        }
        let (mut consumers, mut pending) = (BTreeMap::new(), BTreeMap::new());
        for _ in 0..reader.number()? {
            let consumer = reader.string()?;
            let seen = i64::from_le_bytes(reader.array()?);
            for _ in 0..reader.number()? {
                let id = StreamId::from_key(reader.array()?);
                let (delivered_at, deliveries) = unowned.remove(&id)?;
                let consumer = consumer.clone();
                let entry = Pending {
                    consumer,
                    delivered_at,
                    deliveries,
                };
                pending.insert(id, entry);
            }
            if consumers.insert(consumer, seen).is_some() {
                return None;
            }
        }
        unowned.is_empty().then_some(Self {
            delivered,
            entries_read,
            pending,
            consumers,
        })
    }
}
