//! Who wants which name, and what the server has been told of it.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;

use super::name::{Kind, Name};

/// What the server has been told of a name on this connection. There is never more than one question open about a name,
/// so its answer says for certain what holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Wire {
    #[default]
    Off,
    /// It was asked for its messages.
    Subscribing,
    /// It acknowledged that.
    On,
    /// It was asked for no more of them.
    Unsubscribing,
}

#[derive(Debug, Default)]
struct Entry {
    /// Who wants it, by number.
    listeners: Vec<u64>,
    wire: Wire,
    /// Whether it is among those to be looked at.
    queued: bool,
}

impl Entry {
    const fn is_wanted(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Whether there is something to say to the server.
    const fn is_due(&self) -> bool {
        matches!(
            (self.is_wanted(), self.wire),
            (true, Wire::Off) | (false, Wire::On)
        )
    }
}

/// Something to say to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) name: Name,
    pub(super) subscribe: bool,
}

/// All names that somebody wants, or that the server still has to be told, or to acknowledge, that nobody does.
#[derive(Debug, Default)]
pub(super) struct SubscriptionTable {
    channels: HashMap<Bytes, Entry>,
    patterns: HashMap<Bytes, Entry>,
    /// Names of which there may be something to say.
    queue: VecDeque<Name>,
    /// How many of those are forgotten names.
    stale: usize,
}

impl SubscriptionTable {
    /// Whether there is nothing, and nothing to say about it.
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

    /// Somebody wants a name. Says whether its messages come already.
    pub(super) fn want(&mut self, name: &Name, listener: u64) -> bool {
        let entry = self.of_mut(name.kind).entry(name.text.clone()).or_default();
        entry.listeners.push(listener);
        let on = entry.wire == Wire::On;
        self.look(name.kind, &name.text);
        on
    }

    /// Somebody wants a name no more.
    pub(super) fn drop_wish(&mut self, name: &Name, listener: u64) {
        if let Some(entry) = self.of_mut(name.kind).get_mut(&name.text) {
            entry.listeners.retain(|other| *other != listener);
            self.look(name.kind, &name.text);
        }
    }

    /// A new connection: the server knows nothing.
    pub(super) fn reset(&mut self) {
        self.queue.clear();
        self.stale = 0;
        for kind in [Kind::Channel, Kind::Pattern] {
            self.of_mut(kind).retain(|_, entry| entry.is_wanted());
            let mut names = Vec::with_capacity(self.of(kind).len());
            for (text, entry) in self.of_mut(kind) {
                entry.wire = Wire::Off;
                entry.queued = true;
                names.push(Name {
                    kind,
                    text: text.clone(),
                });
            }
            self.queue.extend(names);
        }
    }

    /// The next thing to say, which is taken as said.
    pub(super) fn next(&mut self) -> Option<Step> {
        loop {
            let name = self.queue.pop_front()?;
            let Some(entry) = self.of_mut(name.kind).get_mut(&name.text) else {
                self.stale = self.stale.saturating_sub(1);
                continue;
            };
            entry.queued = false;
            if entry.is_due() {
                let subscribe = entry.wire == Wire::Off;
                entry.wire = if subscribe {
                    Wire::Subscribing
                } else {
                    Wire::Unsubscribing
                };
                return Some(Step { name, subscribe });
            }
        }
    }

    /// The server says that messages of a name come from now on. Answers who waited for that.
    pub(super) fn turn_on(&mut self, kind: Kind, name: &[u8]) -> &[u64] {
        let entry = self.of_mut(kind).get_mut(name);
        let Some(entry) = entry.filter(|entry| entry.wire == Wire::Subscribing) else {
            return &[];
        };
        entry.wire = Wire::On;
        self.look(kind, name);
        self.of(kind)
            .get(name)
            .map_or(&[], |entry| &entry.listeners)
    }

    /// The server says that messages of a name come no more. Answers who did not expect that.
    pub(super) fn turn_off(&mut self, kind: Kind, name: &[u8]) -> &[u64] {
        let Some(entry) = self.of_mut(kind).get_mut(name) else {
            return &[];
        };
        let expected = match entry.wire {
            Wire::Unsubscribing => true,
            Wire::On => false,
            // It comes before the answer to what was asked since, or says nothing new.
            Wire::Subscribing | Wire::Off => return &[],
        };
        entry.wire = Wire::Off;
        self.look(kind, name);
        match self.of(kind).get(name) {
            Some(entry) if !expected => &entry.listeners,
            _ => &[],
        }
    }

    /// The server refuses a name. Answers who wanted it.
    pub(super) fn refuse(&mut self, name: &Name) -> Vec<u64> {
        let Some(entry) = self.of_mut(name.kind).get_mut(&name.text) else {
            return Vec::new();
        };
        entry.wire = Wire::Off;
        let wanted_by = std::mem::take(&mut entry.listeners);
        self.look(name.kind, &name.text);
        wanted_by
    }

    /// Who wants a name, and the name, to be shared.
    pub(super) fn listeners(&self, kind: Kind, name: &[u8]) -> Option<(&Bytes, &[u64])> {
        let (name, entry) = self.of(kind).get_key_value(name)?;
        Some((name, &*entry.listeners))
    }

    /// Forgets a name of which nothing is left, or notes that there is something to say.
    fn look(&mut self, kind: Kind, name: &[u8]) {
        let map = self.of_mut(kind);
        let Some((text, entry)) = map.get_key_value(name) else {
            return;
        };
        if !entry.is_wanted() && entry.wire == Wire::Off {
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

    /// A name that is queued is forgotten. While there is no connection nothing else would take it out.
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
