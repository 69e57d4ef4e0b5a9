//! Encodes the arguments of stream commands.

use std::ops::{Bound, RangeBounds};
use std::time::Duration;

use swarm_resp::Milliseconds;

use super::id::{StreamId, StreamIds};
use super::position::Position;
use crate::command::{Builder, MAX_COUNT};
use crate::error::Error;
use crate::key::{ToFields, ToKey};

/// Error text for an empty range.
pub(super) const EMPTY: &str = "the range contains no ID; check its bounds";

/// Returns the first and the last ID of a range, if it is not empty. SwarmKeyDb does not support
/// exclusive bounds, but every ID has neighbors.
pub(super) fn ends(range: &impl RangeBounds<StreamId>) -> Option<(StreamId, StreamId)> {
    let start = match range.start_bound() {
        Bound::Included(id) => *id,
        Bound::Excluded(id) => id.next()?,
        Bound::Unbounded => StreamId::MIN,
    };
    let end = match range.end_bound() {
        Bound::Included(id) => *id,
        Bound::Excluded(id) => id.previous()?,
        Bound::Unbounded => StreamId::MAX,
    };
    Some((start, end))
}

impl Builder {
    /// Appends alternating fields and values, at least one pair.
    pub(crate) fn fields<M>(mut self, fields: impl ToFields<M>) -> Self {
        let before = self.len();
        fields.write_fields(&mut self.request);
        if self.len() == before {
            self.reject(Error::argument("no fields given; pass at least one"));
        }
        self
    }

    /// Appends IDs, at least one.
    pub(crate) fn ids(mut self, ids: impl StreamIds) -> Self {
        let before = self.len();
        self = self.args(ids);
        if self.len() == before {
            self.reject(Error::argument("no IDs given; pass at least one"));
        }
        self
    }

    /// Appends the first and the last ID of a range.
    pub(crate) fn range(self, range: impl RangeBounds<StreamId>) -> Self {
        self.both_ends(ends(&range))
    }

    /// Appends the last and the first ID of a range.
    pub(crate) fn range_reversed(self, range: impl RangeBounds<StreamId>) -> Self {
        self.both_ends(ends(&range).map(|(start, end)| (end, start)))
    }

    fn both_ends(mut self, ends: Option<(StreamId, StreamId)>) -> Self {
        if ends.is_none() {
            self.reject(Error::argument(EMPTY));
        }
        self.args(ends)
    }

    /// Appends `COUNT` and a number.
    pub(crate) fn count(mut self, count: u64) -> Self {
        if count == 0 {
            self.reject(Error::argument("the count is zero; pass at least 1"));
        }
        self.arg("COUNT").arg(count.min(MAX_COUNT))
    }

    /// Appends a time in milliseconds, which may be zero.
    pub(crate) fn milliseconds(self, time: Duration) -> Self {
        self.arg(Milliseconds(time))
    }

    /// Appends a position.
    pub(crate) fn position<P: Position>(mut self, position: impl TryInto<P>) -> Self {
        match position.try_into() {
            Ok(position) => self.args(position),
            Err(_) => {
                self.refuse_position();
                self
            }
        }
    }

    /// Appends `STREAMS`, the keys, and the position in each; at least one.
    pub(crate) fn streams<P: Position, K: ToKey>(
        mut self,
        streams: impl IntoIterator<Item = (K, impl TryInto<P>)>,
    ) -> Self {
        self = self.arg("STREAMS");
        let mut positions = Vec::new();
        for (key, position) in streams {
            self = self.key(key);
            match position.try_into() {
                Ok(position) => positions.push(position),
                Err(_) => self.refuse_position(),
            }
        }
        if positions.is_empty() {
            self.reject(Error::argument("no streams given; pass at least one"));
        }
        // A retry would skip entries that were added in between.
        if positions.iter().any(Position::moves) {
            self = self.no_retry();
        }
        self.args(positions)
    }

    fn refuse_position(&mut self) {
        self.reject(Error::argument(
            "position is not a stream ID or a symbol allowed here; pass an ID such as 5-1",
        ));
    }
}
