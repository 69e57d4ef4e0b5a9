//! Steps of a consumer: each sends a few requests and returns the entries found.

use std::collections::VecDeque;
use std::fmt::Display;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tracing::Span;

use super::delivery::Delivery;
use super::membership::Membership;
use super::options::DeletedEntries;
use super::page::{Candidate, Page};
use super::prefetch::Prefetch;
use super::retries::{Entry, in_future};
use crate::client::lease::SLICE;
use crate::client::reply::Traced;
use crate::commands::{
    GroupRead, ReadAfter, StreamBatch, StreamEntry, StreamFields, StreamId, XReadGroupOptions,
};
use crate::connection::{Fault, OutageLog, Reconnect};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Instant, sleep};
use crate::status::State;

/// Extra time after BLOCK for which the server may keep a read whose connection was lost.
const LINGER: Duration = Duration::from_secs(1);

/// State of a consumer between steps.
pub(super) struct Work {
    pub(super) membership: Arc<Membership>,
    phase: Phase,
    /// Start positions of groups that the consumer creates, once known.
    starts: Vec<StreamId>,
    /// Number of entries per read.
    pub(super) prefetch: Prefetch,
    /// Number of entries that the last read returned, and when.
    last_read: Option<(u64, Instant)>,
    /// When to claim entries of other consumers next.
    claim_at: Instant,
    /// When to check the pending entries again.
    recover_at: Option<Instant>,
    reconnect: Reconnect,
    outages: OutageLog,
    /// Whether the last read of new entries failed. It uses a leased connection.
    read_failed: bool,
    /// Delay before the next step.
    delay: Option<Duration>,
    /// Pending entries to redeliver one at a time.
    pub(super) candidates: VecDeque<Candidate>,
    /// A read in flight, which was interrupted by a retry.
    reading: Option<InFlight>,
}

/// A read in flight. The mutex is never locked: it makes the value `Sync`, so that futures that
/// borrow a [`Work`] are `Send`.
type InFlight = Mutex<Pin<Box<Traced<Vec<StreamBatch>>>>>;

/// The next step.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Create the groups.
    Join,
    /// Check the entries that are pending for this consumer.
    Recover(Cursor),
    /// Claim entries that other consumers have held for too long.
    Claim(Cursor),
    /// Wait for new entries.
    Read,
}

/// Position in one of the streams.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cursor {
    pub(super) stream: usize,
    pub(super) id: StreamId,
}

impl Work {
    pub(super) fn new(membership: Arc<Membership>) -> Self {
        let reconnect = membership.client.shared.factory.reconnect();
        Self {
            prefetch: Prefetch::new(membership.settings.count),
            last_read: None,
            membership,
            phase: Phase::Join,
            starts: Vec::new(),
            claim_at: Instant::now(),
            recover_at: None,
            reconnect,
            outages: OutageLog::beside_shared("consumer"),
            read_failed: false,
            delay: None,
            candidates: VecDeque::new(),
            reading: None,
        }
    }

    /// Runs the next step. Any entries it returns are already pending on the server.
    pub(super) async fn step(&mut self) -> Result<Vec<Delivery>> {
        if let Some(delay) = self.delay.take() {
            let delay = {
                let _context = self.membership.client.tasks().timers();
                sleep(delay)
            };
            tokio::select! {
                () = delay => {}
                () = self.membership.stopped() => return Ok(Vec::new()),
            }
        }
        if let Some((entries, at)) = self.last_read.take() {
            let streams = u64::try_from(self.membership.streams.len()).unwrap_or(u64::MAX);
            self.prefetch.adapt(entries, streams, at.elapsed());
        }
        self.check_timers();
        match self.work().await {
            Ok(found) => {
                // While reads fail, success of a step on the shared connection proves nothing.
                if !self.read_failed {
                    self.reconnect.succeeded();
                    self.outages
                        .over(self.membership.address().as_deref(), None);
                }
                Ok(found)
            }
            Err(error) => self.failed(error),
        }
    }

