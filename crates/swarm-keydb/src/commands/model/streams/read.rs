//! Options and reply of XREAD and XREADGROUP.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::{ArgSink, ConvertError, Frame, ToArg, ToArgs};

use super::entry::StreamEntry;
use crate::command::{Blocking, CommandOptions, MAX_COUNT, milliseconds};
use crate::error::{Error, Result};

/// What was read from one stream.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct StreamBatch {
    /// The stream.
    pub key: Bytes,
    /// Its entries, oldest first.
    pub entries: Vec<StreamEntry>,
}

impl fmt::Debug for StreamBatch {
    /// Shows lengths in the place of keys and names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBatch")
            .field("key", &format_args!("{} bytes", self.key.len()))
            .field("entries", &self.entries)
            .finish()
    }
}

/// A map in RESP3, a list of pairs in RESP2, a null when there is nothing to read.
pub(in crate::commands) fn batches(reply: &Frame) -> Result<Vec<StreamBatch>, ConvertError> {
    let streams = reply.convert::<Option<Vec<(Bytes, Vec<StreamEntry>)>>>()?;
    let batch = |(key, entries)| StreamBatch { key, entries };
    Ok(streams.into_iter().flatten().map(batch).collect())
}

/// What both commands know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Limits {
    count: Option<u64>,
    /// Zero stands for ever, as it does on the wire.
    block: Option<Duration>,
    /// A time of zero was asked for, which would be for ever.
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
            return Err(Error::argument("a count of zero; give at least 1"));
        }
        if self.zero {
            return Err(Error::argument(
                "a time to block of zero, which servers take as for ever; use block_forever if that is meant, \
                 or leave it out to get an answer at once",
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

/// The longest time in milliseconds that SwarmKeyDb takes for `BLOCK`.
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

/// How much an XREAD reads, and how long it waits for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are given to xread_with"]
pub struct XReadOptions {
    limits: Limits,
}

impl XReadOptions {
    /// Everything behind the positions, without blocking. SwarmKeyDb returns at most 1,000 entries per read.
    pub const fn new() -> Self {
        Self {
            limits: Limits::NONE,
        }
    }

    /// At most this many entries of each stream (`COUNT`).
    pub const fn count(mut self, count: u64) -> Self {
        self.limits.count = Some(count);
        self
    }

    /// Waits up to this long until there is something to read (`BLOCK`). Fractions of a millisecond are rounded up. Zero
    /// is refused, because servers take it to mean forever.
    ///
    /// The client splits a longer wait into reads that block for 2 seconds each, because SwarmKeyDb can miss a wake-up. A
    /// position of [`ReadAfter::Last`](crate::ReadAfter::Last) is then replaced by the ID of the last entry, so that no
    /// entry is skipped between two reads.
    pub const fn block(mut self, time: Duration) -> Self {
        self.limits = self.limits.block(time);
        self
    }

    /// Waits until there is something to read (`BLOCK 0`). The client sends reads that block for 2 seconds each, see
    /// [`block`](Self::block).
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

/// How much an XREADGROUP reads, how long it waits for it, and whether it must be acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are given to xreadgroup_with"]
pub struct XReadGroupOptions {
    limits: Limits,
    noack: bool,
}

impl XReadGroupOptions {
    /// Everything there is, without blocking, to be acknowledged. SwarmKeyDb returns at most 1,000 entries per read.
    pub const fn new() -> Self {
        Self {
            limits: Limits::NONE,
            noack: false,
        }
    }

    /// At most this many entries of each stream (`COUNT`).
    pub const fn count(mut self, count: u64) -> Self {
        self.limits.count = Some(count);
        self
    }

    /// Waits up to this long until there is something to read (`BLOCK`). Fractions of a millisecond are rounded up. Zero
    /// is refused, because servers take it to mean forever.
    ///
    /// The client splits a longer wait into reads that block for 2 seconds each, because SwarmKeyDb can miss a wake-up.
    pub const fn block(mut self, time: Duration) -> Self {
        self.limits = self.limits.block(time);
        self
    }

    /// Waits until there is something to read (`BLOCK 0`). The client sends reads that block for 2 seconds each, see
    /// [`block`](Self::block). If the connection is lost, the server may still deliver the next entry to the read that
    /// was in flight: look for it among the pending entries.
    pub const fn block_forever(mut self) -> Self {
        self.limits = self.limits.block_forever();
        self
    }

    /// What is read counts as acknowledged at once (`NOACK`): it is lost when the reply is.
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
