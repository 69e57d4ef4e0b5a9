//! Handle of a connection's task: queues calls within a budget, and shuts the task down.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::budget::Budget;
use super::dispatch::Ticket;
use super::engine::{Call, Requests, Retry, Timing, deadline};
use super::listener::{Listening, PushListener};
use super::queue::{self, TrySendError};
use super::reply_channel;
use super::reply_sender::{Answers, ReplySender};
use crate::connection::Origin;
use crate::failure::{Failure, QueueLoad};
use crate::runtime::{EnterGuard, Instant, Tasks, timeout_at};
use crate::server::ServerProfile;
use crate::status::{State, Stats, Status};

/// Asks a connection's task for something besides sending a call.
#[derive(Debug)]
pub(super) enum Control {
    /// Hold keys, so that no other call of the client writes them. The grant is dropped if nothing
    /// needs to be held.
    Hold {
        keys: Vec<Bytes>,
        grant: oneshot::Sender<Ticket>,
    },
    /// Pass on the pushes of the connection until it is lost.
    Listen(Listening),
    /// Complete all earlier calls, then end.
    Close {
        /// When calls without a reply fail.
        by: Option<Instant>,
        /// Dropped once no caller waits for a reply.
        done: oneshot::Sender<()>,
    },
    /// End now. Calls in flight fail.
    Abort,
    /// While there is no connection, fail the calls that wait for one.
    #[cfg(feature = "cluster")]
    Withdraw,
}

/// Outcome of offering a call to the queue.
pub(crate) enum Enqueued {
    Done,
    /// There is not enough capacity: the call, and its size.
    Full(Box<Call<ReplySender>>, u32),
    /// The queue takes no more calls.
    Closed,
}

/// Handle of a connection's task, which ends when the last clone is dropped.
///
/// A call takes part of the budget before it is queued. The queue has no other bound, because the
/// task must see every call to enforce its deadline.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionHandle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: queue::Sender<Box<Call<ReplySender>>, Control>,
    budget: Budget,
    /// Why the driver ended, if it was not closed.
    ended: Arc<OnceLock<Failure>>,
    status: Arc<Status>,
    /// The server in traces, and the observer of operations.
    origin: Arc<Origin>,
    /// Whether there is an observer.
    is_observed: bool,
    tasks: Tasks,
}

impl ConnectionHandle {
    pub(super) fn new(
        budget: Budget,
        origin: &Arc<Origin>,
        address: Option<Arc<str>>,
        tasks: &Tasks,
    ) -> (Self, queue::Receiver<Box<Call<ReplySender>>, Control>) {
        let (sender, receiver) = queue::queue(budget.bytes);
        let connection = Self(Arc::new(Inner {
            queue: sender,
            budget,
            ended: Arc::default(),
            status: Arc::new(Status::new(address)),
            is_observed: origin.observer.is_some(),
            origin: Arc::clone(origin),
            tasks: tasks.clone(),
        }));
        (connection, receiver)
    }

    /// Returns the cell where the driver stores why it ended.
    pub(super) fn ended(&self) -> Arc<OnceLock<Failure>> {
        Arc::clone(&self.0.ended)
    }

    /// Returns the state and metrics that the driver publishes.
    pub(crate) fn status(&self) -> &Arc<Status> {
        &self.0.status
    }

    /// Returns the server in traces, and the observer of operations.
    pub(crate) fn origin(&self) -> &Arc<Origin> {
        &self.0.origin
    }

    /// Whether there is an observer of operations.
    #[inline]
    pub(crate) fn is_observed(&self) -> bool {
        self.0.is_observed
    }

    pub(crate) fn stats(&self) -> Stats {
        self.0.status.stats(self.taken())
    }

    /// Returns how much of the budget is in use.
    fn taken(&self) -> usize {
        self.0.budget.bytes.saturating_sub(self.0.queue.free())
    }

    /// Returns how full the queue is.
    fn queue_load(&self) -> QueueLoad {
        let Inner { budget, status, .. } = &*self.0;
        QueueLoad {
            commands: status.pending(),
            max_commands: budget.commands,
            bytes: self.taken(),
            max_bytes: budget.bytes,
        }
    }

