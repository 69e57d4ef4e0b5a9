//! Connections of the pool besides the primary one. Each runs in a task of its own and does not
//! reconnect: the pool opens another one if it is needed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::connection::ConnectionFactory;
use crate::failure::Failure;
use crate::pool::ConnectionId;
use crate::request_reply::dedicated::Dedicated;
use crate::request_reply::engine::{Call, deadline};
use crate::request_reply::{ConnectionHandle, ReplySender, RequestReply};
use crate::runtime::{Instant, sleep};
use crate::status::{State, Status};

/// Longest random delay before a dial. Spreads the connections of many clients that have lost the
/// same server.
const MAX_JITTER: Duration = Duration::from_millis(20);

/// What happened to a worker.
pub(super) enum Change {
    Opened(ConnectionId),
    /// It could not be opened.
    Failed(ConnectionId, Failure),
    /// It was lost, or drained.
    Lost(ConnectionId),
    /// It was closed because it was replaced, or because the client is being closed.
    Closed(ConnectionId),
}

pub(super) struct Workers {
    factory: Arc<ConnectionFactory>,
    /// Takes workers that are not needed, and yields those that are.
    dedicated: Arc<Dedicated>,
    open: BTreeMap<ConnectionId, Worker>,
    /// Connections that take no more calls, and close once theirs have ended.
    leaving: BTreeMap<ConnectionId, ConnectionHandle>,
    /// States of workers that were closed, or lost, before the client is closed. Replies to writes
    /// may be pending on some.
    released: Vec<Arc<Status>>,
    /// When a worker was last replaced because a reply asked for another connection.
    replaced: Option<Instant>,
    /// Number of dials in progress.
    dialing: usize,
    /// Created with the first dial, because most clients never need a worker.
    channel: Option<Channel>,
}

/// A change, and the worker that was opened, if any.
type Report = (Change, Option<Worker>);

struct Channel {
    sender: mpsc::UnboundedSender<Report>,
    changes: mpsc::UnboundedReceiver<Report>,
}

struct Worker {
    connection: ConnectionHandle,
    /// Whether it was dialed for the pool.
    is_new: bool,
    opened: Instant,
    /// Replies that ask for another connection have no effect before this time.
    may_be_replaced: Instant,
    /// Dropped when the connection is no longer a worker: its loss is not reported then.
    _released: oneshot::Sender<()>,
}

impl Workers {
    pub(super) fn new(factory: Arc<ConnectionFactory>, dedicated: Arc<Dedicated>) -> Self {
        Self {
            factory,
            dedicated,
            open: BTreeMap::new(),
            leaving: BTreeMap::new(),
            released: Vec::new(),
            replaced: None,
            dialing: 0,
            channel: None,
        }
    }

    /// Whether no worker is open, being opened or being closed.
    pub(super) fn is_empty(&self) -> bool {
        self.are_closed() && self.dialing == 0
    }

    pub(super) fn are_closed(&self) -> bool {
        self.open.is_empty() && self.leaving.is_empty()
    }

    /// Takes an idle dedicated connection, or opens one after a short random delay. A [`Change`]
    /// tells the outcome.
    pub(super) fn open(&mut self, id: ConnectionId) {
        self.dialing += 1;
        let idle = self.dedicated.take_for_pool();
        let factory = Arc::clone(&self.factory);
        let changes = self.channel().sender.clone();
        let orphaned = changes.clone();
        self.factory.tasks.spawn(async move {
            let life = async {
                let is_new = idle.is_none();
                let connection = match idle {
                    Some(connection) => Ok(connection),
                    None => dial(&factory).await,
                };
                let connection = match connection {
                    Ok(connection) => connection,
                    Err(failure) => {
                        let _gone = changes.send((Change::Failed(id, failure), None));
                        return;
                    }
                };
                let mut state = connection.status().watch();
                let (_released, released) = oneshot::channel();
                let opened = Instant::now();
                let worker = Worker {
                    connection,
                    is_new,
                    opened,
                    may_be_replaced: opened,
                    _released,
                };
                let _gone = changes.send((Change::Opened(id), Some(worker)));
                tokio::select! {
                    () = state.left(State::Connected) => {
                        let _gone = changes.send((Change::Lost(id), None));
                    }
                    _ = released => {}
                }
            };
            // Without a dispatcher, nobody needs the connection.
            tokio::select! {
                () = life => {}
                () = orphaned.closed() => {}
            }
        });
    }

    fn channel(&mut self) -> &mut Channel {
        self.channel.get_or_insert_with(|| {
            let (sender, changes) = mpsc::unbounded_channel();
            Channel { sender, changes }
        })
    }

    pub(super) fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Change> {
        // Created now if need be, so that the first change wakes the task, too. The channel keeps a
        // sender, so it does not end.
        let Poll::Ready(Some((change, worker))) = self.channel().changes.poll_recv(cx) else {
            return Poll::Pending;
        };
        match &change {
            Change::Opened(id) => {
                self.dialing = self.dialing.saturating_sub(1);
                if let Some(mut worker) = worker {
                    worker.may_be_replaced = self.may_be_replaced(worker.opened);
                    self.open.insert(*id, worker);
                }
            }
            Change::Failed(..) => self.dialing = self.dialing.saturating_sub(1),
            Change::Lost(_) | Change::Closed(_) => {}
        }
        Poll::Ready(change)
    }

    /// Returns a round trip of a worker's handshake, if that was just now.
    pub(super) fn handshake(&self, id: ConnectionId) -> Option<Duration> {
        let worker = self.open.get(&id)?;
        let status = worker.connection.status();
        status.handshake().filter(|_| worker.is_new)
    }

