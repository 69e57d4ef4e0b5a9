//! Bounded pool of connections that are leased to one task at a time.
//!
//! A connection returns to the pool only if it is provably clean: no reply is pending, and its
//! session is as the handshake left it. Any other connection is closed; the pool never tries to
//! clean one up. Unless the server is known to escape line breaks, the connection must also pass a
//! [check](probe) that replies still match requests.

mod blocking;
mod idle;
mod probe;
mod session;
mod slices;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, Timeout, sleep_until, timeout_at};

pub(super) use blocking::{BlockingCall, TimeLimits, Via};

use crate::connection::ConnectionFactory;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::options::DedicatedLimits;
use crate::request_reply::{
    Availability, ConnectionHandle, RequestReply, Role, Ticket, WeakConnectionHandle,
};
use crate::status::{DedicatedStats, State, StateWatch};
use idle::Idle;
use probe::Probes;
use session::Session;
pub(super) use session::Watches;
pub(super) use slices::SLICE;

/// Pool of the leased connections of a client.
#[derive(Debug)]
pub(crate) struct Leases {
    factory: Arc<ConnectionFactory>,
    /// Whether the shared connection works, so that dialing makes sense.
    availability: Availability,
    /// One permit for each connection that is leased, being opened, being checked or being closed.
    /// Granted in order.
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    probes: Arc<Probes>,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    closed: bool,
    /// Connections kept for the next lease. The one used last is at the end.
    idle: Vec<Idle>,
    /// All open connections, leased or idle.
    open: Vec<(WeakConnectionHandle, StateWatch)>,
}