    /// Queues a call if there is capacity for it now.
    #[inline]
    pub(crate) fn enqueue(&self, call: Box<Call<ReplySender>>) -> Enqueued {
        let size = self.0.budget.share(&call.requests);
        match self.0.queue.try_send(call, size) {
            Ok(()) => Enqueued::Done,
            Err(TrySendError::Full(call)) => Enqueued::Full(call, size),
            Err(TrySendError::Closed) => Enqueued::Closed,
        }
    }

    /// Queues a call that a pool has dispatched, or that another server has refused. It has had its
    /// capacity already.
    ///
    /// # Errors
    ///
    /// Returns the call if the connection has ended.
    pub(crate) fn enqueue_dispatched(
        &self,
        call: Box<Call<ReplySender>>,
    ) -> Result<(), Box<Call<ReplySender>>> {
        self.0.queue.send_free(call)
    }

    /// Waits until no other call of the client that writes one of the keys is in flight, and keeps
    /// all later ones waiting until the ticket is dropped. Returns `None` if the server needs no
    /// such order.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing is held.
    pub(crate) async fn hold(&self, keys: Vec<Bytes>) -> Option<Ticket> {
        let (grant, granted) = oneshot::channel();
        let _gone = self.0.queue.send_control(Control::Hold { keys, grant });
        granted.await.ok()
    }

