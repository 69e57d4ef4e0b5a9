//! Pages of pending entries, and the entries of a page that are redelivered one at a time.

use super::delivery::Delivery;
use crate::commands::{PendingEntry, StreamId};

/// A page of entries, and the start of the next page in the same stream.
pub(super) struct Page {
    pub(super) found: Vec<Delivery>,
    pub(super) next: Option<StreamId>,
}

impl Page {
    pub(super) const END: Self = Self {
        found: Vec::new(),
        next: None,
    };

    /// A page whose entries are redelivered later, one at a time.
    pub(super) const fn listed(next: Option<StreamId>) -> Self {
        let found = Vec::new();
        Self { found, next }
    }
}

/// A pending entry to redeliver.
pub(super) struct Candidate {
    pub(super) stream: usize,
    pub(super) pending: PendingEntry,
    /// Whether the entry may belong to another consumer.
    pub(super) is_claim: bool,
}
