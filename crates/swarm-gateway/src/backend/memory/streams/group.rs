//! Consumer groups: consumers, delivered entries, and acknowledgements.

use std::collections::BTreeMap;

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply, count, ok};
use super::super::keyspace::Class;
use super::super::number;
use super::super::reject::Reject;
use super::Stream;
use super::id::StreamId;

/// A consumer group.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    /// Last entry delivered to any consumer.
    pub(super) delivered: StreamId,
    /// Number of entries ever added that were delivered, if known.
    pub(super) entries_read: Option<i64>,
    /// Entries delivered but not acknowledged.
    pub(super) pending: BTreeMap<StreamId, Pending>,
    /// Consumers by name, with the time of their last activity.
    pub(super) consumers: BTreeMap<Bytes, i64>,
}

/// A delivered entry that has not been acknowledged.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) consumer: Bytes,
    /// Milliseconds since the Unix epoch.
    pub(super) delivered_at: i64,
    pub(super) deliveries: i64,
}

impl Group {
    /// Records activity of a consumer, creating it if necessary.
    pub(super) fn see(&mut self, consumer: &Bytes, now: i64) {
        if let Some(seen) = self.consumers.get_mut(consumer) {
            *seen = now;
        } else {
            let name = Bytes::copy_from_slice(consumer);
            self.consumers.insert(name, now);
        }
    }

    /// Returns the pending entries of a consumer.
    pub(super) fn pending_of(
        &self,
        consumer: &[u8],
    ) -> impl Iterator<Item = (&StreamId, &Pending)> {
        (self.pending.iter()).filter(move |(_, pending)| pending.consumer == consumer)
    }

    /// Records the first delivery of an entry.
    pub(super) fn give(&mut self, id: StreamId, consumer: &Bytes, now: i64) {
        let consumer = self.consumers.get_key_value(consumer).map_or_else(
            || Bytes::copy_from_slice(consumer),
            |(name, _)| name.clone(),
        );
        let pending = Pending {
            consumer,
            delivered_at: now,
            deliveries: 1,
        };
        self.pending.insert(id, pending);
    }
}

const NO_STREAM: Reject = Reject::text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to \
     use the MKSTREAM option to create an empty stream automatically.",
);

/// Parses the options after the ID of CREATE and SETID: whether to create the stream, and the
/// number of entries read.
fn options(
    options: &[Bytes],
    subcommand: &str,
    create: bool,
) -> Result<(bool, Option<i64>), Reject> {
    let (mut make, mut read) = (false, None);
    let mut options = options.iter();
    while let Some(option) = options.next() {
        if create && option.eq_ignore_ascii_case(b"MKSTREAM") {
            make = true;
            continue;
        }
        let number = options
            .next()
            .filter(|_| option.eq_ignore_ascii_case(b"ENTRIESREAD"));
        let number = number.ok_or_else(|| {
            Reject::new(format!(
                "ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try \
                 XGROUP HELP."
            ))
        })?;
        let number = number::integer(number)?;
        if number < -1 {
            return Err(Reject::text(
                "ERR value for ENTRIESREAD must be positive or -1",
            ));
        }
        read = (number >= 0).then_some(number);
    }
    Ok((make, read))
}

/// Parses an ID, or `$` for the last entry.
fn position(text: &[u8], stream: Option<&Stream>) -> Result<StreamId, Reject> {
    if text == b"$" {
        Ok(stream.map(|stream| stream.last).unwrap_or_default())
    } else {
        StreamId::parse(text, 0)
    }
}

