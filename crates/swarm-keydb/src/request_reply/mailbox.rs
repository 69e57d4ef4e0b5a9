//! How calls reach the driver, bounded.

use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;
use std::time::Duration;

use swarm_resp::Frame;
use swarm_transport::{TransportError, TransportErrorKind};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::request_reply::{Body, Call, Caller, Requests, Retry};

use crate::failure::Failure;
use crate::server::ServerProfile;
use crate::status::{State, Stats, Status};
use crate::tasks::Tasks;

use super::queue::{self, Permit, TrySendError};
use super::reply_channel::{self, Wake};

/// Tells a driver to end.
#[derive(Debug)]
pub(super) enum Shutdown {
    /// Answer all earlier calls, then end.
    Close {
        /// When calls that are not answered yet fail.
        by: Option<std::time::Instant>,
        /// Dropped when no caller waits for a reply any more.
        done: oneshot::Sender<()>,
    },
    /// End now. Calls in flight fail.
    Abort,
}

/// A call that the driver does not have yet.
pub(crate) struct QueuedCall {
    pub(crate) body: Box<Body<ReplySender>>,
    pub(crate) due: Due,
}

/// When a call times out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Due {
    /// Counted from when the driver takes the call, so that the driver reads the clock once per batch. The driver takes a call
    /// at once.
    After(Duration),
    At(std::time::Instant),
}

impl QueuedCall {
    pub(super) fn into_call(self, permit: Permit, now: std::time::Instant) -> Call<ReplySender> {
        let deadline = match self.due {
            Due::After(timeout) => deadline(now, timeout),
            Due::At(deadline) => deadline,
        };
        Call {
            body: self.body,
            deadline,
            ticket: permit,
        }
    }
}

/// What became of a call that was offered to the queue.
pub(crate) enum Enqueued {
    Done,
    /// There is no room for it.
    Full(QueuedCall, u32),
    /// No more calls are taken.
    Closed,
}

/// Where the replies to one call go.
#[derive(Debug)]
pub(crate) enum ReplySender {
    One(reply_channel::Sender<Result<Frame, Failure>>),
    Unit(reply_channel::Sender<Answers>, Answers),
}

/// Where the reply to one call comes from.
pub(crate) type ReplyReceiver = reply_channel::Receiver<Result<Frame, Failure>>;

/// What became of the requests of a unit, in their order.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) replies: Vec<Result<Frame, Failure>>,
    /// How the connection spells errors, for those within a reply.
    pub(crate) server: ServerProfile,
}

impl Answers {
    fn with_room_for(requests: usize) -> Self {
        Self {
            replies: Vec::with_capacity(requests),
            server: ServerProfile::default(),
        }
    }
}

impl ReplySender {
    /// For one reply, which `waiter` polls for.
    pub(crate) fn one(waiter: Waker) -> (Self, ReplyReceiver) {
        let (sender, receiver) = reply_channel::channel(Some(waiter));
        (Self::One(sender), receiver)
    }

    /// For the replies to so many requests.
    fn unit(requests: usize) -> (Self, reply_channel::Receiver<Answers>) {
        let (sender, receiver) = reply_channel::channel(None);
        let answers = Answers::with_room_for(requests);
        (Self::Unit(sender, answers), receiver)
    }
}

impl Caller for ReplySender {
    type Ticket = Permit;
    type Wake = Wake;

    fn is_gone(&self) -> bool {
        match self {
            Self::One(sender) => sender.is_closed(),
            Self::Unit(sender, _) => sender.is_closed(),
        }
    }

    fn sending(&mut self, server: ServerProfile) {
        if let Self::Unit(_, answers) = self {
            answers.server = server;
        }
    }

    fn progress(&mut self, result: Result<Frame, Failure>) {
        if let Self::Unit(_, answers) = self {
            answers.replies.push(result);
        }
    }

    fn complete(self, result: Result<Frame, Failure>) -> Wake {
        match self {
            Self::One(sender) => sender.send(result),
            Self::Unit(sender, mut answers) => {
                answers.replies.push(result);
                sender.send(answers)
            }
        }
    }
}

/// The largest budget, in bytes: what tokio's semaphore can count on a 32-bit system.
const MAX_BUDGET: u32 = u32::MAX >> 3;

/// How much may be under way at one time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    bytes: u32,
    /// What a small call takes; so the number of calls is bounded, too.
    least: u32,
    /// Whether calls wait for room.
    waits: bool,
}

