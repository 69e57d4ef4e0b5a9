//! Limits for trimming streams.

use swarm_resp::{ArgSink, ToArg, ToArgs};

use super::id::StreamId;
use crate::command::CommandOptions;
use crate::error::{Error, Result};

/// Limit for trimming a stream, for [`xtrim`](crate::StreamCommands::xtrim) and
/// [`XAddOptions`](crate::XAddOptions).
///
/// # Examples
///
/// ```
/// use swarm_keydb::{StreamId, Trim};
///
/// let exact = Trim::maxlen(1000);
/// // Cheaper: some more entries may remain.
/// let about = Trim::maxlen(1000).approximate();
/// // Servers other than SwarmKeyDb also trim by ID when an entry is added.
/// let recent = Trim::minid(StreamId::new(1_700_000_000_000, 0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a limit does nothing until it is passed to xtrim or XAddOptions"]
pub struct Trim {
    threshold: Threshold,
    approximate: bool,
    limit: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Threshold {
    Length(u64),
    Id(StreamId),
}

impl Trim {
    /// Keeps the newest entries, at most this many (`MAXLEN`).
    pub const fn maxlen(length: u64) -> Self {
        Self::new(Threshold::Length(length))
    }

    /// Keeps entries with this ID or a greater one (`MINID`).
    pub const fn minid(id: StreamId) -> Self {
        Self::new(Threshold::Id(id))
    }

    const fn new(threshold: Threshold) -> Self {
        Self {
            threshold,
            approximate: false,
            limit: None,
        }
    }

    /// Allows the server to keep some more entries if that is cheaper (`~`).
    pub const fn approximate(mut self) -> Self {
        self.approximate = true;
        self
    }

    /// Removes at most this many entries; only for approximate trimming (`LIMIT`). Not supported by
    /// SwarmKeyDb.
    pub const fn limit(mut self, entries: u64) -> Self {
        self.limit = Some(entries);
        self
    }
}

impl ToArgs for Trim {
    fn write_args(&self, sink: &mut impl ArgSink) {
        sink.arg(match self.threshold {
            Threshold::Length(_) => b"MAXLEN",
            Threshold::Id(_) => b"MINID",
        });
        if self.approximate {
            sink.arg(b"~");
        }
        match self.threshold {
            Threshold::Length(length) => sink.arg(&length.to_arg()),
            Threshold::Id(id) => id.write_args(sink),
        }
        if let Some(limit) = self.limit {
            sink.arg(b"LIMIT");
            sink.arg(&limit.to_arg());
        }
    }
}

impl CommandOptions for Trim {
    fn validate(&self) -> Result<()> {
        if self.limit.is_some() && !self.approximate {
            return Err(Error::argument(
                "the limit needs approximate trimming; add approximate, or omit the limit",
            ));
        }
        Ok(())
    }
}
