//! Write queue of the deployed server: collects the writes of all connections and applies them in
//! batches.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::clock::Clock;

/// Settings of the write queue, which [`Quirk::WriteQueue`](crate::Quirk::WriteQueue) enables.
///
/// The defaults are those of the deployed server: a flush every 100 ms, or as soon as 64 writes are
/// pending, with 4 writers.
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
        }
    }

    /// Sets the time from the first write of a batch to its flush. Default: 100 ms.
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets the number of pending writes that triggers an immediate flush; at least 1. Default: 64.
    #[must_use]
    pub const fn batch(mut self, writes: usize) -> Self {
        self.batch = if writes == 0 { 1 } else { writes };
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

/// Applied at a flush.
type Write = Box<dyn FnOnce() + Send>;

/// A running write queue.
pub(crate) struct Flushes {
    settings: WriteQueue,
    clock: Clock,
    batch: Mutex<Batch>,
    /// Held by commands that run one at a time for the whole server.
    pub(crate) serial: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Batch {
    writes: Vec<(Write, oneshot::Sender<()>)>,
    /// Number of the batch being collected, so that a timer flushes only its own batch.
    number: u64,
}

impl Flushes {
    pub(crate) fn new(settings: WriteQueue, clock: Clock) -> Self {
        Self {
            settings,
            clock,
            batch: Mutex::default(),
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
        let (pending, number) = {
            let mut batch = self.lock();
            batch.writes.push((Box::new(write), flushed));
            (batch.writes.len(), batch.number)
        };
        if pending >= self.settings.batch {
            self.flush(number);
        } else if pending == 1 {
            let queue = self.clone();
            tokio::spawn(async move {
                queue.clock.pause(queue.settings.interval).await;
                queue.flush(number);
            });
        }
        // The flush uses the sender, which is otherwise dropped only with the runtime.
        let _ = applied.await;
    }

    /// Applies a batch unless it has already been applied.
    fn flush(&self, number: u64) {
        let writes = {
            let mut batch = self.lock();
            if batch.number != number {
                return;
            }
            batch.number += 1;
            std::mem::take(&mut batch.writes)
        };
        let mut applied = Vec::with_capacity(writes.len());
        let mut shares: Vec<VecDeque<Write>> = Vec::new();
        shares.resize_with(self.settings.writers, VecDeque::new);
        for (place, (write, flushed)) in writes.into_iter().enumerate() {
            if let Some(share) = shares.get_mut(place % self.settings.writers) {
                share.push_back(write);
            }
            applied.push(flushed);
        }
        // Each writer preserves order; there is no order across writers.
        loop {
            shares.retain(|share| !share.is_empty());
            if shares.is_empty() {
                break;
            }
            let next = fastrand::usize(..shares.len());
            if let Some(write) = shares.get_mut(next).and_then(VecDeque::pop_front) {
                write();
            }
        }
        for flushed in applied {
            // The connection that queued the write may be gone.
            let _ = flushed.send(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_flushed_by_time_or_number() {
        let queue = Arc::new(Flushes::new(WriteQueue::new(), Clock::system()));
        assert_eq!(writes(&queue, 1).await, Duration::from_millis(100));
        assert_eq!(writes(&queue, 63).await, Duration::from_millis(100));
        assert_eq!(writes(&queue, 64).await, Duration::ZERO);
        assert_eq!(writes(&queue, 128).await, Duration::ZERO);
        assert_eq!(writes(&queue, 65).await, Duration::from_millis(100));
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
