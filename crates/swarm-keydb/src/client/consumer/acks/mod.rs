//! Batches waiting acknowledgments into one XACK per stream and group.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;

use crate::client::Client;
use crate::commands::{StreamId, XPendingOptions};
use crate::error::{Error, Result};

/// Maximum number of IDs in one XACK, which keeps the command below the 64 KiB that SwarmKeyDb's
/// gateway reads.
const MAX_IDS: usize = 1000;

/// Acknowledgment queues of all consumers of a client, by stream and group.
#[derive(Debug, Default)]
pub(in crate::client) struct AckQueues(Mutex<HashMap<(Bytes, Bytes), Weak<AckQueue>>>);

impl AckQueues {
    /// Returns the queue of a stream and group. It exists as long as a consumer or a delivery uses
    /// it.
    pub(super) fn of(&self, stream: &Bytes, group: &Bytes) -> Arc<AckQueue> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (stream.clone(), group.clone());
        if let Some(queue) = queues.get(&name).and_then(Weak::upgrade) {
            return queue;
        }
        queues.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::new(AckQueue::new(stream.clone(), group.clone()));
        queues.insert(name, Arc::downgrade(&queue));
        queue
    }
}

/// Acknowledgments of one stream and group. One XACK is in flight at a time; acknowledgments that
/// arrive meanwhile form the next batch.
///
/// There is no task that drives the XACK in flight. Every waiting caller drives it, so no caller
/// depends on another being polled.
pub(super) struct AckQueue {
    stream: Bytes,
    group: Bytes,
    state: Mutex<State>,
    callers: Arc<Callers>,
    /// Wakes all callers.
    waker: Waker,
}

#[derive(Default)]
struct State {
    /// Number of the next caller.
    next: u64,
    waiting: VecDeque<(u64, StreamId)>,
    in_flight: Option<Batch>,
    /// Results that waiting callers have not taken yet.
    results: HashMap<u64, Result<()>>,
}

/// An XACK in flight.
struct Batch {
    ids: Vec<(u64, StreamId)>,
    /// Resolves to the IDs that are still pending after the XACK.
    work: Pin<Box<dyn Future<Output = Result<HashSet<StreamId>>> + Send>>,
}

/// Wakers of the callers that wait for an acknowledgment.
#[derive(Default)]
struct Callers(Mutex<HashMap<u64, Option<Waker>>>);

