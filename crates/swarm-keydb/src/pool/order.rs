//! Order of calls that name a common key, over all connections of a client.
//!
//! Of two calls that name a common key, the earlier one reaches the server first. While a call is
//! in flight, its connection holds the names of the call: a later call with one of them must use
//! the same connection, or wait. So growing, shrinking and losing connections never change the
//! order of anything. A fence, which concerns all keys, waits for everything before it and holds
//! back everything after it.
//!
//! A call that has timed out on a silent connection is late: it may still run. It and fences do not
//! wait for each other, unless they have a common name: otherwise one dead connection would stop
//! everything.
//!
//! Names are hashes. Names that collide make calls wait for each other, and change no order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ConnectionId;
use super::keys::OrderKeys;

/// Position of a call in the order in which callers submitted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position(u64);

/// Where a waiting call may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Anywhere,
    /// Only to the connection that holds one of its names.
    Only(ConnectionId),
    /// Nowhere yet.
    Nowhere,
}

/// The calls of a client that wait or are in flight, and the names that they hold.
#[derive(Debug, Default)]
pub(super) struct Order {
    next: u64,
    calls: BTreeMap<Position, Entry>,
    names: HashMap<u64, Name>,
    /// Waiting calls that come first for each of their names.
    ready: BTreeSet<Position>,
    /// Fences, waiting or in flight.
    fences: BTreeSet<Position>,
    in_flight: usize,
}

#[derive(Debug)]
struct Entry {
    keys: OrderKeys,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Waits behind an earlier waiting call for this many of its names.
    Waiting {
        behind: usize,
    },
    InFlight,
    /// In flight, and holds its names, but fences do not wait for it.
    Late,
}

impl State {
    const fn is_in_flight(&self) -> bool {
        matches!(self, Self::InFlight | Self::Late)
    }
}

/// A name that some call has.
#[derive(Debug, Default)]
struct Name {
    /// The connection on which calls with this name are in flight, and how many.
    holder: Option<(ConnectionId, usize)>,
    waiting: BTreeSet<Position>,
}

impl Order {
    /// Adds a waiting call after all others.
    pub(super) fn push(&mut self, keys: OrderKeys) -> Position {
        let position = Position(self.next);
        self.next += 1;
        self.insert(position, keys);
        position
    }

    fn insert(&mut self, position: Position, keys: OrderKeys) {
        let mut behind = 0;
        if keys.is_fence() {
            self.fences.insert(position);
        }
        for name in keys.names() {
            let waiting = &mut self.names.entry(*name).or_default().waiting;
            match waiting.first().copied() {
                Some(first) if first < position => behind += 1,
                // The call returns to its place, ahead of calls that came later.
                Some(first) => step_back(&mut self.calls, &mut self.ready, first),
                None => {}
            }
            waiting.insert(position);
        }
        if behind == 0 {
            self.ready.insert(position);
        }
        let state = State::Waiting { behind };
        self.calls.insert(position, Entry { keys, state });
    }

    /// Returns the waiting calls that no earlier waiting call holds back, in order, from `start`.
    pub(super) fn ready(&self) -> impl Iterator<Item = Position> {
        let fence = self.fences.first().copied();
        let before = move |position: &Position| fence.is_none_or(|fence| *position <= fence);
        self.ready.iter().copied().take_while(before)
    }

    /// A call in flight is late. It and fences no longer wait for each other, but it keeps its
    /// names.
    pub(super) fn note_late(&mut self, position: Position) {
        if let Some(entry) = self.calls.get_mut(&position)
            && let State::InFlight = entry.state
        {
            entry.state = State::Late;
            self.in_flight = self.in_flight.saturating_sub(1);
            self.fences.remove(&position);
        }
    }

