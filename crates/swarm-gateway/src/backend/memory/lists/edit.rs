//! Commands that read or change a list by index, range, or element.

use bytes::Bytes;
use swarm_resp::Frame;

use super::super::call::{Call, Reply, bulk, count, ok};
use super::super::reject::Reject;
use super::{List, bulks};

const OUT_OF_RANGE: Reject = Reject::text("ERR index out of range");

/// Converts an index, counted from the end if negative, to a position inside the list.
fn position(index: i64, length: usize) -> Option<usize> {
    let length_signed = i64::try_from(length).ok()?;
    let index = if index < 0 {
        index.checked_add(length_signed)?
    } else {
        index
    };
    usize::try_from(index).ok().filter(|at| *at < length)
}

/// Converts inclusive indices to a half-open range of positions, which may be empty.
fn range(start: i64, end: i64, length: usize) -> std::ops::Range<usize> {
    let signed = i64::try_from(length).unwrap_or(i64::MAX);
    let from_start = |index: i64| match index {
        ..0 => index.saturating_add(signed),
        index => index,
    };
    let (start, end) = (from_start(start).max(0), from_start(end).min(signed - 1));
    if start > end {
        return 0..0;
    }
    let position = |index: i64| usize::try_from(index).unwrap_or(0);
    position(start)..position(end + 1)
}

pub(in super::super) fn lindex(call: &mut Call<'_>) -> Reply {
    let Some(list) = call.list(call.arg(1))? else {
        return Ok(Frame::null());
    };
    let at = position(call.integer(2)?, list.len());
    Ok(bulk(at.and_then(|at| list.get(at))))
}

pub(in super::super) fn lrange(call: &mut Call<'_>) -> Reply {
    let (start, end) = (call.integer(2)?, call.integer(3)?);
    let Some(list) = call.list(call.arg(1))? else {
        return Ok(bulks([]));
    };
    let range = range(start, end, list.len());
    Ok(bulks(list.range(range)))
}

pub(in super::super) fn lset(call: &mut Call<'_>) -> Reply {
    let (key, element) = (call.arg(1), call.arg(3));
    let length = call.list(key)?.ok_or(Reject::NO_KEY)?.len();
    let at = position(call.integer(2)?, length).ok_or(OUT_OF_RANGE)?;
    call.change_list(key, "lset", |list| {
        if let Some(place) = list.get_mut(at) {
            *place = Bytes::copy_from_slice(element);
        }
    })?;
    Ok(ok())
}

/// `LINSERT key BEFORE|AFTER pivot element`.
pub(in super::super) fn linsert(call: &mut Call<'_>) -> Reply {
    let after = match call.arg(2).to_ascii_uppercase().as_slice() {
        b"BEFORE" => 0,
        b"AFTER" => 1,
        _ => return Err(Reject::SYNTAX),
    };
    let (key, pivot, element) = (call.arg(1), call.arg(3), call.arg(4));
    let Some(list) = call.list(key)? else {
        return Ok(Frame::integer(0));
    };
    let Some(at) = list.iter().position(|known| known == pivot) else {
        return Ok(Frame::integer(-1));
    };
    let length = call.change_list(key, "linsert", |list| {
        list.insert(at + after, Bytes::copy_from_slice(element));
        list.len()
    })?;
    Ok(count(length.unwrap_or_default()))
}

/// `LREM key count element`: removes the first, last, or all occurrences.
pub(in super::super) fn lrem(call: &mut Call<'_>) -> Reply {
    let most = call.integer(2)?;
    let (key, element) = (call.arg(1), call.arg(3));
    let Some(list) = call.list(key)? else {
        return Ok(Frame::integer(0));
    };
    let found = list.iter().filter(|known| *known == element).count();
    let removed = match usize::try_from(most.unsigned_abs()).unwrap_or(usize::MAX) {
        0 => found,
        most => most.min(found),
    };
    if removed == 0 {
        return Ok(Frame::integer(0));
    }
    // Occurrences that stay, counted from the head.
    let stays = if most < 0 { found - removed } else { 0 };
    call.change_list(key, "lrem", |list| {
        let mut seen = 0;
        list.retain(|known| {
            if known != element {
                return true;
            }
            seen += 1;
            !(stays < seen && seen <= stays + removed)
        });
    })?;
    Ok(count(removed))
}

pub(in super::super) fn ltrim(call: &mut Call<'_>) -> Reply {
    let (start, end) = (call.integer(2)?, call.integer(3)?);
    let trim = |list: &mut List| {
        let range = range(start, end, list.len());
        list.truncate(range.end);
        drop(list.drain(..range.start));
    };
    call.change_list(call.arg(1), "ltrim", trim)?;
    Ok(ok())
}
