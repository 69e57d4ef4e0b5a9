//! Sans-IO state of a connection: its handshake, the server's profile and identity, liveness and heartbeats.

use std::time::{Duration, Instant};

use swarm_resp::{Frame, Request, RequestRef, ServerError};
use swarm_transport::{Capabilities, PeerIdentity, RequestRejection, TransportError};

use super::handshake::{Handshake, HandshakeError, Progress};
use super::link::Outgoing;
use super::nonce::Nonce;
use super::settings::Settings;
use crate::credentials::Credentials;
use crate::server::{Detection, ServerProfile};

/// A protocol error after which replies can no longer be matched to requests.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    /// A reply that no request asked for.
    #[error("the server sent a reply that no request asked for")]
    UnexpectedReply,
    /// An error that answers no request: the server's reason for ending the connection.
    #[error("the server ends the connection: {0}")]
    Ended(ServerError),
    /// A reply is overdue, and no data has arrived for this long.
    #[error("the server has gone silent: a reply is overdue, and nothing else has come for {0:?}")]
    Silent(Duration),
    /// A reply is overdue, although other data has arrived.
    #[error(
        "the server is out of step: a reply has been overdue for {0:?}, though it sends other things"
    )]
    Overdue(Duration),
    /// A reply that had to echo a nonce does not.
    #[error(
        "the server's replies no longer match the requests: the reply to a check is a different one; \
         was a text with a line break returned by a script?"
    )]
    OutOfStep,
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

/// State of one connection after another: the part that does not depend on the protocol spoken after the handshake.
///
/// Reads no clock and performs no I/O. The protocol that owns the session asks it for handshake requests, shows it each frame,
/// and reports when the server begins to owe a reply.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) settings: Settings,
    phase: Phase,
    server: ServerProfile,
    peer: PeerIdentity,
    /// Whether the transport keeps a session on the server. Without one there is no handshake and no heartbeat.
    stateful: bool,
    liveness: Liveness,
    heartbeat: Heartbeat,
    /// Whether the connection has answered anything since its handshake.
    served: bool,
    /// The last request of a handshake that the session sends itself, which the transport may borrow.
    request: Option<Request>,
}

