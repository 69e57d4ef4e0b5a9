//! Which subscriptions want a name, and what the server was told about it.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;

use super::name::{Kind, Name};

/// What the server was told about a name on this connection. At most one request per name is in flight, so its reply is
/// unambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ServerState {
    #[default]
    Off,
    /// SUBSCRIBE was sent.
    Subscribing,
    /// SUBSCRIBE was acknowledged.
    On,
    /// UNSUBSCRIBE was sent.
    Unsubscribing,
}

#[derive(Debug, Default)]
struct Entry {
    /// IDs of the subscriptions that want the name.
    listeners: Vec<u64>,
    server: ServerState,
    /// Whether the name is in the queue.
    queued: bool,
}

impl Entry {
    const fn is_wanted(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Whether the server must be told something.
    const fn is_due(&self) -> bool {
        matches!(
            (self.is_wanted(), self.server),
            (true, ServerState::Off) | (false, ServerState::On)
        )
    }
}

/// A request to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: Name,
    pub(super) subscribe: bool,
}

/// All names that subscriptions want, and those for which UNSUBSCRIBE was not sent or not acknowledged yet.
#[derive(Debug, Default)]
pub(super) struct SubscriptionTable {
    channels: HashMap<Bytes, Entry>,
    patterns: HashMap<Bytes, Entry>,
    /// Names for which a request may be due.
    queue: VecDeque<Name>,
    /// Number of queued names that were removed from the table.
    stale: usize,
}

impl SubscriptionTable {
    /// Whether no name is left and no request is due.
    pub(super) fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty()
    }

    const fn of(&self, kind: Kind) -> &HashMap<Bytes, Entry> {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
        }
    }

    const fn of_mut(&mut self, kind: Kind) -> &mut HashMap<Bytes, Entry> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
        }
    }

    /// Adds a subscription to a name. Returns whether the server has acknowledged the name already.
    pub(super) fn want(&mut self, name: &Name, listener: u64) -> bool {
        let entry = self.of_mut(name.kind).entry(name.text.clone()).or_default();
        entry.listeners.push(listener);
        let on = entry.server == ServerState::On;
        self.look(name.kind, &name.text);
        on
    }

    /// Removes a subscription from a name.
    pub(super) fn drop_wish(&mut self, name: &Name, listener: u64) {
        if let Some(entry) = self.of_mut(name.kind).get_mut(&name.text) {
            entry.listeners.retain(|other| *other != listener);
            self.look(name.kind, &name.text);
        }
    }

    /// Starts over for a new connection, on which nothing is subscribed.
    pub(super) fn reset(&mut self) {
        self.queue.clear();
        self.stale = 0;
        for kind in [Kind::Channel, Kind::Pattern] {
            self.of_mut(kind).retain(|_, entry| entry.is_wanted());
            let mut names = Vec::with_capacity(self.of(kind).len());
            for (text, entry) in self.of_mut(kind) {
                entry.server = ServerState::Off;
                entry.queued = true;
                names.push(Name {
                    kind,
                    text: text.clone(),
                });
            }
            self.queue.extend(names);
        }
    }

    /// Returns the next request, which counts as sent.
    pub(super) fn next(&mut self) -> Option<Step> {
        loop {
            let name = self.queue.pop_front()?;
            let Some(entry) = self.of_mut(name.kind).get_mut(&name.text) else {
                self.stale = self.stale.saturating_sub(1);
                continue;
            };
            entry.queued = false;
            if entry.is_due() {
                let subscribe = entry.server == ServerState::Off;
                entry.server = if subscribe {
                    ServerState::Subscribing
                } else {
                    ServerState::Unsubscribing
                };
                return Some(Step { name, subscribe });
            }
        }
    }

    /// SUBSCRIBE was acknowledged. Returns the subscriptions that waited for that.
    pub(super) fn turn_on(&mut self, kind: Kind, name: &[u8]) -> &[u64] {
        let entry = self.of_mut(kind).get_mut(name);
        let Some(entry) = entry.filter(|entry| entry.server == ServerState::Subscribing) else {
            return &[];
        };
        entry.server = ServerState::On;
        self.look(kind, name);
        self.of(kind)
            .get(name)
            .map_or(&[], |entry| &entry.listeners)
    }

    /// The server has unsubscribed a name. Returns the subscriptions that still want it.
    pub(super) fn turn_off(&mut self, kind: Kind, name: &[u8]) -> &[u64] {
        let Some(entry) = self.of_mut(kind).get_mut(name) else {
            return &[];
        };
        let expected = match entry.server {
            ServerState::Unsubscribing => true,
            ServerState::On => false,
            // The frame precedes the reply to a later request, or repeats what is known.
            ServerState::Subscribing | ServerState::Off => return &[],
        };
        entry.server = ServerState::Off;
        self.look(kind, name);
        match self.of(kind).get(name) {
            Some(entry) if !expected => &entry.listeners,
            _ => &[],
        }
    }

    /// The server refuses a name. Returns the subscriptions that wanted it.
    pub(super) fn refuse(&mut self, name: &Name) -> Vec<u64> {
        let Some(entry) = self.of_mut(name.kind).get_mut(&name.text) else {
            return Vec::new();
        };
        entry.server = ServerState::Off;
        let wanted_by = std::mem::take(&mut entry.listeners);
        self.look(name.kind, &name.text);
        wanted_by
    }

    /// Returns a name, whose bytes can be shared, and the subscriptions that want it.
    pub(super) fn listeners(&self, kind: Kind, name: &[u8]) -> Option<(&Bytes, &[u64])> {
        let (name, entry) = self.of(kind).get_key_value(name)?;
        Some((name, &*entry.listeners))
    }

    /// Removes a name that nothing needs, or queues it if a request is due.
    fn look(&mut self, kind: Kind, name: &[u8]) {
        let map = self.of_mut(kind);
        let Some((text, entry)) = map.get_key_value(name) else {
            return;
        };
        if !entry.is_wanted() && entry.server == ServerState::Off {
            let queued = entry.queued;
            map.remove(name);
            if queued {
                self.forget_queued();
            }
            return;
        }
        if !entry.is_due() || entry.queued {
            return;
        }
        let text = text.clone();
        if let Some(entry) = map.get_mut(name) {
            entry.queued = true;
        }
        self.queue.push_back(Name { kind, text });
    }

    /// A queued name was removed from the table. Sweeps the queue now and then, since nothing else does without a
    /// connection.
    fn forget_queued(&mut self) {
        self.stale += 1;
        if self.stale < 64 || self.stale < self.queue.len() / 2 {
            return;
        }
        self.stale = 0;
        let mut seen = HashSet::new();
        for name in std::mem::take(&mut self.queue) {
            let entry = self.of(name.kind).get(&name.text);
            if entry.is_some_and(|entry| entry.queued) && seen.insert(name.clone()) {
                self.queue.push_back(name);
            }
        }
    }
}
