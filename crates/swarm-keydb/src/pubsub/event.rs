//! What a subscription hears.

use std::fmt;

use bytes::Bytes;
use swarm_resp::{Frame, FromFrame};

use crate::error::{Error, Result};

/// Something that a [`Subscription`](crate::Subscription) hears.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message was published.
    Message(Message),
    /// The connection was lost, and the client has subscribed to all names again. This event precedes the first message of
    /// the new connection.
    Reconnected {
        /// Whether messages may have been missed meanwhile. Servers keep none, so this is always true today.
        gap: bool,
    },
    /// The client dropped this many messages because the subscription's buffer was full: see
    /// [`Overflow`](crate::Overflow). Messages that the server dropped are not counted; SwarmKeyDb does not report them.
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
    /// What was published, read as a `T`: text, a number, or whatever a reply can be read as.
    ///
    /// **Errors:** a payload that is no `T`: of kind [`UnexpectedReply`](crate::ErrorKind::UnexpectedReply).
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
