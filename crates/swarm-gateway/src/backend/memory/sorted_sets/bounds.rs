//! Ranges of scores and of members.

use std::cmp::Ordering;
use std::ops::Range;

use super::{Scored, SortedSet};
use crate::backend::memory::float;
use crate::backend::memory::reject::Reject;

/// A range of scores.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Scores {
    pub(in super::super) min: Bound<f64>,
    pub(in super::super) max: Bound<f64>,
}

/// An end of a range.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Bound<T> {
    pub(in super::super) end: T,
    /// Whether the end does not belong to the range.
    pub(in super::super) open: bool,
}

impl Scores {
    pub(super) fn parse(min: &[u8], max: &[u8]) -> Result<Self, Reject> {
        let bound = |text: &[u8]| {
            let (open, number) = match text {
                [b'(', number @ ..] => (true, number),
                number => (false, number),
            };
            Some(Bound {
                end: float::bound(number)?,
                open,
            })
        };
        let both = bound(min).zip(bound(max));
        let (min, max) = both.ok_or(Reject::text("ERR min or max is not a float"))?;
        Ok(Self { min, max })
    }

    /// Returns the ranks of the members whose score is in the range.
    pub(in super::super) fn ranks(&self, set: &SortedSet) -> Range<usize> {
        let is_below = |scored: &Scored| match self.min.open {
            true => scored.score <= self.min.end,
            false => scored.score < self.min.end,
        };
        let is_within = |scored: &Scored| match self.max.open {
            true => scored.score < self.max.end,
            false => scored.score <= self.max.end,
        };
        let start = set.count_while(is_below);
        start..set.count_while(is_within).max(start)
    }
}

/// End of a range of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End<'a> {
    Lowest,
    Member(&'a [u8]),
    Highest,
}

/// A range of members, in a set whose scores are all the same.
///
/// If they are not, Redis returns what a search from one end of a listpack happens to find, and so
/// does this.
#[derive(Debug, Clone, Copy)]
pub(super) struct Members<'a> {
    min: Bound<End<'a>>,
    max: Bound<End<'a>>,
}

impl<'a> Members<'a> {
    pub(super) fn parse(min: &'a [u8], max: &'a [u8]) -> Result<Self, Reject> {
        let bound = |text: &'a [u8]| {
            let (end, open) = match text {
                [b'-'] | [b'-', 0, ..] => (End::Lowest, true),
                [b'+'] | [b'+', 0, ..] => (End::Highest, true),
                [b'(', member @ ..] => (End::Member(member), true),
                [b'[', member @ ..] => (End::Member(member), false),
                _ => return None,
            };
            Some(Bound { end, open })
        };
        let both = bound(min).zip(bound(max));
        let invalid = Reject::text("ERR min or max not valid string range item");
        let (min, max) = both.ok_or(invalid)?;
        Ok(Self { min, max })
    }

    /// Returns whether a member is not below the range.
    pub(super) fn reaches(&self, scored: &Scored) -> bool {
        match End::Member(&scored.member).cmp(&self.min.end) {
            Ordering::Less => false,
            Ordering::Equal => !self.min.open,
            Ordering::Greater => true,
        }
    }

    /// Returns whether a member is not above the range.
    pub(super) fn admits(&self, scored: &Scored) -> bool {
        match End::Member(&scored.member).cmp(&self.max.end) {
            Ordering::Less => true,
            Ordering::Equal => !self.max.open,
            Ordering::Greater => false,
        }
    }

    /// Returns whether any member may be in the range.
    fn meets(&self, set: &SortedSet) -> bool {
        let is_empty = match self.min.end.cmp(&self.max.end) {
            Ordering::Less => false,
            Ordering::Equal => self.min.open || self.max.open,
            Ordering::Greater => true,
        };
        let (first, last) = (set.from(0).next(), set.before(set.len()).next());
        !is_empty
            && last.is_some_and(|last| self.reaches(last))
            && first.is_some_and(|first| self.admits(first))
    }

    /// Returns the rank of the first member in the range.
    pub(super) fn first(&self, set: &SortedSet) -> Option<usize> {
        let rank = match set.is_large() {
            true => set.count_while(|scored| !self.reaches(scored)),
            false => set.from(0).position(|scored| self.reaches(scored))?,
        };
        let is_within = |scored: &Scored| self.admits(scored);
        (self.meets(set) && set.from(rank).next().is_some_and(is_within)).then_some(rank)
    }

    /// Returns the rank behind the last member in the range.
    pub(super) fn end(&self, set: &SortedSet) -> Option<usize> {
        let rank = match set.is_large() {
            true => set.count_while(|scored| self.admits(scored)),
            false => {
                let mut backward = set.before(set.len());
                set.len() - backward.position(|scored| self.admits(scored))?
            }
        };
        let is_within = |scored: &Scored| self.reaches(scored);
        (self.meets(set) && set.before(rank).next().is_some_and(is_within)).then_some(rank)
    }

    /// Returns the ranks of the members in the range.
    pub(super) fn ranks(&self, set: &SortedSet) -> Range<usize> {
        let Some(start) = self.first(set) else {
            return 0..0;
        };
        let members = set.from(start).take_while(|scored| self.admits(scored));
        start..start + members.count()
    }
}

/// Converts inclusive ranks, negative ones counted from the end, to a range.
pub(super) fn ranks(start: i64, end: i64, length: usize) -> Range<usize> {
    let size = i64::try_from(length).unwrap_or(i64::MAX);
    let from_start = |rank: i64| {
        if rank < 0 {
            rank.saturating_add(size)
        } else {
            rank
        }
    };
    let start = usize::try_from(from_start(start)).unwrap_or(0);
    let end = from_start(end).min(size - 1).saturating_add(1);
    let end = usize::try_from(end).unwrap_or(0);
    if start < end { start..end } else { 0..0 }
}
