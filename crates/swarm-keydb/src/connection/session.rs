//! Sans-IO state of a connection: handshake, server profile and identity, liveness, heartbeats.

use std::sync::Arc;
use std::time::Duration;

use swarm_resp::{Frame, Request, RequestRef, ServerError};
use swarm_transport::Route;
use swarm_transport::{Capabilities, PeerIdentity, RequestRejection, TransportError};

use super::handshake::{Handshake, HandshakeError, Progress};
use super::link::Outgoing;
use super::nonce::Nonce;
use super::settings::Settings;
use crate::credentials::Credentials;
use crate::failure::Outage;
use crate::runtime::Instant;
use crate::server::{Detection, ServerProfile};

/// A protocol error after which replies can no longer be matched to requests.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    /// A reply that no request asked for.
    #[error("the server sent a reply that no request asked for")]
    UnexpectedReply,
    /// An error that answers no request: the server's reason for closing the connection.
    #[error("the server closed the connection: {0}")]
    ClosedByServer(ServerError),
    /// A reply is overdue, and no data has arrived for this long.
    #[error("a reply from the server is overdue, and no data has arrived for {0:?}")]
    Silent(Duration),
    /// A reply is overdue, although other data has arrived.
    #[error("a reply from the server has been overdue for {0:?}, although other data arrives")]
    Overdue(Duration),
    /// A reply that had to echo a nonce does not.
    #[error(
        "replies no longer match requests: the server did not echo a nonce; did a script return \
         text with a line break?"
    )]
    Desynchronized,
    /// The handshake failed.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
}

#[derive(Debug)]
enum Phase {
    Offline,
    /// Only the handshake's requests are sent.
    Handshake(Handshake),
    Ready,
}

/// State of one connection after another: the part that does not depend on the protocol spoken
/// after the handshake.
///
/// Reads no clock and performs no I/O. The protocol that owns the session asks it for handshake
/// requests, shows it each frame, and reports when a reply becomes pending.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) settings: Settings,
    /// The endpoint, if the connector has chosen among several.
    route: Option<Route>,
    phase: Phase,
    server: ServerProfile,
    peer: PeerIdentity,
    /// What is known about the time without a connection, until there is one.
    outage: Outage,
    /// Whether the transport keeps a session on the server. Without one, there is no handshake and
    /// no heartbeat.
    stateful: bool,
    liveness: Liveness,
    heartbeat: Heartbeat,
    /// Whether the connection uses RESP3.
    resp3: bool,
    /// Whether the server has replied since the handshake.
    replied: bool,
    /// The last request of a handshake that the session sends itself, which the transport may
    /// borrow.
    request: Option<Request>,
}