pub(in super::super) fn xgroup_create(call: &mut Call<'_>) -> Reply {
    let sub = String::from_utf8_lossy(call.arg(1)).into_owned();
    let (make, entries_read) = options(call.rest(5), &sub, true)?;
    let (key, name) = (call.arg(2), call.arg(3));
    let stream = call.stream(key)?;
    if stream.is_none() && !make {
        return Err(NO_STREAM);
    }
    let delivered = position(call.arg(4), stream)?;
    let stream = call.stream_or_new(key)?;
    if stream.groups.contains_key(name) {
        return Err(Reject::text("BUSYGROUP Consumer Group name already exists"));
    }
    let group = Group {
        delivered,
        entries_read,
        ..Group::default()
    };
    // Creating a group does not count as a change for WATCH.
    stream.groups.insert(Bytes::copy_from_slice(name), group);
    call.keyspace.notify(Class::STREAM, "xgroup-create", key);
    Ok(ok())
}

/// Returns the stream that XGROUP refers to.
fn existing<'a>(call: &'a mut Call<'_>) -> Result<&'a mut Stream, Reject> {
    call.stream_mut(call.arg(2))?.ok_or(NO_STREAM)
}

/// Returns the group that XGROUP refers to.
fn existing_group<'a>(call: &'a mut Call<'_>) -> Result<&'a mut Group, Reject> {
    let (key, name) = (call.arg(2), call.arg(3));
    (existing(call)?.groups.get_mut(name)).ok_or_else(|| Reject::no_group(key, name))
}

pub(in super::super) fn xgroup_setid(call: &mut Call<'_>) -> Reply {
    let sub = String::from_utf8_lossy(call.arg(1)).into_owned();
    let (_, entries_read) = options(call.rest(5), &sub, false)?;
    existing_group(call)?;
    let delivered = match call.arg(4).as_ref() {
        // Unlike CREATE, SETID accepts the ends of a range.
        b"-" => StreamId::MIN,
        b"+" => StreamId::MAX,
        id => position(id, call.stream(call.arg(2))?)?,
    };
    let group = existing_group(call)?;
    group.delivered = delivered;
    group.entries_read = entries_read;
    (call.keyspace).notify(Class::STREAM, "xgroup-setid", call.arg(2));
    Ok(ok())
}

pub(in super::super) fn xgroup_destroy(call: &mut Call<'_>) -> Reply {
    let name = call.arg(3);
    let removed = existing(call)?.groups.remove(name).is_some();
    if removed {
        call.keyspace.touch(call.arg(2));
        (call.keyspace).notify(Class::STREAM, "xgroup-destroy", call.arg(2));
    }
    Ok(Frame::integer(i64::from(removed)))
}

pub(in super::super) fn xgroup_createconsumer(call: &mut Call<'_>) -> Reply {
    let (consumer, now) = (call.arg(4), call.now);
    let group = existing_group(call)?;
    let new = !group.consumers.contains_key(consumer);
    if new {
        group.see(consumer, now);
        (call.keyspace).notify(Class::STREAM, "xgroup-createconsumer", call.arg(2));
    }
    Ok(Frame::integer(i64::from(new)))
}

/// Replies with the number of the consumer's pending entries, which are dropped.
pub(in super::super) fn xgroup_delconsumer(call: &mut Call<'_>) -> Reply {
    let consumer = call.arg(4);
    let group = existing_group(call)?;
    let before = group.pending.len();
    group
        .pending
        .retain(|_, pending| pending.consumer != consumer);
    let existed = group.consumers.remove(consumer).is_some();
    let dropped = before - group.pending.len();
    if existed {
        (call.keyspace).notify(Class::STREAM, "xgroup-delconsumer", call.arg(2));
    }
    Ok(count(dropped))
}

/// Acknowledges nothing if the key or the group does not exist.
pub(in super::super) fn xack(call: &mut Call<'_>) -> Reply {
    let (key, name) = (call.arg(1), call.arg(2));
    let exists = call
        .stream(key)?
        .is_some_and(|stream| stream.groups.contains_key(name));
    if !exists {
        return Ok(Frame::integer(0));
    }
    let ids = call.ids(3)?;
    let group = call
        .stream_mut(key)?
        .and_then(|stream| stream.groups.get_mut(name));
    let acknowledged = group.map_or(0, |group| {
        (ids.iter())
            .filter(|id| group.pending.remove(id).is_some())
            .count()
    });
    Ok(count(acknowledged))
}
