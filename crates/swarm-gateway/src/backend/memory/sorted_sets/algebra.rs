//! Unions, intersections, and differences of sorted sets and sets.

use std::collections::HashMap;

use bytes::Bytes;
use swarm_resp::Frame;

use super::{Scored, SortedSet, put_members};
use crate::backend::memory::call::{Call, Reply, count};
use crate::backend::memory::float;
use crate::backend::memory::keyspace::Value;
use crate::backend::memory::limits::Limits;
use crate::backend::memory::reject::Reject;
use crate::backend::memory::sets::Set;

/// A set or a sorted set, and the weight of its scores.
#[derive(Debug, Clone, Copy)]
struct Source<'a> {
    members: Members<'a>,
    weight: f64,
}

#[derive(Debug, Clone, Copy)]
enum Members<'a> {
    None,
    /// Each of its members has the score 1.
    Set(&'a Set),
    Sorted(&'a SortedSet),
}

impl<'a> Source<'a> {
    fn new(value: Option<&'a Value>) -> Result<Self, Reject> {
        let members = match value {
            None => Members::None,
            Some(Value::Set(set)) => Members::Set(set),
            Some(value) => Members::Sorted(value.as_sorted_set()?),
        };
        Ok(Self {
            members,
            weight: 1.0,
        })
    }

    fn len(&self) -> usize {
        match self.members {
            Members::None => 0,
            Members::Set(set) => set.len(),
            Members::Sorted(set) => set.len(),
        }
    }

    fn score(&self, member: &[u8]) -> Option<f64> {
        match self.members {
            Members::None => None,
            Members::Set(set) => set.contains(member).then_some(1.0),
            Members::Sorted(set) => set.score(member),
        }
    }

    fn iter(&self) -> Box<dyn Iterator<Item = Scored> + 'a> {
        match self.members {
            Members::None => Box::new(std::iter::empty()),
            Members::Set(set) => Box::new(set.iter().map(|member| Scored { score: 1.0, member })),
            Members::Sorted(set) => Box::new(set.from(0).cloned()),
        }
    }

    /// Returns the weighted score, or 0 if it is not a number.
    fn weighted(&self, score: f64) -> f64 {
        zero_if_nan(self.weight * score)
    }
}

fn zero_if_nan(number: f64) -> f64 {
    if number.is_nan() { 0.0 } else { number }
}

#[derive(Debug, Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn parse(name: &[u8]) -> Result<Self, Reject> {
        Ok(match name.to_ascii_uppercase().as_slice() {
            b"SUM" => Self::Sum,
            b"MIN" => Self::Min,
            b"MAX" => Self::Max,
            _ => return Err(Reject::SYNTAX),
        })
    }

    /// Keeps the first score of two that are equal, such as 0 and -0.
    fn of(self, score: f64, other: f64) -> f64 {
        match self {
            Self::Sum => zero_if_nan(score + other),
            Self::Min if other < score => other,
            Self::Max if other > score => other,
            Self::Min | Self::Max => score,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// What becomes of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Show,
    Store,
    Count,
}

/// A parsed command.
#[derive(Debug)]
struct Query<'a> {
    sources: Vec<Source<'a>>,
    aggregate: Aggregate,
    with_scores: bool,
    limit: usize,
}

impl<'a> Query<'a> {
    /// Parses the number of keys at index `at`, and what follows. `name` is in lower case.
    fn parse(
        call: &'a Call<'_>,
        at: usize,
        name: &str,
        operation: Operation,
        purpose: Purpose,
    ) -> Result<Self, Reject> {
        let number = usize::try_from(call.integer(at)?).unwrap_or(0);
        if number == 0 {
            return Err(Reject::new(format!(
                "ERR at least 1 input key is needed for '{name}' command"
            )));
        }
        let (keys, mut next) = call.counted(number, at + 1).ok_or(Reject::SYNTAX)?;
        let sources = keys.iter().map(|key| Source::new(call.keyspace.get(key)));
        let mut query = Self {
            sources: sources.collect::<Result<_, _>>()?,
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: usize::MAX,
        };
        let weighs = operation != Operation::Difference && purpose != Purpose::Count;
        while let Some((option, rest)) = call.rest(next).split_first() {
            next += match option.to_ascii_uppercase().as_slice() {
                b"WEIGHTS" if weighs && rest.len() >= number => {
                    for (source, weight) in query.sources.iter_mut().zip(rest) {
                        let weight = float::double(weight);
                        source.weight =
                            weight.ok_or(Reject::text("ERR weight value is not a float"))?;
                    }
                    1 + number
                }
                b"AGGREGATE" if weighs && !rest.is_empty() => {
                    query.aggregate = Aggregate::parse(call.arg(next + 1))?;
                    2
                }
                b"WITHSCORES" if purpose == Purpose::Show => {
                    query.with_scores = true;
                    1
                }
                b"LIMIT" if purpose == Purpose::Count && !rest.is_empty() => {
                    let limit = call.at_least(next + 1, 0, "ERR LIMIT can't be negative")?;
                    query.limit = if limit == 0 { usize::MAX } else { limit };
                    2
                }
                _ => return Err(Reject::SYNTAX),
            };
        }
        if operation != Operation::Difference {
            // The sum of several floats depends on their order.
            query.sources.sort_by_key(Source::len);
        }
        Ok(query)
    }