    /// Hands a call to a worker.
    ///
    /// # Errors
    ///
    /// Returns the call if the worker takes no more.
    pub(super) fn send(
        &self,
        id: ConnectionId,
        call: Box<Call<ReplySender>>,
    ) -> Result<(), Box<Call<ReplySender>>> {
        match self.open.get(&id) {
            Some(worker) => worker.connection.enqueue_dispatched(call),
            None => Err(call),
        }
    }

    /// Drops a worker that has ended, or that has no calls. Returns whether it was open.
    pub(super) fn release(&mut self, id: ConnectionId) -> bool {
        let released = self.open.remove(&id);
        if let Some(worker) = &released {
            self.note_released(&worker.connection);
        }
        released.is_some()
    }

    /// A worker is closed, or lost, before the client is closed.
    pub(super) fn note_released(&mut self, connection: &ConnectionHandle) {
        let is_open = |status: &Arc<Status>| status.watch().get() != State::Closed;
        self.released.retain(is_open);
        self.released.push(Arc::clone(connection.status()));
    }

    /// Number of writes without a reply on workers that were closed, or lost, before the client is
    /// closed.
    pub(super) fn unanswered(&self) -> usize {
        self.released.iter().map(|status| status.unanswered()).sum()
    }

    /// A worker takes no more calls, and closes once its calls have ended. A [`Change`] tells when.
    fn leave(&mut self, id: ConnectionId, worker: Worker) {
        let closed = worker.connection.close(None);
        self.leaving.insert(id, worker.connection);
        self.report_closed(id, closed);
    }

    fn report_closed(
        &mut self,
        id: ConnectionId,
        closed: impl Future<Output = ()> + Send + 'static,
    ) {
        let changes = self.channel().sender.clone();
        self.factory.tasks.spawn(async move {
            closed.await;
            let _gone = changes.send((Change::Closed(id), None));
        });
    }

    /// Ends the use of a worker that is not needed. If no call is in flight on it, a lease may use
    /// it next; otherwise, it closes once its calls have ended.
    pub(super) fn retire(&mut self, id: ConnectionId, is_idle: bool) {
        match self.open.remove(&id) {
            Some(worker) if is_idle => self.dedicated.offer(worker.connection),
            Some(worker) => self.leave(id, worker),
            None => {}
        }
    }

    /// Releases the workers that have earlier credentials or another endpoint, or on which a reply
    /// asked for another connection. They close once their calls have ended.
    pub(super) fn release_outdated(&mut self, now: Instant) -> Vec<ConnectionId> {
        let target = &self.factory.target;
        let is_stale = |worker: &Worker| {
            worker.connection.status().is_stale() && worker.may_be_replaced <= now
        };
        let is_outdated = |worker: &Worker| {
            let status = worker.connection.status();
            is_stale(worker) || !target.is_current(status.login_and_route())
        };
        if self.open.values().any(is_stale) {
            self.replaced = Some(now);
        }
        let outdated = self.open.iter().filter(|(_, worker)| is_outdated(worker));
        let outdated: Vec<_> = outdated.map(|(id, _)| *id).collect();
        for id in &outdated {
            if let Some(worker) = self.open.remove(id) {
                self.leave(*id, worker);
            }
        }
        outdated
    }

    /// Releases all workers, because they have another kind of server. They close once their calls
    /// have ended.
    pub(super) fn release_all(&mut self) -> Vec<ConnectionId> {
        let open = std::mem::take(&mut self.open);
        let release = |(id, worker)| {
            self.leave(id, worker);
            id
        };
        open.into_iter().map(release).collect()
    }

    /// Returns when a worker that was opened may be replaced because a reply asks for that. If it
    /// replaces another, not soon: a server that keeps asking costs each worker at most one
    /// connection in the longest reconnect delay.
    fn may_be_replaced(&self, opened: Instant) -> Instant {
        let pause = self.factory.options.reconnect_max_delay;
        let is_replacement = (self.replaced)
            .is_some_and(|replaced| opened.saturating_duration_since(replaced) < pause);
        match is_replacement {
            true => deadline(opened, pause),
            false => opened,
        }
    }

    /// Closes all workers because the client is being closed. Calls without a reply by the given
    /// time fail. A [`Change`] tells when each has ended.
    pub(super) fn close(&mut self, by: Option<Instant>) {
        let open = (self.open.iter()).map(|(id, worker)| (id, &worker.connection));
        let closed: Vec<_> = open
            .chain(&self.leaving)
            .map(|(id, connection)| (*id, connection.close(by)))
            .collect();
        for (id, closed) in closed {
            self.report_closed(id, closed);
        }
    }

    /// A connection was closed. Returns it, unless that is known already.
    pub(super) fn closed(&mut self, id: ConnectionId) -> Option<ConnectionHandle> {
        let open = self.open.remove(&id).map(|worker| worker.connection);
        open.or_else(|| self.leaving.remove(&id))
    }
}

/// Opens a connection after a short random delay.
async fn dial(factory: &Arc<ConnectionFactory>) -> Result<ConnectionHandle, Failure> {
    sleep(MAX_JITTER.mul_f64(fastrand::f64())).await;
    let (started, outcome) = oneshot::channel();
    let connection = RequestReply::spawn(factory, started);
    match outcome.await {
        Ok(outcome) => outcome.map(|()| connection),
        Err(_) => Err(Failure::Closed { sent: false }),
    }
}
