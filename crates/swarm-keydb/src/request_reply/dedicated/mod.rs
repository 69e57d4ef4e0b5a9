//! The dedicated connections of a client: how many there may be, and those that are idle.
//!
//! An idle connection serves either use. A lease takes one instead of dialing, and so does the
//! dispatcher when the shared connections grow. Both give back what they need no longer. An idle
//! connection counts as dedicated, and a connection changes its use only if there is capacity on
//! the other side. Therefore, neither use can take connections away from the other.
//!
//! A connection is kept only if it is provably clean: no reply is pending, and its session is as
//! the handshake left it. Any other connection is closed; the client never tries to clean one up.
//! Unless the server is known to escape line breaks, the connection must also pass a [check](probe)
//! that replies still match requests.

mod idle;
mod probe;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use super::handle::{ConnectionHandle, WeakConnectionHandle};
use crate::connection::ConnectionFactory;
use crate::options::DedicatedLimits;
use crate::runtime::{Instant, timeout_at};
use crate::status::{DedicatedStats, State, StateWatch};
use idle::Idle;
use probe::Probes;

/// Capacity for one dedicated connection. Held while the connection is leased, being opened, being
/// checked or being closed.
pub(crate) type Place = OwnedSemaphorePermit;

/// The dedicated connections of a client.
#[derive(Debug)]
pub(crate) struct Dedicated {
    factory: Arc<ConnectionFactory>,
    /// Granted in order.
    places: Arc<Semaphore>,
    probes: Arc<Probes>,
    connections: Mutex<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    closed: bool,
    /// The one used last is at the end.
    idle: Vec<Idle>,
    /// All open connections, leased or idle.
    open: Vec<(WeakConnectionHandle, StateWatch)>,
}

impl Connections {
    fn register(&mut self, connection: &ConnectionHandle) {
        if self.closed {
            connection.abort();
        }
        self.open.retain(|(_, state)| state.get() != State::Closed);
        let state = connection.status().watch();
        self.open.push((connection.downgrade(), state));
    }
}

impl Dedicated {
    pub(crate) fn new(factory: Arc<ConnectionFactory>) -> Arc<Self> {
        let size = factory.options.dedicated.max.min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            factory,
            places: Arc::new(Semaphore::new(size)),
            probes: Arc::default(),
            connections: Mutex::default(),
        })
    }

    fn limits(&self) -> DedicatedLimits {
        self.factory.options.dedicated
    }

    /// Returns the metrics, without those of the callers that wait.
    pub(crate) fn stats(&self) -> DedicatedStats {
        let max = self.limits().max;
        DedicatedStats {
            max,
            in_use: max.saturating_sub(self.places.available_permits()),
            idle: self.lock().idle.len(),
            waiting: 0,
        }
    }

    /// Waits for a place. Waiting callers are served in order.
    ///
    /// # Errors
    ///
    /// When the client is closed.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the caller leaves the line.
    pub(crate) async fn place(&self) -> Result<Place, AcquireError> {
        Arc::clone(&self.places).acquire_owned().await
    }

    /// Registers a new connection, which `close` must close. Aborts it if the client is closed.
    pub(crate) fn register(&self, connection: &ConnectionHandle) {
        self.lock().register(connection);
    }

    /// Takes an idle connection for a lease. Its holder must have a place.
    fn take_idle(&self) -> Option<ConnectionHandle> {
        self.pop(&mut self.lock())
    }

    /// Takes an idle connection, which is dedicated no longer.
    pub(super) fn take_for_pool(&self) -> Option<ConnectionHandle> {
        let mut connections = self.lock();
        let connection = self.pop(&mut connections)?;
        connections.open.retain(|(other, _)| !other.is(&connection));
        Some(connection)
    }

    /// Takes the idle connection that was used last, of those that can still be used.
    fn pop(&self, connections: &mut Connections) -> Option<ConnectionHandle> {
        while let Some(idle) = connections.idle.pop() {
            let connection = idle.connection().clone();
            if self.is_usable(&connection) {
                return Some(connection);
            }
        }
        None
    }

    /// Whether the connection works, no reply is pending, and it has the current credentials and
    /// endpoint.
    fn is_usable(&self, connection: &ConnectionHandle) -> bool {
        let target = &self.factory.target;
        connection.is_idle() && target.is_current(connection.status().login_and_route())
    }

    /// Takes a connection that the pool of shared connections needs no longer, if there is a place
    /// and it would not displace another. No reply is pending on it. Otherwise, the connection
    /// closes.
    pub(super) fn offer(self: &Arc<Self>, connection: ConnectionHandle) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return;
        };
        let mut connections = self.lock();
        let idle = connections.idle.len();
        // Each place that is free may soon have an idle connection.
        let has_capacity = idle < self.limits().max_idle && idle <= self.places.available_permits();
        if has_capacity && connection.status().has_session() && self.is_usable(&connection) {
            connections.register(&connection);
            drop(connections);
            self.give_back(connection, place);
        }
    }

    /// Keeps a connection whose session is as the handshake left it, if it passes the check.
    pub(crate) fn give_back(self: &Arc<Self>, connection: ConnectionHandle, place: Place) {
        if connection.status().escapes() {
            self.keep(connection, place);
        } else {
            self.probe(connection, place);
        }
    }

    /// Keeps a connection for its next use. Closes the connection that was idle longest if there
    /// are too many.
    fn keep(self: &Arc<Self>, connection: ConnectionHandle, place: Place) {
        let idle = Idle::new(self, connection);
        let mut connections = self.lock();
        if !connections.closed {
            connections.idle.push(idle);
            if connections.idle.len() > self.limits().max_idle {
                connections.idle.remove(0);
            }
        }
        drop(connections);
        // Last, so that its next holder finds the connection.
        drop(place);
    }

    /// Closes a connection now. Its place is free once the connection is closed, so the limit holds
    /// for sockets, and so is what `held` holds, because a command may still run.
    pub(crate) fn discard(
        &self,
        connection: &ConnectionHandle,
        place: Place,
        held: impl Send + 'static,
    ) {
        let mut state = connection.status().watch();
        connection.abort();
        if state.get() != State::Closed {
            self.factory.tasks.spawn(async move {
                state.reached(State::Closed).await;
                drop((place, held));
            });
        }
    }

    /// Closes all connections and opens no more.
    ///
    /// A connection with a pending reply to a write closes once the reply arrives; other calls in
    /// flight fail. Waits for these replies until `by`, and returns how many are still pending.
    pub(crate) async fn close(&self, by: Option<Instant>) -> usize {
        self.places.close();
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
                let in_time = {
                    let _context = self.factory.tasks.timers();
                    timeout_at(by, state.reached(State::Closed))
                };
                let _in_time = in_time.await;
            }
        }
        owed
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
