//! Types of keys, and options and pages of SCAN.

use bytes::Bytes;
use std::fmt;
use swarm_resp::{ArgSink, ConvertError, Frame, FromFrame, ToArg, ToArgs};

use crate::command::{CommandOptions, MAX_COUNT};
use crate::error::{Error, Result};
use crate::server::Marks;

/// Type of the value of a key. SwarmKeyDb has strings and streams only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// The key does not exist.
    Missing,
    /// A string. Counters, bitmaps and HyperLogLogs are strings.
    String,
    /// A hash.
    Hash,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set. Geospatial indexes are sorted sets.
    SortedSet,
    /// A stream.
    Stream,
    /// Another type, by the server's name.
    Other(String),
}

pub(in crate::commands) fn key_type(reply: &Frame) -> Result<KeyType, ConvertError> {
    match reply.as_str() {
        Some("none") => Ok(KeyType::Missing),
        Some("string") => Ok(KeyType::String),
        Some("hash") => Ok(KeyType::Hash),
        Some("list") => Ok(KeyType::List),
        Some("set") => Ok(KeyType::Set),
        Some("zset") => Ok(KeyType::SortedSet),
        Some("stream") => Ok(KeyType::Stream),
        Some(other) => Ok(KeyType::Other(other.to_owned())),
        None => Err(ConvertError::new("the name of a type", reply.view())),
    }
}

/// Options of SCAN, HSCAN, SSCAN and ZSCAN.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are passed to scan"]
pub struct ScanOptions {
    pattern: Option<String>,
    count: Option<u64>,
}

impl fmt::Debug for ScanOptions {
    /// Shows lengths instead of keys and names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanOptions")
            .field("pattern", &self.pattern.as_ref().map(|text| text.len()))
            .field("count", &self.count)
            .finish()
    }
}

impl ScanOptions {
    /// Creates options for all keys or elements, in pages of the server's default size.
    pub const fn new() -> Self {
        Self {
            pattern: None,
            count: None,
        }
    }

    /// Returns only keys, fields or members that match a pattern (`MATCH`): `*` matches any text,
    /// `?` one character.
    pub fn matching(mut self, pattern: impl Into<String>) -> Self {
        self.pattern = Some(pattern.into());
        self
    }

    /// Sets the approximate number of keys or elements that the server examines per page (`COUNT`).
    /// At least 1.
    pub const fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }
}

impl ToArgs for ScanOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        if let Some(pattern) = &self.pattern {
            sink.arg(b"MATCH");
            sink.arg(pattern.as_bytes());
        }
        if let Some(count) = self.count {
            sink.arg(b"COUNT");
            sink.arg(&count.min(MAX_COUNT).to_arg());
        }
    }
}

impl CommandOptions for ScanOptions {
    fn validate(&self) -> Result<()> {
        if self.count == Some(0) {
            return Err(Error::argument("the count is zero; pass at least 1"));
        }
        Ok(())
    }

    fn marks(&self) -> Marks {
        self.pattern
            .as_ref()
            .map_or(Marks::NONE, |pattern| Marks::of_name(pattern.as_bytes()))
    }
}

/// Page of a SCAN.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanPage {
    /// Cursor of the next page; 0 if this was the last page.
    pub cursor: u64,
    /// Keys of this page. A page may be empty before the end.
    pub keys: Vec<Bytes>,
}

impl fmt::Debug for ScanPage {
    /// Shows lengths instead of keys and names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanPage")
            .field("cursor", &self.cursor)
            .field("keys", &format_args!("{} keys", self.keys.len()))
            .finish()
    }
}

pub(in crate::commands) fn scan_page(reply: &Frame) -> Result<ScanPage, ConvertError> {
    let ScanItems { cursor, items } = scan_items(reply)?;
    Ok(ScanPage {
        cursor,
        keys: items,
    })
}

/// Page of an HSCAN, SSCAN or ZSCAN.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanItems<T> {
    /// Cursor of the next page; 0 if this was the last page.
    pub cursor: u64,
    /// Elements of this page. A page may be empty before the end.
    pub items: Vec<T>,
}

impl<T> fmt::Debug for ScanItems<T> {
    /// Shows lengths instead of elements.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanItems")
            .field("cursor", &self.cursor)
            .field("items", &format_args!("{} items", self.items.len()))
            .finish()
    }
}

pub(in crate::commands) fn scan_items<T: FromFrame>(
    reply: &Frame,
) -> Result<ScanItems<T>, ConvertError> {
    let (cursor, items) = reply.convert()?;
    Ok(ScanItems { cursor, items })
}
