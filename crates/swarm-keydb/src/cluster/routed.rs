//! A call that the machine routes: what was sent, who waits, and what its results prove.

use std::fmt;
use std::sync::Arc;

use swarm_resp::{ArgSink, Frame, Request, RequestBatch, ServerError};
use swarm_transport::facts::{Access, Order, facts};

use super::machine::{Payload, Ticket, Unrun, Why};
use super::refusal::Refusal;
use super::router::Router;
use crate::failure::{Failure, Late, Wait};
use crate::request_reply::{Answers, Intercept, ReplyChannel, Requests, Retry, Wake};
use crate::server::ServerProfile;

/// A call on its way to one node after the other.
pub(super) struct Routed {
    router: Arc<Router>,
    /// `None` before the call is submitted, and once the machine knows of its end.
    pub(super) ticket: Option<Ticket>,
    pub(super) requests: Requests,
    pub(super) retry: Retry,
    caller: Caller,
    /// Whether the reply to ASKING comes first.
    asking: bool,
    /// Whether a lost connection may have run it; it only reads, or may be sent again.
    may_have_run: bool,
    /// Why it was refused last.
    refusal: Option<ServerError>,
}

/// Receives the results.
enum Caller {
    One(ReplyChannel<Result<Frame, Failure>>),
    /// A transaction, from MULTI to EXEC.
    Batch(ReplyChannel<Answers>, Answers),
    /// The call has ended.
    Gone,
}

/// What the results of a call mean.
enum Verdict {
    Ends,
    Again(Unrun, Option<ServerError>),
}

impl Routed {
    pub(super) fn one(
        router: &Arc<Router>,
        requests: Requests,
        retry: Retry,
        caller: ReplyChannel<Result<Frame, Failure>>,
    ) -> Box<Self> {
        Self::new(router, requests, retry, Caller::One(caller))
    }

    pub(super) fn transaction(
        router: &Arc<Router>,
        requests: Requests,
        caller: ReplyChannel<Answers>,
    ) -> Box<Self> {
        let answers = Answers::with_room_for(requests.len());
        Self::new(
            router,
            requests,
            Retry::Never,
            Caller::Batch(caller, answers),
        )
    }

    /// A call whose caller has left.
    pub(super) fn gone(router: &Arc<Router>, requests: Requests) -> Box<Self> {
        Self::new(router, requests, Retry::Never, Caller::Gone)
    }

    fn new(router: &Arc<Router>, requests: Requests, retry: Retry, caller: Caller) -> Box<Self> {
        Box::new(Self {
            router: Arc::clone(router),
            ticket: None,
            requests,
            retry,
            caller,
            asking: false,
            may_have_run: false,
            refusal: None,
        })
    }

    /// Returns the requests to send, behind ASKING if the ticket says so.
    pub(super) fn start(&mut self, ticket: Ticket) -> Requests {
        self.asking = ticket.asking;
        self.ticket = Some(ticket);
        if let Caller::Batch(_, answers) = &mut self.caller {
            answers.replies.clear();
        }
        if !ticket.asking {
            return self.requests.clone();
        }
        behind_asking(&self.requests)
    }

    /// Decides what the last result means. Only an error of the server that proves that nothing has
    /// run makes the client send the call again, and a lost read.
    fn verdict(&self, result: &Result<Frame, Failure>) -> Verdict {
        let Some(ticket) = self.ticket.filter(|_| !Payload::is_gone(self)) else {
            return Verdict::Ends;
        };
        let Err(failure) = result else {
            return Verdict::Ends;
        };
        match failure {
            Failure::Server(error) => match self.refusal_of(error, &ticket) {
                Some((refusal, error)) => Verdict::Again(Unrun::Refused(refusal), Some(error)),
                None => Verdict::Ends,
            },
            Failure::Closed { sent: false } => Verdict::Again(Unrun::Returned, None),
            Failure::Closed { sent: true } | Failure::Lost { sent: true, .. }
                if self.retry.is_allowed(self.router.retry_policy()) =>
            {
                Verdict::Again(Unrun::Returned, None)
            }
            _ => Verdict::Ends,
        }
    }

    /// Returns why nothing has run, according to the last error.
    fn refusal_of(&self, error: &ServerError, ticket: &Ticket) -> Option<(Refusal, ServerError)> {
        let node = self.router.announced(ticket.node)?;
        let refusal = |error: &ServerError| {
            let refusal = Refusal::of(error, &node)?;
            let is_ours = match &refusal {
                Refusal::Moved(slot, _) | Refusal::Ask(slot, _) => *slot == ticket.slot,
                Refusal::TryAgain | Refusal::Unavailable => true,
            };
            is_ours.then(|| (refusal, error.clone()))
        };
        let Caller::Batch(_, answers) = &self.caller else {
            return refusal(error);
        };
        // If MULTI was rejected, the commands behind it were not part of a transaction.
        if !matches!(answers.replies.first(), Some(Ok(_))) {
            return None;
        }
        if error.code() != "EXECABORT" {
            return refusal(error);
        }
        // The server has rejected a command when it was queued, and so all of them.
        let rejected = answers.replies.iter().filter_map(|reply| match reply {
            Err(Failure::Server(error)) => Some(error),
            _ => None,
        });
        rejected.map(refusal).next().flatten()
    }

    /// Whether the order of two calls of a slot matters: they name a common key, and one writes.
    pub(super) fn conflicts(&self, other: &Self) -> bool {
        let (these, writes) = names(&self.requests);
        let (those, write) = names(&other.requests);
        // A call whose keys are not known could name any.
        (writes || write)
            && (these.is_empty()
                || those.is_empty()
                || these.iter().any(|name| those.contains(name)))
    }

