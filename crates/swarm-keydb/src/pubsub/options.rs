//! Options of a subscription.

use crate::error::{Error, Result};

/// Policy for messages that arrive while the buffer of a subscription is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// Drops the oldest messages in the buffer. The subscription yields their number as
    /// [`Event::Lagged`](crate::Event::Lagged), in place of the dropped messages.
    #[default]
    DropOldest,
    /// Drops the new message. The subscription yields the number of dropped messages as
    /// [`Event::Lagged`](crate::Event::Lagged), in place of them.
    DropNewest,
    /// Stops reading from the server until the buffer has capacity. The subscription gets its own
    /// connection, so that no other one waits. A server whose own buffer is full then drops
    /// messages silently (SwarmKeyDb), or closes the connection, and the client reconnects (Redis).
    Backpressure,
    /// Ends the subscription: it yields the buffered messages, then an error of kind
    /// [`Lagged`](crate::ErrorKind::Lagged).
    Close,
}

/// Options of a subscription's buffer.
///
/// [`Subscribing`](crate::Subscribing) has the same methods. Use this type to share options between
/// subscriptions, or with the `subscribe_options` method of a blocking client.
///
/// # Examples
///
/// ```
/// use swarm_keydb::{Overflow, SubscribeOptions};
///
/// let options = SubscribeOptions::new().buffer(100).on_overflow(Overflow::Close);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "options do nothing until a subscription is created with them"]
pub struct SubscribeOptions {
    pub(super) buffer: usize,
    pub(super) buffer_bytes: usize,
    pub(super) overflow: Overflow,
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl SubscribeOptions {
    /// Creates the default options.
    pub const fn new() -> Self {
        Self {
            buffer: 4096,
            buffer_bytes: 8 << 20,
            overflow: Overflow::DropOldest,
        }
    }

    /// Sets the maximum number of buffered messages. At least 1; default 4096. When the limit is
    /// reached, [`on_overflow`](Self::on_overflow) applies.
    pub const fn buffer(mut self, messages: usize) -> Self {
        self.buffer = messages;
        self
    }

    /// Sets the maximum size in bytes of all buffered messages, including their channel names and
    /// the overhead of the buffer. At least 1; default 8 MiB. When the limit is reached,
    /// [`on_overflow`](Self::on_overflow) applies. A message that exceeds the whole limit is
    /// buffered alone.
    pub const fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.buffer_bytes = bytes;
        self
    }

    /// Sets what happens when the buffer is full. Default: [`Overflow::DropOldest`].
    pub const fn on_overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        let Self {
            buffer,
            buffer_bytes,
            overflow: _,
        } = *self;
        if buffer == 0 || buffer_bytes == 0 {
            return Err(Error::argument(
                "buffer or buffer_bytes is 0, so no message could be delivered; give at least 1",
            ));
        }
        Ok(())
    }
}
