//! Blocking consumer of a consumer group.

use std::future::Future;
use std::iter::FusedIterator;
use std::ops::Deref;
use std::time::Duration;

use swarm_resp::ToArg;

use super::Client;
use super::runtime::{Iterated, Runtime};
use crate::client;
use crate::error::Result;
use crate::key::{ToKey, ToKeys};
use crate::{DeletedEntries, ReadAfter};

/// Consumer of streams, as a blocking iterator over deliveries: see [`Consumer`](crate::Consumer).
///
/// # Examples
///
/// ```
/// use swarm_keydb::blocking::Client;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::blocking::test()?;
/// # let client = Client::connect(gateway.ws_url())?;
/// client.xadd("orders", [("item", "tea"), ("count", "2")])?;
///
/// for delivery in client.consumer("billing", "worker-1", "orders").count(50).build()? {
///     let delivery = delivery?;
///     let count: Option<i64> = delivery.fields.get_as("count")?;
///     assert_eq!(count, Some(2));
///     delivery.ack()?;
///     # break;
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is read until the iterator is used"]
#[derive(Debug)]
pub struct Consumer(Iterated<client::Consumer>);

/// Builder of a [`Consumer`].
#[must_use = "nothing is read until the consumer is built and iterated"]
#[derive(Debug)]
pub struct ConsumerBuilder {
    inner: client::ConsumerBuilder,
    runtime: Runtime,
}

/// Entry delivered by a [`Consumer`]. Dereferences to the async client's
/// [`Delivery`](crate::Delivery).
#[must_use = "a delivery that is dropped is redelivered; acknowledge it after processing"]
#[derive(Debug)]
pub struct Delivery {
    inner: client::Delivery,
    runtime: Runtime,
}

impl Client {
    /// Returns a builder of a consumer of streams: see
    /// [`Client::consumer`](crate::Client::consumer).
    pub fn consumer(
        &self,
        group: impl ToArg,
        name: impl ToArg,
        streams: impl ToKeys,
    ) -> ConsumerBuilder {
        ConsumerBuilder {
            inner: self.inner.consumer(group, name, streams),
            runtime: self.runtime.clone(),
        }
    }

    /// Stops all consumers of this client and its clones gracefully: see
    /// [`Client::stop_consumers`](crate::Client::stop_consumers).
    pub fn stop_consumers(&self) {
        self.inner.stop_consumers();
    }
}

impl ConsumerBuilder {
    /// Sets the maximum number of entries per read and stream: see
    /// [`ConsumerBuilder::count`](crate::ConsumerBuilder::count).
    pub fn count(mut self, count: u64) -> Self {
        self.inner = self.inner.count(count);
        self
    }

    /// Sets how long one read may block on the server: see
    /// [`ConsumerBuilder::block`](crate::ConsumerBuilder::block).
    pub fn block(mut self, time: Duration) -> Self {
        self.inner = self.inner.block(time);
        self
    }

    /// Sets how long an entry may be pending for another consumer before this one claims it: see
    /// [`ConsumerBuilder::min_idle`](crate::ConsumerBuilder::min_idle).
    pub fn min_idle(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.inner = self.inner.min_idle(time);
        self
    }

    /// Sets the interval between searches for entries to claim: see
    /// [`ConsumerBuilder::claim_interval`](crate::ConsumerBuilder::claim_interval).
    pub fn claim_interval(mut self, time: Duration) -> Self {
        self.inner = self.inner.claim_interval(time);
        self
    }

    /// Sets the position of a group that the consumer creates: see
    /// [`ConsumerBuilder::start_from`](crate::ConsumerBuilder::start_from).
    pub fn start_from(mut self, start: impl Into<ReadAfter>) -> Self {
        self.inner = self.inner.start_from(start);
        self
    }

    /// Sets the policy for entries that were deleted while they were pending: see
    /// [`ConsumerBuilder::deleted_entries`](crate::ConsumerBuilder::deleted_entries).
    pub fn deleted_entries(mut self, policy: DeletedEntries) -> Self {
        self.inner = self.inner.deleted_entries(policy);
        self
    }

    /// Sets how long a stopped consumer waits until its deliveries are settled: see
    /// [`ConsumerBuilder::drain_timeout`](crate::ConsumerBuilder::drain_timeout).
    pub fn drain_timeout(mut self, time: Duration) -> Self {
        self.inner = self.inner.drain_timeout(time);
        self
    }

    /// Sets the delay after which this consumer redelivers an entry that was dropped: see
    /// [`ConsumerBuilder::retry_delay`](crate::ConsumerBuilder::retry_delay).
    pub fn retry_delay(mut self, time: Duration) -> Self {
        self.inner = self.inner.retry_delay(time);
        self
    }

