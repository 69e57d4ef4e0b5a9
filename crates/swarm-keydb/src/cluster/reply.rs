//! Future of a command's reply.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use swarm_resp::Frame;

use super::call::Progress;
use super::handle::Handle;
use super::plan::Plan;
use crate::client::Running;
use crate::command::{Command, Decode};
use crate::commands::{Use, vet};
use crate::error::{Error, Result};
use crate::request_reply::Retry;

/// Future of a command's reply.
///
/// The client sends the command when the future is first polled. The future resolves within the
/// request timeout, which covers all waiting: for a connection, for redirects, and for the reply. A
/// blocking command may take as long as it may block, and a little longer.
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
    running: Running,
    /// Keeps the client open until the reply arrives.
    client: Option<Arc<Handle>>,
}

enum State {
    Refused(Error),
    Created(Box<Plan>),
    Waiting(Progress),
    Done,
}

impl<R> Reply<R> {
    pub(super) fn new(client: &Arc<Handle>, mut command: Command<R>) -> Self {
        vet(&mut command, Use::Shared);
        let planned = match command.take_rejection() {
            Some(error) => Err(error),
            None => Plan::new(&client.router, &mut command.builder).map(|mut plan| {
                plan.from_replica = client.router.may_read(&plan.requests);
                plan
            }),
        };
        let state = match planned {
            Ok(plan) => State::Created(Box::new(plan)),
            Err(error) => State::Refused(error.for_command(command.builder.name.clone())),
        };
        Self {
            name: command.builder.name,
            decode: command.decode,
            state,
            running: Running::default(),
            client: Some(Arc::clone(client)),
        }
    }

    /// Sets the timeout of this command, instead of the client's `request_timeout`. It includes the
    /// time that a blocking command blocks.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        if let State::Created(plan) = &mut self.state {
            (plan.timeout, plan.is_explicit) = (timeout, true);
        }
        self
    }

    /// Marks this command as safe to retry: the client may resend it even if it may have run, to
    /// another node, too, whatever the retry policy. Use it for commands that you know to be
    /// idempotent.
    pub fn retry_safe(mut self) -> Self {
        if let State::Created(plan) = &mut self.state {
            plan.retry = Retry::Always;
        }
        self
    }

    /// Disables retries of this command, even if it is read-only. Redirects are followed: they
    /// prove that the command did not run.
    pub fn no_retry(mut self) -> Self {
        if let State::Created(plan) = &mut self.state {
            plan.retry = Retry::Never;
        }
        self
    }

    fn finish(&mut self, result: Result<Frame>) -> Poll<Result<R>> {
        self.state = State::Done;
        self.client = None;
        let read = result.and_then(|frame| self.decode.read(frame).map_err(Error::convert));
        let read = read.map_err(|error| error.for_command(self.name.clone()));
        self.running.finish(read.as_ref().err());
        Poll::Ready(read)
    }
}

impl<R> Future for Reply<R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<R>> {
        let this = &mut *self;
        loop {
            if let State::Waiting(progress) = &mut this.state {
                let result = ready!(Pin::new(progress).poll(cx));
                return this.finish(result);
            }
            match std::mem::replace(&mut this.state, State::Done) {
                State::Created(plan) => {
                    if Running::is_watched(plan.router.options().client()) {
                        this.running = plan.router.start_running(&this.name, &plan.target);
                    }
                    match plan.start(Some(cx.waker().clone())) {
                        Ok(Progress::Reply(reply)) => {
                            // The reply slot already holds this task's waker.
                            this.state = State::Waiting(Progress::Reply(reply));
                            return Poll::Pending;
                        }
                        Ok(progress) => this.state = State::Waiting(progress),
                        Err(error) => return this.finish(Err(error)),
                    }
                }
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

impl<R> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({})", self.name)
    }
}
