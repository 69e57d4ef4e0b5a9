//! How calls reach the driver, bounded.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use swarm_resp::Frame;
use swarm_transport::{TransportError, TransportErrorKind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::engine::{Call, Caller, Dialect, Failure, Requests, Retry};
use crate::status::{State, Stats, Status};

/// What a client says to its driver.
pub(super) enum Message {
    Call(Call<ReplySlot>),
    /// End now.
    Abort,
}

/// Answer what was called before, then end.
#[derive(Debug)]
pub(super) struct Close {
    /// When what is not answered yet is given up.
    pub(super) by: Option<std::time::Instant>,
    /// Dropped with the driver, by which the closer knows.
    pub(super) done: oneshot::Sender<()>,
}

/// Where the replies to one call go.
#[derive(Debug)]
pub(crate) enum ReplySlot {
    One(oneshot::Sender<Result<Frame, Failure>>),
    Unit(oneshot::Sender<Answers>, Answers),
}

/// Where the reply to one call comes from.
pub(crate) type ReplyReceiver = oneshot::Receiver<Result<Frame, Failure>>;

/// What became of the requests of a unit, in their order.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) replies: Vec<Result<Frame, Failure>>,
    /// How the connection spells errors, for those within a reply.
    pub(crate) dialect: Dialect,
}

impl Answers {
    fn with_room_for(requests: usize) -> Self {
        Self {
            replies: Vec::with_capacity(requests),
            dialect: Dialect::default(),
        }
    }
}

impl ReplySlot {
    pub(crate) fn one() -> (Self, ReplyReceiver) {
        let (sender, receiver) = oneshot::channel();
        (Self::One(sender), receiver)
    }

    /// For the replies to so many requests.
    pub(crate) fn unit(requests: usize) -> (Self, oneshot::Receiver<Answers>) {
        let (sender, receiver) = oneshot::channel();
        (
            Self::Unit(sender, Answers::with_room_for(requests)),
            receiver,
        )
    }
}

impl Caller for ReplySlot {
    /// A share of the room that calls may take. A call keeps it until its reply has come, even when nobody waits for that any
    /// more.
    type Ticket = OwnedSemaphorePermit;

    fn is_gone(&self) -> bool {
        match self {
            Self::One(sender) => sender.is_closed(),
            Self::Unit(sender, _) => sender.is_closed(),
        }
    }

    fn sending(&mut self, dialect: Dialect) {
        if let Self::Unit(_, answers) = self {
            answers.dialect = dialect;
        }
    }

    fn progress(&mut self, result: Result<Frame, Failure>) {
        if let Self::Unit(_, answers) = self {
            answers.replies.push(result);
        }
    }

    fn complete(self, result: Result<Frame, Failure>) {
        match self {
            Self::One(sender) => {
                let _gone = sender.send(result);
            }
            Self::Unit(sender, mut answers) => {
                answers.replies.push(result);
                let _gone = sender.send(answers);
            }
        }
    }
}

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
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let commands = u32::try_from(commands).unwrap_or(u32::MAX).max(1);
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
        let len = u32::try_from(requests.encoded_len()).unwrap_or(u32::MAX);
        let count = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        let least = self.least.saturating_mul(count).min(self.bytes);
        len.clamp(least, self.bytes)
    }
}

/// The sending side. The driver ends when the last clone is dropped.
///
/// The channel itself has no bound, for the driver must see every call to keep its deadline. What is bounded is
/// the room that calls take, and each must have its share before it is put in.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sender: mpsc::UnboundedSender<Message>,
    /// Beside the calls, so that a client that is being closed can be told to hurry.
    closes: mpsc::UnboundedSender<Close>,
    room: Arc<Semaphore>,
    budget: Budget,
    /// Why the driver ended, when it was not asked to.
    ended: Arc<OnceLock<Failure>>,
    status: Arc<Status>,
    /// Whom the client talks to, for traces.
    peer: Box<str>,
}

