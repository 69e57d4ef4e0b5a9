//! A consumer of a group: deliveries that are read, recovered and claimed as needed, until they are acknowledged.

mod acks;
mod delivery;
mod membership;
mod options;
mod prefetch;
mod recover;
mod work;

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use swarm_resp::{ToArg, ToArgs};

pub use delivery::Delivery;
pub use options::{ConsumerBuilder, DeletedEntries};

pub(super) use acks::AckQueues;

use super::Client;
use crate::error::Result;
use membership::Membership;
use work::Work;

impl Client {
    /// A consumer of streams: a member of a group that shares the reading of them. See [`Consumer`].
    ///
    /// `name` tells the members of a group apart, so no two that run at the same time may share one. One that starts again
    /// under the name it had goes on with what it left behind.
    ///
    /// ```
    /// use swarm_keydb::{Client, prelude::*};
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
        streams: impl ToArgs,
    ) -> ConsumerBuilder {
        ConsumerBuilder::new(self.clone(), &group.to_arg(), &name.to_arg(), &streams)
    }
}

/// A consumer of a group, as an endless stream of deliveries.
///
/// It makes the group and the streams if they are missing. Then it hands out, in this order:
///
/// 1. what it was given before under its name and has not acknowledged, after a crash for example;
/// 2. what others were given and have not acknowledged for too long ([`min_idle`](ConsumerBuilder::min_idle));
/// 3. new entries, as they come.
///
/// A delivery is done when it is [acknowledged](Delivery::ack). One that is dropped instead stays pending at the server, and comes
/// again: to this consumer or another once it was idle for too long, or when a consumer of this name starts. So every entry is
/// processed **at least once**, whatever breaks or is cancelled, and rarely more than once. Processing should not take longer
/// than `min_idle`.
///
/// Lost connections, timeouts, groups that vanish and entries that are trimmed away are dealt with inside; the waits between
/// attempts grow, and are drawn at random. A reply that was lost may have held entries, so what is pending is looked through
/// again. Only what will not pass by itself comes out as an error, such as a key that is no stream; the next call tries again
/// all the same. [`Client::watch_state`] tells when the server cannot be reached.
///
/// Nothing runs in the background: entries are read while [`next`](Self::next) is polled, into a buffer of at most
/// [`count`](ConsumerBuilder::count) entries per stream. While it waits for new ones it holds a leased connection
/// ([`Options::leases`](crate::Options::leases)), so it needs a wire with sessions: not HTTP alone.
///
/// # Cancel safety
///
/// No delivery is lost when a future of [`next`](Self::next) is dropped, as in `select!`. What was read when the consumer is
/// dropped stays pending.
#[must_use = "nothing is read until the consumer is polled"]
pub struct Consumer {
    membership: Arc<Membership>,
    buffer: VecDeque<Delivery>,
    state: State,
}

type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum State {
    Idle(Work),
    Working(Running<(Work, Result<Vec<Delivery>>)>),
    /// Nothing is read any more; waits for what was handed out.
    Draining(Running<()>),
    Ended,
}

impl Consumer {
    fn new(membership: Arc<Membership>) -> Self {
        Self {
            state: State::Idle(Work::new(Arc::clone(&membership))),
            membership,
            buffer: VecDeque::new(),
        }
    }

    /// The next delivery. `None` at the end, which comes after [`stop`](Self::stop) or when the client was closed.
    pub async fn next(&mut self) -> Option<Result<Delivery>> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Stops in order: nothing more is read. [`next`](Self::next) hands out what was read before; then it waits until all
    /// that it handed out is acknowledged or dropped, for the [`drain_time`](ConsumerBuilder::drain_time) at the most; then it
    /// answers `None`. A read that is under way is awaited, for it may bring something.
    pub fn stop(&self) {
        self.membership.stop();
    }

    /// Stops this consumer from elsewhere.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.membership))
    }

    /// How many deliveries are out: handed out or read ahead, and neither acknowledged nor dropped.
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
pub struct Stopper(Arc<Membership>);

impl Stopper {
    /// As [`Consumer::stop`].
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopper")
            .field("stopped", &self.0.is_stopped())
            .finish()
    }
}
