//! Dispatcher of a client with several shared connections: hands calls from the pool to
//! connections, and opens and closes connections as the pool plans.
//!
//! The dispatcher runs in the task of the primary connection. Every other connection, a *worker*,
//! has a task of its own, which answers callers directly. A [`Ticket`] in each dispatched call
//! tells the dispatcher when the call has ended, so that its keys are free again.
//!
//! While one connection is enough, the pool is not engaged: calls go straight to the engine of the
//! primary connection, and the dispatcher only limits how many may be in flight.

mod aside;
mod bypass;
mod closing;
mod single;
#[cfg(test)]
mod tests;
mod ticket;
mod workers;

use std::hash::RandomState;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use swarm_transport::TransportErrorKind;
use tokio::sync::oneshot;

pub(crate) use ticket::Ticket;
use ticket::{Ended, Tickets};
use workers::{Change, Workers};

use super::ReplySender;
use super::dedicated::Dedicated;
use super::engine::{Call, Engine, earlier};
use super::queue::Permit;
use crate::connection::ConnectionFactory;
use crate::failure::Failure;
use crate::options::CommandOrder;
use crate::pool::{
    ConnectionId, Dispatched, Limits, Mode, Need, OrderKeys, Plan, Pool, Position, Work,
};
use crate::runtime::Instant;
use crate::status::{Growth, Status};

/// How long the primary connection must work after another one was refused before that is logged.
const REFUSAL_LOG_DELAY: Duration = Duration::from_secs(1);

/// Time after which the pool is looked at, even if no call came to it or ended: reads that bypass
/// it show how fast the server is.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// What waits in the pool.
pub(super) enum Job {
    Call(Box<Call<ReplySender>>),
    /// Holds keys while commands run on a dedicated connection.
    Hold(oneshot::Sender<Ticket>),
}

impl Job {
    /// How much work it is for the server, at a cost per key.
    fn work(&self, key: Duration) -> Work {
        match self {
            Self::Call(call) => call.work(key),
            Self::Hold(_) => Work {
                requests: 0,
                is_long: false,
            },
        }
    }
}

pub(super) struct Dispatcher {
    pool: Pool<Job>,
    hasher: RandomState,
    order: CommandOrder,
    /// Whether the server needs no other connection: the dispatcher only keeps calls in order with
    /// those on connections that were set aside.
    is_temporary: bool,
    workers: Workers,
    tickets: Tickets,
    /// Whether calls pass through the pool.
    engaged: bool,
    /// Whether they should.
    wanted: bool,
    /// Lower bound of the deadlines of calls in the pool.
    earliest: Option<Instant>,
    /// A refused connection that is not logged yet: when, and why.
    refusal: Option<(Instant, String)>,
    /// Whether calls have come to the pool since it was last looked at.
    is_changed: bool,
    /// When the pool was last looked at.
    looked: Option<Instant>,
    /// Whether it was logged that the server is serial.
    growth_logged: bool,
    closing: closing::Closing,
}

impl Dispatcher {
    pub(super) fn new(
        factory: Arc<ConnectionFactory>,
        dedicated: Arc<Dedicated>,
        limits: Limits,
    ) -> Self {
        Self {
            pool: Pool::new(limits),
            hasher: RandomState::new(),
            order: factory.options.ordering,
            is_temporary: false,
            workers: Workers::new(factory, dedicated),
            tickets: Tickets::default(),
            engaged: false,
            wanted: false,
            earliest: None,
            refusal: None,
            is_changed: false,
            looked: None,
            growth_logged: false,
            closing: closing::Closing::default(),
        }
    }

    /// Whether calls pass through the pool.
    #[inline]
    pub(super) const fn is_engaged(&self) -> bool {
        self.engaged
    }

