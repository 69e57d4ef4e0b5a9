//! Commands that take members by their place: pops, random members, and scans.

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder, RespVersion};

use super::{Scored, SortedSet, put_members, put_score};
use crate::backend::memory::call::{Call, Reply};
use crate::backend::memory::elements::{self, Elements};
use crate::backend::memory::float;
use crate::backend::memory::reject::Reject;
use crate::backend::memory::values::Sample;

/// Which end of a sorted set to pop from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Side {
    Min,
    Max,
}

/// Removes up to `most` members from the first of several keys that exists. Returns the key and the
/// members.
pub(in super::super) fn pop_first(
    call: &mut Call<'_>,
    keys: &[Bytes],
    side: Side,
    most: usize,
) -> Result<Option<(Bytes, Vec<Scored>)>, Reject> {
    let Some(key) = keys.iter().find(|key| call.keyspace.contains(key)) else {
        return Ok(None);
    };
    call.sorted_set(key)?;
    if most == 0 {
        return Ok(Some((key.clone(), Vec::new())));
    }
    let set = call.sorted_set_mut(key)?.ok_or(Reject::NO_KEY)?;
    let popped = set.pop(side == Side::Max, most);
    call.changed(
        key,
        if side == Side::Max {
            "zpopmax"
        } else {
            "zpopmin"
        },
    );
    Ok(Some((key.clone(), popped)))
}

/// `ZPOPMIN key [count]` and `ZPOPMAX key [count]`.
fn zpop(call: &mut Call<'_>, side: Side) -> Reply {
    let (most, is_nested) = match call.rest(2) {
        [] => (1, false),
        [_] => {
            let most = call.at_least(2, 0, "ERR value is out of range, must be positive")?;
            (most, call.protocol == RespVersion::Resp3)
        }
        _ => return Err(Reject::SYNTAX),
    };
    let popped = pop_first(call, std::slice::from_ref(call.arg(1)), side, most)?;
    let members = popped.map(|(_, members)| members).unwrap_or_default();
    let protocol = if is_nested {
        RespVersion::Resp3
    } else {
        RespVersion::Resp2
    };
    Ok(Frame::build(|reply| {
        put_members(reply, protocol, true, &members);
    }))
}

pub(super) fn zpopmin(call: &mut Call<'_>) -> Reply {
    zpop(call, Side::Min)
}

pub(super) fn zpopmax(call: &mut Call<'_>) -> Reply {
    zpop(call, Side::Max)
}

/// Arguments of ZMPOP.
#[derive(Debug)]
pub(in super::super) struct Pop<'a> {
    pub(in super::super) keys: &'a [Bytes],
    pub(in super::super) side: Side,
    pub(in super::super) most: usize,
}

impl<'a> Pop<'a> {
    /// Parses `numkeys key … MIN|MAX [COUNT count]` from an index on.
    pub(in super::super) fn parse(call: &Call<'a>, at: usize) -> Result<Self, Reject> {
        let number = call.at_least(at, 1, "ERR numkeys should be greater than 0")?;
        let (keys, end) = call.counted(number, at + 1).ok_or(Reject::SYNTAX)?;
        let side = match call.args.get(end) {
            Some(side) if side.eq_ignore_ascii_case(b"MIN") => Side::Min,
            Some(side) if side.eq_ignore_ascii_case(b"MAX") => Side::Max,
            _ => return Err(Reject::SYNTAX),
        };
        let most = match call.rest(end + 1) {
            [] => 1,
            [option, _, rest @ ..] if option.eq_ignore_ascii_case(b"COUNT") => {
                let most = call.at_least(end + 2, 1, "ERR count should be greater than 0")?;
                if !rest.is_empty() {
                    return Err(Reject::SYNTAX);
                }
                most
            }
            _ => return Err(Reject::SYNTAX),
        };
        Ok(Self { keys, side, most })
    }

    /// Pops from the first key that exists. Returns the reply, or `None` if there is none.
    pub(in super::super) fn run(&self, call: &mut Call<'_>) -> Result<Option<Frame>, Reject> {
        let popped = pop_first(call, self.keys, self.side, self.most)?;
        Ok(popped.map(|(key, members)| {
            Frame::build(|reply| {
                reply.array(|array| {
                    array.bulk(&key);
                    put_members(array, RespVersion::Resp3, true, &members);
                });
            })
        }))
    }
}

pub(super) fn zmpop(call: &mut Call<'_>) -> Reply {
    let popped = Pop::parse(call, 1)?.run(call)?;
    Ok(popped.unwrap_or_else(Frame::null_array))
}

/// `ZRANDMEMBER key [count [WITHSCORES]]`.
pub(super) fn zrandmember(call: &mut Call<'_>) -> Reply {
    let key = call.arg(1);
    if call.rest(2).is_empty() {
        let set = call.sorted_set(key)?;
        let random = set.and_then(SortedSet::random);
        return Ok(random.map_or_else(Frame::null, |scored| Frame::bulk(scored.member)));
    }
    let (sample, with_scores) = Sample::with_option(call, b"WITHSCORES")?;
    let members = match call.sorted_set(key)? {
        Some(set) => {
            let all = set.before(set.len()).cloned();
            sample.take(set.len(), all, || set.random())?
        }
        None => Vec::new(),
    };
    Ok(Frame::build(|reply| {
        put_members(reply, call.protocol, with_scores, &members);
    }))
}

pub(super) fn zscan(call: &mut Call<'_>) -> Reply {
    let put = |array: &mut FrameBuilder, member: &[u8], score: String| {
        array.bulk(member);
        array.bulk(score.as_bytes());
    };
    elements::scan(
        call,
        |call, place| {
            Ok(call
                .sorted_set(call.arg(1))?
                .map(|set| match set.is_large() {
                    false => Elements::Small(
                        (set.from(0)).map(|scored| (&scored.member, stored_text(scored.score))),
                    ),
                    true => Elements::Large(
                        (set.scores.from(place))
                            .map(|(place, member, score)| (place, member, float::general(*score))),
                    ),
                }))
        },
        put,
    )
}

/// Returns a score as a listpack stores it: integers as such.
fn stored_text(score: f64) -> String {
    /// Redis compares with half of the greatest 64-bit integer, as a double.
    const MOST: f64 = 4_611_686_018_427_387_904.0;
    if score.abs() <= MOST && score.fract() == 0.0 {
        format!("{score:.0}")
    } else {
        float::general(score)
    }
}

/// Writes a member and its score.
pub(super) fn put_scored(reply: &mut FrameBuilder, scored: &Scored) {
    reply.bulk(&scored.member);
    put_score(reply, scored.score);
}
