//! Sans-IO state machine of subscriptions, over one connection after another.
//!
//! Subscriptions, frames and the time go in; requests and events come out.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use swarm_resp::{Frame, Kind as FrameKind, Request, RequestRef, ServerError};
use swarm_transport::{Capabilities, RequestRejection};

use super::event::Message;
use super::frame::PubSubFrame;
use super::name::{Kind, Name};
use super::table::{Step, SubscriptionTable};
use crate::connection::{HandshakeError, Nonce, Session, Settings, Violation};
use crate::credentials::Credentials;
use crate::error::Error;
use crate::failure::Failure;
use crate::server::ServerProfile;

/// Multiplier on the silence limit for a server that sends data but never the reply it owes.
const OVERDUE: u32 = 4;

/// Receives the events of one subscription.
pub(super) trait Listener {
    /// The server has acknowledged all names.
    fn ready(&mut self);

    /// The server has acknowledged all names again, after some or all were lost.
    fn restored(&mut self);

    /// A message has arrived. Returns false to unsubscribe.
    fn hear(&mut self, message: Message) -> bool;

    /// No more events will arrive.
    fn end(self, failure: Failure);
}

/// A subscription.
struct Subscriber<L> {
    listener: L,
    names: Vec<Name>,
    /// How many of its names are not subscribed at the server, not yet or not any more. Until all are, the listener
    /// receives no message; so from its next event on, none is missing.
    missing: usize,
    /// Whether all names were subscribed once.
    ready: bool,
}

/// A reply that the server owes.
#[derive(Debug, PartialEq, Eq)]
enum Owed {
    Acknowledgement(Step),
    Pong(Nonce),
}

/// All subscriptions of a connection, and what the server knows of them.
pub(super) struct Machine<L> {
    session: Session,
    table: SubscriptionTable,
    subscribers: HashMap<u64, Subscriber<L>>,
    /// Subscriptions whose names were not yet checked against the server of this connection.
    unchecked: Vec<u64>,
    owed: VecDeque<Owed>,
    /// When the server last sent a reply that it owed, or began to owe one.
    settled: Option<Instant>,
}

