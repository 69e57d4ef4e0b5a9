//! XREAD and XREADGROUP of SwarmKeyDb, which may block.

use std::sync::Arc;

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::super::call::{Block, Call, Reply};
use super::super::super::reject::Reject;
use super::super::{Naming, decoded, number, valid_key};
use super::id::{Id, Place, behind};
use super::{Entry, Group, MOST, Stream, put_entries, store, stream};

/// Options of both commands.
#[derive(Debug)]
struct Options<'a> {
    /// Maximum number of entries per stream.
    most: usize,
    /// Time to block in milliseconds; 0 blocks indefinitely.
    block: Option<i64>,
    no_ack: bool,
    /// Keys, and then as many IDs.
    keys: Vec<Bytes>,
    ids: &'a [Bytes],
}

impl<'a> Options<'a> {
    fn parse(mut args: &'a [Bytes], grouped: bool) -> Result<Self, Reject> {
        let mut options = Self {
            most: MOST,
            block: None,
            no_ack: false,
            keys: Vec::new(),
            ids: &[],
        };
        while let Some((name, rest)) = args.split_first() {
            args = match (name.to_ascii_uppercase().as_slice(), rest) {
                (b"COUNT", [count, rest @ ..]) => {
                    options.most = number::elements(number::at_least(1, count)?);
                    rest
                }
                (b"BLOCK", [time, rest @ ..]) => {
                    options.block = Some(number::at_least(0, time)?);
                    rest
                }
                (b"NOACK", _) if grouped => {
                    options.no_ack = true;
                    rest
                }
                (b"STREAMS", [_, ..]) if rest.len().is_multiple_of(2) => {
                    let (keys, ids) = rest.split_at(rest.len() / 2);
                    options.keys = keys.iter().map(valid_key).collect::<Result<_, _>>()?;
                    options.ids = ids;
                    return Ok(options);
                }
                _ => break,
            };
        }
        Err(Reject::SYNTAX)
    }

    /// Replies, or blocks if there is nothing and the options allow it.
    fn finish(
        &self,
        call: &mut Call<'_>,
        found: &[(Bytes, Vec<Arc<Entry>>)],
        resolved: &[Bytes],
    ) -> Frame {
        if !found.is_empty() {
            return Frame::build(|reply| {
                reply.array(|array| {
                    for (key, entries) in found {
                        array.array(|pair| {
                            pair.bulk(key);
                            put_entries(pair, entries);
                        });
                    }
                });
            });
        }
        if let Some(time) = self.block {
            let mut args = call.args.to_vec();
            args.truncate(args.len() - resolved.len());
            args.extend_from_slice(resolved);
            call.block = Some(Block {
                keys: self.keys.clone(),
                deadline: (time > 0).then(|| call.now.saturating_add(time)),
                otherwise: Frame::null_array(),
                args,
            });
        }
        Frame::null_array()
    }
}

/// Returns the first entries behind a position.
fn new_entries(stream: &Stream, after: Place, most: usize) -> Vec<Arc<Entry>> {
    let entries = behind(after).map(|first| stream.entries.range(first..));
    let entries = entries.into_iter().flatten().take(most);
    entries.map(|(_, entry)| entry.clone()).collect()
}

/// `XREAD [COUNT n] [BLOCK ms] STREAMS key … id|$ …`.
pub(in super::super) fn xread(call: &mut Call<'_>) -> Reply {
    call.expects(call.args.len() >= 4, Naming::UpperCommand)?;
    let options = Options::parse(call.rest(1), false)?;
    let ids = options.ids.iter().map(|id| match id.as_ref() {
        b"$" => Ok(None),
        _ => Id::parse(id).map(Some),
    });
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let (mut found, mut resolved) = (Vec::new(), Vec::new());
    for (key, id) in options.keys.iter().zip(ids) {
        let stream = match stream(call, key) {
            // While blocked, the command ignores a key that now holds another type.
            Err(_) if call.again => None,
            stream => stream?,
        };
        let last = stream.as_ref().map_or((0, 0), |stream| stream.last);
        let after = id.unwrap_or_else(|| Id::at(last));
        resolved.push(Bytes::copy_from_slice(after.text()));
        let entries = stream.map(|stream| new_entries(&stream, after.place(), options.most));
        let entries = entries.filter(|entries| !entries.is_empty());
        found.extend(entries.map(|entries| (key.clone(), entries)));
    }
    Ok(options.finish(call, &found, &resolved))
}

