//! A call: requests, and the caller that awaits the replies. Boxed once, so that it moves from
//! queue to queue by its pointer.

use std::sync::Arc;
use std::time::Duration;

use swarm_resp::Frame;
use swarm_transport::TransportError;

use super::Failure;
use super::pace::Pace;
use super::requests::Requests;
use crate::effect::Effect;
use crate::options::RetryPolicy;
use crate::runtime::Instant;
use crate::server::ServerProfile;

/// Receives the replies to a call.
pub(crate) trait Caller {
    /// Capacity of the queue that a call takes until its replies have arrived or never will.
    type Permit;

    /// Wakes the caller when it is dropped.
    type Wake;

    /// Tells a pool of connections, when it is dropped, that the server owes nothing for the call.
    type Ticket;

    /// Whether the caller no longer waits.
    fn is_gone(&self) -> bool;

    /// A call is about to be sent over a connection.
    fn sent(_ticket: &mut Self::Ticket) {}

    /// The connection over which a call was sent is lost.
    fn lost(_ticket: &mut Self::Ticket) {}

    /// A call that has timed out need not stay in order with others any more, although its reply is
    /// still owed. `only_reads`: nobody will learn what. Otherwise, its connection is silent.
    fn freed(_ticket: &mut Self::Ticket, _only_reads: bool) {}

    /// Whether [`freed`](Self::freed) has told so.
    fn is_freed(_ticket: &Self::Ticket) -> bool {
        true
    }

    /// A call whose timeout starts when it is sent is about to be sent. Returns false if the caller
    /// no longer waits.
    fn start(&mut self) -> bool {
        !self.is_gone()
    }

    /// A batch is about to be sent to this server.
    fn sending(&mut self, server: ServerProfile);

    /// Takes the result of one request of a batch, in order. More results follow.
    fn progress(&mut self, result: Result<Frame, Failure>);

    /// Takes the only or the last result.
    fn complete(self, result: Result<Frame, Failure>) -> Self::Wake;
}

/// Whether a call that may have run may be resent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The caller marked the command as safe to retry.
    Always,
    /// The command is read-only.
    ReadOnly,
    /// The command is idempotent, unless other clients write the same keys in between.
    Idempotent,
    /// The command must not run twice.
    Never,
}

impl Retry {
    /// Whether a policy allows resending the call.
    pub(crate) const fn is_allowed(self, policy: RetryPolicy) -> bool {
        match self {
            Self::Always => true,
            Self::ReadOnly => !matches!(policy, RetryPolicy::Never),
            Self::Idempotent => matches!(policy, RetryPolicy::Idempotent),
            Self::Never => false,
        }
    }

    /// Returns the stricter of two.
    pub(crate) const fn stricter(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Idempotent, _) | (_, Self::Idempotent) => Self::Idempotent,
            (Self::ReadOnly, _) | (_, Self::ReadOnly) => Self::ReadOnly,
            (Self::Always, Self::Always) => Self::Always,
        }
    }
}

/// When a caller stops waiting.
#[derive(Debug, Clone, Copy)]
enum Due {
    /// This long after the connection's task takes the call, so that the task reads the clock once
    /// per batch.
    After(Duration),
    /// This long after the call is sent. Until then, the caller decides how long it waits.
    AfterSending(Duration),
    /// `millis` is the time from the start of the timeout to the deadline. Fits beside the instant
    /// without making the call larger.
    At { deadline: Instant, millis: u32 },
}

/// Returns a duration in milliseconds, rounded up.
#[inline]
fn millis(duration: Duration) -> u32 {
    let millis = duration.subsec_nanos().div_ceil(1_000_000);
    let seconds = u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    seconds.saturating_mul(1000).saturating_add(millis)
}

/// One request or a batch, and the caller that awaits the replies.
pub(crate) struct Call<C: Caller> {
    pub(crate) requests: Requests,
    /// `None` before the call is awaited, and in a tombstone: a call whose caller was answered
    /// before the server replied.
    pub(super) caller: Option<C>,
    /// Set when the connection's task takes the call. A tombstone keeps its permit, so that
    /// tombstones cannot pile up on a server that never replies.
    permit: Option<C::Permit>,
    pub(crate) retry: Retry,
    /// Whether no other call may be in flight with this one: the gateway answers some commands out
    /// of order.
    pub(super) alone: bool,
    /// Whether the server may delay the reply until there is something to return.
    pub(super) blocks: bool,
    /// Whether the timeout is the default, which grows with the number of keys that are written.
    pub(super) grows: bool,
    due: Due,
    /// Number of requests that were answered.
    answered: u32,
    /// Number of requests that were sent over earlier connections.
    sent_before: u32,
    /// How many times the call was sent.
    pub(super) attempts: u8,
    /// What only calls to a server that needs time for each key carry.
    pub(super) slow: Option<Box<Slow<C::Ticket>>>,
}

