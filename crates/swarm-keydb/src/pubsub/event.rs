//! Events of a subscription.

use std::fmt;

use bytes::Bytes;
use swarm_resp::{Frame, FromFrame};

use crate::error::{Error, Result};

/// Event of a [`Subscription`](crate::Subscription).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message was published.
    Message(Message),
    /// The client has reconnected and subscribed to all names again. This event precedes the first
    /// message of the new connection.
    Reconnected {
        /// Whether messages may have been missed. Always true today, because servers do not keep
        /// messages for absent subscribers.
        gap: bool,
    },
    /// The client dropped this many messages because the subscription's buffer was full; see
    /// [`Overflow`](crate::Overflow). Messages that the server dropped are not counted; SwarmKeyDb
    /// does not report them.
    Lagged(u64),
}

impl Event {
    /// Converts the event into its message, if it has one.
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Message(message) => Some(message),
            _ => None,
        }
    }

    /// Returns the message, if the event has one.
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
    /// The channel that the message was published to.
    pub channel: Bytes,
    /// The pattern that matched the channel, for a subscription by pattern.
    pub pattern: Option<Bytes>,
    /// The published data. Keeps no larger buffer alive.
    pub payload: Bytes,
}

/// Approximate memory overhead of a message, besides its bytes.
const MESSAGE_OVERHEAD: usize = 128;

impl Message {
    /// Converts the payload to a `T`: text, a number, or any other type that implements
    /// [`FromFrame`].
    ///
    /// # Errors
    ///
    /// [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply): the payload is not a valid `T`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::Client;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::test().await?;
    /// # let client = Client::connect(gateway.ws_url()).await?;
    /// let mut sensor = client.subscribe("temperature").await?;
    /// client.publish("temperature", 22.5).await?;
    /// let message = sensor.next().await.ok_or("closed")??.into_message().ok_or("no message")?;
    /// assert_eq!(message.payload_as::<f64>()?, 22.5);
    /// assert!(message.payload_as::<i64>().is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn payload_as<T: FromFrame>(&self) -> Result<T> {
        let payload = Frame::bulk(self.payload.clone());
        T::from_frame(payload.view()).map_err(Error::convert)
    }

    /// Returns the approximate memory use in bytes.
    pub(super) fn size(&self) -> usize {
        let pattern = self.pattern.as_ref().map_or(0, Bytes::len);
        MESSAGE_OVERHEAD + self.channel.len() + pattern + self.payload.len()
    }
}

impl fmt::Debug for Message {
    /// Shows lengths only, because channels and payloads may be confidential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pattern = self.pattern.as_ref().map(Bytes::len);
        f.debug_struct("Message")
            .field("channel", &format_args!("{} bytes", self.channel.len()))
            .field("pattern", &format_args!("{pattern:?}"))
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_message_has_a_message_whose_size_counts_all_of_its_parts() {
        let message = Message {
            channel: Bytes::from_static(b"channel"),
            pattern: Some(Bytes::from_static(b"ch*")),
            payload: Bytes::from_static(b"payload!"),
        };
        assert_eq!(message.size(), MESSAGE_OVERHEAD + 7 + 3 + 8);
        let event = Event::Message(message.clone());
        assert_eq!(event.as_message(), Some(&message));
        assert_eq!(event.into_message(), Some(message));
        assert_eq!(Event::Lagged(1).as_message(), None);
        assert_eq!(Event::Lagged(1).into_message(), None);
    }
}
