//! Future that resolves to a subscription, and builder of its options.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::options::{Overflow, SubscribeOptions};
use super::subscription::Subscription;
use crate::error::Result;

type Work = Pin<Box<dyn Future<Output = Result<Subscription>> + Send>>;
type Start = Box<dyn FnOnce(SubscribeOptions, Option<Duration>) -> Work + Send>;

/// Future of a [`Subscription`], which resolves once the server has acknowledged every name.
///
/// Returned by [`Client::subscribe`](crate::Client::subscribe) and
/// [`Client::psubscribe`](crate::Client::psubscribe). Its methods set options of the subscription's
/// buffer; after the first poll, they have no effect. Nothing is sent before the first poll.
///
/// # Errors
///
/// * [`Argument`](crate::ErrorKind::Argument): a name is invalid, the buffer has no capacity, or
///   the transport does not support subscriptions (HTTP).
/// * [`Server`](crate::ErrorKind::Server) or [`Auth`](crate::ErrorKind::Auth): the server rejected
///   a name or the credentials.
/// * [`Timeout`](crate::ErrorKind::Timeout): the server did not acknowledge every name within
///   [`timeout`](Self::timeout), which includes connecting.
///
/// After an error, nothing is subscribed.
///
/// # Cancel safety
///
/// Dropping the future unsubscribes from every name.
///
/// # Examples
///
/// ```
/// use swarm_keydb::{Client, Overflow};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let subscription = client
///     .subscribe("news")
///     .buffer(100)
///     .on_overflow(Overflow::DropNewest)
///     .await?;
/// # drop(subscription);
/// # Ok(())
/// # }
/// ```
#[must_use = "futures do nothing unless you await or poll them"]
pub struct Subscribing {
    options: SubscribeOptions,
    timeout: Option<Duration>,
    state: State,
}

enum State {
    /// Not polled yet.
    New(Start),
    Polled(Work),
    /// Completed, or its first poll panicked.
    Done,
}

impl Subscribing {
    pub(crate) fn new<F>(
        start: impl FnOnce(SubscribeOptions, Option<Duration>) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Subscription>> + Send + 'static,
    {
        Self {
            options: SubscribeOptions::new(),
            timeout: None,
            state: State::New(Box::new(|options, timeout| {
                Box::pin(start(options, timeout))
            })),
        }
    }

    /// Sets the maximum time until the server has acknowledged every name, including connecting.
    /// Default: [`request_timeout`](crate::ClientOptions::request_timeout). The subscription itself
    /// has no time limit.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets all options of the buffer. Default: [`SubscribeOptions::new`].
    pub const fn options(mut self, options: SubscribeOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the maximum number of buffered messages: see [`SubscribeOptions::buffer`]. At least 1;
    /// default 4096.
    pub const fn buffer(mut self, messages: usize) -> Self {
        self.options = self.options.buffer(messages);
        self
    }

    /// Sets the maximum size in bytes of all buffered messages: see
    /// [`SubscribeOptions::buffer_bytes`]. At least 1; default 8 MiB.
    pub const fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.options = self.options.buffer_bytes(bytes);
        self
    }

    /// Sets what happens when the buffer is full. Default: [`Overflow::DropOldest`].
    pub const fn on_overflow(mut self, overflow: Overflow) -> Self {
        self.options = self.options.on_overflow(overflow);
        self
    }
}

impl Future for Subscribing {
    type Output = Result<Subscription>;

    /// # Panics
    ///
    /// If polled after it has completed.
    #[expect(clippy::panic, reason = "the contract of futures, as in async blocks")]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Subscription>> {
        let mut work = match std::mem::replace(&mut self.state, State::Done) {
            State::New(start) => start(self.options, self.timeout),
            State::Polled(work) => work,
            State::Done => panic!("`Subscribing` polled after completion"),
        };
        let poll = work.as_mut().poll(cx);
        if poll.is_pending() {
            self.state = State::Polled(work);
        }
        poll
    }
}

impl fmt::Debug for Subscribing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribing")
            .field("options", &self.options)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
