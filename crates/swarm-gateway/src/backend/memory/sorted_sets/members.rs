//! Commands on single members: ZADD, ZREM, scores, and ranks.

use bytes::Bytes;
use swarm_resp::Frame;

use super::{SortedSet, put_score, score_frame};
use crate::backend::memory::call::{Call, Reply, count};
use crate::backend::memory::float;
use crate::backend::memory::keyspace::Value;
use crate::backend::memory::limits::Limits;
use crate::backend::memory::reject::Reject;

/// Options of ZADD.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Conditions {
    pub(in super::super) missing: bool,
    pub(in super::super) present: bool,
    greater: bool,
    less: bool,
    /// Counts members with a new score, too.
    pub(in super::super) changed: bool,
    increment: bool,
}

impl Conditions {
    /// Returns whether an existing member may get a new score.
    fn allow(self, before: f64, score: f64) -> bool {
        !(self.missing || self.less && score >= before || self.greater && score <= before)
    }
}

/// What ZADD has done to a member.
enum Added {
    Nothing,
    /// The score is what it was before.
    Same(f64),
    Updated(f64),
    New(f64),
}

fn add(
    set: &mut SortedSet,
    member: &[u8],
    score: f64,
    conditions: Conditions,
    limits: Limits,
) -> Result<Added, Reject> {
    let Some(before) = set.score(member) else {
        if conditions.present {
            return Ok(Added::Nothing);
        }
        set.set(member, score, limits);
        return Ok(Added::New(score));
    };
    if conditions.missing {
        return Ok(Added::Nothing);
    }
    let score = if conditions.increment {
        before + score
    } else {
        score
    };
    if score.is_nan() {
        return Err(Reject::text("ERR resulting score is not a number (NaN)"));
    }
    if !conditions.allow(before, score) {
        return Ok(Added::Nothing);
    }
    set.set(member, score, limits);
    Ok(match score == before {
        true => Added::Same(score),
        false => Added::Updated(score),
    })
}

/// Scores and members.
type Pairs<'a> = Vec<(f64, &'a Bytes)>;

/// Parses the options and the pairs of ZADD.
fn parse<'a>(call: &Call<'a>, increment: bool) -> Result<(Conditions, Pairs<'a>), Reject> {
    let mut conditions = Conditions {
        increment,
        ..Conditions::default()
    };
    let mut pairs = call.rest(2);
    while let Some((option, rest)) = pairs.split_first() {
        match option.to_ascii_uppercase().as_slice() {
            b"NX" => conditions.missing = true,
            b"XX" => conditions.present = true,
            b"GT" => conditions.greater = true,
            b"LT" => conditions.less = true,
            b"CH" => conditions.changed = true,
            b"INCR" => conditions.increment = true,
            _ => break,
        }
        pairs = rest;
    }
    if pairs.is_empty() || pairs.len() % 2 == 1 {
        return Err(Reject::SYNTAX);
    }
    let Conditions {
        missing,
        present,
        greater,
        less,
        ..
    } = conditions;
    if missing && present {
        return Err(Reject::text(
            "ERR XX and NX options at the same time are not compatible",
        ));
    }
    if missing && (greater || less) || greater && less {
        return Err(Reject::text(
            "ERR GT, LT, and/or NX options at the same time are not compatible",
        ));
    }
    if conditions.increment && pairs.len() > 2 {
        return Err(Reject::text(
            "ERR INCR option supports a single increment-element pair",
        ));
    }
    let mut members = Vec::with_capacity(pairs.len() / 2);
    for pair in pairs.chunks_exact(2) {
        if let [score, member] = pair {
            members.push((float::double(score).ok_or(float::INVALID)?, member));
        }
    }
    Ok((conditions, members))
}

/// Adds members, and replies with their number or the new score.
pub(in super::super) fn add_members(
    call: &mut Call<'_>,
    conditions: Conditions,
    members: &[(f64, &Bytes)],
) -> Reply {
    let key = call.arg(1);
    let limits = Limits::of_sorted_sets(&call.server.config);
    let nothing = match conditions.increment {
        true => Frame::null(),
        false => Frame::integer(0),
    };
    if call.sorted_set(key)?.is_none() && conditions.present {
        return Ok(nothing);
    }
    let new = || Value::SortedSet(Box::default());
    let set = call.value_or_new(key, new)?.as_sorted_set_mut()?;
    let (mut added, mut updated, mut last) = (0, 0, None);
    for (score, member) in members {
        last = match add(set, member, *score, conditions, limits)? {
            Added::Nothing => None,
            Added::Same(score) => Some(score),
            Added::Updated(score) => {
                updated += 1;
                Some(score)
            }
            Added::New(score) => {
                added += 1;
                Some(score)
            }
        };
    }
    if added + updated > 0 {
        call.changed(
            key,
            if conditions.increment {
                "zincr"
            } else {
                "zadd"
            },
        );
    }
    Ok(match (conditions.increment, last) {
        (true, Some(score)) => score_frame(score),
        (true, None) => nothing,
        (false, _) if conditions.changed => count(added + updated),
        (false, _) => count(added),
    })
}

pub(super) fn zadd(call: &mut Call<'_>) -> Reply {
    let (conditions, members) = parse(call, false)?;
    add_members(call, conditions, &members)
}

/// `ZINCRBY key increment member`, which accepts options of ZADD in Redis, too.
pub(super) fn zincrby(call: &mut Call<'_>) -> Reply {
    let (conditions, members) = parse(call, true)?;
    add_members(call, conditions, &members)
}

pub(super) fn zrem(call: &mut Call<'_>) -> Reply {
    let (key, members) = (call.arg(1), call.rest(2));
    if call.sorted_set(key)?.is_none() {
        return Ok(Frame::integer(0));
    }
    let set = call.sorted_set_mut(key)?.ok_or(Reject::NO_KEY)?;
    let removed = members.iter().filter(|member| set.remove(member).is_some());
    let removed = removed.count();
    if removed > 0 {
        call.changed(key, "zrem");
    }
    Ok(count(removed))
}

pub(super) fn zcard(call: &mut Call<'_>) -> Reply {
    Ok(count(
        call.sorted_set(call.arg(1))?.map_or(0, SortedSet::len),
    ))
}

pub(super) fn zscore(call: &mut Call<'_>) -> Reply {
    let set = call.sorted_set(call.arg(1))?;
    let score = set.and_then(|set| set.score(call.arg(2)));
    Ok(score.map_or_else(Frame::null, score_frame))
}

pub(super) fn zmscore(call: &mut Call<'_>) -> Reply {
    let set = call.sorted_set(call.arg(1))?;
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            for member in call.rest(2) {
                match set.and_then(|set| set.score(member)) {
                    Some(score) => put_score(array, score),
                    None => array.null(),
                }
            }
        });
    }))
}

pub(super) fn zrank(call: &mut Call<'_>) -> Reply {
    let set = call.sorted_set(call.arg(1))?;
    let rank = set.and_then(|set| set.rank(call.arg(2)));
    Ok(rank.map_or_else(Frame::null, count))
}

pub(super) fn zrevrank(call: &mut Call<'_>) -> Reply {
    let set = call.sorted_set(call.arg(1))?;
    let rank = set.and_then(|set| Some(set.len() - 1 - set.rank(call.arg(2))?));
    Ok(rank.map_or_else(Frame::null, count))
}
