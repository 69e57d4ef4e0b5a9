//! Sans-IO state machine of all subscriptions on a connection, which survives reconnects.
//!
//! Takes subscriptions, frames and the time; returns requests and delivers events.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use swarm_resp::{Frame, Kind as FrameKind, Request, RequestRef, ServerError};
use swarm_transport::{Capabilities, RequestRejection};

use super::event::Message;
use super::frame::PubSubFrame;
use super::name::{Kind, Name};
use super::table::{SubscriptionChange, SubscriptionTable};
use crate::connection::{HandshakeError, Nonce, Session, Settings, Violation};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::failure::Failure;
use crate::runtime::Instant;
use crate::server::ServerProfile;

/// Multiplier on the silence limit for a server that sends data but withholds a pending reply.
const OVERDUE_FACTOR: u32 = 4;

/// Receives the events of one subscription.
pub(super) trait Listener {
    /// The server has acknowledged every name.
    fn ready(&mut self);

    /// The server has acknowledged every name again, after a reconnect or after it dropped a name.
    fn restored(&mut self);

    /// A message has arrived. Returns false to unsubscribe.
    fn message(&mut self, message: Message) -> bool;

    /// The subscription ends. No more events follow.
    fn end(self, failure: Failure);
}

/// A subscription.
struct Subscriber<L> {
    listener: L,
    names: Vec<Name>,
    /// Number of names that the server has not acknowledged. The listener receives messages only
    /// while this is 0, so no message is missing between one event and the next.
    unacknowledged: usize,
    /// Whether the server has acknowledged all names at least once.
    ready: bool,
}

/// A reply that the server has yet to send.
#[derive(Debug, PartialEq, Eq)]
enum PendingReply {
    Acknowledgement(SubscriptionChange),
    Pong(Nonce),
}

/// All subscriptions of a connection, and their state on the server.
pub(super) struct Machine<L> {
    session: Session,
    table: SubscriptionTable,
    subscribers: HashMap<u64, Subscriber<L>>,
    /// Subscriptions whose names have not been checked against the server of this connection.
    unchecked: Vec<u64>,
    pending: VecDeque<PendingReply>,
    /// When the server last sent a pending reply, or a reply became pending while none was.
    last_reply: Option<Instant>,
}

