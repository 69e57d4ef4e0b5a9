//! Requests and replies over a connection: calls of many tasks, in order, with deadlines, retries and an HTTP fallback.

mod aside;
mod availability;
mod closing;
mod drain;
mod engine;
mod fallback;
mod handle;
mod liveness_check;
mod lost;
mod queue;
mod reply_channel;
mod role;
mod sync;

#[cfg(test)]
mod tests;

use std::future::{Future, ready};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use swarm_resp::{Frame, RequestRef};
use swarm_transport::{Capabilities, RequestRejection};
use tokio::sync::oneshot;

pub(crate) use availability::Availability;
pub(crate) use engine::{Call, MAX_ATTEMPTS, Marks, Requests, Retry, Timing};
pub(crate) use handle::{
    Answers, Budget, ConnectionHandle, Enqueued, ReplyReceiver, ReplySender, WeakConnectionHandle,
    deadline_in,
};
pub(crate) use role::Role;

use crate::connection::ConnectionFactory;
use crate::connection::{
    CLOSE_TIMEOUT, Connection, Dialer, Disconnect, End, Link, Loss, Outgoing, Protocol, Reconnect,
    Session, Stop, Violation,
};
use crate::credentials::{Credentials, LoginVersion};
use crate::failure::Failure;
use crate::server::Learned;
use crate::status::{State, Status};
use aside::Asides;
use closing::Closing;
use engine::{Answered, Caller, Engine};
use fallback::Fallback;
use liveness_check::LivenessCheck;
use reply_channel::Wake;

/// Reports how the first attempt to connect went.
pub(crate) type Started = oneshot::Sender<Result<(), Failure>>;

/// The protocol of commands: the engine matches replies to requests; everything else here connects it to its callers.
pub(crate) struct RequestReply {
    engine: Engine<ReplySender>,
    queue: queue::Receiver<Box<Call<ReplySender>>>,
    /// Where the reason is noted when the connection ends unasked.
    ended: Arc<OnceLock<Failure>>,
    status: Arc<Status>,
    /// No more calls will come.
    queue_done: bool,
    closing: Closing,
    dialer: Dialer,
    /// The credentials of the current connection.
    login: LoginVersion,
    learned: Learned,
    /// The HTTP fallback, if there is one.
    fallback: Option<Fallback>,
    /// Earlier connections that owe replies to writes.
    asides: Asides,
    /// A check over another connection whether the server is alive.
    liveness_check: Option<LivenessCheck>,
    /// Whether that check has failed.
    unreachable: bool,
    /// Who waits for the first attempt to connect.
    started: Option<Started>,
    /// Why the first attempt failed, while the fallback is being dialed.
    cannot_start: Option<Failure>,
    /// Neither the server nor the fallback could be reached at first.
    given_up: bool,
    role: Role,
    /// Whether the connection is made again when it is lost.
    reconnects: bool,
    /// Whether it ended by itself, and not together with its runtime.
    finished: bool,
}

impl Drop for RequestReply {
    fn drop(&mut self) {
        if !self.finished {
            let _first = self.ended.set(ConnectionHandle::abandoned(false));
        }
        self.drop_queued();
        self.status.note_load(0, 0);
        self.status.set(State::Closed);
    }
}

/// What the frames of a batch add up to.
#[derive(Default)]
pub(crate) struct Batch {
    now: Option<Instant>,
    /// When the request was sent that the last frame answered: that of most frames of a batch.
    last_sent: Option<Instant>,
    round_trip: Duration,
    /// Woken together when the batch ends. Woken one by one, other workers of the runtime would come and go for each.
    woken: Vec<Wake>,
}

impl RequestReply {
    /// Starts the task of a connection. `started` hears of the first attempt to connect; when it fails, the task ends.
    pub(crate) fn spawn(
        factory: &ConnectionFactory,
        role: Role,
        started: Option<Started>,
    ) -> ConnectionHandle {
        let ConnectionFactory {
            target,
            options,
            tasks,
        } = factory;
        let _context = tasks.enter();
        let budget = role.budget(options);
        let (connection, queue, shutdowns) =
            ConnectionHandle::new(budget, &target.settings.peer, tasks);
        let dialer = factory.dialer();
        let reconnect = factory.reconnect().enabled(role.reconnects(options));
        let protocol = Self {
            engine: Engine::new(role.settings(&target.settings)),
            ended: connection.ended(),
            status: Arc::clone(connection.status()),
            queue,
            queue_done: false,
            closing: Closing::new(shutdowns),
            dialer: dialer.clone(),
            login: dialer.login_version(),
            learned: target.settings.learned.clone(),
            fallback: role
                .fallback(target, options)
                .map(|connector| Fallback::new(connector, options.connect_timeout)),
            asides: Asides::new(options.drain_timeout),
            liveness_check: None,
            unreachable: false,
            started,
            cannot_start: None,
            given_up: false,
            role,
            reconnects: reconnect.is_enabled(),
            finished: false,
        };
        tasks.spawn(Connection::new(protocol, dialer, reconnect).run());
        connection
    }