/// What only calls to a slow server carry. Boxed, because a call must stay small.
pub(super) struct Slow<T> {
    pace: Option<Pace>,
    pub(super) ticket: Option<T>,
}

impl<C: Caller> Call<C> {
    /// Creates a call that was never sent.
    #[inline]
    pub(crate) const fn new(requests: Requests, retry: Retry, alone: bool) -> Self {
        Self {
            requests,
            caller: None,
            permit: None,
            retry,
            alone,
            blocks: false,
            grows: false,
            due: Due::After(Duration::ZERO),
            answered: 0,
            sent_before: 0,
            attempts: 0,
            slow: None,
        }
    }

    /// Sets the caller and how long it waits.
    #[inline]
    pub(crate) fn awaited_by(&mut self, caller: C, timing: Timing) {
        let Timing {
            timeout,
            grows,
            blocks,
        } = timing;
        self.caller = Some(caller);
        (self.due, self.grows, self.blocks) = (Due::After(timeout), grows, blocks);
    }

    /// Makes the timeout start when the call is sent.
    pub(crate) const fn start_timeout_when_sent(&mut self) {
        if let Due::After(timeout) = self.due {
            self.due = Due::AfterSending(timeout);
        }
    }

    /// Starts the timeout, if it has not started.
    #[inline]
    pub(crate) fn start_timeout(&mut self, now: Instant) -> Instant {
        match self.due {
            Due::After(timeout) | Due::AfterSending(timeout) => {
                let deadline = deadline(now, timeout);
                let millis = millis(timeout);
                self.due = Due::At { deadline, millis };
                deadline
            }
            Due::At { deadline, .. } => deadline,
        }
    }

    /// Returns the time from the start of the timeout to its end.
    pub(super) fn timeout(&self) -> Duration {
        match self.due {
            Due::After(timeout) | Due::AfterSending(timeout) => timeout,
            Due::At { millis, .. } => Duration::from_millis(millis.into()),
        }
    }

    /// Whether the timeout starts when the call is sent.
    #[inline]
    pub(super) const fn starts_when_sent(&self) -> bool {
        matches!(self.due, Due::AfterSending(_))
    }

    /// The call is about to be sent: starts a timeout that starts then, and notes the deadline in
    /// `earliest`. Returns false if the caller has withdrawn the call.
    #[inline]
    pub(super) fn start(&mut self, now: Instant, earliest: &mut Option<Instant>) -> bool {
        !self.starts_when_sent() || self.start_now(now, earliest)
    }

    #[cold]
    fn start_now(&mut self, now: Instant, earliest: &mut Option<Instant>) -> bool {
        if !self.caller.as_mut().is_some_and(C::start) {
            return false;
        }
        if let Some(pace) = self.pace_mut() {
            pace.start(now);
        }
        *earliest = earlier(*earliest, Some(self.start_timeout(now)));
        true
    }

    /// Returns the time that is left at `now`.
    pub(super) fn time_left(&self, now: Instant) -> Duration {
        match self.due {
            Due::After(timeout) | Due::AfterSending(timeout) => timeout,
            Due::At { deadline, .. } => deadline.saturating_duration_since(now),
        }
    }

    /// What the call adds to the deadlines of later calls.
    #[inline]
    pub(super) fn pace(&self) -> Option<&Pace> {
        self.slow.as_ref()?.pace.as_ref()
    }

    #[inline]
    pub(super) fn pace_mut(&mut self) -> Option<&mut Pace> {
        self.slow.as_mut()?.pace.as_mut()
    }

    pub(super) fn set_pace(&mut self, pace: Pace) {
        self.slow_mut().pace = Some(pace);
    }

    #[inline]
    pub(in crate::request_reply) fn has_ticket(&self) -> bool {
        (self.slow.as_ref()).is_some_and(|slow| slow.ticket.is_some())
    }

    pub(super) fn slow_mut(&mut self) -> &mut Slow<C::Ticket> {
        self.slow.get_or_insert_with(|| {
            Box::new(Slow {
                pace: None,
                ticket: None,
            })
        })
    }

    /// Returns the number of requests that were answered.
    #[inline]
    pub(super) const fn answered(&self) -> usize {
        self.answered as usize
    }

    /// Counts a reply that is not the last.
    #[inline]
    pub(super) const fn count_reply(&mut self) {
        self.answered = self.answered.saturating_add(1);
    }