#[derive(Debug, Default)]
struct Liveness {
    /// When data last arrived, or the server began to owe a reply.
    heard: Option<Instant>,
    /// When the server was last found silent, until data arrives.
    doubted: Option<Instant>,
    /// Whether this doubt has not been followed up yet.
    unexamined: bool,
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
            phase: Phase::Offline,
            server: ServerProfile::default(),
            peer: PeerIdentity::new(),
            stateful: false,
            liveness: Liveness::default(),
            heartbeat: Heartbeat::default(),
            served: false,
            request: None,
        }
    }

    /// Starts over on a new connection, with the credentials set last. Without a session on the server, the
    /// connection is ready at once.
    pub(crate) fn open(&mut self, capabilities: Capabilities) {
        let Capabilities { session, resp3, .. } = capabilities;
        self.stateful = session;
        self.server = ServerProfile::default();
        self.heartbeat = Heartbeat::default();
        self.served = false;
        self.trust();
        self.phase = if session {
            Phase::Handshake(Handshake::new(&self.settings, resp3))
        } else {
            self.server = Detection::over_http(self.settings.server).profile();
            self.settings.learned.note_profile(self.server);
            Phase::Ready
        };
    }

    /// The connection is closed or lost.
    pub(crate) fn close(&mut self) {
        self.phase = Phase::Offline;
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

    #[inline]
    pub(crate) const fn server(&self) -> ServerProfile {
        self.server
    }

    /// What the server said about itself in the handshake.
    pub(crate) const fn peer(&self) -> &PeerIdentity {
        &self.peer
    }

    /// Whether the connection has answered anything since its handshake.
    pub(crate) const fn has_served(&self) -> bool {
        self.served
    }

    /// The server answered something after the handshake.
    #[inline]
    pub(crate) const fn note_served(&mut self) {
        self.served = true;
    }

    /// Adds the server's last reply to the error of a connection that ended in its handshake.
    pub(crate) fn explain(&self, error: TransportError) -> TransportError {
        match &self.phase {
            Phase::Handshake(handshake) => handshake.explain(error),
            Phase::Offline | Phase::Ready => error,
        }
    }

    /// Returns the next request of the handshake, unless a reply is pending or the handshake is over.
    pub(crate) fn handshake_request(&mut self) -> Option<Request> {
        match &mut self.phase {
            Phase::Handshake(handshake) => handshake.next_request(),
            Phase::Offline | Phase::Ready => None,
        }
    }

    /// Notes that a frame has arrived. Returns whether the frame is for the protocol; otherwise it belonged to the handshake.
    ///
    /// # Errors
    ///
    /// When the handshake fails, or there is no connection.
    #[inline]
    pub(crate) fn receive(&mut self, now: Instant, frame: &Frame) -> Result<bool, Violation> {
        self.hear(now);
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
            self.peer = handshake.peer().clone();
            self.phase = Phase::Ready;
            self.heartbeat.last = Some(now);
        }
        Ok(())
    }

    /// Data has arrived, be it a part of a frame: the server is alive.
    #[inline]
    pub(crate) const fn hear(&mut self, now: Instant) {
        self.liveness.heard = Some(now);
        self.trust();
    }

    /// The server owes a reply from now on, and owed none before.
    #[inline]
    pub(crate) const fn begin_owing(&mut self, now: Instant) {
        self.liveness.heard = Some(now);
    }

    /// When data last arrived, or the server began to owe a reply.
    #[inline]
    pub(crate) const fn last_heard(&self) -> Option<Instant> {
        self.liveness.heard
    }

    /// When a server that owes a reply counts as silent, unless data arrives before. After a doubt, the limit runs anew.
    pub(crate) fn silent_at(&self) -> Option<Instant> {
        let heard = self.liveness.heard?;
        let last = heard.max(self.liveness.doubted.unwrap_or(heard));
        Some(last + self.settings.silence)
    }

    /// The server is silent, but the connection is kept for now. Nothing more should be sent until data arrives.
    pub(crate) const fn doubt(&mut self, now: Instant) {
        self.liveness.doubted = Some(now);
        self.liveness.unexamined = true;
    }

    /// Ends a doubt.
    #[inline]
    pub(crate) const fn trust(&mut self) {
        self.liveness.doubted = None;
        self.liveness.unexamined = false;
    }

    #[inline]
    pub(crate) const fn is_doubted(&self) -> bool {
        self.liveness.doubted.is_some()
    }

    /// Whether the server has been silent for `drain_timeout` although it was doubted meanwhile, so that no command can be the
    /// reason.
    pub(crate) fn is_beyond_doubt(&self, now: Instant) -> bool {
        let heard = self.liveness.heard;
        let limit = heard.and_then(|heard| heard.checked_add(self.settings.drain_timeout));
        self.is_doubted() && limit.is_some_and(|limit| limit <= now)
    }

    /// Returns whether the current doubt has not been followed up yet. True once for each doubt.
    pub(crate) const fn take_unexamined_doubt(&mut self) -> bool {
        std::mem::replace(&mut self.liveness.unexamined, false)
    }

    /// When the next heartbeat is due. At most one is pending: a server that is busy for long need not answer them all.
    pub(crate) fn heartbeat_at(&self) -> Option<Instant> {
        let Heartbeat { last, due, pending } = self.heartbeat;
        if due || pending || !self.stateful || !self.is_ready() {
            return None;
        }
        Some(last? + self.settings.heartbeat?)
    }

    /// Marks a heartbeat as due if its time has come.
    pub(crate) fn expire_heartbeat(&mut self, now: Instant) {
        self.heartbeat.due |= self.heartbeat_at().is_some_and(|at| at <= now);
    }

    #[inline]
    pub(crate) const fn is_heartbeat_due(&self) -> bool {
        self.heartbeat.due
    }

    /// Begins a heartbeat: the caller sends `PING` with the nonce now.
    pub(crate) fn start_heartbeat(&mut self, now: Instant) -> Nonce {
        self.heartbeat = Heartbeat {
            last: Some(now),
            due: false,
            pending: true,
        };
        Nonce::new()
    }

    /// The reply to a heartbeat has arrived, whatever it says.
    pub(crate) const fn finish_heartbeat(&mut self) {
        self.heartbeat.pending = false;
    }
}

/// For a connection that serves nothing but its handshake.
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
