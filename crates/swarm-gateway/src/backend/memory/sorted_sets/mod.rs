//! Sorted sets.

mod ranked;
mod saved;

use bytes::Bytes;

use super::keyspace::Value;
use super::limits::Limits;
use super::ordered::Ordered;
use super::reject::Reject;
use ranked::Ranked;

pub(super) use ranked::Scored;

/// Value of a key of type `zset`. Never empty while it is stored.
#[derive(Debug, Clone, Default)]
pub(super) struct SortedSet {
    scores: Ordered<f64>,
    ranked: Ranked,
    large: bool,
}

impl SortedSet {
    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    /// Returns whether Redis would encode the set as a skip list, not as a listpack.
    pub(super) const fn is_large(&self) -> bool {
        self.large
    }

    /// Returns the size of all members and scores in bytes.
    pub(super) fn size(&self) -> usize {
        let members = self.scores.iter();
        members
            .map(|(member, _)| member.len() + size_of::<f64>())
            .sum()
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.scores.get(member).copied()
    }

    /// Writes the score of a member, which must not be NaN.
    pub(super) fn set(&mut self, member: &[u8], score: f64, limits: Limits) {
        let before = self.score(member);
        if before == Some(score) {
            // 0 and -0 are the same; the first one stays.
            return;
        }
        if before.is_none() {
            self.large |= self.len() >= limits.entries || member.len() > limits.value;
        }
        // A listpack cannot store -0.
        let score = if score == 0.0 && !self.large {
            0.0
        } else {
            score
        };
        if let Some(before) = before {
            self.ranked.remove(before, member);
        }
        self.scores.insert(member, score);
        let member = Bytes::copy_from_slice(member);
        self.ranked.insert(Scored { score, member });
    }

    /// Removes a member and returns its score.
    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let score = self.scores.remove(member)?;
        self.ranked.remove(score, member);
        Some(score)
    }

    /// Returns the rank of a member, from the lowest score.
    pub(super) fn rank(&self, member: &[u8]) -> Option<usize> {
        Some(self.ranked.rank(self.score(member)?, member))
    }

    /// Returns how many of the first members meet a condition that no later member meets.
    pub(super) fn count_while(&self, meets: impl Fn(&Scored) -> bool) -> usize {
        self.ranked.count_while(meets)
    }

    /// Iterates over the members from a rank on.
    pub(super) fn from(&self, rank: usize) -> impl Iterator<Item = &Scored> {
        self.ranked.from(rank)
    }

    /// Iterates backward over the members before a rank.
    pub(super) fn before(&self, rank: usize) -> impl Iterator<Item = &Scored> {
        self.ranked.before(rank)
    }

    /// Removes up to `count` members with the lowest scores, or the highest ones. Returns them in
    /// this order.
    pub(super) fn pop(&mut self, highest: bool, count: usize) -> Vec<Scored> {
        let popped: Vec<Scored> = if highest {
            self.before(self.len()).take(count).cloned().collect()
        } else {
            self.from(0).take(count).cloned().collect()
        };
        for scored in &popped {
            self.remove(&scored.member);
        }
        popped
    }
}

impl Value {
    pub(super) fn as_sorted_set(&self) -> Result<&SortedSet, Reject> {
        match self {
            Self::SortedSet(set) => Ok(set),
            _ => Err(Reject::WRONG_TYPE),
        }
    }

    pub(super) fn as_sorted_set_mut(&mut self) -> Result<&mut SortedSet, Reject> {
        match self {
            Self::SortedSet(set) => Ok(set),
            _ => Err(Reject::WRONG_TYPE),
        }
    }
}
