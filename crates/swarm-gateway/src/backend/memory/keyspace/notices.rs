//! Keyspace notifications: the events that commands cause.

use bytes::Bytes;

use super::Keyspace;

/// Class of an event, as a bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Class(pub(in super::super) u32);

impl Class {
    pub(in super::super) const GENERIC: Self = Self(1);
    pub(in super::super) const STRING: Self = Self(1 << 1);
    pub(in super::super) const LIST: Self = Self(1 << 2);
    pub(in super::super) const SET: Self = Self(1 << 3);
    pub(in super::super) const HASH: Self = Self(1 << 4);
    pub(in super::super) const SORTED_SET: Self = Self(1 << 5);
    pub(in super::super) const EXPIRED: Self = Self(1 << 6);
    pub(in super::super) const EVICTED: Self = Self(1 << 7);
    pub(in super::super) const STREAM: Self = Self(1 << 8);
    pub(in super::super) const KEY_MISS: Self = Self(1 << 9);
    pub(in super::super) const MODULE: Self = Self(1 << 10);
    pub(in super::super) const NEW: Self = Self(1 << 11);
}

/// An event that has happened to a key.
#[derive(Debug, Clone)]
pub(in super::super) struct Notice {
    pub(in super::super) event: &'static str,
    pub(in super::super) key: Bytes,
}

/// Events that have not been published.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// Classes to publish.
    classes: u32,
    pending: Vec<Notice>,
}

impl Keyspace {
    /// Sets the classes of events to publish.
    pub(in super::super) fn publish(&mut self, classes: u32) {
        self.notices.classes = classes;
    }

    pub(in super::super) const fn publishes(&self, class: Class) -> bool {
        self.notices.classes & class.0 != 0
    }

    /// Records an event, if its class is published.
    pub(in super::super) fn notify(&mut self, class: Class, event: &'static str, key: &[u8]) {
        if self.publishes(class) {
            let key = Bytes::copy_from_slice(key);
            self.notices.pending.push(Notice { event, key });
        }
    }

    /// Returns whether there have been events or changes since they were taken last.
    pub(in super::super) const fn has_news(&self) -> bool {
        !(self.notices.pending.is_empty() && self.changed.is_empty() && self.cleared.is_empty())
    }

    /// Takes the events since the last call.
    pub(in super::super) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices.pending)
    }
}