impl Leases {
    pub(super) fn new(factory: Arc<ConnectionFactory>, availability: Availability) -> Arc<Self> {
        let size = factory.options.dedicated.max.min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            factory,
            availability,
            permits: Arc::new(Semaphore::new(size)),
            waiting: AtomicUsize::new(0),
            probes: Arc::default(),
            connections: Mutex::default(),
        })
    }

    fn limits(&self) -> DedicatedLimits {
        self.factory.options.dedicated
    }

    pub(super) fn stats(&self) -> DedicatedStats {
        let max = self.limits().max;
        DedicatedStats {
            max,
            in_use: max.saturating_sub(self.permits.available_permits()),
            idle: self.lock().idle.len(),
            waiting: self.waiting.load(Ordering::Relaxed),
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
        let permit = self.permit(deadline).await?;
        match self.until(deadline, self.idle_or_probed()).await {
            Ok(Some(connection)) => Ok(Lease::new(self, connection, permit)),
            Ok(None) => self.dial(permit, deadline).await,
            Err(_) => Err(Error::no_lease(self.stats())),
        }
    }

    async fn permit(&self, deadline: Instant) -> Result<OwnedSemaphorePermit> {
        let permit = {
            let _waiting = Waiting::among(&self.waiting);
            self.until(deadline, Arc::clone(&self.permits).acquire_owned())
                .await
        };
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Error::closed()),
            Err(_) => Err(Error::no_lease(self.stats())),
        }
    }

    /// Opens a connection, once the shared one works. Retries by the same policy as the shared
    /// connection.
    async fn dial(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        deadline: Instant,
    ) -> Result<Lease> {
        let mut reconnect = self.factory.reconnect();
        let mut last = Failure::Timeout { sent: false };
        let mut permit = Some(permit);
        loop {
            match self.until(deadline, self.availability.wait()).await {
                Ok(reached) => reached?,
                Err(_) => return Err(self.availability.why_unsent().into()),
            }
            let (connection, outcome) = self.spawn();
            // Create the lease first, so that dropping this future closes the connection.
            let Some(mut lease) = permit
                .take()
                .map(|permit| Lease::new(self, connection, permit))
            else {
                return Err(Error::closed());
            };
            match self.until(deadline, outcome).await {
                Ok(Ok(Ok(()))) => return Ok(lease),
                Ok(Ok(Err(failure))) => last = failure,
                Ok(Err(_)) => return Err(Error::closed()),
                Err(_) => return Err(Error::connect(last)),
            }
            // The connection has failed.
            permit = lease.permit.take();
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

    /// Starts a connection and registers it for `close`.
    fn spawn(&self) -> (ConnectionHandle, oneshot::Receiver<Result<(), Failure>>) {
        let (started, outcome) = oneshot::channel();
        let connection = RequestReply::spawn(&self.factory, Role::Leased, Some(started));
        let state = connection.status().watch();
        let mut connections = self.lock();
        if connections.closed {
            connection.abort();
        }
        connections
            .open
            .retain(|(_, state)| state.get() != State::Closed);
        connections.open.push((connection.downgrade(), state));
        (connection, outcome)
    }

    /// Takes an idle connection that still works.
    fn take_idle(&self) -> Option<ConnectionHandle> {
        let mut connections = self.lock();
        while let Some(idle) = connections.idle.pop() {
            let connection = idle.connection().clone();
            if connection.is_idle() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next lease. Closes the connection that was idle longest if there
    /// are too many.
    fn keep(self: &Arc<Self>, connection: ConnectionHandle) {
        let idle = Idle::new(self, connection);
        let mut connections = self.lock();
        if !connections.closed {
            connections.idle.push(idle);
            if connections.idle.len() > self.limits().max_idle {
                connections.idle.remove(0);
            }
        }
    }

    /// Closes a connection now. Its permit is released once the connection is closed, so the limit
    /// holds for sockets, and so are its keys, because a command may still run.
    fn discard(
        &self,
        connection: &ConnectionHandle,
        permit: OwnedSemaphorePermit,
        keys: Option<Ticket>,
    ) {
        let mut state = connection.status().watch();
        connection.abort();
        if state.get() != State::Closed {
            self.factory.tasks.spawn(async move {
                state.reached(State::Closed).await;
                drop((permit, keys));
            });
        }
    }

    /// Closes all connections and opens no more.
    ///
    /// A connection with a pending reply to a write closes once the reply arrives; other calls in
    /// flight fail. Waits for these replies until `by`, and returns how many are still pending.
    pub(super) async fn close(&self, by: Option<std::time::Instant>) -> usize {
        self.permits.close();
        let open = {
            let mut connections = self.lock();
            connections.closed = true;
            connections.idle.clear();
            std::mem::take(&mut connections.open)
        };
        let mut closing = Vec::new();
        for (connection, state) in open {
            let connection = connection.upgrade();
            let closed = connection.as_ref().map(|connection| {
                connection.abort();
                connection.close(by)
            });
            closing.push((connection, closed, state));
        }
        let mut owed = 0;
        for (connection, closed, mut state) in closing {
            if let (Some(connection), Some(closed)) = (connection, closed) {
                closed.await;
                owed += connection.status().unanswered();
            } else if let Some(by) = by {
                // The lease was dropped before.
                let _in_time = self.until(by.into(), state.reached(State::Closed)).await;
            }
        }
        owed
    }

    fn until<F: Future>(&self, deadline: Instant, work: F) -> Timeout<F> {
        let _context = self.factory.tasks.timers();
        timeout_at(deadline, work)
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
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

/// A leased connection. Returned to the pool when dropped, if it is clean.
#[derive(Debug)]
pub(crate) struct Lease {
    leases: Arc<Leases>,
    pub(super) connection: ConnectionHandle,
    /// Taken when the lease is dropped.
    permit: Option<OwnedSemaphorePermit>,
    pub(super) session: Session,
    /// Keeps other commands of the client from writing the keys of a transaction.
    keys: Mutex<Option<Ticket>>,
}

impl Lease {
    fn new(
        leases: &Arc<Leases>,
        connection: ConnectionHandle,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            leases: Arc::clone(leases),
            connection,
            permit: Some(permit),
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
        let Some(permit) = self.permit.take() else {
            return;
        };
        let keys = self.keys.get_mut().unwrap_or_else(PoisonError::into_inner);
        let keys = keys.take();
        if !self.connection.is_idle() || !self.session.is_clean() {
            self.leases.discard(&self.connection, permit, keys);
        } else if !self.connection.status().escapes() {
            self.leases.probe(self.connection.clone(), permit);
        } else {
            // In this order, so that the next holder of the permit finds the connection.
            self.leases.keep(self.connection.clone());
            drop(permit);
        }
    }
}
