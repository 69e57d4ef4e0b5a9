//! Permitted differences between replies. All other replies must match byte for byte.

use bytes::Bytes;
use swarm_resp::{Decoder, Frame, FrameRef, Kind};

/// Permitted difference between two clocks, in milliseconds.
const CLOCKS: i64 = 2_000;

/// Returns whether two replies to a command are equivalent.
pub(crate) fn same(args: &[Vec<u8>], ours: &[u8], theirs: &[u8]) -> bool {
    if ours == theirs {
        return true;
    }
    let name = args.first().map(|name| name.to_ascii_uppercase());
    let decode = |bytes: &[u8]| {
        Decoder::new()
            .decode_message(Bytes::copy_from_slice(bytes))
            .unwrap()
    };
    let (ours, theirs) = (decode(ours), decode(theirs));
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
            [&ours, &theirs].map(|reply| {
                let text = reply.as_bytes().unwrap_or_default();
                (
                    text.starts_with(b"id="),
                    text.split(|byte| *byte == b'\n').count(),
                )
            }) == [(true, crate::peer::CONNECTIONS + 1); 2]
        }
        // Redis returns keys in the undefined order of its hash table.
        b"KEYS" => sorted(ours.view()) == sorted(theirs.view()),
        // Cursors other than 0 are specific to each server.
        b"SCAN" if args.get(1).is_some_and(|cursor| cursor != b"0") => true,
        b"SCAN" => match (pair(&ours), pair(&theirs)) {
            (Some((our_cursor, ours)), Some((their_cursor, theirs))) => {
                our_cursor == their_cursor && sorted(ours) == sorted(theirs)
            }
            _ => false,
        },
        // Redis counts expired keys until it removes them.
        b"DBSIZE" => ours.as_integer() < theirs.as_integer(),
        // Any key is valid.
        b"RANDOMKEY" => ours.is_null() == theirs.is_null(),
        // Commands in a transaction have the same exceptions as individual commands.
        b"EXEC" => ours.kind() == Kind::Array && transaction(ours.view(), theirs.view()),
        _ => false,
    }
}

fn is_comparison(option: &[u8]) -> bool {
    option.eq_ignore_ascii_case(b"GT") || option.eq_ignore_ascii_case(b"LT")
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
                        // XINFO in RESP3.
                        Kind::Map => info(ours, theirs),
                        // RANDOMKEY.
                        Kind::BulkString => true,
                        _ => false,
                    }
        })
}
