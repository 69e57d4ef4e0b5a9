//! String commands: SET with its options, GET, counters, and multi-key commands.

use bytes::Bytes;
use swarm_resp::Frame;

use super::call::{Call, Reply, bulk, ok};
use super::expire::{Base, Timing, Unit};
use super::float;
use super::keyspace::{Class, Expiry, Origin, Value};
use super::number;
use super::reject::Reject;

pub(super) fn get(call: &mut Call<'_>) -> Reply {
    Ok(bulk(call.keyspace.string(call.arg(1))?))
}

/// Options of SET.
#[derive(Debug, Default)]
struct SetOptions<'a> {
    missing: bool,
    present: bool,
    get: bool,
    keep: bool,
    expire: Option<(Timing, &'a [u8])>,
}

impl<'a> SetOptions<'a> {
    fn parse(options: &'a [Bytes]) -> Result<Self, Reject> {
        let mut parsed = Self::default();
        let mut options = options.iter();
        while let Some(option) = options.next() {
            match option.to_ascii_uppercase().as_slice() {
                b"NX" if !parsed.present => parsed.missing = true,
                b"XX" if !parsed.missing => parsed.present = true,
                b"GET" => parsed.get = true,
                b"KEEPTTL" if parsed.expire.is_none() => parsed.keep = true,
                name => {
                    let timing = Timing::option(name).ok_or(Reject::SYNTAX)?;
                    let time = options.next().ok_or(Reject::SYNTAX)?;
                    if parsed.keep || parsed.expire.is_some() {
                        return Err(Reject::SYNTAX);
                    }
                    parsed.expire = Some((timing, time));
                }
            }
        }
        Ok(parsed)
    }
}

/// Writes a string and reports the events.
fn write(call: &mut Call<'_>, key: &Bytes, value: &[u8], expiry: Expiry) {
    call.keyspace.set_string(key, value, expiry);
    call.keyspace.notify(Class::STRING, "set", key);
    if matches!(expiry, Expiry::At(_)) {
        call.keyspace.notify(Class::GENERIC, "expire", key);
    }
}

pub(super) fn set(call: &mut Call<'_>) -> Reply {
    let options = SetOptions::parse(call.rest(3))?;
    let expiry = match options.expire {
        Some((timing, time)) => Expiry::At(timing.positive(time, call.now, "set")?),
        None if options.keep => Expiry::Keep,
        None => Expiry::Never,
    };
    let (key, value) = (call.arg(1), call.arg(2));
    let before = if options.get {
        Some(bulk(call.keyspace.string(key)?))
    } else {
        None
    };
    let conditional = options.missing || options.present;
    let exists = conditional && call.keyspace.contains(key);
    if options.missing && exists || options.present && !exists {
        return Ok(before.unwrap_or_else(Frame::null));
    }
    write(call, key, value, expiry);
    Ok(before.unwrap_or_else(ok))
}

pub(super) fn setnx(call: &mut Call<'_>) -> Reply {
    let (key, value) = (call.arg(1), call.arg(2));
    let free = !call.keyspace.contains(key);
    if free {
        write(call, key, value, Expiry::Never);
    }
    Ok(Frame::integer(i64::from(free)))
}

fn set_for(call: &mut Call<'_>, unit: Unit, command: &str) -> Reply {
    let timing = Timing {
        unit,
        base: Base::Now,
    };
    let deadline = timing.positive(call.arg(2), call.now, command)?;
    let (key, value) = (call.arg(1), call.arg(3));
    write(call, key, value, Expiry::At(deadline));
    Ok(ok())
}

pub(super) fn setex(call: &mut Call<'_>) -> Reply {
    set_for(call, Unit::Seconds, "setex")
}

pub(super) fn psetex(call: &mut Call<'_>) -> Reply {
    set_for(call, Unit::Milliseconds, "psetex")
}

pub(super) fn getset(call: &mut Call<'_>) -> Reply {
    let (key, value) = (call.arg(1), call.arg(2));
    let before = bulk(call.keyspace.string(key)?);
    write(call, key, value, Expiry::Never);
    Ok(before)
}

pub(super) fn getdel(call: &mut Call<'_>) -> Reply {
    let key = call.arg(1);
    let before = bulk(call.keyspace.string(key)?);
    if call.keyspace.remove(key).is_some() {
        call.keyspace.notify(Class::GENERIC, "del", key);
    }
    Ok(before)
}