    /// Takes a call into the pool.
    pub(super) fn submit(
        &mut self,
        engine: &mut Engine<ReplySender>,
        mut call: Box<Call<ReplySender>>,
        permit: Permit,
        now: Instant,
    ) {
        engine.pooled().admit(&mut call, permit, now);
        if self.may_bypass(engine, &call, now) {
            engine.pooled().enqueue(call, now);
            return;
        }
        self.adopt(engine, now);
        self.enqueue(engine, call, now);
    }

    fn enqueue(
        &mut self,
        engine: &mut Engine<ReplySender>,
        call: Box<Call<ReplySender>>,
        now: Instant,
    ) {
        self.note_check(engine, &call, now);
        let (keys, need) = self.place_of(&call);
        self.pool.submit(Job::Call(call), keys, need);
        self.is_changed = true;
    }

    /// Makes sure that a call in the pool is checked when its deadline passes.
    fn note_check(
        &mut self,
        engine: &mut Engine<ReplySender>,
        call: &Call<ReplySender>,
        now: Instant,
    ) {
        self.earliest = earlier(self.earliest, Some(engine.pooled().check_at(call, now)));
    }

    /// Returns what a call must stay in order with, and which connection it needs.
    fn place_of(&self, call: &Call<ReplySender>) -> (OrderKeys, Need) {
        if call.is_alone() {
            return (OrderKeys::FENCE, Need::Primary);
        }
        let need = match call.writes() {
            true => Need::Connection,
            false => Need::Reads,
        };
        (keys_of(self.order, &self.hasher, call), need)
    }

    /// Holds keys: commands that write one of them wait until the ticket is dropped.
    pub(super) fn hold(
        &mut self,
        engine: &mut Engine<ReplySender>,
        keys: &[Bytes],
        grant: oneshot::Sender<Ticket>,
    ) {
        if !self.engaged {
            // The calls that wait in the engine come first.
            let now = Instant::now();
            self.engage(engine, now);
        }
        let keys = OrderKeys::held(keys.iter().map(|key| &**key), &self.hasher);
        self.pool.submit(Job::Hold(grant), keys, Need::Names);
        self.is_changed = true;
    }

    /// Hears of calls that have ended and of connections, opens and closes connections, and hands
    /// out calls.
    #[inline]
    pub(super) fn poll(
        &mut self,
        engine: &mut Engine<ReplySender>,
        status: &Status,
        cx: &mut Context<'_>,
    ) {
        if self.engaged || self.wanted {
            self.poll_pool(engine, status, cx);
        } else if self.pool.has_in_flight() || !self.workers.is_empty() {
            self.poll_disengaged(engine, status, cx);
        }
    }

    /// Whether [`poll`](Self::poll) has something to do now.
    #[inline]
    pub(super) const fn is_due(&self) -> bool {
        match self.engaged {
            true => self.is_changed,
            false => self.wanted,
        }
    }

    fn poll_pool(
        &mut self,
        engine: &mut Engine<ReplySender>,
        status: &Status,
        cx: &mut Context<'_>,
    ) {
        let now = Instant::now();
        let mut is_changed = std::mem::take(&mut self.is_changed);
        if !self.engaged {
            self.engage(engine, now);
            is_changed = true;
        }
        while let Poll::Ready(change) = self.workers.poll_change(cx) {
            self.note_change(change, status, now);
            is_changed = true;
        }
        while let Poll::Ready(ended) = self.tickets.poll(cx) {
            self.note_ended(ended, engine, status, now);
            is_changed = true;
        }
        if self.pool.is_open() && !self.pool.has_primary() && engine.pending().queued() > 0 {
            // They went there while no connection was open.
            self.take_back(engine, now);
            is_changed = true;
        }
        let has_passed = |at: Option<Instant>| at.is_none_or(|at| at <= now);
        let is_due = self.pool.next_deadline().is_some_and(|at| at <= now);
        if !is_changed && !is_due && !has_passed(self.looked.map(|at| at + BETWEEN_LOOKS)) {
            return;
        }
        self.looked = Some(now);
        for id in self.workers.release_outdated(now) {
            self.pool.closed(id, now);
        }
        self.follow_plan(now);
        self.log_growth();
        self.log_refusal(now);
        self.dispatch(engine, now);
        if !self.pool.is_needed() {
            self.disengage(engine, now);
        }
        self.note_connections(status);
    }

