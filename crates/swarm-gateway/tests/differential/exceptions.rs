//! Permitted differences between replies. All other replies must match byte for byte.

use bytes::Bytes;
use swarm_resp::{Decoder, Frame, FrameRef, Kind};

use crate::peer::{CONNECTIONS, Peers};

/// Permitted difference between two clocks, in milliseconds.
const CLOCKS: i64 = 2_000;

/// Returns whether two replies to a command are equivalent. `redis` tells how Redis stores a key.
pub(crate) fn same(args: &[Vec<u8>], ours: &[u8], theirs: &[u8], redis: &mut Peers) -> bool {
    if ours == theirs {
        return true;
    }
    let name = args.first().map(|name| name.to_ascii_uppercase());
    let decode = |bytes: &[u8]| {
        Decoder::new()
            .decode_message(Bytes::copy_from_slice(bytes))
            .ok()
    };
    // Without a reply, there is a description.
    let Some((ours, theirs)) = decode(ours).zip(decode(theirs)) else {
        return false;
    };
    match name.as_deref().unwrap_or_default() {
        // Time passes between the two calls.
        b"TTL" | b"EXPIRETIME" => near(&ours, &theirs, CLOCKS / 1000),
        b"PTTL" | b"PEXPIRETIME" => near(&ours, &theirs, CLOCKS),
        // The same time to live again ends later, if a millisecond has passed. EXPIREAT has no
        // exception.
        b"EXPIRE" | b"PEXPIRE" if args.iter().skip(3).any(|option| is_comparison(option)) => {
            ours.as_integer().is_some() && theirs.as_integer().is_some()
        }
        // Idle times, the third of four fields, keep growing too.
        b"XPENDING" => idle(ours.view(), theirs.view()),
        // Times keep growing.
        b"XINFO" => info(ours.view(), theirs.view()),
        // Ports, ages and sizes are specific to each connection.
        b"CLIENT" => {
            let lines = |reply: &Frame| {
                let text = reply.as_bytes().unwrap_or_default();
                let is_list = text.starts_with(b"id=");
                is_list.then(|| text.split(|byte| *byte == b'\n').count())
            };
            // Redis may list connections that observe it, too.
            let listed = CONNECTIONS + 1;
            lines(&ours) == Some(listed)
                && [Some(listed), Some(listed + CONNECTIONS)].contains(&lines(&theirs))
        }
        // Redis returns keys in the undefined order of its hash table.
        b"KEYS" => sorted(ours.view()) == sorted(theirs.view()),
        // Cursors other than 0 are specific to each server.
        b"SCAN" if args.get(1).is_some_and(|cursor| cursor != b"0") => true,
        b"SCAN" => match (pair(&ours), pair(&theirs)) {
            (Some((Some(b"0"), ours)), Some((Some(b"0"), theirs))) => {
                sorted(ours) == sorted(theirs)
            }
            // With a small COUNT, the servers return different pages.
            (ours, theirs) => ours.is_some() && theirs.is_some(),
        },
        // Redis counts expired keys until it removes them.
        b"DBSIZE" => ours.as_integer() < theirs.as_integer(),
        // Without an order, Redis returns the members of a set in that of its hash table.
        b"SORT" | b"SORT_RO" if args.iter().any(|arg| arg.eq_ignore_ascii_case(b"BY")) => {
            let is_part = args.iter().any(|arg| arg.eq_ignore_ascii_case(b"LIMIT"));
            let (ours, theirs) = (sorted(ours.view()), sorted(theirs.view()));
            match is_part {
                true => ours.map(|items| items.len()) == theirs.map(|items| items.len()),
                false => ours == theirs,
            }
        }
        // Payloads may have other encodings, which another test restores in both.
        b"DUMP" => ours.is_null() == theirs.is_null(),
        // The size depends on the allocator.
        b"MEMORY" => ours.as_integer().is_some() && theirs.as_integer().is_some(),
        // Keys with the same small integer share a value of Redis, and its idle time.
        b"OBJECT" => {
            near_zero(&ours, &theirs)
                || ours.as_integer() < theirs.as_integer()
                    && args.get(2).is_some_and(|key| redis.is_integer(key))
        }
        // Any key is valid.
        b"RANDOMKEY" => ours.is_null() == theirs.is_null(),
        // The order of a hash table is undefined.
        b"HGETALL" | b"HKEYS" | b"HVALS" | b"SMEMBERS" | b"SINTER" => {
            same_elements(ours.view(), theirs.view())
                && args.iter().skip(1).any(|key| redis.is_table(key))
        }
        // Integers are collected in an ordered set.
        b"SUNION" | b"SDIFF" => {
            let is_integer = |item: &Vec<u8>| {
                let text = String::from_utf8_lossy(item);
                text.parse::<i64>()
                    .is_ok_and(|number| number.to_string() == text)
            };
            let members = sorted(theirs.view()).unwrap_or_default();
            same_elements(ours.view(), theirs.view())
                && !(members.iter().all(is_integer) && redis.sorts_integers(members.len()))
        }
        b"SPOP" => same_elements(ours.view(), theirs.view()),
        b"HRANDFIELD" | b"SRANDMEMBER" | b"ZRANDMEMBER" => same_shape(ours.view(), theirs.view()),
        b"HSCAN" | b"SSCAN" | b"ZSCAN" => match (pair(&ours), pair(&theirs)) {
            (Some((Some(b"0"), ours)), Some((Some(b"0"), theirs)))
                if args.get(2).is_some_and(|cursor| cursor == b"0") =>
            {
                same_elements(ours, theirs)
                    && args.iter().skip(1).take(1).any(|key| redis.is_table(key))
            }
            // Cursors other than 0 are specific to each server.
            (Some(_), Some(_)) => args.iter().skip(1).take(1).any(|key| redis.is_table(key)),
            _ => false,
        },
        // With different scores, what a large set has in a range of members is random.
        b"ZLEXCOUNT" | b"ZRANGE" | b"ZRANGEBYLEX" | b"ZREVRANGEBYLEX" => {
            let is_lex = |arg: &Vec<u8>| arg.to_ascii_uppercase().ends_with(b"LEX");
            ours.kind() == theirs.kind()
                && ours.kind() != Kind::SimpleError
                && (args.iter().any(is_lex) || name.as_deref() == Some(b"ZLEXCOUNT"))
                && (args.get(1)).is_some_and(|key| key != b"z9" && redis.is_table(key))
        }
        // Commands in a transaction have the same exceptions as individual commands.
        b"EXEC" => ours.kind() == Kind::Array && transaction(ours.view(), theirs.view()),
        _ => false,
    }
}

