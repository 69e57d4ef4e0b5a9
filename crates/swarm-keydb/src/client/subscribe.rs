//! Subscribing to channels and patterns.

use std::sync::Arc;

use super::Client;
use super::running::Running;
use crate::error::Result;
use crate::key::ToKeys;
use crate::pubsub::{Event, Handler, Kind, Name, Subscribing};
#[cfg(feature = "cluster")]
use crate::pubsub::{EventSink, Home, Placed};

/// # Pub/Sub
///
/// Subscriptions share a separate connection, which the client opens for the first subscription and
/// closes after the last, so commands are not affected. If several subscriptions name the same
/// channel, the client subscribes to it once.
impl Client {
    /// Subscribes to channels.
    ///
    /// Resolves to a [`Subscription`](crate::Subscription) once the server has acknowledged every
    /// channel. [`Subscribing`] also sets options of the buffer.
    ///
    /// # Errors
    ///
    /// See [`Subscribing`].
    ///
    /// # Cancel safety
    ///
    /// See [`Subscribing`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::Client;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// let mut news = client.subscribe("news").await?;
    /// assert_eq!(client.publish("news", "breaking!").await?, 1);
    /// let message = news.next().await.ok_or("closed")??.into_message().ok_or("no message")?;
    /// assert_eq!(message.payload, "breaking!");
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe(&self, channels: impl ToKeys) -> Subscribing {
        self.listen(Kind::Channel, Name::all(Kind::Channel, channels))
    }

    /// Subscribes to all channels that match patterns: `*`, `?`, `[abc]`, `[a-z]`, and `[!abc]` on
    /// SwarmKeyDb or `[^abc]` on Redis.
    ///
    /// Resolves to a [`Subscription`](crate::Subscription) once the server has acknowledged every
    /// pattern. [`Subscribing`] also sets options of the buffer.
    ///
    /// # Errors
    ///
    /// See [`Subscribing`]. The client rejects a pattern with an empty or reversed class, which
    /// would make every PUBLISH on a SwarmKeyDb server fail.
    ///
    /// # Cancel safety
    ///
    /// See [`Subscribing`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::Client;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// let mut sensors = client.psubscribe("sensor.*").await?;
    /// client.publish("sensor.temp", 22.5).await?;
    /// let message = sensors.next().await.ok_or("closed")??.into_message().ok_or("no message")?;
    /// assert_eq!(message.channel, "sensor.temp");
    /// assert_eq!(message.pattern.as_deref(), Some(b"sensor.*".as_slice()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn psubscribe(&self, patterns: impl ToKeys) -> Subscribing {
        self.listen(Kind::Pattern, Name::all(Kind::Pattern, patterns))
    }

    /// Subscribes to patterns and calls a function for each event, on a separate task. The function
    /// must not block.
    ///
    /// Shorthand for [`psubscribe`](Self::psubscribe) and
    /// [`Subscription::handle`](crate::Subscription::handle), for programs ported from the Python
    /// SDK's `psubscribe(*patterns, handler)`. Use `handle` for channels. Dropping the [`Handler`]
    /// ends the subscription.
    ///
    /// # Errors
    ///
    /// The errors of [`psubscribe`](Self::psubscribe).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing stays subscribed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::{Client, Event};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// let (heard, mut hearing) = tokio::sync::mpsc::unbounded_channel();
    /// let handler = client
    ///     .psubscribe_handler("sensor.*", move |event| {
    ///         if let Event::Message(message) = event {
    ///             heard.send(message.payload).ok();
    ///         }
    ///     })
    ///     .await?;
    /// client.publish("sensor.temp", 22.5).await?;
    /// assert_eq!(hearing.recv().await.ok_or("closed")?, "22.5");
    /// handler.unsubscribe().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn psubscribe_handler(
        &self,
        patterns: impl ToKeys,
        handler: impl FnMut(Event) + Send + 'static,
    ) -> Result<Handler> {
        Ok(self.psubscribe(patterns).await?.handle(handler))
    }

    /// Adds a subscription that can move to another server.
    #[cfg(feature = "cluster")]
    pub(crate) fn host(&self, names: Vec<Name>, sink: EventSink, home: Home) -> Placed {
        let shared = &self.shared;
        (shared.subscriptions).host(&shared.factory, names, sink, home)
    }

    fn listen(&self, kind: Kind, names: Result<Vec<Name>>) -> Subscribing {
        let shared = Arc::clone(&self.shared);
        Subscribing::new(move |options, timeout| async move {
            let name = kind.subscribe().into();
            let mut running = Running::command(&name, &shared.connection);
            let subscribed = match names {
                Ok(names) => match shared.connection.check_open() {
                    Ok(()) => {
                        shared
                            .subscriptions
                            .subscribe(&shared.factory, names, options, timeout)
                            .await
                    }
                    Err(failure) => Err(failure.into()),
                },
                Err(error) => Err(error),
            };
            let subscribed = subscribed.map_err(|error| error.for_command(name));
            running.finish(subscribed.as_ref().err());
            subscribed
        })
    }
}
