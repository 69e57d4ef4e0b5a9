//! Ranges of indices, scores and texts, and the options of ZRANGE.

use std::fmt;
use std::ops::{
    Bound, Range, RangeBounds, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive,
};

use swarm_resp::{ArgSink, ToArg, ToArgs};

use super::option::option;
use crate::command::CommandOptions;
use crate::error::{Error, Result};

pub(super) const NOT_A_SCORE: &str = "a score is not a number (NaN); pass a number";

/// A range of indices that contains nothing, for any length.
const NOTHING: (i64, i64) = (1, 0);

/// Returns the first and the last index of a range. Negative indices count from the end, so
/// excluding an index must not cross zero: the range before index 0 would become the whole list.
pub(super) fn indices(start: Bound<&i64>, end: Bound<&i64>) -> (i64, i64) {
    let first = match start {
        Bound::Included(index) => Some(*index),
        Bound::Excluded(-1) => None,
        Bound::Excluded(index) => index.checked_add(1),
        Bound::Unbounded => Some(0),
    };
    let last = match end {
        Bound::Included(index) => Some(*index),
        Bound::Excluded(0) => None,
        Bound::Excluded(index) => index.checked_sub(1),
        Bound::Unbounded => Some(-1),
    };
    first.zip(last).unwrap_or(NOTHING)
}

/// Returns the minimum and the maximum of a range of scores as servers read them, or `None` if a
/// bound is not a number.
pub(super) fn scores(start: Bound<&f64>, end: Bound<&f64>) -> Option<(Vec<u8>, Vec<u8>)> {
    let bound = |bound: Bound<&f64>, unbounded: &str| match bound {
        Bound::Included(score) | Bound::Excluded(score) if score.is_nan() => None,
        Bound::Included(score) => Some(score.to_arg().to_vec()),
        Bound::Excluded(score) => Some([b"(", &*score.to_arg()].concat()),
        Bound::Unbounded => Some(unbounded.into()),
    };
    bound(start, "-inf").zip(bound(end, "+inf"))
}

/// Range of texts in the order of their bytes, for members with equal scores: `"a".."c"`, `"a"..`,
/// `..`, or a pair of [`Bound`]s.
///
/// # Examples
///
/// ```
/// use std::ops::Bound;
/// use swarm_keydb::ZRange;
///
/// let names = ZRange::lex("ann".."bob");
/// let later = ZRange::lex((Bound::Excluded("bob"), Bound::Unbounded));
/// let all = ZRange::lex(..).rev();
/// ```
pub trait LexBounds: sealed::Sealed + Sized {
    /// Returns the minimum and the maximum as servers read them: `[` or `(` and the text, `-` or
    /// `+`.
    #[doc(hidden)]
    fn lex_bounds(self) -> (Vec<u8>, Vec<u8>);
}

mod sealed {
    //! Keeps other types from being taken for ranges.
    pub trait Sealed {}
}

fn lex_bounds<T: ToArg>(range: &impl RangeBounds<T>) -> (Vec<u8>, Vec<u8>) {
    let bound = |bound: Bound<&T>, unbounded: &str| match bound {
        Bound::Included(text) => [b"[", &*text.to_arg()].concat(),
        Bound::Excluded(text) => [b"(", &*text.to_arg()].concat(),
        Bound::Unbounded => unbounded.into(),
    };
    (
        bound(range.start_bound(), "-"),
        bound(range.end_bound(), "+"),
    )
}

macro_rules! ranges {
    ($($type:ty),+ $(,)?) => {$(
        impl<T: ToArg> sealed::Sealed for $type {}
        impl<T: ToArg> LexBounds for $type {
            fn lex_bounds(self) -> (Vec<u8>, Vec<u8>) {
                lex_bounds(&self)
            }
        }
    )+};
}

ranges!(
    Range<T>,
    RangeFrom<T>,
    RangeInclusive<T>,
    RangeTo<T>,
    RangeToInclusive<T>,
    (Bound<T>, Bound<T>),
);

impl sealed::Sealed for RangeFull {}
impl LexBounds for RangeFull {
    fn lex_bounds(self) -> (Vec<u8>, Vec<u8>) {
        lex_bounds::<&str>(&self)
    }
}

