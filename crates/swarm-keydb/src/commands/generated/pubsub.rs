//! `PubSubCommands`, from `spec/pubsub.toml` by `cargo xtask codegen`; do not edit.

use crate::commands::scope::*;

/// Publishing, and information about subscriptions.
///
/// To receive messages, see [`Client::subscribe`](crate::Client::subscribe).
pub trait PubSubCommands: Executor {
    /// Publishes a message to the current subscribers of a channel (`PUBLISH`).
    ///
    /// Returns how many subscriptions received the message, not counting subscriptions on other
    /// cluster nodes.
    ///
    /// # Servers
    ///
    /// No server keeps messages. Redis disconnects a subscriber that is too slow. SwarmKeyDb
    /// silently drops new messages while 256 messages are queued for a connection, and still counts
    /// them in the reply, so a burst of pipelined publishes can lose messages. See [what each
    /// server guarantees](crate::guide::guarantees).
    fn publish(&self, channel: impl ToKey, message: impl ToArg) -> Self::Output<i64> {
        self.execute(
            Builder::new("PUBLISH")
                .channel(channel)
                .arg(message)
                .build(),
        )
    }

    /// Lists the channels with subscribers (`PUBSUB CHANNELS`).
    ///
    /// Pattern subscriptions do not count.
    ///
    /// Returns the names of the channels, in no particular order.
    fn pubsub_channels(&self) -> Self::Output<Vec<Bytes>> {
        self.execute(Builder::new("PUBSUB CHANNELS").read_only().build())
    }

    /// Lists the channels with subscribers whose names match a pattern (`PUBSUB CHANNELS`).
    ///
    /// Pattern subscriptions do not count.
    ///
    /// Returns the names of the channels, in no particular order.
    fn pubsub_channels_matching(&self, pattern: impl ToKey) -> Self::Output<Vec<Bytes>> {
        self.execute(
            Builder::new("PUBSUB CHANNELS")
                .read_only()
                .pattern(pattern)
                .build(),
        )
    }

    /// Counts the connections that subscribe to each of these channels by name (`PUBSUB NUMSUB`).
    ///
    /// Returns each channel and its count, in the given order.
    fn pubsub_numsub(&self, channels: impl ToKeys) -> Self::Output<Vec<(Bytes, u64)>> {
        self.execute(
            Builder::new("PUBSUB NUMSUB")
                .read_only()
                .channels(channels)
                .build(),
        )
    }

    /// Counts the patterns that have subscribers (`PUBSUB NUMPAT`).
    ///
    /// Returns the count.
    fn pubsub_numpat(&self) -> Self::Output<u64> {
        self.execute(Builder::new("PUBSUB NUMPAT").read_only().build())
    }

    /// Publishes a message to the current subscribers of a sharded channel (`SPUBLISH`).
    ///
    /// On a server that is not part of a cluster, sharded channels are separate from the others.
    ///
    /// Returns how many subscriptions received the message.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn spublish(&self, channel: impl ToKey, message: impl ToArg) -> Self::Output<i64> {
        self.execute(
            Builder::new("SPUBLISH")
                .channel(channel)
                .arg(message)
                .build(),
        )
    }

    /// Lists the sharded channels with subscribers (`PUBSUB SHARDCHANNELS`).
    ///
    /// Returns the names of the channels, in no particular order.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn pubsub_shardchannels(&self) -> Self::Output<Vec<Bytes>> {
        self.execute(Builder::new("PUBSUB SHARDCHANNELS").read_only().build())
    }

    /// Counts the connections that subscribe to each of these sharded channels
    /// (`PUBSUB SHARDNUMSUB`).
    ///
    /// Returns each channel and its count, in the given order.
    ///
    /// # Servers
    ///
    /// Redis, Valkey and KeyDB only; SwarmKeyDb does not have the command.
    fn pubsub_shardnumsub(&self, channels: impl ToKeys) -> Self::Output<Vec<(Bytes, u64)>> {
        self.execute(
            Builder::new("PUBSUB SHARDNUMSUB")
                .read_only()
                .channels(channels)
                .build(),
        )
    }
}

impl<E: Executor> PubSubCommands for E {}
