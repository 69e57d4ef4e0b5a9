//! Consumers of groups: read, recover and claim entries until they are acknowledged.

mod acks;
mod delivery;
mod membership;
mod options;
mod prefetch;
mod recover;
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

pub use delivery::Delivery;
pub use options::{ConsumerBuilder, DeletedEntries};

pub(super) use acks::AckQueues;

use super::Client;
use crate::error::Result;
use crate::key::ToKeys;
use membership::Membership;
use work::Work;

impl Client {
    /// Configures a consumer of streams: a member of a group whose members share the entries. See [`Consumer`].
    ///
    /// `name` identifies the member, so consumers that run at the same time need different names. A consumer that starts again
    /// under its old name resumes with its pending entries.
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
}

/// Stream of the deliveries to one consumer of a group.
///
/// The consumer creates the group and the streams if they are missing. It then yields, in this order:
///
/// 1. entries that were delivered under its name before and are not acknowledged, for example after a crash;
/// 2. entries that other consumers have not acknowledged for too long ([`min_idle`](ConsumerBuilder::min_idle));
/// 3. new entries as they arrive.
///
/// Acknowledge each delivery after processing it ([`Delivery::ack`]). A delivery that is dropped instead stays pending at the
/// server and is redelivered: to this or another consumer once it was idle for too long, or to the next consumer of this name.
/// So every entry is processed **at least once**, whatever fails or is cancelled, and rarely more than once. Processing,
/// including the wait in the buffer, should not take longer than `min_idle`.
///
/// The consumer recovers from lost connections, timeouts, groups that vanish and entries that are trimmed; its retries back off
/// with jitter. After a lost reply, it looks through its pending entries again. [`Client::watch_state`] shows whether the server
/// is reachable.
///
/// Nothing runs in the background: the consumer reads while [`next`](Self::next) is polled, into a buffer of at most
/// [`count`](ConsumerBuilder::count) entries per stream. While it waits for new entries, it holds a leased connection
/// ([`ClientOptions::max_dedicated_connections`](crate::ClientOptions::max_dedicated_connections)), so it needs a transport with sessions: not HTTP alone.
///
/// # Errors
///
/// An error that does not pass by itself but may after a change, such as a key that is not a stream, is an item of the stream;
/// the next call tries again. An error that cannot pass (kind [`Closed`](crate::ErrorKind::Closed),
/// [`Argument`](crate::ErrorKind::Argument) or [`Config`](crate::ErrorKind::Config)) is the last item.
///
/// # Cancel safety
///
/// Dropping a future of [`next`](Self::next), as `select!` does, loses no delivery. Entries in the buffer of a consumer that
/// is dropped stay pending.
#[must_use = "nothing is read until the consumer is polled"]
pub struct Consumer {
    membership: Arc<Membership>,
    buffer: VecDeque<Delivery>,
    state: State,
}

type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum State {
    Idle(Box<Work>),
    Working(Running<(Box<Work>, Result<Vec<Delivery>>)>),
    /// Nothing is read any more; waits for what was handed out.
    Draining(Running<()>),
    Ended,
}

impl Consumer {
    fn new(membership: Arc<Membership>) -> Self {
        Self {
            state: State::Idle(Box::new(Work::new(Arc::clone(&membership)))),
            membership,
            buffer: VecDeque::new(),
        }
    }

    /// Returns the next delivery, or `None` at the end: after [`stop`](Self::stop), or after an error that cannot pass.
    pub async fn next(&mut self) -> Option<Result<Delivery>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Stops the consumer gracefully. It starts no further read, but finishes the one in flight, which may return entries.
    /// [`next`](Self::next) yields what is in the buffer, waits until every delivery is acknowledged or dropped, for at most the
    /// [`drain_timeout`](ConsumerBuilder::drain_timeout), and then returns `None`.
    pub fn stop(&self) {
        self.membership.stop();
    }

    /// Returns a handle that stops this consumer from elsewhere.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle(Arc::clone(&self.membership))
    }

    /// Number of deliveries that are in the buffer or with the application, neither acknowledged nor dropped.
    pub fn unsettled(&self) -> usize {
        self.membership.unsettled()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Delivery>>> {
        loop {
            if let Some(delivery) = self.buffer.pop_front() {
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

    /// Starts whatever comes next.
    fn start(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Ended);
        let membership = Arc::clone(&self.membership);
        self.state = match state {
            State::Idle(_) if membership.is_stopped() => {
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

/// Stops a [`Consumer`] from elsewhere: from another task, or when a signal comes.
#[derive(Clone)]
pub struct StopHandle(Arc<Membership>);

impl StopHandle {
    /// As [`Consumer::stop`].
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
