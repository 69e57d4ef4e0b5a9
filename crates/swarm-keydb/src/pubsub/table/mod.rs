//! Subscription table: which subscriptions want a name, and its state on the server.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;

use super::name::{Kind, Name};

/// State of a name on this connection. At most one request per name is in flight, so its reply is
/// unambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum ServerState {
    #[default]
    Unsubscribed,
    /// SUBSCRIBE was sent.
    Subscribing,
    /// SUBSCRIBE was acknowledged.
    Subscribed,
    /// UNSUBSCRIBE was sent.
    Unsubscribing,
}

#[derive(Debug, Default)]
struct Entry {
    /// IDs of the subscriptions that want the name.
    subscribers: Vec<u64>,
    state: ServerState,
    /// Whether the name is in the queue.
    queued: bool,
}

impl Entry {
    const fn has_subscribers(&self) -> bool {
        !self.subscribers.is_empty()
    }

    /// Whether a request is due.
    const fn is_due(&self) -> bool {
        matches!(
            (self.has_subscribers(), self.state),
            (true, ServerState::Unsubscribed) | (false, ServerState::Subscribed)
        )
    }
}

/// A request to subscribe to a name or to unsubscribe from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SubscriptionChange {
    pub(super) name: Name,
    pub(super) subscribe: bool,
}

/// Every name that a subscription wants, or that the server may still have subscribed.
#[derive(Debug, Default)]
pub(super) struct SubscriptionTable {
    channels: HashMap<Bytes, Entry>,
    patterns: HashMap<Bytes, Entry>,
    shards: HashMap<Bytes, Entry>,
    /// Names for which a request may be due.
    queue: VecDeque<Name>,
    /// Number of queued names that are no longer in the table.
    stale: usize,
}

impl SubscriptionTable {
    /// Whether the table has no name and no request is due.
    pub(super) fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shards.is_empty()
    }

    const fn map(&self, kind: Kind) -> &HashMap<Bytes, Entry> {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shards,
        }
    }

    const fn map_mut(&mut self, kind: Kind) -> &mut HashMap<Bytes, Entry> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shards,
        }
    }

    /// Adds a subscription to a name. Returns whether the server has already acknowledged the name.
    pub(super) fn add(&mut self, name: &Name, subscriber: u64) -> bool {
        let entry = self
            .map_mut(name.kind)
            .entry(name.text.clone())
            .or_default();
        entry.subscribers.push(subscriber);
        let subscribed = entry.state == ServerState::Subscribed;
        self.update(name.kind, &name.text);
        subscribed
    }

    /// Removes a subscription from a name.
    pub(super) fn remove(&mut self, name: &Name, subscriber: u64) {
        if let Some(entry) = self.map_mut(name.kind).get_mut(&name.text) {
            entry.subscribers.retain(|other| *other != subscriber);
            self.update(name.kind, &name.text);
        }
    }

    /// Starts over on a new connection, where nothing is subscribed.
    pub(super) fn reset(&mut self) {
        self.queue.clear();
        self.stale = 0;
        for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
            self.map_mut(kind)
                .retain(|_, entry| entry.has_subscribers());
            let mut names = Vec::with_capacity(self.map(kind).len());
            for (text, entry) in self.map_mut(kind) {
                entry.state = ServerState::Unsubscribed;
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
    pub(super) fn next(&mut self) -> Option<SubscriptionChange> {
        loop {
            let name = self.queue.pop_front()?;
            let Some(entry) = self.map_mut(name.kind).get_mut(&name.text) else {
                self.stale = self.stale.saturating_sub(1);
                continue;
            };
            entry.queued = false;
            if entry.is_due() {
                let subscribe = entry.state == ServerState::Unsubscribed;
                entry.state = if subscribe {
                    ServerState::Subscribing
                } else {
                    ServerState::Unsubscribing
                };
                return Some(SubscriptionChange { name, subscribe });
            }
        }
    }

    /// Records that the server has acknowledged SUBSCRIBE. Returns the subscriptions that were
    /// waiting.
    pub(super) fn subscribed(&mut self, kind: Kind, name: &[u8]) -> &[u64] {
        let entry = self.map_mut(kind).get_mut(name);
        let Some(entry) = entry.filter(|entry| entry.state == ServerState::Subscribing) else {
            return &[];
        };
        entry.state = ServerState::Subscribed;
        self.update(kind, name);
        self.map(kind)
            .get(name)
            .map_or(&[], |entry| &entry.subscribers)
    }

    /// Records that the server has unsubscribed a name. Returns the subscriptions that still want
    /// it.
    pub(super) fn unsubscribed(&mut self, kind: Kind, name: &[u8]) -> &[u64] {
        let Some(entry) = self.map_mut(kind).get_mut(name) else {
            return &[];
        };
        let expected = match entry.state {
            ServerState::Unsubscribing => true,
            ServerState::Subscribed => false,
            // The frame was sent before the reply to our latest request, or repeats what is known.
            ServerState::Subscribing | ServerState::Unsubscribed => return &[],
        };
        entry.state = ServerState::Unsubscribed;
        self.update(kind, name);
        match self.map(kind).get(name) {
            Some(entry) if !expected => &entry.subscribers,
            _ => &[],
        }
    }

    /// Records that the server refused a name. Returns the subscriptions that wanted it.
    pub(super) fn reject(&mut self, name: &Name) -> Vec<u64> {
        let Some(entry) = self.map_mut(name.kind).get_mut(&name.text) else {
            return Vec::new();
        };
        entry.state = ServerState::Unsubscribed;
        let subscribers = std::mem::take(&mut entry.subscribers);
        self.update(name.kind, &name.text);
        subscribers
    }

    /// Returns a name as shareable bytes, with the subscriptions that want it.
    pub(super) fn subscribers(&self, kind: Kind, name: &[u8]) -> Option<(&Bytes, &[u64])> {
        let (name, entry) = self.map(kind).get_key_value(name)?;
        Some((name, &*entry.subscribers))
    }

    /// Removes a name that is no longer needed, or queues it if a request is due.
    fn update(&mut self, kind: Kind, name: &[u8]) {
        let map = self.map_mut(kind);
        let Some((text, entry)) = map.get_key_value(name) else {
            return;
        };
        if !entry.has_subscribers() && entry.state == ServerState::Unsubscribed {
            let queued = entry.queued;
            map.remove(name);
            if queued {
                self.sweep_queue();
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

    /// Counts a queued name that left the table. Drops such names from the queue now and then,
    /// because without a connection nothing else does.
    fn sweep_queue(&mut self) {
        self.stale += 1;
        if self.stale < 64 || self.stale < self.queue.len() / 2 {
            return;
        }
        self.stale = 0;
        let mut seen = HashSet::new();
        for name in std::mem::take(&mut self.queue) {
            let entry = self.map(name.kind).get(&name.text);
            if entry.is_some_and(|entry| entry.queued) && seen.insert(name.clone()) {
                self.queue.push_back(name);
            }
        }
    }
}
