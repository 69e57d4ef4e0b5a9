//! Subscriptions that move from one server of a cluster to another.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::buffer::Buffer;
use super::name::{Kind, Name};
use super::options::SubscribeOptions;
use super::registry::{Submission, Subscriptions, task_gone};
use super::subscription::{EventSink, Home, Keeps, Subscription};
use crate::connection::ConnectionFactory;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::runtime::Tasks;

/// A subscription at a server.
#[derive(Debug)]
pub(crate) struct Placed {
    id: u64,
    submissions: mpsc::UnboundedSender<Submission>,
}

impl Placed {
    /// Ends the subscription at this server. Its sink returns home, unless it is on its way.
    pub(crate) fn release(&self) {
        let _ended = self.submissions.send(Submission::Release(self.id));
    }
}

impl Drop for Placed {
    /// Unsubscribes, if the subscription has not ended.
    fn drop(&mut self) {
        let _ended = self.submissions.send(Submission::Unsubscribe(self.id));
    }
}

impl Subscriptions {
    /// Adds a subscription that can move to the connection of this server.
    pub(crate) fn host(
        &self,
        factory: &ConnectionFactory,
        names: Vec<Name>,
        mut sink: EventSink,
        home: Home,
    ) -> Placed {
        sink.home = Some(home);
        let (id, submissions) = self.place(factory, names, sink);
        Placed { id, submissions }
    }
}

impl EventSink {
    /// Whether nobody reads the events any more.
    pub(crate) fn is_ended(&self) -> bool {
        self.buffer.is_ended()
    }

    /// Ends the subscription for good.
    pub(crate) fn fail(self, failure: Failure) {
        self.finish(failure);
    }
}

impl Name {
    /// Returns the text of the name.
    pub(crate) const fn text(&self) -> &Bytes {
        &self.text
    }

    pub(crate) fn is_sharded(&self) -> bool {
        self.kind == Kind::Shard
    }
}

/// Subscribes by a task that finds the server, and waits until that has acknowledged every name.
/// `keeps` lives as long as the subscription.
pub(crate) async fn subscribe(
    submissions: mpsc::UnboundedSender<Submission>,
    id: u64,
    names: Vec<Name>,
    options: SubscribeOptions,
    timeout: Duration,
    tasks: &Tasks,
    keeps: Keeps,
) -> Result<Subscription> {
    options.validate()?;
    let (acknowledge, acknowledged) = oneshot::channel();
    let buffer = Buffer::new(options);
    let sink = EventSink::new(buffer.clone(), acknowledge);
    let submission = Submission::Subscribe { id, names, sink };
    let sent = submissions.send(submission);
    // Dropping this future drops the subscription, which unsubscribes.
    let subscription = Subscription::new(id, submissions, buffer, tasks.clone(), keeps);
    if sent.is_err() {
        return Err(Error::closed());
    }
    let acknowledged = {
        let _context = tasks.timers();
        crate::runtime::timeout(timeout, acknowledged)
    };
    match acknowledged.await {
        Ok(Ok(Ok(()))) => Ok(subscription),
        Ok(Ok(Err(failure))) => Err(failure.into()),
        Ok(Err(_)) => Err(task_gone().into()),
        Err(_) => Err(Error::unacknowledged(None::<&Arc<str>>, timeout)),
    }
}
