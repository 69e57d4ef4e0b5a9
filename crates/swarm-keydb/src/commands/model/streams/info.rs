//! Replies of XINFO: information about streams, groups, and consumers.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::{ConvertError, Frame, FrameRef, FromFrame, Milliseconds};

use super::super::server::fields;
use super::entry::StreamEntry;
use super::id::StreamId;

/// Information about a stream. Fields that an older server does not report are zero or `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Number of entries.
    pub length: u64,
    /// Greatest ID that the stream has ever had.
    pub last_generated_id: StreamId,
    /// Greatest ID that XDEL has removed.
    pub max_deleted_entry_id: Option<StreamId>,
    /// Number of entries ever added.
    pub entries_added: Option<u64>,
    /// Number of consumer groups.
    pub groups: u64,
    /// Oldest entry.
    pub first_entry: Option<StreamEntry>,
    /// Newest entry.
    pub last_entry: Option<StreamEntry>,
}

/// Information about a consumer group.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GroupInfo {
    /// Name.
    pub name: Bytes,
    /// Number of consumers.
    pub consumers: u64,
    /// Number of pending entries.
    pub pending: u64,
    /// ID of the last delivered entry.
    pub last_delivered_id: StreamId,
    /// Number of entries delivered, if the server knows it.
    pub entries_read: Option<u64>,
    /// Number of entries not delivered yet, if the server knows it.
    pub lag: Option<u64>,
}

impl fmt::Debug for GroupInfo {
    /// Shows lengths instead of keys and names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupInfo")
            .field("name", &format_args!("{} bytes", self.name.len()))
            .field("consumers", &self.consumers)
            .field("pending", &self.pending)
            .field("last_delivered_id", &self.last_delivered_id)
            .field("entries_read", &self.entries_read)
            .field("lag", &self.lag)
            .finish()
    }
}

/// Information about a consumer.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ConsumerInfo {
    /// Name.
    pub name: Bytes,
    /// Number of pending entries.
    pub pending: u64,
    /// Time since the consumer last attempted to read.
    pub idle: Duration,
    /// Time since the consumer last received entries. `None` if it never did, or if the server does
    /// not report it.
    pub inactive: Option<Duration>,
}

impl fmt::Debug for ConsumerInfo {
    /// Shows lengths instead of keys and names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerInfo")
            .field("name", &format_args!("{} bytes", self.name.len()))
            .field("pending", &self.pending)
            .field("idle", &self.idle)
            .field("inactive", &self.inactive)
            .finish()
    }
}

pub(in crate::commands) fn stream_info(reply: &Frame) -> Result<StreamInfo, ConvertError> {
    let mut info = StreamInfo::default();
    for (name, value) in fields(reply.view())? {
        match &*name {
            b"length" => info.length = value.convert()?,
            b"last-generated-id" => info.last_generated_id = value.convert()?,
            b"max-deleted-entry-id" => info.max_deleted_entry_id = value.convert()?,
            b"entries-added" => info.entries_added = value.convert()?,
            b"groups" => info.groups = value.convert()?,
            b"first-entry" => info.first_entry = value.convert()?,
            b"last-entry" => info.last_entry = value.convert()?,
            _ => {}
        }
    }
    Ok(info)
}

impl FromFrame for GroupInfo {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let mut info = Self::default();
        for (name, value) in fields(frame)? {
            match &*name {
                b"name" => info.name = value.convert()?,
                b"consumers" => info.consumers = value.convert()?,
                b"pending" => info.pending = value.convert()?,
                b"last-delivered-id" => info.last_delivered_id = value.convert()?,
                b"entries-read" => info.entries_read = value.convert()?,
                b"lag" => info.lag = value.convert()?,
                _ => {}
            }
        }
        Ok(info)
    }
}

impl FromFrame for ConsumerInfo {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let mut info = Self::default();
        for (name, value) in fields(frame)? {
            match &*name {
                b"name" => info.name = value.convert()?,
                b"pending" => info.pending = value.convert()?,
                b"idle" => info.idle = value.convert::<Milliseconds>()?.0,
                // -1 if the consumer never received entries.
                b"inactive" => {
                    let time = u64::try_from(value.convert::<i64>()?);
                    info.inactive = time.ok().map(Duration::from_millis);
                }
                _ => {}
            }
        }
        Ok(info)
    }
}

pub(in crate::commands) fn groups_info(reply: &Frame) -> Result<Vec<GroupInfo>, ConvertError> {
    reply.convert()
}

pub(in crate::commands) fn consumers_info(
    reply: &Frame,
) -> Result<Vec<ConsumerInfo>, ConvertError> {
    reply.convert()
}
