//! Splits a blocking XREAD or XREADGROUP into reads that block for a short time each.

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use swarm_resp::{Frame, Milliseconds, Request, RequestRef};

use crate::commands::{StreamEntry, StreamId};
use crate::runtime::Instant;

/// The longest `BLOCK` that is sent. SwarmKeyDb can miss a wake-up, so a read that blocks longer
/// might never return although there is something to read.
pub(in crate::client) const SLICE: Duration = Duration::from_secs(2);

/// A blocking read that is sent as several reads, until one returns something or the time is up.
pub(super) struct SlicedRead {
    /// Whether it is an XREADGROUP.
    group: bool,
    /// The command as it was given, its name included.
    args: Vec<Bytes>,
    /// Position of the milliseconds among the arguments.
    time: usize,
    /// Position of the first key. As many positions follow as there are keys.
    keys: usize,
    /// How long to block in total.
    total: Duration,
    started: Option<Instant>,
    slice: Duration,
    sent: Option<Instant>,
}

impl SlicedRead {
    /// Splits a request that the client encoded itself, if it blocks for longer than one slice.
    /// `total` is [`Duration::MAX`] for a read that blocks forever.
    pub(super) fn new(request: RequestRef<'_>, total: Duration) -> Option<Self> {
        let args: Vec<Bytes> = request.args().map(Bytes::copy_from_slice).collect();
        let group = request.name().eq_ignore_ascii_case(b"XREADGROUP");
        let mut at = if group { 4 } else { 1 };
        let mut time = None;
        loop {
            match args.get(at)?.as_ref() {
                b"COUNT" => at += 2,
                b"BLOCK" => {
                    time = Some(at + 1);
                    at += 2;
                }
                b"NOACK" => at += 1,
                b"STREAMS" => break,
                _ => return None,
            }
        }
        let read = Self {
            time: time?,
            keys: at + 1,
            group,
            args,
            total,
            started: None,
            slice: SLICE,
            sent: None,
        };
        // A group's history is answered at once, whatever BLOCK says.
        let waits = !group || read.positions().iter().all(|position| position == ">");
        (total > SLICE && waits).then_some(read)
    }

    fn streams(&self) -> usize {
        self.args.len().saturating_sub(self.keys) / 2
    }

    fn positions(&self) -> &[Bytes] {
        let first = self.keys + self.streams();
        self.args.get(first..).unwrap_or_default()
    }

    /// Returns the request for the last ID of a stream that is read from `$`, and the position to
    /// be replaced by that ID. In a second read, `$` would skip what was added in between.
    pub(super) fn unresolved(&self) -> Option<(Request, usize)> {
        let nth = self
            .positions()
            .iter()
            .position(|position| position == "$")?;
        let key = self.args.get(self.keys + nth)?;
        let (last, first) = (StreamId::MAX.to_string(), StreamId::MIN.to_string());
        let args: [&[u8]; 5] = [key, last.as_bytes(), first.as_bytes(), b"COUNT", b"1"];
        Some((
            Request::new("XREVRANGE", args),
            self.keys + self.streams() + nth,
        ))
    }

    /// Replaces a `$` with the ID in the reply to XREVRANGE. Returns false if the reply holds no
    /// entries.
    pub(super) fn resolve(&mut self, position: usize, reply: &Frame) -> bool {
        let Ok(entries) = reply.convert::<Vec<StreamEntry>>() else {
            return false;
        };
        let last = entries.first().map_or(StreamId::MIN, |entry| entry.id);
        if let Some(arg) = self.args.get_mut(position) {
            *arg = last.to_string().into();
        }
        true
    }

    /// Returns the next read, which blocks for the remaining time or one slice, whichever is
    /// shorter.
    pub(super) fn next(&mut self) -> Request {
        let now = Instant::now();
        let started = *self.started.get_or_insert(now);
        let left = self.total.saturating_sub(now.duration_since(started));
        // Zero would block forever.
        self.slice = left.clamp(Duration::from_millis(1), SLICE);
        self.sent = Some(now);
        let mut request = Request::builder(if self.group { "XREADGROUP" } else { "XREAD" });
        for (at, arg) in self.args.iter().enumerate().skip(1) {
            if at == self.time {
                request.arg(Milliseconds(self.slice));
            } else {
                request.arg(arg);
            }
        }
        request.build()
    }

    /// Whether another read must follow: this one blocked for its whole time without a result, and
    /// time is left. A server that returns early without a result was told to (`CLIENT UNBLOCK`).
    pub(super) fn must_continue(&self, reply: &Frame) -> bool {
        let (Some(started), Some(sent)) = (self.started, self.sent) else {
            return false;
        };
        let blocked = sent.elapsed() >= self.slice / 2;
        reply.is_null() && blocked && started.elapsed() < self.total
    }
}
