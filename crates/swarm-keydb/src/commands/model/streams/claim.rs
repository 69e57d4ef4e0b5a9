//! Options and replies of XCLAIM and XAUTOCLAIM.

use std::time::{Duration, SystemTime};

use swarm_resp::{ArgSink, ConvertError, Frame, FrameRef, FromFrame, ToArg, ToArgs};

use super::entry::{Listed, StreamEntry};
use super::id::StreamId;
use crate::command::{CommandOptions, milliseconds};
use crate::error::{Error, Result};

/// Options of XCLAIM: idle time and delivery count of the claimed entries. SwarmKeyDb ignores all
/// of them without an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "options do nothing until they are passed to xclaim_with or xclaim_justid"]
pub struct XClaimOptions {
    given: Option<Given>,
    retrycount: Option<u64>,
    force: bool,
    contradiction: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Ago(Duration),
    At(SystemTime),
}

impl XClaimOptions {
    /// Creates options that reset the idle time and increment the delivery count.
    pub const fn new() -> Self {
        Self {
            given: None,
            retrycount: None,
            force: false,
            contradiction: false,
        }
    }

    /// Sets the idle time (`IDLE`).
    pub const fn idle(self, idle: Duration) -> Self {
        self.given(Given::Ago(idle))
    }

    /// Sets the time of the last delivery (`TIME`).
    pub const fn time(self, time: SystemTime) -> Self {
        self.given(Given::At(time))
    }

    /// Sets the delivery count (`RETRYCOUNT`).
    pub const fn retrycount(mut self, count: u64) -> Self {
        self.retrycount = Some(count);
        self
    }

    /// Also claims entries that are not pending (`FORCE`).
    pub const fn force(mut self) -> Self {
        self.force = true;
        self
    }

    const fn given(mut self, given: Given) -> Self {
        self.contradiction |= self.given.is_some();
        self.given = Some(given);
        self
    }
}

impl ToArgs for XClaimOptions {
    fn write_args(&self, sink: &mut impl ArgSink) {
        let mut option = |name: &[u8], number: u64| {
            sink.arg(name);
            sink.arg(&number.to_arg());
        };
        match self.given {
            Some(Given::Ago(idle)) => option(b"IDLE", milliseconds(idle)),
            Some(Given::At(time)) => option(b"TIME", StreamId::at(time).ms),
            None => {}
        }
        if let Some(count) = self.retrycount {
            option(b"RETRYCOUNT", count);
        }
        if self.force {
            sink.arg(b"FORCE");
        }
    }
}

impl CommandOptions for XClaimOptions {
    fn validate(&self) -> Result<()> {
        if self.contradiction {
            return Err(Error::argument(
                "options contradict each other; set at most one of idle and time",
            ));
        }
        Ok(())
    }
}

/// Reads claimed entries. Redis before version 7 sends null in place of a deleted entry, without
/// its ID.
pub(in crate::commands) fn claimed(reply: &Frame) -> Result<Vec<StreamEntry>, ConvertError> {
    let listed: Vec<Option<Listed>> = reply.convert()?;
    Ok(Listed::split(listed.into_iter().flatten()).0)
}

/// ID of an entry. SwarmKeyDb also sends the fields, although they were not requested.
struct Id(StreamId);

impl FromFrame for Id {
    fn from_frame(frame: FrameRef<'_>) -> Result<Self, ConvertError> {
        let id = match frame.items().and_then(|mut items| items.next()) {
            Some(id) => id.convert(),
            None => frame.convert(),
        };
        id.map(Self)
    }
}

pub(in crate::commands) fn claimed_ids(reply: &Frame) -> Result<Vec<StreamId>, ConvertError> {
    let ids: Vec<Option<Id>> = reply.convert()?;
    Ok(ids.into_iter().flatten().map(|Id(id)| id).collect())
}

/// Page of an XAUTOCLAIM.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AutoClaim {
    /// Start of the next page according to the server: see [`next_start`](Self::next_start).
    pub next: StreamId,
    /// Claimed entries.
    pub entries: Vec<StreamEntry>,
    /// Deleted entries, which are no longer pending. Always empty on SwarmKeyDb and before Redis 7,
    /// which leave out deleted entries.
    pub deleted: Vec<StreamId>,
}

impl AutoClaim {
    /// Returns the start of the next page if this one started at `start`, or `None` at the end.
    ///
    /// At the end, Redis replies with `0-0`, and SwarmKeyDb with the last entry that it examined.
    /// So the end is also reached if `next` is not after `start` or is among the claimed entries.
    pub fn next_start(&self, start: StreamId) -> Option<StreamId> {
        let claimed = (self.entries.iter()).any(|entry| entry.id == self.next);
        following(start, self.next, claimed)
    }
}

/// Page of an XAUTOCLAIM that returns only IDs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AutoClaimIds {
    /// Start of the next page according to the server: see [`next_start`](Self::next_start).
    pub next: StreamId,
    /// Claimed entries.
    pub ids: Vec<StreamId>,
    /// Deleted entries, which are no longer pending.
    pub deleted: Vec<StreamId>,
}

impl AutoClaimIds {
    /// Returns the start of the next page if this one started at `start`, or `None` at the end. See
    /// [`AutoClaim::next_start`].
    pub fn next_start(&self, start: StreamId) -> Option<StreamId> {
        following(start, self.next, self.ids.contains(&self.next))
    }
}

fn following(start: StreamId, next: StreamId, claimed: bool) -> Option<StreamId> {
    (next > start && !claimed).then_some(next)
}

/// Contents of a page. Redis before version 7 sends null in place of a deleted entry, and no list
/// of deleted entries.
struct Page<T> {
    next: StreamId,
    claimed: Vec<T>,
    deleted: Vec<StreamId>,
}

fn page<T: FromFrame>(reply: &Frame) -> Result<Page<T>, ConvertError> {
    let unexpected = || ConvertError::new("an ID and a list of entries", reply.view());
    let mut items = reply.items().ok_or_else(unexpected)?;
    let (Some(next), Some(claimed), deleted) = (items.next(), items.next(), items.next()) else {
        return Err(unexpected());
    };
    let claimed: Vec<Option<T>> = claimed.convert()?;
    Ok(Page {
        next: next.convert()?,
        claimed: claimed.into_iter().flatten().collect(),
        deleted: deleted.map_or(Ok(Vec::new()), FrameRef::convert)?,
    })
}

pub(in crate::commands) fn auto_claim(reply: &Frame) -> Result<AutoClaim, ConvertError> {
    let page = page(reply)?;
    let (entries, mut deleted) = Listed::split(page.claimed);
    deleted.extend(page.deleted);
    Ok(AutoClaim {
        next: page.next,
        entries,
        deleted,
    })
}

pub(in crate::commands) fn auto_claim_ids(reply: &Frame) -> Result<AutoClaimIds, ConvertError> {
    let page = page::<Id>(reply)?;
    Ok(AutoClaimIds {
        next: page.next,
        ids: page.claimed.into_iter().map(|Id(id)| id).collect(),
        deleted: page.deleted,
    })
}
