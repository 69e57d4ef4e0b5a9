//! How calls reach the driver, bounded.

use std::sync::{Arc, OnceLock, Weak};
use std::task::Waker;
use std::time::Duration;

use swarm_resp::Frame;
use swarm_transport::{TransportError, TransportErrorKind};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::request_reply::{Body, Caller, Requests, Retry};

use crate::failure::Failure;
use crate::server::ServerProfile;
use crate::status::{State, Stats, Status};
use crate::tasks::Tasks;

use super::inbox::{Due, Inbox, Letter, Posted, Share, deadline};
use super::promise::{Promise, Promised, Wake, promise};

/// Answer what was called before, then end.
#[derive(Debug)]
pub(super) struct Close {
    /// When what is not answered yet is given up.
    pub(super) by: Option<std::time::Instant>,
    /// Dropped when the driver ends, or when it only waits for replies that nobody waits for; by that the closer knows.
    pub(super) done: oneshot::Sender<()>,
}

/// Where the replies to one call go.
#[derive(Debug)]
pub(crate) enum ReplySlot {
    One(Promise<Result<Frame, Failure>>),
    Unit(Promise<Answers>, Answers),
}

/// Where the reply to one call comes from.
pub(crate) type ReplyReceiver = Promised<Result<Frame, Failure>>;

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

impl ReplySlot {
    /// For one reply, which `waiter` polls for.
    pub(crate) fn one(waiter: Waker) -> (Self, ReplyReceiver) {
        let (promise, promised) = promise(Some(waiter));
        (Self::One(promise), promised)
    }

    /// For the replies to so many requests.
    fn unit(requests: usize) -> (Self, Promised<Answers>) {
        let (promise, promised) = promise(None);
        let answers = Answers::with_room_for(requests);
        (Self::Unit(promise, answers), promised)
    }
}

impl Caller for ReplySlot {
    type Ticket = Share;
    type Wake = Wake;

    fn is_gone(&self) -> bool {
        match self {
            Self::One(promise) => promise.is_gone(),
            Self::Unit(promise, _) => promise.is_gone(),
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
            Self::One(promise) => promise.keep(result),
            Self::Unit(promise, mut answers) => {
                answers.replies.push(result);
                promise.keep(answers)
            }
        }
    }
}

/// How much may be under way at one time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    bytes: usize,
    /// What a small call takes; so the number of calls is bounded, too.
    least: usize,
    /// Whether calls wait for room.
    waits: bool,
}

impl Budget {
    pub(crate) fn new(commands: usize, bytes: usize) -> Self {
        let commands = commands.max(1);
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
    fn share(self, requests: &Requests) -> usize {
        let least = self.least.saturating_mul(requests.len()).min(self.bytes);
        requests.encoded_len().clamp(least, self.bytes)
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
/// The inbox itself has no bound, for the driver must see every call to keep its deadline. What is bounded is
/// the room that calls take, and each must have its share before it is put in.
#[derive(Clone, Debug)]
pub(crate) struct Mailbox(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    inbox: Arc<Inbox>,
    /// Beside the calls, so that a client that is being closed can be told to hurry.
    closes: mpsc::UnboundedSender<Close>,
    budget: Budget,
    /// Why the driver ended, when it was not asked to.
    ended: Arc<OnceLock<Failure>>,
    status: Arc<Status>,
    /// Whom the client talks to, for traces.
    peer: Box<str>,
    tasks: Tasks,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.inbox.close();
    }
}

impl Mailbox {
    pub(super) fn new(
        budget: Budget,
        peer: &str,
        tasks: &Tasks,
    ) -> (Self, mpsc::UnboundedReceiver<Close>) {
        let (closes, closing) = mpsc::unbounded_channel();
        let mailbox = Self(Arc::new(Inner {
            inbox: Arc::new(Inbox::new(budget.bytes)),
            closes,
            budget,
            ended: Arc::default(),
            status: Arc::new(Status::new()),
            peer: peer.into(),
            tasks: tasks.clone(),
        }));
        (mailbox, closing)
    }

    /// Where the driver takes calls from. Not the mailbox itself: the driver would keep itself alive.
    pub(super) fn inbox(&self) -> Arc<Inbox> {
        Arc::clone(&self.0.inbox)
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
        self.0.budget.bytes.saturating_sub(self.0.inbox.free())
    }

    /// Puts requests in, if there is room for them now. Their time runs from here.
    #[inline]
    pub(crate) fn post(
        &self,
        requests: Requests,
        caller: ReplySlot,
        timing: Timing,
        retry: Retry,
        alone: bool,
    ) -> Posted {
        self.0.inbox.post(Letter {
            size: self.0.budget.share(&requests),
            body: Box::new(Body {
                grows: timing.grows,
                blocks: timing.blocks,
                ..Body::new(requests, caller, retry, alone)
            }),
            due: Due::After(timing.timeout),
        })
    }

    /// Waits for room for a letter that found none, until its time is up, and puts it in. Served in order.
    pub(crate) async fn post_later(self, mut letter: Letter) -> Result<(), Failure> {
        if !self.0.budget.waits {
            return Err(Failure::Full);
        }
        let deadline = match letter.due {
            Due::After(timeout) => deadline_in(timeout),
            Due::At(deadline) => deadline,
        };
        letter.due = Due::At(deadline);
        let mut place = Arc::clone(&self.0.inbox).line_up(letter.size);
        let placed = {
            let _context = self.0.tasks.timers();
            timeout_at(Instant::from_std(deadline), &mut place)
        };
        match placed.await {
            Ok(true) if place.post(letter) => Ok(()),
            Ok(_) => Err(self.why_ended()),
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
    ) -> Result<Promised<Answers>, Failure> {
        let (caller, answers) = ReplySlot::unit(requests.len());
        match self.post(requests, caller, timing, retry, false) {
            Posted::Done => {}
            Posted::Full(letter) => self.clone().post_later(letter).await?,
            Posted::Closed => return Err(self.why_ended()),
        }
        Ok(answers)
    }

    /// Ends the driver once all earlier calls are answered, or given up at some time. Ready when it has.
    pub(crate) fn close(&self, by: Option<std::time::Instant>) -> impl Future<Output = ()> + use<> {
        let (done, closed) = oneshot::channel();
        // An error says that it is gone already.
        let sent = self.0.closes.send(Close { by, done });
        async move {
            if sent.is_ok() {
                let _gone = closed.await;
            }
        }
    }

    /// Ends the driver at once. What is in flight fails, for it may have run; but when a reply to a command that writes is owed, the
    /// driver waits for that.
    pub(crate) fn abort(&self) {
        self.0.inbox.abort();
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
        if self.0.inbox.is_open() {
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

/// The moment at which a timeout is over that begins now.
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
