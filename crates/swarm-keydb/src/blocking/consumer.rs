//! A consumer of a group on a plain thread.

use std::iter::FusedIterator;
use std::ops::Deref;
use std::time::Duration;

use swarm_resp::ToArg;

use super::Client;
use super::runtime::{Iterated, Runtime};
use crate::client;
use crate::error::Result;
use crate::key::ToKeys;

/// Deliveries of streams, as an iterator that waits: see [`Consumer`](crate::Consumer).
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

/// Sets up a [`Consumer`].
#[must_use = "nothing happens before `build`"]
#[derive(Debug)]
pub struct ConsumerBuilder {
    inner: client::ConsumerBuilder,
    runtime: Runtime,
}

/// An entry in the hands of the application, with all that a [`Delivery`](crate::Delivery) of the async client has.
#[must_use = "a delivery that is dropped comes again later; acknowledge it when it is processed"]
#[derive(Debug)]
pub struct Delivery {
    inner: client::Delivery,
    runtime: Runtime,
}

impl Client {
    /// A consumer of streams: see [`Client::consumer`](crate::Client::consumer).
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
    /// Changes the options: those of the async [`ConsumerBuilder`](crate::ConsumerBuilder).
    pub fn with(
        mut self,
        change: impl FnOnce(client::ConsumerBuilder) -> client::ConsumerBuilder,
    ) -> Self {
        self.inner = change(self.inner);
        self
    }

    /// The consumer.
    ///
    /// **Errors:** when an option makes no sense.
    pub fn build(self) -> Result<Consumer> {
        Ok(Consumer(Iterated::new(self.inner.build()?, self.runtime)))
    }
}

impl Consumer {
    /// As [`next`](Self::next), for so long at the most. When nothing came in that time, the answer is an error of kind
    /// [`Timeout`](crate::ErrorKind::Timeout), and the consumer goes on; no delivery is lost.
    pub fn next_within(&mut self, time: Duration) -> Option<Result<Delivery>> {
        let next = self.0.next_within(time, client::Consumer::next)?;
        Some(self.delivery(next))
    }

    /// Stops in order, as [`Consumer::stop`](crate::Consumer::stop).
    pub fn stop(&self) {
        self.0.stream.stop();
    }

    /// Stops this consumer from elsewhere.
    pub fn stop_handle(&self) -> crate::StopHandle {
        self.0.stream.stop_handle()
    }

    /// How many deliveries are out: handed out or read ahead, and neither acknowledged nor dropped.
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
    /// Acknowledges the entry: it is pending no more, and nobody will be given it again.
    ///
    /// **Errors:** as [`Delivery::ack`](crate::Delivery::ack).
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
