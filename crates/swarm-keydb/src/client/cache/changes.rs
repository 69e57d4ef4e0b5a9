//! What a command that is sent through a cache may change there.

use bytes::Bytes;
use swarm_transport::facts::{Access, facts};

use super::store::Store;
use crate::command::Builder;
use crate::request_reply::Retry;

/// The cached values that a command may change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Changes {
    Nothing,
    Keys(Vec<Bytes>),
    Everything,
}

impl Changes {
    /// Returns what a command may change.
    pub(super) fn of(builder: &Builder) -> Self {
        if matches!(builder.retry, Retry::ReadOnly) {
            return Self::Nothing;
        }
        let args = builder.request.written();
        let facts = facts(&args);
        match facts.access {
            Access::Read | Access::Act | Access::Session => return Self::Nothing,
            Access::Write if !facts.is_known() => return Self::Everything,
            _ => {}
        }
        let positions = facts.keys(&args);
        let keys: Vec<_> = args
            .enumerate()
            .filter(|(position, _)| positions.contains(*position))
            .map(|(_, key)| Bytes::copy_from_slice(key))
            .collect();
        if keys.is_empty() {
            Self::Everything
        } else {
            Self::Keys(keys)
        }
    }

    /// Invalidates the values.
    pub(super) fn apply(&self, store: &Store) {
        match self {
            Self::Nothing => {}
            Self::Keys(keys) => keys.iter().for_each(|key| store.invalidate(key)),
            Self::Everything => store.flush(),
        }
    }
}
