//! XADD, XTRIM, XLEN, XRANGE, and XREVRANGE of SwarmKeyDb.

use std::sync::Arc;

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::super::call::{Call, Reply, count};
use super::super::super::reject::Reject;
use super::super::{Naming, number};
use super::id::{self, Id, bound};
use super::{Entry, put_entries, store, stream};

/// Parses `[~|=] number` and returns the highest number of entries to keep, and the rest.
/// Approximate trimming keeps a tenth more.
fn threshold(args: &[Bytes]) -> Option<(usize, &[Bytes])> {
    let (approximate, args) = operator(args);
    let (number, rest) = args.split_first()?;
    let most = usize::try_from(number::at_least(0, number).ok()?).ok()?;
    let slack = if approximate { most / 10 } else { 0 };
    Some((most.saturating_add(slack), rest))
}

/// Splits off `~` or `=`, and returns whether it is `~`.
fn operator(args: &[Bytes]) -> (bool, &[Bytes]) {
    match args {
        [operator, rest @ ..] if matches!(operator.as_ref(), b"~" | b"=") => {
            (operator.as_ref() == b"~", rest)
        }
        _ => (false, args),
    }
}

/// `XADD key [MAXLEN [~|=] n] id field value …`.
pub(in super::super) fn xadd(call: &mut Call<'_>) -> Reply {
    let wrong = || super::super::arity(call, Naming::UpperCommand);
    call.expects(call.args.len() >= 5, Naming::UpperCommand)?;
    let mut rest = call.rest(2);
    let mut most = None;
    if call.is(2, "MAXLEN") {
        let (length, behind) = threshold(call.rest(3)).ok_or(Reject::NOT_INTEGER)?;
        (most, rest) = (Some(length), behind);
    }
    let (id, fields) = match rest {
        [id, fields @ ..] if !fields.is_empty() && fields.len().is_multiple_of(2) => (id, fields),
        _ => return Err(wrong()),
    };
    let key = call.key(1)?;
    let mut stream = stream(call, &key)?.unwrap_or_default();
    let id = id::new(id, stream.last, call.now)?;
    let writing = Arc::make_mut(&mut stream);
    writing.last = id.place();
    let fields = fields.iter().map(|field| Bytes::copy_from_slice(field));
    let reply = Frame::bulk(Bytes::copy_from_slice(id.text()));
    let (place, fields) = (id.place(), fields.collect());
    writing
        .entries
        .insert(place, Arc::new(Entry { id, fields }));
    if let Some(most) = most {
        writing.trim(|length, _| length > most);
    }
    store(call, &key, stream);
    Ok(reply)
}

/// `XTRIM key MAXLEN|MINID [~|=] threshold`.
pub(in super::super) fn xtrim(call: &mut Call<'_>) -> Reply {
    call.expects(call.args.len() >= 4, Naming::UpperCommand)?;
    let [value] = operator(call.rest(3)).1 else {
        return Err(Reject::SYNTAX);
    };
    let invalid = Reject::text("ERR invalid arguments");
    let key = call.key(1)?;
    let Some(mut stream) = stream(call, &key)? else {
        return Ok(Frame::integer(0));
    };
    if stream.entries.is_empty() {
        return Ok(Frame::integer(0));
    }
    let writing = Arc::make_mut(&mut stream);
    let removed = if call.is(2, "MAXLEN") {
        let (most, _) = threshold(call.rest(3)).ok_or(invalid)?;
        writing.trim(|length, _| length > most)
    } else if call.is(2, "MINID") {
        let first = Id::parse(value).map_err(|_| invalid)?.place();
        writing.trim(|_, oldest| oldest < first)
    } else {
        return Err(Reject::SYNTAX);
    };
    if removed > 0 {
        store(call, &key, stream);
    }
    Ok(count(removed))
}

pub(in super::super) fn xlen(call: &mut Call<'_>) -> Reply {
    call.exactly(2)?;
    let stream = stream(call, &call.key(1)?)?;
    Ok(count(stream.map_or(0, |stream| stream.entries.len())))
}

fn range(call: &Call<'_>, (start, stop): (usize, usize), reverse: bool) -> Reply {
    call.expects(call.args.len() >= 4, Naming::UpperCommand)?;
    let most = match call.rest(4) {
        [] => usize::MAX,
        [_, most] if call.is(4, "COUNT") => number::elements(number::at_least(1, most)?),
        _ => return Err(Reject::SYNTAX),
    };
    let Some(stream) = stream(call, &call.key(1)?)? else {
        return Ok(Frame::array([]));
    };
    let (start, stop) = (bound(call.arg(start), 0)?, bound(call.arg(stop), u64::MAX)?);
    let mut found = Vec::new();
    if start <= stop {
        let entries = stream
            .entries
            .range(start..=stop)
            .map(|(_, entry)| entry.clone());
        if reverse {
            found.extend(entries.rev().take(most));
        } else {
            found.extend(entries.take(most));
        }
    }
    Ok(Frame::build(|reply| put_entries(reply, &found)))
}

pub(in super::super) fn xrange(call: &mut Call<'_>) -> Reply {
    range(call, (2, 3), false)
}

pub(in super::super) fn xrevrange(call: &mut Call<'_>) -> Reply {
    range(call, (3, 2), true)
}
