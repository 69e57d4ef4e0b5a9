//! Queue of commands that are sent together, and the typed handles of their replies.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use swarm_resp::{Frame, RequestBatch, RequestBatchBuilder};

use super::lease::{Lease, Watches};
use super::running::Running;
use crate::command::{Blocking, Builder, Command, Decode};
use crate::commands::Use;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::{Answers, ConnectionHandle, Marks, Requests, Retry, Timing};

/// Queued commands, and the connection that will carry them.
pub(super) struct Queue {
    /// Distinguishes handles of this queue from those of others.
    id: u64,
    connection: ConnectionHandle,
    /// The lease of the connection, if it is leased.
    lease: Option<Arc<Lease>>,
    timing: Timing,
    commands: RefCell<QueuedCommands>,
}

/// Returns an identity that distinguishes the handles of a queue from those of others.
pub(crate) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The commands queued so far.
struct QueuedCommands {
    /// Names of all commands, including rejected ones.
    names: Vec<Cow<'static, str>>,
    requests: RequestBatchBuilder,
    /// Marks of commands that need precautions, by position.
    marks: Vec<(usize, Marks)>,
    /// Retry class of the whole batch.
    retry: Retry,
    /// Errors of rejected commands, by position.
    rejected: BTreeMap<usize, Error>,
}

/// Queued commands, ready to be sent.
pub(super) struct Batch {
    pub(super) names: Vec<Cow<'static, str>>,
    pub(super) requests: RequestBatchBuilder,
    /// Marks of commands that need precautions, by position.
    pub(super) marks: Vec<(usize, Marks)>,
    /// Retry class of the whole batch.
    pub(super) retry: Retry,
}

impl Queue {
    pub(super) fn new(connection: ConnectionHandle, timeout: Duration) -> Self {
        Self {
            id: next_id(),
            connection,
            lease: None,
            timing: Timing {
                timeout,
                grows: true,
                blocks: false,
            },
            commands: RefCell::new(QueuedCommands {
                names: Vec::new(),
                requests: RequestBatch::builder(),
                marks: Vec::new(),
                retry: Retry::ReadOnly,
                rejected: BTreeMap::new(),
            }),
        }
    }

    /// Keeps a lease until all replies have arrived.
    pub(super) fn on(mut self, lease: Arc<Lease>) -> Self {
        self.lease = Some(lease);
        self
    }

    /// Returns how the connection is used.
    pub(super) const fn used(&self) -> Use {
        match self.lease {
            None => Use::Shared,
            Some(_) => Use::Exclusive,
        }
    }

    pub(super) const fn set_timeout(&mut self, timeout: Duration) {
        (self.timing.timeout, self.timing.grows) = (timeout, false);
    }

    pub(super) fn len(&self) -> usize {
        self.commands.borrow().names.len()
    }

    /// Queues a command. Rejects commands that would delay those behind them, or that must be in
    /// flight alone.
    pub(super) fn push<R>(&self, mut command: Command<R>) -> Queued<R> {
        let refusal = refusal(&mut command);
        let builder = &mut command.builder;
        let mut commands = self.commands.borrow_mut();
        let position = commands.names.len();
        if let Some(error) = refusal {
            commands.rejected.insert(position, error);
        } else {
            if let Some(lease) = &self.lease {
                lease.session.note(&builder.request.written());
            }
            commands.requests.push(&mut builder.request);
            if !builder.marks.is_empty() {
                commands.marks.push((position, builder.marks));
            }
        }
        commands.retry = commands.retry.stricter(builder.retry);
        commands.names.push(std::mem::take(&mut builder.name));
        Queued::new(self.id, position, command.decode)
    }

    /// Returns the queued commands and their connection.
    ///
    /// # Errors
    ///
    /// If a command was rejected, or a handle belongs to another queue: nothing may be sent. Holds
    /// the result of each command.
    pub(super) fn into_batch(self, handles: &impl Handles) -> Result<(Batch, Link), Replies> {
        let Self {
            id,
            connection,
            lease,
            timing,
            commands,
        } = self;
        let QueuedCommands {
            names,
            requests,
            marks,
            retry,
            rejected,
        } = commands.into_inner();
        if !handles.are_of(id) || !rejected.is_empty() {
            return Err(Replies::withheld(id, names, rejected));
        }
        let batch = Batch {
            names,
            requests,
            marks,
            retry,
        };
        let link = Link {
            id,
            connection,
            lease,
            timing,
        };
        Ok((batch, link))
    }
}

