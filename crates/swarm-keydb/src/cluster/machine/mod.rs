//! Sans-IO machine of a cluster client: which node a call goes to, redirects, order, and when to
//! refresh the topology. Performs no I/O and reads no clock.
//!
//! Calls that are in flight are known here only by a number per slot, because that is all that
//! their order needs. All calls of a slot that are in flight are on one node, which answers in
//! order. A call that a node refused is *parked*, and so is every later call of the slot, until
//! all those in flight have been answered. Then the parked calls are sent in the order in which
//! they were submitted.
//!
//! | event | verb |
//! |---|---|
//! | a caller submits a call | `submit`, and `park` if it cannot be sent |
//! | a call ends, or was certainly not executed | `ended` and `release`, or `refused` |
//! | a node connects or is lost | `node_up`, `node_down` |
//! | the topology was fetched, or could not be | `refreshed`, `refresh_failed` |
//! | time passes | `next_deadline`, `expire` |
//!
//! What follows is in `next_output`.

mod nodes;
mod parking;
mod refresh;
#[cfg(test)]
mod tests;
mod topology;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::address::Address;
use super::refusal::Refusal;
use super::slot::SLOTS;
use crate::runtime::Instant;
pub(super) use nodes::NodeId;
use nodes::Nodes;
use parking::{Parked, Parking};
use refresh::Refresh;

/// How many times a call is sent to another node because of a redirect.
pub(super) const MAX_REDIRECTS: u8 = 16;

/// First and longest delay before a call is sent again to a node that could not run it.
const FIRST_DELAY: Duration = Duration::from_millis(10);
const LONGEST_DELAY: Duration = Duration::from_millis(500);

/// What the machine needs to know about a call.
pub(super) trait Payload {
    /// Whether nobody waits for the call any more.
    fn is_gone(&self) -> bool;
}

/// A call as the machine knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    /// Order of submission.
    pub(super) number: u64,
    pub(super) slot: u16,
    /// The node that the call was sent to.
    pub(super) node: NodeId,
    /// Whether the call must be preceded by ASKING.
    pub(super) asking: bool,
    /// How many redirects it has followed.
    redirects: u8,
    /// How many times it was delayed.
    delays: u8,
    pub(super) deadline: Instant,
}

/// Why a call that the machine holds fails. It has run nowhere since the error that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Its deadline has passed.
    Late,
    /// It was redirected too often.
    Redirects,
    /// A later call with a common key has run meanwhile.
    Overtaken,
    /// The client is closed.
    Closed,
}

/// Why a call that was sent has not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unrun {
    /// A node has said so.
    Refused(Refusal),
    /// It was not sent, or may be sent again wherever it was sent.
    Returned,
}

/// What the owner of the machine has to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Output<C> {
    /// Send a call to the node of its ticket.
    Send(Ticket, C),
    /// Fail a call.
    Fail(C, Why),
    /// Return calls that were not sent to this node, which is not connected.
    Withdraw(NodeId),
    /// Close the connections to a node, which has left the cluster.
    Close(NodeId),
}

/// State of a slot.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// The node that owns the slot, as far as is known.
    owner: Option<NodeId>,
    /// The node that the calls in flight were sent to.
    sent_to: Option<NodeId>,
    in_flight: u32,
    /// Whether calls are parked.
    is_parked: bool,
}

impl Slot {
    const fn count(&mut self, node: NodeId) {
        self.sent_to = Some(node);
        self.in_flight = self.in_flight.saturating_add(1);
    }
}

/// Routes calls to the nodes of a cluster.
pub(super) struct Machine<C> {
    slots: Box<[Slot]>,
    /// Parked calls by slot.
    parked: HashMap<u16, Parking<C>>,
    /// The latest call of a slot that timed out and may still run, while earlier ones of the slot
    /// may be in flight.
    doubtful: HashMap<u16, u64>,
    nodes: Nodes,
    refresh: Refresh,
    /// Slots that moved while the topology is being fetched, which is therefore outdated.
    moved: Vec<u16>,
    outputs: VecDeque<Output<C>>,
    next_number: u64,
    /// Lower bound of all times at which parked calls need attention.
    earliest: Option<Instant>,
    random: fastrand::Rng,
}

