//! Journal of a command's writes, used to roll them back and apply them later one by one.

use bytes::Bytes;

use super::{Entry, Keyspace};

/// Part of an entry that a write changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// The value and its deadline.
    Value,
    /// Only the deadline.
    Deadline,
}

/// A write of a command: the resulting entry of a key.
#[derive(Debug)]
pub(in super::super) struct Write {
    key: Bytes,
    after: Option<Entry>,
    what: What,
    /// Whether the write counts as a change for WATCH, tracking, and blocked commands.
    touched: bool,
}

/// A journaled write: the entry before it.
#[derive(Debug)]
struct Step {
    key: Bytes,
    before: Option<Entry>,
    what: What,
    touched: bool,
}

/// Writes since recording started.
#[derive(Debug, Default)]
pub(super) struct Journal(Vec<Step>);

impl Keyspace {
    /// Starts recording writes. Changes are not announced until the writes are rolled back.
    pub(in super::super) fn record(&mut self) {
        self.journal = Some(Journal::default());
    }

    /// Rolls back all writes since recording started and returns them in order.
    pub(in super::super) fn take_back(&mut self) -> Vec<Write> {
        let journaled = self.journal.take().map(|journal| journal.0);
        let mut writes: Vec<Write> = (journaled.into_iter().flatten().rev())
            .map(|step| {
                let after = self.entries.get(&step.key).cloned();
                self.restore(&step.key, step.before);
                Write {
                    key: step.key,
                    after,
                    what: step.what,
                    touched: step.touched,
                }
            })
            .collect();
        writes.reverse();
        writes
    }

    /// Applies a write to the current entry of its key. `watched` sets whether WATCH observes it.
    pub(in super::super) fn apply(&mut self, write: Write, watched: bool) {
        let Write {
            key,
            after,
            what,
            touched,
        } = write;
        let born = self.entries.get(&key).map(|entry| entry.born);
        match (after, what, born) {
            (Some(after), What::Deadline, Some(_)) => self.index_deadline(&key, after.expires_at),
            (_, What::Deadline, _) => {}
            (after, What::Value, born) => {
                let after = after.map(|mut entry| {
                    entry.born = born.unwrap_or_else(|| self.birth());
                    entry
                });
                self.restore(&key, after);
            }
        }
        if touched && watched {
            self.touch(&key);
        } else if touched {
            self.record_change(&key);
        }
    }

    /// Records that a key is about to be written.
    pub(super) fn note_value(&mut self, key: &[u8]) {
        self.note(key, What::Value);
    }

    /// Records that the deadline of a key is about to change.
    pub(super) fn note_deadline(&mut self, key: &[u8]) {
        self.note(key, What::Deadline);
    }

    /// Records that a value is about to change in place, which extends an earlier write of the same
    /// key.
    pub(super) fn note_in_place(&mut self, key: &[u8]) {
        let last = self.journal.as_ref().and_then(|journal| journal.0.last());
        if last.is_none_or(|last| last.key != key) {
            self.note(key, What::Value);
        }
    }

    fn note(&mut self, key: &[u8], what: What) {
        if let Some(journal) = &mut self.journal {
            let (before, key) = (self.entries.get(key), Bytes::copy_from_slice(key));
            let before = before.cloned();
            journal.0.push(Step {
                key,
                before,
                what,
                touched: false,
            });
        }
    }

    /// Returns whether writes are being recorded; a change is then attached to its write.
    pub(super) fn keeps_touch(&mut self, key: &[u8]) -> bool {
        let Some(journal) = &mut self.journal else {
            return false;
        };
        if let Some(step) = journal.0.iter_mut().rev().find(|step| step.key == key) {
            step.touched = true;
        }
        true
    }

    /// Restores an entry of a key, or removes the key.
    fn restore(&mut self, key: &Bytes, entry: Option<Entry>) {
        if let Some(old) = self.entries.remove(key) {
            self.order.remove(&old.born);
            if let Some(deadline) = old.expires_at {
                self.deadlines.remove(&(deadline, old.born));
            }
        }
        if let Some(entry) = entry {
            self.order.insert(entry.born, key.clone());
            if let Some(deadline) = entry.expires_at {
                self.deadlines.insert((deadline, entry.born));
            }
            self.entries.insert(key.clone(), entry);
        }
    }
}
