//! Options and replies of XPENDING.

use std::fmt;
use std::ops::RangeBounds;
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::{ArgSink, ConvertError, Frame, FrameRef, FromFrame, Milliseconds, ToArg, ToArgs};

use super::arguments::ends;
use super::id::StreamId;
use crate::command::{CommandOptions, MAX_COUNT};
use crate::error::{Error, Result};
use crate::server::Marks;

/// Summary of the pending entries of a consumer group.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PendingSummary {
    /// Number of pending entries.
    pub count: u64,
    /// ID of the oldest pending entry.
    pub first: Option<StreamId>,
    /// ID of the newest pending entry.
    pub last: Option<StreamId>,
    /// Number of pending entries per consumer. Consumers without pending entries are not listed.
    pub consumers: Vec<(Bytes, u64)>,
}

impl fmt::Debug for PendingSummary {
    /// Shows lengths instead of keys and names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingSummary")
            .field("count", &self.count)
            .field("first", &self.first)
            .field("last", &self.last)
            .field(
                "consumers",
                &format_args!("{} consumers", self.consumers.len()),
            )
            .finish()
    }
}

pub(in crate::commands) fn pending_summary(reply: &Frame) -> Result<PendingSummary, ConvertError> {
    let (count, first, last, consumers) = reply.convert()?;
    let consumers: Option<Vec<(Bytes, u64)>> = consumers;
    Ok(PendingSummary {
        count,
        first,
        last,
        consumers: consumers.unwrap_or_default(),
    })
}

/// Pending entry: delivered to a consumer and not acknowledged.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PendingEntry {
    /// ID of the entry.
    pub id: StreamId,
    /// Consumer that the entry was delivered to.
    pub consumer: Bytes,
    /// Time since the last delivery.
    pub idle: Duration,
    /// Number of deliveries.
    pub delivered: u64,
}

impl fmt::Debug for PendingEntry {
    /// Shows lengths instead of keys and names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingEntry")
            .field("id", &self.id)
            .field("consumer", &format_args!("{} bytes", self.consumer.len()))
            .field("idle", &self.idle)
            .field("delivered", &self.delivered)
            .finish()
    }
}

impl FromFrame for PendingEntry {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let (id, consumer, Milliseconds(idle), delivered) = FromFrame::from_frame(frame)?;
        Ok(Self {
            id,
            consumer,
            idle,
            delivered,
        })
    }
}

pub(in crate::commands) fn pending_entries(
    reply: &Frame,
) -> Result<Vec<PendingEntry>, ConvertError> {
    reply.convert()
}

/// Options of XPENDING: which entries to list.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use swarm_keydb::XPendingOptions;
///
/// // Entries that have been pending for ann for at least a minute.
/// let options = XPendingOptions::new().count(100).consumer("ann").idle(Duration::from_secs(60));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use = "options do nothing until they are passed to xpending_with"]
pub struct XPendingOptions {
    /// `None` if the range is empty.
    range: Option<(StreamId, StreamId)>,
    count: u64,
    idle: Option<Duration>,
    consumer: Option<Bytes>,
}

impl fmt::Debug for XPendingOptions {
    /// Shows lengths instead of keys and names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XPendingOptions")
            .field("range", &self.range)
            .field("count", &self.count)
            .field("idle", &self.idle)
            .field("consumer", &self.consumer.as_ref().map(|text| text.len()))
            .finish()
    }
}

impl Default for XPendingOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl XPendingOptions {
    /// Creates options for the ten oldest entries of all consumers.
    pub const fn new() -> Self {
        Self {
            range: Some((StreamId::MIN, StreamId::MAX)),
            count: 10,
            idle: None,
            consumer: None,
        }
    }

    /// Lists only IDs in a range, such as `id..`.
    pub fn range(mut self, range: impl RangeBounds<StreamId>) -> Self {
        self.range = ends(&range);
        self
    }

    /// Lists at most this many entries. At least 1.
    pub const fn count(mut self, count: u64) -> Self {
        self.count = count;
        self
    }

    /// Lists only entries that have been pending for at least this long (`IDLE`).
    pub const fn idle(mut self, idle: Duration) -> Self {
        self.idle = Some(idle);
        self
    }

    /// Lists only entries of this consumer.
    pub fn consumer(mut self, name: impl ToArg) -> Self {
        self.consumer = Some(Bytes::copy_from_slice(&name.to_arg()));
        self
    }
}

impl ToArgs for XPendingOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        if let Some(idle) = self.idle {
            sink.arg(b"IDLE");
            sink.arg(&Milliseconds(idle).to_arg());
        }
        (self.range, self.count.min(MAX_COUNT)).write_args(sink);
        self.consumer.write_args(sink);
    }
}

impl CommandOptions for XPendingOptions {
    fn validate(&self) -> Result<()> {
        if self.range.is_none() {
            return Err(Error::argument(super::arguments::EMPTY));
        }
        if self.count == 0 {
            return Err(Error::argument("the count is zero; pass at least 1"));
        }
        Ok(())
    }

    fn marks(&self) -> Marks {
        self.consumer.as_deref().map_or(Marks::NONE, Marks::of_name)
    }
}