impl<L: Listener> Machine<L> {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            session: Session::new(settings),
            table: SubscriptionTable::default(),
            subscribers: HashMap::new(),
            unchecked: Vec::new(),
            owed: VecDeque::new(),
            settled: None,
        }
    }

    /// Adds a subscription.
    pub(super) fn subscribe(&mut self, id: u64, names: Vec<Name>, mut listener: L) {
        let here = names
            .iter()
            .filter(|name| self.table.want(name, id))
            .count();
        let missing = names.len().saturating_sub(here);
        if missing == 0 {
            listener.ready();
        }
        let subscriber = Subscriber {
            listener,
            names,
            missing,
            ready: missing == 0,
        };
        self.subscribers.insert(id, subscriber);
        self.unchecked.push(id);
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
            self.table.drop_wish(name, id);
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

    /// Whether the connection is no longer needed: there are no subscriptions, and the server has acknowledged that.
    pub(super) fn is_idle(&self) -> bool {
        self.table.is_empty()
    }

    /// State of the connection itself.
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

    /// A connection is open, and its handshake begins.
    pub(super) fn connected(&mut self, capabilities: Capabilities) {
        self.session.open(capabilities);
    }

    /// The connection is lost or closed.
    pub(super) fn disconnected(&mut self) {
        self.session.close();
        self.owed.clear();
        self.table.reset();
        for subscriber in self.subscribers.values_mut() {
            subscriber.missing = subscriber.names.len();
        }
        // The next connection may lead to a server of another kind.
        self.unchecked.clear();
        self.unchecked.extend(self.subscribers.keys());
    }

    /// Ends each new subscription that has a name which the transport or the server cannot take. A subscription is all or
    /// nothing, so all of its names are checked before the first of them is sent.
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

    /// Returns the next request to send, if there is one. `check` tells whether the transport can carry a request.
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
            self.owe(now, Owed::Pong(nonce));
            return Some(request);
        }
        // One name per request: a deployed gateway answers several names with replies that shift all later ones.
        let step = self.table.next()?;
        let Name { kind, text } = &step.name;
        let command = if step.subscribe {
            kind.subscribe()
        } else {
            kind.unsubscribe()
        };
        let request = Request::new(command, text);
        self.owe(now, Owed::Acknowledgement(step));
        Some(request)
    }

    fn owe(&mut self, now: Instant, owed: Owed) {
        if self.owed.is_empty() {
            self.session.begin_owing(now);
            self.settled = Some(now);
        }
        self.owed.push_back(owed);
    }

    /// Receiving resumes. What did not arrive meanwhile was not the server's fault.
    pub(super) const fn resume(&mut self, now: Instant) {
        self.session.hear(now);
        self.settled = Some(now);
    }

    /// Takes a frame.
    pub(super) fn receive(&mut self, now: Instant, frame: &Frame) -> Result<(), Violation> {
        if !self.session.receive(now, frame)? {
            return Ok(());
        }
        match PubSubFrame::of(frame, self.session.server()) {
            PubSubFrame::Message {
                pattern,
                channel,
                payload,
            } => self.deliver(pattern, channel, payload),
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
            PubSubFrame::Refused(error) => return self.refused(now, error),
            PubSubFrame::Unknown => tracing::debug!("unsolicited push ignored"),
            PubSubFrame::Nonsense => return Err(Violation::UnexpectedReply),
        }
        Ok(())
    }

    fn deliver(&mut self, pattern: Option<&[u8]>, channel: &[u8], payload: &[u8]) {
        let (kind, name) = match pattern {
            Some(pattern) => (Kind::Pattern, pattern),
            None => (Kind::Channel, channel),
        };
        let Some((name, listeners)) = self.table.listeners(kind, name) else {
            return;
        };
        // Built for the first listener and shared with the others. The payload is copied, because the frame keeps the
        // whole read buffer alive.
        let mut message = None;
        let mut gone = Vec::new();
        for id in listeners {
            let whole = self.subscribers.get_mut(id);
            let Some(subscriber) = whole.filter(|subscriber| subscriber.missing == 0) else {
                continue;
            };
            let message = message.get_or_insert_with(|| Message {
                channel: match kind {
                    Kind::Channel => name.clone(),
                    Kind::Pattern => Bytes::copy_from_slice(channel),
                },
                pattern: pattern.map(|_| name.clone()),
                payload: Bytes::copy_from_slice(payload),
            });
            if !subscriber.listener.hear(message.clone()) {
                gone.push(*id);
            }
        }
        for id in gone {
            self.unsubscribe(id);
        }
    }

    fn acknowledge(&mut self, now: Instant, kind: Kind, subscribed: bool, name: &[u8]) {
        self.settle(now, |owed| match owed {
            Owed::Acknowledgement(step) => {
                step.subscribe == subscribed && step.name.kind == kind && step.name.text == name
            }
            Owed::Pong(_) => false,
        });
        if !subscribed {
            for id in self.table.turn_off(kind, name) {
                if let Some(subscriber) = self.subscribers.get_mut(id) {
                    subscriber.missing += 1;
                }
            }
            return;
        }
        for id in self.table.turn_on(kind, name) {
            let Some(subscriber) = self.subscribers.get_mut(id) else {
                continue;
            };
            subscriber.missing = subscriber.missing.saturating_sub(1);
            if subscriber.missing > 0 {
                continue;
            }
            if std::mem::replace(&mut subscriber.ready, true) {
                subscriber.listener.restored();
            } else {
                subscriber.listener.ready();
            }
        }
    }

    /// Removes the first matching reply that is owed: the very first, unless the server replies out of order.
    fn settle(&mut self, now: Instant, fits: impl Fn(&Owed) -> bool) {
        if let Some(at) = self.owed.iter().position(fits) {
            self.owed.remove(at);
            self.settled = Some(now);
            self.session.note_served();
        }
    }

    /// Takes the reply to a heartbeat if it echoes the nonce. A reply with any other text shows that replies no longer
    /// match requests; a push with another text is a message that someone published.
    fn pong(&mut self, now: Instant, text: &[u8], pushed: bool) -> Result<(), Violation> {
        let matches = |owed: &Owed| matches!(owed, Owed::Pong(nonce) if nonce.is(text));
        if self.owed.iter().any(matches) {
            self.session.finish_heartbeat();
            self.settle(now, matches);
            return Ok(());
        }
        let awaited = (self.owed.iter()).any(|owed| matches!(owed, Owed::Pong(_)));
        match (pushed, awaited) {
            (true, _) => Ok(()),
            (false, true) => Err(Violation::OutOfStep),
            (false, false) => Err(Violation::UnexpectedReply),
        }
    }

    /// Takes an error, which answers the first request without a reply.
    fn refused(&mut self, now: Instant, error: ServerError) -> Result<(), Violation> {
        let Some(owed) = self.owed.pop_front() else {
            return Err(Violation::Ended(error));
        };
        self.settled = Some(now);
        let Owed::Acknowledgement(step) = owed else {
            // Any answer proves that the server is alive.
            self.session.finish_heartbeat();
            return Ok(());
        };
        let give_up = |what, error| Err(HandshakeError::Session { what, error }.into());
        if !step.subscribe {
            // The state of this name is unknown now. The next connection does not subscribe it.
            return give_up("the end of a subscription", error);
        }
        let failure = Failure::Server(error.clone());
        let passing = Error::from(failure.clone()).is_retryable();
        if passing && self.has_ready_listener(&step.name) {
            return give_up("a subscription for now", error);
        }
        self.refuse(&step.name, &failure);
        Ok(())
    }

    fn has_ready_listener(&self, name: &Name) -> bool {
        let listeners = self.table.listeners(name.kind, &name.text);
        listeners.is_some_and(|(_, ids)| {
            ids.iter()
                .any(|id| self.subscribers.get(id).is_some_and(|s| s.ready))
        })
    }

    fn refuse(&mut self, name: &Name, failure: &Failure) {
        for id in self.table.refuse(name) {
            self.end(id, failure.clone());
        }
    }

    /// When [`expire`](Self::expire) is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let due = [
            self.silent_at(),
            self.overdue_at(),
            self.session.heartbeat_at(),
        ];
        due.into_iter().flatten().min()
    }

    fn is_owed(&self) -> bool {
        self.is_ready() && !self.owed.is_empty()
    }

    /// When the connection is dropped, unless data arrives before: the server owes a reply and is silent.
    fn silent_at(&self) -> Option<Instant> {
        self.is_owed().then(|| self.session.silent_at())?
    }

    /// When the connection is dropped although messages arrive: a reply has been overdue for too long.
    fn overdue_at(&self) -> Option<Instant> {
        self.is_owed()
            .then(|| Some(self.settled? + self.session.settings.silence * OVERDUE))?
    }

    pub(super) fn expire(&mut self, now: Instant) -> Result<(), Violation> {
        if self.silent_at().is_some_and(|silent| silent <= now) {
            return Err(Violation::Silent(self.session.settings.silence));
        }
        if self.overdue_at().is_some_and(|overdue| overdue <= now) {
            return Err(Violation::Overdue(self.session.settings.silence * OVERDUE));
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
    // What subscribes must be able to unsubscribe, by a request that is longer.
    for command in [kind.subscribe(), kind.unsubscribe()] {
        let request = Request::new(command, text);
        check(request.view()).map_err(Failure::Refused)?;
        server.check(request.view()).map_err(Failure::Unsupported)?;
    }
    Ok(())
}
