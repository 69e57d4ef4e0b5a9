//! Registry of a client's subscriptions, and their connections.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use swarm_resp::Request;
use swarm_transport::RequestRejection;
use tokio::sync::{mpsc, oneshot, watch};

use super::buffer::Buffer;
use super::name::Name;
use super::options::{Overflow, SubscribeOptions};
use super::protocol::PubSub;
use super::subscription::{CountGuard, EventSink, Subscription};
use crate::connection::ConnectionFactory;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::Availability;

/// A message to the task of a connection.
pub(crate) enum Submission {
    /// Adds a subscription.
    Subscribe {
        id: u64,
        names: Vec<Name>,
        sink: EventSink,
    },
    /// Removes a subscription.
    Unsubscribe(u64),
    /// Ends a subscription that continues at another server.
    #[cfg(feature = "cluster")]
    Release(u64),
}

/// Resolves when the server has acknowledged every name of a subscription.
pub(super) type Acknowledged = oneshot::Receiver<Result<(), Failure>>;

/// Registry of a client's subscriptions.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    /// True once the client is closed. Each connection holds a receiver.
    closing: watch::Sender<bool>,
    /// Channel to the task of the shared connection, once a subscription has needed it. The task
    /// stays, and dials only while there are subscriptions.
    shared: Mutex<Option<mpsc::UnboundedSender<Submission>>>,
    next_id: AtomicU64,
    /// Number of open subscriptions.
    open: Arc<AtomicUsize>,
    /// Number of messages that subscriptions have dropped.
    dropped_messages: Arc<AtomicU64>,
    /// Tells whether dialing is worthwhile.
    availability: Availability,
}

impl Subscriptions {
    pub(crate) fn new(availability: Availability) -> Self {
        Self {
            availability,
            closing: watch::Sender::new(false),
            shared: Mutex::new(None),
            next_id: AtomicU64::new(0),
            open: Arc::default(),
            dropped_messages: Arc::default(),
        }
    }

    /// Number of open subscriptions.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Number of messages that subscriptions have dropped.
    pub(crate) fn dropped_messages(&self) -> u64 {
        self.dropped_messages.load(Ordering::Relaxed)
    }

    /// Subscribes, and waits until the server has acknowledged every name.
    pub(crate) async fn subscribe(
        &self,
        factory: &ConnectionFactory,
        names: Vec<Name>,
        options: SubscribeOptions,
        timeout: Option<Duration>,
    ) -> Result<Subscription> {
        let timeout = timeout.unwrap_or(factory.options.request_timeout);
        options.validate()?;
        let (subscription, acknowledged) = self.start(factory, names, options)?;
        // Dropping this future drops the subscription, which unsubscribes.
        let acknowledged = {
            let _context = factory.tasks.timers();
            crate::runtime::timeout(timeout, self.wait_acknowledged(acknowledged))
        };
        let acknowledged = acknowledged.await;
        match acknowledged.map_err(|_| self.not_acknowledged(timeout))? {
            Ok(Ok(())) => Ok(subscription),
            Ok(Err(failure)) => Err(failure.into()),
            Err(_) if *self.closing.borrow() => Err(Error::closed()),
            Err(_) => Err(task_gone().into()),
        }
    }

    /// Waits until the server acknowledges a subscription, or the server is known to be
    /// unreachable.
    async fn wait_acknowledged(
        &self,
        acknowledged: Acknowledged,
    ) -> <Acknowledged as Future>::Output {
        tokio::select! {
            biased;
            acknowledged = acknowledged => acknowledged,
            failure = self.availability.wait_unavailable() => Ok(Err(failure)),
        }
    }

    /// Returns why the server has not acknowledged a subscription in time.
    fn not_acknowledged(&self, waited: Duration) -> Error {
        match self.availability.why_unreachable(waited) {
            None => Error::unacknowledged(self.availability.address().as_ref(), waited),
            Some(unreachable) => unreachable.into(),
        }
    }

    fn start(
        &self,
        factory: &ConnectionFactory,
        names: Vec<Name>,
        options: SubscribeOptions,
    ) -> Result<(Subscription, Acknowledged)> {
        if *self.closing.borrow() {
            return Err(Error::closed());
        }
        if let Some(name) = names.first().filter(|_| !factory.target.session) {
            return Err(Failure::Refused(unsupported_over_http(name)).into());
        }
        for name in &names {
            let request = Request::new(name.kind.subscribe(), &name.text);
            let checked = factory.target.check(request.view());
            checked.map_err(Error::from_failure)?;
        }
        let (acknowledge, acknowledged) = oneshot::channel();
        let buffer = Buffer::new(options).counting(&self.dropped_messages);
        let sink = EventSink::new(buffer.clone(), acknowledge);
        let (id, submissions) = self.place(factory, names, sink);
        let count = Box::new(CountGuard::new(&self.open));
        Ok((
            Subscription::new(id, submissions, buffer, factory.tasks.clone(), count),
            acknowledged,
        ))
    }

    /// Adds a subscription to a connection. Returns its identity there.
    pub(super) fn place(
        &self,
        factory: &ConnectionFactory,
        names: Vec<Name>,
        sink: EventSink,
    ) -> (u64, mpsc::UnboundedSender<Submission>) {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let buffer = sink.buffer.clone();
        let submission = Submission::Subscribe { id, names, sink };
        let submissions = match buffer.overflow() {
            // A subscription under backpressure gets its own connection, so that it delays no
            // other.
            Overflow::Backpressure => {
                let submissions = PubSub::spawn(
                    factory,
                    self.availability.clone(),
                    self.closing.subscribe(),
                    Some(buffer),
                );
                let _taken = submissions.send(submission);
                submissions
            }
            _ => self.send(factory, submission),
        };
        (id, submissions)
    }

    /// Sends a message to the task of the shared connection. Starts the task if there is none or
    /// its runtime has shut down.
    fn send(
        &self,
        factory: &ConnectionFactory,
        submission: Submission,
    ) -> mpsc::UnboundedSender<Submission> {
        // A poisoned lock is fine: no code panics while it holds this lock in an inconsistent
        // state.
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let open = shared.take().filter(|submissions| !submissions.is_closed());
        let submissions = open.unwrap_or_else(|| {
            PubSub::spawn(
                factory,
                self.availability.clone(),
                self.closing.subscribe(),
                None,
            )
        });
        // If the client is closed meanwhile, the message is dropped, and the caller sees its
        // channel close.
        let _taken = submissions.send(submission);
        *shared = Some(submissions.clone());
        submissions
    }

    /// Ends all subscriptions. Their connections may still be closing when this returns.
    pub(crate) async fn close(&self) {
        self.closing.send_replace(true);
        self.closing.closed().await;
    }
}

fn unsupported_over_http(name: &Name) -> RequestRejection {
    RequestRejection::Unsupported {
        command: name.kind.subscribe().to_owned(),
        needs: "sessions",
        transport: "HTTP",
    }
}

/// Why a subscription ended without an error from its connection: the task is gone.
pub(super) fn task_gone() -> Failure {
    Failure::runtime_gone(false)
}