impl Budget {
    pub(crate) fn new(commands: usize, bytes: usize) -> Self {
        let commands = u32::try_from(commands)
            .unwrap_or(MAX_BUDGET)
            .clamp(1, MAX_BUDGET);
        let bytes = u32::try_from(bytes).unwrap_or(MAX_BUDGET).min(MAX_BUDGET);
        Self {
            bytes: bytes.max(commands),
            least: (bytes / commands).max(1),
            waits: true,
        }
    }

    /// Says whether calls wait for room.
    pub(crate) const fn waiting(self, waits: bool) -> Self {
        Self { waits, ..self }
    }

    /// What requests take. What is larger than the whole budget takes all of it, and goes alone.
    fn share(self, requests: &Requests) -> u32 {
        let count = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        let least = self.least.saturating_mul(count).min(self.bytes);
        let len = u32::try_from(requests.encoded_len()).unwrap_or(u32::MAX);
        len.clamp(least, self.bytes)
    }
}

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) timeout: Duration,
    /// Whether that is the default, which grows with what is written.
    pub(crate) grows: bool,
    /// Whether the server may keep the reply back.
    pub(crate) blocks: bool,
}

/// The sending side. The driver ends when the last clone is dropped.
///
/// The queue has no other bound, for the driver must see every call to keep its deadline. What is bounded is
/// the room that calls take, and each must have its share before it is put in.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: queue::Sender<QueuedCall>,
    /// Beside the calls, so that a client that is being closed can be told to hurry.
    shutdowns: mpsc::UnboundedSender<Shutdown>,
    budget: Budget,
    /// Why the driver ended, when it was not asked to.
    ended: Arc<OnceLock<Failure>>,
    status: Arc<Status>,
    /// Whom the client talks to, for traces.
    peer: Box<str>,
    tasks: Tasks,
}

impl Mailbox {
    pub(super) fn new(
        budget: Budget,
        peer: &str,
        tasks: &Tasks,
    ) -> (
        Self,
        queue::Receiver<QueuedCall>,
        mpsc::UnboundedReceiver<Shutdown>,
    ) {
        let (shutdowns, shutdown) = mpsc::unbounded_channel();
        let (sender, receiver) = queue::queue(budget.bytes);
        let mailbox = Self(Arc::new(Inner {
            queue: sender,
            shutdowns,
            budget,
            ended: Arc::default(),
            status: Arc::new(Status::new()),
            peer: peer.into(),
            tasks: tasks.clone(),
        }));
        (mailbox, receiver, shutdown)
    }

    /// Where the driver notes why it ended.
    pub(super) fn ended(&self) -> Arc<OnceLock<Failure>> {
        Arc::clone(&self.0.ended)
    }

    /// What the driver notes down, for it and for the client.
    pub(crate) fn status(&self) -> &Arc<Status> {
        &self.0.status
    }

    pub(crate) fn peer(&self) -> &str {
        &self.0.peer
    }

    pub(crate) fn stats(&self) -> Stats {
        self.0.status.stats(self.taken())
    }

    /// How much of the budget is taken.
    fn taken(&self) -> usize {
        (self.0.budget.bytes as usize).saturating_sub(self.0.queue.free())
    }

    /// Puts requests in, if there is room for them now. Their time runs from here.
    #[inline]
    pub(crate) fn enqueue(
        &self,
        requests: Requests,
        caller: ReplySender,
        timing: Timing,
        retry: Retry,
        alone: bool,
    ) -> Enqueued {
        let size = self.0.budget.share(&requests);
        let queued = QueuedCall {
            body: Box::new(Body {
                grows: timing.grows,
                blocks: timing.blocks,
                ..Body::new(requests, caller, retry, alone)
            }),
            due: Due::After(timing.timeout),
        };
        match self.0.queue.try_send(queued, size) {
            Ok(()) => Enqueued::Done,
            Err(TrySendError::Full(queued)) => Enqueued::Full(queued, size),
            Err(TrySendError::Closed) => Enqueued::Closed,
        }
    }