impl Callers {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Option<Waker>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_all(&self) {
        let wakers: Vec<Waker> = self.lock().values_mut().filter_map(Option::take).collect();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Wake for Callers {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }
}

impl AckQueue {
    fn new(stream: Bytes, group: Bytes) -> Self {
        let callers = Arc::new(Callers::default());
        Self {
            stream,
            group,
            state: Mutex::default(),
            waker: Waker::from(Arc::clone(&callers)),
            callers,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Acknowledges an entry, batched with others that wait.
    pub(super) fn ack(self: &Arc<Self>, client: &Client, id: StreamId) -> Ack {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        // Register the caller first, so that a result cannot arrive before it.
        self.callers.lock().insert(number, None);
        state.waiting.push_back((number, id));
        drop(state);
        Ack {
            queue: Arc::clone(self),
            client: client.clone(),
            number,
            yielded: false,
        }
    }

    /// Takes the reply if it has arrived, and sends the next batch if nothing is in flight. Returns
    /// true if callers must be woken.
    fn advance(&self, state: &mut State, client: &Client) -> bool {
        let mut finished = false;
        loop {
            if let Some(batch) = &mut state.in_flight {
                let mut cx = Context::from_waker(&self.waker);
                let Poll::Ready(result) = batch.work.as_mut().poll(&mut cx) else {
                    return finished;
                };
                finished = true;
                let ids = state
                    .in_flight
                    .take()
                    .map_or_else(Vec::new, |batch| batch.ids);
                let callers = self.callers.lock();
                let waiting = ids.into_iter().filter(|(n, _)| callers.contains_key(n));
                state
                    .results
                    .extend(waiting.map(|(n, id)| (n, result_of(&result, id))));
            }
            if state.waiting.is_empty() {
                return finished;
            }
            let count = state.waiting.len().min(MAX_IDS);
            let ids: Vec<_> = state.waiting.drain(..count).collect();
            let unique: HashSet<StreamId> = ids.iter().map(|(_, id)| *id).collect();
            let work = acknowledge(
                client.clone(),
                self.stream.clone(),
                self.group.clone(),
                unique,
            );
            state.in_flight = Some(Batch {
                ids,
                work: Box::pin(work),
            });
        }
    }
}

/// Returns the result of one acknowledgment of a batch.
fn result_of(result: &Result<HashSet<StreamId>>, id: StreamId) -> Result<()> {
    match result {
        Ok(pending) if pending.contains(&id) => Err(Error::still_pending()),
        Ok(_) => Ok(()),
        Err(error) => Err(error.clone()),
    }
}

/// Sends an XACK. Returns the IDs that are still pending.
async fn acknowledge(
    client: Client,
    stream: Bytes,
    group: Bytes,
    ids: HashSet<StreamId>,
) -> Result<HashSet<StreamId>> {
    let acknowledged = async {
        let mut sorted: Vec<StreamId> = ids.iter().copied().collect();
        sorted.sort_unstable();
        let count = client.xack(&stream, &group, &*sorted).retry_safe().await?;
        let all = u64::try_from(sorted.len()).is_ok_and(|all| count >= all);
        let (Some(first), Some(last), false) = (sorted.first(), sorted.last(), all) else {
            return Ok(HashSet::new());
        };
        // XACK does not say which IDs it acknowledged: the others were not pending, or the server
        // does not recognize their notation.
        still_pending(&client, &stream, &group, *first, *last, &ids).await
    };
    match acknowledged.await {
        // A deleted group has no pending entries.
        Err(error) if error.is_no_group() => Ok(HashSet::new()),
        result => result,
    }
}

/// Returns the IDs that are pending, from `first` to `last`.
async fn still_pending(
    client: &Client,
    stream: &Bytes,
    group: &Bytes,
    first: StreamId,
    last: StreamId,
    ids: &HashSet<StreamId>,
) -> Result<HashSet<StreamId>> {
    let mut found = HashSet::new();
    let mut from = Some(first);
    while let Some(first) = from.filter(|first| *first <= last) {
        let options = XPendingOptions::new().range(first..=last).count(1000);
        let page = client.xpending_with(stream, group, options).await?;
        from = page.last().and_then(|entry| entry.id.next());
        found.extend(
            page.iter()
                .map(|entry| entry.id)
                .filter(|id| ids.contains(id)),
        );
    }
    Ok(found)
}

/// Future of an acknowledgment. Dropping it withdraws the acknowledgment if it was not sent.
pub(super) struct Ack {
    queue: Arc<AckQueue>,
    client: Client,
    number: u64,
    /// Whether the caller has let other tasks run, so that their acknowledgments join the batch. On
    /// a server with slow writes, the first one would otherwise take an XACK for itself.
    yielded: bool,
}

impl Future for Ack {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if !std::mem::replace(&mut self.yielded, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let queue = &self.queue;
        // Register the waker before checking for a reply, so that no wake-up is lost.
        queue
            .callers
            .lock()
            .insert(self.number, Some(cx.waker().clone()));
        let mut state = queue.lock();
        let finished = queue.advance(&mut state, &self.client);
        let result = state.results.remove(&self.number);
        drop(state);
        if result.is_some() {
            queue.callers.lock().remove(&self.number);
        }
        if finished {
            queue.callers.wake_all();
        }
        result.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.waiting.retain(|(number, _)| *number != self.number);
        state.results.remove(&self.number);
        let mut callers = self.queue.callers.lock();
        callers.remove(&self.number);
        // No caller is left to drive the XACK in flight. If it was sent, it may run.
        let abandoned = callers.is_empty().then(|| state.in_flight.take());
        drop(callers);
        drop(state);
        drop(abandoned);
    }
}

impl fmt::Debug for AckQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckQueue").finish_non_exhaustive()
    }
}
