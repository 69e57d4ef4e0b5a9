//! Connections that are set aside: replies to writes are pending, and they stay open until these have arrived.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use swarm_resp::{Frame, Request, RequestRef};
use swarm_transport::{RequestRejection, TransportError, TransportErrorKind};

use super::{Answered, Engine, ReplySender, RequestReply};
use crate::connection::{CLOSE_TIMEOUT, Disconnect, Link, Nonce, Outgoing, RECEIVE_BATCH};

/// Maximum number of connections that are set aside. For one more, the client closes one whose calls have all been
/// answered or timed out.
const MAX_SET_ASIDE: usize = 8;

/// How often a nonce is requested at first, and in total.
const FIRST_QUESTIONS: usize = 8;
const MAX_QUESTIONS: usize = 1024;

/// A nonce that the server must echo.
struct Question {
    nonce: Nonce,
    /// How many requests must be sent now.
    due: usize,
    /// How many requests may still be sent.
    left: usize,
    /// The last request, which the transport may borrow.
    request: Option<Request>,
}

/// The connections that are set aside.
pub(super) struct Asides {
    list: Vec<Aside>,
    /// Maximum time for which each is kept.
    time: Duration,
}

struct Aside {
    link: Link,
    /// When the connection is closed even if replies are pending.
    until: Instant,
    rest: Rest,
}

/// What is still awaited.
enum Rest {
    /// Replies, in the order of the requests.
    Replies(Box<Engine<ReplySender>>),
    /// The nonce. Replies no longer match requests, so other frames are discarded. Once the server echoes the nonce, it
    /// has run all earlier commands.
    Echo(Question),
    /// Nothing: the connection is being closed.
    Nothing,
}

impl Asides {
    pub(super) const fn new(time: Duration) -> Self {
        let list = Vec::new();
        Self { list, time }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether the maximum is reached and none can be closed, because writes on each are within their deadlines.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= MAX_SET_ASIDE && self.list.iter().all(Aside::has_pending_writes)
    }

    fn engines(&self) -> impl Iterator<Item = &Engine<ReplySender>> {
        self.list.iter().filter_map(|aside| match &aside.rest {
            Rest::Replies(engine) => Some(&**engine),
            _ => None,
        })
    }

    fn engines_mut(&mut self) -> impl Iterator<Item = &mut Engine<ReplySender>> {
        self.list
            .iter_mut()
            .filter_map(|aside| match &mut aside.rest {
                Rest::Replies(engine) => Some(&mut **engine),
                _ => None,
            })
    }

    /// Whether a caller waits for a reply over one of them.
    pub(super) fn have_living_calls(&self) -> bool {
        self.engines().any(Engine::has_living_calls)
    }

    pub(super) fn owe_write_in_time(&self) -> bool {
        self.engines().any(Engine::owes_write_in_time)
    }

    /// Number of writes whose replies are known to be pending.
    pub(super) fn owed_writes(&self) -> usize {
        self.engines().map(Engine::owed_writes).sum()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.engines().map(Engine::in_flight).sum()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let limits = self.list.iter().map(|aside| aside.until);
        limits
            .chain(self.engines().filter_map(Engine::next_deadline))
            .min()
    }

    /// Fails calls whose deadline has passed, and closes connections whose time is over. Returns the engines of these.
    fn expire(&mut self, now: Instant) -> Vec<Engine<ReplySender>> {
        for engine in self.engines_mut() {
            // A connection that is set aside may be silent.
            let _never = engine.expire(now);
        }
        let over = self.list.extract_if(.., |aside| aside.until <= now);
        over.filter_map(|aside| aside.rest.give_up()).collect()
    }

    /// Fails all calls because the client is closed. Returns for how many of them a caller still waited.
    pub(super) fn abandon(&mut self) -> usize {
        self.engines_mut().map(Engine::abandon).sum()
    }

    /// Closes the oldest connection of some kind if the maximum is reached. Returns its engine.
    fn make_room(&mut self, kind: impl Fn(&Aside) -> bool) -> Option<Engine<ReplySender>> {
        if self.list.len() < MAX_SET_ASIDE {
            return None;
        }
        let first = self.list.iter().position(kind)?;
        tracing::debug!(
            "too many connections are set aside; the oldest that nobody waits for closes"
        );
        self.list.remove(first).rest.give_up()
    }

    fn push(&mut self, link: Link, rest: Rest) {
        let now = tokio::time::Instant::now().into_std();
        self.list.push(Aside {
            link,
            until: super::engine::deadline(now, self.time),
            rest,
        });
    }

    /// Sends and receives. Returns the engines of connections that are lost or out of step.
    fn poll(&mut self, cx: &mut Context<'_>) -> Vec<Engine<ReplySender>> {
        let mut gone = Vec::new();
        self.list
            .retain_mut(|aside| aside.poll(&mut gone, cx).is_pending());
        gone
    }
}

impl Aside {
    /// Whether no call awaits the frames that still arrive.
    const fn is_out_of_step(&self) -> bool {
        matches!(self.rest, Rest::Echo(_) | Rest::Nothing)
    }

    /// Whether a reply to a write is pending whose deadline has not passed.
    fn has_pending_writes(&self) -> bool {
        match &self.rest {
            Rest::Replies(engine) => engine.owes_write_in_time(),
            Rest::Echo(_) | Rest::Nothing => false,
        }
    }

