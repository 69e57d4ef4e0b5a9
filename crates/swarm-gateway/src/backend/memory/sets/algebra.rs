//! Intersections, unions, and differences of sets.

use bytes::Bytes;

use super::Set;
use super::commands::reply_set;
use crate::backend::memory::call::{Call, Reply, count};
use crate::backend::memory::keyspace::Value;
use crate::backend::memory::limits::Limits;
use crate::backend::memory::reject::Reject;

/// Returns the sets of keys; a missing key is `None`.
fn sets<'a>(call: &'a Call<'_>, keys: &[Bytes]) -> Result<Vec<Option<&'a Set>>, Reject> {
    keys.iter().map(|key| call.set(key)).collect()
}

/// Returns the members that all sets have, in the order of the smallest one.
fn intersection<'a>(sets: &[Option<&'a Set>]) -> impl Iterator<Item = Bytes> + use<'a> {
    // Without a set that exists everywhere, there is nothing to iterate.
    let mut sets: Vec<&Set> = sets
        .iter()
        .copied()
        .collect::<Option<_>>()
        .unwrap_or_default();
    sets.sort_by_key(|set| set.len());
    let smallest = sets.first().copied();
    (smallest.into_iter().flat_map(Set::iter))
        .filter(move |member| sets.iter().all(|set| set.contains(member)))
}

/// Returns a set with the members of all sets.
fn union(sets: &[Option<&Set>], limits: Limits) -> Set {
    let mut union = Set::default();
    for member in sets.iter().flatten().flat_map(|set| set.iter()) {
        union.add(&member, limits);
    }
    union
}

/// Returns a set with the members that only the first set has.
fn difference(sets: &[Option<&Set>], limits: Limits) -> Set {
    let mut difference = Set::default();
    if let Some((Some(first), others)) = sets.split_first() {
        let in_others = |member: &[u8]| others.iter().flatten().any(|set| set.contains(member));
        for member in first.iter().filter(|member| !in_others(member)) {
            difference.add(&member, limits);
        }
    }
    difference
}

fn intersected(call: &Call<'_>, keys: &[Bytes]) -> Result<Set, Reject> {
    let limits = Limits::of_sets(&call.server.config);
    let mut result = Set::default();
    for member in intersection(&sets(call, keys)?) {
        result.add(&member, limits);
    }
    Ok(result)
}

fn united(call: &Call<'_>, keys: &[Bytes]) -> Result<Set, Reject> {
    Ok(union(
        &sets(call, keys)?,
        Limits::of_sets(&call.server.config),
    ))
}

fn differing(call: &Call<'_>, keys: &[Bytes]) -> Result<Set, Reject> {
    Ok(difference(
        &sets(call, keys)?,
        Limits::of_sets(&call.server.config),
    ))
}

pub(in super::super) fn sinter(call: &mut Call<'_>) -> Reply {
    Ok(reply_set(intersection(&sets(call, call.rest(1))?)))
}

pub(in super::super) fn sunion(call: &mut Call<'_>) -> Reply {
    Ok(reply_set(united(call, call.rest(1))?.iter()))
}

pub(in super::super) fn sdiff(call: &mut Call<'_>) -> Reply {
    Ok(reply_set(differing(call, call.rest(1))?.iter()))
}

pub(in super::super) fn sinterstore(call: &mut Call<'_>) -> Reply {
    let set = intersected(call, call.rest(2))?;
    Ok(call.store(call.arg(1), Value::Set(Box::new(set)), "sinterstore"))
}

pub(in super::super) fn sunionstore(call: &mut Call<'_>) -> Reply {
    let set = united(call, call.rest(2))?;
    Ok(call.store(call.arg(1), Value::Set(Box::new(set)), "sunionstore"))
}

pub(in super::super) fn sdiffstore(call: &mut Call<'_>) -> Reply {
    let set = differing(call, call.rest(2))?;
    Ok(call.store(call.arg(1), Value::Set(Box::new(set)), "sdiffstore"))
}

/// `SINTERCARD numkeys key … [LIMIT limit]`.
pub(in super::super) fn sintercard(call: &mut Call<'_>) -> Reply {
    let number = call.at_least(1, 1, "ERR numkeys should be greater than 0")?;
    let (keys, end) = call.counted(number, 2).ok_or(Reject::text(
        "ERR Number of keys can't be greater than number of args",
    ))?;
    let mut limit = 0;
    let mut at = end;
    while at < call.args.len() {
        if !call.arg(at).eq_ignore_ascii_case(b"LIMIT") || at + 1 == call.args.len() {
            return Err(Reject::SYNTAX);
        }
        limit = call.at_least(at + 1, 0, "ERR LIMIT can't be negative")?;
        at += 2;
    }
    let limit = if limit == 0 { usize::MAX } else { limit };
    Ok(count(intersection(&sets(call, keys)?).take(limit).count()))
}
