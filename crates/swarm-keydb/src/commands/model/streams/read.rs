//! Options and replies of XREAD and XREADGROUP.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::{ArgSink, ConvertError, Frame, ToArg, ToArgs};

use super::entry::{Listed, StreamEntry};
use super::id::StreamId;
use crate::command::{Blocking, CommandOptions, MAX_COUNT, milliseconds};
use crate::error::{Error, Result};

/// Entries read from one stream.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct StreamBatch {
    /// Key of the stream.
    pub key: Bytes,
    /// Entries, oldest first.
    pub entries: Vec<StreamEntry>,
    /// Pending entries that were deleted by XDEL or by trimming, so that only their IDs are left.
    /// They stay pending until they are acknowledged. Only Redis, Valkey and KeyDB list them, and
    /// only to XREADGROUP for entries that are already pending; SwarmKeyDb removes trimmed entries
    /// from the pending ones.
    pub deleted: Vec<StreamId>,
}

impl fmt::Debug for StreamBatch {
    /// Shows lengths instead of keys and names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBatch")
            .field("key", &format_args!("{} bytes", self.key.len()))
            .field("entries", &self.entries)
            .field("deleted", &self.deleted)
            .finish()
    }
}

/// Reads a map in RESP3, a list of pairs in RESP2, or null if there are no entries.
pub(in crate::commands) fn batches(reply: &Frame) -> Result<Vec<StreamBatch>, ConvertError> {
    let streams = reply.convert::<Option<Vec<(Bytes, Vec<Listed>)>>>()?;
    let batch = |(key, listed)| {
        let (entries, deleted) = Listed::split(listed);
        StreamBatch {
            key,
            entries,
            deleted,
        }
    };
    Ok(streams.into_iter().flatten().map(batch).collect())
}

/// Options of both commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Limits {
    count: Option<u64>,
    /// Zero means forever, as in the protocol.
    block: Option<Duration>,
    /// Whether a time of zero was passed, which the server would take for forever.
    zero: bool,
}

impl Limits {
    const NONE: Self = Self {
        count: None,
        block: None,
        zero: false,
    };

    const fn block(mut self, time: Duration) -> Self {
        self.zero = time.is_zero();
        self.block = Some(time);
        self
    }

    const fn block_forever(mut self) -> Self {
        self.zero = false;
        self.block = Some(Duration::ZERO);
        self
    }

    fn validate(self) -> Result<()> {
        if self.count == Some(0) {
            return Err(Error::argument("the count is zero; pass at least 1"));
        }
        if self.zero {
            return Err(Error::argument(
                "the block time is zero, which servers take for forever; use block_forever, or \
                 omit it for an immediate reply",
            ));
        }
        Ok(())
    }

    const fn blocking(self) -> Blocking {
        match self.block {
            None => Blocking::No,
            Some(Duration::ZERO) => Blocking::Read(Duration::MAX),
            Some(time) => Blocking::Read(time),
        }
    }
}

/// Maximum `BLOCK` time in milliseconds that SwarmKeyDb accepts.
const MAX_BLOCK: u64 = (1 << 32) - 2;

impl ToArgs for Limits {
    fn write_args(&self, sink: &mut impl ArgSink) {
        if let Some(count) = self.count {
            sink.arg(b"COUNT");
            sink.arg(&count.min(MAX_COUNT).to_arg());
        }
        if let Some(time) = self.block {
            sink.arg(b"BLOCK");
            sink.arg(&milliseconds(time).min(MAX_BLOCK).to_arg());
        }
    }
}

/// Options of XREAD: limit and blocking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are passed to xread_with"]
pub struct XReadOptions {
    limits: Limits,
}

impl XReadOptions {
    /// Creates options for all entries after the positions, without blocking. SwarmKeyDb returns at
    /// most 1,000 entries per read.
    pub const fn new() -> Self {
        Self {
            limits: Limits::NONE,
        }
    }

    /// Reads at most this many entries of each stream (`COUNT`). At least 1.
    pub const fn count(mut self, count: u64) -> Self {
        self.limits.count = Some(count);
        self
    }

    /// Waits for entries for at most this time (`BLOCK`). Fractions of a millisecond are rounded
    /// up. Zero is rejected, because servers take it for forever.
    ///
    /// The client splits a longer wait into reads that block for 2 seconds each, because SwarmKeyDb
    /// can miss a wake-up. The client then replaces a position of
    /// [`ReadAfter::Last`](crate::ReadAfter::Last) by the ID of the last entry, so that no entry is
    /// skipped between two reads.
    pub const fn block(mut self, time: Duration) -> Self {
        self.limits = self.limits.block(time);
        self
    }

    /// Waits for entries without a time limit (`BLOCK 0`). The client sends reads that block for 2
    /// seconds each: see [`block`](Self::block).
    pub const fn block_forever(mut self) -> Self {
        self.limits = self.limits.block_forever();
        self
    }
}

impl ToArgs for XReadOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        self.limits.write_args(sink);
    }
}

impl CommandOptions for XReadOptions {
    fn validate(&self) -> Result<()> {
        self.limits.validate()
    }

    fn blocking(&self) -> Blocking {
        self.limits.blocking()
    }
}

/// Options of XREADGROUP: limit, blocking, and acknowledgment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are passed to xreadgroup_with"]
pub struct XReadGroupOptions {
    limits: Limits,
    noack: bool,
}

impl XReadGroupOptions {
    /// Creates options for all entries, without blocking, which must be acknowledged. SwarmKeyDb
    /// returns at most 1,000 entries per read.
    pub const fn new() -> Self {
        Self {
            limits: Limits::NONE,
            noack: false,
        }
    }

    /// Reads at most this many entries of each stream (`COUNT`). At least 1.
    pub const fn count(mut self, count: u64) -> Self {
        self.limits.count = Some(count);
        self
    }

    /// Waits for entries for at most this time (`BLOCK`). Fractions of a millisecond are rounded
    /// up. Zero is rejected, because servers take it for forever.
    ///
    /// The client splits a longer wait into reads that block for 2 seconds each, because SwarmKeyDb
    /// can miss a wake-up.
    pub const fn block(mut self, time: Duration) -> Self {
        self.limits = self.limits.block(time);
        self
    }

    /// Waits for entries without a time limit (`BLOCK 0`). The client sends reads that block for 2
    /// seconds each: see [`block`](Self::block). If the connection is lost, the server may still
    /// deliver the next entry to the read that was in flight; check the pending entries for it.
    pub const fn block_forever(mut self) -> Self {
        self.limits = self.limits.block_forever();
        self
    }

    /// Treats entries as acknowledged when they are delivered (`NOACK`). If the reply is lost, so
    /// are the entries.
    pub const fn noack(mut self) -> Self {
        self.noack = true;
        self
    }
}

impl ToArgs for XReadGroupOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        self.limits.write_args(sink);
        if self.noack {
            sink.arg(b"NOACK");
        }
    }
}

impl CommandOptions for XReadGroupOptions {
    fn validate(&self) -> Result<()> {
        self.limits.validate()
    }

    fn blocking(&self) -> Blocking {
        self.limits.blocking()
    }
}
