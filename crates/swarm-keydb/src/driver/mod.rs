//! The one task behind a client: it moves requests and frames between the engine and a transport, and dials again
//! when the connection is lost.

mod aside;
mod backoff;
mod broken;
mod closing;
mod detour;
mod inbox;
mod inquiry;
mod mailbox;
mod promise;
mod reach;
mod recover;
mod renewal;
mod role;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use swarm_transport::{BoxTransport, Connect, TransportError, TransportErrorKind};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

pub(crate) use backoff::Backoff;
pub(crate) use broken::Broken;
pub(crate) use inbox::{Letter, Posted};
pub(crate) use mailbox::{
    Answers, Budget, Mailbox, ReplyReceiver, ReplySlot, Timing, WeakMailbox, deadline_in,
};
pub(crate) use reach::Reach;
pub(crate) use role::Role;

use crate::connection::Violation;
use crate::credentials::{Credentials, Login, LoginVersion};
use crate::engine::{Answered, Engine, Failure};
use crate::options::Origin;
use crate::server::Learned;
use crate::status::{State, Status};
use aside::Asides;
use closing::Closing;
use detour::Detour;
use inbox::Inbox;
use inquiry::Inquiry;
use recover::Lived;

/// Frames that are taken before requests get their turn again.
pub(crate) const RECEIVE_BATCH: usize = 256;

/// How long saying goodbye may take.
pub(crate) const GOODBYE: Duration = Duration::from_secs(1);

/// Tells how the first attempt to connect went.
pub(crate) type Started = oneshot::Sender<Result<(), Failure>>;

pub(crate) struct Driver {
    engine: Engine<ReplySlot>,
    inbox: Arc<Inbox>,
    /// What is on its way from the inbox to the engine.
    taken: VecDeque<Letter>,
    /// Where the reason is noted when the client ends without being asked to.
    ended: Arc<OnceLock<Failure>>,
    status: Arc<Status>,
    /// No more calls will come.
    inbox_done: bool,
    closing: Closing,
    connector: Arc<dyn Connect>,
    login: Login,
    learned: Learned,
    /// The other way, if there is one.
    detour: Option<Detour>,
    /// Earlier connections that owe replies to commands that write.
    asides: Asides,
    /// Whether the server lives, which is asked over another connection.
    inquiry: Option<Inquiry>,
    /// Whether it was asked in vain.
    unreachable: bool,
    /// Who hears how the first attempt to connect went, until then.
    started: Option<Started>,
    /// Why the connection could not be made at first, while the fallback is being dialed.
    cannot_start: Option<Failure>,
    /// Nothing could be reached at first.
    given_up: bool,
    connect_timeout: Duration,
    role: Role,
    reconnect: bool,
    backoff: Backoff,
    /// When a reply was the reason to connect again the last time.
    renewed: Option<Instant>,
    /// How many bytes had come when that was asked last, as far as the wire can tell.
    received_bytes: Option<u64>,
    timer: Pin<Box<Sleep>>,
    /// When the timer rings, if it is set.
    armed: Option<std::time::Instant>,
    /// Whether it ended of its own accord, and not with its runtime.
    finished: bool,
}

impl Drop for Driver {
    fn drop(&mut self) {
        if !self.finished {
            let _first = self.ended.set(Mailbox::abandoned(false));
        }
        self.inbox.abandon();
        self.status.note_load(0, 0);
        self.status.set(State::Closed);
    }
}

impl Driver {
    /// Starts the task of a connection. `started` hears of the first attempt to connect; when it fails, the task ends.
    pub(crate) fn spawn(origin: &Origin, role: Role, started: Option<Started>) -> Mailbox {
        let Origin {
            target,
            options,
            tasks,
        } = origin;
        let _context = tasks.enter();
        let budget = role.budget(options);
        let (mailbox, closes) = Mailbox::new(budget, &target.settings.peer, tasks);
        let driver = Self {
            engine: Engine::new(role.settings(&target.settings)),
            ended: mailbox.ended(),
            status: Arc::clone(mailbox.status()),
            inbox: mailbox.inbox(),
            taken: VecDeque::new(),
            inbox_done: false,
            closing: Closing::new(closes),
            connector: Arc::clone(&target.connector),
            login: target.login.clone(),
            learned: target.settings.learned.clone(),
            detour: role
                .fallback(target, options)
                .map(|connector| Detour::new(connector, options.connect_timeout)),
            started,
            cannot_start: None,
            given_up: false,
            asides: Asides::new(options.drain_timeout),
            inquiry: None,
            unreachable: false,
            connect_timeout: options.connect_timeout,
            role,
            reconnect: role.reconnects(options),
            backoff: Backoff::new(options.reconnect_base_delay, options.reconnect_max_delay),
            renewed: None,
            received_bytes: None,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            armed: None,
            finished: false,
        };
        tasks.spawn(driver.run());
        mailbox
    }

