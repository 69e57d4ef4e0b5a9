//! Commands of SwarmKeyDb for keys of any type: existence, time to live, enumeration.

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply, count};
use super::super::keyspace::Value;
use super::super::reject::Reject;
use super::super::scan as redis;
use super::streams::STORED;
use super::{Naming, number, strings, valid_key};

/// Removes the keys in front of an empty one before it fails.
pub(super) fn del(call: &mut Call<'_>) -> Reply {
    call.expects(call.args.len() >= 2, Naming::Upper)?;
    let mut removed = 0;
    for key in call.rest(1) {
        let key = valid_key(key)?;
        removed += usize::from(call.keyspace.delete(&key));
    }
    Ok(count(removed))
}

pub(super) fn exists(call: &mut Call<'_>) -> Reply {
    call.expects(call.args.len() >= 2, Naming::Upper)?;
    let mut present = 0;
    for key in call.rest(1) {
        present += usize::from(call.keyspace.contains(&valid_key(key)?));
    }
    Ok(count(present))
}

pub(super) fn type_of(call: &mut Call<'_>) -> Reply {
    call.exactly(2)?;
    let key = call.key(1)?;
    Ok(Frame::simple(match call.keyspace.get(&key) {
        None => "none",
        Some(Value::String(value)) if value.starts_with(STORED) => "stream",
        Some(value) => value.type_name(),
    }))
}

/// Sets a deadline, or removes the key if the time is not in the future. The server reports every
/// failure, an empty key too, as that of the number.
fn expire_at(call: &mut Call<'_>, deadline: Option<i64>) -> Reply {
    let key = call.key(1).map_err(|_| Reject::NOT_INTEGER)?;
    let found = match deadline.filter(|deadline| *deadline > call.now) {
        Some(deadline) => {
            let found = call.keyspace.contains(&key);
            call.keyspace.set_deadline(&key, Some(deadline));
            found
        }
        None => call.keyspace.delete(&key),
    };
    Ok(Frame::integer(i64::from(found)))
}

fn expire_in(call: &mut Call<'_>, scale: i64) -> Reply {
    call.exactly(3)?;
    let deadline = match number::integer(call.arg(2))? {
        time @ 1.. => Some(strings::deadline(call, time, scale)?),
        _ => None,
    };
    expire_at(call, deadline)
}

pub(super) fn expire(call: &mut Call<'_>) -> Reply {
    expire_in(call, 1000)
}

pub(super) fn pexpire(call: &mut Call<'_>) -> Reply {
    expire_in(call, 1)
}

pub(super) fn expireat(call: &mut Call<'_>) -> Reply {
    call.exactly(3)?;
    let deadline = match number::integer(call.arg(2))? {
        time @ 1.. => Some(strings::within_time(time.checked_mul(1000))?),
        _ => None,
    };
    expire_at(call, deadline)
}

/// Replies with the remaining time in units of `scale` milliseconds.
fn remaining(call: &Call<'_>, scale: i64) -> Reply {
    call.exactly(2)?;
    Ok(Frame::integer(
        match call.keyspace.deadline(&call.key(1)?) {
            None => -2,
            Some(None) => -1,
            Some(Some(deadline)) => call.remaining(deadline, scale),
        },
    ))
}

pub(super) fn ttl(call: &mut Call<'_>) -> Reply {
    remaining(call, 1000)
}

pub(super) fn pttl(call: &mut Call<'_>) -> Reply {
    remaining(call, 1)
}

pub(super) fn persist(call: &mut Call<'_>) -> Reply {
    call.exactly(2)?;
    let key = call.key(1)?;
    let before = call.keyspace.set_deadline(&key, None);
    Ok(Frame::integer(i64::from(before.is_some())))
}

/// Returns all keys, ordered by UTF-16 code units.
fn sorted(call: &Call<'_>) -> Vec<Bytes> {
    let mut keys: Vec<(Vec<u16>, &Bytes)> = (call.keyspace.from(0))
        .map(|(_, key, _)| (units(key), key))
        .collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, key)| key.clone()).collect()
}

fn units(text: &[u8]) -> Vec<u16> {
    String::from_utf8_lossy(text).encode_utf16().collect()
}

/// Returns whether a key matches a pattern of `*` and `?`, which match no line feed.
fn matches(pattern: &[u16], key: &[u16]) -> bool {
    const STAR: u16 = b'*' as u16;
    const ANY: u16 = b'?' as u16;
    const LF: u16 = b'\n' as u16;
    // Positions in the pattern that are reached after each unit of the key.
    let close = |reached: &mut Vec<bool>| {
        for at in 0..pattern.len() {
            let opens = reached.get(at) == Some(&true) && pattern.get(at) == Some(&STAR);
            if let (true, Some(next)) = (opens, reached.get_mut(at + 1)) {
                *next = true;
            }
        }
    };
    let mut reached = vec![false; pattern.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    close(&mut reached);
    for unit in key {
        let mut next = vec![false; pattern.len() + 1];
        for (at, expected) in pattern.iter().enumerate() {
            if reached.get(at) != Some(&true) {
                continue;
            }
            let target = match *expected {
                STAR if *unit != LF => Some(at),
                ANY if *unit != LF => Some(at + 1),
                STAR | ANY => None,
                literal => (literal == *unit).then_some(at + 1),
            };
            if let Some(target) = target.and_then(|target| next.get_mut(target)) {
                *target = true;
            }
        }
        close(&mut next);
        reached = next;
    }
    reached.last() == Some(&true)
}

pub(super) fn keys(call: &mut Call<'_>) -> Reply {
    call.exactly(2)?;
    let pattern = units(call.arg(1));
    let keys = sorted(call);
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            (keys.iter())
                .filter(|key| matches(&pattern, &units(key)))
                .for_each(|key| array.bulk(key));
        });
    }))
}

/// The cursor is an offset into the sorted keys that match, so changes make it skip or repeat keys.
pub(super) fn scan(call: &mut Call<'_>) -> Reply {
    if !call.client.quirks.offset_cursors {
        return redis::scan(call);
    }
    let invalid = Reject::text("ERR invalid cursor");
    let cursor = number::at_least(0, call.arg(1)).map_err(|_| invalid)?;
    let (mut pattern, mut most) = (None, 10);
    for option in call.rest(2).chunks(2) {
        match option {
            [name, value] if name.eq_ignore_ascii_case(b"MATCH") => pattern = Some(units(value)),
            [name, value] if name.eq_ignore_ascii_case(b"COUNT") => {
                let count = number::at_least(1, value).ok();
                let count = count.and_then(|count| i32::try_from(count).ok());
                most = count.ok_or(Reject::SYNTAX)?;
            }
            _ => return Err(Reject::SYNTAX),
        }
    }
    let mut keys = sorted(call);
    if let Some(pattern) = pattern {
        keys.retain(|key| matches(&pattern, &units(key)));
    }
    let start = usize::try_from(cursor).unwrap_or(usize::MAX);
    let start = start.min(keys.len());
    let end = usize::try_from(most).unwrap_or(0).saturating_add(start);
    let end = end.min(keys.len());
    let next = if end < keys.len() { end } else { 0 };
    let page = keys.get(start..end).unwrap_or_default();
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            array.bulk(next.to_string().as_bytes());
            array.array(|list| page.iter().for_each(|key| list.bulk(key)));
        });
    }))
}