/// `XREADGROUP GROUP group consumer [COUNT n] [BLOCK ms] [NOACK] STREAMS key … id|> …`.
pub(in super::super) fn xreadgroup(call: &mut Call<'_>) -> Reply {
    call.expects(call.args.len() >= 7, Naming::UpperCommand)?;
    if !call.is(1, "GROUP") {
        return Err(Reject::SYNTAX);
    }
    let (group, consumer) = (decoded(call.arg(2)), decoded(call.arg(3)));
    let mut options = Options::parse(call.rest(4), true)?;
    let mut streams = Vec::new();
    for key in &options.keys {
        match stream(call, key)?.filter(|stream| stream.groups.contains_key(&group)) {
            Some(stream) => streams.push(stream),
            None => return Err(missing(call, key, &group)),
        }
    }
    let from = options.ids.iter().map(|id| match id.as_ref() {
        b">" => Ok(None),
        _ => Id::parse(id).map(|id| Some(id.place())),
    });
    let from = from.collect::<Result<Vec<_>, _>>()?;
    if from.iter().any(Option::is_some) {
        options.block = None;
    }
    let mut found = Vec::new();
    for ((key, mut stream), from) in options.keys.iter().zip(streams).zip(from) {
        let writing = Arc::make_mut(&mut stream);
        let entries = match from {
            Some(first) => history(writing, &group, &consumer, first, options.most, call.now),
            None => news(writing, &group, &consumer, &options, call.now),
        };
        if !entries.is_empty() {
            store(call, key, stream);
            found.push((key.clone(), entries));
        }
    }
    Ok(options.finish(call, &found, options.ids))
}

fn missing(call: &Call<'_>, key: &Bytes, group: &Bytes) -> Reject {
    if call.again {
        return Reject::text("UNBLOCKED the stream key no longer exists");
    }
    Reject::joined(&[
        b"NOGROUP No such key '",
        key,
        b"' or consumer group '",
        group,
        b"' in XREADGROUP with GROUP option",
    ])
}

/// Delivers entries that no consumer of the group has received.
fn news(
    stream: &mut Stream,
    group: &Bytes,
    consumer: &Bytes,
    options: &Options<'_>,
    now: i64,
) -> Vec<Arc<Entry>> {
    let delivered = stream
        .groups
        .get(group)
        .map_or((0, 0), |group| group.delivered.place());
    let entries = new_entries(stream, delivered, options.most);
    let Some((last, group)) = entries.last().zip(stream.groups.get_mut(group)) else {
        return Vec::new();
    };
    group.delivered = last.id.clone();
    group.consumers.insert(consumer.clone(), now);
    if !options.no_ack {
        entries
            .iter()
            .for_each(|entry| group.give(entry, consumer, now));
    }
    entries
}

/// Delivers a consumer's pending entries again, from an ID on.
fn history(
    stream: &mut Stream,
    group: &Bytes,
    consumer: &Bytes,
    first: Place,
    most: usize,
    now: i64,
) -> Vec<Arc<Entry>> {
    let Stream {
        entries, groups, ..
    } = stream;
    let Some(Group {
        pending, consumers, ..
    }) = groups.get_mut(group)
    else {
        return Vec::new();
    };
    let mine = pending
        .range_mut(first..)
        .filter(|(_, pending)| pending.consumer == consumer);
    let delivered: Vec<_> = (mine.take(most))
        .filter_map(|(place, pending)| {
            pending.delivered_at = now;
            pending.deliveries += 1;
            entries.get(place).cloned()
        })
        .collect();
    if !delivered.is_empty() {
        consumers.insert(consumer.clone(), now);
    }
    delivered
}
