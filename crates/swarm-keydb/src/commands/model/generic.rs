//! Options of commands on keys of any type: COPY, RESTORE and SORT.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::{ArgSink, ConvertError, Frame, Seconds, ToArg, ToArgs};

use super::option::option;
use crate::command::CommandOptions;

/// Options of COPY: the target's database, and whether to replace it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are passed to copy_with"]
pub struct CopyOptions {
    db: Option<u64>,
    replace: bool,
}

impl CopyOptions {
    /// Creates options for a copy in the same database, to a key that does not exist.
    pub const fn new() -> Self {
        Self {
            db: None,
            replace: false,
        }
    }

    /// Copies to this database (`DB`).
    pub const fn db(mut self, index: u64) -> Self {
        self.db = Some(index);
        self
    }

    /// Replaces the target if it exists (`REPLACE`).
    pub const fn replace(mut self) -> Self {
        self.replace = true;
        self
    }
}

impl ToArgs for CopyOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        if let Some(index) = self.db {
            option(sink, "DB", index);
        }
        if self.replace {
            sink.arg(b"REPLACE");
        }
    }
}

impl CommandOptions for CopyOptions {}

/// Options of RESTORE: whether to replace a key, and its age for eviction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are passed to restore_with"]
pub struct RestoreOptions {
    replace: bool,
    idletime: Option<Duration>,
    freq: Option<u8>,
}

impl RestoreOptions {
    /// Creates options that replace no key.
    pub const fn new() -> Self {
        Self {
            replace: false,
            idletime: None,
            freq: None,
        }
    }

    /// Replaces the key if it exists (`REPLACE`).
    pub const fn replace(mut self) -> Self {
        self.replace = true;
        self
    }

    /// Sets the time since the key was last used (`IDLETIME`), in seconds, rounded up.
    pub const fn idletime(mut self, time: Duration) -> Self {
        self.idletime = Some(time);
        self
    }

    /// Sets the counter of how often the key is used (`FREQ`), for servers that evict by it.
    pub const fn freq(mut self, counter: u8) -> Self {
        self.freq = Some(counter);
        self
    }
}

impl ToArgs for RestoreOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        if self.replace {
            sink.arg(b"REPLACE");
        }
        if let Some(time) = self.idletime {
            option(sink, "IDLETIME", Seconds(time));
        }
        if let Some(counter) = self.freq {
            option(sink, "FREQ", u64::from(counter));
        }
    }
}

impl CommandOptions for RestoreOptions {}

/// Options of SORT: the order, and which values to return.
///
/// # Examples
///
/// ```
/// use swarm_keydb::SortOptions;
///
/// // The names of the ten users with the highest scores.
/// let options = SortOptions::new().by("score:*").desc().limit(0, 10).get("name:*");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are passed to a command"]
pub struct SortOptions {
    by: Option<Bytes>,
    limit: Option<(u64, u64)>,
    get: Vec<Bytes>,
    desc: bool,
    alpha: bool,
}

impl fmt::Debug for SortOptions {
    /// Shows lengths instead of patterns, which are names of keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SortOptions")
            .field("by", &self.by.as_ref().map(Bytes::len))
            .field("limit", &self.limit)
            .field("get", &format_args!("{} patterns", self.get.len()))
            .field("desc", &self.desc)
            .field("alpha", &self.alpha)
            .finish()
    }
}

impl SortOptions {
    /// Creates options that sort the elements as numbers, the lowest first.
    pub const fn new() -> Self {
        Self {
            by: None,
            limit: None,
            get: Vec::new(),
            desc: false,
            alpha: false,
        }
    }

    /// Sorts by the values of other keys (`BY`): `weight:*`, or `weight:*->field` for a field of a
    /// hash. The element replaces the asterisk. A pattern without an asterisk, such as `nosort`,
    /// means no order.
    pub fn by(mut self, pattern: impl ToArg) -> Self {
        self.by = Some(Bytes::copy_from_slice(&pattern.to_arg()));
        self
    }

    /// Skips `offset` elements and returns at most `count` (`LIMIT`).
    pub const fn limit(mut self, offset: u64, count: u64) -> Self {
        self.limit = Some((offset, count));
        self
    }

    /// Returns the values of other keys instead of the elements (`GET`). `#` is the element itself.
    /// Each call adds a value per element.
    pub fn get(mut self, pattern: impl ToArg) -> Self {
        self.get.push(Bytes::copy_from_slice(&pattern.to_arg()));
        self
    }

    /// Sorts the highest first (`DESC`).
    pub const fn desc(mut self) -> Self {
        self.desc = true;
        self
    }

    /// Sorts as texts instead of numbers (`ALPHA`).
    pub const fn alpha(mut self) -> Self {
        self.alpha = true;
        self
    }
}

impl ToArgs for SortOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        if let Some(pattern) = &self.by {
            option(sink, "BY", pattern);
        }
        if let Some((offset, count)) = self.limit {
            let most = i64::MAX.unsigned_abs();
            option(sink, "LIMIT", offset.min(most));
            sink.arg(&count.min(most).to_arg());
        }
        for pattern in &self.get {
            option(sink, "GET", pattern);
        }
        if self.desc {
            sink.arg(b"DESC");
        }
        if self.alpha {
            sink.arg(b"ALPHA");
        }
    }
}

impl CommandOptions for SortOptions {}

/// Reads a time in seconds, or null if the key does not exist.
pub(in crate::commands) fn idle_time(reply: &Frame) -> Result<Option<Duration>, ConvertError> {
    let time: Option<Seconds> = reply.convert()?;
    Ok(time.map(Duration::from))
}