    /// Ends the call with a result.
    fn end(mut self: Box<Self>, result: Result<Frame, Failure>) -> Wake {
        if let Some(ticket) = self.ticket.take() {
            let ran = match &result {
                Ok(_) => true,
                Err(failure) => failure_may_follow_a_run(failure),
            };
            let is_late = matches!(&result, Err(Failure::Timeout(late)) if late.sent);
            self.router.ended(&ticket, &self, ran, is_late);
        }
        let result = match result {
            Err(failure) if self.may_have_run => Err(failure.after_sending()),
            result => result,
        };
        match std::mem::replace(&mut self.caller, Caller::Gone) {
            Caller::One(caller) => caller.send(result),
            Caller::Batch(caller, mut answers) => {
                answers.replies.push(result);
                caller.send(answers)
            }
            Caller::Gone => Wake::default(),
        }
    }

    /// The machine has given up the call, which is not in flight.
    pub(super) fn fail(mut self: Box<Self>, why: Why) -> Wake {
        self.ticket = None;
        let reason = match why {
            Why::Closed => return self.fail_with(Failure::Closed { sent: false }),
            Why::Late => {
                "not run within the timeout, because the node that owns the slot could not run it"
            }
            Why::Redirects => {
                "redirected too often between the nodes of the cluster; check that they agree \
                 about its slots"
            }
            Why::Overtaken => {
                "not run, because a later command on the same key ran while this one was \
                 redirected; call again if it may run after that"
            }
        };
        let failure = match self.refusal.take() {
            Some(error) => Failure::Unrouted { reason, error },
            None => Failure::Timeout(Arc::new(Late {
                sent: false,
                wait: Wait::Slot,
                ..Late::default()
            })),
        };
        self.fail_with(failure)
    }

    fn fail_with(mut self: Box<Self>, failure: Failure) -> Wake {
        if let Caller::Batch(_, answers) = &mut self.caller {
            answers.replies.clear();
            for _ in 1..self.requests.len() {
                answers.replies.push(Err(Failure::Withheld));
            }
        }
        self.end(Err(failure))
    }
}

/// Returns a batch of ASKING and the requests of a call.
pub(super) fn behind_asking(requests: &Requests) -> Requests {
    let mut batch = RequestBatch::builder();
    batch.push(&mut Request::builder("ASKING"));
    for request in requests.iter() {
        let mut copy = Request::builder("");
        for arg in request.args() {
            ArgSink::arg(&mut copy, arg);
        }
        batch.push(&mut copy);
    }
    let marks = requests.marks().iter().map(|(at, marks)| (at + 1, *marks));
    Requests::batch(batch.build(), marks.collect())
}

/// Whether a command that ended with this failure may have run.
const fn failure_may_follow_a_run(failure: &Failure) -> bool {
    match failure {
        Failure::Timeout(_) | Failure::Server(_) | Failure::Scripted(_) => true,
        Failure::Lost { sent, .. } | Failure::Auth { sent, .. } | Failure::Closed { sent } => *sent,
        Failure::OnlyFallback { .. }
        | Failure::Refused(_)
        | Failure::Unsupported(_)
        | Failure::Full(_)
        | Failure::Unrouted { .. }
        | Failure::Withheld => false,
    }
}

impl Intercept for Routed {
    fn is_gone(&self) -> bool {
        Payload::is_gone(self)
    }

    fn sending(&mut self, server: ServerProfile) {
        if let Caller::Batch(_, answers) = &mut self.caller {
            answers.server = server;
        }
    }

    fn progress(&mut self, result: Result<Frame, Failure>) {
        if std::mem::take(&mut self.asking) {
            return;
        }
        if let Caller::Batch(_, answers) = &mut self.caller {
            answers.replies.push(result);
        }
    }

    fn complete(mut self: Box<Self>, result: Result<Frame, Failure>) -> Wake {
        match self.verdict(&result) {
            Verdict::Ends => self.end(result),
            Verdict::Again(why, error) => {
                self.may_have_run |= matches!(
                    result,
                    Err(Failure::Lost { sent: true, .. } | Failure::Closed { sent: true })
                );
                self.refusal = error.or(self.refusal.take());
                let router = Arc::clone(&self.router);
                router.again(self, why);
                Wake::default()
            }
        }
    }
}

impl Payload for Box<Routed> {
    fn is_gone(&self) -> bool {
        Payload::is_gone(&**self)
    }
}

impl Payload for Routed {
    fn is_gone(&self) -> bool {
        match &self.caller {
            Caller::One(caller) => caller.is_closed(),
            Caller::Batch(caller, _) => caller.is_closed(),
            Caller::Gone => true,
        }
    }
}

/// Returns the names that decide about the order of a call, and whether it may write.
fn names(requests: &Requests) -> (Vec<&[u8]>, bool) {
    let mut names = Vec::new();
    let mut writes = false;
    for request in requests.iter() {
        let args = request.args();
        let facts = facts(&args);
        writes |= facts.access != Access::Read || facts.script;
        let keys = facts.keys(&args);
        let is_channel = facts.order(&args) == Order::Channel;
        let is_name = |at: usize| keys.contains(at) || (is_channel && at == 1);
        names.extend(
            args.enumerate()
                .filter(|(at, _)| is_name(*at))
                .map(|(_, name)| name),
        );
    }
    (names, writes)
}

impl Drop for Routed {
    /// A call whose caller has left may be dropped without a result.
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.router.dropped(ticket, self.requests.clone());
        }
    }
}

impl fmt::Debug for Routed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routed")
            .field("ticket", &self.ticket)
            .finish_non_exhaustive()
    }
}
