//! Write queue of the deployed server: collects the writes of all connections and applies them in
//! batches.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use crate::clock::Clock;

/// Settings of the write queue, which [`Quirk::WriteQueue`](crate::Quirk::WriteQueue) enables.
///
/// The defaults are those of the deployed server: it begins a batch with the writes that are
/// pending. If these are fewer than 64, it waits 100 ms and adds those that have arrived, up to 64.
/// 4 writers apply the batch; then the next one begins. So a connection that sends one write after
/// another waits 100 ms for each, and only a backlog of 64 writes is applied without waiting.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use swarm_gateway::{Dialect, Gateway, WriteQueue};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), swarm_gateway::StartError> {
/// let gateway = Gateway::builder()
///     .dialect(Dialect::UPSTREAM)
///     .write_queue(WriteQueue::new().interval(Duration::from_millis(10)))
///     .start()
///     .await?;
/// # drop(gateway);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteQueue {
    interval: Duration,
    batch: usize,
    writers: usize,
    flush_when_full: bool,
}

impl Default for WriteQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl WriteQueue {
    /// Returns the deployed server's default settings.
    pub const fn new() -> Self {
        Self {
            interval: Duration::from_millis(100),
            batch: 64,
            writers: 4,
            flush_when_full: false,
        }
    }

    /// Sets how long a batch that is not full waits for further writes. Default: 100 ms.
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets the maximum number of writes in a batch, which is applied without waiting if that many
    /// are pending when it begins; at least 1. Default: 64.
    #[must_use]
    pub const fn batch(mut self, writes: usize) -> Self {
        self.batch = if writes == 0 { 1 } else { writes };
        self
    }

    /// Ends the wait of a batch as soon as it is full, unlike the deployed server. For tests in
    /// which writes must meet in one batch.
    #[must_use]
    pub const fn flush_when_full(mut self) -> Self {
        self.flush_when_full = true;
        self
    }

    /// Sets the number of writers that apply a batch in parallel, each its share in order; at least
    /// 1. Default: 4.
    #[must_use]
    pub const fn writers(mut self, writers: usize) -> Self {
        self.writers = if writers == 0 { 1 } else { writers };
        self
    }
}

/// Applied by a batch.
type Write = Box<dyn FnOnce() + Send>;

/// A write, and who waits until it has been applied.
type Queued = (Write, oneshot::Sender<()>);

/// Number of batches in ten after which the deployed server looks for the next one only when all of
/// the connections that it has just answered have sent another write. So 64 connections that write
/// one after another make 850 writes a second, not 640, and 128 make 2,030, not 1,280. At regular
/// intervals here, so that measurements can be compared.
const LATE_IN_TEN: u8 = 3;

/// How late it then is.
const LATENESS: Duration = Duration::from_millis(3);

/// A running write queue.
pub(crate) struct Flushes {
    settings: WriteQueue,
    clock: Clock,
    pending: Mutex<Pending>,
    /// Notified when a batch's worth of writes is pending.
    full: Notify,
    /// Held by commands that run one at a time for the whole server.
    pub(crate) serial: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Pending {
    writes: VecDeque<Queued>,
    /// Whether a task applies batches; it ends when nothing is pending.
    running: bool,
    /// Counts up to the next late batch, in tenths.
    progress: u8,
}

impl Flushes {
    pub(crate) fn new(settings: WriteQueue, clock: Clock) -> Self {
        Self {
            settings,
            clock,
            pending: Mutex::default(),
            full: Notify::new(),
            serial: tokio::sync::Mutex::default(),
        }
    }

    /// Queues a write and waits until it has been applied.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future after its first poll does not cancel the write.
    pub(crate) async fn write(self: &Arc<Self>, write: impl FnOnce() + Send + 'static) {
        let (flushed, applied) = oneshot::channel();
        let (running, is_full) = {
            let mut pending = self.lock();
            pending.writes.push_back((Box::new(write), flushed));
            let running = std::mem::replace(&mut pending.running, true);
            (running, pending.writes.len() >= self.settings.batch)
        };
        if is_full {
            self.full.notify_one();
        }
        if !running {
            tokio::spawn(self.clone().run());
        }
        // The task uses the sender, which is otherwise dropped only with the runtime.
        let _ = applied.await;
    }

    /// Applies batches until nothing is pending.
    async fn run(self: Arc<Self>) {
        loop {
            let count = {
                let mut pending = self.lock();
                pending.running = !pending.writes.is_empty();
                pending.writes.len()
            };
            match count {
                0 => return,
                few if few < self.settings.batch => self.wait_for_more().await,
                _ => {}
            }
            let batch = {
                let mut pending = self.lock();
                let count = pending.writes.len().min(self.settings.batch);
                pending.writes.drain(..count).collect()
            };
            self.apply(batch).await;
            if self.is_late() {
                tokio::time::sleep(LATENESS).await;
            }
        }
    }