fn is_comparison(option: &[u8]) -> bool {
    option.eq_ignore_ascii_case(b"GT") || option.eq_ignore_ascii_case(b"LT")
}

/// Compares idle times.
fn near_zero(ours: &Frame, theirs: &Frame) -> bool {
    let (ours, theirs) = (ours.as_integer(), theirs.as_integer());
    ours.zip(theirs)
        .is_some_and(|(ours, theirs)| ours.abs_diff(theirs) <= 2)
}

fn near(ours: &Frame, theirs: &Frame, distance: i64) -> bool {
    match (ours.as_integer(), theirs.as_integer()) {
        (Some(ours), Some(theirs)) => {
            ours > 0 && theirs > 0 && ours.abs_diff(theirs) <= distance.unsigned_abs()
        }
        _ => false,
    }
}

fn items(frame: FrameRef<'_>) -> Vec<FrameRef<'_>> {
    frame.items().into_iter().flatten().collect()
}

fn idle(ours: FrameRef<'_>, theirs: FrameRef<'_>) -> bool {
    let (ours, theirs) = (items(ours), items(theirs));
    ours.len() == theirs.len()
        && ours.into_iter().zip(theirs).all(|(ours, theirs)| {
            let (ours, theirs) = (items(ours), items(theirs));
            let same = |at: usize| ours.get(at) == theirs.get(at);
            ours.len() == 4 && theirs.len() == 4 && same(0) && same(1) && same(3)
        })
}

/// Compares names and values, except those about time. Dates are recognized by their
/// size.
fn info(ours: FrameRef<'_>, theirs: FrameRef<'_>) -> bool {
    const OWN: &[u8] = b"idle";
    const DATE: i64 = 1_000_000_000_000;
    if ours == theirs {
        return true;
    }
    if let (Some(ours), Some(theirs)) = (ours.as_integer(), theirs.as_integer()) {
        return ours > DATE && theirs > DATE && ours.abs_diff(theirs) <= CLOCKS.unsigned_abs();
    }
    let (kind, ours, their_kind, theirs) = (ours.kind(), items(ours), theirs.kind(), items(theirs));
    let mut name = None;
    kind == their_kind
        && !ours.is_empty()
        && ours.len() == theirs.len()
        && ours.into_iter().zip(theirs).all(|(ours, theirs)| {
            let is_own = name == Some(OWN);
            name = ours.as_bytes();
            (is_own && ours.kind() == Kind::Integer && theirs.kind() == Kind::Integer)
                || info(ours, theirs)
        })
}

fn sorted(frame: FrameRef<'_>) -> Option<Vec<Vec<u8>>> {
    let mut items: Vec<_> = (frame.items()?)
        .map(|item| item.as_bytes().unwrap_or_default().to_vec())
        .collect();
    items.sort();
    Some(items)
}

/// Returns whether two replies have the same elements: pairs of a map, or of an array with fields
/// and values, or single ones.
fn same_elements(ours: FrameRef<'_>, theirs: FrameRef<'_>) -> bool {
    ours.kind() == theirs.kind()
        && ours.kind() != Kind::SimpleError
        && sorted(ours).is_some_and(|ours| Some(ours) == sorted(theirs))
}

/// Returns whether two replies have as many elements of the same kinds.
fn same_shape(ours: FrameRef<'_>, theirs: FrameRef<'_>) -> bool {
    let (kind, inside) = (ours.kind(), items(ours));
    let others = items(theirs);
    kind == theirs.kind()
        && kind != Kind::SimpleError
        && inside.len() == others.len()
        && inside
            .into_iter()
            .zip(others)
            .all(|(ours, theirs)| same_shape(ours, theirs))
}

fn pair(frame: &Frame) -> Option<(Option<&[u8]>, FrameRef<'_>)> {
    let mut items = frame.items()?;
    Some((items.next()?.as_bytes(), items.next()?))
}

/// The queued commands are not known here. Numbers that may be times, and lists that may be keys,
/// are compared by kind and size only.
fn transaction(ours: FrameRef<'_>, theirs: FrameRef<'_>) -> bool {
    let (ours, theirs) = (items(ours), items(theirs));
    ours.len() == theirs.len()
        && ours.into_iter().zip(theirs).all(|(ours, theirs)| {
            ours == theirs
                || ours.kind() == theirs.kind()
                    && match ours.kind() {
                        Kind::Integer => true,
                        Kind::Array => items(ours).len() == items(theirs).len(),
                        // XINFO and HGETALL in RESP3.
                        Kind::Map => info(ours, theirs) || same_elements(ours, theirs),
                        Kind::Set => same_elements(ours, theirs),
                        // RANDOMKEY.
                        Kind::BulkString => true,
                        _ => false,
                    }
        })
}
