//! Subscription handles, and the sink that feeds one.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::{mpsc, oneshot};

use super::buffer::Buffer;
use super::event::{Event, Message};
use super::handler::Handler;
use super::machine::Listener;
use super::registry::{Submission, abandoned};
use crate::error::Result;
use crate::failure::Failure;
use crate::tasks::Tasks;

/// Stream of [`Event`]s: the messages that are published to some channels or patterns, and the gaps between them.
///
/// Created by [`Client::subscribe`](crate::Client::subscribe) and [`Client::psubscribe`](crate::Client::psubscribe). It outlives
/// the client's handles, and ends when the client is closed. Dropping it unsubscribes.
///
/// # Missed messages
///
/// Pub/Sub delivers at most once. After a lost connection, the client subscribes to every name again and yields
/// [`Event::Reconnected`]. Messages that do not fit the buffer follow the [`Overflow`](crate::Overflow) policy, and
/// [`Event::Lagged`] says how many were dropped. A loss at the server is only visible if the server closes the connection,
/// as Redis does. SwarmKeyDb drops new messages while 256 wait for a connection, even if the subscriber reads without
/// pause, and reports nothing. A publisher avoids that by awaiting each `publish` before the next; a
/// [`Consumer`](crate::Consumer) of a stream misses nothing.
///
/// # Errors
///
/// An error is the last item: the server refused a name or the credentials, the options disable reconnecting, or the buffer
/// was full under [`Overflow::Close`](crate::Overflow::Close). `None` follows. Without an error, `None` means that the client
/// was closed.
///
/// # Cancel safety
///
/// Dropping a future of [`next`](Self::next) loses no event.
///
/// ```
/// use swarm_keydb::{Client, Event};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let mut subscription = client.subscribe(["news", "sports"]).await?;
/// client.publish("news", "SwarmKeyDb is live!").await?;
/// while let Some(event) = subscription.next().await {
///     match event? {
///         Event::Message(message) => {
///             assert_eq!(message.channel, "news");
///             assert_eq!(message.payload, "SwarmKeyDb is live!");
///             break;
///         }
///         Event::Reconnected { .. } => { /* messages may be missing: read the state again */ }
///         Event::Lagged(missed) => println!("{missed} messages were dropped"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it ends the subscription"]
pub struct Subscription {
    id: u64,
    submissions: mpsc::UnboundedSender<Submission>,
    buffer: Buffer,
    tasks: Tasks,
    _counted: Counted,
}

impl Subscription {
    pub(super) const fn new(
        id: u64,
        submissions: mpsc::UnboundedSender<Submission>,
        buffer: Buffer,
        tasks: Tasks,
        counted: Counted,
    ) -> Self {
        Self {
            id,
            submissions,
            buffer,
            tasks,
            _counted: counted,
        }
    }

    /// Returns the next event, or `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.buffer.poll_take(cx)).await
    }

    /// Hands every event to a function, on a task of its own. The function should not take long, and must not block.
    ///
    /// The task runs in the runtime that the client was made in.
    pub fn handle(self, handler: impl FnMut(Event) + Send + 'static) -> Handler {
        let tasks = self.tasks.clone();
        Handler::spawn(&tasks, self, handler)
    }
}

impl Stream for Subscription {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        self.buffer.poll_take(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // The connection is gone already if this fails.
        let _gone = self.submissions.send(Submission::Unsubscribe(self.id));
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

/// Counts subscriptions.
pub(super) struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub(super) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The other end of a subscription, at its connection.
pub(super) struct EventSink {
    buffer: Buffer,
    /// Who waits for the acknowledgements, while somebody does.
    waiting: Option<oneshot::Sender<Result<(), Failure>>>,
}

impl EventSink {
    pub(super) const fn new(buffer: Buffer, waiting: oneshot::Sender<Result<(), Failure>>) -> Self {
        Self {
            buffer,
            waiting: Some(waiting),
        }
    }
}

impl Listener for EventSink {
    fn ready(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            let _gone = waiting.send(Ok(()));
        }
    }

    fn restored(&mut self) {
        self.buffer.put_reconnected();
    }

    fn hear(&mut self, message: Message) -> bool {
        self.buffer.put(message)
    }

    fn end(mut self, failure: Failure) {
        match self.waiting.take() {
            Some(waiting) => {
                let _gone = waiting.send(Err(failure));
            }
            None => self.buffer.end(failure),
        }
    }
}

impl Drop for EventSink {
    /// Its connection is gone without a word: nobody may wait for more.
    fn drop(&mut self) {
        self.buffer.end(abandoned());
    }
}
