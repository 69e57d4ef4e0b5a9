//! Counts of the commands that have run.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fnv::FnvHashMap;
use tokio::sync::oneshot;

/// How often each command has run. Names are in upper case.
#[derive(Debug, Default)]
pub(super) struct Executions(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    counts: Vec<(String, u64)>,
    /// Places of the counts. Clients cannot add names at will, so the hash need not resist
    /// collisions.
    places: FnvHashMap<String, usize>,
    /// Place of the command that has run last, which often is that of the next one.
    last: usize,
    waiters: Vec<Waiter>,
}

/// Waits until a command has run often enough.
#[derive(Debug)]
struct Waiter {
    name: String,
    times: u64,
    reached: oneshot::Sender<()>,
}

impl Table {
    fn count(&self, name: &str) -> u64 {
        let place = self.places.get(name);
        place
            .and_then(|place| self.counts.get(*place))
            .map_or(0, |(_, count)| *count)
    }

    fn add(&mut self, name: &str) {
        if self
            .counts
            .get(self.last)
            .is_none_or(|(last, _)| last != name)
        {
            let known = self.places.get(name).copied();
            self.last = known.unwrap_or_else(|| {
                self.places.insert(name.to_owned(), self.counts.len());
                self.counts.push((name.to_owned(), 0));
                self.counts.len() - 1
            });
        }
        if let Some((_, count)) = self.counts.get_mut(self.last) {
            *count += 1;
        }
    }
}

impl Executions {
    pub(super) fn add(&self, name: &str) {
        let mut table = self.lock();
        table.add(name);
        if table.waiters.is_empty() {
            return;
        }
        let count = table.count(name);
        let reached = |waiter: &mut Waiter| {
            waiter.reached.is_closed() || waiter.name == name && waiter.times <= count
        };
        for waiter in table.waiters.extract_if(.., reached) {
            // Whoever waited may be gone.
            let _ = waiter.reached.send(());
        }
    }

    pub(super) fn of(&self, name: &str) -> u64 {
        self.lock().count(name)
    }

    pub(super) fn all(&self) -> BTreeMap<String, u64> {
        self.lock().counts.iter().cloned().collect()
    }

    /// Waits until a command has run `times` times.
    pub(super) async fn reached(&self, name: String, times: u64) {
        let waiting = {
            let mut table = self.lock();
            if table.count(&name) >= times {
                return;
            }
            let (reached, waiting) = oneshot::channel();
            table.waiters.push(Waiter {
                name,
                times,
                reached,
            });
            waiting
        };
        // The table keeps the sender until then.
        let _ = waiting.await;
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
