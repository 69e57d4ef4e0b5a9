//! Stream consumers: read, recover, and claim the entries of a consumer group until they are
//! acknowledged.

mod acks;
mod dead_letter;
mod delivery;
mod membership;
mod options;
mod page;
mod prefetch;
mod recover;
mod redeliver;
mod registry;
mod retries;
mod span;
#[cfg(test)]
mod tests;
mod work;

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use swarm_resp::ToArg;

pub use dead_letter::DeadLetter;
pub use delivery::Delivery;
pub use options::{ConsumerBuilder, DeletedEntries};

pub(super) use acks::AckQueues;
pub(super) use registry::Consumers;

use super::Client;
use crate::error::Result;
use crate::key::ToKeys;
use membership::Membership;
use work::Work;

impl Client {
    /// Returns a builder of a stream consumer: a member of a consumer group, whose members share
    /// the entries. See [`Consumer`].
    ///
    /// `name` identifies the member, so consumers that run at the same time need different names. A
    /// consumer that restarts under its old name resumes with its pending entries.
    ///
    /// # Examples
    ///
    /// ```
    /// use swarm_keydb::Client;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// client.xadd("orders", [("item", "tea"), ("count", "2")]).await?;
    ///
    /// let mut consumer = client.consumer("billing", "worker-1", "orders").count(50).build()?;
    /// while let Some(delivery) = consumer.next().await {
    ///     let delivery = delivery?;
    ///     let count: Option<i64> = delivery.fields.get_as("count")?;
    ///     assert_eq!(count, Some(2));
    ///     delivery.ack().await?;
    ///     # consumer.stop();
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn consumer(
        &self,
        group: impl ToArg,
        name: impl ToArg,
        streams: impl ToKeys,
    ) -> ConsumerBuilder {
        ConsumerBuilder::new(self.clone(), &group.to_arg(), &name.to_arg(), &streams)
    }

    /// Stops all consumers of this client and its clones gracefully, as [`Consumer::stop`] does.
    /// Consumers that are built later are not affected.
    ///
    /// To stop them from another task, for example on a signal, give that task a clone of the
    /// client.
    pub fn stop_consumers(&self) {
        self.shared.consumers.stop();
    }
}

/// Stream of the deliveries to one consumer of a group.
///
/// The consumer creates the group and the streams if they are missing. It then yields, in this
/// order:
///
/// 1. entries that were delivered under its name before and are not acknowledged, for example after
///    a crash;
/// 2. entries that other consumers have not acknowledged for too long
///    ([`min_idle`](ConsumerBuilder::min_idle));
/// 3. new entries as they arrive.
///
/// Acknowledge each delivery after processing it ([`Delivery::ack`]). A delivery that is dropped
/// instead stays pending on the server and is redelivered: to this or another consumer once it has
/// been idle for `min_idle`, or to the next consumer with this name. Delivery is **at least once**,
/// whatever fails or is cancelled, and duplicates are rare. Processing, including the wait in the
/// buffer, should not take longer than `min_idle`. Call [`Delivery::extend`] during longer work.
///
/// If processing fails, give the entry back with [`Delivery::nack`]. To give up on an entry that
/// fails too often, set [`max_deliveries`](ConsumerBuilder::max_deliveries) and
/// [`dead_letter`](ConsumerBuilder::dead_letter).
///
/// The consumer recovers from lost connections, timeouts, deleted groups, and trimmed entries, with
/// backoff and jitter. After a lost reply, it checks its pending entries again.
/// [`Client::watch_state`] shows whether the server is reachable.
///
/// Nothing runs in the background: the consumer reads while [`next`](Self::next) is polled, into a
/// buffer of at most [`count`](ConsumerBuilder::count) entries per stream. While it waits for new
/// entries, it holds a leased connection
/// ([`ClientOptions::max_dedicated_connections`](crate::ClientOptions::max_dedicated_connections)),
/// so it needs a transport with sessions: not HTTP alone.
///
/// # Errors
///
/// The consumer retries transient errors itself. An error that needs a change on the server, such
/// as a key that is not a stream, is an item of the stream, and the next call tries again. A
/// permanent error (kind [`Closed`](crate::ErrorKind::Closed),
/// [`Argument`](crate::ErrorKind::Argument) or [`Config`](crate::ErrorKind::Config)) is the last
/// item.
///
/// # Cancel safety
///
/// Dropping a future of [`next`](Self::next), for example in `select!`, loses no delivery. If the
/// consumer is dropped, entries in its buffer stay pending.
#[must_use = "nothing is read until the consumer is polled"]
pub struct Consumer {
    membership: Arc<Membership>,
    buffer: VecDeque<Delivery>,
    state: State,
    /// Stops the consumer when it completes.
    stop_when: Option<Running<()>>,
}

