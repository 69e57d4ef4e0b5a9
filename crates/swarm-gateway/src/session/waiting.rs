//! What a session waits for before it handles the next input, and for how long.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use swarm_resp::RespVersion;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};

use super::{Inbound, Next, Session};
use crate::backend::{Forwarded, Link};
use crate::shutdown::DRAIN_TIMEOUT;
use crate::write_queue::Flushes;

/// What the next input waits for.
pub(super) enum Waiting {
    /// A command waits for the write queue.
    Write {
        over: BoxFuture<'static, ()>,
        name: String,
        args: Vec<Bytes>,
        is_json: bool,
    },
    /// A command waits until a server behind the gateway has answered it.
    Forwarded(Forwarded),
    Detached {
        over: BoxFuture<'static, ()>,
        blocked: watch::Receiver<bool>,
    },
    /// A command waits for data.
    Blocked(BoxFuture<'static, ()>),
    /// HELLO waits for the link.
    Greeting {
        over: BoxFuture<'static, Result<u64, String>>,
        protocol: Option<RespVersion>,
    },
    /// An input waits for the replies to forwarded commands.
    Replies(Inbound),
}

/// What is over.
enum Over {
    Write {
        name: String,
        args: Vec<Bytes>,
        is_json: bool,
    },
    Call,
    Greeting(Result<u64, String>, Option<RespVersion>),
    Replies(Inbound),
}

impl Waiting {
    fn poll(mut self, link: &mut dyn Link, cx: &mut Context<'_>) -> Result<Over, Self> {
        let in_flight = link.poll(cx);
        let over = match &mut self {
            Self::Write { over, .. } | Self::Detached { over, .. } | Self::Blocked(over) => {
                over.as_mut().poll(cx)
            }
            Self::Greeting { over, protocol } => {
                return match over.as_mut().poll(cx) {
                    Poll::Ready(greeted) => Ok(Over::Greeting(greeted, *protocol)),
                    Poll::Pending => Err(self),
                };
            }
            Self::Forwarded(_) | Self::Replies(_) => in_flight,
        };
        match (over, self) {
            (Poll::Pending, waiting) => Err(waiting),
            (
                Poll::Ready(()),
                Self::Write {
                    name,
                    args,
                    is_json,
                    ..
                },
            ) => Ok(Over::Write {
                name,
                args,
                is_json,
            }),
            (Poll::Ready(()), Self::Replies(inbound)) => Ok(Over::Replies(inbound)),
            (Poll::Ready(()), _) => Ok(Over::Call),
        }
    }
}

/// The time since the client has disconnected.
pub(super) struct Gone(Pin<Box<Sleep>>);

impl Gone {
    pub(super) fn now() -> Self {
        Self(Box::pin(sleep(DRAIN_TIMEOUT)))
    }

    /// Polls whether it is pointless to wait any longer.
    fn poll(&mut self, waiting: Option<&Waiting>, cx: &mut Context<'_>) -> Poll<()> {
        let at_once = match waiting {
            // A disconnected client must not consume data that another client could receive.
            Some(Waiting::Blocked(_) | Waiting::Forwarded(Forwarded::Blocking)) => true,
            Some(Waiting::Detached { blocked, .. }) if *blocked.borrow() => true,
            Some(Waiting::Detached { .. } | Waiting::Write { .. }) => return Poll::Pending,
            _ => false,
        };
        match at_once {
            true => Poll::Ready(()),
            false => self.0.as_mut().poll(cx),
        }
    }
}

/// Waits for a number of writes in the write queue.
pub(super) fn write(queue: Arc<Flushes>, writes: usize, is_serial: bool) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let _turn = match is_serial {
            true => Some(queue.serial.lock().await),
            false => None,
        };
        for _ in 0..writes {
            queue.write(|| {}).await;
        }
    })
}

impl Session {
    pub(super) fn wait(&mut self, waiting: Waiting) -> Next {
        self.waiting = Some(waiting);
        Next::Wait
    }

    /// Polls until the session can handle another input, or the connection must end.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if self.waiting.is_none() {
            return Poll::Ready(Next::Continue);
        }
        while let Some(waiting) = self.waiting.take() {
            let over = match waiting.poll(&mut *self.link, cx) {
                Ok(over) => over,
                Err(waiting) => {
                    let gone = (self.gone.as_mut()).map(|gone| gone.poll(Some(&waiting), cx));
                    self.waiting = Some(waiting);
                    ready!(gone.unwrap_or(Poll::Pending));
                    return Poll::Ready(Next::End);
                }
            };
            let next = match over {
                Over::Write {
                    name,
                    args,
                    is_json,
                } => self.run_on_link(&name, args, is_json),
                Over::Call => {
                    let called = self.link.go_on();
                    self.wait_for(called, false)
                }
                Over::Greeting(greeted, protocol) => {
                    self.greeted(greeted.map(|id| self.switch(protocol, id)));
                    Next::Continue
                }
                Over::Replies(inbound) => self.handle(inbound),
            };
            if next == Next::End {
                return Poll::Ready(Next::End);
            }
        }
        Poll::Ready(Next::Continue)
    }

    /// Begins a turn of the connection.
    pub(crate) fn begin_turn(&mut self) {
        self.link.begin_turn();
    }

    /// Sends and receives what the link needs, whatever the session waits for.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        let _ = self.link.poll(cx);
    }

    /// Polls until the replies to all commands are in the outbox, or a client that has disconnected
    /// has been given enough time.
    pub(crate) fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if ready!(self.poll(cx)) == Next::End || self.link.poll(cx).is_ready() {
            return Poll::Ready(());
        }
        match &mut self.gone {
            Some(gone) => gone.poll(None, cx),
            None => Poll::Pending,
        }
    }
}
