//! State that a consumer shares with its deliveries: its identity, and the outstanding entries.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use super::acks::AckQueue;
use super::options::Settings;
use crate::client::Client;
use crate::commands::StreamId;
use crate::error::Result;

/// Membership of a consumer in its group.
pub(super) struct Membership {
    pub(super) client: Client,
    pub(super) group: Bytes,
    pub(super) name: Bytes,
    pub(super) streams: Vec<Bytes>,
    pub(super) settings: Settings,
    /// Acknowledgment queue of each stream.
    acks: Vec<Arc<AckQueue>>,
    /// Outstanding entries, neither acknowledged nor dropped, by the index of their stream. Bounded
    /// by the deliveries that the application holds.
    outstanding: Mutex<HashSet<(usize, StreamId)>>,
    /// Number of outstanding entries.
    unsettled: watch::Sender<usize>,
    stopped: watch::Sender<bool>,
}

impl Membership {
    /// Address of the server, without secrets.
    pub(super) fn address(&self) -> Option<&str> {
        let status = self.client.shared.connection.status();
        status.address().map(|address| &**address)
    }

    pub(super) fn new(
        client: Client,
        group: Bytes,
        name: Bytes,
        streams: Vec<Bytes>,
        settings: Settings,
    ) -> Arc<Self> {
        let queues = &client.shared.acks;
        let acks = streams.iter().map(|stream| queues.of(stream, &group));
        Arc::new(Self {
            acks: acks.collect(),
            client,
            group,
            name,
            streams,
            settings,
            outstanding: Mutex::default(),
            unsettled: watch::Sender::new(0),
            stopped: watch::Sender::new(false),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<(usize, StreamId)>> {
        self.outstanding
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an entry as outstanding. Returns false if it already was.
    pub(super) fn deliver(&self, stream: usize, id: StreamId) -> bool {
        let new = self.lock().insert((stream, id));
        if new {
            self.unsettled.send_modify(|count| *count += 1);
        }
        new
    }

    /// Records that an entry is no longer outstanding.
    pub(super) fn settle(&self, stream: usize, id: StreamId) {
        if self.lock().remove(&(stream, id)) {
            self.unsettled
                .send_modify(|count| *count = count.saturating_sub(1));
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

    /// Returns the outstanding entries of a stream.
    pub(super) fn outstanding_in(&self, stream: usize) -> HashSet<StreamId> {
        let out = self.lock();
        let of_it = out.iter().filter(|(of, _)| *of == stream);
        of_it.map(|(_, id)| *id).collect()
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
            tokio::time::timeout(self.settings.drain_timeout, settled)
        };
        let _in_time = settled.await;
    }
}
