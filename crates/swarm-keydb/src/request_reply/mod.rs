//! Request/reply protocol of a connection: calls of many tasks, with ordered replies, deadlines,
//! retries and an HTTP fallback.

mod aside;
mod availability;
mod budget;
mod bulk;
mod closing;
mod dedicated;
mod dispatch;
mod drain;
mod engine;
mod fallback;
mod handle;
#[cfg(feature = "cluster")]
mod intercept;
mod listener;
mod liveness_check;
mod lost;
mod pooled;
mod queue;
mod relocation;
mod reply_channel;
mod reply_sender;
mod results;
mod role;
mod sync;

#[cfg(test)]
mod tests;

use std::future::{Future, ready};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use swarm_resp::{Frame, RequestRef};
use swarm_transport::{Capabilities, RequestRejection};
use tokio::sync::oneshot;

pub(crate) use availability::Availability;
pub(crate) use budget::Budget;
pub(crate) use bulk::BulkItem;
pub(crate) use dedicated::{Dedicated, Place};
pub(crate) use dispatch::Ticket;
pub(crate) use engine::{Call, MAX_ATTEMPTS, Marks, Requests, Retry, Timing};
pub(crate) use handle::{ConnectionHandle, Enqueued, deadline_in};
#[cfg(feature = "cluster")]
pub(crate) use intercept::Intercept;
#[cfg(feature = "cache")]
pub(crate) use listener::PushListener;
pub(crate) use reply_channel::Wake;
#[cfg(feature = "cluster")]
pub(crate) use reply_channel::{Sender as ReplyChannel, channel as reply_channel};
pub(crate) use reply_sender::{Answers, ReplyReceiver, ReplySender};
pub(crate) use role::Role;

use crate::connection::ConnectionFactory;
use crate::connection::{
    CLOSE_TIMEOUT, Connection, Dialer, Disconnect, End, Link, Loss, OutageLog, Outgoing, Protocol,
    Reconnect, Session, Stop, Violation,
};
use crate::credentials::{Credentials, LoginVersion};
use crate::failure::Failure;
use crate::runtime::Instant;
use crate::server::Learned;
use crate::status::{State, Status};
use aside::Asides;
use closing::Closing;
use dispatch::Dispatcher;
use engine::{Engine, earlier};
use fallback::Fallback;
use handle::Control;
use liveness_check::LivenessCheck;
use relocation::Relocation;

/// Reports the outcome of the first attempt to connect.
pub(crate) type Started = oneshot::Sender<Result<(), Failure>>;

/// The request/reply protocol. The engine matches replies to requests; everything else here
/// connects the engine to its callers.
pub(crate) struct RequestReply {
    engine: Engine<ReplySender>,
    queue: queue::Receiver<Box<Call<ReplySender>>, Control>,
    /// Receives the reason if the connection ends without being closed.
    ended: Arc<OnceLock<Failure>>,
    status: Arc<Status>,
    /// Whether the queue is closed and empty.
    queue_done: bool,
    closing: Closing,
    factory: Arc<ConnectionFactory>,
    /// The dedicated connections of the client, on the shared connection.
    dedicated: Option<Arc<Dedicated>>,
    /// Spreads calls over several connections, if the server may need them.
    dispatcher: Option<Box<Dispatcher>>,
    /// When the current connection was opened.
    opened: Option<Instant>,
    dialer: Dialer,
    /// The credentials of the current connection.
    login: LoginVersion,
    learned: Learned,
    /// The HTTP fallback, if there is one.
    fallback: Option<Fallback>,
    /// Earlier connections on which replies to writes are pending.
    asides: Asides,
    /// A liveness check over another connection, if one is in progress.
    liveness_check: Option<LivenessCheck>,
    /// Whether the last liveness check has failed.
    unreachable: bool,
    /// A move to another server, if one is in progress.
    relocation: Relocation,
    outages: OutageLog,
    /// The caller that waits for the first attempt to connect.
    started: Option<Started>,
    /// Until when the first connection may be attempted again, if another attempt may find another
    /// server.
    start_by: Option<Instant>,
    /// Why the first attempt failed, while the client dials the fallback or tries again.
    cannot_start: Option<Failure>,
    /// Whether the first attempts to connect and to dial the fallback have both failed.
    start_failed: bool,
    role: Role,
    /// Whether the client reconnects after a loss.
    reconnects: bool,
    /// Whether the protocol has ended, rather than being dropped with its runtime.
    finished: bool,
}

