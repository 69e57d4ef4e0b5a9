//! The subscriptions of a client and their connections.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use swarm_resp::Request;
use swarm_transport::{RequestRejection, TransportError, TransportErrorKind};
use tokio::sync::{mpsc, oneshot, watch};

use super::buffer::Buffer;
use super::name::Name;
use super::options::{Overflow, SubscribeOptions};
use super::protocol::PubSub;
use super::subscription::{Counted, EventSink, Subscription};
use crate::connection::ConnectionFactory;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::Availability;

/// A message to the task of a connection.
pub(super) enum Submission {
    /// Adds a subscription.
    Subscribe {
        id: u64,
        names: Vec<Name>,
        sink: EventSink,
    },
    /// Removes a subscription.
    Unsubscribe(u64),
}

/// Resolves when the server has acknowledged all names of a subscription.
type Acknowledged = oneshot::Receiver<Result<(), Failure>>;

/// The subscriptions of a client.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    /// True once the client is closed. Each connection holds a receiver.
    closing: watch::Sender<bool>,
    /// The connection that subscriptions share, after the first one. Its task stays, and dials only while there are
    /// subscriptions.
    shared: Mutex<Option<mpsc::UnboundedSender<Submission>>>,
    next_id: AtomicU64,
    /// Number of open subscriptions.
    open: Arc<AtomicUsize>,
    /// Tells whether dialing makes sense.
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
        }
    }

    /// Number of open subscriptions.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
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
        let (subscription, acknowledged) = self.join(factory, names, options)?;
        // Dropping this future drops the subscription, which unsubscribes.
        let acknowledged = {
            let _context = factory.tasks.timers();
            tokio::time::timeout(timeout, self.acknowledged(acknowledged))
        };
        match acknowledged.await.map_err(|_| self.unacknowledged())? {
            Ok(Ok(())) => Ok(subscription),
            Ok(Err(failure)) => Err(failure.into()),
            Err(_) if *self.closing.borrow() => Err(Error::closed()),
            Err(_) => Err(abandoned().into()),
        }
    }

    /// Waits until a subscription is acknowledged, or cannot be acknowledged for now.
    async fn acknowledged(&self, acknowledged: Acknowledged) -> <Acknowledged as Future>::Output {
        tokio::select! {
            biased;
            acknowledged = acknowledged => acknowledged,
            failure = self.availability.barred() => Ok(Err(failure)),
        }
    }

    /// The reason why the server has not acknowledged a subscription in time.
    fn unacknowledged(&self) -> Error {
        match self.availability.why_unsent() {
            Failure::Timeout { .. } => Error::unacknowledged(),
            unreachable => unreachable.into(),
        }
    }

    fn join(
        &self,
        factory: &ConnectionFactory,
        names: Vec<Name>,
        options: SubscribeOptions,
    ) -> Result<(Subscription, Acknowledged)> {
        if *self.closing.borrow() {
            return Err(Error::closed());
        }
        if let Some(name) = names.first().filter(|_| !factory.target.session) {
            return Err(Failure::Refused(over_http(name)).into());
        }
        for name in &names {
            let request = Request::new(name.kind.subscribe(), &name.text);
            factory.target.check(request.view())?;
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (waiting, acknowledged) = oneshot::channel();
        let overflow = options.overflow;
        let buffer = Buffer::new(options);
        let sink = EventSink::new(buffer.clone(), waiting);
        let join = Submission::Subscribe { id, names, sink };
        let submissions = match overflow {
            // Backpressure of one subscription must not delay others.
            Overflow::Backpressure => {
                let submissions = PubSub::spawn(
                    factory,
                    self.availability.clone(),
                    self.closing.subscribe(),
                    Some(buffer.clone()),
                );
                let _taken = submissions.send(join);
                submissions
            }
            _ => self.send(factory, join),
        };
        let counted = Counted::new(&self.open);
        Ok((
            Subscription::new(id, submissions, buffer, factory.tasks.clone(), counted),
            acknowledged,
        ))
    }

    /// Sends a message to the shared connection, whose task is started again if its runtime has shut down.
    fn send(
        &self,
        factory: &ConnectionFactory,
        join: Submission,
    ) -> mpsc::UnboundedSender<Submission> {
        // No code under this lock panics halfway.
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
        // If the client is closed meanwhile, the message is dropped, which the waiting caller notices.
        let _taken = submissions.send(join);
        *shared = Some(submissions.clone());
        submissions
    }

    /// Ends all subscriptions, and waits until their connections are closed.
    pub(crate) async fn close(&self) {
        self.closing.send_replace(true);
        self.closing.closed().await;
    }
}

fn over_http(name: &Name) -> RequestRejection {
    RequestRejection::Unsupported {
        command: name.kind.subscribe().to_owned(),
        needs: "sessions",
        transport: "HTTP",
    }
}

/// The reason why a subscription ends without notice: the connection's task is gone.
pub(super) fn abandoned() -> Failure {
    let what = "the runtime that the subscription was made in has shut down";
    Failure::Lost {
        sent: false,
        error: Arc::new(TransportError::new(TransportErrorKind::Closed, what)),
    }
}
