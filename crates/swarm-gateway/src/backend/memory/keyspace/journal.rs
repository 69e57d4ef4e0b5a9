//! Journal of a command's writes, so that they can be taken back and applied later, one by one.

use bytes::Bytes;

use super::{Entry, Keyspace};

/// What a write changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// The value, and the time to live with it.
    Value,
    /// The time to live alone.
    Deadline,
}

/// One write of a command: what it leaves behind at a key.
#[derive(Debug)]
pub(in super::super) struct Write {
    key: Bytes,
    after: Option<Entry>,
    what: What,
    /// Whether it counts as a change for those who watch, track or wait for the key.
    touched: bool,
}

/// One write that was recorded: what the key held before it.
#[derive(Debug)]
struct Step {
    key: Bytes,
    before: Option<Entry>,
    what: What,
    touched: bool,
}

/// The writes since recording began.
#[derive(Debug, Default)]
pub(super) struct Journal(Vec<Step>);

impl Keyspace {
    /// Begins to record writes. Until they are taken back, no change is announced.
    pub(in super::super) fn record(&mut self) {
        self.journal = Some(Journal::default());
    }

    /// Takes back what was written since recording began, and returns the writes in order.
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

    /// Applies a write over whatever the key holds now. `watched` says whether WATCH sees it.
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
            self.changed.push(key);
        }
    }

    /// Notes that a write is about to change a key.
    pub(super) fn note_value(&mut self, key: &[u8]) {
        self.note(key, What::Value);
    }

    /// Notes that a write is about to change when a key expires.
    pub(super) fn note_deadline(&mut self, key: &[u8]) {
        self.note(key, What::Deadline);
    }

    /// Notes that a value is about to change in place, which continues a write of the same key.
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

    /// Whether writes are being recorded; a change is then kept with the write that it belongs to.
    pub(super) fn keeps_touch(&mut self, key: &[u8]) -> bool {
        let Some(journal) = &mut self.journal else {
            return false;
        };
        if let Some(step) = journal.0.iter_mut().rev().find(|step| step.key == key) {
            step.touched = true;
        }
        true
    }

    /// Makes a key hold an entry as it was, or nothing.
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
