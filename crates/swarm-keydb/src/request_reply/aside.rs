//! Connections that are set aside: the client no longer uses them, but keeps them open until
//! replies to writes have arrived.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use swarm_resp::{Frame, Request, RequestRef};
use swarm_transport::{RequestRejection, TransportError, TransportErrorKind};

use super::engine::Answered;
use super::lost::now;
use super::{Engine, ReplySender, RequestReply};
use crate::connection::{CLOSE_TIMEOUT, Disconnect, Link, Nonce, Outgoing, RECEIVE_BATCH};
use crate::runtime::Instant;

/// Maximum number of connections that are set aside. For one more, the client closes one on which
/// every call has been answered or has timed out.
const MAX_SET_ASIDE: usize = 8;

/// Number of requests for a nonce, at first and in total.
const INITIAL_PROBES: usize = 8;
const MAX_PROBES: usize = 1024;

/// A probe whose nonce the server must echo.
struct EchoProbe {
    nonce: Nonce,
    /// Number of requests to send now.
    due: usize,
    /// Number of requests that may still be sent.
    budget: usize,
    /// The last request, which the transport may borrow.
    request: Option<Request>,
}

/// The connections that are set aside.
pub(super) struct Asides {
    list: Vec<Aside>,
    /// Maximum time for which a connection is kept.
    time: Duration,
}

struct Aside {
    link: Link,
    /// When the connection is closed even if replies are pending.
    until: Instant,
    awaiting: Awaiting,
}

/// What the connection still waits for.
enum Awaiting {
    /// Replies, in the order of the requests.
    Replies(Box<Engine<ReplySender>>),
    /// The echo of a nonce. Replies no longer match requests, so other frames are discarded. Once
    /// the server echoes the nonce, it has run all earlier commands.
    Echo(EchoProbe),
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

    /// Whether the maximum is reached and none can be closed, because an unexpired write is pending
    /// on each.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= MAX_SET_ASIDE && self.list.iter().all(Aside::has_unexpired_writes)
    }

    fn engines(&self) -> impl Iterator<Item = &Engine<ReplySender>> {
        self.list.iter().filter_map(|aside| match &aside.awaiting {
            Awaiting::Replies(engine) => Some(&**engine),
            _ => None,
        })
    }

    fn engines_mut(&mut self) -> impl Iterator<Item = &mut Engine<ReplySender>> {
        self.list
            .iter_mut()
            .filter_map(|aside| match &mut aside.awaiting {
                Awaiting::Replies(engine) => Some(&mut **engine),
                _ => None,
            })
    }

    /// Whether a caller waits for a reply over one of these connections.
    pub(super) fn have_awaited_calls(&self) -> bool {
        self.engines().any(|engine| engine.pending().is_awaited())
    }

    pub(super) fn have_unexpired_writes(&self) -> bool {
        self.engines()
            .any(|engine| engine.pending().has_unexpired_write())
    }

    /// Number of writes whose replies are known to be pending.
    pub(super) fn pending_writes(&self) -> usize {
        self.engines().map(|engine| engine.pending().writes()).sum()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.engines()
            .map(|engine| engine.pending().in_flight())
            .sum()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let limits = self.list.iter().map(|aside| aside.until);
        limits
            .chain(self.engines().filter_map(Engine::next_deadline))
            .min()
    }

    /// Fails calls whose deadline has passed, and closes connections whose time is over. Returns
    /// the engines of the closed connections.
    fn expire(&mut self, now: Instant) -> Vec<Engine<ReplySender>> {
        for engine in self.engines_mut() {
            // Silence is allowed on a connection that is set aside, so this cannot fail.
            let _never = engine.expire(now);
        }
        let finished = self.list.extract_if(.., |aside| aside.until <= now);
        finished
            .filter_map(|aside| aside.awaiting.abandon())
            .collect()
    }

    /// Fails all calls because the client is closed. Returns the number of calls that a caller
    /// still waited for.
    pub(super) fn abandon(&mut self) -> usize {
        self.engines_mut().map(Engine::abandon).sum()
    }

    /// If the maximum is reached, closes the oldest connection for which `kind` holds. Returns its
    /// engine.
    fn evict(&mut self, kind: impl Fn(&Aside) -> bool) -> Option<Engine<ReplySender>> {
        if self.list.len() < MAX_SET_ASIDE {
            return None;
        }
        let first = self.list.iter().position(kind)?;
        tracing::debug!(
            "too many connections are set aside; closing the oldest without a waiting caller"
        );
        self.list.remove(first).awaiting.abandon()
    }

    fn push(&mut self, link: Link, awaiting: Awaiting) {
        let now = Instant::now();
        self.list.push(Aside {
            link,
            until: super::engine::deadline(now, self.time),
            awaiting,
        });
    }

    /// Sends and receives. Returns the engines of connections that were lost or desynchronized.
    fn poll(&mut self, cx: &mut Context<'_>) -> Vec<Engine<ReplySender>> {
        let mut ended = Vec::new();
        self.list
            .retain_mut(|aside| aside.poll(&mut ended, cx).is_pending());
        ended
    }
}

