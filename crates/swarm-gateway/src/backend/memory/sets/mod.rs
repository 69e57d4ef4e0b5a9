//! Sets.

mod algebra;
mod commands;
mod saved;

use std::collections::BTreeSet;

use bytes::Bytes;

use super::keyspace::Value;
use super::limits::Limits;
use super::number;
use super::ordered::Ordered;
use super::reject::Reject;
use super::table::{Reads, Spec, data};

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    data("SADD", -3, commands::sadd),
    data("SCARD", 2, commands::scard).reads(Reads::First),
    data("SDIFF", -2, algebra::sdiff).reads(Reads::All),
    data("SDIFFSTORE", -3, algebra::sdiffstore),
    data("SINTER", -2, algebra::sinter).reads(Reads::All),
    data("SINTERCARD", -3, algebra::sintercard).reads(Reads::Counted),
    data("SINTERSTORE", -3, algebra::sinterstore),
    data("SISMEMBER", 3, commands::sismember).reads(Reads::First),
    data("SMEMBERS", 2, commands::smembers).reads(Reads::First),
    data("SMISMEMBER", -3, commands::smismember).reads(Reads::First),
    data("SMOVE", 4, commands::smove),
    data("SPOP", -2, commands::spop),
    data("SRANDMEMBER", -2, commands::srandmember).reads(Reads::First),
    data("SREM", -3, commands::srem),
    data("SSCAN", -3, commands::sscan).reads(Reads::First),
    data("SUNION", -2, algebra::sunion).reads(Reads::All),
    data("SUNIONSTORE", -3, algebra::sunionstore),
];

/// Value of a key of type `set`. Never empty while it is stored.
#[derive(Debug, Clone)]
pub(super) enum Set {
    /// Integers in canonical form, which are shown in their order.
    Integers(BTreeSet<i64>),
    Members(Ordered<()>),
}

impl Default for Set {
    fn default() -> Self {
        Self::Integers(BTreeSet::new())
    }
}

impl Set {
    /// Creates an empty set that is about to get a member.
    pub(super) fn for_member(member: &[u8]) -> Self {
        match number::integer(member) {
            Ok(_) => Self::default(),
            Err(_) => Self::Members(Ordered::default()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Integers(integers) => integers.len(),
            Self::Members(members) => members.len(),
        }
    }

    /// Returns the size of all members in bytes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Integers(integers) => integers.len() * size_of::<i64>(),
            Self::Members(members) => members.iter().map(|(member, ())| member.len()).sum(),
        }
    }

    pub(super) fn contains(&self, member: &[u8]) -> bool {
        match self {
            Self::Integers(integers) => {
                number::integer(member).is_ok_and(|integer| integers.contains(&integer))
            }
            Self::Members(members) => members.contains(member),
        }
    }

    /// Adds a member. Returns whether it is new.
    pub(super) fn add(&mut self, member: &[u8], limits: Limits) -> bool {
        match self {
            Self::Members(members) => members.insert(member, ()).is_none(),
            Self::Integers(integers) => match number::integer(member) {
                Ok(integer) => {
                    let is_new = integers.insert(integer);
                    if is_new && integers.len() > limits.entries {
                        *self = Self::Members(converted(integers));
                    }
                    is_new
                }
                Err(_) => {
                    let mut members = converted(integers);
                    members.insert(member, ());
                    *self = Self::Members(members);
                    true
                }
            },
        }
    }

    /// Returns a new set of the same members, whose encoding depends on nothing else.
    fn rebuilt(&self, limits: Limits) -> Self {
        let mut set = Self::default();
        for member in self.iter() {
            set.add(&member, limits);
        }
        set
    }

    /// Removes a member. Returns whether it existed.
    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Integers(integers) => {
                number::integer(member).is_ok_and(|integer| integers.remove(&integer))
            }
            Self::Members(members) => members.remove(member).is_some(),
        }
    }

    /// Iterates over the members: integers in their order, others in the order of insertion.
    pub(super) fn iter(&self) -> Box<dyn Iterator<Item = Bytes> + '_> {
        match self {
            Self::Integers(integers) => Box::new(integers.iter().map(integer_text)),
            Self::Members(members) => Box::new(members.iter().map(|(member, ())| member.clone())),
        }
    }

    /// Returns a random member, each with the same probability.
    pub(super) fn random(&self) -> Option<Bytes> {
        match self {
            Self::Integers(integers) => {
                let at = (!integers.is_empty()).then(|| fastrand::usize(..integers.len()))?;
                integers.iter().nth(at).map(integer_text)
            }
            Self::Members(members) => members.random().map(|(member, ())| member.clone()),
        }
    }
}

/// Converts integers to members of any kind.
fn converted(integers: &BTreeSet<i64>) -> Ordered<()> {
    let mut members = Ordered::default();
    for integer in integers {
        members.insert(integer.to_string().as_bytes(), ());
    }
    members
}

fn integer_text(integer: &i64) -> Bytes {
    integer.to_string().into()
}

impl Value {
    pub(super) fn as_set(&self) -> Result<&Set, Reject> {
        match self {
            Self::Set(set) => Ok(set),
            _ => Err(Reject::WRONG_TYPE),
        }
    }

    pub(super) fn as_set_mut(&mut self) -> Result<&mut Set, Reject> {
        match self {
            Self::Set(set) => Ok(set),
            _ => Err(Reject::WRONG_TYPE),
        }
    }
}
