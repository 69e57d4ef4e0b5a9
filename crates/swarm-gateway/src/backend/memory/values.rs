//! Access to hashes, sets, and sorted sets.

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder, RespVersion};

use super::call::{Call, count};
use super::hashes::Hash;
use super::keyspace::{Class, Expiry, Value};
use super::number;
use super::reject::Reject;
use super::sets::Set;
use super::sorted_sets::SortedSet;

impl<'a> Call<'a> {
    pub(super) fn hash(&self, key: &[u8]) -> Result<Option<&Hash>, Reject> {
        self.keyspace.get(key).map(Value::as_hash).transpose()
    }

    /// Returns the hash of a key for modification.
    pub(super) fn hash_mut(&mut self, key: &[u8]) -> Result<Option<&mut Hash>, Reject> {
        let value = self.keyspace.get_mut(key);
        value.map(Value::as_hash_mut).transpose()
    }

    pub(super) fn set(&self, key: &[u8]) -> Result<Option<&Set>, Reject> {
        self.keyspace.get(key).map(Value::as_set).transpose()
    }

    /// Returns the set of a key for modification.
    pub(super) fn set_mut(&mut self, key: &[u8]) -> Result<Option<&mut Set>, Reject> {
        let value = self.keyspace.get_mut(key);
        value.map(Value::as_set_mut).transpose()
    }

    pub(super) fn sorted_set(&self, key: &[u8]) -> Result<Option<&SortedSet>, Reject> {
        self.keyspace.get(key).map(Value::as_sorted_set).transpose()
    }

    /// Returns the sorted set of a key for modification.
    pub(super) fn sorted_set_mut(&mut self, key: &[u8]) -> Result<Option<&mut SortedSet>, Reject> {
        let value = self.keyspace.get_mut(key);
        value.map(Value::as_sorted_set_mut).transpose()
    }

    /// Returns the value of a key for modification, after creating it if necessary.
    pub(super) fn value_or_new(
        &mut self,
        key: &Bytes,
        new: impl FnOnce() -> Value,
    ) -> Result<&mut Value, Reject> {
        if !self.keyspace.contains(key) {
            self.keyspace.set(key, new(), Expiry::Never);
        }
        self.keyspace.get_mut(key).ok_or(Reject::NO_KEY)
    }

    /// Announces that a command has changed a collection, and removes it if nothing is left of it.
    pub(super) fn changed(&mut self, key: &[u8], event: &'static str) {
        let value = self.keyspace.get(key);
        let class = value.map_or(Class::GENERIC, Value::class);
        let elements = value.and_then(Value::elements);
        self.keyspace.notify(class, event, key);
        match elements {
            Some(0) => self.keyspace.discard_empty(key),
            _ => self.keyspace.touch(key),
        }
    }

    /// Stores the result of a command and returns the number of its elements. An empty result
    /// removes the key.
    pub(super) fn store(&mut self, key: &Bytes, value: Value, event: &'static str) -> Frame {
        let elements = value.elements().unwrap_or(0);
        if elements > 0 {
            let class = value.class();
            self.keyspace.set(key, value, Expiry::Never);
            self.keyspace.notify(class, event, key);
        } else if self.keyspace.contains(key) {
            self.keyspace.discard_empty(key);
        }
        count(elements)
    }

    /// Parses an integer that must be in a range. `text` is the error for integers outside of it,
    /// and for arguments that are no integers.
    pub(super) fn at_least(
        &self,
        at: usize,
        least: i64,
        text: &'static str,
    ) -> Result<usize, Reject> {
        let number = self.integer(at).map_err(|_| Reject::text(text))?;
        let in_range = usize::try_from(number).ok().filter(|_| number >= least);
        in_range.ok_or(Reject::text(text))
    }

    /// Returns the keys whose number is an argument, and the position behind them. `None` if there
    /// are fewer arguments.
    pub(super) fn counted(&self, number: usize, first: usize) -> Option<(&'a [Bytes], usize)> {
        let end = first.checked_add(number)?;
        Some((self.args.get(first..end)?, end))
    }
}

impl Value {
    /// Returns the class of events of a collection.
    const fn class(&self) -> Class {
        match self {
            Self::Hash(_) => Class::HASH,
            Self::Set(_) => Class::SET,
            Self::SortedSet(_) => Class::SORTED_SET,
            _ => Class::GENERIC,
        }
    }

    /// Returns the number of elements of a hash, set, or sorted set.
    pub(super) fn elements(&self) -> Option<usize> {
        Some(match self {
            Self::Hash(hash) => hash.len(),
            Self::Set(set) => set.len(),
            Self::SortedSet(set) => set.len(),
            _ => return None,
        })
    }
}

/// Number of random elements of a command such as HRANDFIELD.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sample {
    /// Up to this number of different elements.
    Distinct(usize),
    /// Exactly this number, with repetitions.
    Repeated(usize),
}

impl Sample {
    /// More repetitions are rejected; Redis would use up its memory.
    const MOST: u64 = 1 << 24;

    /// Parses the number: a negative one allows repetitions.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Reject> {
        let number = number::integer(text)?;
        match (number, number.unsigned_abs()) {
            (i64::MIN, _) => Err(Reject::text(
                "ERR value is out of range, value must between -9223372036854775807 and \
                 9223372036854775807",
            )),
            (0.., most) => Ok(Self::Distinct(usize::try_from(most).unwrap_or(usize::MAX))),
            (_, times) => Ok(Self::Repeated(usize::try_from(times).unwrap_or(usize::MAX))),
        }
    }

    /// Parses the number and the option that adds values or scores.
    pub(super) fn with_option(call: &Call<'_>, option: &[u8]) -> Result<(Self, bool), Reject> {
        let sample = Self::parse(call.arg(2))?;
        match call.rest(3) {
            [] => Ok((sample, false)),
            [given] if given.eq_ignore_ascii_case(option) => match sample {
                Self::Distinct(most) | Self::Repeated(most) if most > usize::MAX >> 2 => {
                    Err(Reject::text("ERR value is out of range"))
                }
                sample => Ok((sample, true)),
            },
            _ => Err(Reject::SYNTAX),
        }
    }

    /// Takes the sample. `all` has the elements in the order in which they are shown when all of
    /// them are wanted, and `size` is their number.
    pub(super) fn take<T>(
        self,
        size: usize,
        all: impl Iterator<Item = T>,
        random: impl Fn() -> Option<T>,
    ) -> Result<Vec<T>, Reject> {
        match self {
            Self::Distinct(1) => Ok(random().into_iter().collect()),
            Self::Distinct(most) => Ok(fastrand::choose_multiple(all, most.min(size))),
            Self::Repeated(times) if times as u64 > Self::MOST => {
                Err(Reject::text("ERR value is out of range"))
            }
            Self::Repeated(times) => Ok((0..times).filter_map(|_| random()).collect()),
        }
    }
}

/// Writes pairs: nested in RESP3, flat in RESP2.
pub(super) fn put_pairs<T>(
    reply: &mut FrameBuilder,
    protocol: RespVersion,
    pairs: impl IntoIterator<Item = T>,
    put: impl Fn(&mut FrameBuilder, T),
) {
    reply.array(|array| {
        for pair in pairs {
            match protocol {
                RespVersion::Resp2 => put(array, pair),
                RespVersion::Resp3 => array.array(|nested| put(nested, pair)),
            }
        }
    });
}
