//! Pipelines: commands that are sent together, each to the node of its keys.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use swarm_resp::Frame;

use super::call::Progress;
use super::handle::Handle;
use super::plan::Plan;
use crate::client::{Handles, Queued, Replies, next_id, refusal};
use crate::command::{Command, Executor};
use crate::commands::{Use, vet};
use crate::error::{Error, Result};
use crate::failure::Failure;

/// Commands that are sent together, each to the node of its keys and with its own result.
///
/// The command methods queue commands and return handles; [`send`](Self::send) sends the commands
/// and turns the handles into replies, in the order of the handles. Commands of one slot run in the
/// order in which they were queued. Those of different slots may run in any order, and commands of
/// other tasks may run between them, unlike with [`crate::Pipeline`].
///
/// # Errors
///
/// - Each command fails by itself: those of a node that cannot be reached, and no others.
/// - For each command, [`Error::outcome`](crate::Error::outcome) says whether it may have run. The
///   client resends a command only if it was refused, or only reads.
/// - If the client rejects a command (an invalid argument, keys of different slots), it sends
///   nothing.
///
/// # Examples
///
/// ```
/// # async fn example(client: swarm_keydb::cluster::Client) -> swarm_keydb::Result<()> {
/// let pipeline = client.pipeline();
/// let handles = (pipeline.set("name", "ann"), pipeline.incr("visits"));
/// let (set, visits) = pipeline.send(handles).await;
/// set?;
/// assert_eq!(visits?, 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until `send` is awaited"]
pub struct Pipeline {
    client: Arc<Handle>,
    /// Distinguishes handles of this pipeline from those of others.
    id: u64,
    timeout: Option<Duration>,
    commands: RefCell<Commands>,
}

#[derive(Default)]
struct Commands {
    names: Vec<Cow<'static, str>>,
    plans: Vec<Plan>,
    /// Errors of rejected commands, by position.
    rejected: BTreeMap<usize, Error>,
}

impl Pipeline {
    pub(super) fn new(client: &Arc<Handle>) -> Self {
        Self {
            client: Arc::clone(client),
            id: next_id(),
            timeout: None,
            commands: RefCell::default(),
        }
    }

    /// Sets the maximum time for each command, instead of the client's `request_timeout`.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Returns the number of queued commands.
    pub fn len(&self) -> usize {
        self.commands.borrow().names.len()
    }

    /// Returns whether no command is queued.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends the commands and returns their replies in the shape of `handles`: one handle, a tuple,
    /// an array, or a `Vec`.
    ///
    /// # Errors
    ///
    /// Each reply is a result of its own: see [`Pipeline`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before its first poll, nothing is sent. If it is dropped later, the
    /// commands may run; other callers are not affected.
    pub async fn send<H: Handles>(self, handles: H) -> H::Replies {
        let mut replies = self.run(&handles).await;
        handles.collect(&mut replies)
    }

    /// Sends the commands and returns all replies undecoded, for commands whose reply types are not
    /// known at compile time.
    ///
    /// # Errors
    ///
    /// The errors of [`send`](Self::send).
    ///
    /// # Cancel safety
    ///
    /// That of [`send`](Self::send).
    pub async fn send_raw(self) -> Vec<Result<Frame>> {
        self.run(&()).await.into_frames()
    }

    async fn run(self, handles: &impl Handles) -> Replies {
        let Self {
            client,
            id,
            timeout,
            commands,
        } = self;
        let Commands {
            names,
            mut plans,
            rejected,
        } = commands.into_inner();
        if !handles.are_of(id) || !rejected.is_empty() {
            return Replies::withheld(id, names, rejected);
        }
        if let Some(timeout) = timeout {
            plans.iter_mut().for_each(|plan| plan.timeout = timeout);
        }
        let mut running = client.router.start_batch("PIPELINE", &names);
        let mut sending = Sending {
            plans: plans.into_iter(),
            items: Vec::with_capacity(names.len()),
        };
        poll_fn(|cx| sending.poll(cx)).await;
        // Errors of commands are kept beside their results, which are failures of a connection.
        let mut failed = BTreeMap::new();
        let mut results = Vec::with_capacity(names.len());
        for (position, item) in sending.items.into_iter().enumerate() {
            results.push(match item {
                Item::Done(Ok(frame)) => Ok(frame),
                Item::Done(Err(error)) => {
                    let name = names.get(position).cloned().unwrap_or_default();
                    failed.insert(position, error.for_command(name));
                    Err(Failure::Withheld)
                }
                Item::Pending(_) => Err(Failure::runtime_gone(true)),
            });
        }
        running.finish(failed.values().next());
        Replies::new(id, names, results, failed)
    }
}

/// A pipeline that is being sent.
struct Sending {
    plans: std::vec::IntoIter<Plan>,
    items: Vec<Item>,
}

enum Item {
    Pending(Progress),
    Done(Result<Frame>),
}

impl Sending {
    /// Sends all commands in the first poll. One that waits for capacity takes its place in line
    /// before the next is sent.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for plan in self.plans.by_ref() {
            let mut item = match plan.start(None) {
                Ok(progress) => Item::Pending(progress),
                Err(error) => Item::Done(Err(error)),
            };
            if let Item::Pending(Progress::Enqueueing(..) | Progress::Several(_)) = &item {
                item.poll(cx);
            }
            self.items.push(item);
        }
        // Of the replies, only the first that is missing needs the task.
        let mut is_done = true;
        for item in &mut self.items {
            let needs_polling = match item {
                Item::Done(_) => false,
                Item::Pending(Progress::Reply(_)) => is_done,
                Item::Pending(_) => true,
            };
            if needs_polling {
                item.poll(cx);
            }
            is_done &= matches!(item, Item::Done(_));
        }
        if is_done {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Item {
    fn poll(&mut self, cx: &mut Context<'_>) {
        if let Self::Pending(progress) = self
            && let Poll::Ready(result) = Pin::new(progress).poll(cx)
        {
            *self = Self::Done(result);
        }
    }
}

impl Executor for Pipeline {
    /// A handle that gives the reply once the pipeline is sent.
    type Output<R> = Queued<R>;

    fn execute<R>(&self, mut command: Command<R>) -> Queued<R> {
        vet(&mut command, Use::Shared);
        let mut commands = self.commands.borrow_mut();
        let position = commands.names.len();
        let planned = match refusal(&mut command) {
            Some(error) => Err(error),
            None => Plan::new(&self.client.router, &mut command.builder),
        };
        let name = std::mem::take(&mut command.builder.name);
        match planned {
            Ok(plan) => commands.plans.push(plan),
            Err(error) => {
                commands
                    .rejected
                    .insert(position, error.for_command(name.clone()));
            }
        }
        commands.names.push(name);
        Queued::new(self.id, position, command.decode)
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pipeline({} commands)", self.len())
    }
}
