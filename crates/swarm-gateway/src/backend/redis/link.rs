//! A client's connection to Redis: sends commands as they arrive, and takes the replies in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use swarm_resp::{Request, RespVersion};
use swarm_transport::TransportError;
use tokio::sync::oneshot;

use super::conversation::{self, Conversation};
use super::upstream::Address;
use crate::backend::{Called, Client, Forwarded, Link};
use crate::command_name::CommandName;
use crate::outbox::Ending;

/// Number of commands in flight above which no further one is sent.
const MAX_IN_FLIGHT: usize = 1024;

/// A command or greeting that is alone on the connection: its replies are not one, it changes the
/// state of the session, or there is no connection yet.
enum Job {
    Call {
        name: CommandName,
        args: Vec<Bytes>,
    },
    Greet {
        protocol: Option<RespVersion>,
        name: Option<Bytes>,
        /// Receives the connection ID, or the text of the error reply.
        done: oneshot::Sender<Result<u64, String>>,
    },
}

type Worked = (Box<Conversation>, Result<(), TransportError>);

enum State {
    /// Commands in flight have one reply each.
    Pipelining(Box<Conversation>),
    /// A job runs alone.
    Working(BoxFuture<'static, Worked>),
    /// The connection is lost, as is any command.
    Lost,
}

pub(super) struct RedisLink {
    client: Client,
    state: State,
    in_transaction: bool,
    unsent: VecDeque<(CommandName, Request)>,
    /// Names of the commands that have been sent, oldest first.
    sent: VecDeque<CommandName>,
    /// Waits until nothing is in flight. A session calls nothing else meanwhile.
    next: Option<Job>,
}

impl RedisLink {
    pub(super) fn open(address: Arc<Address>, client: Client) -> Self {
        Self {
            state: State::Pipelining(Box::new(Conversation::new(address, client.clone()))),
            client,
            in_transaction: false,
            unsent: VecDeque::new(),
            sent: VecDeque::new(),
            next: None,
        }
    }

    /// Returns whether a command may be in flight together with others.
    fn pipelines<'a>(&self, name: &str, args: impl Iterator<Item = &'a [u8]>) -> bool {
        let State::Pipelining(conversation) = &self.state else {
            return false;
        };
        self.next.is_none()
            && self.unsent.len() + self.sent.len() < MAX_IN_FLIGHT
            && conversation.pipelines(name, args)
    }

    fn lose(&mut self, error: &TransportError) {
        tracing::warn!(id = self.client.id, %error, "connection to Redis lost");
        self.client.outbox.end(Ending::Lost);
        self.state = State::Lost;
        self.unsent.clear();
        self.sent.clear();
        self.next = None;
    }

    /// Sends and receives until nothing is in flight.
    fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        loop {
            let conversation = match &mut self.state {
                State::Pipelining(conversation) => conversation,
                State::Working(work) => {
                    let (conversation, worked) = ready!(work.poll_unpin(cx));
                    self.in_transaction = conversation.in_transaction();
                    self.state = State::Pipelining(conversation);
                    worked?;
                    continue;
                }
                State::Lost => return Poll::Ready(Ok(())),
            };
            if let Some(upstream) = conversation.upstream() {
                while !self.unsent.is_empty() && upstream.poll_ready(cx)?.is_ready() {
                    if let Some((name, request)) = self.unsent.pop_front() {
                        upstream.start_send(&request)?;
                        self.sent.push_back(name);
                    }
                }
                let _ = upstream.poll_flush(cx)?;
            }
            // Replies that the client does not read stay with Redis; pushes do not.
            while self.sent.is_empty() || self.client.outbox.has_capacity() {
                let Poll::Ready(frame) = conversation.poll_receive(cx)? else {
                    break;
                };
                match self.sent.pop_front() {
                    Some(name) => conversation.reply(&name, frame),
                    None => self.client.outbox.push(frame, None),
                }
            }
            if self.is_pipelining() {
                return Poll::Pending;
            }
            match self.next.take() {
                Some(job) => self.begin(job),
                None => return Poll::Ready(Ok(())),
            }
        }
    }

    fn is_pipelining(&self) -> bool {
        !self.unsent.is_empty() || !self.sent.is_empty()
    }

    /// Starts a job, which takes the conversation.
    fn begin(&mut self, job: Job) {
        let State::Pipelining(mut conversation) = std::mem::replace(&mut self.state, State::Lost)
        else {
            return;
        };
        self.state = State::Working(Box::pin(async move {
            let worked = match job {
                Job::Call { name, args } => conversation.call(&name, args).await,
                Job::Greet {
                    protocol,
                    name,
                    done,
                } => (conversation.greet(protocol, name).await).map(|reply| {
                    // A session that has ended needs no reply.
                    let _ = done.send(reply);
                }),
            };
            (conversation, worked)
        }));
    }
}

impl Link for RedisLink {
    fn call(&mut self, name: &str, args: Vec<Bytes>) -> Called {
        if matches!(self.state, State::Lost) {
            return Called::Done;
        }
        let name = CommandName::new(name.as_bytes());
        if self.pipelines(&name, args.iter().map(Bytes::as_ref)) {
            self.unsent.push_back((name, Request::new("", args)));
            return Called::Forwarded(Forwarded::Pipelined);
        }
        let forwarded = match conversation::waits(&name, args.iter().map(Bytes::as_ref)) {
            true => Forwarded::Blocking,
            false => Forwarded::Alone,
        };
        self.next = Some(Job::Call { name, args });
        Called::Forwarded(forwarded)
    }

    fn forward(&mut self, name: &CommandName, request: &Request) -> bool {
        let pipelines = self.pipelines(name, request.args());
        if pipelines {
            self.unsent.push_back((name.clone(), request.clone()));
        }
        pipelines
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll_exchange(cx)).unwrap_or_else(|error| self.lose(&error));
        Poll::Ready(())
    }

    fn is_in_flight(&self) -> bool {
        match self.state {
            State::Pipelining(_) => self.is_pipelining() || self.next.is_some(),
            State::Working(_) => true,
            State::Lost => false,
        }
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    fn greet(
        &mut self,
        protocol: Option<RespVersion>,
        name: Option<&Bytes>,
    ) -> BoxFuture<'static, Result<u64, String>> {
        let (done, over) = oneshot::channel();
        let name = name.cloned();
        self.next = Some(Job::Greet {
            protocol,
            name,
            done,
        });
        let lost = || Err("ERR the gateway lost its connection to Redis".to_owned());
        over.map(move |done| done.unwrap_or_else(|_| lost()))
            .boxed()
    }
}