/// Range of a sorted set, for ZRANGE and ZRANGESTORE: by rank, by score or by text.
///
/// # Examples
///
/// ```
/// use std::ops::Bound;
/// use swarm_keydb::ZRange;
///
/// // The three members with the highest scores.
/// let best = ZRange::ranks(..3).rev();
/// // Scores greater than 10, ten at a time.
/// let page = ZRange::scores((Bound::Excluded(10.0), Bound::Unbounded)).limit(20, 10);
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use = "a range does nothing until it is passed to a command"]
pub struct ZRange {
    by: By,
    /// Minimum and maximum; `None` if a bound is not a number.
    bounds: Option<(Vec<u8>, Vec<u8>)>,
    rev: bool,
    limit: Option<(u64, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Lex,
}

impl fmt::Debug for ZRange {
    /// Shows no bounds, because texts are members.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZRange")
            .field("by", &self.by)
            .field("rev", &self.rev)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl ZRange {
    /// Members by rank, the lowest score first. Negative ranks count from the end: `-3..` are the
    /// last three.
    pub fn ranks(range: impl RangeBounds<i64>) -> Self {
        let (first, last) = indices(range.start_bound(), range.end_bound());
        let bounds = (first.to_arg().to_vec(), last.to_arg().to_vec());
        Self::new(By::Rank, Some(bounds))
    }

    /// Members whose score is in a range (`BYSCORE`).
    pub fn scores(range: impl RangeBounds<f64>) -> Self {
        Self::new(By::Score, scores(range.start_bound(), range.end_bound()))
    }

    /// Members in a range of texts (`BYLEX`). All members must have the same score.
    pub fn lex(range: impl LexBounds) -> Self {
        Self::new(By::Lex, Some(range.lex_bounds()))
    }

    const fn new(by: By, bounds: Option<(Vec<u8>, Vec<u8>)>) -> Self {
        Self {
            by,
            bounds,
            rev: false,
            limit: None,
        }
    }

    /// Reverses the order: the highest score first (`REV`). Ranks then count from the highest
    /// score. The bounds stay in ascending order: `1.0..5.0`.
    pub const fn rev(mut self) -> Self {
        self.rev = true;
        self
    }

    /// Skips `offset` members of the range and returns at most `count` (`LIMIT`). Only for ranges
    /// of scores or texts.
    pub const fn limit(mut self, offset: u64, count: u64) -> Self {
        self.limit = Some((offset, count));
        self
    }
}

impl ToArgs for ZRange {
    fn write_args(&self, sink: &mut impl ArgSink) {
        if let Some((min, max)) = &self.bounds {
            // Servers expect the bound to start from first.
            let (from, to) = match self.rev && self.by != By::Rank {
                true => (max, min),
                false => (min, max),
            };
            sink.arg(from);
            sink.arg(to);
        }
        match self.by {
            By::Rank => {}
            By::Score => sink.arg(b"BYSCORE"),
            By::Lex => sink.arg(b"BYLEX"),
        }
        if self.rev {
            sink.arg(b"REV");
        }
        if let Some((offset, count)) = self.limit {
            let most = i64::MAX.unsigned_abs();
            option(sink, "LIMIT", offset.min(most));
            sink.arg(&count.min(most).to_arg());
        }
    }
}

impl CommandOptions for ZRange {
    fn validate(&self) -> Result<()> {
        if self.bounds.is_none() {
            return Err(Error::argument(NOT_A_SCORE));
        }
        if self.limit.is_some() && self.by == By::Rank {
            return Err(Error::argument(
                "a limit needs a range of scores or texts; for ranks, pass a smaller range",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_indices_has_the_elements_of_the_rust_range() {
        let ends = |range: (Bound<i64>, Bound<i64>)| indices(range.0.as_ref(), range.1.as_ref());
        assert_eq!(ends((Bound::Unbounded, Bound::Unbounded)), (0, -1));
        assert_eq!(indices((0..3).start_bound(), (0..3).end_bound()), (0, 2));
        assert_eq!(indices((-3..).start_bound(), (-3..).end_bound()), (-3, -1));
        assert_eq!(indices((..-1).start_bound(), (..-1).end_bound()), (0, -2));
        assert_eq!(ends((Bound::Included(2), Bound::Included(-2))), (2, -2));
        assert_eq!(ends((Bound::Excluded(2), Bound::Excluded(-2))), (3, -3));
        // What is empty in Rust must not become everything.
        for (start, end) in [(0, 0), (-1, 0), (5, 0), (i64::MIN, i64::MIN)] {
            let range = (Bound::Included(start), Bound::Excluded(end));
            assert_eq!(ends(range), NOTHING, "{range:?}");
        }
        for after in [-1, i64::MAX] {
            let range = (Bound::Excluded(after), Bound::Unbounded);
            assert_eq!(ends(range), NOTHING, "{range:?}");
        }
        assert_eq!(ends((Bound::Included(3), Bound::Excluded(3))), (3, 2));
    }

    #[test]
    fn bounds_of_scores_are_inclusive_exclusive_or_infinite() {
        let text = |range: (Bound<f64>, Bound<f64>)| {
            let (min, max) = scores(range.0.as_ref(), range.1.as_ref())?;
            Some(format!(
                "{} {}",
                String::from_utf8(min).ok()?,
                String::from_utf8(max).ok()?
            ))
        };
        let all = text((Bound::Unbounded, Bound::Unbounded));
        assert_eq!(all.as_deref(), Some("-inf +inf"));
        let some = text((Bound::Excluded(0.5), Bound::Included(f64::INFINITY)));
        assert_eq!(some.as_deref(), Some("(0.5 inf"));
        assert_eq!(text((Bound::Included(f64::NAN), Bound::Unbounded)), None);
        assert_eq!(text((Bound::Unbounded, Bound::Excluded(f64::NAN))), None);
    }
}
