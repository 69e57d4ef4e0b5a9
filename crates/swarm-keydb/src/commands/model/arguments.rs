//! Encodes arguments that several families share: lists of values, ranges, times.

use std::ops::RangeBounds;
use std::time::{Duration, SystemTime};

use swarm_resp::{ArgSink, ToArg, ToArgs};

use super::geo::GeoPoint;
use super::ranges::{LexBounds, NOT_A_SCORE, indices, scores};
use crate::command::{Blocking, Builder, milliseconds};
use crate::error::Error;

/// Longest time in seconds that the client lets a server block for: more than a century. Servers
/// reject times that do not fit their clock.
const MAX_TIMEOUT: u64 = u32::MAX as u64;

impl Builder {
    /// Appends values, at least one.
    pub(crate) fn values(mut self, values: impl ToArgs) -> Self {
        let before = self.len();
        values.write_args(&mut self.request);
        self.require_more_than(before);
        self
    }

    /// Appends the number of values, then the values, at least one.
    pub(crate) fn counted_values(mut self, values: impl ToArgs) -> Self {
        let mut counted = Counted::default();
        values.write_args(&mut counted);
        self.request.arg(counted.0);
        self.values(values)
    }

    fn require_more_than(&mut self, before: usize) {
        if self.len() == before {
            self.reject(Error::argument("no values given; pass at least one"));
        }
    }

    /// Appends the first and the last index of a range.
    pub(crate) fn indices(self, range: impl RangeBounds<i64>) -> Self {
        let (first, last) = indices(range.start_bound(), range.end_bound());
        self.arg(first).arg(last)
    }

    /// Appends the minimum and the maximum of a range of scores.
    pub(crate) fn scores(mut self, range: impl RangeBounds<f64>) -> Self {
        match scores(range.start_bound(), range.end_bound()) {
            Some((min, max)) => self.arg(min).arg(max),
            None => {
                self.reject(Error::argument(NOT_A_SCORE));
                self
            }
        }
    }

    /// Appends the minimum and the maximum of a range of texts.
    pub(crate) fn lex(self, range: impl LexBounds) -> Self {
        let (min, max) = range.lex_bounds();
        self.arg(min).arg(max)
    }

    /// Appends scores and members, at least one pair.
    pub(crate) fn scored(
        mut self,
        members: impl IntoIterator<Item = (impl ToArg, impl Into<f64>)>,
    ) -> Self {
        let before = self.len();
        for (member, score) in members {
            self.score_and_member(score.into(), &member.to_arg());
        }
        self.require_more_than(before);
        self
    }

    fn score_and_member(&mut self, score: f64, member: &[u8]) {
        if score.is_nan() {
            self.reject(Error::argument(NOT_A_SCORE));
        }
        self.request.arg(score);
        ArgSink::arg(&mut self.request, member);
    }

    /// Appends longitudes, latitudes and members, at least one of each.
    pub(crate) fn places(
        mut self,
        members: impl IntoIterator<Item = (impl ToArg, GeoPoint)>,
    ) -> Self {
        let before = self.len();
        for (member, point) in members {
            point.write_args(&mut self.request);
            ArgSink::arg(&mut self.request, &member.to_arg());
        }
        self.require_more_than(before);
        self
    }

    /// Appends the time for which the command blocks, in seconds, and marks the command as
    /// blocking. `None` means forever.
    pub(crate) fn timeout(self, time: impl Into<Option<Duration>>) -> Self {
        self.blocking_for(time.into())
    }

    fn blocking_for(mut self, time: Option<Duration>) -> Self {
        if time == Some(Duration::ZERO) {
            self.reject(Error::argument(
                "the block time is zero, which servers take for forever; pass None for that, or \
                 use the command that does not block",
            ));
        }
        self.blocking = time.map_or(Blocking::Forever, Blocking::For);
        let milliseconds = time.map_or(0, milliseconds).min(MAX_TIMEOUT * 1000);
        let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
        if rest == 0 {
            return self.arg(seconds);
        }
        let text = format!("{seconds}.{rest:03}");
        self.arg(text.trim_end_matches('0'))
    }

    /// Appends a point in time in milliseconds, rounded up.
    pub(crate) fn time_milliseconds(mut self, time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => self.arg(milliseconds(since)),
            Err(_) => {
                self.reject(Error::argument(super::expiry::BEFORE_1970));
                self
            }
        }
    }
}

/// Counts arguments.
#[derive(Default)]
struct Counted(usize);

impl ArgSink for Counted {
    fn arg(&mut self, _: &[u8]) {
        self.0 += 1;
    }
}
