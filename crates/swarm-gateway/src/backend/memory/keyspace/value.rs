//! Values of keys.

use std::sync::Arc;

use bytes::Bytes;

use super::super::hashes::Hash;
use super::super::lists::List;
use super::super::reject::Reject;
use super::super::sets::Set;
use super::super::sorted_sets::SortedSet;
use super::super::streams::Stream;
use super::super::upstream;

/// Value of a key.
#[derive(Debug, Clone)]
pub(in super::super) enum Value {
    String(Bytes),
    Hash(Box<Hash>),
    Set(Box<Set>),
    SortedSet(Box<SortedSet>),
    List(List),
    Stream(Box<Stream>),
    /// Stream of SwarmKeyDb's commands.
    Swarm(Arc<upstream::Stream>),
}

impl Value {
    /// Returns the type name reported by TYPE.
    pub(in super::super) const fn type_name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::Hash(_) => "hash",
            Self::Set(_) => "set",
            Self::SortedSet(_) => "zset",
            Self::List(_) => "list",
            Self::Stream(_) | Self::Swarm(_) => "stream",
        }
    }

    /// Returns the size of all strings in bytes.
    pub(in super::super) fn size(&self) -> usize {
        match self {
            Self::String(text) => text.len(),
            Self::Hash(hash) => hash.size(),
            Self::Set(set) => set.size(),
            Self::SortedSet(set) => set.size(),
            Self::List(list) => list.iter().map(Bytes::len).sum(),
            Self::Stream(stream) => stream.size(),
            Self::Swarm(stream) => stream.stored().len(),
        }
    }

    pub(in super::super) fn as_string(&self) -> Result<&Bytes, Reject> {
        match self {
            Self::String(value) => Ok(value),
            _ => Err(Reject::WRONG_TYPE),
        }
    }

    pub(in super::super) fn as_list(&self) -> Result<&List, Reject> {
        match self {
            Self::List(list) => Ok(list),
            _ => Err(Reject::WRONG_TYPE),
        }
    }

    pub(in super::super) fn as_list_mut(&mut self) -> Result<&mut List, Reject> {
        match self {
            Self::List(list) => Ok(list),
            _ => Err(Reject::WRONG_TYPE),
        }
    }

    pub(in super::super) fn as_stream(&self) -> Result<&Stream, Reject> {
        match self {
            Self::Stream(stream) => Ok(stream),
            _ => Err(Reject::WRONG_TYPE),
        }
    }

    pub(in super::super) fn as_stream_mut(&mut self) -> Result<&mut Stream, Reject> {
        match self {
            Self::Stream(stream) => Ok(stream),
            _ => Err(Reject::WRONG_TYPE),
        }
    }
}
