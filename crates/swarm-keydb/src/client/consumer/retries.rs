//! Entries that wait for their redelivery: given back by the application, with a delay.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::commands::StreamId;
use crate::request_reply::deadline_in;
use crate::runtime::Instant;

/// An entry: the index of its stream, and its ID.
pub(super) type Entry = (usize, StreamId);

/// Entries that are due for redelivery at some time, each with the reason that the application
/// gave.
#[derive(Default)]
pub(super) struct Retries {
    queue: BTreeMap<(Instant, Entry), Option<String>>,
    due: HashMap<Entry, Instant>,
}

impl Retries {
    /// Schedules an entry. A later call replaces an earlier one.
    pub(super) fn add(&mut self, entry: Entry, due: Instant, reason: Option<String>) {
        self.remove(entry);
        self.queue.insert((due, entry), reason);
        self.due.insert(entry, due);
    }

    fn remove(&mut self, entry: Entry) {
        if let Some(due) = self.due.remove(&entry) {
            self.queue.remove(&(due, entry));
        }
    }

    /// Removes the first entry that is due.
    pub(super) fn take(&mut self, now: Instant) -> Option<(Entry, Option<String>)> {
        if self.next()? > now {
            return None;
        }
        let ((_, entry), reason) = self.queue.pop_first()?;
        self.due.remove(&entry);
        Some((entry, reason))
    }

    /// Returns when the first entry is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|((due, _), _)| *due)
    }

    /// Returns the scheduled entries.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.due.keys().copied()
    }
}

/// Returns the instant `time` from now, or the latest that the clock can express.
pub(super) fn in_future(time: Duration) -> Instant {
    deadline_in(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_taken_when_due_in_order_and_once() {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let id = |n| (0, StreamId::new(n, 0));
        let mut retries = Retries::default();
        assert_eq!(retries.next(), None);
        retries.add(id(1), at(30), None);
        retries.add(id(2), at(10), Some("first".to_owned()));
        retries.add(id(3), at(20), None);
        retries.add(id(3), at(40), Some("later".to_owned()));
        assert_eq!(retries.next(), Some(at(10)));
        assert_eq!(retries.entries().count(), 3);
        assert_eq!(retries.take(at(9)), None);
        let later = at(100);
        assert_eq!(retries.take(later), Some((id(2), Some("first".to_owned()))));
        assert_eq!(retries.take(later), Some((id(1), None)));
        assert_eq!(retries.take(later), Some((id(3), Some("later".to_owned()))));
        assert_eq!(retries.take(later), None);
        assert_eq!(retries.entries().count(), 0);
    }
}
