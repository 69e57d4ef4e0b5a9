//! A command on its way: sends it, and awaits what it needs.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use swarm_resp::{Frame, RequestArgs};
use swarm_transport::facts::{Access, facts};

use super::blocking::run_blocking;
use super::join::join_all;
use super::joined::{Part, join};
use super::machine::NodeId;
use super::plan::Plan;
use super::router::{Enqueueing, Submitted, one, only, timing};
use super::slot::slot_of;
use super::target::Target;
use crate::command::Blocking;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::{Marks, ReplyReceiver, Requests};

/// What the future of a command waits for.
pub(super) enum Progress {
    /// The reply to a call.
    Reply(ReplyReceiver),
    /// Capacity in the queue of a node.
    Enqueueing(Enqueueing, ReplyReceiver),
    /// Several calls.
    Several(Pin<Box<dyn Future<Output = Result<Frame>> + Send>>),
}

impl Plan {
    /// Sends the command.
    pub(super) fn start(self, waiter: Option<Waker>) -> Result<Progress, Error> {
        match &self.target {
            Target::Slot(slot) if self.blocking == Blocking::No => {
                let slot = *slot;
                if self.from_replica {
                    let read = (self.router).read(slot, self.requests, self.retry, self.timeout);
                    return Ok(Progress::Several(Box::pin(read)));
                }
                let (routed, reply) = one(&self.router, self.requests, self.retry, waiter);
                let submitted = self.router.submit(slot, routed, self.timeout);
                match submitted.map_err(Error::from_failure)? {
                    Submitted::Waiting => Ok(Progress::Reply(reply)),
                    Submitted::Enqueueing(enqueueing) => {
                        Ok(Progress::Enqueueing(enqueueing, reply))
                    }
                }
            }
            Target::Slot(_) => Ok(Progress::Several(Box::pin(run_blocking(self)))),
            Target::Split(_) if self.blocking == Blocking::No => self.start_split(),
            Target::Split(_) => Err(Error::argument(
                "a blocking command needs keys of one slot; give them a common hash tag",
            )),
            Target::Any => Ok(Progress::Several(Box::pin(self.run_anywhere()))),
            Target::Every(..) => Ok(Progress::Several(Box::pin(self.run_everywhere()))),
        }
    }

    /// Sends the parts of a command, in the order of their slots, within one poll.
    fn start_split(self) -> Result<Progress> {
        let Target::Split(split) = &self.target else {
            return Err(Error::closed());
        };
        let Some(request) = self.requests.get(0) else {
            return Err(Error::closed());
        };
        let writes = writes(&request.args());
        let reads = self.from_replica;
        let mut parts = Vec::with_capacity(split.slots.len());
        for (slot, keys) in &split.slots {
            let marks = self
                .requests
                .marks()
                .first()
                .map_or(Marks::NONE, |(_, marks)| *marks);
            let requests = Requests::one(split.part(request, keys), marks);
            if reads {
                let read = (self.router).read(*slot, requests, self.retry, self.timeout);
                parts.push((keys.clone(), Ok(Progress::Several(Box::pin(read)))));
                continue;
            }
            let (routed, reply) = one(&self.router, requests, self.retry, None);
            let submitted = self.router.submit(*slot, routed, self.timeout);
            let progress = submitted.map(|submitted| match submitted {
                Submitted::Waiting => Progress::Reply(reply),
                Submitted::Enqueueing(enqueueing) => Progress::Enqueueing(enqueueing, reply),
            });
            parts.push((keys.clone(), progress.map_err(Error::from_failure)));
        }
        let (name, how) = (self.name, split.join);
        Ok(Progress::Several(Box::pin(async move {
            let parts = parts.into_iter().map(|(keys, progress)| {
                let name = name.clone();
                async move {
                    let result = match progress {
                        Ok(progress) => progress.await,
                        Err(error) => Err(error),
                    };
                    (keys, result.map_err(|error| error.for_command(name)))
                }
            });
            join(how, join_all(parts.collect()).await, writes)
        })))
    }

    /// Runs a command without keys on a node that is connected, if there is one.
    async fn run_anywhere(self) -> Result<Frame> {
        if self.blocking != Blocking::No {
            return Err(Error::argument(
                "a blocking command without keys concerns one node; send it with \
                 client.node(address)",
            ));
        }
        let usual = self.usual_node();
        let node = usual.or_else(|| self.router.any_primary());
        self.run_on(node.ok_or_else(Error::closed)?, self.timeout)
            .await
    }

    /// Returns the node that messages of a channel are published at, so that they stay in order:
    /// the connected one that owns the slot of its name.
    fn usual_node(&self) -> Option<NodeId> {
        let request = self.requests.get(0)?;
        let mut args = request.args();
        if !args.next()?.eq_ignore_ascii_case(b"PUBLISH") {
            return None;
        }
        let slot = slot_of(args.next()?);
        self.router.look(|machine| {
            let owner = machine.owner(slot)?;
            machine.is_up(owner).then_some(owner)
        })
    }

    /// Runs a command without keys on every node of a scope.
    async fn run_everywhere(self) -> Result<Frame> {
        let Target::Every(scope, how) = self.target else {
            return Err(Error::closed());
        };
        let writes = self
            .requests
            .get(0)
            .is_some_and(|request| writes(&request.args()));
        let nodes = self.router.nodes(scope);
        let plan = &self;
        let parts = nodes.into_iter().map(|node| async move {
            let result = plan.run_on(node, plan.timeout).await;
            (
                Vec::new(),
                result.map_err(|error| error.for_command(plan.name.clone())),
            )
        });
        let parts: Vec<Part> = join_all(parts.collect()).await;
        join(how, parts, writes)
    }

    async fn run_on(&self, node: NodeId, timeout: Duration) -> Result<Frame> {
        let client = self.router.client(node).ok_or_else(Error::closed)?;
        let answers =
            client
                .connection()
                .call_batch(self.requests.clone(), timing(timeout), self.retry);
        only(answers.await).map_err(Error::from_failure)
    }
}

fn writes(args: &RequestArgs<'_>) -> bool {
    facts(args).access != Access::Read
}

impl Future for Progress {
    type Output = Result<Frame>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Frame>> {
        let this = &mut *self;
        if let Self::Enqueueing(enqueueing, _) = this {
            if let Err(failure) = ready!(enqueueing.as_mut().poll(cx)) {
                return Poll::Ready(Err(Error::from_failure(failure)));
            }
            let done: Self = Self::Several(Box::pin(std::future::pending()));
            if let Self::Enqueueing(_, reply) = std::mem::replace(this, done) {
                *this = Self::Reply(reply);
            }
        }
        match this {
            Self::Reply(reply) => {
                let result = ready!(Pin::new(reply).poll(cx));
                let result = result.unwrap_or_else(|| Err(Failure::runtime_gone(true)));
                Poll::Ready(result.map_err(Error::from_failure))
            }
            Self::Several(future) => future.as_mut().poll(cx),
            Self::Enqueueing(..) => Poll::Pending,
        }
    }
}
