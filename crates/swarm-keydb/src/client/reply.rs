//! Future of a command's reply.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use swarm_resp::Frame;
use tracing::Span;

use super::by_digest::ByDigest;
use super::lease::{BlockingCall, Lease, Leases, TimeLimits, Via};
use super::running::Running;
#[cfg(feature = "cache")]
use crate::command::Blocking;
use crate::command::{Command, Decode};
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::{
    Call, ConnectionHandle, Enqueued, ReplyReceiver, ReplySender, Requests, Retry,
};

/// Future of a command's reply.
///
/// The client sends the command when the future is first polled. The future resolves within the
/// request timeout, which covers all waiting: for capacity in the request queue, for a connection,
/// and for the reply. A blocking command gets a dedicated connection within that time; its reply
/// may then take as long as the command may block, and a little longer.
///
/// # Cancel safety
///
/// Dropping the future never affects other commands. A command that was not sent yet is withdrawn;
/// one that was sent may run.
#[must_use = "a command is sent when its reply is awaited"]
pub struct Reply<R> {
    name: Cow<'static, str>,
    decode: Decode<R>,
    state: State,
    /// The operation for spans and observers, from sending the command to its reply.
    running: Running,
    /// The lease of the connection, if it is leased. Held until the reply arrives.
    lease: Option<Arc<Lease>>,
}

enum State {
    Refused(Error),
    /// The first poll enqueues the call.
    Created(Box<Call<ReplySender>>, Route),
    /// Waits for capacity in the request queue.
    Enqueueing(Enqueueing, ReplyReceiver),
    Waiting(ReplyReceiver),
    /// Runs on a leased connection, or as several calls.
    Running(Pin<Box<dyn Future<Output = Result<Frame>> + Send>>),
    Done,
}

type Enqueueing = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// Where a call goes, and how long it may take.
struct Route {
    connection: ConnectionHandle,
    limits: TimeLimits,
    /// Boxed because few commands have one, and a reply is moved often.
    detour: Option<Box<Detour>>,
}

/// What happens instead of sending a call over the shared connection.
enum Detour {
    /// A blocking command leases a connection from this pool.
    Lease(Arc<Leases>),
    /// A script may be sent by its digest.
    Script(ByDigest),
}

impl<R> Reply<R> {
    pub(super) fn new(
        connection: ConnectionHandle,
        mut command: Command<R>,
        timeout: Duration,
    ) -> Self {
        let state = match command.take_rejection() {
            Some(error) => State::Refused(error),
            None => {
                let request = command.builder.request.build();
                let requests = Requests::one(request, command.builder.marks);
                let call = Call::new(requests, command.builder.retry, command.builder.alone);
                let route = Route {
                    connection,
                    limits: TimeLimits::new(timeout, command.builder.blocking),
                    detour: None,
                };
                State::Created(Box::new(call), route)
            }
        };
        Self {
            name: command.builder.name,
            decode: command.decode,
            state,
            running: Running::default(),
            lease: None,
        }
    }

    /// Keeps a lease until the reply arrives.
    pub(super) fn on(mut self, lease: Arc<Lease>) -> Self {
        self.lease = Some(lease);
        self
    }

    /// Makes the command run on a leased connection.
    pub(super) fn on_leased_connection(mut self, leases: &Arc<Leases>) -> Self {
        if let State::Created(_, route) = &mut self.state {
            route.detour = Some(Box::new(Detour::Lease(Arc::clone(leases))));
        }
        self
    }

    /// Makes the script that the command sends run by its digest, where that is safe.
    pub(super) fn by_digest(mut self, script: ByDigest) -> Self {
        if let State::Created(_, route) = &mut self.state {
            route.detour = Some(Box::new(Detour::Script(script)));
        }
        self
    }

    /// Sets the timeout of this command, instead of the client's `request_timeout`. Unlike the
    /// default, it does not grow with the number of keys, and it includes the time that a blocking
    /// command blocks.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        if let State::Created(_, route) = &mut self.state {
            route.limits = route.limits.with_timeout(timeout);
        }
        self
    }

    /// Marks this command as safe to retry: the client may resend it even if it may have run,
    /// whatever the retry policy. Use it for commands that you know to be idempotent.
    pub fn retry_safe(mut self) -> Self {
        if let State::Created(call, _) = &mut self.state {
            call.retry = Retry::Always;
        }
        self
    }

    /// Disables retries of this command, even if it is read-only.
    pub fn no_retry(mut self) -> Self {
        if let State::Created(call, _) = &mut self.state {
            call.retry = Retry::Never;
        }
        self
    }

    fn finish(&mut self, result: Result<Frame, impl Into<Error>>) -> Poll<Result<R>> {
        self.state = State::Done;
        self.lease = None;
        let read = match result {
            Ok(frame) => self.decode.read(frame).map_err(Error::convert),
            Err(failure) => Err(failure.into()),
        };
        let read = read.map_err(|error| error.for_command(self.name.clone()));
        self.running.finish(read.as_ref().err());
        Poll::Ready(read)
    }
}

