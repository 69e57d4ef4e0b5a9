//! Substring commands: APPEND, GETRANGE, SETRANGE, STRLEN.

use bytes::{Bytes, BytesMut};
use swarm_resp::Frame;

use super::call::{Call, Reply, count};
use super::keyspace::{Class, Expiry, Origin, Value};
use super::reject::Reject;

/// Maximum length of a string, as in Redis.
pub(super) const MAX_STRING: usize = 512 << 20;

const TOO_LONG: Reject =
    Reject::text("ERR string exceeds maximum allowed size (proto-max-bulk-len)");

pub(super) fn strlen(call: &mut Call<'_>) -> Reply {
    let value = call.keyspace.string(call.arg(1))?;
    Ok(count(value.map_or(0, Bytes::len)))
}

pub(super) fn append(call: &mut Call<'_>) -> Reply {
    let (key, tail) = (call.arg(1), call.arg(2));
    let length = call.keyspace.string(key)?.map_or(0, Bytes::len);
    splice(call, key, length, tail, "append")
}

pub(super) fn setrange(call: &mut Call<'_>) -> Reply {
    let (key, part) = (call.arg(1), call.arg(3));
    let Ok(offset) = usize::try_from(call.integer(2)?) else {
        return Err(Reject::text("ERR offset is out of range"));
    };
    let length = call.keyspace.string(key)?.map_or(0, Bytes::len);
    if part.is_empty() {
        return Ok(count(length));
    }
    splice(call, key, offset, part, "setrange")
}

/// Writes `part` at `offset`, padding with zeros, and replies with the new length.
fn splice(
    call: &mut Call<'_>,
    key: &Bytes,
    offset: usize,
    part: &[u8],
    event: &'static str,
) -> Reply {
    let end = offset.saturating_add(part.len());
    if end > MAX_STRING {
        return Err(TOO_LONG);
    }
    let before = call.keyspace.take_string(key)?;
    let is_new = before.is_none();
    let before = before.unwrap_or_default();
    // Modified in place unless a reply still shares the bytes.
    let mut value = before.try_into_mut().unwrap_or_else(|shared| {
        let mut copy = BytesMut::with_capacity(shared.len().max(end));
        copy.extend_from_slice(&shared);
        copy
    });
    if value.len() < end {
        value.resize(end, 0);
    }
    if let Some(place) = value.get_mut(offset..end) {
        place.copy_from_slice(part);
    }
    let length = count(value.len());
    call.keyspace
        .set(key, Value::String(value.freeze()), Expiry::Keep);
    if event != "append" || !is_new {
        call.keyspace.set_origin(key, Origin::Modified);
    }
    call.keyspace.notify(Class::STRING, event, key);
    Ok(length)
}

pub(super) fn getrange(call: &mut Call<'_>) -> Reply {
    let (start, end) = (call.integer(2)?, call.integer(3)?);
    let value = call.keyspace.string(call.arg(1))?;
    let value = value.cloned().unwrap_or_default();
    let range = inside(start, end, value.len());
    Ok(Frame::bulk(range.map_or_else(Bytes::new, |(from, to)| {
        value.slice(from..to)
    })))
}

/// Converts inclusive indices, negative ones counted from the end, to a half-open range.
fn inside(start: i64, end: i64, length: usize) -> Option<(usize, usize)> {
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let length = i64::try_from(length).ok()?;
    let from_start = |at: i64| {
        if at < 0 {
            at.saturating_add(length).max(0)
        } else {
            at
        }
    };
    let (start, end) = (from_start(start), from_start(end).min(length - 1));
    if start > end {
        return None;
    }
    Some((usize::try_from(start).ok()?, usize::try_from(end + 1).ok()?))
}