impl Aside {
    /// Whether no call waits for the frames that still arrive.
    const fn is_desynchronized(&self) -> bool {
        matches!(self.awaiting, Awaiting::Echo(_) | Awaiting::Nothing)
    }

    /// Whether a write is pending whose deadline has not passed.
    fn has_unexpired_writes(&self) -> bool {
        match &self.awaiting {
            Awaiting::Replies(engine) => engine.pending().has_unexpired_write(),
            Awaiting::Echo(_) | Awaiting::Nothing => false,
        }
    }

    /// Ready when the connection is closed or lost. Pushes its engine to `ended` once replies can
    /// no longer be matched.
    fn poll(&mut self, ended: &mut Vec<Engine<ReplySender>>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let error = match self.advance(cx) {
                Ok(true) => continue,
                Ok(false) => return Poll::Pending,
                Err(error) => error,
            };
            let (error, awaiting) = match error {
                Disconnect::Violation(violation) => {
                    tracing::debug!(%violation, "a draining connection is desynchronized");
                    let error = Disconnect::Violation(violation).into_error();
                    (error, Awaiting::Echo(EchoProbe::new()))
                }
                other => (other.into_error(), Awaiting::Nothing),
            };
            let is_lost = matches!(awaiting, Awaiting::Nothing);
            if let Awaiting::Replies(mut engine) = std::mem::replace(&mut self.awaiting, awaiting) {
                engine.disconnected(&Arc::new(error), now());
                ended.push(*engine);
            }
            if is_lost {
                return Poll::Ready(());
            }
        }
    }

    /// Returns whether there may be more to do now.
    ///
    /// # Errors
    ///
    /// When the connection has ended.
    fn advance(&mut self, cx: &mut Context<'_>) -> Result<bool, Disconnect> {
        if let Awaiting::Nothing = self.awaiting {
            return match self.link.poll_close(cx) {
                Poll::Ready(_) => Err(closed().into()),
                Poll::Pending => Ok(false),
            };
        }
        self.link.poll_send(&mut self.awaiting, cx)?;
        for _ in 0..RECEIVE_BATCH {
            let Poll::Ready(frame) = self.link.poll_receive(cx) else {
                return Ok(false);
            };
            let frame = frame?;
            let finished = match &mut self.awaiting {
                Awaiting::Echo(probe) => probe.is_echoed_by(&frame),
                Awaiting::Replies(engine) => {
                    let now = Instant::now();
                    let answered = engine.receive(now, frame)?;
                    drop(answered.map(|Answered { wake, .. }| wake));
                    !engine.pending().has_write() && !engine.pending().is_awaited()
                }
                Awaiting::Nothing => true,
            };
            if finished {
                tracing::debug!(
                    "all replies arrived on a connection that was set aside; closing it"
                );
                self.awaiting = Awaiting::Nothing;
                let now = Instant::now();
                self.until = self.until.min(now + CLOSE_TIMEOUT);
                return Ok(true);
            }
        }
        Ok(true)
    }
}

/// Sends the rest of a batch that was begun, or the probe.
impl Outgoing for Awaiting {
    fn next_request(
        &mut self,
        now: Instant,
        check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>> {
        match self {
            Self::Replies(engine) => engine.next_request(now, check),
            Self::Echo(probe) => probe.next_request(),
            Self::Nothing => None,
        }
    }
}

impl Awaiting {
    /// Closes the connection although replies are pending. Returns its engine, if there is one.
    fn abandon(self) -> Option<Engine<ReplySender>> {
        let Self::Replies(mut engine) = self else {
            return None;
        };
        let what = "the server did not reply within drain_timeout";
        let error = TransportError::new(TransportErrorKind::Timeout, what);
        engine.disconnected(&Arc::new(error), now());
        Some(*engine)
    }
}

impl EchoProbe {
    fn new() -> Self {
        Self {
            nonce: Nonce::new(),
            due: INITIAL_PROBES,
            budget: MAX_PROBES,
            request: None,
        }
    }

    fn next_request(&mut self) -> Option<RequestRef<'_>> {
        self.due = self.due.min(self.budget).checked_sub(1)?;
        self.budget -= 1;
        Some(self.request.insert(self.nonce.request("ECHO")).view())
    }

