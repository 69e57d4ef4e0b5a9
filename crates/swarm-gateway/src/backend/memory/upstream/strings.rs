//! String commands of SwarmKeyDb: every write of a value clears its time to live.

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder};

use super::super::call::{Call, Reply, ok};
use super::super::keyspace::{Expiry, Value};
use super::super::reject::Reject;
use super::number::{self, Parsed};
use super::{Naming, valid_key};

/// Latest time that .NET can represent, in milliseconds since the Unix epoch.
const END_OF_TIME: i64 = 253_402_300_799_999;

/// Returns the deadline after a time in units of `scale` milliseconds.
pub(super) fn deadline(call: &Call<'_>, time: i64, scale: i64) -> Result<i64, Reject> {
    let millis = time.checked_mul(scale);
    let deadline = millis.and_then(|millis| call.now.checked_add(millis));
    within_time(deadline)
}

/// Checks that .NET can represent a time.
pub(super) fn within_time(time: Option<i64>) -> Result<i64, Reject> {
    time.filter(|time| *time <= END_OF_TIME)
        .ok_or(Reject::NOT_INTEGER)
}

/// Returns the bytes that the server has stored for a value; a stream is stored as a string.
fn stored(value: &Value) -> Bytes {
    match value {
        Value::String(value) => value.clone(),
        Value::Swarm(stream) => stream.stored(),
        // Written by Redis' commands, so only a snapshot of Redis' dialect can contain it.
        _ => Bytes::new(),
    }
}

pub(super) fn get(call: &mut Call<'_>) -> Reply {
    call.exactly(2)?;
    let key = call.key(1)?;
    let value = call.keyspace.get(&key).map(stored);
    Ok(value.map_or_else(Frame::null, Frame::bulk))
}

pub(super) fn mget(call: &mut Call<'_>) -> Reply {
    call.expects(call.args.len() >= 2, Naming::Upper)?;
    let keys = call.rest(1).iter().map(valid_key);
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let put = |array: &mut FrameBuilder, key: &Bytes| match call.keyspace.get(key) {
        Some(value) => array.bulk(&stored(value)),
        None => array.null(),
    };
    Ok(Frame::build(|reply| {
        reply.array(|array| keys.iter().for_each(|key| put(array, key)));
    }))
}

/// `SET key value [EX|PX|EXAT time]`.
pub(super) fn set(call: &mut Call<'_>) -> Reply {
    call.expects(matches!(call.args.len(), 3 | 5), Naming::Upper)?;
    let expiry = match call.rest(3) {
        [option, time] => Expiry::At(expiry(call, option, time)?),
        _ => Expiry::Never,
    };
    let key = call.key(1)?;
    call.keyspace.set_string(&key, call.arg(2), expiry);
    Ok(ok())
}

fn expiry(call: &Call<'_>, option: &Bytes, time: &Bytes) -> Result<i64, Reject> {
    let option = option.to_ascii_uppercase();
    if !matches!(option.as_slice(), b"EX" | b"PX" | b"EXAT") {
        return Err(Reject::SYNTAX);
    }
    let time = number::integer(time)?;
    let invalid = || Reject::expire_time("set");
    if time <= 0 {
        return Err(invalid());
    }
    match option.as_slice() {
        b"EX" => deadline(call, time, 1000),
        b"PX" => deadline(call, time, 1),
        _ => match within_time(time.checked_mul(1000))? {
            past if past <= call.now => Err(invalid()),
            deadline => Ok(deadline),
        },
    }
}

fn set_for(call: &mut Call<'_>, scale: i64, command: &str) -> Reply {
    call.exactly(4)?;
    let invalid = |_| Reject::expire_time(command);
    let time = number::at_least(1, call.arg(2)).map_err(invalid)?;
    let deadline = deadline(call, time, scale).map_err(invalid)?;
    let key = call.key(1)?;
    call.keyspace
        .set_string(&key, call.arg(3), Expiry::At(deadline));
    Ok(ok())
}

pub(super) fn setex(call: &mut Call<'_>) -> Reply {
    set_for(call, 1000, "setex")
}

pub(super) fn psetex(call: &mut Call<'_>) -> Reply {
    set_for(call, 1, "psetex")
}

/// Returns the keys and values of MSET and MSETNX.
fn pairs<'a>(
    call: &Call<'a>,
) -> Result<impl Iterator<Item = (&'a Bytes, &'a Bytes)> + use<'a>, Reject> {
    let pairs = call.rest(1);
    call.expects(
        !pairs.is_empty() && pairs.len().is_multiple_of(2),
        Naming::Upper,
    )?;
    let pair = |pair: &'a [Bytes]| match pair {
        [key, value] => Some((key, value)),
        _ => None,
    };
    Ok(pairs.chunks(2).filter_map(pair))
}

/// Writes the pairs in front of an empty key before it fails.
pub(super) fn mset(call: &mut Call<'_>) -> Reply {
    for (key, value) in pairs(call)? {
        let key = valid_key(key)?;
        call.keyspace.set_string(&key, value, Expiry::Never);
    }
    Ok(ok())
}

pub(super) fn msetnx(call: &mut Call<'_>) -> Reply {
    let pairs: Vec<_> = pairs(call)?.collect();
    let mut free = true;
    for (key, _) in &pairs {
        let key = valid_key(key)?;
        free &= !call.keyspace.contains(&key);
    }
    if free {
        for (key, value) in pairs {
            call.keyspace
                .set_string(&valid_key(key)?, value, Expiry::Never);
        }
    }
    Ok(Frame::integer(i64::from(free)))
}

fn add(call: &mut Call<'_>, by: i64) -> Reply {
    let key = call.key(1)?;
    let before = match call.keyspace.get(&key) {
        Some(Value::String(value)) => number::integer(value)?,
        Some(_) => return Err(Reject::NOT_INTEGER),
        None => 0,
    };
    let sum = before.checked_add(by).ok_or(Reject::NOT_INTEGER)?;
    let value = Value::String(sum.to_string().into());
    call.keyspace.set(&key, value, Expiry::Never);
    Ok(Frame::integer(sum))
}

pub(super) fn incr(call: &mut Call<'_>) -> Reply {
    call.exactly(2)?;
    add(call, 1)
}

pub(super) fn decr(call: &mut Call<'_>) -> Reply {
    call.exactly(2)?;
    add(call, -1)
}

/// A number that is no number at all crashes the server's connection, if the dialect says so.
pub(super) fn incrby(call: &mut Call<'_>) -> Reply {
    call.exactly(3)?;
    if call.client.quirks.incrby_crash && number::parse(call.arg(2)) == Parsed::Malformed {
        return Err(Reject::CRASH);
    }
    let by = number::integer(call.arg(2))?;
    add(call, by)
}

pub(super) fn decrby(call: &mut Call<'_>) -> Reply {
    call.exactly(3)?;
    let by = number::integer(call.arg(2))?;
    let by = by.checked_neg().ok_or(Reject::NOT_INTEGER)?;
    add(call, by)
}
