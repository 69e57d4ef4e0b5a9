//! Publishing, and who listens. Generated from `spec/pubsub.toml`.

use crate::commands::scope::*;

/// Publishing, and who listens.
///
/// Listening itself needs a connection of its own: [`Client::subscribe`](crate::Client::subscribe).
pub trait PubSubCommands: Executor {
    /// Sends a message to all that listen to a channel now (`PUBLISH`).
    ///
    /// Returns how many subscriptions the server sent it to; those on other nodes of a cluster do not count.
    ///
    /// # Servers
    ///
    /// no server keeps messages. Redis disconnects a subscriber that is too slow. SwarmKeyDb drops new messages without a sign once 256 wait for a connection, and still counts them in the reply, so a burst of pipelined publishes can lose messages. See [what each server guarantees](crate::guide::guarantees).
    fn publish(&self, channel: impl ToKey, message: impl ToArg) -> Self::Output<i64> {
        self.execute(
            Builder::new("PUBLISH")
                .channel(channel)
                .arg(message)
                .build(),
        )
    }

    /// The channels that somebody subscribes to by name (`PUBSUB CHANNELS`).
    ///
    /// Returns their names, in no order.
    fn pubsub_channels(&self) -> Self::Output<Vec<Bytes>> {
        self.execute(Builder::new("PUBSUB CHANNELS").read_only().build())
    }

    /// As [`pubsub_channels`](Self::pubsub_channels), those alone that match a pattern (`PUBSUB CHANNELS`).
    ///
    /// Returns their names, in no order.
    fn pubsub_channels_matching(&self, pattern: impl ToKey) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("PUBSUB CHANNELS")
                .read_only()
                .pattern(pattern)
                .build(),
        )
    }

    /// How many connections subscribe to each of these channels by name (`PUBSUB NUMSUB`).
    ///
    /// Returns each channel and its count, in the order asked for.
    fn pubsub_numsub(&self, channels: impl ToKeys) -> Self::Output<Vec<(Bytes, u64)>> {
        self.execute(
            Builder::new("PUBSUB NUMSUB")
                .read_only()
                .channels(channels)
                .build(),
        )
    }

    /// How many patterns are subscribed to (`PUBSUB NUMPAT`).
    ///
    /// Returns the count.
    fn pubsub_numpat(&self) -> Self::Output<u64> {
        self.execute(Builder::new("PUBSUB NUMPAT").read_only().build())
    }
}

impl<E: Executor> PubSubCommands for E {}