/// Returns why a command cannot be queued, if so.
pub(crate) fn refusal<R>(command: &mut Command<R>) -> Option<Error> {
    let rejection = command.take_rejection();
    rejection.or_else(|| batch_rejection(&command.builder))
}

fn batch_rejection(command: &Builder) -> Option<Error> {
    let what = if command.blocking != Blocking::No {
        "blocking command in a batch would delay all others; send it on its own"
    } else if command.alone {
        "command must be in flight alone; send it on its own"
    } else {
        return None;
    };
    Some(Error::argument(what).for_command(command.name.clone()))
}

/// The connection that carries a batch.
pub(super) struct Link {
    id: u64,
    connection: ConnectionHandle,
    lease: Option<Arc<Lease>>,
    timing: Timing,
}

impl Link {
    /// Starts the operation of a batch, for spans and observers.
    pub(super) fn start(&self, kind: &'static str, names: &[Cow<'static, str>]) -> Running {
        Running::batch(kind, names, &self.connection)
    }

    /// Sends requests as one batch. `marks` are by position.
    pub(super) async fn call(
        &self,
        requests: RequestBatch,
        marks: Vec<(usize, Marks)>,
        retry: Retry,
    ) -> Answers {
        self.connection
            .call_batch(Requests::batch(requests, marks), self.timing, retry)
            .await
    }

    /// Returns the state of watches on the connection, if it is leased.
    pub(super) fn watches(&self) -> Option<Watches> {
        Some(self.lease.as_ref()?.session.watches())
    }

    /// Records that the server has dropped these watches.
    pub(super) fn unwatched(&self, watches: Option<Watches>) {
        if let (Some(lease), Some(watches)) = (&self.lease, watches) {
            lease.session.unwatched(watches);
        }
    }

    /// Returns the replies of a batch.
    pub(super) const fn replies(
        &self,
        names: Vec<Cow<'static, str>>,
        results: Vec<Result<Frame, Failure>>,
    ) -> Replies {
        Replies::new(self.id, names, results, BTreeMap::new())
    }
}

/// Handle of a command in a [`Pipeline`](super::Pipeline), a [`Bulk`](super::Bulk) or a
/// [`Transaction`](super::Transaction), which gives the reply once that is sent.
#[must_use = "the handle is the only way to get the command's reply or error"]
pub struct Queued<R> {
    queue: u64,
    position: usize,
    decode: Decode<R>,
}

impl<R> Queued<R> {
    pub(crate) const fn new(queue: u64, position: usize, decode: Decode<R>) -> Self {
        Self {
            queue,
            position,
            decode,
        }
    }

    /// Returns the position of the command, counted from 0.
    pub const fn position(&self) -> usize {
        self.position
    }
}

impl<R> fmt::Debug for Queued<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queued({})", self.position)
    }
}

/// Replies to the commands of a queue.
pub struct Replies {
    queue: u64,
    names: Vec<Cow<'static, str>>,
    results: Vec<Result<Frame, Failure>>,
    /// Errors of commands that were rejected when they were queued.
    rejected: BTreeMap<usize, Error>,
}

impl Replies {
    pub(crate) const fn new(
        queue: u64,
        names: Vec<Cow<'static, str>>,
        results: Vec<Result<Frame, Failure>>,
        rejected: BTreeMap<usize, Error>,
    ) -> Self {
        Self {
            queue,
            names,
            results,
            rejected,
        }
    }

    /// Creates the replies to commands of which none was sent.
    pub(crate) fn withheld(
        queue: u64,
        names: Vec<Cow<'static, str>>,
        rejected: BTreeMap<usize, Error>,
    ) -> Self {
        let results = names.iter().map(|_| Err(Failure::Withheld)).collect();
        Self::new(queue, names, results, rejected)
    }

    #[inline]
    fn take<R>(&mut self, handle: &Queued<R>) -> Result<R> {
        let result = match self.results.get_mut(handle.position) {
            Some(result) if handle.queue == self.queue => result,
            _ => return Err(foreign_handle()),
        };
        let error = match std::mem::replace(result, Err(Failure::Withheld)) {
            Ok(frame) => match handle.decode.read(frame) {
                Ok(read) => return Ok(read),
                Err(error) => Error::convert(error),
            },
            Err(failure) => match self.rejected.remove(&handle.position) {
                Some(rejected) => return Err(rejected.at(handle.position)),
                None => Error::from_failure(failure),
            },
        };
        let name = self.names.get_mut(handle.position).map(std::mem::take);
        let error = error.for_command(name.unwrap_or_default());
        Err(error.at(handle.position))
    }

