//! A WebSocket or TCP connection: what it does in a turn of the event loop.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use tokio::time::{Sleep, sleep};

use super::output::{Output, Written};
use super::{Stop, Wire};
use crate::dialect::Quirk;
use crate::fault::{Opened, Opening};
use crate::listener_kind::ListenerKind;
use crate::outbox::{Content, Ending, Outbox};
use crate::session::{Door, Inbound, Next, Session, Shared};
use crate::shutdown::{DRAIN_TIMEOUT, raised};
use crate::stream::Addresses;

/// Number of commands read ahead of one that waits, to notice that the client disconnects.
const READ_AHEAD: usize = 64;

/// Number of commands read ahead by a server that detects a close immediately, however many are
/// queued.
const READ_TO_CLOSE: usize = 16 << 10;

pub(super) struct Connection<W> {
    shared: Arc<Shared>,
    wire: W,
    outbox: Arc<Outbox>,
    id: u64,
    /// `None` once all commands have run or been dropped.
    session: Option<Session>,
    door: Option<Door>,
    /// Commands that wait for an earlier one.
    queue: VecDeque<Inbound>,
    read_ahead: usize,
    /// Disconnecting and QUIT abort commands.
    drops: bool,
    /// Why nothing more is read.
    ending: Option<Ending>,
    output: Output,
    /// Replies have been left to this turn.
    is_due: bool,
    /// Set once the session has ended: when a client that does not read is disconnected.
    deadline: Option<Pin<Box<Sleep>>>,
    stop: BoxFuture<'static, ()>,
    /// Set while the gateway is frozen.
    thawed: Option<BoxFuture<'static, ()>>,
    opened: Opened,
}

impl<W: Wire> Connection<W> {
    pub(super) fn open(
        shared: Arc<Shared>,
        listener: ListenerKind,
        addresses: Addresses,
        wire: W,
        mut stop: Stop,
    ) -> Self {
        let dialect = listener.dialect(shared.dialect);
        let drops = dialect.has(Quirk::CloseDrops);
        let outbox = Arc::new(Outbox::new(dialect, wire.is_stream()));
        let session = Session::new(shared.clone(), outbox.clone(), listener, addresses);
        let id = session.id();
        let opening = Opening {
            listener,
            remote: addresses.remote,
            client_id: Some(id),
        };
        Self {
            wire,
            id,
            door: session.door(),
            session: Some(session),
            queue: VecDeque::new(),
            read_ahead: if drops { READ_TO_CLOSE } else { READ_AHEAD },
            drops,
            ending: None,
            output: Output::default(),
            is_due: false,
            deadline: None,
            stop: Box::pin(async move { raised(&mut stop).await }),
            thawed: None,
            opened: shared.faults.open(opening, Some(&outbox)),
            outbox,
            shared,
        }
    }

    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    /// Discards what the client still sends. Ready when it has disconnected.
    pub(super) fn poll_unread(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if ready!(self.wire.poll_next(cx)).is_none() {
                return Poll::Ready(());
            }
        }
    }

    /// Takes a turn. Ready when the connection is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Written>> {
        self.outbox.begin_turn();
        if let Some(session) = &mut self.session {
            session.begin_turn();
        }
        if self.opened.poll_cut(cx).is_ready() {
            return Poll::Ready(Ok(Written::Cut));
        }
        if self.ending.is_none() && self.stop.as_mut().poll(cx).is_ready() {
            self.end_input(Ending::Shutdown);
        }
        let frozen = self.poll_frozen(cx);
        loop {
            self.feed(frozen, cx);
            if let Some(session) = &mut self.session {
                session.drive(cx);
            }
            if self.leaves_writing() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let was_full = !self.outbox.has_capacity();
            if !frozen {
                let gone = self.ending.is_some();
                let written = (self.output).poll(&mut self.wire, &self.outbox, gone, cx);
                if written.is_ready() {
                    return written;
                }
            }
            if !was_full || !self.outbox.has_capacity() {
                break;
            }
        }
        if self.session.is_none() && self.poll_deadline(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        match self.outbox.end_turn(cx.waker()) {
            Content::Overflowed => return Poll::Ready(Ok(Written::Overflowed)),
            // Another thread has added it since.
            Content::Items if !frozen && self.output.is_idle() => cx.waker().wake_by_ref(),
            Content::Items | Content::Empty => {}
        }
        Poll::Pending
    }

    /// Returns whether writing is left to the next turn, behind the connections that are readable
    /// already. As in Redis, each client then finds the replies to all of its commands, and a
    /// client with several connections is woken once.
    fn leaves_writing(&mut self) -> bool {
        self.is_due = !self.is_due && self.outbox.has_capacity() && !self.outbox.is_empty();
        self.is_due
    }

    /// Runs commands that have been read, and reads more, until either has to wait.
    fn feed(&mut self, frozen: bool, cx: &mut Context<'_>) {
        loop {
            self.run(cx);
            let is_full = self.queue.len() >= self.read_ahead;
            if frozen || is_full || self.ending.is_some() {
                return;
            }
            match self.wire.poll_next(cx) {
                Poll::Pending => return,
                Poll::Ready(None) => self.end_input(Ending::Gone),
                Poll::Ready(Some(inbound)) if self.drops && inbound.is_quit() => {
                    self.end_input(Ending::Quit);
                }
                Poll::Ready(Some(inbound)) => {
                    let admitted = match &self.door {
                        Some(door) => door.admit(inbound),
                        None => Some(inbound),
                    };
                    if let Some(inbound) = admitted {
                        self.queue.push_back(inbound);
                    }
                }
            }
        }
    }

    /// Runs commands in order until one has to wait, or none is left.
    fn run(&mut self, cx: &mut Context<'_>) {
        while let Some(session) = &mut self.session {
            match session.poll(cx) {
                Poll::Pending => return,
                Poll::Ready(Next::End) => return self.end_session(Ending::Quit),
                Poll::Ready(Next::Continue | Next::Wait) => {}
            }
            if !self.outbox.has_capacity() {
                return;
            }
            let Some(inbound) = self.queue.pop_front() else {
                if let Some(ending) = self.ending
                    && session.poll_settled(cx).is_ready()
                {
                    self.end_session(ending);
                }
                return;
            };
            if session.handle(inbound) == Next::End {
                return self.end_session(Ending::Quit);
            }
        }
    }

    /// Records that nothing more is read.
    fn end_input(&mut self, ending: Ending) {
        self.ending = Some(ending);
        if self.drops && ending != Ending::Shutdown {
            // The running command is aborted, and the queued ones are dropped.
            self.end_session(ending);
        } else if let Some(session) = &mut self.session {
            session.client_gone();
        }
    }

    /// Releases what the connection holds in the store, and sends its last replies.
    fn end_session(&mut self, ending: Ending) {
        self.session = None;
        self.queue.clear();
        self.ending.get_or_insert(ending);
        self.outbox.end(ending);
    }

    /// Returns whether the gateway is frozen.
    fn poll_frozen(&mut self, cx: &mut Context<'_>) -> bool {
        if self.thawed.is_none() && self.shared.faults.is_frozen() {
            self.thawed = Some(Box::pin(self.shared.faults.thawed()));
        }
        let frozen = (self.thawed.as_mut()).is_some_and(|over| over.as_mut().poll(cx).is_pending());
        if !frozen {
            self.thawed = None;
        }
        frozen
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(sleep(DRAIN_TIMEOUT)));
        deadline.as_mut().poll(cx)
    }
}