    /// Sets how often an entry is delivered before it becomes a dead letter: see
    /// [`ConsumerBuilder::max_deliveries`](crate::ConsumerBuilder::max_deliveries).
    pub fn max_deliveries(mut self, deliveries: u64) -> Self {
        self.inner = self.inner.max_deliveries(deliveries);
        self
    }

    /// Sets the stream for dead letters: see
    /// [`ConsumerBuilder::dead_letter`](crate::ConsumerBuilder::dead_letter).
    pub fn dead_letter(mut self, stream: impl ToKey) -> Self {
        self.inner = self.inner.dead_letter(stream);
        self
    }

    /// Stops the consumer gracefully when a future completes: see
    /// [`ConsumerBuilder::stop_when`](crate::ConsumerBuilder::stop_when).
    pub fn stop_when(mut self, signal: impl Future + Send + 'static) -> Self {
        self.inner = self.inner.stop_when(signal);
        self
    }

    /// Creates the consumer.
    ///
    /// # Errors
    ///
    /// Kind [`Config`](crate::ErrorKind::Config) or [`Argument`](crate::ErrorKind::Argument) if an
    /// option is invalid.
    pub fn build(self) -> Result<Consumer> {
        Ok(Consumer(Iterated::new(self.inner.build()?, self.runtime)))
    }
}

impl Consumer {
    /// Like [`next`](Self::next), but waits for at most `time`.
    ///
    /// # Errors
    ///
    /// Kind [`Timeout`](crate::ErrorKind::Timeout) if no delivery arrives in time. The consumer
    /// continues, and no delivery is lost.
    pub fn next_within(&mut self, time: Duration) -> Option<Result<Delivery>> {
        let next = self.0.next_within(time, client::Consumer::next)?;
        Some(self.delivery(next))
    }

    /// Stops the consumer gracefully: see [`Consumer::stop`](crate::Consumer::stop).
    pub fn stop(&self) {
        self.0.stream.stop();
    }

    /// Returns a handle that stops this consumer from another thread or task.
    pub fn stop_handle(&self) -> crate::StopHandle {
        self.0.stream.stop_handle()
    }

    /// Returns the number of deliveries that are buffered or with the application, and neither
    /// acknowledged nor dropped.
    pub fn unsettled(&self) -> usize {
        self.0.stream.unsettled()
    }

    fn delivery(&self, next: Result<client::Delivery>) -> Result<Delivery> {
        next.map(|inner| Delivery {
            inner,
            runtime: self.0.runtime.clone(),
        })
    }
}

impl Iterator for Consumer {
    type Item = Result<Delivery>;

    fn next(&mut self) -> Option<Result<Delivery>> {
        let next = self.0.next(client::Consumer::next)?;
        Some(self.delivery(next))
    }
}

impl FusedIterator for Consumer {}

impl Delivery {
    /// Runs a function in the span of this delivery: see
    /// [`Delivery::in_span`](crate::Delivery::in_span).
    pub fn in_span<T>(&self, work: impl FnOnce() -> T) -> T {
        self.inner.span().in_scope(work)
    }

    /// Acknowledges the entry: it is no longer pending and is not delivered again.
    ///
    /// # Errors
    ///
    /// The errors of [`Delivery::ack`](crate::Delivery::ack).
    pub fn ack(&self) -> Result<()> {
        self.runtime.wait(self.inner.ack())?
    }

    /// Gives the entry back: see [`Delivery::nack`](crate::Delivery::nack).
    pub fn nack(self, after: Duration) {
        self.inner.nack(after);
    }

    /// Gives the entry back, with the reason: see
    /// [`Delivery::nack_with`](crate::Delivery::nack_with).
    pub fn nack_with(self, after: Duration, reason: impl ToString) {
        self.inner.nack_with(after, reason);
    }

    /// Moves the entry to the dead-letter stream.
    ///
    /// # Errors
    ///
    /// The errors of [`Delivery::dead_letter`](crate::Delivery::dead_letter).
    pub fn dead_letter(&self, reason: impl ToString) -> Result<()> {
        self.runtime.wait(self.inner.dead_letter(reason))?
    }

    /// Resets the entry's idle time during long work. Returns false if the entry is no longer
    /// pending for this consumer.
    ///
    /// # Errors
    ///
    /// The errors of [`Delivery::extend`](crate::Delivery::extend).
    pub fn extend(&self) -> Result<bool> {
        self.runtime.wait(self.inner.extend())?
    }
}

impl Deref for Delivery {
    type Target = client::Delivery;

    fn deref(&self) -> &client::Delivery {
        &self.inner
    }
}