    /// Takes the calls that are there. Returns whether there were any.
    fn take_calls(&mut self, cx: &mut Context<'_>) -> bool {
        self.poll_shutdowns(cx);
        let (mut now, engine) = (None, &mut self.engine);
        let open = self.queue.take(|call, permit| {
            let clock = || tokio::time::Instant::now().into_std();
            let now = *now.get_or_insert_with(clock);
            engine.submit(call, permit, now);
        });
        self.queue_done = !open;
        if self.closing.is_aborted() {
            self.abort();
        }
        now.is_some()
    }
}

impl Outgoing for RequestReply {
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

    fn clearance(&self) -> impl Future<Output = Result<(), Failure>> + Send + 'static {
        ready(Ok(()))
    }

    fn deny(&mut self, failure: &Failure) {
        self.engine.fail_waiting(failure);
    }

    #[inline]
    fn poll_intake(&mut self, cx: &mut Context<'_>) -> Result<bool, Stop> {
        let came = self.take_calls(cx);
        if !self.asides.is_empty() {
            // Early, since calls that they give back may be sent at once.
            self.poll_asides(cx);
        }
        if !self.engine.is_ready() {
            if self.is_finished() {
                return Err(Stop::Ended);
            }
        } else if !self.engine.session().is_stateful() && self.dialer.login_version() != self.login
        {
            // The transport sends the credentials with every request, and still sends the old ones.
            self.engine.drain();
        }
        // Several tasks are likely to be sending.
        Ok(came && self.engine.in_flight() > 0)
    }

    fn poll_offline(&mut self, cx: &mut Context<'_>) -> Result<bool, Stop> {
        self.poll_fallback(false, cx);
        if self.is_finished() {
            return Err(Stop::Ended);
        }
        let sleeps = self.queue.sleep(cx);
        if sleeps {
            self.note_load();
        }
        Ok(sleeps)
    }

    fn accept(&mut self, capabilities: Capabilities) -> Result<(), Stop> {
        if self.role.is_served_by(capabilities) {
            return Ok(());
        }
        self.tell_started(Err(Role::refusal()));
        Err(Stop::Ended)
    }

    fn opened(
        &mut self,
        capabilities: Capabilities,
        credentials: Option<Credentials>,
        login: LoginVersion,
    ) {
        self.login = login;
        self.engine.session_mut().log_in_with(credentials);
        self.engine.connected(capabilities);
    }

    fn ready(&mut self) {
        self.status
            .note_escapes(!self.engine.session().server().cr_lf);
        self.status.set(State::Connected);
        self.tell_started(Ok(()));
    }

    #[inline]
    fn poll_beside(&mut self, link: &mut Link, cx: &mut Context<'_>) {
        if self.fallback.is_some() {
            self.poll_fallback(self.engine.is_ready(), cx);
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
        let clock = || tokio::time::Instant::now().into_std();
        let now = *batch.now.get_or_insert_with(clock);
        if let Some(Answered { sent, wake }) = self.engine.receive(now, frame)? {
            if batch.last_sent != Some(sent) {
                batch.last_sent = Some(sent);
                batch.round_trip = now.saturating_duration_since(sent);
            }
            self.status.note_round_trip(batch.round_trip);
            batch.woken.extend(wake);
        }
        Ok(())
    }

    #[inline]
    fn received(&mut self, batch: Batch) {
        // Before anybody is woken, who may look.
        self.note_load();
        drop(batch);
    }

    #[inline]
    fn poll_end(&mut self, reconnect: &mut Reconnect, _: &mut Context<'_>) -> Result<(), End> {
        if self.is_finished() {
            return Err(Stop::Ended.into());
        }
        if self.is_drained(reconnect) {
            return Err(Disconnect::Drained.into());
        }
        Ok(())
    }

    #[inline]
    fn may_sleep(&mut self, cx: &mut Context<'_>) -> bool {
        let sleeps = self.queue.sleep(cx);
        if sleeps {
            self.note_load();
        }
        sleeps
    }

    #[inline]
    fn next_deadline(&self) -> Option<Instant> {
        let deadline = self.closing.next_deadline(self.engine.next_deadline());
        deadline
            .into_iter()
            .chain(self.asides.next_deadline())
            .min()
    }

    fn expire(&mut self, now: Instant) -> Result<(), Violation> {
        self.abandon_at(now);
        self.expire_asides(now);
        self.engine.expire(now)
    }

    fn lost(&mut self, loss: &Loss) -> Result<(), Stop> {
        self.recover(loss)
    }

    fn keep_lost(&mut self, link: Link, disconnect: &Disconnect) {
        self.leave_behind(link, disconnect);
    }

    fn stopping(&mut self, link: Link) -> Option<Link> {
        self.liveness_check = None;
        if self.engine.owes_write() {
            self.keep_aside(link);
            return None;
        }
        Some(link)
    }

    fn close_timeout(&self) -> Duration {
        self.closing.time_left(CLOSE_TIMEOUT)
    }

    fn is_needed_again(&mut self, _: &mut Context<'_>) -> bool {
        false
    }

    fn end(&mut self) {
        self.finish();
    }

    fn poll_lingering(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll_asides(cx);
        self.engine.fail_waiting(&Failure::Closed { sent: false });
        self.finished = self.asides.is_empty();
        if self.finished {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