impl<L: Listener> Machine<L> {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            session: Session::new(settings),
            table: SubscriptionTable::default(),
            subscribers: HashMap::new(),
            unchecked: Vec::new(),
            pending: VecDeque::new(),
            last_reply: None,
        }
    }

    /// Adds a subscription.
    pub(super) fn subscribe(&mut self, id: u64, names: Vec<Name>, mut listener: L) {
        let acknowledged = names.iter().filter(|name| self.table.add(name, id)).count();
        let unacknowledged = names.len().saturating_sub(acknowledged);
        if unacknowledged == 0 {
            listener.ready();
        }
        let subscriber = Subscriber {
            listener,
            names,
            unacknowledged,
            ready: unacknowledged == 0,
        };
        self.subscribers.insert(id, subscriber);
        self.unchecked.push(id);
    }

    /// Ends a subscription that continues elsewhere, if it still exists.
    #[cfg(feature = "cluster")]
    pub(super) fn release(&mut self, id: u64) {
        self.end(id, Failure::Closed { sent: false });
    }

    /// Removes a subscription, if it still exists.
    pub(super) fn unsubscribe(&mut self, id: u64) {
        let _listener = self.remove(id);
    }

    fn remove(&mut self, id: u64) -> Option<L> {
        let Subscriber {
            listener, names, ..
        } = self.subscribers.remove(&id)?;
        for name in &names {
            self.table.remove(name, id);
        }
        Some(listener)
    }

    fn end(&mut self, id: u64, failure: Failure) {
        if let Some(listener) = self.remove(id) {
            listener.end(failure);
        }
    }

    /// Ends all subscriptions.
    pub(super) fn end_all(&mut self, failure: &Failure) {
        let ids: Vec<_> = self.subscribers.keys().copied().collect();
        for id in ids {
            self.end(id, failure.clone());
        }
    }

    /// Whether there are subscriptions.
    pub(super) fn is_wanted(&self) -> bool {
        !self.subscribers.is_empty()
    }

    /// Whether the connection can be closed: there are no subscriptions, and the server has
    /// acknowledged that.
    pub(super) fn is_idle(&self) -> bool {
        self.table.is_empty()
    }

    /// Returns the protocol-independent state of the connection.
    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    pub(super) const fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    pub(super) const fn is_ready(&self) -> bool {
        self.session.is_ready()
    }

    /// Sets the credentials of the next handshake.
    pub(super) fn log_in_with(&mut self, credentials: Option<Credentials>) {
        self.session.log_in_with(credentials);
    }

    /// Starts over on a new connection, whose handshake begins.
    pub(super) fn connected(&mut self, capabilities: Capabilities) {
        self.session.open(capabilities);
    }

    /// The connection was lost or closed.
    pub(super) fn disconnected(&mut self) {
        self.session.close();
        self.pending.clear();
        self.table.reset();
        for subscriber in self.subscribers.values_mut() {
            subscriber.unacknowledged = subscriber.names.len();
        }
        // The next connection may lead to a server of another kind.
        self.unchecked.clear();
        self.unchecked.extend(self.subscribers.keys());
    }

    /// Ends each unchecked subscription with a name that the transport or the server cannot take. A
    /// subscription is all or nothing, so all of its names are checked before the first one is
    /// sent.
    fn check_new(&mut self, check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>) {
        let server = self.session.server();
        for id in std::mem::take(&mut self.unchecked) {
            let Some(subscriber) = self.subscribers.get(&id) else {
                continue;
            };
            let checked = subscriber
                .names
                .iter()
                .try_for_each(|Name { kind, text }| check_name(server, *kind, text, &check));
            if let Err(failure) = checked {
                self.end(id, failure);
            }
        }
    }

    /// Returns the next request to send, if any. `check` tells whether the transport can carry a
    /// request.
    pub(super) fn next_request(
        &mut self,
        now: Instant,
        check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<Request> {
        if !self.is_ready() {
            return self.session.handshake_request();
        }
        self.check_new(check);
        if self.session.is_heartbeat_due() {
            let nonce = self.session.start_heartbeat(now);
            let request = nonce.request("PING");
            self.expect_reply(now, PendingReply::Pong(nonce));
            return Some(request);
        }
        // One name per request: a deployed gateway answers several names with replies that shift
        // all later ones.
        let change = self.table.next()?;
        let Name { kind, text } = &change.name;
        let command = if change.subscribe {
            kind.subscribe()
        } else {
            kind.unsubscribe()
        };
        let request = Request::new(command, text);
        self.expect_reply(now, PendingReply::Acknowledgement(change));
        Some(request)
    }

    fn expect_reply(&mut self, now: Instant, pending: PendingReply) {
        if self.pending.is_empty() {
            self.session.begin_waiting(now);
            self.last_reply = Some(now);
        }
        self.pending.push_back(pending);
    }

    /// Resumes receiving after backpressure. The server is not to blame for what was not read
    /// meanwhile, so the limits start over.
    pub(super) const fn resume(&mut self, now: Instant) {
        self.session.note_activity(now);
        self.last_reply = Some(now);
    }

    /// Processes a frame.
    pub(super) fn receive(&mut self, now: Instant, frame: &Frame) -> Result<(), Violation> {
        if !self.session.receive(now, frame)? {
            return Ok(());
        }
        match PubSubFrame::parse(frame, self.session.server()) {
            PubSubFrame::Message {
                kind,
                name,
                channel,
                payload,
            } => self.deliver(kind, name, channel, payload),
            PubSubFrame::Acknowledged {
                kind,
                subscribed,
                name,
            } => self.acknowledge(now, kind, subscribed, name),
            PubSubFrame::Pong(text) => {
                return self.pong(
                    now,
                    text,
                    frame.is_push() || frame.kind() == FrameKind::Array,
                );
            }
            PubSubFrame::Error(error) => return self.receive_error(now, error),
            PubSubFrame::Unknown => tracing::debug!("unsolicited push ignored"),
            PubSubFrame::Unexpected => return Err(Violation::UnexpectedReply),
        }
        Ok(())
    }

    fn deliver(&mut self, kind: Kind, name: &[u8], channel: &[u8], payload: &[u8]) {
        let Some((name, listeners)) = self.table.subscribers(kind, name) else {
            return;
        };
        // Created for the first listener and shared with the others. The payload is copied, because
        // the frame keeps the whole read buffer alive.
        let mut message = None;
        let mut closed = Vec::new();
        for id in listeners {
            let subscriber = self.subscribers.get_mut(id);
            let Some(subscriber) = subscriber.filter(|subscriber| subscriber.unacknowledged == 0)
            else {
                continue;
            };
            let message = message.get_or_insert_with(|| Message {
                channel: match kind {
                    Kind::Channel | Kind::Shard => name.clone(),
                    Kind::Pattern => Bytes::copy_from_slice(channel),
                },
                pattern: (kind == Kind::Pattern).then(|| name.clone()),
                payload: Bytes::copy_from_slice(payload),
            });
            if !subscriber.listener.message(message.clone()) {
                closed.push(*id);
            }
        }
        for id in closed {
            self.unsubscribe(id);
        }
    }

    fn acknowledge(&mut self, now: Instant, kind: Kind, subscribed: bool, name: &[u8]) {
        self.complete(now, |pending| match pending {
            PendingReply::Acknowledgement(change) => {
                change.subscribe == subscribed
                    && change.name.kind == kind
                    && change.name.text == name
            }
            PendingReply::Pong(_) => false,
        });
        if !subscribed {
            for id in self.table.unsubscribed(kind, name) {
                if let Some(subscriber) = self.subscribers.get_mut(id) {
                    subscriber.unacknowledged += 1;
                }
            }
            return;
        }
        for id in self.table.subscribed(kind, name) {
            let Some(subscriber) = self.subscribers.get_mut(id) else {
                continue;
            };
            subscriber.unacknowledged = subscriber.unacknowledged.saturating_sub(1);
            if subscriber.unacknowledged > 0 {
                continue;
            }
            if std::mem::replace(&mut subscriber.ready, true) {
                subscriber.listener.restored();
            } else {
                subscriber.listener.ready();
            }
        }
    }

    /// Removes the first pending reply that matches. It is the oldest one, unless the server
    /// replies out of order.
    fn complete(&mut self, now: Instant, matches: impl Fn(&PendingReply) -> bool) {
        if let Some(at) = self.pending.iter().position(matches) {
            self.pending.remove(at);
            self.last_reply = Some(now);
            self.session.note_reply();
        }
    }

    /// Processes the reply to a heartbeat. Text other than the nonce shows that replies no longer
    /// match requests; in a push, such text is a message that someone published.
    fn pong(&mut self, now: Instant, text: &[u8], is_push: bool) -> Result<(), Violation> {
        let matches =
            |pending: &PendingReply| matches!(pending, PendingReply::Pong(nonce) if nonce.is(text));
        if self.pending.iter().any(matches) {
            self.session.finish_heartbeat();
            self.complete(now, matches);
            return Ok(());
        }
        let expected =
            (self.pending.iter()).any(|pending| matches!(pending, PendingReply::Pong(_)));
        match (is_push, expected) {
            (true, _) => Ok(()),
            (false, true) => Err(Violation::Desynchronized),
            (false, false) => Err(Violation::UnexpectedReply),
        }
    }

    /// Processes an error, which answers the oldest request without a reply.
    fn receive_error(&mut self, now: Instant, error: ServerError) -> Result<(), Violation> {
        let Some(pending) = self.pending.pop_front() else {
            return Err(Violation::ClosedByServer(error));
        };
        self.last_reply = Some(now);
        let PendingReply::Acknowledgement(change) = pending else {
            // Any reply proves that the server is alive.
            self.session.finish_heartbeat();
            return Ok(());
        };
        let reconnect = |what, error| Err(HandshakeError::Session { what, error }.into());
        if !change.subscribe {
            // The state of this name is unknown now. The client reconnects, and does not subscribe
            // to the name again.
            return reconnect("UNSUBSCRIBE", error);
        }
        let failure = Failure::Server(error.clone());
        // A sharded channel may be refused because another node of the cluster has it now.
        let transient =
            change.name.kind != Kind::Shard && Error::from_failure(failure.clone()).is_retryable();
        if transient && self.has_ready_listener(&change.name) {
            return reconnect("SUBSCRIBE for now", error);
        }
        self.reject(&change.name, &failure);
        Ok(())
    }

    fn has_ready_listener(&self, name: &Name) -> bool {
        let listeners = self.table.subscribers(name.kind, &name.text);
        listeners.is_some_and(|(_, ids)| {
            ids.iter()
                .any(|id| self.subscribers.get(id).is_some_and(|s| s.ready))
        })
    }

    fn reject(&mut self, name: &Name, failure: &Failure) {
        for id in self.table.reject(name) {
            self.end(id, failure.clone());
        }
    }

    /// Returns when [`expire`](Self::expire) is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let due = [
            self.silent_at(),
            self.overdue_at(),
            self.session.heartbeat_at(),
        ];
        due.into_iter().flatten().min()
    }

    fn is_reply_pending(&self) -> bool {
        self.is_ready() && !self.pending.is_empty()
    }

    /// Returns when to drop the connection because a reply is pending and no data has arrived.
    fn silent_at(&self) -> Option<Instant> {
        self.is_reply_pending().then(|| self.session.silent_at())?
    }

    /// Returns when to drop the connection because a reply is overdue, although other data arrives.
    fn overdue_at(&self) -> Option<Instant> {
        self.is_reply_pending()
            .then(|| Some(self.last_reply? + self.session.settings.silence * OVERDUE_FACTOR))?
    }

    /// Asks the server whether the connection works, because nothing was received for a while.
    pub(super) fn resumed(&mut self, now: Instant) {
        self.session.expire_heartbeat(now);
    }

    /// Acts on the deadlines that have passed.
    ///
    /// # Errors
    ///
    /// When the server is silent, or withholds a reply.
    pub(super) fn expire(&mut self, now: Instant) -> Result<(), Violation> {
        if self.silent_at().is_some_and(|silent| silent <= now) {
            return Err(Violation::Silent(self.session.settings.silence));
        }
        if self.overdue_at().is_some_and(|overdue| overdue <= now) {
            return Err(Violation::Overdue(
                self.session.settings.silence * OVERDUE_FACTOR,
            ));
        }
        self.session.expire_heartbeat(now);
        Ok(())
    }
}

/// Fails if the transport or the server cannot take a name.
fn check_name(
    server: ServerProfile,
    kind: Kind,
    text: &Bytes,
    check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
) -> Result<(), Failure> {
    server
        .check_marks(kind.marks(text))
        .map_err(Failure::Unsupported)?;
    // A name that can be subscribed must also fit the longer request to unsubscribe.
    for command in [kind.subscribe(), kind.unsubscribe()] {
        let request = Request::new(command, text);
        check(request.view()).map_err(Failure::Refused)?;
        server.check(request.view()).map_err(Failure::Unsupported)?;
    }
    Ok(())
}
