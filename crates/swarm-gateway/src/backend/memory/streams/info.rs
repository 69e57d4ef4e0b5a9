//! Stream metadata: XINFO and XSETID.

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder, RespVersion};

use super::super::call::{Call, Reply, ok};
use super::super::keyspace::Class;
use super::super::number;
use super::super::reject::Reject;
use super::Stream;
use super::group::Group;
use super::id::StreamId;

/// Default number of entries and pending entries shown by `FULL`.
const SHOWN: usize = 10;

fn integer(reply: &mut FrameBuilder, number: usize) {
    reply.integer(i64::try_from(number).unwrap_or(i64::MAX));
}

fn id(reply: &mut FrameBuilder, id: StreamId) {
    reply.bulk(id.to_string().as_bytes());
}

/// Writes named fields: a map in RESP3, alternating names and values in RESP2.
fn fields(reply: &mut FrameBuilder, protocol: RespVersion, put: impl FnOnce(&mut FrameBuilder)) {
    match protocol {
        RespVersion::Resp3 => reply.map(put),
        RespVersion::Resp2 => reply.array(put),
    }
}

/// Returns the stream that XINFO refers to.
fn existing<'a>(call: &'a Call<'_>) -> Result<&'a Stream, Reject> {
    call.stream(call.arg(2))?.ok_or(Reject::NO_KEY)
}

/// `[FULL [COUNT n]]`: number of entries to show, or `None` for a summary.
fn full(call: &Call<'_>) -> Result<Option<usize>, Reject> {
    let count = match call.rest(3) {
        [] => return Ok(None),
        [full] if full.eq_ignore_ascii_case(b"FULL") => return Ok(Some(SHOWN)),
        [full, word, count]
            if full.eq_ignore_ascii_case(b"FULL") && word.eq_ignore_ascii_case(b"COUNT") =>
        {
            number::integer(count)?
        }
        _ => {
            return Err(Reject::quoting(&[
                b"ERR unknown subcommand or wrong number of arguments for '",
                call.arg(1),
                b"'. Try XINFO HELP.",
            ]));
        }
    };
    Ok(Some(match usize::try_from(count) {
        Err(_) => SHOWN,
        Ok(0) => usize::MAX,
        Ok(count) => count,
    }))
}

pub(in super::super) fn xinfo_stream(call: &mut Call<'_>) -> Reply {
    let stream = existing(call)?;
    let full = full(call)?;
    let protocol = call.protocol;
    Ok(Frame::build(|reply| {
        fields(reply, protocol, |reply| {
            reply.bulk(b"length");
            integer(reply, stream.entries.len());
            reply.bulk(b"radix-tree-keys");
            integer(reply, stream.nodes.len());
            reply.bulk(b"radix-tree-nodes");
            integer(reply, stream.nodes.of_the_tree());
            reply.bulk(b"last-generated-id");
            id(reply, stream.last);
            reply.bulk(b"max-deleted-entry-id");
            id(reply, stream.deleted);
            reply.bulk(b"entries-added");
            reply.integer(stream.added);
            reply.bulk(b"recorded-first-entry-id");
            id(reply, stream.first());
            match full {
                Some(most) => in_full(reply, stream, most, protocol),
                None => {
                    reply.bulk(b"groups");
                    integer(reply, stream.groups.len());
                    for (name, entry) in [
                        (&b"first-entry"[..], stream.entries.first_key_value()),
                        (b"last-entry", stream.entries.last_key_value()),
                    ] {
                        reply.bulk(name);
                        match entry {
                            Some((id, fields)) => Stream::reply_entry(reply, *id, fields),
                            None => reply.null(),
                        }
                    }
                }
            }
        });
    }))
}

fn in_full(reply: &mut FrameBuilder, stream: &Stream, most: usize, protocol: RespVersion) {
    reply.bulk(b"entries");
    reply.array(|entries| {
        for (id, fields) in stream.entries.iter().take(most) {
            Stream::reply_entry(entries, *id, fields);
        }
    });
    reply.bulk(b"groups");
    reply.array(|groups| {
        for (name, group) in &stream.groups {
            fields(groups, protocol, |reply| {
                reply.bulk(b"name");
                reply.bulk(name);
                reply.bulk(b"last-delivered-id");
                id(reply, group.delivered);
                progress(reply, stream, group);
                reply.bulk(b"pel-count");
                integer(reply, group.pending.len());
                reply.bulk(b"pending");
                reply.array(|pending| {
                    for (entry, given) in group.pending.iter().take(most) {
                        pending.array(|reply| {
                            id(reply, *entry);
                            reply.bulk(&given.consumer);
                            reply.integer(given.delivered_at);
                            reply.integer(given.deliveries);
                        });
                    }
                });
                reply.bulk(b"consumers");
                reply.array(|consumers| consumers_in_full(consumers, group, most, protocol));
            });
        }
    });
}