    /// Returns why nothing was sent: the error of the first rejected command, with its position.
    pub(crate) fn into_rejection(mut self) -> Error {
        match self.rejected.pop_first() {
            Some((position, error)) => error.at(position),
            None => foreign_handle(),
        }
    }

    /// Returns all replies undecoded.
    pub(crate) fn into_frames(mut self) -> Vec<Result<Frame>> {
        let named = self.results.into_iter().zip(self.names).enumerate();
        named
            .map(|(position, (result, name))| {
                result.map_err(|failure| match self.rejected.remove(&position) {
                    Some(rejected) => rejected.at(position),
                    None => Error::from_failure(failure).for_command(name).at(position),
                })
            })
            .collect()
    }
}

fn foreign_handle() -> Error {
    Error::argument("not sent because a handle belongs to another pipeline, bulk or transaction")
}

/// Handles of queued commands in a shape that the caller chooses: one [`Queued`], or a tuple,
/// array, `Vec` or `Option` of such shapes, or `()`. The replies have the same shape, each a
/// [`Result`].
pub trait Handles: sealed::Sealed {
    /// The same shape, with a result in place of each handle.
    type Replies;

    #[doc(hidden)]
    fn are_of(&self, queue: u64) -> bool;

    #[doc(hidden)]
    fn collect(self, replies: &mut Replies) -> Self::Replies;
}

mod sealed {
    pub trait Sealed {}
}

impl<R> sealed::Sealed for Queued<R> {}

impl<R> Handles for Queued<R> {
    type Replies = Result<R>;

    fn are_of(&self, queue: u64) -> bool {
        self.queue == queue
    }

    #[inline]
    fn collect(self, replies: &mut Replies) -> Result<R> {
        replies.take(&self)
    }
}

impl<H: Handles> sealed::Sealed for Vec<H> {}

impl<H: Handles> Handles for Vec<H> {
    type Replies = Vec<H::Replies>;

    fn are_of(&self, queue: u64) -> bool {
        self.iter().all(|handle| handle.are_of(queue))
    }

    fn collect(self, replies: &mut Replies) -> Self::Replies {
        self.into_iter()
            .map(|handle| handle.collect(replies))
            .collect()
    }
}

impl<H: Handles> sealed::Sealed for Option<H> {}

impl<H: Handles> Handles for Option<H> {
    type Replies = Option<H::Replies>;

    fn are_of(&self, queue: u64) -> bool {
        self.iter().all(|handle| handle.are_of(queue))
    }

    fn collect(self, replies: &mut Replies) -> Self::Replies {
        self.map(|handle| handle.collect(replies))
    }
}

impl<H: Handles, const N: usize> sealed::Sealed for [H; N] {}

impl<H: Handles, const N: usize> Handles for [H; N] {
    type Replies = [H::Replies; N];

    fn are_of(&self, queue: u64) -> bool {
        self.iter().all(|handle| handle.are_of(queue))
    }

    fn collect(self, replies: &mut Replies) -> Self::Replies {
        self.map(|handle| handle.collect(replies))
    }
}

macro_rules! tuples {
    ($(($($handle:ident)*))+) => {$(
        impl<$($handle: Handles),*> sealed::Sealed for ($($handle,)*) {}

        #[allow(
            non_snake_case,
            unused_variables,
            clippy::unused_unit,
            reason = "type names double as variable names, and the tuple may be empty"
        )]
        impl<$($handle: Handles),*> Handles for ($($handle,)*) {
            type Replies = ($($handle::Replies,)*);

            fn are_of(&self, queue: u64) -> bool {
                let ($($handle,)*) = self;
                true $(&& $handle.are_of(queue))*
            }

            fn collect(self, replies: &mut Replies) -> Self::Replies {
                let ($($handle,)*) = self;
                ($($handle.collect(replies),)*)
            }
        }
    )+};
}

tuples! {
    ()
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
    (A B C D E F G H I)
    (A B C D E F G H I J)
    (A B C D E F G H I J K)
    (A B C D E F G H I J K L)
}
