//! The connections that a client's subscriptions hear from, made when the first is wanted.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use swarm_resp::Request;
use swarm_transport::{RequestRejection, TransportError, TransportErrorKind};
use tokio::sync::{mpsc, oneshot, watch};

use super::buffer::Buffer;
use super::name::Name;
use super::options::{Overflow, SubscribeOptions};
use super::protocol::PubSub;
use super::subscription::{Counted, EventSink, Subscription};
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::options::ConnectionFactory;
use crate::request_reply::Availability;

/// What is said to a connection.
pub(super) enum Submission {
    /// Somebody wants to hear of names.
    Subscribe {
        id: u64,
        names: Vec<Name>,
        sink: EventSink,
    },
    /// Somebody wants to hear no more.
    Unsubscribe(u64),
}

/// Tells when the server has acknowledged all names of a subscription.
type Acknowledged = oneshot::Receiver<Result<(), Failure>>;

/// The subscriptions of a client.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    /// True once the client is closed. Each connection holds a receiver.
    closing: watch::Sender<bool>,
    /// The connection that subscriptions share, once there was one. Its task stays, and dials only while it is wanted.
    shared: Mutex<Option<mpsc::UnboundedSender<Submission>>>,
    next_id: AtomicU64,
    /// Subscriptions that are open.
    open: Arc<AtomicUsize>,
    /// Whether it makes sense to dial.
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

    /// How many subscriptions are open.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Subscribes, and waits until the server has acknowledged every name.
    pub(crate) async fn subscribe(
        &self,
        factory: &ConnectionFactory,
        names: Vec<Name>,
        options: SubscribeOptions,
    ) -> Result<Subscription> {
        let timeout = factory.options.request_timeout;
        options.validate()?;
        let (subscription, acknowledged) = self.join(factory, names, options)?;
        // When this future is dropped, the subscription is, and with it every wish for its names.
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

    /// Waits until a subscription is acknowledged, or cannot be for now.
    async fn acknowledged(&self, acknowledged: Acknowledged) -> <Acknowledged as Future>::Output {
        tokio::select! {
            biased;
            acknowledged = acknowledged => acknowledged,
            failure = self.availability.barred() => Ok(Err(failure)),
        }
    }

    /// Why the server has not acknowledged a subscription in time.
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
            // What waits for one subscription must not keep others waiting.
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

    /// Hands a message to the shared connection, which is made anew when its runtime has shut down.
    fn send(
        &self,
        factory: &ConnectionFactory,
        join: Submission,
    ) -> mpsc::UnboundedSender<Submission> {
        // Nothing under this lock can panic half-way.
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
        // If the client closes just now, the message is dropped, and who waits hears of it.
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

/// Why nothing more comes although nobody said so: the task of the connection is gone.
pub(super) fn abandoned() -> Failure {
    let what = "the runtime that the subscription was made in has shut down";
    Failure::Lost {
        sent: false,
        error: Arc::new(TransportError::new(TransportErrorKind::Closed, what)),
    }
}