#[cfg(feature = "cache")]
impl Reply<Frame> {
    /// Creates the reply to a request that only reads.
    pub(super) fn read_only(
        connection: ConnectionHandle,
        name: Cow<'static, str>,
        requests: Requests,
        timeout: Duration,
    ) -> Self {
        let route = Route {
            connection,
            limits: TimeLimits::new(timeout, Blocking::No),
            detour: None,
        };
        let call = Call::new(requests, Retry::ReadOnly, false);
        Self {
            name,
            decode: Decode::Convert(Ok),
            state: State::Created(Box::new(call), route),
            running: Running::default(),
            lease: None,
        }
    }
}

impl Route {
    /// Enqueues the call, or waits for capacity.
    fn start(self, mut call: Box<Call<ReplySender>>, waiter: &Waker) -> Result<State, Failure> {
        let Self {
            connection,
            limits,
            detour,
        } = self;
        let via = match detour.map(|detour| *detour) {
            Some(Detour::Script(script)) if script.is_usable(&connection) => {
                let script = script.run(connection, call.requests, call.retry, limits);
                return Ok(State::Running(Box::pin(script)));
            }
            Some(Detour::Lease(leases)) => Some(Via::Pool(leases)),
            _ if limits.is_split() => Some(Via::Leased(connection.clone())),
            _ => None,
        };
        if let Some(via) = via {
            connection.check_open()?;
            let call = BlockingCall {
                via,
                requests: call.requests,
                limits,
                retry: call.retry,
            };
            return Ok(State::Running(Box::pin(call.run())));
        }
        let (caller, reply) = ReplySender::one(waiter.clone());
        call.awaited_by(caller, limits.timing());
        match connection.enqueue(call) {
            Enqueued::Done => Ok(State::Waiting(reply)),
            Enqueued::Full(call, size) => {
                let enqueueing = Box::pin(connection.enqueue_when_free(call, size));
                Ok(State::Enqueueing(enqueueing, reply))
            }
            Enqueued::Closed => Err(connection.why_ended()),
        }
    }
}

impl<R> Future for Reply<R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<R>> {
        let this = &mut *self;
        loop {
            match &mut this.state {
                State::Waiting(reply) => {
                    let result = ready!(Pin::new(reply).poll(cx));
                    let result = result.unwrap_or_else(|| Err(Failure::runtime_gone(true)));
                    return this.finish(result);
                }
                State::Running(call) => {
                    let result = ready!(call.as_mut().poll(cx));
                    return this.finish(result);
                }
                State::Enqueueing(enqueueing, _) => {
                    if let Err(failure) = ready!(enqueueing.as_mut().poll(cx)) {
                        return this.finish(Err(failure));
                    }
                }
                State::Created(..) | State::Refused(_) | State::Done => {}
            }
            match std::mem::replace(&mut this.state, State::Done) {
                State::Created(call, route) => {
                    this.running = Running::command(&this.name, &route.connection);
                    match route.start(call, cx.waker()) {
                        Ok(state) => this.state = state,
                        Err(failure) => return this.finish(Err(failure)),
                    }
                    if let State::Waiting(_) = this.state {
                        // The reply slot already holds this task's waker.
                        return Poll::Pending;
                    }
                }
                State::Enqueueing(_, reply) => this.state = State::Waiting(reply),
                State::Refused(error) => return Poll::Ready(Err(error)),
                #[expect(
                    clippy::panic,
                    reason = "polling after completion is a bug of the caller, as for async blocks"
                )]
                _ => panic!("`Reply` polled after completion"),
            }
        }
    }
}

/// A reply that keeps the span of its operation, for spans that link to it.
pub(super) struct Traced<R> {
    reply: Reply<R>,
    span: Span,
}

impl<R> Reply<R> {
    /// Returns the span of the operation, too.
    pub(super) const fn traced(self) -> Traced<R> {
        Traced {
            reply: self,
            span: Span::none(),
        }
    }
}

impl<R> Future for Traced<R> {
    type Output = Result<(R, Span)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let result = Pin::new(&mut this.reply).poll(cx);
        // The first poll of an operation that waits for the server is not its last.
        if this.span.is_none()
            && let Some(span) = this.reply.running.span()
        {
            this.span = span.clone();
        }
        result.map_ok(|reply| (reply, std::mem::replace(&mut this.span, Span::none())))
    }
}

impl<R> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The compiler copies larger values by a call of `memcpy`, which costs a command 2 % more
    /// instructions.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_reply_is_moved_without_a_call() {
        let size = size_of::<Reply<Frame>>();
        assert!(size <= 128, "{size} bytes");
    }
}