    /// Sets what hears the pushes of the connection until it is lost. Takes effect before any later
    /// call is sent. If the connection has ended, the listener learns of the loss at once.
    #[cfg_attr(
        not(feature = "cache"),
        expect(dead_code, reason = "only a cache listens")
    )]
    pub(crate) fn listen(&self, listener: Arc<dyn PushListener>) {
        let _gone = (self.0.queue).send_control(Control::Listen(Listening::new(listener)));
    }

    /// Waits for capacity within the call's timeout and queues the call. Calls that wait are served
    /// in order.
    pub(crate) async fn enqueue_when_free(
        self,
        mut call: Box<Call<ReplySender>>,
        size: u32,
    ) -> Result<(), Failure> {
        if !self.0.budget.waits {
            return Err(Failure::Full(self.queue_load()));
        }
        let now = Instant::now();
        let deadline = call.start_timeout(now);
        let timeout = deadline.saturating_duration_since(now);
        let sent = {
            let _context = self.0.tasks.timers();
            timeout_at(deadline, self.0.queue.send(call, size))
        };
        match sent.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(queue::Closed)) => Err(self.why_ended()),
            Err(_) => Err(self.0.status.why_unsent(timeout, Some(self.queue_load()))),
        }
    }

    /// Waits for capacity and queues a call whose timeout has not started.
    pub(super) async fn wait_to_enqueue(
        &self,
        call: Box<Call<ReplySender>>,
        size: u32,
    ) -> Result<(), Failure> {
        let sent = self.0.queue.send(call, size).await;
        sent.map_err(|queue::Closed| self.why_ended())
    }

    /// Returns the size of requests in the budget.
    pub(super) fn share(&self, requests: &Requests) -> u32 {
        self.0.budget.share(requests)
    }

    /// Returns how much of the budget a bulk may take. Other calls find the rest.
    pub(super) fn bulk_limit(&self) -> usize {
        self.0.budget.bytes / 2
    }

    /// Enters a context for timers.
    pub(crate) fn timers(&self) -> Option<EnterGuard<'_>> {
        self.0.tasks.timers()
    }

    /// Sends a batch and returns the results of its requests.
    pub(crate) async fn call_batch(
        &self,
        requests: Requests,
        timing: Timing,
        retry: Retry,
    ) -> Answers {
        let count = requests.len();
        let sent = self.send_batch(requests, timing, retry).await;
        let failure = match sent {
            Ok(answers) => match answers.await {
                Some(answers) => return answers,
                None => Failure::runtime_gone(true),
            },
            Err(failure) => failure,
        };
        Answers {
            replies: (0..count).map(|_| Err(failure.clone())).collect(),
            server: ServerProfile::default(),
        }
    }

    async fn send_batch(
        &self,
        requests: Requests,
        timing: Timing,
        retry: Retry,
    ) -> Result<reply_channel::Receiver<Answers>, Failure> {
        let (caller, answers) = ReplySender::batch(requests.len());
        let mut call = Box::new(Call::new(requests, retry, false));
        call.awaited_by(caller, timing);
        match self.enqueue(call) {
            Enqueued::Done => {}
            Enqueued::Full(call, size) => self.clone().enqueue_when_free(call, size).await?,
            Enqueued::Closed => return Err(self.why_ended()),
        }
        Ok(answers)
    }

    /// Ends the driver once all earlier calls have completed. Calls without a reply by the given
    /// time fail. Resolves when the driver has ended.
    pub(crate) fn close(&self, by: Option<Instant>) -> impl Future<Output = ()> + use<> {
        let (done, closed) = oneshot::channel();
        // An error means that the driver has ended already.
        let sent = self.0.queue.send_control(Control::Close { by, done });
        async move {
            if sent.is_ok() {
                let _gone = closed.await;
            }
        }
    }

    /// Ends the driver at once. Calls in flight fail, since they may have run. If a write is
    /// pending, the driver still waits for its reply.
    pub(crate) fn abort(&self) {
        self.0.queue.close();
        let _gone = self.0.queue.send_control(Control::Abort);
    }

    /// While there is no connection, fails the calls that wait for one. Later calls wait.
    #[cfg(feature = "cluster")]
    pub(crate) fn withdraw(&self) {
        let _gone = self.0.queue.send_control(Control::Withdraw);
    }

    /// Whether the connection works and has a session on the server.
    pub(crate) fn has_session(&self) -> bool {
        let status = &self.0.status;
        status.watch().get() == State::Connected && status.has_session()
    }

    /// Whether the connection works and no reply is pending, not even one that no caller waits for.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.status.watch().get() == State::Connected
            && !self.0.status.is_stale()
            && self.taken() == 0
    }

    /// Returns a reference that does not keep the driver alive.
    pub(crate) fn downgrade(&self) -> WeakConnectionHandle {
        WeakConnectionHandle(Arc::downgrade(&self.0))
    }

    /// Checks that the queue is open.
    ///
    /// # Errors
    ///
    /// Why the driver ended.
    pub(crate) fn check_open(&self) -> Result<(), Failure> {
        if self.0.queue.is_open() {
            Ok(())
        } else {
            Err(self.why_ended())
        }
    }

    /// Returns why the queue is closed.
    pub(crate) fn why_ended(&self) -> Failure {
        self.0
            .ended
            .get()
            .cloned()
            .unwrap_or(Failure::Closed { sent: false })
    }
}

/// Returns the deadline of a timeout that starts now.
pub(crate) fn deadline_in(timeout: Duration) -> Instant {
    deadline(Instant::now(), timeout)
}

/// Handle that does not keep the task alive.
#[derive(Clone, Debug)]
pub(crate) struct WeakConnectionHandle(Weak<Inner>);

impl WeakConnectionHandle {
    /// Whether this is the handle of the same task.
    pub(crate) fn is(&self, connection: &ConnectionHandle) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&connection.0))
    }

    pub(crate) fn upgrade(&self) -> Option<ConnectionHandle> {
        self.0.upgrade().map(ConnectionHandle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Larger allocations leave the fast bins of glibc's allocator, which costs a command 3 % more
    /// instructions.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_call_is_a_small_allocation() {
        let size = size_of::<Call<ReplySender>>();
        assert!(size <= 120, "{size} bytes");
    }

    #[tokio::test]
    #[cfg(target_pointer_width = "64")]
    async fn a_budget_may_exceed_what_32_bits_can_count() {
        let bytes = 1_usize << 40;
        let budget = Budget::new(1, bytes);
        assert_eq!(budget.bytes, bytes);
        let tasks = Tasks::current().unwrap();
        let (handle, _calls) = ConnectionHandle::new(budget, &Arc::default(), None, &tasks);
        assert_eq!(handle.0.queue.free(), bytes);
    }
}
