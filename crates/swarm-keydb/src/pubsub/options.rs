//! What a subscription can be told.

use crate::error::{Error, Result};

/// What happens when messages come faster than a subscription takes them, and its buffer is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// The oldest message in the buffer is thrown away. The subscription hears how many were, as
    /// [`Event::Lagged`](crate::Event::Lagged) where they are missing.
    #[default]
    DropOldest,
    /// The message that came is thrown away. The subscription hears how many were, as
    /// [`Event::Lagged`](crate::Event::Lagged) where they are missing.
    DropNewest,
    /// Nothing more is read from the server until there is room. So that nobody else waits, the subscription has a
    /// connection of its own. A server that finds its own buffer full drops messages silently (SwarmKeyDb) or the
    /// connection (Redis), which is then made again.
    Backpressure,
    /// The subscription ends: with what is in the buffer, then an error of kind
    /// [`Lagged`](crate::ErrorKind::Lagged).
    Close,
}

/// Options of a subscription.
///
/// ```
/// use swarm_keydb::{Overflow, SubscribeOptions};
///
/// let options = SubscribeOptions::new().buffer(100).on_overflow(Overflow::Close);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing until something is subscribed to with them"]
pub struct SubscribeOptions {
    pub(super) buffer: usize,
    pub(super) buffer_bytes: usize,
    pub(super) overflow: Overflow,
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self {
            buffer: 4096,
            buffer_bytes: 8 << 20,
            overflow: Overflow::default(),
        }
    }
}

impl SubscribeOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many messages may wait to be taken. Default 4096.
    pub const fn buffer(mut self, messages: usize) -> Self {
        self.buffer = messages;
        self
    }

    /// How many bytes of messages may wait to be taken, with names and what keeping a message costs. A single larger message
    /// is kept alone. Default 8 MiB.
    pub const fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.buffer_bytes = bytes;
        self
    }

    /// What happens when the buffer is full. Default: the oldest messages are thrown away.
    pub const fn on_overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        if self.buffer == 0 || self.buffer_bytes == 0 {
            return Err(Error::argument(
                "the buffer of a subscription has no room; give it at least one message and one byte",
            ));
        }
        Ok(())
    }
}