    /// Processes a frame. Returns whether it echoes the nonce. After any other frame, the nonce is
    /// requested again, because SwarmKeyDb sends no more WebSocket messages than it received
    /// requests, so surplus replies hold the nonce back. Several are requested at first, because an
    /// unfinished array swallows nonces as its elements.
    fn is_echoed_by(&mut self, frame: &Frame) -> bool {
        let answered = self.nonce.is_echoed_by(frame);
        self.due = self.due.saturating_add(usize::from(!answered));
        answered
    }
}

fn closed() -> TransportError {
    TransportError::new(TransportErrorKind::Closed, "closed")
}

impl RequestReply {
    /// Like [`keep_aside`](Self::keep_aside), but closes another connection if the maximum is
    /// reached: a connection that became unresponsive must not keep the client from working.
    pub(super) fn set_aside(&mut self, link: Link) {
        let closed = (self.asides.evict(Aside::is_desynchronized))
            .or_else(|| self.asides.evict(|aside| !aside.has_unexpired_writes()));
        self.keep_aside(link);
        self.take_back(closed);
    }

    /// Keeps the connection open until pending replies have arrived. No new calls are sent on it.
    fn keep_aside(&mut self, link: Link) {
        self.order_aside();
        self.push_aside(link);
    }

    /// Like [`keep_aside`](Self::keep_aside), for a client that sends no more calls.
    pub(super) fn push_aside(&mut self, link: Link) {
        tracing::debug!("replies to writes are pending; setting the connection aside");
        let engine = Box::new(self.engine.set_aside());
        self.asides.push(link, Awaiting::Replies(engine));
        self.status.note_set_aside(self.asides.list.len());
    }

    /// Closes a connection on which no reply is pending.
    pub(super) fn close_aside(&mut self, link: Link) {
        self.asides.list.push(Aside {
            link,
            until: now() + CLOSE_TIMEOUT,
            awaiting: Awaiting::Nothing,
        });
        self.status.note_set_aside(self.asides.list.len());
    }

    /// Like [`set_aside`](Self::set_aside), for a connection whose replies no longer match
    /// requests. Its calls fail.
    pub(super) fn set_aside_desynchronized(&mut self, link: Link) {
        self.asides.evict(Aside::is_desynchronized);
        // Scripts can desynchronize many connections, which must not displace others.
        if self.asides.list.len() < MAX_SET_ASIDE {
            self.asides.push(link, Awaiting::Echo(EchoProbe::new()));
        }
        self.status.note_set_aside(self.asides.list.len());
    }

    /// Sends and receives over the connections that are set aside.
    pub(super) fn poll_asides(&mut self, cx: &mut Context<'_>) {
        if self.asides.is_empty() {
            return;
        }
        let ended = self.asides.poll(cx);
        self.take_back(ended);
    }

    /// Closes the connections whose time is over.
    pub(super) fn expire_asides(&mut self, now: Instant) {
        if !self.asides.is_empty() {
            let ended = self.asides.expire(now);
            self.take_back(ended);
        }
    }

    /// Takes back the calls of lost connections that may be resent.
    fn take_back(&mut self, ended: impl IntoIterator<Item = Engine<ReplySender>>) {
        let mut any = false;
        for mut ended in ended {
            self.engine.take_back(&mut ended);
            any = true;
        }
        // Otherwise, the calls that wait were just dispatched.
        if any && self.is_pooled() {
            self.give_back_calls();
        }
        self.status.note_set_aside(self.asides.list.len());
    }
}

#[cfg(test)]
mod tests {
    //! Tests of the probe, which ends a connection whose replies match no requests.

    use super::*;

    fn sent(probe: &mut EchoProbe) -> usize {
        std::iter::from_fn(|| probe.next_request().map(drop)).count()
    }

    #[test]
    fn the_nonce_is_requested_again_after_any_other_frame_within_a_limit() {
        let mut probe = EchoProbe::new();
        assert_eq!(sent(&mut probe), INITIAL_PROBES);
        assert!(!probe.is_echoed_by(&Frame::null()));
        assert_eq!(sent(&mut probe), 1);
        let request = probe.nonce.request("ECHO");
        let echo = Frame::bulk(request.args().nth(1).unwrap().to_vec());
        assert!(probe.is_echoed_by(&echo));
        assert_eq!(sent(&mut probe), 0);
        for _ in 0..2 * MAX_PROBES {
            assert!(!probe.is_echoed_by(&Frame::null()));
        }
        assert_eq!(sent(&mut probe), MAX_PROBES - INITIAL_PROBES - 1);
        assert_eq!(sent(&mut probe), 0);
    }
}