    /// Returns the end of the timeout, once it has started.
    #[inline]
    pub(in crate::request_reply) const fn deadline(&self) -> Option<Instant> {
        match self.due {
            Due::After(_) | Due::AfterSending(_) => None,
            Due::At { deadline, .. } => Some(deadline),
        }
    }

    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        let millis = match self.due {
            Due::After(timeout) | Due::AfterSending(timeout) => millis(timeout),
            Due::At {
                deadline: earlier,
                millis: timeout,
            } => timeout.saturating_add(millis(deadline.saturating_duration_since(earlier))),
        };
        self.due = Due::At { deadline, millis };
    }

    /// The connection's task takes the call. A call that comes from a pool keeps its permit.
    #[inline]
    pub(super) fn take(&mut self, permit: C::Permit, now: Instant) {
        if self.permit.is_none() {
            self.permit = Some(permit);
        }
        if !self.starts_when_sent() {
            self.start_timeout(now);
        }
    }

    /// Returns the permit. The call is about to be answered, and a caller that has its reply must
    /// find that nothing is pending.
    #[inline]
    pub(super) fn return_permit(&mut self) {
        self.permit = None;
    }

    /// Whether a request writes, or may write.
    pub(in crate::request_reply) fn writes(&self) -> bool {
        let mut requests = self.requests.iter();
        requests.any(|request| Effect::of(&request.args()).is_write())
    }

    /// Whether no other call may be in flight on its connection.
    pub(in crate::request_reply) const fn is_alone(&self) -> bool {
        self.alone
    }

    /// Whether a caller waits.
    #[inline]
    pub(in crate::request_reply) fn is_awaited(&self) -> bool {
        (self.caller.as_ref()).is_some_and(|caller| !caller.is_gone())
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// Fails every request that was not answered, and leaves a tombstone. `why` returns the failure
    /// by position.
    pub(super) fn fail(&mut self, why: impl Fn(usize) -> Failure) {
        let Some(mut caller) = self.caller.take() else {
            return;
        };
        let last = self.requests.len().saturating_sub(1);
        for position in self.answered()..last {
            caller.progress(Err(why(position)));
        }
        drop(caller.complete(Err(why(last))));
    }

    /// Fails a call that has not been sent.
    pub(in crate::request_reply) fn fail_waiting(&mut self, failure: &Failure) {
        self.fail_unsent(|_| failure.clone());
    }

    /// Like [`fail`](Self::fail), for a waiting call. Requests that were sent over an earlier
    /// connection may have run, whatever the reason for not resending the call.
    pub(super) fn fail_unsent(&mut self, why: impl Fn(usize) -> Failure) {
        let sent = self.sent_before as usize;
        self.return_permit();
        self.fail(|position| match why(position) {
            failure if position < sent => failure.after_sending(),
            failure => failure,
        });
    }

    /// Like [`fail_unsent`](Self::fail_unsent), for a call that the connection to the server at
    /// `address` cannot carry.
    pub(super) fn fail_refused(
        &mut self,
        address: Option<&Arc<str>>,
        why: impl Fn(usize) -> Failure,
    ) {
        let sent = self.sent_before as usize;
        self.return_permit();
        self.fail(|position| match why(position) {
            failure if position < sent => failure.after_sending().at(address),
            failure => failure,
        });
    }

    /// Like [`fail`](Self::fail), for a call whose connection is lost.
    pub(super) fn fail_lost(&mut self, loss: ConnectionLoss<'_>) {
        let sent = self.sent_before as usize;
        let waited = self.timeout().saturating_sub(self.time_left(loss.at));
        self.return_permit();
        self.fail(|position| Failure::Lost {
            sent: position < sent,
            address: loss.address.cloned(),
            waited: Some(waited),
            error: Arc::clone(loss.error),
        });
    }

    /// Whether a write is pending, apart from the next `held` requests. A command that blocks does
    /// not count: the server must not continue to block for a caller that has given up.
    pub(super) fn has_pending_write(&self, held: usize) -> bool {
        !self.blocks && {
            let answered = self.answered().saturating_add(held);
            let mut pending = self.requests.iter().skip(answered);
            pending.any(|request| Effect::of(&request.args()).is_write())
        }
    }

    /// All requests but the last `unsent` were sent.
    pub(super) fn note_sent(&mut self, unsent: usize) {
        let sent = self.requests.len().saturating_sub(unsent);
        let sent = u32::try_from(sent).unwrap_or(u32::MAX);
        self.sent_before = self.sent_before.max(sent);
    }
}

/// The loss of a connection.
#[derive(Clone, Copy)]
pub(super) struct ConnectionLoss<'a> {
    pub(super) at: Instant,
    /// Address of the server, without secrets.
    pub(super) address: Option<&'a Arc<str>>,
    pub(super) error: &'a Arc<TransportError>,
}

/// How long a call may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) timeout: Duration,
    /// Whether the timeout is the default, which grows with the number of keys that are written.
    pub(crate) grows: bool,
    /// Whether the server may delay the reply until there is something to return.
    pub(crate) blocks: bool,
}

/// Returns the deadline of a timeout that starts at `now`.
pub(crate) fn deadline(now: Instant, timeout: Duration) -> Instant {
    // A timeout that the clock cannot represent becomes a year.
    let year = Duration::from_secs(365 * 24 * 3600);
    now.checked_add(timeout).unwrap_or(now + year)
}

/// Returns the earlier of two deadlines.
#[inline]
pub(in crate::request_reply) fn earlier(
    one: Option<Instant>,
    other: Option<Instant>,
) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
