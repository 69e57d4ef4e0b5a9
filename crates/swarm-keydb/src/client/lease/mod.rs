//! Leases of dedicated connections: each belongs to one task at a time.

mod blocking;
mod session;
mod slices;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use swarm_transport::{TransportError, TransportErrorKind};
use tokio::sync::oneshot;

pub(crate) use blocking::TimeLimits;
pub(super) use blocking::{BlockingCall, Via};

use crate::connection::ConnectionFactory;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::{
    Availability, ConnectionHandle, Dedicated, Place, RequestReply, Role, Ticket,
};
use crate::runtime::{Elapsed, Instant, sleep_until, timeout_at};
use crate::status::DedicatedStats;
use session::Session;
pub(super) use session::Watches;
pub(super) use slices::SLICE;

/// Leases the dedicated connections of a client.
#[derive(Debug)]
pub(crate) struct Leases {
    factory: Arc<ConnectionFactory>,
    /// Whether the shared connection works, so that dialing makes sense.
    availability: Availability,
    dedicated: Arc<Dedicated>,
    waiting: AtomicUsize,
}

impl Leases {
    pub(super) fn new(
        factory: Arc<ConnectionFactory>,
        dedicated: Arc<Dedicated>,
        availability: Availability,
    ) -> Arc<Self> {
        Arc::new(Self {
            factory,
            availability,
            dedicated,
            waiting: AtomicUsize::new(0),
        })
    }

    pub(super) fn stats(&self) -> DedicatedStats {
        DedicatedStats {
            waiting: self.waiting.load(Ordering::Relaxed),
            ..self.dedicated.stats()
        }
    }

    /// Leases a connection before a deadline. Waiting callers are served in order.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the caller leaves the line, and a connection that was being opened
    /// closes.
    pub(super) async fn acquire(self: &Arc<Self>, deadline: Instant) -> Result<Lease> {
        if !self.factory.target.session {
            return Err(Role::refusal().into());
        }
        let place = self.place(deadline).await?;
        let idle = self.until(deadline, self.dedicated.idle_or_probed());
        match idle.await {
            Ok(Some(connection)) => Ok(Lease::new(self, connection, place)),
            Ok(None) => self.dial(place, deadline).await,
            Err(_) => Err(Error::no_lease(self.stats())),
        }
    }

    async fn place(&self, deadline: Instant) -> Result<Place> {
        let place = {
            let _waiting = Waiting::among(&self.waiting);
            self.until(deadline, self.dedicated.place()).await
        };
        match place {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(Error::closed()),
            Err(_) => Err(Error::no_lease(self.stats())),
        }
    }

    /// Opens a connection, once the shared one works. Retries by the same policy as the shared
    /// connection.
    async fn dial(self: &Arc<Self>, place: Place, deadline: Instant) -> Result<Lease> {
        let mut reconnect = self.factory.reconnect();
        let waited = deadline.saturating_duration_since(Instant::now());
        let mut last = self.availability.why_unsent(waited);
        let mut place = Some(place);
        loop {
            match self.until(deadline, self.availability.wait()).await {
                Ok(reached) => reached.map_err(Error::from_failure)?,
                Err(_) => return Err(self.availability.why_unsent(waited).into()),
            }
            let (connection, outcome) = self.spawn();
            // Create the lease first, so that dropping this future closes the connection.
            let Some(mut lease) = place
                .take()
                .map(|place| Lease::new(self, connection, place))
            else {
                return Err(Error::closed());
            };
            match self.until(deadline, outcome).await {
                Ok(Ok(Ok(()))) if !self.is_current(&lease) => {
                    last = moving();
                }
                Ok(Ok(Ok(()))) if lease.connection.status().has_session() => return Ok(lease),
                Ok(Ok(Ok(()))) => return Err(Error::connect(Role::refusal())),
                Ok(Ok(Err(failure))) => last = failure,
                Ok(Err(_)) => return Err(Error::closed()),
                Err(_) => return Err(Error::connect(last)),
            }
            // The connection has failed.
            place = lease.place.take();
            let now = Instant::now();
            let delay = reconnect.dial_delay(&last, now);
            let Some(again) = delay
                .map(|delay| now + delay)
                .filter(|again| *again < deadline)
            else {
                return Err(Error::connect(last));
            };
            let pause = {
                let _context = self.factory.tasks.timers();
                sleep_until(again)
            };
            pause.await;
        }
    }

    /// Whether a lease leads to the server of the shared connection.
    fn is_current(&self, lease: &Lease) -> bool {
        let status = lease.connection.status();
        self.factory.target.is_current(status.login_and_route())
    }

    /// Starts a connection and registers it for `close`.
    fn spawn(&self) -> (ConnectionHandle, oneshot::Receiver<Result<(), Failure>>) {
        let (started, outcome) = oneshot::channel();
        let connection = RequestReply::spawn(&self.factory, started);
        self.dedicated.register(&connection);
        (connection, outcome)
    }

    /// Closes all dedicated connections and opens no more: see [`Dedicated::close`].
    pub(super) async fn close(&self, by: Option<Instant>) -> usize {
        self.dedicated.close(by).await
    }

    fn until<F: Future>(
        &self,
        deadline: Instant,
        work: F,
    ) -> impl Future<Output = std::result::Result<F::Output, Elapsed>> + use<F> {
        let _context = self.factory.tasks.timers();
        timeout_at(deadline, work)
    }
}

/// Returns the failure of a lease on another server than that of the shared connection.
fn moving() -> Failure {
    let what = "the client is moving to another server";
    let error = TransportError::new(TransportErrorKind::Closed, what);
    Failure::lost(false, &Arc::new(error))
}

/// Counts a waiting caller.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn among(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A leased connection. Kept for its next use when dropped, if it is clean.
#[derive(Debug)]
pub(crate) struct Lease {
    leases: Arc<Leases>,
    pub(super) connection: ConnectionHandle,
    /// Taken when the lease is dropped.
    place: Option<Place>,
    pub(super) session: Session,
    /// Keeps other commands of the client from writing the keys of a transaction.
    keys: Mutex<Option<Ticket>>,
}

impl Lease {
    fn new(leases: &Arc<Leases>, connection: ConnectionHandle, place: Place) -> Self {
        Self {
            leases: Arc::clone(leases),
            connection,
            place: Some(place),
            session: Session::default(),
            keys: Mutex::default(),
        }
    }

    /// Keeps other commands of the client from writing some keys until the lease ends or
    /// [`release_keys`](Self::release_keys) is called. `None` holds nothing.
    pub(super) fn keep_keys(&self, keys: Option<Ticket>) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    pub(super) fn release_keys(&self) {
        self.keep_keys(None);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else {
            return;
        };
        let keys = self.keys.get_mut().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.take();
        let dedicated = &self.leases.dedicated;
        if self.connection.is_idle() && self.session.is_clean() {
            dedicated.give_back(self.connection.clone(), place);
        } else {
            dedicated.discard(&self.connection, place, keys);
        }
    }
}