pub(super) fn getex(call: &mut Call<'_>) -> Reply {
    let key = call.arg(1);
    let expiry = match call.rest(2) {
        [] => None,
        [option] if option.eq_ignore_ascii_case(b"PERSIST") => Some(None),
        [option, time] => {
            let timing = Timing::option(&option.to_ascii_uppercase()).ok_or(Reject::SYNTAX)?;
            Some(Some((timing, time)))
        }
        _ => return Err(Reject::SYNTAX),
    };
    let Some(value) = call.keyspace.string(key)? else {
        return Ok(Frame::null());
    };
    let reply = Frame::bulk(value.clone());
    match expiry {
        None => {}
        Some(None) if call.keyspace.set_deadline(key, None).is_some() => {
            call.keyspace.notify(Class::GENERIC, "persist", key);
        }
        Some(None) => {}
        Some(Some((timing, time))) => {
            let deadline = timing.positive(time, call.now, "getex")?;
            if deadline <= call.now {
                call.keyspace.remove(key);
                call.keyspace.notify(Class::GENERIC, "del", key);
            } else {
                call.keyspace.set_deadline(key, Some(deadline));
                call.keyspace.notify(Class::GENERIC, "expire", key);
            }
        }
    }
    Ok(reply)
}

fn add(call: &mut Call<'_>, by: i64) -> Reply {
    let mut sum = by;
    call.keyspace.change_string(call.arg(1), |before| {
        if let Some(before) = before {
            let before = number::integer(before)?;
            sum = before.checked_add(by).ok_or(Reject::OVERFLOW)?;
        }
        let mut buffer = itoa::Buffer::new();
        Ok(Bytes::copy_from_slice(buffer.format(sum).as_bytes()))
    })?;
    call.keyspace.notify(Class::STRING, "incrby", call.arg(1));
    Ok(Frame::integer(sum))
}

pub(super) fn incr(call: &mut Call<'_>) -> Reply {
    add(call, 1)
}

pub(super) fn decr(call: &mut Call<'_>) -> Reply {
    add(call, -1)
}

/// Depending on the dialect, a text that is no number crashes the connection.
pub(super) fn incrby(call: &mut Call<'_>) -> Reply {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
    if call.client.quirks.incrby_crash && !call.arg(2).iter().all(is_digit) {
        return Err(Reject::CRASH);
    }
    let by = call.integer(2)?;
    add(call, by)
}

pub(super) fn decrby(call: &mut Call<'_>) -> Reply {
    let by = call.integer(2)?;
    let by = by
        .checked_neg()
        .ok_or(Reject::text("ERR decrement would overflow"))?;
    add(call, by)
}

pub(super) fn incrbyfloat(call: &mut Call<'_>) -> Reply {
    let key = call.arg(1);
    let before = match call.keyspace.string(key)? {
        Some(value) => value.clone(),
        None => Bytes::from_static(b"0"),
    };
    let sum = Bytes::from(float::add(&before, call.arg(2))?);
    call.keyspace
        .set(key, Value::String(sum.clone()), Expiry::Keep);
    call.keyspace.set_origin(key, Origin::Calculated);
    call.keyspace.notify(Class::STRING, "incrbyfloat", key);
    Ok(Frame::bulk(sum))
}

/// Keys that hold another type count as missing.
pub(super) fn mget(call: &mut Call<'_>) -> Reply {
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            for key in call.rest(1) {
                match call.keyspace.string(key) {
                    Ok(Some(value)) => array.bulk(value),
                    _ => array.null(),
                }
            }
        });
    }))
}

/// Returns the keys and values of MSET, or an error if a value is missing.
fn pairs<'a>(call: &Call<'a>, name: &str) -> Result<Vec<(&'a Bytes, &'a Bytes)>, Reject> {
    let mut args = call.rest(1).iter();
    let mut pairs = Vec::with_capacity(args.len() / 2);
    while let Some(key) = args.next() {
        let value = args.next().ok_or_else(|| Reject::arity(name))?;
        pairs.push((key, value));
    }
    Ok(pairs)
}

pub(super) fn mset(call: &mut Call<'_>) -> Reply {
    for (key, value) in pairs(call, "mset")? {
        write(call, key, value, Expiry::Never);
    }
    Ok(ok())
}

pub(super) fn msetnx(call: &mut Call<'_>) -> Reply {
    let pairs = pairs(call, "msetnx")?;
    let free = !pairs.iter().any(|(key, _)| call.keyspace.contains(key));
    if free {
        for (key, value) in pairs {
            write(call, key, value, Expiry::Never);
        }
    }
    Ok(Frame::integer(i64::from(free)))
}