    /// Publishes how many connections there are, and why, unless there is one at most.
    pub(super) fn note_connections(&self, status: &Status) {
        if self.is_temporary {
            return;
        }
        let growth = match self.pool.mode() {
            Mode::Single => Growth::Single,
            Mode::Trial => Growth::Trial,
            Mode::Serial => Growth::Serial,
        };
        status.note_connections(self.pool.connections(), self.pool.limits().max, growth);
    }

    /// Logs once that the server has been found serial.
    fn log_growth(&mut self) {
        if !self.growth_logged && self.pool.mode() == Mode::Serial {
            self.growth_logged = true;
            tracing::info!(
                max_connections = self.pool.limits().max,
                "the server runs the commands of a connection one after another, and commands \
                 wait; opening more connections"
            );
        }
    }

    /// Logs that the server refuses more connections, once the primary connection has outlived that
    /// for a while: a server that goes away refuses connections, too, which is another line.
    fn log_refusal(&mut self, now: Instant) {
        let refused = |(at, _): &mut (Instant, String)| *at + REFUSAL_LOG_DELAY <= now;
        if let Some((_, error)) = self.refusal.take_if(refused) {
            tracing::warn!(
                error,
                connections = self.pool.connections(),
                "the server refuses more connections; continuing with those that are open"
            );
        }
    }

    fn note_change(&mut self, change: Change, status: &Status, now: Instant) {
        match change {
            Change::Opened(id) if self.closing.has_begun() => {
                self.workers.release(id);
            }
            Change::Opened(id) => {
                self.pool.opened(id, self.workers.handshake(id), now);
            }
            Change::Failed(id, failure) => {
                self.pool.closed(id, now);
                // Without a primary connection, the server refuses all connections.
                if self.pool.has_primary() && is_refusal(&failure) {
                    self.refusal = Some((now, reason(&failure)));
                    self.pool.refused(now, fastrand::f64());
                }
            }
            Change::Lost(id) => {
                if self.workers.release(id) {
                    self.pool.closed(id, now);
                }
            }
            Change::Closed(id) => {
                if let Some(connection) = self.workers.closed(id) {
                    if self.closing.has_begun() {
                        self.closing.note(connection.status(), status);
                    } else {
                        self.workers.note_released(&connection);
                    }
                    self.pool.closed(id, now);
                }
            }
        }
    }

    fn note_ended(
        &mut self,
        ended: Ended,
        engine: &mut Engine<ReplySender>,
        status: &Status,
        now: Instant,
    ) {
        match ended {
            Ended::Finished(position) => {
                if let Some(took) = self.pool.finished(position, now) {
                    status.note_round_trip(took);
                }
            }
            Ended::Unanswered(position) => self.pool.unanswered(position),
            Ended::Freed {
                position,
                only_reads,
            } => self.pool.freed(position, only_reads),
            Ended::Returned(position, call) => self.put_back(engine, position, call, now),
        }
    }

    /// Opens and closes connections.
    fn follow_plan(&mut self, now: Instant) {
        if self.closing.has_begun() {
            return;
        }
        loop {
            match self.pool.plan(now) {
                Plan::Keep => return,
                Plan::Open(id) => self.workers.open(id),
                Plan::Close(id) => {
                    let is_idle = self.pool.in_flight(id) == 0;
                    self.workers.retire(id, is_idle);
                    self.pool.closed(id, now);
                }
            }
        }
    }