    fn run(&self, operation: Operation) -> Vec<Scored> {
        match operation {
            Operation::Union => self.union(),
            Operation::Intersection => self.intersection().collect(),
            Operation::Difference => self.difference(),
        }
    }

    fn union(&self) -> Vec<Scored> {
        let mut scores: HashMap<Bytes, f64> = HashMap::new();
        for source in &self.sources {
            for Scored { member, score } in source.iter() {
                let score = source.weighted(score);
                scores
                    .entry(member)
                    .and_modify(|sum| *sum = self.aggregate.of(*sum, score))
                    .or_insert(score);
            }
        }
        let members = scores.into_iter();
        members
            .map(|(member, score)| Scored { score, member })
            .collect()
    }

    fn intersection(&self) -> impl Iterator<Item = Scored> {
        let (first, others) = match self.sources.split_first() {
            Some((first, others)) => (Some(first), others),
            None => (None, &[][..]),
        };
        let members = first.into_iter().flat_map(|first| {
            first.iter().map(|scored| Scored {
                score: first.weighted(scored.score),
                member: scored.member,
            })
        });
        members.filter_map(move |Scored { mut score, member }| {
            for other in others {
                let weighted = other.weight * other.score(&member)?;
                score = self.aggregate.of(score, weighted);
            }
            Some(Scored { score, member })
        })
    }

    fn difference(&self) -> Vec<Scored> {
        let Some((first, others)) = self.sources.split_first() else {
            return Vec::new();
        };
        let is_left =
            |scored: &Scored| (others.iter()).all(|other| other.score(&scored.member).is_none());
        first.iter().filter(is_left).collect()
    }
}

/// Replies with the result in the order of scores.
fn show(call: &mut Call<'_>, name: &str, operation: Operation) -> Reply {
    let query = Query::parse(call, 1, name, operation, Purpose::Show)?;
    let mut members = query.run(operation);
    members.sort_by(|left, right| left.order(right.score, &right.member));
    Ok(Frame::build(|reply| {
        put_members(reply, call.protocol, query.with_scores, &members);
    }))
}

fn store(call: &mut Call<'_>, name: &'static str, operation: Operation) -> Reply {
    let limits = Limits::of_sorted_sets(&call.server.config);
    let query = Query::parse(call, 2, name, operation, Purpose::Store)?;
    let stored = SortedSet::of(query.run(operation), limits);
    Ok(call.store(call.arg(1), Value::SortedSet(Box::new(stored)), name))
}

pub(super) fn zunion(call: &mut Call<'_>) -> Reply {
    show(call, "zunion", Operation::Union)
}

pub(super) fn zinter(call: &mut Call<'_>) -> Reply {
    show(call, "zinter", Operation::Intersection)
}

pub(super) fn zdiff(call: &mut Call<'_>) -> Reply {
    show(call, "zdiff", Operation::Difference)
}

pub(super) fn zunionstore(call: &mut Call<'_>) -> Reply {
    store(call, "zunionstore", Operation::Union)
}

pub(super) fn zinterstore(call: &mut Call<'_>) -> Reply {
    store(call, "zinterstore", Operation::Intersection)
}

pub(super) fn zdiffstore(call: &mut Call<'_>) -> Reply {
    store(call, "zdiffstore", Operation::Difference)
}

/// `ZINTERCARD numkeys key … [LIMIT limit]`.
pub(super) fn zintercard(call: &mut Call<'_>) -> Reply {
    let operation = Operation::Intersection;
    let query = Query::parse(call, 1, "zintercard", operation, Purpose::Count)?;
    Ok(count(query.intersection().take(query.limit).count()))
}