    /// Ready when the connection is closed or lost. Pushes its engine to `gone` when no more replies can be matched.
    fn poll(&mut self, gone: &mut Vec<Engine<ReplySender>>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let error = match self.step(cx) {
                Ok(true) => continue,
                Ok(false) => return Poll::Pending,
                Err(error) => error,
            };
            let (error, rest) = match error {
                Disconnect::Violation(violation) => {
                    tracing::debug!(%violation, "a connection that was set aside is out of step");
                    let error = Disconnect::Violation(violation).into_error();
                    (error, Rest::Echo(Question::new()))
                }
                other => (other.into_error(), Rest::Nothing),
            };
            let is_lost = matches!(rest, Rest::Nothing);
            if let Rest::Replies(mut engine) = std::mem::replace(&mut self.rest, rest) {
                engine.disconnected(&Arc::new(error));
                gone.push(*engine);
            }
            if is_lost {
                return Poll::Ready(());
            }
        }
    }

    /// Returns whether there may be more to do now. The end of the connection is an error.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnect> {
        if let Rest::Nothing = self.rest {
            return match self.link.poll_close(cx) {
                Poll::Ready(_) => Err(done().into()),
                Poll::Pending => Ok(false),
            };
        }
        self.link.poll_send(&mut self.rest, cx)?;
        for _ in 0..RECEIVE_BATCH {
            let Poll::Ready(frame) = self.link.poll_receive(cx) else {
                return Ok(false);
            };
            let frame = frame?;
            let over = match &mut self.rest {
                Rest::Echo(question) => question.is_answered_by(&frame),
                Rest::Replies(engine) => {
                    let now = tokio::time::Instant::now().into_std();
                    let answered = engine.receive(now, frame)?;
                    drop(answered.map(|Answered { wake, .. }| wake));
                    !engine.owes_write() && !engine.has_living_calls()
                }
                Rest::Nothing => true,
            };
            if over {
                tracing::debug!("a connection that was set aside owes nothing more and closes");
                self.rest = Rest::Nothing;
                let now = tokio::time::Instant::now().into_std();
                self.until = self.until.min(now + CLOSE_TIMEOUT);
                return Ok(true);
            }
        }
        Ok(true)
    }
}

/// Sends the rest of a batch that was begun, or requests the nonce.
impl Outgoing for Rest {
    fn next_request(
        &mut self,
        now: Instant,
        check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>> {
        match self {
            Self::Replies(engine) => engine.next_request(now, check),
            Self::Echo(question) => question.next_request(),
            Self::Nothing => None,
        }
    }
}

impl Rest {
    /// Closes the connection early. Returns its engine, if there is one.
    fn give_up(self) -> Option<Engine<ReplySender>> {
        let Self::Replies(mut engine) = self else {
            return None;
        };
        let what = "the server owed a reply for longer than the connection was kept";
        let error = TransportError::new(TransportErrorKind::Timeout, what);
        engine.disconnected(&Arc::new(error));
        Some(*engine)
    }
}

impl Question {
    fn new() -> Self {
        Self {
            nonce: Nonce::new(),
            due: FIRST_QUESTIONS,
            left: MAX_QUESTIONS,
            request: None,
        }
    }

    fn next_request(&mut self) -> Option<RequestRef<'_>> {
        self.due = self.due.min(self.left).checked_sub(1)?;
        self.left -= 1;
        Some(self.request.insert(self.nonce.request("ECHO")).view())
    }

    /// Takes a frame. After any frame but the nonce, the nonce is requested again: SwarmKeyDb sends no more WebSocket
    /// messages than it received requests, so surplus replies hold the nonce back. An unfinished array swallows nonces
    /// as its elements, so several are requested at first.
    fn is_answered_by(&mut self, frame: &Frame) -> bool {
        let answered = self.nonce.is_echoed_by(frame);
        self.due = self.due.saturating_add(usize::from(!answered));
        answered
    }
}

fn done() -> TransportError {
    TransportError::new(TransportErrorKind::Closed, "closed")
}

impl RequestReply {
    /// As [`keep_aside`](Self::keep_aside), but closes another connection if the maximum is reached: one that became
    /// unresponsive must not keep the client from working.
    pub(super) fn set_aside(&mut self, link: Link) {
        let closed = (self.asides.make_room(Aside::is_out_of_step))
            .or_else(|| self.asides.make_room(|aside| !aside.has_pending_writes()));
        self.keep_aside(link);
        self.take_back(closed);
    }

    /// Keeps the connection open until pending replies have arrived. No new calls are sent on it.
    pub(super) fn keep_aside(&mut self, link: Link) {
        tracing::debug!("the connection owes replies to commands that write; it is set aside");
        let engine = Box::new(self.engine.set_aside());
        self.asides.push(link, Rest::Replies(engine));
        self.status.note_set_aside(self.asides.list.len());
    }

    /// As [`set_aside`](Self::set_aside), for a connection whose replies no longer match requests. Its calls fail.
    pub(super) fn set_aside_out_of_step(&mut self, link: Link) {
        self.asides.make_room(Aside::is_out_of_step);
        // Scripts can bring many connections out of step, which must not close others.
        if self.asides.list.len() < MAX_SET_ASIDE {
            self.asides.push(link, Rest::Echo(Question::new()));
        }
        self.status.note_set_aside(self.asides.list.len());
    }

    /// Sends and receives over the connections that are set aside.
    pub(super) fn poll_asides(&mut self, cx: &mut Context<'_>) {
        if self.asides.is_empty() {
            return;
        }
        let gone = self.asides.poll(cx);
        self.take_back(gone);
    }

    /// Closes the connections whose time is over.
    pub(super) fn expire_asides(&mut self, now: Instant) {
        if !self.asides.is_empty() {
            let gone = self.asides.expire(now);
            self.take_back(gone);
        }
    }

    /// Takes back the calls of lost connections that may be resent.
    fn take_back(&mut self, gone: impl IntoIterator<Item = Engine<ReplySender>>) {
        for mut gone in gone {
            self.engine.take_back(&mut gone);
        }
        self.status.note_set_aside(self.asides.list.len());
    }
}
