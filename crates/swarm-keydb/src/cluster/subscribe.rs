//! Subscribing to channels, patterns and sharded channels of a cluster.

use std::borrow::Cow;
use std::sync::Arc;

use super::client::Client;
use super::follow::slot;
use super::handle::Handle;
use super::target::Target;
use crate::client::Running;
use crate::error::{Error, Result};
use crate::key::ToKeys;
use crate::pubsub::{self, Kind, Name, Subscribing};

/// # Pub/Sub
///
/// Messages of ordinary channels reach all nodes, so the client subscribes to them at any node, and
/// at another one if the connection to that node is lost or the node leaves. Messages of *sharded*
/// channels reach the nodes of their slot only: see [`ssubscribe`](Self::ssubscribe). Each node that
/// has subscriptions has one more connection.
///
/// A subscription that moves to another node yields
/// [`Event::Reconnected`](crate::Event::Reconnected) before the first message from there. It keeps
/// the client open, and ends when the client is [closed](Self::close).
impl Client {
    /// Subscribes to channels.
    ///
    /// Resolves to a [`Subscription`](crate::Subscription) once a node has acknowledged every
    /// channel. [`Subscribing`] also sets options of the buffer.
    ///
    /// # Errors
    ///
    /// See [`Subscribing`].
    ///
    /// # Cancel safety
    ///
    /// See [`Subscribing`].
    pub fn subscribe(&self, channels: impl ToKeys) -> Subscribing {
        self.listen(Kind::Channel, Name::all(Kind::Channel, channels))
    }

    /// Subscribes to all channels that match patterns: `*`, `?`, `[abc]`, `[a-z]`, `[^abc]`.
    ///
    /// Resolves to a [`Subscription`](crate::Subscription) once a node has acknowledged every
    /// pattern. [`Subscribing`] also sets options of the buffer.
    ///
    /// # Errors
    ///
    /// See [`Subscribing`].
    ///
    /// # Cancel safety
    ///
    /// See [`Subscribing`].
    pub fn psubscribe(&self, patterns: impl ToKeys) -> Subscribing {
        self.listen(Kind::Pattern, Name::all(Kind::Pattern, patterns))
    }

    /// Subscribes to sharded channels of one slot, to which [`spublish`](Self::spublish) publishes.
    ///
    /// The channel's name belongs to a slot as that of a key does, and the client subscribes at the
    /// node that owns the slot. If the slot moves, the subscription moves along. Messages that are
    /// published in between are missed, which
    /// [`Event::Reconnected`](crate::Event::Reconnected) says.
    ///
    /// Resolves to a [`Subscription`](crate::Subscription) once the node has acknowledged every
    /// channel. [`Subscribing`] also sets options of the buffer.
    ///
    /// # Errors
    ///
    /// See [`Subscribing`]. Kind [`Argument`](crate::ErrorKind::Argument) if the channels belong to
    /// different slots; give them a common hash tag, or subscribe to each.
    ///
    /// # Cancel safety
    ///
    /// See [`Subscribing`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::{Event, cluster::Client};
    /// # async fn example(client: Client) -> swarm_keydb::Result<()> {
    /// let mut orders = client.ssubscribe("orders:7").await?;
    /// client.spublish("orders:7", "paid").await?;
    /// while let Some(event) = orders.next().await {
    ///     match event? {
    ///         Event::Message(message) => println!("{:?}", message.payload),
    ///         Event::Reconnected { .. } => { /* messages may be missing: read the state again */ }
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn ssubscribe(&self, channels: impl ToKeys) -> Subscribing {
        let names = Name::all(Kind::Shard, channels).and_then(|names| match slot(&names) {
            Some(_) => Ok(names),
            None => Err(Error::argument(
                "the sharded channels belong to different slots of the cluster; give them a \
                 common hash tag, such as {user1}, or subscribe to each",
            )),
        });
        self.listen(Kind::Shard, names)
    }

    fn listen(&self, kind: Kind, names: Result<Vec<Name>>) -> Subscribing {
        let handle = Arc::clone(&self.handle);
        Subscribing::new(move |options, timeout| async move {
            let name = Cow::Borrowed(kind.subscribe());
            let client = handle.router.options().client();
            let timeout = timeout.unwrap_or(client.request_timeout);
            let mut running = Running::default();
            let subscribed = match names {
                Err(error) => Err(error),
                Ok(_) if handle.router.is_closed() => Err(Error::closed()),
                Ok(names) => {
                    if Running::is_watched(client) {
                        let target = slot(&names).filter(|_| kind == Kind::Shard);
                        let target = target.map_or(Target::Any, Target::Slot);
                        running = handle.router.start_running(&name, &target);
                    }
                    let Handle {
                        router,
                        subscriptions,
                    } = &*handle;
                    let (task, id) = subscriptions.task(router);
                    let keeps = Box::new(Arc::clone(&handle));
                    let tasks = router.tasks();
                    pubsub::subscribe(task, id, names, options, timeout, tasks, keeps).await
                }
            };
            let subscribed = subscribed.map_err(|error| error.for_command(name));
            running.finish(subscribed.as_ref().err());
            subscribed
        })
    }
}