impl Drop for RequestReply {
    fn drop(&mut self) {
        if !self.finished {
            let _first = self.ended.set(Failure::runtime_gone(false));
        }
        self.drop_queued();
        self.status.note_load(0, 0);
        self.status.set(State::Closed);
    }
}

/// Accumulated effects of a batch of frames.
#[derive(Default)]
pub(crate) struct Batch {
    now: Option<Instant>,
    /// When the request of the last reply was sent. Most replies of a batch have the same value.
    last_sent: Option<Instant>,
    round_trip: Duration,
    /// Round trip of the first reply to a call without a ticket, and the number of such replies.
    first: Duration,
    replies: usize,
    /// Callers to wake when the batch ends. If they were woken one by one, other workers of the
    /// runtime would start for each and find a single task.
    woken: Vec<Wake>,
}

impl RequestReply {
    /// Starts the task of the connection that all tasks share. `started` receives the outcome of
    /// the first attempt to connect; if that fails, the task ends.
    pub(crate) fn spawn_shared(
        factory: &Arc<ConnectionFactory>,
        dedicated: Arc<Dedicated>,
        started: Option<Started>,
    ) -> ConnectionHandle {
        Self::spawn_as(Role::Shared, factory, Some(dedicated), started)
    }

    /// Starts the task of another connection. `started` receives the outcome of the attempt to
    /// connect; if that fails, the task ends.
    pub(crate) fn spawn(factory: &Arc<ConnectionFactory>, started: Started) -> ConnectionHandle {
        Self::spawn_as(Role::Secondary, factory, None, Some(started))
    }

    fn spawn_as(
        role: Role,
        factory: &Arc<ConnectionFactory>,
        dedicated: Option<Arc<Dedicated>>,
        started: Option<Started>,
    ) -> ConnectionHandle {
        let ConnectionFactory {
            target,
            options,
            tasks,
        } = &**factory;
        let _context = tasks.enter();
        let (budget, settings) = (role.budget(options), &target.settings);
        let (connection, queue) =
            ConnectionHandle::new(budget, &target.origin, settings.address.clone(), tasks);
        let dialer = factory.dialer();
        let reconnect = factory.reconnect().enabled(role.reconnects(options));
        let protocol = Self {
            engine: Engine::new(target.settings.clone()),
            ended: connection.ended(),
            status: Arc::clone(connection.status()),
            queue,
            queue_done: false,
            closing: Closing::default(),
            factory: Arc::clone(factory),
            dedicated,
            dispatcher: None,
            opened: None,
            dialer: dialer.clone(),
            login: dialer.login_version(),
            learned: target.settings.learned.clone(),
            fallback: role
                .fallback(target, options)
                .map(|connector| Fallback::new(connector, options.connect_timeout)),
            asides: Asides::new(options.drain_timeout),
            liveness_check: None,
            unreachable: false,
            relocation: Relocation::default(),
            outages: OutageLog::shared(),
            started,
            start_by: (settings.needs_primary && role == Role::Shared)
                .then(|| Instant::now() + options.connect_timeout),
            cannot_start: None,
            start_failed: false,
            role,
            reconnects: reconnect.is_enabled(),
            finished: false,
        };
        tasks.spawn(Connection::new(protocol, dialer, reconnect).run());
        connection
    }

