//! Blocking subscriptions to channels and patterns.

use std::fmt;
use std::iter::FusedIterator;
use std::time::Duration;

use super::Client;
use super::runtime::{Iterated, Runtime};
use crate::error::Result;
use crate::key::ToKeys;
use crate::pubsub::{Event, Subscribing};

/// Subscription to channels or patterns, as a blocking iterator over events: see
/// [`Subscription`](crate::Subscription).
///
/// # Examples
///
/// ```
/// use swarm_keydb::blocking::Client;
/// use swarm_keydb::Event;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::blocking::test()?;
/// # let client = Client::connect(gateway.ws_url())?;
/// let subscription = client.subscribe(["news", "sports"])?;
/// client.publish("news", "SwarmKeyDb is live!")?;
/// for event in subscription {
///     if let Event::Message(message) = event? {
///         assert_eq!(message.payload, "SwarmKeyDb is live!");
///         break;
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it ends the subscription"]
pub struct Subscription(Iterated<crate::Subscription>);

impl Subscription {
    /// Like [`next`](Self::next), but waits for at most `time`.
    ///
    /// # Errors
    ///
    /// Kind [`Timeout`](crate::ErrorKind::Timeout) if no event arrives in time. The subscription
    /// continues.
    pub fn next_within(&mut self, time: Duration) -> Option<Result<Event>> {
        self.0.next_within(time, crate::Subscription::next)
    }
}

impl Iterator for Subscription {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Result<Event>> {
        self.0.next(crate::Subscription::next)
    }
}

impl FusedIterator for Subscription {}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

/// Subscription whose events are passed to a function: see [`Client::psubscribe_handler`]. Dropping
/// it ends the subscription.
#[derive(Debug)]
#[must_use = "dropping it ends the subscription"]
pub struct Handler {
    inner: crate::Handler,
    runtime: Runtime,
}

impl Handler {
    /// Ends the subscription. The function is not called again after this returns.
    ///
    /// # Errors
    ///
    /// Only if called on the client's own thread, where the function itself runs.
    pub fn unsubscribe(self) -> Result<()> {
        self.runtime.wait(self.inner.unsubscribe())
    }

    /// Returns whether the subscription has ended: see
    /// [`Handler::is_finished`](crate::Handler::is_finished).
    pub fn is_finished(&self) -> bool {
        self.inner.is_finished()
    }
}

/// # Pub/Sub
///
impl Client {
    /// Subscribes to channels: see [`Client::subscribe`](crate::Client::subscribe).
    ///
    /// Options of the buffer come from [`subscribe_options`](Self::subscribe_options), and the
    /// maximum time until the server has acknowledged every name from [`timeout`](Self::timeout).
    ///
    /// # Errors
    ///
    /// The errors of [`Subscribing`].
    pub fn subscribe(&self, channels: impl ToKeys) -> Result<Subscription> {
        self.listen(self.as_async().subscribe(channels))
    }

    /// Subscribes to all channels that match patterns: see
    /// [`Client::psubscribe`](crate::Client::psubscribe).
    ///
    /// # Errors
    ///
    /// The errors of [`Subscribing`].
    pub fn psubscribe(&self, patterns: impl ToKeys) -> Result<Subscription> {
        self.listen(self.as_async().psubscribe(patterns))
    }

    /// Subscribes to patterns and calls a function for each event, on the client's own thread.
    /// Blocking calls in that function return an error.
    ///
    /// # Errors
    ///
    /// The errors of [`Subscribing`].
    pub fn psubscribe_handler(
        &self,
        patterns: impl ToKeys,
        handler: impl FnMut(Event) + Send + 'static,
    ) -> Result<Handler> {
        let client = self.as_async();
        let subscribing = self.with_options(client.psubscribe(patterns));
        let handling = async {
            subscribing
                .await
                .map(|subscription| subscription.handle(handler))
        };
        Ok(Handler {
            inner: self.runtime.wait(handling)??,
            runtime: self.runtime.clone(),
        })
    }

    fn with_options(&self, subscribing: Subscribing) -> Subscribing {
        let subscribing = subscribing.options(self.call.subscription);
        match self.call.timeout {
            Some(timeout) => subscribing.timeout(timeout),
            None => subscribing,
        }
    }

    fn listen(&self, subscribing: Subscribing) -> Result<Subscription> {
        let subscription = self.runtime.wait(self.with_options(subscribing))??;
        Ok(Subscription(Iterated::new(
            subscription,
            self.runtime.clone(),
        )))
    }
}
