//! Pipelines: commands that are sent together.

use std::fmt;
use std::time::Duration;

use swarm_resp::Frame;

use super::queue::{Handles, Queue, Queued, Replies};
use crate::command::{Command, Executor};
use crate::commands::vet;
use crate::error::Result;

/// Commands that are sent together, each with its own result.
///
/// The command methods queue commands and return handles; [`send`](Self::send) sends the commands
/// and turns the handles into replies. No other command on this connection runs between those of a
/// pipeline, but commands of other connections may. Use a [transaction](super::Client::transaction)
/// if the commands must run as a whole.
///
/// A pipeline saves round trips. It does not make writes faster on SwarmKeyDb, which takes about
/// 0.1 s for each key that one connection writes: there, 1,000 SETs take 100 s. Send independent
/// commands as a [bulk](super::Bulk) instead, which uses all connections of the client.
///
/// # Errors
///
/// - If the server rejects a command, the others are not affected.
/// - If the connection is lost, the commands that were answered have their replies. For each other
///   command, [`Error::outcome`](crate::Error::outcome) says whether it may have run. The client
///   resends them only if all commands of the pipeline are read-only.
/// - If the client rejects a command (an invalid argument, or one that the transport cannot carry),
///   it sends nothing.
///
/// # Examples
///
/// ```
/// # use swarm_keydb::Client;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let pipeline = client.pipeline();
/// let handles = (pipeline.set("name", "ann"), pipeline.incr("visits"), pipeline.incr("name"));
/// let (set, visits, mistake) = pipeline.send(handles).await;
/// set?;
/// assert_eq!(visits?, 1);
/// assert!(mistake.is_err(), "a name is not a number; the other commands are not affected");
///
/// // Any number of commands:
/// let pipeline = client.pipeline();
/// let handles: Vec<_> = (0..3).map(|n| pipeline.incrby("sum", n)).collect();
/// let sums = pipeline.send(handles).await.into_iter().collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(sums, [0, 1, 3]);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until `send` is awaited"]
pub struct Pipeline(Queue);

impl Pipeline {
    pub(super) const fn new(queue: Queue) -> Self {
        Self(queue)
    }

    /// Sets the maximum time for the whole pipeline, instead of the client's `request_timeout`.
    /// Unlike the default, it does not grow with the number of keys.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.0.set_timeout(timeout);
        self
    }

    /// Returns the number of queued commands.
    pub fn len(&self) -> usize {
        self.0.len()
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
    /// If the future is dropped before its first poll, nothing is sent. If it is dropped later, the
    /// commands may run.
    pub async fn send_raw(self) -> Vec<Result<Frame>> {
        self.run(&()).await.into_frames()
    }

    async fn run(self, handles: &impl Handles) -> Replies {
        let (batch, link) = match self.0.into_batch(handles) {
            Ok(ready) => ready,
            Err(withheld) => return withheld,
        };
        if batch.names.is_empty() {
            return link.replies(batch.names, Vec::new());
        }
        let running = link.start("PIPELINE", &batch.names);
        let answers = link
            .call(batch.requests.build(), batch.marks, batch.retry)
            .await;
        running.finish_batch(&batch.names, &answers.replies);
        link.replies(batch.names, answers.replies)
    }
}

impl Executor for Pipeline {
    /// A handle that gives the reply once the pipeline is sent.
    type Output<R> = Queued<R>;

    fn execute<R>(&self, mut command: Command<R>) -> Queued<R> {
        vet(&mut command, self.0.used());
        self.0.push(command)
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pipeline({} commands)", self.len())
    }
}
