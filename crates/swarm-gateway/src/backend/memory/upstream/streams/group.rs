//! XGROUP and XACK of SwarmKeyDb.

use std::sync::Arc;

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::super::call::{Call, Reply, count, ok};
use super::super::super::reject::Reject;
use super::super::{Naming, decoded, number};
use super::id::Id;
use super::{Group, Stream, store, stream, stream_of_group};

const NO_STREAM: Reject = Reject::text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to \
     use MKSTREAM to create an empty stream automatically.",
);

/// `XGROUP CREATE|SETID|DESTROY|DELCONSUMER …`.
pub(in super::super) fn xgroup(call: &mut Call<'_>) -> Reply {
    let words = call.args.len();
    call.expects(words >= 2, Naming::UpperCommand)?;
    let wrong = |call: &Call<'_>| super::super::arity(call, Naming::UpperCommand);
    match call.arg(1).to_ascii_uppercase().as_slice() {
        b"CREATE" if words >= 5 => create(call),
        b"SETID" if words == 5 => set_id(call),
        b"DESTROY" if words == 4 => destroy(call),
        b"DELCONSUMER" if words == 5 => delete_consumer(call),
        b"CREATE" | b"SETID" | b"DESTROY" | b"DELCONSUMER" => Err(wrong(call)),
        _ => Err(Reject::text("ERR Unknown XGROUP subcommand")),
    }
}

/// Parses `[MKSTREAM] [ENTRIESREAD n]`, and returns whether to create the stream.
fn create_options(mut args: &[Bytes]) -> Result<bool, Reject> {
    let mut make = false;
    while let Some((option, rest)) = args.split_first() {
        args = match (option.to_ascii_uppercase().as_slice(), rest) {
            (b"MKSTREAM", _) => {
                make = true;
                rest
            }
            (b"ENTRIESREAD", [number, rest @ ..]) => {
                number::integer(number)?;
                rest
            }
            _ => return Err(Reject::SYNTAX),
        };
    }
    Ok(make)
}

/// Parses a complete ID, or `$` for the last one.
fn position(text: &Bytes, stream: &Stream) -> Result<Id, Reject> {
    match text.as_ref() {
        b"$" => Ok(Id::at(stream.last)),
        _ => Id::parse(text),
    }
}

fn create(call: &mut Call<'_>) -> Reply {
    let make = create_options(call.rest(5))?;
    let (key, name) = (call.key(2)?, decoded(call.arg(3)));
    let mut stream = match stream(call, &key)? {
        Some(stream) => stream,
        None if make => Arc::default(),
        None => return Err(NO_STREAM),
    };
    if stream.groups.contains_key(&name) {
        return Err(Reject::text("BUSYGROUP Consumer Group name already exists"));
    }
    let group = Group {
        delivered: position(call.arg(4), &stream)?,
        ..Group::default()
    };
    Arc::make_mut(&mut stream).groups.insert(name, group);
    store(call, &key, stream);
    Ok(ok())
}

/// Changes a group, writes its stream, and returns what `change` returns.
fn change<T>(
    call: &mut Call<'_>,
    (key, name): (Bytes, Bytes),
    change: impl FnOnce(&mut Group) -> T,
) -> Result<T, Reject> {
    let mut stream = stream_of_group(call, &key, &name)?;
    let group = Arc::make_mut(&mut stream).groups.entry(name).or_default();
    let result = change(group);
    store(call, &key, stream);
    Ok(result)
}

fn set_id(call: &mut Call<'_>) -> Reply {
    let (key, name) = (call.key(2)?, decoded(call.arg(3)));
    let stream = stream_of_group(call, &key, &name)?;
    let delivered = position(call.arg(4), &stream)?;
    change(call, (key, name), |group| group.delivered = delivered)?;
    Ok(ok())
}

fn destroy(call: &mut Call<'_>) -> Reply {
    let (key, name) = (call.key(2)?, decoded(call.arg(3)));
    let Some(mut stream) = stream(call, &key)? else {
        return Ok(Frame::integer(0));
    };
    let removed = Arc::make_mut(&mut stream).groups.remove(&name).is_some();
    if removed {
        store(call, &key, stream);
    }
    Ok(Frame::integer(i64::from(removed)))
}

/// Replies with the number of the consumer's pending entries, which are dropped.
fn delete_consumer(call: &mut Call<'_>) -> Reply {
    let (key, name) = (call.key(2)?, decoded(call.arg(3)));
    let consumer = decoded(call.arg(4));
    let dropped = change(call, (key, name), |group| {
        let before = group.pending.len();
        group
            .pending
            .retain(|_, pending| pending.consumer != consumer);
        group.consumers.remove(&consumer);
        before - group.pending.len()
    })?;
    Ok(count(dropped))
}

/// An ID must be written as the entry's was; any other acknowledges nothing.
pub(in super::super) fn xack(call: &mut Call<'_>) -> Reply {
    call.expects(call.args.len() >= 4, Naming::UpperCommand)?;
    let (key, name) = (call.key(1)?, decoded(call.arg(2)));
    let ids = call.rest(3);
    let acknowledged = change(call, (key, name), |group| {
        let mut acknowledge = |text: &Bytes| {
            let place = Id::parse(text).ok()?.place();
            let pending = group.pending.get(&place)?;
            (pending.id.text() == text.as_ref()).then(|| group.pending.remove(&place))
        };
        ids.iter().filter_map(&mut acknowledge).count()
    })?;
    Ok(count(acknowledged))
}
