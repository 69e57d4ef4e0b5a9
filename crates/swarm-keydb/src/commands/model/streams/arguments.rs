//! How arguments of the commands on streams are put.

use std::ops::{Bound, RangeBounds};
use std::time::Duration;

use swarm_resp::{Milliseconds, ToArg};

use super::id::{StreamId, StreamIds};
use super::position::Position;
use crate::command::{Builder, MAX_COUNT};
use crate::error::Error;
use crate::key::ToKey;

/// Why a range is refused.
pub(super) const EMPTY: &str = "the range of IDs holds none";

/// The first and the last ID of a range, if it holds any. SwarmKeyDb has no exclusive bounds, but every ID has neighbours.
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
    /// Puts fields and their values in turn, at least one.
    pub(crate) fn fields<K: ToArg, V: ToArg>(
        mut self,
        fields: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut any = false;
        for (field, value) in fields {
            any = true;
            self = self.arg(field).arg(value);
        }
        if !any {
            self.reject(Error::argument(
                "no field was given; an entry needs at least one",
            ));
        }
        self
    }

    /// Puts IDs, at least one.
    pub(crate) fn ids(mut self, ids: impl StreamIds) -> Self {
        let before = self.len();
        self = self.args(ids);
        if self.len() == before {
            self.reject(Error::argument("no ID was given; name at least one"));
        }
        self
    }

    /// Puts the first and the last ID of a range.
    pub(crate) fn range(self, range: impl RangeBounds<StreamId>) -> Self {
        self.both_ends(ends(&range))
    }

    /// Puts the last and the first ID of a range.
    pub(crate) fn range_reversed(self, range: impl RangeBounds<StreamId>) -> Self {
        self.both_ends(ends(&range).map(|(start, end)| (end, start)))
    }

    fn both_ends(mut self, ends: Option<(StreamId, StreamId)>) -> Self {
        if ends.is_none() {
            self.reject(Error::argument(EMPTY));
        }
        self.args(ends)
    }

    /// Puts `COUNT` and a number.
    pub(crate) fn count(mut self, count: u64) -> Self {
        if count == 0 {
            self.reject(Error::argument("a count of zero; give at least 1"));
        }
        self.arg("COUNT").arg(count.min(MAX_COUNT))
    }

    /// Puts a time in milliseconds, which may be zero.
    pub(crate) fn milliseconds(self, time: Duration) -> Self {
        self.arg(Milliseconds(time))
    }

    /// Puts a position.
    pub(crate) fn position<P: Position>(mut self, position: impl TryInto<P>) -> Self {
        match position.try_into() {
            Ok(position) => self.args(position),
            Err(_) => {
                self.refuse_position();
                self
            }
        }
    }

    /// Puts `STREAMS`, the keys, and where to read each from, at least one.
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
            self.reject(Error::argument("no stream was given; name at least one"));
        }
        // Sent again, it would pass over what was added since.
        if positions.iter().any(Position::moves) {
            self = self.no_retry();
        }
        self.args(positions)
    }

    fn refuse_position(&mut self) {
        self.reject(Error::argument(
            "a text is no ID of a stream entry, nor a sign that may stand for one here",
        ));
    }
}
