//! Sorted sets.

mod algebra;
mod bounds;
mod members;
mod range;
mod ranked;
mod saved;
mod take;

use bytes::Bytes;
use swarm_resp::{Frame, FrameBuilder, RespVersion};

use super::float;
use super::keyspace::Value;
use super::limits::Limits;
use super::ordered::Ordered;
use super::reject::Reject;
use super::table::{Reads, Spec, data};
use super::values::put_pairs;
use ranked::Ranked;

pub(super) use bounds::{Bound, Scores};
pub(super) use members::{Conditions, add_members};
pub(super) use ranked::Scored;
pub(super) use take::{Pop, Side, pop_first};

#[rustfmt::skip]
pub(super) const COMMANDS: &[Spec] = &[
    data("ZADD", -4, members::zadd),
    data("ZCARD", 2, members::zcard).reads(Reads::First),
    data("ZCOUNT", 4, range::zcount).reads(Reads::First),
    data("ZDIFF", -3, algebra::zdiff).reads(Reads::Counted),
    data("ZDIFFSTORE", -4, algebra::zdiffstore),
    data("ZINCRBY", 4, members::zincrby),
    data("ZINTER", -3, algebra::zinter).reads(Reads::Counted),
    data("ZINTERCARD", -3, algebra::zintercard).reads(Reads::Counted),
    data("ZINTERSTORE", -4, algebra::zinterstore),
    data("ZLEXCOUNT", 4, range::zlexcount).reads(Reads::First),
    data("ZMPOP", -4, take::zmpop),
    data("ZMSCORE", -3, members::zmscore).reads(Reads::First),
    data("ZPOPMAX", -2, take::zpopmax),
    data("ZPOPMIN", -2, take::zpopmin),
    data("ZRANDMEMBER", -2, take::zrandmember).reads(Reads::First),
    data("ZRANGE", -4, range::zrange).reads(Reads::First),
    data("ZRANGEBYLEX", -4, range::zrangebylex).reads(Reads::First),
    data("ZRANGEBYSCORE", -4, range::zrangebyscore).reads(Reads::First),
    data("ZRANGESTORE", -5, range::zrangestore),
    data("ZRANK", 3, members::zrank).reads(Reads::First),
    data("ZREM", -3, members::zrem),
    data("ZREMRANGEBYLEX", 4, range::zremrangebylex),
    data("ZREMRANGEBYRANK", 4, range::zremrangebyrank),
    data("ZREMRANGEBYSCORE", 4, range::zremrangebyscore),
    data("ZREVRANGE", -4, range::zrevrange).reads(Reads::First),
    data("ZREVRANGEBYLEX", -4, range::zrevrangebylex).reads(Reads::First),
    data("ZREVRANGEBYSCORE", -4, range::zrevrangebyscore).reads(Reads::First),
    data("ZREVRANK", 3, members::zrevrank).reads(Reads::First),
    data("ZSCAN", -3, take::zscan).reads(Reads::First),
    data("ZSCORE", 3, members::zscore).reads(Reads::First),
    data("ZUNION", -3, algebra::zunion).reads(Reads::Counted),
    data("ZUNIONSTORE", -4, algebra::zunionstore),
];

/// Value of a key of type `zset`. Never empty while it is stored.
#[derive(Debug, Clone, Default)]
pub(super) struct SortedSet {
    scores: Ordered<f64>,
    ranked: Ranked,
    large: bool,
}

impl SortedSet {
    /// Creates an empty set, which Redis would encode as a skip list if `large` is set.
    fn new(large: bool) -> Self {
        Self {
            large,
            ..Self::default()
        }
    }

    /// Creates a set of different members.
    pub(super) fn of(members: Vec<Scored>, limits: Limits) -> Self {
        let is_long = |scored: &Scored| scored.member.len() > limits.value;
        let mut set = Self::new(members.len() > limits.entries || members.iter().any(is_long));
        for scored in members {
            set.set(&scored.member, scored.score, limits);
        }
        set
    }

    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    /// Returns whether Redis would encode the set as a skip list, not as a listpack.
    pub(super) const fn is_large(&self) -> bool {
        self.large
    }

    /// Lets Redis's encoding be a skip list.
    pub(super) const fn use_skip_list(&mut self) {
        self.large = true;
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

    /// Returns a random member, each with the same probability.
    fn random(&self) -> Option<Scored> {
        let (member, score) = self.scores.random()?;
        Some(Scored {
            score: *score,
            member: member.clone(),
        })
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

/// Writes a score, in the format of Redis 7.0.
pub(super) fn put_score(reply: &mut FrameBuilder, score: f64) {
    reply.double_text(&float::general(score));
}

/// Returns a reply with a score.
pub(super) fn score_frame(score: f64) -> Frame {
    Frame::build(|reply| put_score(reply, score))
}

/// Writes members, or pairs of members and scores: nested in RESP3, flat in RESP2.
pub(super) fn put_members(
    reply: &mut FrameBuilder,
    protocol: RespVersion,
    with_scores: bool,
    members: &[Scored],
) {
    if with_scores {
        put_pairs(reply, protocol, members, take::put_scored);
    } else {
        reply.array(|array| members.iter().for_each(|scored| array.bulk(&scored.member)));
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
