//! Writing half of a connection: sends what is in the outbox.

use std::io;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use swarm_resp::Frame;

use super::Wire;
use crate::outbox::{Ending, Form, Item, Outbox};

/// How writing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Ended,
    Cut,
    Overflowed,
}

/// Writes items in their order.
#[derive(Default)]
pub(super) struct Output {
    state: State,
    /// The outbox was empty, so the next item can be written at once.
    is_idle: bool,
}

#[derive(Default)]
enum State {
    #[default]
    Open,
    /// Fault: nothing is sent before the pause is over.
    Waiting(BoxFuture<'static, ()>),
    /// Fault: only the first bytes of a frame are sent.
    Part(Frame, Form, usize),
    /// Fault: the connection is cut once everything has been written.
    Cutting,
    Closing(Ending),
}

impl Output {
    /// Returns whether the next item can be written at once.
    pub(super) const fn is_idle(&self) -> bool {
        self.is_idle
    }

    /// Writes as much as the client accepts. Ready when the connection is over. `gone` is set if
    /// the client has disconnected, so no pause delays the end.
    pub(super) fn poll(
        &mut self,
        wire: &mut impl Wire,
        outbox: &Outbox,
        gone: bool,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Written>> {
        self.is_idle = false;
        loop {
            match &mut self.state {
                State::Open => {
                    ready!(wire.poll_ready(cx))?;
                    let Some(item) = outbox.try_take() else {
                        self.is_idle = true;
                        ready!(wire.poll_flush(cx))?;
                        ready!(wire.poll_alive(cx))?;
                        continue;
                    };
                    match item {
                        Item::Frame(frame, form) => wire.put(&frame, &form)?,
                        Item::Bytes(bytes) => wire.put_bytes(bytes),
                        Item::Wait(wait) => self.state = State::Waiting(Box::pin(wait.over())),
                        Item::Part(frame, form, bytes) => {
                            self.state = State::Part(frame, form, bytes);
                        }
                        Item::Cut => self.state = State::Cutting,
                        Item::End(ending) => self.state = State::Closing(ending),
                    }
                }
                State::Waiting(over) => {
                    ready!(wire.poll_flush(cx))?;
                    if !gone {
                        ready!(over.as_mut().poll(cx));
                    }
                    self.state = State::Open;
                }
                State::Part(frame, form, bytes) => {
                    ready!(wire.poll_flush(cx))?;
                    // The connection is cut next, whether or not this succeeds.
                    let _ = wire.put_part(frame, form, *bytes);
                    self.state = State::Cutting;
                }
                State::Cutting => {
                    let _ = ready!(wire.poll_flush(cx));
                    return Poll::Ready(Ok(Written::Cut));
                }
                State::Closing(ending) => {
                    ready!(wire.poll_flush(cx))?;
                    ready!(wire.poll_close(cx, *ending))?;
                    return Poll::Ready(Ok(Written::Ended));
                }
            }
        }
    }
}
