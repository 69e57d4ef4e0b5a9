//! State that a consumer shares with its deliveries: its identity, and the outstanding entries.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use super::acks::AckQueue;
use super::options::Settings;
use super::retries::{Entry, Retries};
use crate::client::Client;
use crate::commands::{PendingEntry, StreamId, XClaimOptions, XPendingOptions};
use crate::error::{Error, Result};
use crate::runtime::{Instant, sleep_until, timeout};

/// Membership of a consumer in its group.
pub(super) struct Membership {
    pub(super) client: Client,
    pub(super) group: Bytes,
    pub(super) name: Bytes,
    pub(super) streams: Vec<Bytes>,
    pub(super) settings: Settings,
    /// Stream for entries that were delivered too often.
    pub(super) dead_letter: Option<Bytes>,
    /// Acknowledgment queue of each stream.
    acks: Vec<Arc<AckQueue>>,
    /// Outstanding entries, neither acknowledged nor dropped, by the index of their stream. Bounded
    /// by the deliveries that the application holds.
    entries: Mutex<Entries>,
    /// When the next retry is due.
    retry_at: watch::Sender<Option<Instant>>,
    /// Number of outstanding entries.
    unsettled: watch::Sender<usize>,
    stopped: watch::Sender<bool>,
}

#[derive(Default)]
struct Entries {
    outstanding: HashSet<Entry>,
    retries: Retries,
}

impl Membership {
    /// Address of the server, without secrets.
    pub(super) fn address(&self) -> Option<Arc<str>> {
        self.client.shared.connection.status().address()
    }

    pub(super) fn new(
        client: Client,
        group: Bytes,
        name: Bytes,
        streams: Vec<Bytes>,
        dead_letter: Option<Bytes>,
        settings: Settings,
    ) -> Arc<Self> {
        let queues = &client.shared.acks;
        let acks = streams.iter().map(|stream| queues.of(stream, &group));
        let membership = Arc::new(Self {
            acks: acks.collect(),
            client,
            group,
            name,
            streams,
            dead_letter,
            settings,
            entries: Mutex::default(),
            retry_at: watch::Sender::new(None),
            unsettled: watch::Sender::new(0),
            stopped: watch::Sender::new(false),
        });
        membership.client.shared.consumers.add(&membership);
        membership
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an entry as outstanding. Returns false if it already was.
    pub(super) fn deliver(&self, stream: usize, id: StreamId) -> bool {
        let new = self.lock().outstanding.insert((stream, id));
        if new {
            self.unsettled.send_modify(|count| *count += 1);
        }
        new
    }

    /// Records that an entry is no longer outstanding. Returns whether it was.
    pub(super) fn settle(&self, stream: usize, id: StreamId) -> bool {
        let was_outstanding = self.lock().outstanding.remove(&(stream, id));
        self.count_settled(was_outstanding)
    }

    fn count_settled(&self, was_outstanding: bool) -> bool {
        if was_outstanding {
            self.unsettled
                .send_modify(|count| *count = count.saturating_sub(1));
        }
        was_outstanding
    }

    /// Takes an entry back from the application, for redelivery at `due`. Returns whether it was
    /// outstanding.
    pub(super) fn give_back(&self, entry: Entry, due: Instant, reason: Option<String>) -> bool {
        let mut entries = self.lock();
        let was_outstanding = entries.outstanding.remove(&entry);
        if was_outstanding {
            entries.retries.add(entry, due, reason);
            self.retry_at.send_replace(entries.retries.next());
        }
        drop(entries);
        self.count_settled(was_outstanding)
    }

    /// Schedules the redelivery of an entry that is not outstanding.
    pub(super) fn schedule(&self, entry: Entry, due: Instant, reason: Option<String>) {
        let mut entries = self.lock();
        entries.retries.add(entry, due, reason);
        self.retry_at.send_replace(entries.retries.next());
    }

    /// Removes an entry whose redelivery is due.
    pub(super) fn take_retry(&self) -> Option<(Entry, Option<String>)> {
        let mut entries = self.lock();
        let due = entries.retries.take(Instant::now());
        self.retry_at.send_replace(entries.retries.next());
        due
    }

    /// Returns once a redelivery is due.
    pub(super) async fn retry_due(&self) {
        let mut changes = self.retry_at.subscribe();
        loop {
            let next = *changes.borrow_and_update();
            let due = async {
                match next {
                    Some(due) => {
                        let timer = {
                            let _context = self.client.tasks().timers();
                            sleep_until(due)
                        };
                        timer.await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => return,
                // The sender lives in `self`, so waiting cannot fail.
                _ = changes.changed() => {}
            }
        }
    }

    /// Acknowledges an entry, batched with others that wait.
    pub(super) async fn ack(&self, stream: usize, id: StreamId) -> Result<()> {
        if let Some(queue) = self.acks.get(stream) {
            queue.ack(&self.client, id).await?;
        }
        self.settle(stream, id);
        Ok(())
    }

    /// Returns the state of an entry, or `None` if it is not pending for this consumer: it was
    /// acknowledged, or another consumer has claimed it.
    pub(super) async fn pending(
        &self,
        stream: usize,
        id: StreamId,
    ) -> Result<Option<PendingEntry>> {
        let Some(key) = self.streams.get(stream) else {
            return Ok(None);
        };
        let options = XPendingOptions::new().range(id..=id).count(1);
        let options = options.consumer(&self.name);
        let listed = self.client.xpending_with(key, &self.group, options);
        Ok(listed.await?.pop())
    }

    /// Resets the idle time of an entry. Returns false if it is not pending for this consumer.
    pub(super) async fn extend(&self, stream: usize, id: StreamId) -> Result<bool> {
        let (client, group, name) = (&self.client, &self.group, &self.name);
        let server = &client.shared.factory.target.settings.learned;
        // SwarmKeyDb ignores JUSTID, so it would count a delivery.
        let may_count = server.profile().is_none_or(|server| server.write_queue);
        if may_count && self.settings.max_deliveries.is_some() {
            return Err(Error::config(
                "extend counts as a delivery on this server, so it cannot be used with \
                 max_deliveries; raise min_idle instead",
            ));
        }
        let (Some(key), Some(pending)) =
            (self.streams.get(stream), self.pending(stream, id).await?)
        else {
            return Ok(false);
        };
        // If another consumer has claimed the entry since, its idle time is shorter.
        let options = XClaimOptions::new();
        let extended = client.xclaim_justid(key, group, name, pending.idle, id, options);
        Ok(!extended.await?.is_empty())
    }

    /// Returns the entries of a stream that are outstanding or wait for their redelivery.
    pub(super) fn held_in(&self, stream: usize) -> HashSet<StreamId> {
        let entries = self.lock();
        let held = entries.outstanding.iter().copied();
        let held = held.chain(entries.retries.entries());
        held.filter(|(of, _)| *of == stream)
            .map(|(_, id)| id)
            .collect()
    }

    pub(super) fn unsettled(&self) -> usize {
        *self.unsettled.borrow()
    }

    pub(super) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Returns once the consumer is stopped.
    pub(super) async fn stopped(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// Returns once no entry is outstanding, or after the drain timeout.
    pub(super) async fn drained(&self) {
        let mut unsettled = self.unsettled.subscribe();
        let settled = unsettled.wait_for(|count| *count == 0);
        let settled = {
            let _context = self.client.tasks().timers();
            timeout(self.settings.drain_timeout, settled)
        };
        let _in_time = settled.await;
    }
}
