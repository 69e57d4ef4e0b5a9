//! XREAD and XREADGROUP, which may block.

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder, RespVersion};

use super::super::call::{Block, Call, Reply};
use super::super::keyspace::Class;
use super::super::number;
use super::super::reject::Reject;
use super::Stream;
use super::group::Group;
use super::id::StreamId;

/// Options of both commands.
#[derive(Debug, Default)]
struct Options<'a> {
    /// Maximum number of entries per stream.
    count: Option<usize>,
    /// Time to block in milliseconds; 0 blocks indefinitely.
    block: Option<i64>,
    group: Option<(&'a Bytes, &'a Bytes)>,
    no_ack: bool,
    keys: &'a [Bytes],
    ids: &'a [Bytes],
}

impl<'a> Options<'a> {
    fn parse(mut args: &'a [Bytes], grouped: bool) -> Result<Self, Reject> {
        let mut options = Self::default();
        while let Some((name, rest)) = args.split_first() {
            args = match (name.to_ascii_uppercase().as_slice(), rest) {
                (b"BLOCK", [time, rest @ ..]) => {
                    options.block = Some(timeout(time)?);
                    rest
                }
                (b"COUNT", [number, rest @ ..]) => {
                    let count = usize::try_from(number::integer(number)?).unwrap_or(0);
                    options.count = (count > 0).then_some(count);
                    rest
                }
                (b"STREAMS", [_, ..]) => {
                    options.split(rest)?;
                    break;
                }
                (b"GROUP", [group, consumer, rest @ ..]) if grouped => {
                    options.group = Some((group, consumer));
                    rest
                }
                (b"NOACK", _) if grouped => {
                    options.no_ack = true;
                    rest
                }
                (b"GROUP", [_, _, ..]) | (b"NOACK", _) => {
                    let name = name.to_ascii_uppercase();
                    let name = String::from_utf8_lossy(&name);
                    return Err(Reject::new(format!(
                        "ERR The {name} option is only supported by XREADGROUP. You called XREAD \
                         instead."
                    )));
                }
                _ => return Err(Reject::SYNTAX),
            };
        }
        if options.keys.is_empty() {
            return Err(Reject::SYNTAX);
        }
        if grouped && options.group.is_none() {
            return Err(Reject::text("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(options)
    }

    /// Splits the arguments after STREAMS into keys and IDs.
    fn split(&mut self, args: &'a [Bytes]) -> Result<(), Reject> {
        if args.len() % 2 == 1 {
            return Err(Reject::text(
                "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be \
                 specified.",
            ));
        }
        (self.keys, self.ids) = args.split_at(args.len() / 2);
        Ok(())
    }
}

fn timeout(text: &[u8]) -> Result<i64, Reject> {
    let time = number::integer(text)
        .map_err(|_| Reject::text("ERR timeout is not an integer or out of range"))?;
    if time < 0 {
        return Err(Reject::text("ERR timeout is negative"));
    }
    Ok(time)
}

/// Replies with keys and what `put` writes for each: a map in RESP3, pairs in RESP2.
fn by_key<T>(
    protocol: RespVersion,
    streams: &[(&Bytes, T)],
    put: impl Fn(&mut FrameBuilder, &T),
) -> Frame {
    Frame::build(|reply| match protocol {
        RespVersion::Resp3 => reply.map(|map| {
            for (key, what) in streams {
                map.bulk(key);
                put(map, what);
            }
        }),
        RespVersion::Resp2 => reply.array(|array| {
            for (key, what) in streams {
                array.array(|pair| {
                    pair.bulk(key);
                    put(pair, what);
                });
            }
        }),
    })
}

type Entries = Vec<(StreamId, Option<Vec<Bytes>>)>;

/// Writes entries; one that was deleted since its delivery has no fields.
fn put_entries(reply: &mut FrameBuilder, entries: &Entries) {
    reply.array(|array| {
        for (id, fields) in entries {
            match fields {
                Some(fields) => Stream::reply_entry(array, *id, fields),
                None => array.array(|entry| {
                    entry.bulk(id.to_string().as_bytes());
                    entry.null_array();
                }),
            }
        }
    });
}

/// Replies, or blocks if there is nothing and the options allow it.
fn finish(
    call: &mut Call<'_>,
    options: &Options<'_>,
    found: &[(&Bytes, Entries)],
    resolved: &[Bytes],
) -> Frame {
    if !found.is_empty() {
        return by_key(call.protocol, found, put_entries);
    }
    if let Some(time) = options.block {
        let mut args = call.args.to_vec();
        args.truncate(args.len() - resolved.len());
        args.extend_from_slice(resolved);
        call.block = Some(Block {
            keys: options.keys.to_vec(),
            deadline: (time > 0).then(|| call.now.saturating_add(time)),
            otherwise: Frame::null_array(),
            args,
        });
    }
    Frame::null_array()
}

pub(in super::super) fn xread(call: &mut Call<'_>) -> Reply {
    let options = Options::parse(call.rest(1), false)?;
    let mut found = Vec::new();
    let mut resolved = Vec::new();
    for (key, id) in options.keys.iter().zip(options.ids) {
        let stream = match call.stream(key) {
            // While blocked, the command ignores a key that now holds another type.
            Err(_) if call.again => None,
            stream => stream?,
        };
        let after = match id.as_ref() {
            b"$" => stream.map(|stream| stream.last).unwrap_or_default(),
            b">" => {
                return Err(Reject::text(
                    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP \
                     <group> <consumer> option.",
                ));
            }
            id => StreamId::parse(id, 0)?,
        };
        resolved.push(after.to_bytes());
        let Some((stream, first)) = stream.zip(after.next()) else {
            continue;
        };
        if call.ready.as_ref().is_some_and(|ready| ready != key) {
            continue;
        }
        let entries: Entries = (stream.entries.range(first..))
            .take(options.count.unwrap_or(usize::MAX))
            .map(|(id, fields)| (*id, Some(fields.clone())))
            .collect();
        if !entries.is_empty() {
            found.push((key, entries));
        }
    }
    Ok(finish(call, &options, &found, &resolved))
}

/// Position that a consumer reads from.
#[derive(Debug, Clone, Copy)]
enum From {
    /// `>`: entries never delivered to any consumer.
    New,
    /// The consumer's pending entries after an ID.
    History(StreamId),
}

impl From {
    fn parse(text: &[u8]) -> Result<Self, Reject> {
        match text {
            b">" => Ok(Self::New),
            b"$" => Err(Reject::text(
                "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
                 history of this consumer by specifying a proper ID, or use the > ID to get new \
                 messages. The $ ID would just return an empty result set.",
            )),
            id => StreamId::parse(id, 0).map(|id| match id {
                // Redis represents `>` by the largest ID.
                StreamId::MAX => Self::New,
                id => Self::History(id),
            }),
        }
    }
}

pub(in super::super) fn xreadgroup(call: &mut Call<'_>) -> Reply {
    let options = Options::parse(call.rest(1), true)?;
    let Some((group, consumer)) = options.group else {
        return Err(Reject::SYNTAX);
    };
    let mut from = Vec::new();
    for (key, id) in options.keys.iter().zip(options.ids) {
        from.push((key, position(call, key, group, id)?));
    }
    let mut found = Vec::new();
    let (now, most) = (call.now, options.count.unwrap_or(usize::MAX));
    for (key, from) in from {
        let Some(stream) = call.stream_mut(key)? else {
            continue;
        };
        let read = read_with(stream, group, most);
        let Some(group) = stream.groups.get_mut(group) else {
            continue;
        };
        let entries = &stream.entries;
        let was_known = group.consumers.contains_key(consumer);
        match from {
            From::History(after) => {
                group.see(consumer, now);
                let fields = |id: &StreamId| entries.get(id).cloned();
                let history = history(group, consumer, after.next(), most, now, fields);
                found.push((key, history));
            }
            From::New => {
                let first = group.delivered.next();
                let new: Entries = first
                    .map(|first| entries.range(first..))
                    .into_iter()
                    .flatten()
                    .take(most)
                    .map(|(id, fields)| (*id, Some(fields.clone())))
                    .collect();
                if let Some((last, _)) = new.last() {
                    group.delivered = *last;
                    group.entries_read = read;
                    group.see(consumer, now);
                    if !options.no_ack {
                        for (id, _) in &new {
                            group.give(*id, consumer, now);
                        }
                    }
                    found.push((key, new));
                }
            }
        }
        if !was_known && group.consumers.contains_key(consumer) {
            (call.keyspace).notify(Class::STREAM, "xgroup-createconsumer", key);
        }
    }
    Ok(finish(call, &options, &found, options.ids))
}

/// Returns how many entries a group will have read after it receives up to `most` new ones.
fn read_with(stream: &Stream, group: &Bytes, most: usize) -> Option<i64> {
    let group = stream.groups.get(group)?;
    let new = group
        .delivered
        .next()
        .map(|first| stream.entries.range(first..));
    (new.into_iter().flatten().take(most)).fold(group.entries_read, |read, (id, _)| match read {
        Some(read) if !stream.deleted_since(*id) => Some(read.saturating_add(1)),
        read if stream.added == 0 => read,
        _ => stream.place(*id),
    })
}

/// Verifies that the group exists and parses the position.
fn position(call: &Call<'_>, key: &Bytes, group: &Bytes, id: &Bytes) -> Result<From, Reject> {
    let stream = match call.stream(key) {
        Ok(None) | Err(_) if call.again => {
            return Err(Reject::text("UNBLOCKED the stream key no longer exists"));
        }
        stream => stream?,
    };
    if !stream.is_some_and(|stream| stream.groups.contains_key(group)) {
        return Err(if call.again {
            Reject::text("NOGROUP the consumer group this client was blocked on no longer exists")
        } else {
            Reject::quoting(&[
                b"NOGROUP No such key '",
                key,
                b"' or consumer group '",
                group,
                b"' in XREADGROUP with GROUP option",
            ])
        });
    }
    From::parse(id)
}

/// Reads a consumer's pending entries from an ID on. Each counts as delivered once more unless it
/// was deleted.
fn history(
    group: &mut Group,
    consumer: &Bytes,
    first: Option<StreamId>,
    most: usize,
    now: i64,
    fields: impl Fn(&StreamId) -> Option<Vec<Bytes>>,
) -> Entries {
    let Some(first) = first else {
        return Entries::new();
    };
    (group.pending.range_mut(first..))
        .filter(|(_, pending)| pending.consumer == consumer)
        .take(most)
        .map(|(id, pending)| {
            let fields = fields(id);
            if fields.is_some() {
                pending.delivered_at = now;
                pending.deliveries += 1;
            }
            (*id, fields)
        })
        .collect()
}
