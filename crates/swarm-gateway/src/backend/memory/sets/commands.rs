//! Commands on single sets, and SMOVE.

use bytes::Bytes;
use swarm_resp::Frame;

use super::Set;
use crate::backend::memory::call::{Call, Reply, count};
use crate::backend::memory::elements::{self, Elements};
use crate::backend::memory::keyspace::Value;
use crate::backend::memory::limits::Limits;
use crate::backend::memory::reject::Reject;
use crate::backend::memory::values::Sample;

impl Call<'_> {
    /// Adds members and returns how many of them are new.
    fn add_members(&mut self, key: &Bytes, members: &[Bytes]) -> Result<usize, Reject> {
        let limits = Limits::of_sets(&self.server.config);
        let first = members.first().map(Bytes::as_ref).unwrap_or_default();
        let new = || Value::Set(Box::new(Set::for_member(first)));
        let set = self.value_or_new(key, new)?.as_set_mut()?;
        let added = members.iter().filter(|member| set.add(member, limits));
        let added = added.count();
        if added > 0 {
            self.changed(key, "sadd");
        }
        Ok(added)
    }

    /// Removes members and returns how many of them existed.
    fn remove_members(
        &mut self,
        key: &Bytes,
        members: &[Bytes],
        event: &'static str,
    ) -> Result<usize, Reject> {
        if self.set(key)?.is_none() {
            return Ok(0);
        }
        let set = self.set_mut(key)?.ok_or(Reject::NO_KEY)?;
        let removed = members.iter().filter(|member| set.remove(member)).count();
        if removed > 0 {
            self.changed(key, event);
        }
        Ok(removed)
    }
}

pub(in super::super) fn sadd(call: &mut Call<'_>) -> Reply {
    Ok(count(call.add_members(call.arg(1), call.rest(2))?))
}

pub(in super::super) fn srem(call: &mut Call<'_>) -> Reply {
    Ok(count(call.remove_members(
        call.arg(1),
        call.rest(2),
        "srem",
    )?))
}

pub(in super::super) fn smembers(call: &mut Call<'_>) -> Reply {
    Ok(reply_set(
        call.set(call.arg(1))?.into_iter().flat_map(Set::iter),
    ))
}

/// Returns a reply with members.
pub(super) fn reply_set(members: impl Iterator<Item = Bytes>) -> Frame {
    Frame::build(|reply| {
        reply.set(|set| members.for_each(|member| set.bulk(&member)));
    })
}

pub(in super::super) fn scard(call: &mut Call<'_>) -> Reply {
    Ok(count(call.set(call.arg(1))?.map_or(0, Set::len)))
}

pub(in super::super) fn sismember(call: &mut Call<'_>) -> Reply {
    let set = call.set(call.arg(1))?;
    let is_member = set.is_some_and(|set| set.contains(call.arg(2)));
    Ok(Frame::integer(i64::from(is_member)))
}

pub(in super::super) fn smismember(call: &mut Call<'_>) -> Reply {
    let set = call.set(call.arg(1))?;
    let is_member = |member: &Bytes| set.is_some_and(|set| set.contains(member));
    Ok(Frame::build(|reply| {
        reply.array(|array| {
            for member in call.rest(2) {
                array.integer(i64::from(is_member(member)));
            }
        });
    }))
}

pub(in super::super) fn smove(call: &mut Call<'_>) -> Reply {
    let (from, to) = (call.arg(1), call.arg(2));
    let member = std::slice::from_ref(call.arg(3));
    let Some(source) = call.keyspace.get(from) else {
        return Ok(Frame::integer(0));
    };
    let is_member = source.as_set()?.contains(call.arg(3));
    call.set(to)?;
    if is_member && from != to {
        call.remove_members(from, member, "srem")?;
        call.add_members(to, member)?;
    }
    Ok(Frame::integer(i64::from(is_member)))
}

/// `SPOP key [count]`.
/// SPOP moves the members that are left into another set if this many times as many are popped.
const MOVED: usize = 5;

pub(in super::super) fn spop(call: &mut Call<'_>) -> Reply {
    let key = call.arg(1);
    match call.rest(2) {
        [] => {
            let Some(member) = call.set(key)?.and_then(Set::random) else {
                return Ok(Frame::null());
            };
            call.remove_members(key, std::slice::from_ref(&member), "spop")?;
            Ok(Frame::bulk(member))
        }
        [_] => {
            let most = call.at_least(2, 0, "ERR value is out of range, must be positive")?;
            let popped = match call.set(key)? {
                Some(set) => fastrand::choose_multiple(set.iter(), most.min(set.len())),
                None => Vec::new(),
            };
            call.remove_members(key, &popped, "spop")?;
            let limits = Limits::of_sets(&call.server.config);
            if let Some(left) = call.set(key)?
                && left.len().saturating_mul(MOVED) <= popped.len()
            {
                // Redis has put them into another set.
                let left = left.rebuilt(limits);
                if let Some(set) = call.set_mut(key)? {
                    *set = left;
                }
            }
            Ok(reply_set(popped.into_iter()))
        }
        _ => Err(Reject::SYNTAX),
    }
}

/// `SRANDMEMBER key [count]`.
pub(in super::super) fn srandmember(call: &mut Call<'_>) -> Reply {
    let key = call.arg(1);
    let sample = match call.rest(2) {
        [] => {
            let member = call.set(key)?.and_then(Set::random);
            return Ok(member.map_or_else(Frame::null, Frame::bulk));
        }
        [number] => Sample::parse(number)?,
        _ => return Err(Reject::SYNTAX),
    };
    let members = match call.set(key)? {
        Some(set) => sample.take(set.len(), set.iter(), || set.random())?,
        None => Vec::new(),
    };
    Ok(Frame::build(|reply| {
        reply.array(|array| members.iter().for_each(|member| array.bulk(member)));
    }))
}

pub(in super::super) fn sscan(call: &mut Call<'_>) -> Reply {
    elements::scan(
        call,
        |call, place| {
            Ok(call.set(call.arg(1))?.map(|set| match set {
                Set::Integers(_) => Elements::Small(set.iter().map(|member| (member, ()))),
                Set::Members(members) => Elements::Large(
                    (members.from(place)).map(|(place, member, ())| (place, member.clone(), ())),
                ),
            }))
        },
        |array, member, ()| array.bulk(member),
    )
}
