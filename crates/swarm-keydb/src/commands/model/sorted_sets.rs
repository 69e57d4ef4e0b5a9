//! Options and replies of commands on sorted sets.

use bytes::Bytes;
use swarm_resp::{ArgSink, ConvertError, Frame, ToArg, ToArgs};

use crate::command::CommandOptions;
use crate::error::{Error, Result};

/// Options of ZADD: which members to add or update, and what to count.
///
/// # Examples
///
/// ```
/// use swarm_keydb::ZAddOptions;
///
/// // A high score: updates only to a greater one, and counts the updates.
/// let best = ZAddOptions::new().gt().ch();
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are passed to a command"]
pub struct ZAddOptions {
    existence: Option<Existence>,
    comparison: Option<Comparison>,
    ch: bool,
    contradiction: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Existence {
    Missing,
    Exists,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Greater,
    Less,
}

impl ZAddOptions {
    /// Creates options that add new members and update others.
    pub const fn new() -> Self {
        Self {
            existence: None,
            comparison: None,
            ch: false,
            contradiction: false,
        }
    }

    /// Only adds members, and updates none (`NX`).
    pub const fn nx(self) -> Self {
        self.existence(Existence::Missing)
    }

    /// Only updates members, and adds none (`XX`).
    pub const fn xx(self) -> Self {
        self.existence(Existence::Exists)
    }

    /// Updates a member only if the new score is greater (`GT`). Adds new members.
    pub const fn gt(self) -> Self {
        self.comparison(Comparison::Greater)
    }

    /// Updates a member only if the new score is less (`LT`). Adds new members.
    pub const fn lt(self) -> Self {
        self.comparison(Comparison::Less)
    }

    /// Also counts members whose score changed (`CH`).
    pub const fn ch(mut self) -> Self {
        self.ch = true;
        self
    }

    const fn existence(mut self, existence: Existence) -> Self {
        self.contradiction |= self.existence.is_some();
        self.existence = Some(existence);
        self
    }

    const fn comparison(mut self, comparison: Comparison) -> Self {
        self.contradiction |= self.comparison.is_some();
        self.comparison = Some(comparison);
        self
    }
}

impl ToArgs for ZAddOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        match self.existence {
            Some(Existence::Missing) => sink.arg(b"NX"),
            Some(Existence::Exists) => sink.arg(b"XX"),
            None => {}
        }
        match self.comparison {
            Some(Comparison::Greater) => sink.arg(b"GT"),
            Some(Comparison::Less) => sink.arg(b"LT"),
            None => {}
        }
        if self.ch {
            sink.arg(b"CH");
        }
    }
}

impl CommandOptions for ZAddOptions {
    fn validate(&self) -> Result<()> {
        let never_updates = self.existence == Some(Existence::Missing);
        if self.contradiction || never_updates && self.comparison.is_some() {
            return Err(Error::argument(
                "options contradict each other; set at most one of nx, gt and lt, and at most one \
                 of nx and xx",
            ));
        }
        Ok(())
    }
}

/// End of a sorted set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ZEnd {
    /// The lowest score.
    Min,
    /// The highest score.
    Max,
}

impl ToArgs for ZEnd {
    fn write_args(&self, sink: &mut impl ArgSink) {
        sink.arg(match self {
            Self::Min => b"MIN",
            Self::Max => b"MAX",
        });
    }
}

/// How a union or an intersection combines the scores of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Aggregate {
    /// Adds them.
    #[default]
    Sum,
    /// Keeps the lowest.
    Min,
    /// Keeps the highest.
    Max,
}

/// Options of ZUNION and ZINTER, and of the commands that store their results: how to combine
/// scores.
///
/// # Examples
///
/// ```
/// use swarm_keydb::{Aggregate, ZCombineOptions};
///
/// // One weight for each key.
/// let options = ZCombineOptions::new().weights([1.0, 0.5]).aggregate(Aggregate::Max);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use = "options do nothing until they are passed to a command"]
pub struct ZCombineOptions {
    weights: Vec<f64>,
    aggregate: Option<Aggregate>,
}

impl ZCombineOptions {
    /// Creates options that add the scores.
    pub const fn new() -> Self {
        Self {
            weights: Vec::new(),
            aggregate: None,
        }
    }

    /// Multiplies the scores of each key by a weight (`WEIGHTS`). Pass one weight for each key, or
    /// the server returns an error.
    pub fn weights(mut self, weights: impl IntoIterator<Item = impl Into<f64>>) -> Self {
        self.weights = weights.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how the scores are combined (`AGGREGATE`).
    pub const fn aggregate(mut self, aggregate: Aggregate) -> Self {
        self.aggregate = Some(aggregate);
        self
    }
}

impl ToArgs for ZCombineOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        if !self.weights.is_empty() {
            sink.arg(b"WEIGHTS");
            for weight in &self.weights {
                sink.arg(&weight.to_arg());
            }
        }
        if let Some(aggregate) = self.aggregate {
            sink.arg(b"AGGREGATE");
            sink.arg(match aggregate {
                Aggregate::Sum => b"SUM",
                Aggregate::Min => b"MIN",
                Aggregate::Max => b"MAX",
            });
        }
    }
}

impl CommandOptions for ZCombineOptions {
    fn validate(&self) -> Result<()> {
        if self.weights.iter().any(|weight| weight.is_nan()) {
            return Err(Error::argument(
                "a weight is not a number (NaN); pass a number",
            ));
        }
        Ok(())
    }
}

/// Key of a sorted set, and the members that ZMPOP or BZMPOP removed from it, with their scores.
pub type ZPopped<T> = (Bytes, Vec<(T, f64)>);

/// Reads the member that was removed, with its score; an empty list if there was none.
pub(in crate::commands) fn popped(reply: &Frame) -> Result<Option<(Bytes, f64)>, ConvertError> {
    if reply.items().is_some_and(|items| items.len() == 0) {
        return Ok(None);
    }
    let pairs: Vec<(Bytes, f64)> = reply.convert()?;
    Ok(pairs.into_iter().next())
}
