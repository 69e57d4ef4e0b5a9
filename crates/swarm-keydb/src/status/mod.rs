//! Observability of a client: the state of its connection, and metrics.

mod stats;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use swarm_transport::Route;
use swarm_transport::TransportError;
use tokio::sync::watch;

use self::stats::BUCKETS;
pub use self::stats::{DedicatedStats, Growth, RoundTrips, SharedStats, Stats};
use crate::credentials::LoginVersion;
use crate::failure::{Failure, Late, Outage, QueueLoad, Wait};
use crate::runtime::{Instant, into_std};

/// The state of a client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// The client is opening its first connection.
    Connecting,
    /// The connection is established.
    Connected,
    /// The connection was lost or could not be established. The client is reconnecting, and
    /// commands wait.
    Reconnecting,
    /// The client cannot connect and uses the HTTP fallback; commands that it does not cover wait.
    Fallback,
    /// The client was closed, or lost its connection without reconnecting. This is the last state.
    Closed,
}

/// Receiver of state changes of a client's connection. Created by
/// [`Client::watch_state`](crate::Client::watch_state).
///
/// Only the latest state is kept: a receiver that polls late may miss short states in between.
#[derive(Debug, Clone)]
pub struct StateWatch {
    links: watch::Receiver<Link>,
    /// The state that [`changed`](Self::changed) returned last.
    last_seen: State,
}

impl StateWatch {
    /// Returns the current state.
    pub fn get(&self) -> State {
        self.links.borrow().state
    }

    /// Waits until the state differs from the one that this method returned last, initially the
    /// state at the time of [`watch_state`](crate::Client::watch_state). Returns `None` after
    /// [`State::Closed`], which is the last state.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no change.
    pub async fn changed(&mut self) -> Option<State> {
        let last_seen = self.last_seen;
        if last_seen == State::Closed {
            return None;
        }
        let link = self
            .links
            .wait_for(|now| now.state != last_seen)
            .await
            .ok()?;
        self.last_seen = link.state;
        Some(link.state)
    }

    /// Waits until the connection is in another state.
    pub(crate) async fn left(&mut self, state: State) {
        // An error means that the last state is `Closed`.
        let _closed = self.links.wait_for(|now| now.state != state).await;
    }

    /// Waits until the connection is in `state`, and returns true, or until the client is closed
    /// without reaching that state, and returns false.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    pub async fn reached(&mut self, state: State) -> bool {
        let ended = |now: &Link| now.state == state || now.state == State::Closed;
        let reached = self.links.wait_for(ended).await;
        reached.is_ok_and(|now| now.state == state)
    }
}

/// The state of a connection, since when, and the last failure to connect.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) state: State,
    /// When the connection entered this state.
    pub(crate) since: Instant,
    /// Why there is no connection, if an attempt to connect has failed.
    pub(crate) failed: Option<FailedDial>,
    /// What is known about the time without a connection, until there is one.
    pub(crate) outage: Outage,
    /// Why the connection was last lost or could not be opened.
    pub(crate) last_error: Option<Arc<TransportError>>,
}

/// Why an attempt to connect failed.
#[derive(Debug, Clone)]
pub(crate) struct FailedDial {
    /// The version of the credentials that the server or a gateway refused, if it did.
    pub(crate) refused: Option<LoginVersion>,
    pub(crate) failure: Failure,
    pub(crate) error: Arc<TransportError>,
}

/// What is known about an established connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Established {
    /// Whether the server escapes line breaks in its replies.
    pub(crate) escapes: bool,
    /// Whether the transport keeps a session on the server.
    pub(crate) has_session: bool,
    /// Whether the connection uses RESP3.
    pub(crate) resp3: bool,
    pub(crate) login: LoginVersion,
}

/// State and metrics that a driver publishes. One task writes, any number read.
#[derive(Debug)]
pub(crate) struct Status {
    /// Address of the server, without secrets. If there are several, all of them.
    address: Option<Arc<str>>,
    /// The endpoint of the latest connection, if the connector chooses among several.
    route: Mutex<Option<Route>>,
    /// How often the client has moved to another server.
    moves: AtomicU64,
    links: watch::Sender<Link>,
    queued: AtomicUsize,
    in_flight: AtomicUsize,
    connections: AtomicU64,
    abandoned: AtomicUsize,
    unanswered: AtomicUsize,
    set_aside: AtomicUsize,
    /// Number of shared connections of the client, and how many there may be.
    open: AtomicUsize,
    max_open: AtomicUsize,
    /// A round trip of the handshake in nanoseconds. Zero if there was none.
    handshake: AtomicU64,
    /// A [`Growth`].
    growth: AtomicU8,
    /// Whether a reply has asked for another connection.
    stale: AtomicBool,
    /// Whether the server escapes line breaks in its replies.
    escapes: AtomicBool,
    /// Whether the transport keeps a session on the server.
    has_session: AtomicBool,
    /// Whether the established connection uses RESP3.
    resp3: AtomicBool,
    /// The credentials of the established connection: a [`LoginVersion`].
    login: AtomicU64,
    round_trips: [AtomicU64; BUCKETS],
}