    /// Hands calls to connections that have room for them.
    fn dispatch(&mut self, engine: &mut Engine<ReplySender>, now: Instant) {
        let key = engine.pooled().key_cost();
        while let Some(dispatched) = self.pool.next(|job| job.work(key), now) {
            let Dispatched {
                position,
                connection,
                job,
            } = dispatched;
            let ticket = self.tickets.issue(position);
            match job {
                // Without a receiver, the ticket is dropped, which releases the keys.
                Job::Hold(grant) => drop(grant.send(ticket)),
                Job::Call(call) if !call.is_awaited() => drop(ticket),
                Job::Call(mut call) if connection == ConnectionId::PRIMARY => {
                    call.set_ticket(ticket);
                    engine.pooled().take(call, now);
                }
                Job::Call(mut call) => {
                    engine.pooled().restart(&mut call, now);
                    call.set_ticket(ticket);
                    if let Err(call) = self.workers.send(connection, call) {
                        // Its task has ended, and tells so soon.
                        self.workers.release(connection);
                        self.pool.closed(connection, now);
                        drop(give_back(call));
                    }
                }
            }
        }
    }

    /// Fails the calls whose deadlines have passed, and follows the plan if it is due.
    pub(super) fn expire(&mut self, engine: &mut Engine<ReplySender>, now: Instant) {
        if !self.engaged && self.next_deadline().is_some_and(|at| at <= now) {
            let (queued, in_flight) = (engine.pending().queued(), single::in_flight(engine));
            self.plan_single(queued, in_flight, now);
        }
        if self.earliest.is_none_or(|earliest| earliest > now) {
            return;
        }
        let mut earliest = None;
        let reachable = self.pool.is_open() || engine.pooled().reaches_server();
        self.pool.retain(|job| match job {
            Job::Call(mut call) => {
                if engine.pooled().expire(&mut call, now, reachable) {
                    return None;
                }
                earliest = earlier(earliest, Some(engine.pooled().check_at(&call, now)));
                Some(Job::Call(call))
            }
            hold @ Job::Hold(_) => Some(hold),
        });
        self.earliest = earliest;
        if self.engaged {
            // What waited for them may go.
            self.dispatch(engine, now);
        }
    }

    /// When [`expire`](Self::expire) or [`poll`](Self::poll) is due.
    #[inline]
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        // A client that is being closed opens and closes no connections.
        let plan = self.pool.next_deadline();
        let plan = plan.filter(|_| !self.closing.has_begun());
        match (self.engaged, self.wanted) {
            (true, _) => earlier(self.earliest, plan),
            (false, true) => None,
            (false, false) => plan,
        }
    }

    /// Number of calls in the pool.
    pub(super) fn queued(&self) -> usize {
        self.pool.waiting().len()
    }

    /// Number of calls in flight on workers.
    pub(super) fn in_flight(&self) -> usize {
        self.pool.in_flight_on_workers()
    }
}

/// Whether the server does not want another connection, rather than being unreachable for now.
fn is_refusal(failure: &Failure) -> bool {
    match failure {
        Failure::Lost { error, .. } => {
            let kind = error.kind();
            kind == TransportErrorKind::Protocol || error.is_refused() || error.is_auth()
        }
        Failure::Auth { .. } => true,
        // The attempt was abandoned.
        _ => false,
    }
}

/// Why a connection could not be opened, as text.
fn reason(failure: &Failure) -> String {
    match failure {
        Failure::Lost { error, .. } => error.to_string(),
        Failure::Auth { error, .. } => error.to_string(),
        _ => "the attempt was abandoned".to_owned(),
    }
}

fn keys_of(order: CommandOrder, hasher: &RandomState, call: &Call<ReplySender>) -> OrderKeys {
    match order {
        CommandOrder::None => OrderKeys::NOTHING,
        _ => OrderKeys::of(call.requests.iter(), hasher),
    }
}

/// Returns a call to its place in the pool, if it came from there. Otherwise, returns it to the
/// caller.
pub(super) fn give_back(mut call: Box<Call<ReplySender>>) -> Option<Box<Call<ReplySender>>> {
    let Some(ticket) = call.take_ticket() else {
        return Some(call);
    };
    ticket.give_back(call).err()
}
