//! Moves of an element from one list to another.

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply};
use super::super::keyspace::Class;
use super::super::reject::Reject;
use super::End;

/// Moves an element. Returns `None` if the source does not exist.
pub(super) fn transfer(
    call: &mut Call<'_>,
    [source, target]: [&Bytes; 2],
    [from, to]: [End; 2],
) -> Result<Option<Bytes>, Reject> {
    let element = call.list(source)?.and_then(|list| from.peek(list));
    let Some(element) = element.cloned() else {
        return Ok(None);
    };
    call.list(target)?;
    if source == target {
        // Popped first, because the ends of a list of one element are the same.
        call.change_list(source, to.pushed(), |list| {
            from.pop(list);
            to.push(list, element.clone());
        })?;
        call.keyspace.notify(Class::LIST, from.popped(), source);
    } else {
        call.push_all(target, to, [element.clone()])?;
        call.change_list(source, from.popped(), |list| from.pop(list))?;
    }
    Ok(Some(element))
}

/// `LMOVE source target LEFT|RIGHT LEFT|RIGHT`.
pub(in super::super) fn lmove(call: &mut Call<'_>) -> Reply {
    let ends = [End::parse(call.arg(3))?, End::parse(call.arg(4))?];
    let moved = transfer(call, [call.arg(1), call.arg(2)], ends)?;
    Ok(moved.map_or_else(Frame::null, Frame::bulk))
}

pub(in super::super) fn rpoplpush(call: &mut Call<'_>) -> Reply {
    let ends = [End::Right, End::Left];
    let moved = transfer(call, [call.arg(1), call.arg(2)], ends)?;
    Ok(moved.map_or_else(Frame::null, Frame::bulk))
}