    async fn work(&mut self) -> Result<Vec<Delivery>> {
        if self.is_reading() && self.membership.is_stopped() {
            return self.read().await;
        }
        if let Some((entry, reason)) = self.membership.take_retry() {
            return self.retry(entry, reason).await;
        }
        if let Some(candidate) = self.candidates.pop_front() {
            return self.redeliver_next(candidate).await;
        }
        match self.phase {
            // The entries of the read in flight may be pending already.
            _ if self.is_reading() => self.read().await,
            Phase::Join => self.join().await,
            Phase::Recover(cursor) => self.recover(cursor).await,
            Phase::Claim(cursor) => self.claim(cursor).await,
            Phase::Read => self.read().await,
        }
    }

    /// Whether a read is in flight, which may return entries.
    pub(super) const fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    /// Continues to claim entries after this position.
    pub(super) fn claim_from(&mut self, cursor: Cursor) {
        self.phase = Phase::Claim(cursor);
    }

    /// Checks the pending entries again after a while.
    pub(super) fn recover_later(&mut self) {
        let at = in_future(self.membership.settings.claim_interval);
        self.recover_at = Some(self.recover_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// Switches from new entries to pending ones when those are due.
    fn check_timers(&mut self) {
        let now = Instant::now();
        if !matches!(self.phase, Phase::Read) {
            return;
        }
        if self.recover_at.is_some_and(|at| at <= now) {
            self.recover_at = None;
            self.phase = Phase::Recover(Cursor::default());
        } else if self.membership.settings.min_idle.is_some() && self.claim_at <= now {
            self.phase = Phase::Claim(Cursor::default());
        }
    }

    /// Creates missing groups and streams.
    async fn join(&mut self) -> Result<Vec<Delivery>> {
        let Membership {
            client,
            group,
            streams,
            settings,
            ..
        } = &*self.membership;
        for (at, stream) in streams.iter().enumerate() {
            let start = match (self.starts.get(at), settings.start) {
                (Some(start), _) => *start,
                (None, ReadAfter::Id(start)) => start,
                // Looked up once, so that no entry is skipped when the group must be created again.
                (None, ReadAfter::Last) => {
                    let last = client.xrevrange_count(stream, .., 1).await?;
                    last.first().map_or(StreamId::MIN, |entry| entry.id)
                }
            };
            if self.starts.len() == at {
                self.starts.push(start);
            }
            match client.xgroup_create_mkstream(stream, group, start).await {
                Err(error) if !error.is_code("BUSYGROUP") => return Err(error),
                _ => {}
            }
        }
        self.phase = Phase::Recover(Cursor::default());
        Ok(Vec::new())
    }

    /// Redelivers a page of pending entries.
    async fn recover(&mut self, cursor: Cursor) -> Result<Vec<Delivery>> {
        let page = match self.membership.settings.max_deliveries {
            None => self.pending_page(cursor).await?,
            Some(_) => Page::listed(self.list(cursor, false).await?),
        };
        let next = page.next.map(|id| Cursor { id, ..cursor });
        let next = next.or_else(|| self.next_stream(cursor));
        // Entries of other consumers come next when those are due.
        self.phase = next.map_or(Phase::Read, Phase::Recover);
        Ok(page.found)
    }

    /// Claims a page of entries of other consumers.
    async fn claim(&mut self, cursor: Cursor) -> Result<Vec<Delivery>> {
        let page = match self.membership.settings.max_deliveries {
            None => self.claimed_page(cursor).await?,
            Some(_) => Page::listed(self.list(cursor, true).await?),
        };
        let next = page.next.map(|id| Cursor { id, ..cursor });
        match next.or_else(|| self.next_stream(cursor)) {
            Some(next) => self.phase = Phase::Claim(next),
            None => {
                self.phase = Phase::Read;
                self.claim_at = in_future(self.membership.settings.claim_interval);
            }
        }
        Ok(page.found)
    }

    fn next_stream(&self, cursor: Cursor) -> Option<Cursor> {
        let stream = cursor.stream + 1;
        (stream < self.membership.streams.len()).then_some(Cursor {
            stream,
            id: StreamId::MIN,
        })
    }

    /// Maximum BLOCK time of one read. A stop takes effect between reads.
    fn longest_read(&self) -> Duration {
        self.membership.settings.block.min(SLICE)
    }

    /// Waits for new entries.
    async fn read(&mut self) -> Result<Vec<Delivery>> {
        let membership = Arc::clone(&self.membership);
        let mut reply = match self.reading.take() {
            Some(reply) => reply.into_inner().unwrap_or_else(PoisonError::into_inner),
            None => Box::pin(self.start_read()),
        };
        let retry = async {
            if membership.is_stopped() {
                std::future::pending::<()>().await;
            } else {
                membership.retry_due().await;
            }
        };
        let read = tokio::select! {
            biased;
            read = &mut reply => read,
            () = retry => {
                self.reading = Some(Mutex::new(reply));
                return Ok(Vec::new());
            }
        };
        self.read_failed = read.is_err();
        let (read, span) = read?;
        let entries: usize = read.iter().map(|batch| batch.entries.len()).sum();
        self.last_read = Some((u64::try_from(entries).unwrap_or(u64::MAX), Instant::now()));
        let mut found = Vec::new();
        for batch in read {
            let streams = &membership.streams;
            let Some(stream) = streams.iter().position(|key| *key == batch.key) else {
                continue;
            };
            let new = |StreamEntry { id, fields }| {
                Delivery::new(&membership, (stream, id), fields, 1, &span)
            };
            found.extend(batch.entries.into_iter().filter_map(new));
        }
        Ok(found)
    }

    /// Creates a read of new entries.
    fn start_read(&self) -> Traced<Vec<StreamBatch>> {
        let Membership {
            client,
            group,
            name,
            streams,
            settings,
            ..
        } = &*self.membership;
        let now = Instant::now();
        let claim_at = settings.min_idle.map(|_| self.claim_at);
        let until = claim_at.into_iter().chain(self.recover_at).min();
        let left = until.map_or(Duration::MAX, |at| at.duration_since(now));
        // Zero blocks forever.
        let block = self.longest_read().min(left).max(Duration::from_millis(1));
        let options = XReadGroupOptions::new()
            .count(self.prefetch.count())
            .block(block);
        let wanted = streams.iter().map(|stream| (stream, GroupRead::New));
        client
            .xreadgroup_with(group, name, wanted, options)
            .traced()
    }

    /// Delivers an entry that was deleted while it was pending, or collects its ID for
    /// acknowledgment.
    pub(super) fn deleted(
        &self,
        entry: Entry,
        delivered: u64,
        read: &Span,
        to_acknowledge: &mut Vec<StreamId>,
    ) -> Option<Delivery> {
        if self.membership.settings.deleted == DeletedEntries::Acknowledge {
            to_acknowledge.push(entry.1);
            return None;
        }
        let fields = StreamFields::default();
        Delivery::new(&self.membership, entry, fields, delivered, read)
    }

    /// Acknowledges deleted entries. Best effort: those that stay pending are found again.
    pub(super) async fn acknowledge_deleted(&self, key: &Bytes, deleted: &[StreamId]) {
        let Membership { client, group, .. } = &*self.membership;
        for ids in deleted.chunks(1000) {
            let _best_effort = client.xack(key, group, ids).retry_safe().await;
        }
    }

    /// Decides how to continue after an error, and whether to return it.
    fn failed(&mut self, error: Error) -> Result<Vec<Delivery>> {
        let delay = self
            .reconnect
            .retry_delay(error.transport_error(), Instant::now());
        self.delay = Some(delay);
        if error.is_no_group() {
            self.phase = Phase::Join;
        } else if !error.certainly_did_not_run() {
            // The entries of the lost reply are pending. A read that still blocks at the server, on
            // the lost connection, may receive more until its time is up.
            self.recover_at = Some(in_future(self.longest_read() + LINGER));
            if !matches!(self.phase, Phase::Join) {
                self.phase = Phase::Recover(Cursor::default());
            }
        }
        let is_transient = match error.kind() {
            ErrorKind::Connection | ErrorKind::Timeout => true,
            _ => error.is_no_group() || error.is_retryable(),
        };
        if is_transient {
            tracing::debug!(error.type = error.kind().as_str(), "consumer retries after an error");
            if self.membership.client.state() == State::Connected && !error.is_no_group() {
                // The server's text may quote a key.
                let code = error.server_error().map(|error| error.code());
                let shown: &dyn Display = match &code {
                    Some(code) => code,
                    None => &error,
                };
                let fault = Fault {
                    error: shown,
                    is_lasting: false,
                    waiting: None,
                };
                self.outages
                    .failed(self.membership.address().as_deref(), &fault);
            }
            Ok(Vec::new())
        } else {
            Err(error)
        }
    }
}