impl<C: Payload> Machine<C> {
    pub(super) fn new(seeds: Vec<Address>, random: fastrand::Rng) -> Self {
        Self {
            slots: vec![Slot::default(); usize::from(SLOTS)].into(),
            parked: HashMap::new(),
            doubtful: HashMap::new(),
            nodes: Nodes::new(seeds),
            refresh: Refresh::default(),
            moved: Vec::new(),
            outputs: VecDeque::new(),
            next_number: 0,
            earliest: None,
            random,
        }
    }

    fn slot(&mut self, slot: u16) -> Option<&mut Slot> {
        self.slots.get_mut(usize::from(slot))
    }

    /// Accepts a call. If it can be sent at once, its ticket has the node, and it counts as in
    /// flight. Otherwise, it must be [parked](Self::park).
    #[inline]
    pub(super) fn submit(&mut self, slot: u16, deadline: Instant) -> (Ticket, bool) {
        let number = self.next_number;
        self.next_number += 1;
        let mut ticket = Ticket {
            number,
            slot,
            node: NodeId::NONE,
            asking: false,
            redirects: 0,
            delays: 0,
            deadline,
        };
        let Some(state) = self.slots.get_mut(usize::from(slot)) else {
            return (ticket, false);
        };
        let may_send = !state.is_parked && (state.in_flight == 0 || state.sent_to == state.owner);
        if let (true, Some(owner)) = (may_send, state.owner) {
            state.count(owner);
            ticket.node = owner;
            return (ticket, true);
        }
        (ticket, false)
    }

    /// Keeps a call that cannot be sent yet.
    pub(super) fn park(&mut self, ticket: Ticket, call: C, now: Instant) {
        self.insert(Parked::new(ticket, call), now);
        self.release(ticket.slot, now);
    }

    /// A call has ended: it has run, or may have, or never will. Returns whether calls are parked,
    /// so that [`overtook`](Self::overtook) and [`release`](Self::release) must follow.
    #[inline]
    pub(super) fn ended(&mut self, slot: u16) -> bool {
        self.slot(slot).is_some_and(|state| {
            state.in_flight = state.in_flight.saturating_sub(1);
            state.is_parked
        })
    }

    /// A call that has ended may have run. Earlier ones that were refused must not run after it, if
    /// they conflict with it: both name a common key, and one of them writes.
    pub(super) fn overtook(&mut self, ticket: &Ticket, conflicts: impl Fn(&C) -> bool) {
        let Some(parking) = self.parked.get_mut(&ticket.slot) else {
            return;
        };
        for earlier in parking.take_overtaken(ticket.number, conflicts) {
            self.outputs
                .push_back(Output::Fail(earlier.call, Why::Overtaken));
        }
    }

    /// A call is about to end that was sent and has timed out, so it may still run.
    pub(super) fn doubt(&mut self, ticket: &Ticket) {
        let latest = self.doubtful.entry(ticket.slot).or_default();
        *latest = ticket.number.max(*latest);
    }

    /// Whether a later call of the slot may have run behind one that was refused.
    fn is_doubtful(&mut self, ticket: &Ticket) -> bool {
        self.doubtful
            .get(&ticket.slot)
            .is_some_and(|latest| ticket.number < *latest)
    }

    /// A call has certainly not run, and may be sent again.
    pub(super) fn refused(&mut self, mut ticket: Ticket, call: C, why: Unrun, now: Instant) {
        self.ended(ticket.slot);
        ticket.asking = false;
        let mut parked = Parked::new(ticket, call);
        parked.was_sent = true;
        match why {
            Unrun::Refused(Refusal::Moved(slot, address)) => {
                parked.ticket.redirects += 1;
                let node = self.nodes.id_of(&address);
                self.moved(slot, node, now);
            }
            Unrun::Refused(Refusal::Ask(_, address)) => {
                parked.ticket.redirects += 1;
                parked.ask = Some(self.nodes.id_of(&address));
            }
            Unrun::Refused(refusal) => {
                if refusal == Refusal::Unavailable {
                    self.refresh.request(now, &mut self.random);
                }
                parked.not_before = Some(now + self.delay(ticket.delays));
                parked.ticket.delays = ticket.delays.saturating_add(1);
            }
            Unrun::Returned => parked.ticket.redirects += 1,
        }
        if self.is_doubtful(&ticket) {
            self.outputs
                .push_back(Output::Fail(parked.call, Why::Overtaken));
        } else if parked.ticket.redirects > MAX_REDIRECTS {
            self.outputs
                .push_back(Output::Fail(parked.call, Why::Redirects));
        } else {
            self.insert(parked, now);
        }
        self.release(ticket.slot, now);
    }