    /// Counts a batch, and returns whether the next one begins late.
    fn is_late(&self) -> bool {
        let mut pending = self.lock();
        let progress = pending.progress + LATE_IN_TEN;
        pending.progress = progress % 10;
        progress >= 10
    }

    async fn wait_for_more(&self) {
        let full = async {
            if !self.settings.flush_when_full {
                return std::future::pending().await;
            }
            while self.lock().writes.len() < self.settings.batch {
                self.full.notified().await;
            }
        };
        tokio::select! {
            () = self.clock.pause(self.settings.interval) => {}
            () = full => {}
        }
    }

    /// Applies a batch. Each writer preserves order; there is no order across writers.
    async fn apply(&self, batch: Vec<Queued>) {
        let writers = self.settings.writers;
        let mut shares: Vec<VecDeque<Queued>> = Vec::new();
        shares.resize_with(writers, VecDeque::new);
        for (place, queued) in batch.into_iter().enumerate() {
            if let Some(share) = shares.get_mut(place % writers) {
                share.push_back(queued);
            }
        }
        let mut applied = 0_usize;
        loop {
            shares.retain(|share| !share.is_empty());
            if shares.is_empty() {
                return;
            }
            let next = fastrand::usize(..shares.len());
            if let Some((write, flushed)) = shares.get_mut(next).and_then(VecDeque::pop_front) {
                write();
                // The connection that queued the write may be gone.
                let _ = flushed.send(());
            }
            applied += 1;
            if applied.is_multiple_of(writers) {
                // A write takes time on the deployed server, in which connections whose writes have
                // been applied send the next.
                tokio::task::yield_now().await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Flushes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flushes")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use tokio::time::Instant;

    async fn writes(queue: &Arc<Flushes>, count: usize) -> Duration {
        let before = Instant::now();
        join_all((0..count).map(|_| queue.write(|| {}))).await;
        before.elapsed()
    }

    /// Returns a time in milliseconds, rounded to tens: the queue may be late by a few.
    fn millis_of(time: Duration) -> u128 {
        (time.as_millis() + 2) / 10 * 10
    }

    /// Writes for which the queue's task has not looked yet are one backlog.
    #[tokio::test(start_paused = true)]
    async fn a_batch_waits_unless_it_is_full_at_its_beginning() {
        let queue = Arc::new(Flushes::new(WriteQueue::new(), Clock::system()));
        for (count, millis) in [(1, 100), (63, 100), (64, 0), (128, 0), (65, 100)] {
            assert_eq!(millis_of(writes(&queue, count).await), millis, "{count}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_fills_later_still_waits() {
        let settings = WriteQueue::new().batch(2);
        for (settings, expected) in [(settings, 100), (settings.flush_when_full(), 30)] {
            let queue = Arc::new(Flushes::new(settings, Clock::system()));
            let before = Instant::now();
            let later = async {
                tokio::time::sleep(Duration::from_millis(30)).await;
                queue.write(|| {}).await;
            };
            tokio::join!(queue.write(|| {}), later);
            assert_eq!(millis_of(before.elapsed()), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_exceeds_a_batch_is_left_for_the_next() {
        let queue = Arc::new(Flushes::new(WriteQueue::new().batch(2), Clock::system()));
        let before = Instant::now();
        let later = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            writes(&queue, 4).await;
        };
        tokio::join!(writes(&queue, 1), later);
        // Two at 100 ms, two at once as the backlog is full, and the last one alone.
        assert_eq!(millis_of(before.elapsed()), 200);
    }

    #[tokio::test(start_paused = true)]
    async fn a_manual_clock_flushes_when_it_is_advanced() {
        let clock = Clock::manual();
        let queue = Arc::new(Flushes::new(WriteQueue::new(), clock.clone()));
        let writing = tokio::spawn({
            let queue = queue.clone();
            async move { writes(&queue, 1).await }
        });
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!writing.is_finished());
        clock.advance(Duration::from_millis(100));
        writing.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_queued_write_is_applied_when_its_caller_is_gone() {
        let queue = Arc::new(Flushes::new(WriteQueue::new(), Clock::system()));
        let (applied, seen) = oneshot::channel();
        let write = queue.write(move || {
            let _ = applied.send(());
        });
        assert!(write.now_or_never().is_none());
        assert_eq!(seen.await, Ok(()));
    }
}
