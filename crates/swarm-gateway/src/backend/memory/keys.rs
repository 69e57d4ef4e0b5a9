//! Commands for keys of any type.

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Call, Reply, count, ok};
use super::databases::SAME_OBJECT;
use super::keyspace::{Class, Expiry, Value};
use super::reject::Reject;

pub(super) fn del(call: &mut Call<'_>) -> Reply {
    let removed = (call.rest(1).iter())
        .filter(|key| {
            let removed = call.keyspace.delete(key);
            if removed {
                call.keyspace.notify(Class::GENERIC, "del", key);
            }
            removed
        })
        .count();
    Ok(count(removed))
}

/// A key that is listed twice counts twice.
pub(super) fn exists(call: &mut Call<'_>) -> Reply {
    let present = (call.rest(1).iter())
        .filter(|key| call.keyspace.contains(key))
        .count();
    Ok(count(present))
}

/// TOUCH: EXISTS that uses the keys.
pub(super) fn touch(call: &mut Call<'_>) -> Reply {
    call.rest(1)
        .iter()
        .for_each(|key| call.keyspace.use_key(key));
    exists(call)
}

pub(super) fn type_of(call: &mut Call<'_>) -> Reply {
    let value = call.keyspace.peek(call.arg(1));
    Ok(Frame::simple(value.map_or("none", Value::type_name)))
}

fn rename_key(call: &mut Call<'_>, from: &Bytes, to: &Bytes) {
    call.keyspace.rename(from, to);
    call.keyspace.notify(Class::GENERIC, "rename_from", from);
    call.keyspace.notify(Class::GENERIC, "rename_to", to);
}

pub(super) fn rename(call: &mut Call<'_>) -> Reply {
    let (from, to) = (call.arg(1), call.arg(2));
    if !call.keyspace.contains(from) {
        return Err(Reject::NO_KEY);
    }
    if from != to {
        rename_key(call, from, to);
    }
    Ok(ok())
}

pub(super) fn renamenx(call: &mut Call<'_>) -> Reply {
    let (from, to) = (call.arg(1), call.arg(2));
    if !call.keyspace.contains(from) {
        return Err(Reject::NO_KEY);
    }
    let free = !call.keyspace.contains(to);
    if free {
        rename_key(call, from, to);
    }
    Ok(Frame::integer(i64::from(free)))
}

/// `COPY from to [DB database] [REPLACE]`.
pub(super) fn copy(call: &mut Call<'_>) -> Reply {
    let (from, to) = (call.arg(1), call.arg(2));
    let mut replace = false;
    let source = call.server.databases.selected();
    let mut target = source;
    let mut options = call.rest(3);
    while let Some((option, rest)) = options.split_first() {
        options = match (option.to_ascii_uppercase().as_slice(), rest) {
            (b"REPLACE", _) => {
                replace = true;
                rest
            }
            (b"DB", [database, rest @ ..]) => {
                target = call.server.databases.parse(database)?;
                rest
            }
            _ => return Err(Reject::SYNTAX),
        };
    }
    if from == to && source == target {
        return Err(SAME_OBJECT);
    }
    let Some(value) = call.keyspace.get(from).cloned() else {
        return Ok(Frame::integer(0));
    };
    let deadline = call.keyspace.deadline(from).flatten();
    let expiry = deadline.map_or(Expiry::Never, Expiry::At);
    let origin = call.keyspace.origin(from);
    let target = call.database(target);
    if target.contains(to) && !replace {
        return Ok(Frame::integer(0));
    }
    target.remove(to);
    target.set(to, value, expiry);
    target.set_origin(to, origin);
    target.notify(Class::GENERIC, "copy_to", to);
    Ok(Frame::integer(1))
}

pub(super) fn dbsize(call: &mut Call<'_>) -> Reply {
    Ok(count(call.keyspace.len()))
}
