//! What a subscription hears.

use std::fmt;

use bytes::Bytes;

/// Something that a [`Subscription`](crate::Subscription) hears.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message was published.
    Message(Message),
    /// The connection was lost, and all names of the subscription are subscribed again. It comes before the first message
    /// of the new connection; from here on, nothing is lost again.
    Reconnected {
        /// Whether messages may have been lost meanwhile. Servers keep none, so this is always true today.
        gap: bool,
    },
    /// So many messages were thrown away here, because the buffer was full: see [`Overflow`](crate::Overflow).
    Lagged(u64),
}

impl Event {
    /// The message, if it is one.
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Message(message) => Some(message),
            _ => None,
        }
    }

    /// The message, if it is one.
    pub const fn as_message(&self) -> Option<&Message> {
        match self {
            Self::Message(message) => Some(message),
            _ => None,
        }
    }
}

/// A published message.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The channel that it was published to.
    pub channel: Bytes,
    /// The pattern that the channel matched, when the subscription is one of patterns.
    pub pattern: Option<Bytes>,
    /// What was published. It holds on to nothing but itself.
    pub payload: Bytes,
}

/// What a message weighs beside its bytes, about.
const OVERHEAD: usize = 128;

impl Message {
    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        let pattern = self.pattern.as_ref().map_or(0, Bytes::len);
        OVERHEAD + self.channel.len() + pattern + self.payload.len()
    }
}

impl fmt::Debug for Message {
    /// Shows lengths and never what they are of.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = self.pattern.as_ref().map(Bytes::len);
        f.debug_struct("Message")
            .field("channel", &format_args!("{} bytes", self.channel.len()))
            .field("pattern", &format_args!("{pattern:?}"))
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish()
    }
}
