//! Options of list commands.

use swarm_resp::{ArgSink, ToArgs};

use super::option::option;
use crate::command::CommandOptions;
use crate::error::{Error, Result};

/// End of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListEnd {
    /// The head, where LPUSH adds.
    Left,
    /// The tail, where RPUSH adds.
    Right,
}

impl ToArgs for ListEnd {
    fn write_args(&self, sink: &mut impl ArgSink) {
        sink.arg(match self {
            Self::Left => b"LEFT",
            Self::Right => b"RIGHT",
        });
    }
}

/// Options of LPOS: where to search.
///
/// # Examples
///
/// ```
/// use swarm_keydb::LPosOptions;
///
/// // The last match, among the last thousand elements.
/// let options = LPosOptions::new().rank(-1).maxlen(1000);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are passed to a command"]
pub struct LPosOptions {
    rank: Option<i64>,
    maxlen: Option<u64>,
}

impl LPosOptions {
    /// Creates options for a search of the whole list from its head.
    pub const fn new() -> Self {
        Self {
            rank: None,
            maxlen: None,
        }
    }

    /// Starts at this match (`RANK`): 2 skips the first one. A negative rank searches from the
    /// tail; the reply still counts from the head. Zero is rejected.
    pub const fn rank(mut self, rank: i64) -> Self {
        self.rank = Some(rank);
        self
    }

    /// Compares at most this many elements (`MAXLEN`); zero means all.
    pub const fn maxlen(mut self, elements: u64) -> Self {
        self.maxlen = Some(elements);
        self
    }
}

impl ToArgs for LPosOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        if let Some(rank) = self.rank {
            option(sink, "RANK", rank);
        }
        if let Some(elements) = self.maxlen {
            option(sink, "MAXLEN", elements);
        }
    }
}

impl CommandOptions for LPosOptions {
    fn validate(&self) -> Result<()> {
        if self.rank == Some(0) {
            return Err(Error::argument(
                "the rank is zero; pass 1 for the first match, or -1 for the last",
            ));
        }
        Ok(())
    }
}