    fn delay(&mut self, delays: u8) -> Duration {
        let longest = FIRST_DELAY
            .saturating_mul(1 << delays.min(8))
            .min(LONGEST_DELAY);
        longest.mul_f64(0.5 + self.random.f64() / 2.0)
    }

    /// A node has said that a slot belongs to another one.
    pub(super) fn moved(&mut self, slot: u16, node: NodeId, now: Instant) {
        if self.refresh.is_running() {
            self.moved.push(slot);
        }
        if let Some(state) = self.slot(slot) {
            state.owner = Some(node);
        }
        self.refresh.ask(node);
        self.refresh.request(now, &mut self.random);
    }

    fn insert(&mut self, parked: Parked<C>, now: Instant) {
        self.note(parked.attention_at());
        let slot = parked.ticket.slot;
        if self.owner(slot).is_none() {
            self.refresh.request(now, &mut self.random);
        }
        if let Some(state) = self.slot(slot) {
            state.is_parked = true;
        }
        self.parked.entry(slot).or_default().insert(parked);
    }

    fn note(&mut self, at: Instant) {
        self.earliest = Some(self.earliest.map_or(at, |earliest| earliest.min(at)));
    }

    /// Sends the parked calls of a slot that may be sent now.
    pub(super) fn release(&mut self, slot: u16, now: Instant) {
        let (Some(state), Some(parking)) = (
            self.slots.get_mut(usize::from(slot)),
            self.parked.get_mut(&slot),
        ) else {
            return;
        };
        if state.in_flight == 0 {
            self.doubtful.remove(&slot);
            while let Some(next) = parking.front() {
                if next.call.is_gone() {
                    parking.pop_front();
                    continue;
                }
                if next.ticket.deadline <= now {
                    if let Some(late) = parking.pop_front() {
                        self.outputs.push_back(Output::Fail(late.call, Why::Late));
                    }
                    continue;
                }
                if next.not_before.is_some_and(|at| at > now) {
                    break;
                }
                let asked = next.ask.filter(|node| self.nodes.contains(*node));
                let Some(node) = asked.or(state.owner) else {
                    break;
                };
                // All calls in flight are on one node, so that their replies are in order.
                if state.in_flight > 0 && state.sent_to != Some(node) {
                    break;
                }
                let Some(mut next) = parking.pop_front() else {
                    break;
                };
                state.count(node);
                (next.ticket.node, next.ticket.asking) = (node, asked.is_some());
                self.outputs.push_back(Output::Send(next.ticket, next.call));
            }
        }
        if parking.is_empty() {
            state.is_parked = false;
            self.parked.remove(&slot);
        }
    }

    /// Returns what to do next.
    pub(super) fn next_output(&mut self) -> Option<Output<C>> {
        self.outputs.pop_front()
    }

    /// Returns when [`expire`](Self::expire) is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.earliest
    }

    /// Fails calls whose deadline has passed, and releases those whose delay is over.
    pub(super) fn expire(&mut self, now: Instant) {
        if self.earliest.is_none_or(|earliest| earliest > now) {
            return;
        }
        for parking in self.parked.values_mut() {
            for late in parking.take_late(now) {
                self.outputs.push_back(Output::Fail(late.call, Why::Late));
            }
        }
        self.release_all(now);
        self.earliest = self.parked.values().filter_map(Parking::attention_at).min();
        // What is due already waits for calls in flight.
        if let Some(earliest) = &mut self.earliest {
            *earliest = (*earliest).max(now + FIRST_DELAY);
        }
    }

    fn release_all(&mut self, now: Instant) {
        let slots: Vec<_> = self.parked.keys().copied().collect();
        for slot in slots {
            self.release(slot, now);
        }
    }

    /// Fails all parked calls, because the client is closed.
    pub(super) fn close(&mut self) {
        for (slot, parking) in self.parked.drain() {
            if let Some(state) = self.slots.get_mut(usize::from(slot)) {
                state.is_parked = false;
            }
            for parked in parking.into_calls() {
                self.outputs.push_back(Output::Fail(parked, Why::Closed));
            }
        }
    }
}