impl Mailbox {
    pub(super) fn new(
        budget: Budget,
        peer: &str,
    ) -> (
        Self,
        mpsc::UnboundedReceiver<Message>,
        mpsc::UnboundedReceiver<Close>,
    ) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (closes, closing) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(budget.bytes as usize));
        (
            Self(Arc::new(Inner {
                sender,
                closes,
                room,
                budget,
                ended: Arc::default(),
                status: Arc::new(Status::new()),
                peer: peer.into(),
            })),
            receiver,
            closing,
        )
    }

    /// Where the driver notes why it ended. Not the mailbox itself: the driver would keep itself alive.
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
        let free = self.0.room.available_permits();
        self.0
            .status
            .stats((self.0.budget.bytes as usize).saturating_sub(free))
    }

    /// A share of the room for requests, if there is room now.
    pub(crate) fn try_admit(&self, requests: &Requests) -> Option<OwnedSemaphorePermit> {
        let share = self.0.budget.share(requests);
        Arc::clone(&self.0.room).try_acquire_many_owned(share).ok()
    }

    /// A share of the room for requests, as soon as there is room, until a deadline. Served in order.
    pub(crate) async fn admit(
        self,
        requests: Requests,
        deadline: std::time::Instant,
    ) -> Result<OwnedSemaphorePermit, Failure> {
        if !self.0.budget.waits {
            return Err(self.0.ended.get().cloned().unwrap_or(Failure::Full));
        }
        let share = self.0.budget.share(&requests);
        let admitted = Arc::clone(&self.0.room).acquire_many_owned(share);
        tokio::select! {
            admitted = timeout_at(Instant::from_std(deadline), admitted) => match admitted {
                Ok(Ok(ticket)) => Ok(ticket),
                Ok(Err(_)) => Err(self.why_ended()),
                Err(_) => Err(Failure::Timeout { sent: false }),
            },
            () = self.0.sender.closed() => Err(self.why_ended()),
        }
    }

    /// Puts a call in.
    pub(crate) fn send(&self, call: Call<ReplySlot>) -> Result<(), Failure> {
        self.0
            .sender
            .send(Message::Call(call))
            .map_err(|_| self.why_ended())
    }

    /// Sends a unit and waits for what becomes of it.
    pub(crate) async fn call_unit(
        &self,
        requests: Requests,
        timeout: Duration,
        retry: Retry,
    ) -> Answers {
        let count = requests.len();
        let sent = self.send_unit(requests, timeout, retry).await;
        let failure = match sent {
            Ok(answers) => match answers.await {
                Ok(answers) => return answers,
                Err(_) => Self::abandoned(),
            },
            Err(failure) => failure,
        };
        Answers {
            replies: (0..count).map(|_| Err(failure.clone())).collect(),
            dialect: Dialect::default(),
        }
    }

    async fn send_unit(
        &self,
        requests: Requests,
        timeout: Duration,
        retry: Retry,
    ) -> Result<oneshot::Receiver<Answers>, Failure> {
        let deadline = deadline_in(timeout);
        let ticket = match self.try_admit(&requests) {
            Some(ticket) => ticket,
            None => self.clone().admit(requests.clone(), deadline).await?,
        };
        let (caller, answers) = ReplySlot::unit(requests.len());
        self.send(Call {
            requests,
            answered: 0,
            sent: 0,
            caller,
            deadline,
            retry,
            alone: false,
            attempts: 0,
            ticket,
        })?;
        Ok(answers)
    }

    /// Ends the driver once all earlier calls are answered, or given up at some time. Returns when it is gone.
    pub(crate) async fn close(&self, by: Option<std::time::Instant>) {
        let (done, closed) = oneshot::channel();
        // An error says that it is gone already.
        if self.0.closes.send(Close { by, done }).is_ok() {
            let _gone = closed.await;
        }
    }

    /// Ends the driver at once. What is in flight fails, for it may have run.
    pub(crate) fn abort(&self) {
        let _ended = self.0.sender.send(Message::Abort);
    }

    /// Whether the connection is good and owes nothing: no reply, not even one that nobody waits for any more.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.0.status.watch().get() == State::Connected
            && !self.0.status.is_stale()
            && self.0.room.available_permits() == self.0.budget.bytes as usize
    }

    /// A reference that does not keep the driver alive.
    pub(crate) fn downgrade(&self) -> WeakMailbox {
        WeakMailbox(Arc::downgrade(&self.0))
    }

    fn why_ended(&self) -> Failure {
        self.0
            .ended
            .get()
            .cloned()
            .unwrap_or(Failure::Closed { sent: false })
    }

    /// Why a reply will never come although the call was taken: the driver's runtime is gone.
    pub(crate) fn abandoned() -> Failure {
        let what = "the runtime that the client was made in has shut down";
        let error = TransportError::new(TransportErrorKind::Closed, what);
        Failure::Lost {
            sent: true,
            error: Arc::new(error),
        }
    }
}

/// The moment at which a timeout is over that begins now.
pub(crate) fn deadline_in(timeout: Duration) -> std::time::Instant {
    let now = Instant::now().into_std();
    // A timeout beyond what the clock can express is as good as a year.
    let year = Duration::from_secs(365 * 24 * 3600);
    now.checked_add(timeout).unwrap_or(now + year)
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
