//! Hashes.

mod commands;
mod saved;

use bytes::Bytes;

use super::keyspace::Value;
use super::limits::Limits;
use super::ordered::Ordered;
use super::reject::Reject;
use super::table::{Reads, Spec, data};

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    data("HDEL", -3, commands::hdel),
    data("HEXISTS", 3, commands::hexists).reads(Reads::First),
    data("HGET", 3, commands::hget).reads(Reads::First),
    data("HGETALL", 2, commands::hgetall).reads(Reads::First),
    data("HINCRBY", 4, commands::hincrby),
    data("HINCRBYFLOAT", 4, commands::hincrbyfloat),
    data("HKEYS", 2, commands::hkeys).reads(Reads::First),
    data("HLEN", 2, commands::hlen).reads(Reads::First),
    data("HMGET", -3, commands::hmget).reads(Reads::First),
    data("HMSET", -4, commands::hmset),
    data("HRANDFIELD", -2, commands::hrandfield).reads(Reads::First),
    data("HSCAN", -3, commands::hscan).reads(Reads::First),
    data("HSET", -4, commands::hset),
    data("HSETNX", 4, commands::hsetnx),
    data("HSTRLEN", 3, commands::hstrlen).reads(Reads::First),
    data("HVALS", 2, commands::hvals).reads(Reads::First),
];

/// Value of a key of type `hash`. Never empty while it is stored.
#[derive(Debug, Clone, Default)]
pub(super) struct Hash {
    fields: Ordered<Bytes>,
    large: bool,
}

impl Hash {
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Returns whether Redis would encode the hash as a hash table, not as a listpack.
    pub(super) const fn is_large(&self) -> bool {
        self.large
    }

    /// Returns the size of all fields and values in bytes.
    pub(super) fn size(&self) -> usize {
        self.iter()
            .map(|(field, value)| field.len() + value.len())
            .sum()
    }

    pub(super) fn get(&self, field: &[u8]) -> Option<&Bytes> {
        self.fields.get(field)
    }

    /// Sets a field. Returns whether it is new.
    pub(super) fn set(&mut self, field: &[u8], value: &[u8], limits: Limits) -> bool {
        let is_new = self
            .fields
            .insert(field, Bytes::copy_from_slice(value))
            .is_none();
        self.large |=
            field.len() > limits.value || value.len() > limits.value || self.len() > limits.entries;
        is_new
    }

    /// Removes a field. Returns whether it existed.
    pub(super) fn remove(&mut self, field: &[u8]) -> bool {
        self.fields.remove(field).is_some()
    }

    /// Iterates over fields and values in the order of insertion.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.fields.iter()
    }

    /// Iterates from a creation number on.
    fn from(&self, place: u64) -> impl Iterator<Item = (u64, &Bytes, &Bytes)> {
        self.fields.from(place)
    }

    /// Returns a random field and its value, each with the same probability.
    fn random(&self) -> Option<(&Bytes, &Bytes)> {
        self.fields.random()
    }
}

impl Value {
    pub(super) fn as_hash(&self) -> Result<&Hash, Reject> {
        match self {
            Self::Hash(hash) => Ok(hash),
            _ => Err(Reject::WRONG_TYPE),
        }
    }

    pub(super) fn as_hash_mut(&mut self) -> Result<&mut Hash, Reject> {
        match self {
            Self::Hash(hash) => Ok(hash),
            _ => Err(Reject::WRONG_TYPE),
        }
    }
}
