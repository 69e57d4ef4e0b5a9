//! Subscription handles, and the sinks that fill their buffers.

use std::any::Any;
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
use super::registry::{Submission, task_gone};
use crate::error::Result;
use crate::failure::Failure;
use crate::runtime::Tasks;

/// Stream of [`Event`]s: the messages published to some channels or patterns, and the gaps between
/// them.
///
/// Created by [`Client::subscribe`](crate::Client::subscribe) and
/// [`Client::psubscribe`](crate::Client::psubscribe). The subscription outlives the client's
/// handles, and ends when the client is closed. Dropping the subscription unsubscribes.
///
/// # Missed messages
///
/// Pub/Sub delivers at most once. After a lost connection, the client subscribes to every name
/// again and yields [`Event::Reconnected`]. Messages that do not fit the buffer follow the
/// [`Overflow`](crate::Overflow) policy, and [`Event::Lagged`] says how many were dropped. Messages
/// that the server drops are noticed only if the server also closes the connection, as Redis does.
/// SwarmKeyDb drops new messages while 256 wait for a connection, even if the subscriber reads
/// without pause, and reports nothing. A publisher avoids that by awaiting each `publish` before
/// the next; a [`Consumer`](crate::Consumer) of a stream misses nothing.
///
/// # Errors
///
/// An error is the last item: the server refused a name or the credentials, the options disable
/// reconnecting, or the buffer was full under [`Overflow::Close`](crate::Overflow::Close). `None`
/// follows. Without an error, `None` means that the client was closed.
///
/// # Cancel safety
///
/// Dropping a future of [`next`](Self::next) loses no event.
///
/// # Examples
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
    _keeps: Keeps,
}

/// What lives as long as a subscription.
pub(super) type Keeps = Box<dyn Any + Send + Sync>;

impl Subscription {
    pub(super) fn new(
        id: u64,
        submissions: mpsc::UnboundedSender<Submission>,
        buffer: Buffer,
        tasks: Tasks,
        keeps: Keeps,
    ) -> Self {
        Self {
            id,
            submissions,
            buffer,
            tasks,
            _keeps: keeps,
        }
    }

    /// Returns the next event, or `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.buffer.poll_next(cx)).await
    }

    /// Passes every event to a callback, on a separate task. The callback must not block.
    ///
    /// The task runs on the runtime that the client was created on.
    pub fn handle(self, handler: impl FnMut(Event) + Send + 'static) -> Handler {
        let tasks = self.tasks.clone();
        Handler::spawn(&tasks, self, handler)
    }
}

impl Stream for Subscription {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        self.buffer.poll_next(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // Sending fails only if the connection's task has ended.
        let _gone = self.submissions.send(Submission::Unsubscribe(self.id));
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

/// Counts an open subscription until it is dropped.
pub(super) struct CountGuard(Arc<AtomicUsize>);

impl CountGuard {
    pub(super) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for CountGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The connection's end of a subscription.
pub(crate) struct EventSink {
    pub(super) buffer: Buffer,
    /// Resolves the future of the caller who waits for the acknowledgements, until that happens.
    acknowledged: Option<oneshot::Sender<Result<(), Failure>>>,
    /// Who continues the subscription at another server.
    #[cfg(feature = "cluster")]
    pub(super) home: Option<Home>,
    /// Whether another sink continues the subscription.
    is_returned: bool,
}

impl EventSink {
    pub(super) const fn new(
        buffer: Buffer,
        acknowledged: oneshot::Sender<Result<(), Failure>>,
    ) -> Self {
        Self {
            buffer,
            acknowledged: Some(acknowledged),
            #[cfg(feature = "cluster")]
            home: None,
            is_returned: false,
        }
    }

    /// Ends the subscription for good.
    pub(super) fn finish(mut self, failure: Failure) {
        match self.acknowledged.take() {
            Some(acknowledged) => {
                let _gone = acknowledged.send(Err(failure));
            }
            None => self.buffer.end(failure),
        }
    }

    /// Returns the sink to its home, if it has one that still exists.
    #[cfg(feature = "cluster")]
    fn return_home(&mut self, failure: Failure) -> Option<Failure> {
        let Some(home) = self.home.take() else {
            return Some(failure);
        };
        let sink = Self {
            buffer: self.buffer.clone(),
            acknowledged: self.acknowledged.take(),
            home: None,
            is_returned: false,
        };
        self.is_returned = true;
        if let Some((sink, failure)) = home.take_back(sink, failure) {
            sink.finish(failure);
        }
        None
    }

    #[cfg(not(feature = "cluster"))]
    const fn return_home(&mut self, failure: Failure) -> Option<Failure> {
        Some(failure)
    }
}

impl Listener for EventSink {
    fn ready(&mut self) {
        match self.acknowledged.take() {
            Some(acknowledged) => {
                let _gone = acknowledged.send(Ok(()));
            }
            // Another server has acknowledged them before.
            None => self.buffer.push_reconnected(),
        }
    }

    fn restored(&mut self) {
        self.buffer.push_reconnected();
    }

    fn message(&mut self, message: Message) -> bool {
        self.buffer.push(message)
    }

    fn end(mut self, failure: Failure) {
        if let Some(failure) = self.return_home(failure) {
            self.finish(failure);
        }
    }
}

impl Drop for EventSink {
    /// The connection's task ended without calling [`end`](Listener::end), so no more events
    /// follow.
    fn drop(&mut self) {
        if self.is_returned {
            return;
        }
        // A server that is given up may not have heard of the subscription.
        if self.return_home(Failure::Closed { sent: false }).is_some() {
            self.buffer.end(task_gone());
        }
    }
}

/// Who continues a subscription that ends at a server.
#[cfg(feature = "cluster")]
#[derive(Debug, Clone)]
pub(crate) struct Home {
    pub(crate) id: u64,
    pub(crate) returns: mpsc::UnboundedSender<Returned>,
}

/// A subscription that has ended at a server.
#[cfg(feature = "cluster")]
pub(crate) struct Returned {
    pub(crate) id: u64,
    pub(crate) sink: EventSink,
    pub(crate) why: Failure,
}

#[cfg(feature = "cluster")]
impl Home {
    /// Takes a sink back. Returns it if nobody is at home.
    fn take_back(&self, sink: EventSink, why: Failure) -> Option<(EventSink, Failure)> {
        let id = self.id;
        let sent = self.returns.send(Returned { id, sink, why });
        sent.err().map(|unsent| (unsent.0.sink, unsent.0.why))
    }
}
