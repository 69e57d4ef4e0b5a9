//! Bulks: many independent commands, in any order except per key.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use swarm_resp::Frame;

use super::queue::{Handles, Queued, Replies, next_id, refusal};
use super::running::Running;
use crate::command::{Command, Executor};
use crate::commands::{Use, vet};
use crate::error::{Error, Result};
use crate::request_reply::{BulkItem, ConnectionHandle, Requests, Timing};

/// Many independent commands, each with its own result, as if each had been sent by a task of its
/// own.
///
/// The command methods queue commands and return handles; [`send`](Self::send) sends the commands
/// and turns the handles into replies, in the order of queueing. Unlike a
/// [pipeline](super::Pipeline), a bulk is not one batch:
///
/// | | pipeline | bulk |
/// |---|---|---|
/// | order on the server | the order of queueing | the order of queueing, [among commands with a common key](crate::guide::connections) |
/// | other commands in between | none of this connection | any |
/// | connections | one | all that the client has |
/// | an invalid command | nothing is sent | the others are sent |
/// | a lost connection | concerns all commands that follow | concerns the commands in flight |
/// | timeout | of the whole pipeline, from `send` on | of each command, from when it is sent |
///
/// Use a bulk for many writes to different keys. All of its commands and replies are in memory at
/// once; the guide shows how to [write more](crate::guide::many_writes) than that.
///
/// The client queues the commands as capacity returns, so that at most 128 of them wait to be sent,
/// and they take at most half of [`max_in_flight`](crate::ClientOptions::max_in_flight). Commands of
/// other tasks do not wait for the whole bulk. A bulk waits for capacity even if
/// [`fail_when_full`](crate::ClientOptions::fail_when_full) is set.
///
/// # Errors
///
/// Each reply is a result of its own, with its own [outcome](crate::Error::outcome):
///
/// - A command that the client rejects (an invalid argument, or one that the transport cannot
///   carry) is not sent. The others are.
/// - If a connection is lost, only the commands in flight on it may have run. The client resends
///   those that are read-only; commands that were not sent wait for the next connection.
/// - If the client has no connection for `request_timeout`, all commands that were not sent fail
///   with kind [`Timeout`](crate::ErrorKind::Timeout) and outcome
///   [`NotSent`](crate::Outcome::NotSent).
///
/// # Examples
///
/// ```
/// # use swarm_keydb::{Client, Outcome};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let bulk = client.bulk();
/// let handles: Vec<_> = (0..1_000).map(|n| bulk.set(format!("user:{n}"), n)).collect();
/// for (n, reply) in bulk.send(handles).await.into_iter().enumerate() {
///     match reply {
///         Ok(()) => {}
///         Err(error) if error.outcome() == Some(Outcome::NotSent) => println!("{n}: not sent"),
///         Err(error) => println!("{n}: {error}"),
///     }
/// }
/// assert_eq!(client.get_as::<u32>("user:999").await?, Some(999));
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until `send` is awaited"]
pub struct Bulk {
    /// Distinguishes handles of this bulk from those of others.
    id: u64,
    connection: ConnectionHandle,
    timing: Timing,
    /// How long unsent commands wait while the server cannot be reached.
    patience: Duration,
    commands: RefCell<Commands>,
}

/// The commands queued so far.
#[derive(Default)]
struct Commands {
    names: Vec<Cow<'static, str>>,
    /// `None` for a rejected command.
    items: Vec<Option<BulkItem>>,
    /// Errors of rejected commands, by position.
    rejected: BTreeMap<usize, Error>,
}

impl Bulk {
    pub(super) fn new(connection: ConnectionHandle, timeout: Duration) -> Self {
        Self {
            id: next_id(),
            connection,
            timing: Timing {
                timeout,
                grows: true,
                blocks: false,
            },
            patience: timeout,
            commands: RefCell::default(),
        }
    }

    /// Sets the maximum time of each command from when it is sent, instead of the client's
    /// `request_timeout`. Unlike the default, it does not grow with the number of keys.
    ///
    /// Commands that wait to be sent have no timeout while the client is connected.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        (self.timing.timeout, self.timing.grows) = (timeout, false);
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
    /// Each reply is a result of its own: see [`Bulk`]. If a handle belongs to another bulk,
    /// nothing is sent.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client withdraws the commands that it has not sent. Those that
    /// it has sent may run.
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
            id,
            connection,
            timing,
            patience,
            commands,
        } = self;
        let Commands {
            names,
            items,
            rejected,
        } = commands.into_inner();
        if !handles.are_of(id) {
            return Replies::withheld(id, names, rejected);
        }
        let running = Running::batch("BULK", &names, &connection);
        let results = connection.call_each(items, timing, patience).await;
        running.finish_batch(&names, &results);
        Replies::new(id, names, results, rejected)
    }
}

impl Executor for Bulk {
    /// A handle that gives the reply once the bulk is sent.
    type Output<R> = Queued<R>;

    fn execute<R>(&self, mut command: Command<R>) -> Queued<R> {
        vet(&mut command, Use::Shared);
        let refusal = refusal(&mut command);
        let builder = &mut command.builder;
        let mut commands = self.commands.borrow_mut();
        let position = commands.names.len();
        let item = match refusal {
            Some(error) => {
                commands.rejected.insert(position, error);
                None
            }
            None => Some(BulkItem {
                requests: Requests::one(builder.request.build(), builder.marks),
                retry: builder.retry,
            }),
        };
        commands.items.push(item);
        commands.names.push(std::mem::take(&mut builder.name));
        Queued::new(self.id, position, command.decode)
    }
}

impl fmt::Debug for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bulk({} commands)", self.len())
    }
}