    /// Takes all queued calls. Returns whether there were any.
    fn take_calls(&mut self, cx: &mut Context<'_>) -> bool {
        let (mut now, engine) = (None, &mut self.engine);
        let mut pool = self.dispatcher.as_deref_mut();
        pool = pool.filter(|dispatcher| dispatcher.is_engaged());
        let taken = self.queue.take(|call, permit| {
            let clock = || Instant::now();
            let now = *now.get_or_insert_with(clock);
            match &mut pool {
                None => engine.submit(call, permit, now),
                Some(pool) => pool.submit(engine, call, permit, now),
            }
        });
        self.queue_done = !taken.open;
        if !taken.controls.is_empty() {
            self.obey(taken.controls);
        }
        self.poll_pool(cx);
        if self.closing.is_aborted() {
            self.abort();
        }
        now.is_some()
    }
}

impl Outgoing for RequestReply {
    #[inline]
    fn may_have_request(&self) -> bool {
        self.engine.may_have_request()
    }

    #[inline]
    fn next_request(
        &mut self,
        now: Instant,
        check: impl Fn(RequestRef<'_>) -> Result<(), RequestRejection>,
    ) -> Option<RequestRef<'_>> {
        self.engine.next_request(now, check)
    }
}

impl Protocol for RequestReply {
    const YIELDS: bool = true;

    type Batch = Batch;

    fn session(&self) -> &Session {
        self.engine.session()
    }

    fn session_mut(&mut self) -> &mut Session {
        self.engine.session_mut()
    }

    fn poll_needed(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Stop>> {
        Poll::Ready(Ok(()))
    }

    fn wait_available(&self) -> impl Future<Output = Result<(), Failure>> + Send + 'static {
        ready(Ok(()))
    }

    fn fail_waiting(&mut self, failure: &Failure) {
        self.fail_waiting_calls(failure);
    }

    #[inline]
    fn poll_intake(&mut self, cx: &mut Context<'_>) -> Result<bool, Stop> {
        let came = self.take_calls(cx);
        if !self.asides.is_empty() {
            // Early, because calls that they return may be sent at once.
            self.poll_asides(cx);
        }
        if !self.engine.session().is_ready() {
            if self.is_finished() {
                return Err(Stop::Ended);
            }
        } else if !self.engine.session().is_stateful() && self.dialer.login_version() != self.login
        {
            // The transport sends credentials with every request, and still sends the old ones.
            self.engine.drain().start();
        }
        // With calls in flight, other tasks are likely to send more.
        Ok(came && self.engine.pending().in_flight() > 0)
    }

    fn poll_offline(&mut self, cx: &mut Context<'_>) -> Result<bool, Stop> {
        self.poll_fallback(false, cx);
        if self.is_finished() {
            return Err(Stop::Ended);
        }
        if self.dispatcher.as_ref().is_some_and(|pool| pool.is_due()) {
            return Ok(false);
        }
        let sleeps = self.queue.sleep(cx);
        if sleeps {
            self.note_load();
        }
        Ok(sleeps)
    }

    fn accept(&mut self, _: Capabilities) -> Result<(), Stop> {
        Ok(())
    }

    fn opened(
        &mut self,
        capabilities: Capabilities,
        credentials: Option<Credentials>,
        login: LoginVersion,
    ) {
        self.login = login;
        self.relocation = Relocation::None;
        self.opened = Some(Instant::now());
        self.engine.session_mut().log_in_with(credentials);
        self.engine.connected(capabilities);
    }

    fn ready(&mut self) {
        self.note_session();
        self.enter_pool();
        self.set_connected();
        self.report_started(Ok(()));
    }

    #[inline]
    fn poll_auxiliary(&mut self, link: &mut Link, cx: &mut Context<'_>) {
        if self.fallback.is_some() {
            self.poll_fallback(self.engine.session().is_ready(), cx);
        }
        if self.checks_liveness() {
            self.poll_liveness_check(link, cx);
        }
    }