    /// Waits for room for a queued that found none, until its time is up, and puts it in. Served in order.
    pub(crate) async fn enqueue_when_free(
        self,
        mut queued: QueuedCall,
        size: u32,
    ) -> Result<(), Failure> {
        if !self.0.budget.waits {
            return Err(Failure::Full);
        }
        let deadline = match queued.due {
            Due::After(timeout) => deadline_in(timeout),
            Due::At(deadline) => deadline,
        };
        queued.due = Due::At(deadline);
        let sent = {
            let _context = self.0.tasks.timers();
            timeout_at(Instant::from_std(deadline), self.0.queue.send(queued, size))
        };
        match sent.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(queue::Closed)) => Err(self.why_ended()),
            Err(_) => Err(self.0.status.why_unsent()),
        }
    }

    /// Sends a unit and waits for what becomes of it.
    pub(crate) async fn call_unit(
        &self,
        requests: Requests,
        timing: Timing,
        retry: Retry,
    ) -> Answers {
        let count = requests.len();
        let sent = self.send_unit(requests, timing, retry).await;
        let failure = match sent {
            Ok(answers) => match answers.await {
                Some(answers) => return answers,
                None => Self::abandoned(true),
            },
            Err(failure) => failure,
        };
        Answers {
            replies: (0..count).map(|_| Err(failure.clone())).collect(),
            server: ServerProfile::default(),
        }
    }

    async fn send_unit(
        &self,
        requests: Requests,
        timing: Timing,
        retry: Retry,
    ) -> Result<reply_channel::Receiver<Answers>, Failure> {
        let (caller, answers) = ReplySender::unit(requests.len());
        match self.enqueue(requests, caller, timing, retry, false) {
            Enqueued::Done => {}
            Enqueued::Full(queued, size) => self.clone().enqueue_when_free(queued, size).await?,
            Enqueued::Closed => return Err(self.why_ended()),
        }
        Ok(answers)
    }

    /// Ends the driver once all earlier calls are answered, or given up at some time. Ready when it has.
    pub(crate) fn close(&self, by: Option<std::time::Instant>) -> impl Future<Output = ()> + use<> {
        let (done, closed) = oneshot::channel();
        // An error says that it is gone already.
        let sent = self.0.shutdowns.send(Shutdown::Close { by, done });
        async move {
            if sent.is_ok() {
                let _gone = closed.await;
            }
        }
    }

    /// Ends the driver at once. What is in flight fails, for it may have run; but when a reply to a command that writes is owed, the
    /// driver waits for that.
    pub(crate) fn abort(&self) {
        self.0.queue.close();
        let _gone = self.0.shutdowns.send(Shutdown::Abort);
    }

    /// Whether the connection is good and owes nothing: no reply, not even one that nobody waits for any more.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.0.status.watch().get() == State::Connected
            && !self.0.status.is_stale()
            && self.taken() == 0
    }

    /// A reference that does not keep the driver alive.
    pub(crate) fn downgrade(&self) -> WeakMailbox {
        WeakMailbox(Arc::downgrade(&self.0))
    }

    /// Whether calls are taken at all.
    pub(crate) fn check_open(&self) -> Result<(), Failure> {
        if self.0.queue.is_open() {
            Ok(())
        } else {
            Err(self.why_ended())
        }
    }

    /// Why no more calls are taken.
    pub(crate) fn why_ended(&self) -> Failure {
        self.0
            .ended
            .get()
            .cloned()
            .unwrap_or(Failure::Closed { sent: false })
    }

    /// Why a reply will never come: the driver's runtime is gone.
    pub(crate) fn abandoned(sent: bool) -> Failure {
        let what = "the runtime that the client was made in has shut down";
        let error = TransportError::new(TransportErrorKind::Closed, what);
        Failure::Lost {
            sent,
            error: Arc::new(error),
        }
    }
}

/// The moment at which a timeout that begins now is over.
pub(super) fn deadline(now: std::time::Instant, timeout: Duration) -> std::time::Instant {
    // A timeout beyond what the clock can express is as good as a year.
    let year = Duration::from_secs(365 * 24 * 3600);
    now.checked_add(timeout).unwrap_or(now + year)
}

/// The moment at which a timeout that begins now is over.
pub(crate) fn deadline_in(timeout: Duration) -> std::time::Instant {
    deadline(Instant::now().into_std(), timeout)
}

/// A reference to a mailbox that does not keep its driver alive.
#[derive(Clone, Debug)]
pub(crate) struct WeakMailbox(Weak<Inner>);

impl WeakMailbox {
    /// Whether it refers to this mailbox.
    pub(crate) fn is(&self, mailbox: &Mailbox) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&mailbox.0))
    }

    pub(crate) fn upgrade(&self) -> Option<Mailbox> {
        self.0.upgrade().map(Mailbox)
    }
}