type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum State {
    Idle(Box<Work>),
    Working(Running<(Box<Work>, Result<Vec<Delivery>>)>),
    /// Reads no more; waits for outstanding deliveries.
    Draining(Running<()>),
    Ended,
}

impl Consumer {
    fn new(membership: Arc<Membership>, stop_when: Option<Running<()>>) -> Self {
        Self {
            state: State::Idle(Box::new(Work::new(Arc::clone(&membership)))),
            membership,
            buffer: VecDeque::new(),
            stop_when,
        }
    }

    /// Returns the next delivery, or `None` after [`stop`](Self::stop) or a permanent error.
    pub async fn next(&mut self) -> Option<Result<Delivery>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Stops the consumer gracefully. It starts no further read, but finishes the one in flight,
    /// which may return entries. [`next`](Self::next) yields what is in the buffer, waits until
    /// every delivery is acknowledged or dropped, for at most the
    /// [`drain_timeout`](ConsumerBuilder::drain_timeout), and then returns `None`.
    pub fn stop(&self) {
        self.membership.stop();
    }

    /// Returns a handle that stops this consumer from another task.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle(Arc::clone(&self.membership))
    }

    /// Returns the number of deliveries that are buffered or with the application, and neither
    /// acknowledged nor dropped.
    pub fn unsettled(&self) -> usize {
        self.membership.unsettled()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery>>> {
        if let Some(signal) = &mut self.stop_when
            && signal.as_mut().poll(cx).is_ready()
        {
            self.stop_when = None;
            self.membership.stop();
        }
        loop {
            if let Some(delivery) = self.buffer.pop_front() {
                delivery.note_yielded();
                return Poll::Ready(Some(Ok(delivery)));
            }
            match &mut self.state {
                State::Idle(_) => self.start(),
                State::Working(step) => {
                    let (work, found) = ready!(step.as_mut().poll(cx));
                    self.state = State::Idle(work);
                    match found {
                        Ok(found) => self.buffer = found.into(),
                        Err(error) => {
                            if error.kind().is_final() {
                                self.state = State::Ended;
                            }
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
                State::Draining(settled) => {
                    ready!(settled.as_mut().poll(cx));
                    self.state = State::Ended;
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }

    /// Starts the next step.
    fn start(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Ended);
        let membership = Arc::clone(&self.membership);
        self.state = match state {
            State::Idle(work) if membership.is_stopped() && !work.is_reading() => {
                State::Draining(Box::pin(async move { membership.drained().await }))
            }
            State::Idle(mut work) => State::Working(Box::pin(async move {
                let found = work.step().await;
                (work, found)
            })),
            other => other,
        };
    }
}

impl Stream for Consumer {
    type Item = Result<Delivery>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery>>> {
        self.poll(cx)
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("buffered", &self.buffer.len())
            .field("unsettled", &self.unsettled())
            .field("stopped", &self.membership.is_stopped())
            .finish_non_exhaustive()
    }
}

/// Handle that stops a [`Consumer`] from another task, for example on a signal.
#[derive(Clone)]
pub struct StopHandle(Arc<Membership>);

impl StopHandle {
    /// Stops the consumer gracefully: see [`Consumer::stop`].
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopHandle")
            .field("stopped", &self.0.is_stopped())
            .finish()
    }
}
