//! Blocking consumer of a consumer group.

use std::iter::FusedIterator;
use std::ops::Deref;
use std::time::Duration;

use swarm_resp::ToArg;

use super::Client;
use super::runtime::{Iterated, Runtime};
use crate::client;
use crate::error::Result;
use crate::key::ToKeys;

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
/// let orders = client.consumer("billing", "worker-1", "orders");
/// for delivery in orders.with(|consumer| consumer.count(50)).build()? {
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
}

impl ConsumerBuilder {
    /// Changes options through the async [`ConsumerBuilder`](crate::ConsumerBuilder).
    pub fn with(
        mut self,
        change: impl FnOnce(client::ConsumerBuilder) -> client::ConsumerBuilder,
    ) -> Self {
        self.inner = change(self.inner);
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
    /// Acknowledges the entry: it is no longer pending and is not delivered again.
    ///
    /// # Errors
    ///
    /// The errors of [`Delivery::ack`](crate::Delivery::ack).
    pub fn ack(&self) -> Result<()> {
        self.runtime.wait(self.inner.ack())?
    }
}

impl Deref for Delivery {
    type Target = client::Delivery;

    fn deref(&self) -> &client::Delivery {
        &self.inner
    }
}