impl Status {
    pub(crate) fn new(address: Option<Arc<str>>) -> Self {
        let now = Instant::now();
        Self {
            address,
            route: Mutex::default(),
            moves: AtomicU64::new(0),
            links: watch::Sender::new(Link {
                state: State::Connecting,
                since: now,
                failed: None,
                outage: Outage {
                    since: Some(now),
                    ..Outage::default()
                },
                last_error: None,
            }),
            queued: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            connections: AtomicU64::new(0),
            abandoned: AtomicUsize::new(0),
            unanswered: AtomicUsize::new(0),
            set_aside: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            max_open: AtomicUsize::new(1),
            handshake: AtomicU64::new(0),
            growth: AtomicU8::new(0),
            stale: AtomicBool::new(false),
            escapes: AtomicBool::new(false),
            has_session: AtomicBool::new(false),
            resp3: AtomicBool::new(false),
            login: AtomicU64::new(0),
            round_trips: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }

    pub(crate) fn watch(&self) -> StateWatch {
        let links = self.links.subscribe();
        let last_seen = links.borrow().state;
        StateWatch { links, last_seen }
    }

    /// Returns a receiver of the state together with its reason.
    pub(crate) fn links(&self) -> watch::Receiver<Link> {
        self.links.subscribe()
    }

    pub(crate) fn set(&self, state: State) {
        let changed = self.links.send_if_modified(|link| {
            let changed = link.state != state;
            if changed {
                let now = Instant::now();
                if link.state == State::Connected {
                    link.outage.since = Some(now);
                }
                link.state = state;
                link.since = now;
                link.outage.on_fallback = state == State::Fallback;
            }
            if state == State::Connected {
                link.failed = None;
                link.outage = Outage::default();
            }
            changed
        });
        if changed {
            tracing::debug!(?state, "connection state");
        }
        if state == State::Connected {
            self.connections.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records that an attempt to connect failed.
    pub(crate) fn note_failed_dial(&self, failed: FailedDial) {
        let now = Instant::now();
        self.links.send_modify(|link| {
            link.outage.note_attempt(&failed.error, now);
            link.last_error = Some(Arc::clone(&failed.error));
            link.failed = Some(failed);
        });
    }

    /// Records why the connection was lost.
    pub(crate) fn note_lost(&self, error: &Arc<TransportError>) {
        self.links.send_modify(|link| {
            link.outage.error = Some(Arc::clone(error));
            link.last_error = Some(Arc::clone(error));
        });
    }

    /// Returns what is known about the time without a connection.
    pub(crate) fn outage(&self) -> Outage {
        self.links.borrow().outage.clone()
    }

    /// Address of the server, without secrets: of several, that of the latest connection.
    pub(crate) fn address(&self) -> Option<Arc<str>> {
        let route = self.route();
        let name = route.map(|route| Arc::clone(route.name()));
        name.or_else(|| self.address.clone())
    }

    /// The endpoint of the latest connection, if the connector chooses among several.
    pub(crate) fn route(&self) -> Option<Route> {
        if !cfg!(feature = "failover") {
            return None;
        }
        let route = self.route.lock().unwrap_or_else(PoisonError::into_inner);
        route.clone()
    }

    /// Returns the credentials and the endpoint of the established connection.
    pub(crate) fn login_and_route(&self) -> (LoginVersion, Option<Route>) {
        (self.login(), self.route())
    }

    /// Records the endpoint of a connection that is ready.
    pub(crate) fn note_route(&self, route: Option<&Route>) {
        *self.route.lock().unwrap_or_else(PoisonError::into_inner) = route.cloned();
    }

    /// Records that the client has moved to another server.
    pub(crate) fn note_move(&self) {
        self.moves.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns why a call was not sent in time: there is no connection, or no capacity in a queue.
    pub(crate) fn why_unsent(&self, waited: Duration, queue: Option<QueueLoad>) -> Failure {
        let link = self.links.borrow();
        let wait = match queue {
            Some(load) if link.state == State::Connected => Wait::Queue(load),
            queue => Wait::Connection(link.outage.clone(), queue),
        };
        Failure::Timeout(Arc::new(Late {
            sent: false,
            address: self.address(),
            waited: Some(waited),
            wait,
        }))
    }

    pub(crate) fn note_load(&self, queued: usize, in_flight: usize) {
        self.queued.store(queued, Ordering::Relaxed);
        self.in_flight.store(in_flight, Ordering::Relaxed);
    }

    /// Returns the number of calls that wait to be sent.
    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Returns the number of calls that wait or have no reply yet.
    pub(crate) fn pending(&self) -> usize {
        let queued = self.queued.load(Ordering::Relaxed);
        queued.saturating_add(self.in_flight.load(Ordering::Relaxed))
    }

    /// Records calls that were abandoned because the client was closed.
    pub(crate) fn note_abandoned(&self, calls: usize) {
        self.abandoned.fetch_add(calls, Ordering::Relaxed);
    }

    pub(crate) fn abandoned(&self) -> usize {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Records the writes without a reply when the client was closed.
    pub(crate) fn note_unanswered(&self, calls: usize) {
        self.unanswered.store(calls, Ordering::Relaxed);
    }

    pub(crate) fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// Records the number of connections that were set aside.
    pub(crate) fn note_set_aside(&self, connections: usize) {
        self.set_aside.store(connections, Ordering::Relaxed);
    }

    pub(crate) fn set_aside(&self) -> usize {
        self.set_aside.load(Ordering::Relaxed)
    }

    /// Records the number of shared connections, how many there may be, and why.
    pub(crate) fn note_connections(&self, open: usize, max: usize, growth: Growth) {
        self.open.store(open, Ordering::Relaxed);
        self.max_open.store(max, Ordering::Relaxed);
        self.growth.store(growth as u8, Ordering::Relaxed);
    }

    /// Records a round trip of the handshake of the established connection.
    pub(crate) fn note_handshake(&self, round_trip: Duration) {
        let nanos = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX);
        self.handshake.store(nanos.max(1), Ordering::Relaxed);
    }

    /// Returns a round trip of the handshake, if there was one.
    pub(crate) fn handshake(&self) -> Option<Duration> {
        let nanos = self.handshake.load(Ordering::Relaxed);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }

    /// Records that a reply asked for another connection.
    pub(crate) fn note_stale(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// Records what is known about the established connection: whether the server escapes line
    /// breaks in its replies, whether there is a session, and the credentials.
    pub(crate) fn note_session(&self, session: Established) {
        let Established {
            escapes,
            has_session,
            resp3,
            login,
        } = session;
        self.escapes.store(escapes, Ordering::Relaxed);
        self.has_session.store(has_session, Ordering::Relaxed);
        self.resp3.store(resp3, Ordering::Relaxed);
        self.login.store(login, Ordering::Relaxed);
    }

    /// Whether the established connection uses RESP3.
    #[cfg(feature = "cache")]
    pub(crate) fn uses_resp3(&self) -> bool {
        self.resp3.load(Ordering::Relaxed)
    }

    /// Whether the transport of the established connection keeps a session on the server.
    pub(crate) fn has_session(&self) -> bool {
        self.has_session.load(Ordering::Relaxed)
    }

    /// Returns the credentials of the established connection.
    pub(crate) fn login(&self) -> LoginVersion {
        self.login.load(Ordering::Relaxed)
    }

    /// Whether no text in a reply can shift the replies that follow.
    pub(crate) fn escapes(&self) -> bool {
        self.escapes.load(Ordering::Relaxed)
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed)
    }

    pub(crate) fn note_round_trip(&self, took: Duration) {
        let micros =
            (took.as_secs().saturating_mul(1_000_000)).saturating_add(took.subsec_micros().into());
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        if let Some(count) = self.round_trips.get(bucket.min(BUCKETS - 1)) {
            // A single task writes, so no atomic addition is needed.
            count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    /// Returns the metrics now. `in_flight_bytes` is the part of the budget that is in use.
    pub(crate) fn stats(&self, in_flight_bytes: usize) -> Stats {
        let link = self.links.borrow();
        let is_connected = link.state == State::Connected;
        Stats {
            state: link.state,
            server: self.address(),
            moves: self.moves.load(Ordering::Relaxed),
            connected_since: is_connected.then(|| into_std(link.since)),
            attempts: link.outage.attempts,
            last_error: link.last_error.clone(),
            queued: self.queued.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            in_flight_bytes,
            shared: SharedStats {
                open: self.open.load(Ordering::Relaxed),
                max: self.max_open.load(Ordering::Relaxed),
                growth: Growth::of(self.growth.load(Ordering::Relaxed)),
            },
            dedicated: DedicatedStats::default(),
            draining: self.set_aside(),
            reconnects: self.connections.load(Ordering::Relaxed).saturating_sub(1),
            subscriptions: 0,
            dropped_messages: 0,
            round_trips: RoundTrips(
                self.round_trips
                    .each_ref()
                    .map(|count| count.load(Ordering::Relaxed)),
            ),
        }
    }
}