#[derive(Debug, Default)]
struct Liveness {
    /// When data last arrived, or a reply became pending while none was.
    last_activity: Option<Instant>,
    /// When the server was last found silent. Cleared when data arrives.
    suspected: Option<Instant>,
    /// Whether this suspicion has not led to a liveness check yet.
    unchecked: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Heartbeat {
    /// When the last one was sent, or the connection became ready.
    last: Option<Instant>,
    /// Whether one must be sent.
    due: bool,
    /// Whether the reply to one is pending.
    pending: bool,
}

impl Session {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            route: None,
            phase: Phase::Offline,
            server: ServerProfile::default(),
            peer: PeerIdentity::new(),
            outage: Outage::default(),
            stateful: false,
            liveness: Liveness::default(),
            heartbeat: Heartbeat::default(),
            resp3: false,
            replied: false,
            request: None,
        }
    }

    /// The next connection leads to this endpoint, if the connector has chosen among several.
    pub(crate) fn arrive(&mut self, route: Option<&Route>) {
        self.route = route.cloned();
        let Some(route) = route else {
            return;
        };
        let settings = &mut self.settings;
        settings.address = Some(Arc::clone(route.name()));
        settings.retry = settings.retry.within_one_server();
        settings.learned.enter(route.endpoint_id());
    }

    /// The endpoint of the connection, if the connector has chosen among several.
    pub(crate) const fn route(&self) -> Option<&Route> {
        if cfg!(feature = "failover") {
            self.route.as_ref()
        } else {
            None
        }
    }

    /// Starts over on a new connection, with the credentials set last. Without a session on the
    /// server, the connection is ready at once.
    pub(crate) fn open(&mut self, capabilities: Capabilities) {
        let Capabilities { session, resp3, .. } = capabilities;
        self.stateful = session;
        self.resp3 = false;
        self.heartbeat = Heartbeat::default();
        self.replied = false;
        self.clear_suspicion();
        self.phase = if session {
            Phase::Handshake(Handshake::new(&self.settings, resp3))
        } else {
            self.server = Detection::over_http(self.settings.server).profile();
            self.settings.learned.note_profile(self.server);
            self.outage = Outage::default();
            Phase::Ready
        };
    }

    /// The connection was closed or lost.
    pub(crate) fn close(&mut self) {
        self.phase = Phase::Offline;
    }

    /// Records what is known about the time without a connection.
    pub(crate) fn note_outage(&mut self, outage: Outage) {
        self.outage = outage;
    }

    /// Returns what is known about the time without a connection.
    pub(crate) const fn outage(&self) -> &Outage {
        &self.outage
    }

    /// Sets the credentials of the next handshake.
    pub(crate) fn log_in_with(&mut self, credentials: Option<Credentials>) {
        self.settings.credentials = credentials;
    }

    #[inline]
    pub(crate) const fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// Whether the transport keeps a session on the server.
    #[inline]
    pub(crate) const fn is_stateful(&self) -> bool {
        self.stateful
    }

    /// Whether the connection uses RESP3, according to its handshake.
    pub(crate) const fn uses_resp3(&self) -> bool {
        self.resp3
    }

    #[inline]
    pub(crate) const fn server(&self) -> ServerProfile {
        self.server
    }

    /// Returns the server's identity, according to its reply to HELLO.
    pub(crate) const fn peer(&self) -> &PeerIdentity {
        &self.peer
    }

    /// Whether the server has replied since the handshake.
    pub(crate) const fn has_replied(&self) -> bool {
        self.replied
    }

    /// Records a reply after the handshake.
    #[inline]
    pub(crate) const fn note_reply(&mut self) {
        self.replied = true;
    }

    /// Adds the server's last reply to the error of a connection that ended in its handshake.
    pub(crate) fn explain(&self, error: TransportError) -> TransportError {
        match &self.phase {
            Phase::Handshake(handshake) => handshake.explain(error),
            Phase::Offline | Phase::Ready => error,
        }
    }

    /// Returns the next request of the handshake, unless a reply is pending or the handshake is
    /// over.
    pub(crate) fn handshake_request(&mut self) -> Option<Request> {
        match &mut self.phase {
            Phase::Handshake(handshake) => handshake.next_request(),
            Phase::Offline | Phase::Ready => None,
        }
    }

    /// Records the arrival of a frame. Returns whether the frame is for the protocol; otherwise it
    /// belonged to the handshake.
    ///
    /// # Errors
    ///
    /// When the handshake fails, or there is no connection.
    #[inline]
    pub(crate) fn receive(&mut self, now: Instant, frame: &Frame) -> Result<bool, Violation> {
        self.note_activity(now);
        if self.is_ready() {
            return Ok(true);
        }
        self.receive_handshake(now, frame)?;
        Ok(false)
    }

    #[cold]
    fn receive_handshake(&mut self, now: Instant, frame: &Frame) -> Result<(), Violation> {
        let Phase::Handshake(handshake) = &mut self.phase else {
            return Err(Violation::UnexpectedReply);
        };
        if frame.is_push() {
            // A push answers no request of the handshake.
            tracing::debug!("unsolicited push ignored");
            return Ok(());
        }
        if let Progress::Done(server) = handshake.receive(frame)? {
            tracing::debug!(?server, "handshake done");
            self.server = server;
            self.resp3 = handshake.uses_resp3();
            self.peer = handshake.peer().clone();
            self.phase = Phase::Ready;
            self.outage = Outage::default();
            self.heartbeat.last = Some(now);
        }
        Ok(())
    }

    /// Records that data has arrived, even if only part of a frame: the server is alive.
    #[inline]
    pub(crate) const fn note_activity(&mut self, now: Instant) {
        self.liveness.last_activity = Some(now);
        self.clear_suspicion();
    }

    /// Records that a reply is pending from now on, and none was before.
    #[inline]
    pub(crate) const fn begin_waiting(&mut self, now: Instant) {
        self.liveness.last_activity = Some(now);
    }

    /// When data last arrived, or a reply became pending while none was.
    #[inline]
    pub(crate) const fn last_activity(&self) -> Option<Instant> {
        self.liveness.last_activity
    }

    /// Returns when a server with a pending reply counts as silent, unless data arrives before.
    /// After a suspicion, the limit starts over.
    pub(crate) fn silent_at(&self) -> Option<Instant> {
        let last_activity = self.liveness.last_activity?;
        let last = last_activity.max(self.liveness.suspected.unwrap_or(last_activity));
        Some(last + self.settings.silence)
    }

    /// Returns when the server has said nothing for the limit on its silence, unless data arrives
    /// before.
    pub(crate) fn quiet_at(&self) -> Option<Instant> {
        Some(self.liveness.last_activity? + self.settings.silence)
    }

    /// Suspects the silent server, but keeps the connection. Nothing more should be sent until data
    /// arrives.
    pub(crate) const fn suspect(&mut self, now: Instant) {
        self.liveness.suspected = Some(now);
        self.liveness.unchecked = true;
    }

    /// Clears a suspicion.
    #[inline]
    pub(crate) const fn clear_suspicion(&mut self) {
        self.liveness.suspected = None;
        self.liveness.unchecked = false;
    }

    #[inline]
    pub(crate) const fn is_suspected(&self) -> bool {
        self.liveness.suspected.is_some()
    }

    /// Whether the server has been silent for `drain_timeout` although it was suspected meanwhile,
    /// so that no command can be the reason.
    pub(crate) fn is_unresponsive(&self, now: Instant) -> bool {
        let last_activity = self.liveness.last_activity;
        let limit = last_activity
            .and_then(|last_activity| last_activity.checked_add(self.settings.drain_timeout));
        self.is_suspected() && limit.is_some_and(|limit| limit <= now)
    }

    /// Returns whether the current suspicion has not led to a liveness check yet. True once for
    /// each suspicion.
    pub(crate) const fn take_unchecked_suspicion(&mut self) -> bool {
        std::mem::replace(&mut self.liveness.unchecked, false)
    }

    /// Returns when the next heartbeat is due. At most one is pending, because a busy server need
    /// not answer them all.
    pub(crate) fn heartbeat_at(&self) -> Option<Instant> {
        let Heartbeat { last, due, pending } = self.heartbeat;
        if due || pending || !self.stateful || !self.is_ready() {
            return None;
        }
        Some(last? + self.settings.heartbeat?)
    }

    /// Marks a heartbeat as due if its interval has passed.
    pub(crate) fn expire_heartbeat(&mut self, now: Instant) {
        self.heartbeat.due |= self.heartbeat_at().is_some_and(|at| at <= now);
    }

    #[inline]
    pub(crate) const fn is_heartbeat_due(&self) -> bool {
        self.heartbeat.due
    }

    /// Starts a heartbeat. The caller must send `PING` with the returned nonce.
    pub(crate) fn start_heartbeat(&mut self, now: Instant) -> Nonce {
        self.heartbeat = Heartbeat {
            last: Some(now),
            due: false,
            pending: true,
        };
        Nonce::new()
    }

    /// Records the reply to a heartbeat, whatever it says.
    pub(crate) const fn finish_heartbeat(&mut self) {
        self.heartbeat.pending = false;
    }
}

/// For a connection that is opened before its protocol takes over.
impl Outgoing for Session {
    fn next_request(
        &mut self,
        _: Instant,
        _: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>> {
        let request = self.handshake_request()?;
        Some(self.request.insert(request).view())
    }
}
