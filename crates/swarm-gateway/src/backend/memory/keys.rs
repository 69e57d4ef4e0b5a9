//! Commands for keys of any type.

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Call, Reply, count, ok};
use super::keyspace::{Expiry, Value};
use super::number;
use super::reject::Reject;

pub(super) fn del(call: &mut Call<'_>) -> Reply {
    let removed = (call.rest(1).iter())
        .filter(|key| call.keyspace.delete(key))
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

pub(super) fn type_of(call: &mut Call<'_>) -> Reply {
    let value = call.keyspace.get(call.arg(1));
    Ok(Frame::simple(value.map_or("none", Value::type_name)))
}

pub(super) fn rename(call: &mut Call<'_>) -> Reply {
    let (from, to) = (call.arg(1), call.arg(2));
    if !call.keyspace.contains(from) {
        return Err(Reject::NO_KEY);
    }
    if from != to {
        call.keyspace.rename(from, to);
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
        call.keyspace.rename(from, to);
    }
    Ok(Frame::integer(i64::from(free)))
}

/// `COPY from to [DB 0] [REPLACE]`.
pub(super) fn copy(call: &mut Call<'_>) -> Reply {
    let (from, to) = (call.arg(1), call.arg(2));
    let mut replace = false;
    let mut options = call.rest(3);
    while let Some((option, rest)) = options.split_first() {
        options = match (option.to_ascii_uppercase().as_slice(), rest) {
            (b"REPLACE", _) => {
                replace = true;
                rest
            }
            (b"DB", [database, rest @ ..]) => {
                only_database(database)?;
                rest
            }
            _ => return Err(Reject::SYNTAX),
        };
    }
    if from == to {
        return Err(Reject::text(
            "ERR source and destination objects are the same",
        ));
    }
    let Some(value) = call.keyspace.get(from).cloned() else {
        return Ok(Frame::integer(0));
    };
    if call.keyspace.contains(to) && !replace {
        return Ok(Frame::integer(0));
    }
    let deadline = call.keyspace.deadline(from).flatten();
    let expiry = deadline.map_or(Expiry::Never, Expiry::At);
    call.keyspace.remove(to);
    call.keyspace.set(to, value, expiry);
    Ok(Frame::integer(1))
}

/// Rejects any database number but 0, the only database.
pub(super) fn only_database(number: &Bytes) -> Result<(), Reject> {
    let number = i32::try_from(number::integer(number)?).map_err(|_| {
        Reject::text("ERR value is out of range, value must between -2147483648 and 2147483647")
    })?;
    match number {
        0 => Ok(()),
        _ => Err(Reject::text("ERR DB index is out of range")),
    }
}

pub(super) fn dbsize(call: &mut Call<'_>) -> Reply {
    Ok(count(call.keyspace.len()))
}

/// FLUSHDB and FLUSHALL, which are the same with a single database.
pub(super) fn flush(call: &mut Call<'_>) -> Reply {
    match call.rest(1) {
        [] => {}
        [how] if how.eq_ignore_ascii_case(b"SYNC") || how.eq_ignore_ascii_case(b"ASYNC") => {}
        _ => return Err(Reject::SYNTAX),
    }
    call.keyspace.clear();
    Ok(ok())
}
