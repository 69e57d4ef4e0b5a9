//! Members of a sorted set in their order, with fast access by rank.

use std::cmp::Ordering;

use bytes::Bytes;

/// A member and its score, which is never NaN.
#[derive(Debug, Clone)]
pub(in super::super) struct Scored {
    pub(in super::super) score: f64,
    pub(in super::super) member: Bytes,
}

impl Scored {
    /// Compares by score, then by member.
    pub(super) fn order(&self, score: f64, member: &[u8]) -> Ordering {
        let scores = self.score.partial_cmp(&score).unwrap_or(Ordering::Equal);
        scores.then_with(|| self.member.as_ref().cmp(member))
    }
}

/// Largest number of members in a chunk.
const CHUNK: usize = 256;

/// Members in the order of their scores, in chunks of limited size. None of the chunks is empty.
///
/// The crates with ordered sets cannot search by a predicate and return a rank, which all ranges
/// need.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranked(Vec<Vec<Scored>>);

impl Ranked {
    /// Returns how many of the first members meet a condition that no later member meets.
    pub(super) fn count_while(&self, meets: impl Fn(&Scored) -> bool) -> usize {
        let whole = self
            .0
            .partition_point(|chunk| chunk.last().is_some_and(&meets));
        let (before, rest) = self.0.split_at(whole);
        let part = rest
            .first()
            .map_or(0, |chunk| chunk.partition_point(&meets));
        before.iter().map(Vec::len).sum::<usize>() + part
    }

    /// Returns the rank that a member has or would have.
    pub(super) fn rank(&self, score: f64, member: &[u8]) -> usize {
        self.count_while(|scored| scored.order(score, member).is_lt())
    }

    /// Adds a member that is not there yet.
    pub(super) fn insert(&mut self, scored: Scored) {
        let is_before =
            |chunk: &Vec<Scored>| chunk.last().is_some_and(|last| is_less(last, &scored));
        // Behind all others, it extends the last chunk.
        let most = self.0.len().saturating_sub(1);
        let at = self.0.partition_point(is_before).min(most);
        let Some(chunk) = self.0.get_mut(at) else {
            self.0.push(vec![scored]);
            return;
        };
        let place = chunk.partition_point(|other| is_less(other, &scored));
        chunk.insert(place, scored);
        if chunk.len() > CHUNK {
            let upper = chunk.split_off(CHUNK / 2);
            self.0.insert(at + 1, upper);
        }
    }

    /// Removes a member.
    pub(super) fn remove(&mut self, score: f64, member: &[u8]) {
        let is_before = |scored: &Scored| scored.order(score, member).is_lt();
        let at = (self.0).partition_point(|chunk| chunk.last().is_some_and(is_before));
        let Some(chunk) = self.0.get_mut(at) else {
            return;
        };
        let place = chunk.partition_point(is_before);
        let is_it = |scored: &Scored| scored.order(score, member).is_eq();
        if chunk.get(place).is_some_and(is_it) {
            chunk.remove(place);
        }
        if chunk.is_empty() {
            self.0.remove(at);
        }
    }

    /// Iterates from a rank on.
    pub(super) fn from(&self, rank: usize) -> impl Iterator<Item = &Scored> {
        let (chunk, skip) = self.place(rank);
        let rest = self.0.get(chunk..).unwrap_or_default();
        rest.iter().flatten().skip(skip)
    }

    /// Iterates backward over the members before a rank.
    pub(super) fn before(&self, rank: usize) -> impl Iterator<Item = &Scored> {
        let (chunk, part) = self.place(rank);
        let part = self.0.get(chunk).and_then(|chunk| chunk.get(..part));
        let whole = self.0.get(..chunk).unwrap_or_default();
        let part = part.unwrap_or_default().iter().rev();
        part.chain(whole.iter().rev().flat_map(|chunk| chunk.iter().rev()))
    }

    /// Returns the chunk of a rank and the position inside it.
    fn place(&self, mut rank: usize) -> (usize, usize) {
        for (at, chunk) in self.0.iter().enumerate() {
            match rank.checked_sub(chunk.len()) {
                Some(rest) => rank = rest,
                None => return (at, rank),
            }
        }
        (self.0.len(), 0)
    }
}

fn is_less(left: &Scored, right: &Scored) -> bool {
    left.order(right.score, &right.member).is_lt()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{CHUNK, Ranked, Scored};

    #[test]
    fn as_an_ordered_set_does() {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut ranked, mut expected) = (Ranked::default(), BTreeSet::new());
        for round in 0..24 * CHUNK {
            let (score, member) = (random.i32(..50), random.u16(..2_000));
            let name = member.to_be_bytes();
            // Grows at first, and shrinks to nothing at the end.
            if round < 8 * CHUNK && expected.insert((score, member)) {
                let member = name.to_vec().into();
                ranked.insert(Scored {
                    score: score.into(),
                    member,
                });
            } else if round > 12 * CHUNK
                && let Some((score, member)) = expected.pop_first()
            {
                ranked.remove(score.into(), &member.to_be_bytes());
            } else if expected.remove(&(score, member)) {
                ranked.remove(score.into(), &name);
            }
            let rank = expected.range(..(score, member)).count();
            assert_eq!(ranked.rank(score.into(), &name), rank);
            if round % CHUNK == 0 {
                let plain = |scored: &Scored| {
                    let member = scored.member.as_ref().try_into().unwrap();
                    (scored.score as i32, u16::from_be_bytes(member))
                };
                let after: Vec<_> = ranked.from(rank).map(plain).collect();
                assert!(after.iter().eq(expected.iter().skip(rank)));
                let before: Vec<_> = ranked.before(rank).map(plain).collect();
                assert!(before.iter().rev().eq(expected.iter().take(rank)));
                assert!(
                    ranked
                        .0
                        .iter()
                        .all(|chunk| (1..=CHUNK).contains(&chunk.len()))
                );
            }
        }
        assert!(expected.is_empty() && ranked.0.is_empty());
    }
}