    async fn run(mut self) {
        let transport = self.work().await;
        self.finish(transport).await;
        self.finished = true;
    }

    /// Works until the client is closed, dropped, or cannot go on. Gives the connection back, if one is open.
    async fn work(&mut self) -> Option<BoxTransport> {
        loop {
            let deadline = Instant::now() + self.connect_timeout;
            let login = self.login.version();
            let (broken, lived) = match self.dial(deadline).await? {
                Err(error) => (Broken::from(error), Lived::Never),
                Ok((transport, _)) if !self.role.is_served_by(transport.capabilities()) => {
                    self.tell_started(Err(Role::refusal()));
                    return None;
                }
                Ok((mut transport, credentials)) => {
                    self.engine.log_in_with(credentials);
                    self.engine.connected(transport.capabilities());
                    let end = self.serve(&mut transport, deadline, login).await;
                    let Err(broken) = end else {
                        return Some(transport);
                    };
                    let lived = Lived::of(&self.engine);
                    let broken = broken.explained(|error| self.engine.explain(error));
                    self.leave_behind(transport, &broken);
                    (broken, lived)
                }
            };
            self.recover(broken, lived, login).await?;
        }
    }

    async fn dial(
        &mut self,
        deadline: Instant,
    ) -> Option<Result<(BoxTransport, Option<Credentials>), TransportError>> {
        let (login, connector) = (self.login.clone(), Arc::clone(&self.connector));
        let dial = tokio::time::timeout_at(deadline + GRACE, login.dial(&*connector));
        Some(
            self.while_offline(dial)
                .await?
                .unwrap_or_else(|_| Err(no_connection_in_time())),
        )
    }