    /// A call is no longer in flight.
    const fn note_landed(&mut self, state: &State) {
        if let State::InFlight = state {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
    }

    /// Whether no call, waiting or in flight, must stay in order with one of these keys.
    pub(super) fn is_free(&self, keys: &OrderKeys) -> bool {
        let is_unused = |name| !self.names.contains_key(name);
        self.fences.is_empty() && !keys.is_fence() && keys.names().iter().all(is_unused)
    }

    /// Returns where a ready call may go.
    pub(super) fn place(&self, position: Position) -> Place {
        let Some(entry) = self.calls.get(&position) else {
            return Place::Nowhere;
        };
        if entry.keys.is_fence() {
            // What is left ahead of it, if anything, waits.
            let is_first = self.ready.first() == Some(&position);
            if !is_first || self.in_flight > 0 {
                return Place::Nowhere;
            }
        }
        let mut place = Place::Anywhere;
        for name in entry.keys.names() {
            let holder = self.names.get(name).and_then(|name| name.holder);
            place = match (place, holder) {
                (place, None) => place,
                (Place::Anywhere, Some((holder, _))) => Place::Only(holder),
                (Place::Only(one), Some((other, _))) if one == other => place,
                _ => return Place::Nowhere,
            };
        }
        place
    }

    /// A ready call goes to a connection, which [`place`](Self::place) allows.
    pub(super) fn start(&mut self, position: Position, connection: ConnectionId) {
        let Some(mut entry) = self.calls.remove(&position) else {
            return;
        };
        self.unwait(position, &entry.keys);
        entry.state = State::InFlight;
        self.in_flight += 1;
        self.hold(&entry.keys, connection);
        self.calls.insert(position, entry);
    }

    /// A call that was sent before the order was kept is in flight on a connection.
    pub(super) fn adopt(&mut self, keys: OrderKeys, connection: ConnectionId) -> Position {
        let position = self.push(keys);
        self.start(position, connection);
        position
    }

    /// A call ends, or leaves before it was sent. Returns whether it was known.
    pub(super) fn remove(&mut self, position: Position) -> bool {
        let Some(entry) = self.calls.remove(&position) else {
            return false;
        };
        match entry.state {
            State::Waiting { .. } => self.unwait(position, &entry.keys),
            State::InFlight | State::Late => {
                self.note_landed(&entry.state);
                self.unhold(&entry.keys);
            }
        }
        self.fences.remove(&position);
        true
    }

    /// A call in flight on a connection must stay in order with other names from now on.
    pub(super) fn rekey(&mut self, position: Position, keys: OrderKeys, connection: ConnectionId) {
        let Some(mut entry) = self.calls.remove(&position) else {
            return;
        };
        if entry.state.is_in_flight() {
            self.unhold(&entry.keys);
            match keys.is_fence() && matches!(entry.state, State::InFlight) {
                true => self.fences.insert(position),
                false => self.fences.remove(&position),
            };
            self.hold(&keys, connection);
            entry.keys = keys;
        }
        self.calls.insert(position, entry);
    }

    /// A call in flight returns to its place among those that wait, with its names. Returns whether
    /// it was known.
    pub(super) fn put_back(&mut self, position: Position, keys: OrderKeys) -> bool {
        let Some(entry) = self.calls.remove(&position) else {
            return false;
        };
        if entry.state.is_in_flight() {
            self.note_landed(&entry.state);
            self.unhold(&entry.keys);
            self.fences.remove(&position);
            self.insert(position, keys);
        } else {
            self.calls.insert(position, entry);
        }
        true
    }

    /// The calls in flight on a connection are on another one from now on.
    pub(super) fn rename(&mut self, from: ConnectionId, to: ConnectionId) {
        for (holder, _) in self
            .names
            .values_mut()
            .filter_map(|name| name.holder.as_mut())
        {
            if *holder == from {
                *holder = to;
            }
        }
    }

    /// A call in flight on a connection has these names.
    fn hold(&mut self, keys: &OrderKeys, connection: ConnectionId) {
        for name in keys.names() {
            let holder = &mut self.names.entry(*name).or_default().holder;
            let count = holder.map_or(0, |(_, count)| count);
            *holder = Some((connection, count + 1));
        }
    }

    /// Releases the names of a call in flight.
    fn unhold(&mut self, keys: &OrderKeys) {
        for key in keys.names() {
            let Some(name) = self.names.get_mut(key) else {
                continue;
            };
            name.holder = (name.holder)
                .and_then(|(holder, count)| Some((holder, count.checked_sub(1)?)))
                .filter(|(_, count)| *count > 0);
            self.forget_unused(*key);
        }
    }

    /// A waiting call no longer waits. The next calls for its names may be ready now.
    fn unwait(&mut self, position: Position, keys: &OrderKeys) {
        self.ready.remove(&position);
        for key in keys.names() {
            let Some(name) = self.names.get_mut(key) else {
                continue;
            };
            let was_first = name.waiting.first() == Some(&position);
            name.waiting.remove(&position);
            if was_first && let Some(next) = name.waiting.first().copied() {
                step_forward(&mut self.calls, &mut self.ready, next);
            }
            self.forget_unused(*key);
        }
    }

    fn forget_unused(&mut self, key: u64) {
        let is_unused = |name: &Name| name.holder.is_none() && name.waiting.is_empty();
        if self.names.get(&key).is_some_and(is_unused) {
            self.names.remove(&key);
        }
    }
}

/// A waiting call is no longer first for one of its names.
fn step_back(
    calls: &mut BTreeMap<Position, Entry>,
    ready: &mut BTreeSet<Position>,
    position: Position,
) {
    if let Some(State::Waiting { behind }) = calls.get_mut(&position).map(|call| &mut call.state) {
        *behind += 1;
        ready.remove(&position);
    }
}

/// A waiting call has become first for one of its names.
fn step_forward(
    calls: &mut BTreeMap<Position, Entry>,
    ready: &mut BTreeSet<Position>,
    position: Position,
) {
    if let Some(State::Waiting { behind }) = calls.get_mut(&position).map(|call| &mut call.state) {
        *behind = behind.saturating_sub(1);
        if *behind == 0 {
            ready.insert(position);
        }
    }
}
