//! The simulated time, and what happens when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Simulated nanoseconds.
pub(super) type Nanos = u64;

pub(super) const MICROSECOND: Nanos = 1_000;
pub(super) const MILLISECOND: Nanos = 1_000 * MICROSECOND;
pub(super) const SECOND: Nanos = 1_000 * MILLISECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// The server has received a call from a connection.
    Arrive(u32, usize),
    /// The server has run a call.
    Done(u32, usize),
    /// The client has received a reply.
    Reply(u32, usize),
    /// The server flushes its write queue.
    Flush,
    /// A connection is ready for its handshake.
    Dialed(u32),
    /// A task makes its next call.
    Call(usize),
    /// The plan is due.
    Deadline,
}

#[derive(Debug, Default)]
pub(super) struct Events {
    pub(super) now: Nanos,
    heap: BinaryHeap<Reverse<(Nanos, u64, Event)>>,
    count: u64,
}

impl Events {
    pub(super) fn at(&mut self, time: Nanos, event: Event) {
        self.count += 1;
        self.heap.push(Reverse((time, self.count, event)));
    }

    /// Returns the next event until `end`.
    pub(super) fn next(&mut self, end: Nanos) -> Option<Event> {
        self.next_if(|time, _| time <= end)
    }

    /// Returns the next event if it happens now and `matches`.
    pub(super) fn also_now(&mut self, matches: impl Fn(Event) -> bool) -> Option<Event> {
        let now = self.now;
        self.next_if(|time, event| time == now && matches(event))
    }

    fn next_if(&mut self, matches: impl Fn(Nanos, Event) -> bool) -> Option<Event> {
        let Reverse((time, _, event)) = *self.heap.peek()?;
        matches(time, event).then(|| {
            self.heap.pop();
            self.now = time;
            event
        })
    }
}