fn consumers_in_full(reply: &mut FrameBuilder, group: &Group, most: usize, protocol: RespVersion) {
    for (name, seen) in &group.consumers {
        fields(reply, protocol, |reply| {
            reply.bulk(b"name");
            reply.bulk(name);
            reply.bulk(b"seen-time");
            reply.integer(*seen);
            reply.bulk(b"pel-count");
            integer(reply, group.pending_of(name).count());
            reply.bulk(b"pending");
            reply.array(|pending| {
                for (entry, given) in group.pending_of(name).take(most) {
                    pending.array(|reply| {
                        id(reply, *entry);
                        reply.integer(given.delivered_at);
                        reply.integer(given.deliveries);
                    });
                }
            });
        });
    }
}

/// Writes how many of all entries a group has read and how many remain, if known.
fn progress(reply: &mut FrameBuilder, stream: &Stream, group: &Group) {
    let lag = match group.entries_read {
        _ if stream.added == 0 => Some(0),
        Some(read) if !stream.deleted_since(group.delivered) => Some(stream.added - read),
        _ => (stream.place(group.delivered)).map(|read| stream.added - read),
    };
    for (name, number) in [(&b"entries-read"[..], group.entries_read), (b"lag", lag)] {
        reply.bulk(name);
        match number {
            Some(number) => reply.integer(number),
            None => reply.null(),
        }
    }
}

pub(in super::super) fn xinfo_groups(call: &mut Call<'_>) -> Reply {
    let stream = existing(call)?;
    Ok(Frame::build(|reply| {
        reply.array(|groups| {
            for (name, group) in &stream.groups {
                fields(groups, call.protocol, |reply| {
                    reply.bulk(b"name");
                    reply.bulk(name);
                    reply.bulk(b"consumers");
                    integer(reply, group.consumers.len());
                    reply.bulk(b"pending");
                    integer(reply, group.pending.len());
                    reply.bulk(b"last-delivered-id");
                    id(reply, group.delivered);
                    progress(reply, stream, group);
                });
            }
        });
    }))
}

pub(in super::super) fn xinfo_consumers(call: &mut Call<'_>) -> Reply {
    let (key, name) = (call.arg(2), call.arg(3));
    let group = existing(call)?.groups.get(name);
    let group = group.ok_or_else(|| Reject::no_group(key, name))?;
    Ok(Frame::build(|reply| {
        reply.array(|consumers| {
            for (name, seen) in &group.consumers {
                fields(consumers, call.protocol, |reply| {
                    reply.bulk(b"name");
                    reply.bulk(name);
                    reply.bulk(b"pending");
                    integer(reply, group.pending_of(name).count());
                    reply.bulk(b"idle");
                    reply.integer((call.now - seen).max(0));
                });
            }
        });
    }))
}

/// `[ENTRIESADDED n] [MAXDELETEDID id]`.
fn set_options(
    mut args: &[Bytes],
    last: StreamId,
) -> Result<(Option<i64>, Option<StreamId>), Reject> {
    let (mut added, mut deleted) = (None, None);
    while let Some((name, rest)) = args.split_first() {
        args = match (name.to_ascii_uppercase().as_slice(), rest) {
            (b"ENTRIESADDED", [number, rest @ ..]) => {
                let number = number::integer(number)?;
                if number < 0 {
                    return Err(Reject::text("ERR entries_added must be positive"));
                }
                added = Some(number);
                rest
            }
            (b"MAXDELETEDID", [id, rest @ ..]) => {
                let id = StreamId::parse(id, 0)?;
                if id > last {
                    return Err(Reject::text(
                        "ERR The ID specified in XSETID is smaller than the provided \
                         max_deleted_entry_id",
                    ));
                }
                deleted = Some(id);
                rest
            }
            _ => return Err(Reject::SYNTAX),
        };
    }
    Ok((added, deleted))
}

pub(in super::super) fn xsetid(call: &mut Call<'_>) -> Reply {
    let key = call.arg(1);
    let last = StreamId::parse(call.arg(2), 0)?;
    let (added, deleted) = set_options(call.rest(3), last)?;
    let stream = call.stream_mut(key)?.ok_or(Reject::NO_KEY)?;
    if let Some((top, _)) = stream.entries.last_key_value() {
        if last < *top {
            return Err(Reject::text(
                "ERR The ID specified in XSETID is smaller than the target stream top item",
            ));
        }
        let length = i64::try_from(stream.entries.len()).unwrap_or(i64::MAX);
        if added.is_some_and(|added| added < length) {
            return Err(Reject::text(
                "ERR The entries_added specified in XSETID is smaller than the target stream \
                 length",
            ));
        }
    }
    stream.last = last;
    stream.added = added.unwrap_or(stream.added);
    if let Some(deleted) = deleted.filter(|id| *id != StreamId::MIN) {
        stream.deleted = deleted;
    }
    call.keyspace.notify(Class::STREAM, "xsetid", key);
    Ok(ok())
}