    #[inline]
    fn poll_capacity(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    #[inline]
    fn receive(&mut self, batch: &mut Batch, frame: Frame) -> Result<(), Violation> {
        let clock = || Instant::now();
        let now = *batch.now.get_or_insert_with(clock);
        if let Some(answered) = self.engine.receive(now, frame)? {
            if batch.last_sent != Some(answered.sent) {
                batch.last_sent = Some(answered.sent);
                batch.round_trip = now.saturating_duration_since(answered.sent);
            }
            if !answered.has_ticket {
                if batch.replies == 0 {
                    batch.first = batch.round_trip;
                }
                batch.replies += 1;
            }
            self.status.note_round_trip(batch.round_trip);
            batch.woken.extend(answered.wake);
        }
        Ok(())
    }

    #[inline]
    fn received(&mut self, batch: Batch) {
        if let (Some(dispatcher), Some(now)) = (&mut self.dispatcher, batch.now) {
            dispatcher.note_replies(&mut self.engine, batch.first, batch.replies, now);
        }
        // Before callers are woken, because they may read these metrics.
        self.note_load();
        drop(batch);
    }

    #[cold]
    fn poll_outdated(&mut self, link: &mut Link, cx: &mut Context<'_>) -> Result<(), End> {
        self.relocate(link, cx);
        Ok(())
    }

    #[inline]
    fn poll_end(&mut self, reconnect: &mut Reconnect, _: &mut Context<'_>) -> Result<(), End> {
        if self.is_finished() {
            return Err(Stop::Ended.into());
        }
        if self.is_drained(reconnect) {
            return Err(match self.is_moving() {
                true => Disconnect::Moved.into(),
                false => Disconnect::Drained.into(),
            });
        }
        Ok(())
    }

    #[inline]
    fn may_sleep(&mut self, cx: &mut Context<'_>) -> bool {
        if self.dispatcher.as_ref().is_some_and(|pool| pool.is_due()) {
            return false;
        }
        let sleeps = self.queue.sleep(cx);
        if sleeps {
            self.note_load();
        }
        sleeps
    }

    #[inline]
    fn next_deadline(&self) -> Option<Instant> {
        let deadline = self.closing.next_deadline(self.engine.next_deadline());
        let deadline = earlier(deadline, self.asides.next_deadline());
        let pool = self.dispatcher.as_ref();
        earlier(deadline, pool.and_then(|pool| pool.next_deadline()))
    }

    fn expire(&mut self, now: Instant) -> Result<(), Violation> {
        self.abandon_at(now);
        self.expire_asides(now);
        if let Some(dispatcher) = &mut self.dispatcher {
            dispatcher.expire(&mut self.engine, now);
        }
        self.engine.expire(now)
    }

    fn resumed(&mut self, now: Instant) {
        self.engine.resumed(now);
    }

    fn lost(&mut self, loss: &Loss) -> Result<(), Stop> {
        self.recover(loss)
    }

    fn keep_open(&mut self, link: Link, disconnect: &Disconnect) {
        self.set_aside_lost(link, disconnect);
    }

    fn stopping(&mut self, link: Link) -> Option<Link> {
        self.liveness_check = None;
        if self.engine.pending().has_write() {
            // No other call follows, which would have to stay in order.
            self.push_aside(link);
            return None;
        }
        Some(link)
    }

    fn close_timeout(&self) -> Duration {
        self.closing.time_left(CLOSE_TIMEOUT)
    }

    fn connect_by(&self, limit: Instant) -> Instant {
        self.start_by().map_or(limit, |start| start.min(limit))
    }

    fn is_needed_again(&mut self, _: &mut Context<'_>) -> bool {
        false
    }

    fn end(&mut self) {
        self.finish();
    }

    fn poll_lingering(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_asides(cx);
        if self.role == Role::Secondary {
            self.status.note_unanswered(self.asides.pending_writes());
        }
        self.fail_waiting_calls(&Failure::Closed { sent: false });
        self.finished = self.asides.is_empty();
        if self.finished {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