    /// Waits for `work` while calls queue up and time out. `None` when the client ends before.
    async fn while_offline<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|cx| {
            loop {
                self.take_calls(cx);
                // First, for what they give back may go over the fallback at once.
                self.poll_asides(cx);
                // Nothing is owed while there is no connection, so nobody can have gone silent.
                let _never = self.poll_deadlines(cx);
                self.poll_detour(false, cx);
                if self.is_finished() {
                    return Poll::Ready(None);
                }
                if self.inbox.rest(cx) {
                    break;
                }
            }
            self.note_load();
            work.as_mut().poll(cx).map(Some)
        })
        .await
    }

    /// Moves requests and frames until the client ends or the connection breaks.
    async fn serve(
        &mut self,
        transport: &mut BoxTransport,
        handshake_by: Instant,
        login: LoginVersion,
    ) -> Result<(), Broken> {
        let mut handshake_timer = pin!(tokio::time::sleep_until(handshake_by));
        let mut ready = false;
        let mut flushed = true;
        let mut stepped_back = false;
        poll_fn(|cx| {
            loop {
                let came = self.take_calls(cx);
                if !self.engine.is_ready() && self.is_finished() {
                    // Given up in its handshake: what still comes is for nobody.
                    return Poll::Ready(Ok(()));
                }
                if !self.engine.has_session() && self.login.version() != login {
                    // The transport says with every request who the client is, and still says who it was.
                    self.engine.leave();
                }
                if came && !stepped_back && self.engine.in_flight() > 0 {
                    // Several tasks are at it: see below.
                    stepped_back = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                stepped_back = false;
                self.poll_rarities(transport, &mut flushed, cx);
                self.send(transport, &mut flushed, cx)?;
                let received = self.receive(transport, cx)?;
                let passed = self.poll_deadlines(cx)?;
                if self.is_finished() {
                    return Poll::Ready(Ok(()));
                }
                if self.has_left() {
                    return Poll::Ready(Err(Broken::Left));
                }
                if !ready {
                    ready = self.engine.is_ready();
                    if ready {
                        if self.engine.has_session() {
                            transport.peer_identified(self.engine.peer());
                        }
                        self.backoff.connected(Instant::now());
                        self.status.note_escapes(self.engine.server_escapes());
                        self.status.set(State::Connected);
                        self.tell_started(Ok(()));
                    } else if handshake_timer.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(Err(no_handshake_in_time().into()));
                    }
                }
                if received > 1 {
                    // Letting those run first who have their replies makes one write of what they send next. On a
                    // multi-threaded runtime the first of them would otherwise wake this task at once.
                    stepped_back = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                // What came in may let more go out; otherwise everything waits to be woken.
                if received == 0 && !passed && self.inbox.rest(cx) {
                    self.note_load();
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Polls what a client without trouble does not have: connections set aside, a fallback, a question about a silent server.
    #[inline]
    fn poll_rarities(
        &mut self,
        transport: &mut BoxTransport,
        flushed: &mut bool,
        cx: &mut Context<'_>,
    ) {
        if !self.asides.is_empty() {
            self.poll_asides(cx);
        }
        if self.detour.is_some() {
            self.poll_detour(self.engine.is_ready(), cx);
        }
        if self.inquires() {
            *flushed |= self.poll_inquiry(transport, cx);
        }
    }

    /// Hands over all that may be sent now, then flushes once.
    fn send(
        &mut self,
        transport: &mut BoxTransport,
        flushed: &mut bool,
        cx: &mut Context<'_>,
    ) -> Result<(), TransportError> {
        let now = Instant::now().into_std();
        while let Poll::Ready(ready) = transport.poll_ready(cx) {
            ready?;
            let Some(request) = self
                .engine
                .next_request(now, |request| transport.check(request))
            else {
                break;
            };
            transport.start_send(request)?;
            *flushed = false;
        }
        if !*flushed && let Poll::Ready(done) = transport.poll_flush(cx) {
            done?;
            *flushed = true;
        }
        Ok(())
    }

    /// Takes the frames that are there. Says how many.
    fn receive(
        &mut self,
        transport: &mut BoxTransport,
        cx: &mut Context<'_>,
    ) -> Result<usize, Broken> {
        let (mut now, mut last, mut took) = (None, None, Duration::ZERO);
        // All at once, and at the end: other workers of the runtime would come and go for each.
        let mut woken = Vec::new();
        for taken in 0..RECEIVE_BATCH {
            let Poll::Ready(frame) = transport.poll_receive(cx) else {
                self.hear(transport);
                if taken > 0 {
                    // Before anybody is woken, who may look.
                    self.note_load();
                }
                return Ok(taken);
            };
            let now = *now.get_or_insert_with(|| Instant::now().into_std());
            if let Some(Answered { sent, wake }) = self.engine.receive(now, frame?)? {
                // Most replies of a batch answer requests of one batch.
                if last != Some(sent) {
                    last = Some(sent);
                    took = now.saturating_duration_since(sent);
                }
                self.status.note_round_trip(took);
                woken.extend(wake);
            }
        }
        self.note_load();
        Ok(RECEIVE_BATCH)
    }

    /// A large reply that trickles in is no silence.
    fn hear(&mut self, transport: &BoxTransport) {
        let received = transport.received_bytes();
        if received != self.received_bytes {
            self.received_bytes = received;
            self.engine.hear(Instant::now().into_std());
        }
    }

    /// Takes the calls that are there. Says whether there were any.
    fn take_calls(&mut self, cx: &mut Context<'_>) -> bool {
        self.poll_closes(cx);
        let standing = self.inbox.take(&mut self.taken);
        let any = !self.taken.is_empty();
        if any {
            let now = Instant::now().into_std();
            for letter in self.taken.drain(..) {
                self.engine.submit(self.inbox.open(letter, now), now);
            }
            self.abandon_late_calls();
        }
        self.inbox_done = !standing.open;
        if standing.aborted {
            self.abort();
        }
        any
    }

    /// Says whether a deadline has passed, so that there may be something to send.
    fn poll_deadlines(&mut self, cx: &mut Context<'_>) -> Result<bool, Violation> {
        let mut passed = false;
        loop {
            let deadline = self.closing.next_deadline(self.engine.next_deadline());
            let Some(deadline) = deadline
                .into_iter()
                .chain(self.asides.next_deadline())
                .min()
            else {
                break;
            };
            // Deadlines move back with every frame. A timer that rings early now and then costs less than one that is set
            // anew each time.
            if self.armed.is_none_or(|armed| deadline < armed) {
                self.armed = Some(deadline);
                self.timer.as_mut().reset(Instant::from_std(deadline));
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                break;
            }
            self.armed = None;
            let now = Instant::now().into_std();
            self.abandon_at(now);
            self.expire_asides(now);
            self.engine.expire(now)?;
            passed = true;
        }
        Ok(passed)
    }
}

/// A transport bounds its dial by the same timeout as the client, and its error names the address and what the dial waited
/// for. So the client gives up a little later.
pub(crate) const GRACE: Duration = Duration::from_millis(50);

pub(crate) fn no_connection_in_time() -> TransportError {
    TransportError::new(
        TransportErrorKind::Timeout,
        "no connection within connect_timeout: neither the credentials nor the connector came in time",
    )
}

pub(crate) fn no_handshake_in_time() -> TransportError {
    TransportError::new(
        TransportErrorKind::Timeout,
        "no connection within connect_timeout: the server accepted it and does not answer the client's handshake",
    )
}
