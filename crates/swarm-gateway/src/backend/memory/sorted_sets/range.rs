//! Ranges of sorted sets: ZRANGE in all of its forms, counts, and removals.

use std::ops::Range;

use bytes::Bytes;

use super::bounds::{Members, Scores, ranks};
use super::{Scored, SortedSet, put_members};
use crate::backend::memory::call::{Call, Reply, count};
use crate::backend::memory::keyspace::Value;
use crate::backend::memory::limits::Limits;
use crate::backend::memory::reject::Reject;
use swarm_resp::Frame;

/// What the ends of a range are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ranks,
    Scores,
    Members,
}

/// A parsed range.
#[derive(Debug)]
enum Ends<'a> {
    Ranks(i64, i64),
    Scores(Scores),
    Members(Members<'a>),
}

/// A parsed command.
#[derive(Debug)]
struct Query<'a> {
    ends: Ends<'a>,
    reverse: bool,
    with_scores: bool,
    skip: usize,
    limit: usize,
}

impl<'a> Query<'a> {
    /// Parses the arguments behind the key at index `at`. Without a kind or a direction, options
    /// may set them.
    fn parse(
        call: &Call<'a>,
        at: usize,
        is_store: bool,
        mut kind: Option<Kind>,
        mut reverse: Option<bool>,
    ) -> Result<Self, Reject> {
        let (mut with_scores, mut offset, mut limit) = (false, 0, -1);
        let (mut next, mut options) = (at + 3, call.rest(at + 3));
        while let Some((option, rest)) = options.split_first() {
            let mut used = 1;
            match option.to_ascii_uppercase().as_slice() {
                b"WITHSCORES" if !is_store => with_scores = true,
                b"LIMIT" if rest.len() >= 2 => {
                    offset = call.integer(next + 1)?;
                    limit = call.integer(next + 2)?;
                    used = 3;
                }
                b"REV" if reverse.is_none() => reverse = Some(true),
                // A second option of this kind is an error.
                b"BYLEX" if kind.is_none() => kind = Some(Kind::Members),
                b"BYSCORE" if kind.is_none() => kind = Some(Kind::Scores),
                _ => return Err(Reject::SYNTAX),
            }
            next += used;
            options = call.rest(next);
        }
        let (kind, reverse) = (kind.unwrap_or(Kind::Ranks), reverse.unwrap_or(false));
        if limit != -1 && kind == Kind::Ranks {
            return Err(Reject::text(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or \
                 BYLEX",
            ));
        }
        if with_scores && kind == Kind::Members {
            return Err(Reject::text(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let (first, second) = (call.arg(at + 1), call.arg(at + 2));
        let (min, max) = if reverse {
            (second, first)
        } else {
            (first, second)
        };
        let ends = match kind {
            Kind::Ranks => Ends::Ranks(call.integer(at + 1)?, call.integer(at + 2)?),
            Kind::Scores => Ends::Scores(Scores::parse(min, max)?),
            Kind::Members => Ends::Members(Members::parse(min, max)?),
        };
        // A negative offset skips everything, a negative limit is none.
        let natural = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(Self {
            ends,
            reverse,
            with_scores,
            // With ranks and no limit, Redis ignores the offset.
            skip: if kind == Kind::Ranks {
                0
            } else {
                natural(offset)
            },
            limit: natural(limit),
        })
    }

    /// Returns the members in the range, in the order of the query.
    fn select(&self, set: &SortedSet) -> Vec<Scored> {
        let between = |range: Range<usize>| -> Box<dyn Iterator<Item = &Scored> + '_> {
            match self.reverse {
                true => Box::new(set.before(range.end).take(range.len())),
                false => Box::new(set.from(range.start).take(range.len())),
            }
        };
        let members: Box<dyn Iterator<Item = &Scored> + '_> = match &self.ends {
            Ends::Ranks(start, end) => {
                let range = ranks(*start, *end, set.len());
                // Ranks count from the end that comes first.
                between(match self.reverse && !range.is_empty() {
                    true => set.len() - range.end..set.len() - range.start,
                    false => range,
                })
            }
            Ends::Scores(scores) => between(scores.ranks(set)),
            Ends::Members(range) if self.reverse => {
                let end = range.end(set).into_iter();
                let backward = end.flat_map(|end| set.before(end)).skip(self.skip);
                return (backward.take_while(|scored| range.reaches(scored)))
                    .take(self.limit)
                    .cloned()
                    .collect();
            }
            Ends::Members(range) => {
                let first = range.first(set).into_iter();
                let forward = first.flat_map(|first| set.from(first)).skip(self.skip);
                return (forward.take_while(|scored| range.admits(scored)))
                    .take(self.limit)
                    .cloned()
                    .collect();
            }
        };
        members.skip(self.skip).take(self.limit).cloned().collect()
    }
}

fn range(call: &mut Call<'_>, kind: Option<Kind>, reverse: Option<bool>) -> Reply {
    let query = Query::parse(call, 1, false, kind, reverse)?;
    let set = call.sorted_set(call.arg(1))?;
    let members = set.map(|set| query.select(set)).unwrap_or_default();
    Ok(Frame::build(|reply| {
        put_members(reply, call.protocol, query.with_scores, &members);
    }))
}

pub(super) fn zrange(call: &mut Call<'_>) -> Reply {
    range(call, None, None)
}

pub(super) fn zrevrange(call: &mut Call<'_>) -> Reply {
    range(call, Some(Kind::Ranks), Some(true))
}

pub(super) fn zrangebyscore(call: &mut Call<'_>) -> Reply {
    range(call, Some(Kind::Scores), Some(false))
}

pub(super) fn zrevrangebyscore(call: &mut Call<'_>) -> Reply {
    range(call, Some(Kind::Scores), Some(true))
}

pub(super) fn zrangebylex(call: &mut Call<'_>) -> Reply {
    range(call, Some(Kind::Members), Some(false))
}

pub(super) fn zrevrangebylex(call: &mut Call<'_>) -> Reply {
    range(call, Some(Kind::Members), Some(true))
}

/// `ZRANGESTORE destination source min max …`.
pub(super) fn zrangestore(call: &mut Call<'_>) -> Reply {
    let query = Query::parse(call, 2, true, None, None)?;
    let limits = Limits::of_sorted_sets(&call.server.config);
    let set = call.sorted_set(call.arg(2))?;
    let members = set.map(|set| query.select(set)).unwrap_or_default();
    // Only for ranks does Redis know the size in advance.
    let is_large = matches!(query.ends, Ends::Ranks(..)) && members.len() > limits.entries;
    let mut stored = SortedSet::new(is_large);
    for scored in members {
        stored.set(&scored.member, scored.score, limits);
    }
    let value = Value::SortedSet(Box::new(stored));
    Ok(call.store(call.arg(1), value, "zrangestore"))
}

/// Counts the members in a range, which is parsed before the key is looked up.
fn count_in(call: &Call<'_>, ranks: impl FnOnce(&SortedSet) -> Range<usize>) -> Reply {
    let set = call.sorted_set(call.arg(1))?;
    Ok(count(set.map_or(0, |set| ranks(set).len())))
}

pub(super) fn zcount(call: &mut Call<'_>) -> Reply {
    let scores = Scores::parse(call.arg(2), call.arg(3))?;
    count_in(call, |set| scores.ranks(set))
}

pub(super) fn zlexcount(call: &mut Call<'_>) -> Reply {
    let members = Members::parse(call.arg(2), call.arg(3))?;
    count_in(call, |set| members.ranks(set))
}

/// Removes the members in a range.
fn remove_in(
    call: &mut Call<'_>,
    event: &'static str,
    ranks: impl FnOnce(&SortedSet) -> Range<usize>,
) -> Reply {
    let key = call.arg(1);
    let Some(set) = call.sorted_set(key)? else {
        return Ok(Frame::integer(0));
    };
    let range = ranks(set);
    let removed: Vec<Bytes> = (set.from(range.start).take(range.len()))
        .map(|scored| scored.member.clone())
        .collect();
    if let (Some(set), false) = (call.sorted_set_mut(key)?, removed.is_empty()) {
        for member in &removed {
            set.remove(member);
        }
        call.changed(key, event);
    }
    Ok(count(removed.len()))
}

pub(super) fn zremrangebyrank(call: &mut Call<'_>) -> Reply {
    let (start, end) = (call.integer(2)?, call.integer(3)?);
    remove_in(call, "zremrangebyrank", |set| ranks(start, end, set.len()))
}

pub(super) fn zremrangebyscore(call: &mut Call<'_>) -> Reply {
    let scores = Scores::parse(call.arg(2), call.arg(3))?;
    remove_in(call, "zremrangebyscore", |set| scores.ranks(set))
}

pub(super) fn zremrangebylex(call: &mut Call<'_>) -> Reply {
    let members = Members::parse(call.arg(2), call.arg(3))?;
    remove_in(call, "zremrangebylex", |set| members.ranks(set))
}
