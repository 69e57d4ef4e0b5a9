//! Many commands in the time of one reply.

use std::fmt;
use std::time::Duration;

use swarm_resp::Frame;

use super::queue::{Handles, Queue, Queued, Replies};
use crate::command::{Command, Executor};
use crate::commands::vet;
use crate::error::Result;

/// Commands that are sent together, one right after the other, each with a result of its own.
///
/// Its methods put commands down and give handles; [`send`](Self::send) sends them and turns the handles into replies.
/// Commands of other tasks may run before and after them but, on one connection, never between; other connections' may:
/// what must run as a whole is a [transaction](super::Client::transaction).
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
/// assert!(mistake.is_err(), "a name is no number, and the others are not touched by that");
///
/// // As many as there are:
/// let pipeline = client.pipeline();
/// let handles: Vec<_> = (0..3).map(|n| pipeline.incrby("sum", n)).collect();
/// let sums = pipeline.send(handles).await.into_iter().collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(sums, [0, 1, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// A command that the server refuses does not harm the next. When the connection is lost, commands that were answered
/// have their replies, and of each other [`Error::outcome`](crate::Error::outcome) says whether it may have run; none is sent again unless all of
/// the pipeline only read. When a command is refused on this side (a bad argument, one that the wire cannot carry), nothing
/// at all is sent.
#[must_use = "nothing is sent until `send` is awaited"]
pub struct Pipeline(Queue);

impl Pipeline {
    pub(super) const fn new(queue: Queue) -> Self {
        Self(queue)
    }

    /// Maximum time for all of it, instead of the client's `request_timeout`. It does not grow with the number of keys.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.0.set_timeout(timeout);
        self
    }

    /// How many commands there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no command.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends the commands, and gives the replies in the shape of the handles: one, a tuple, an array or a `Vec`.
    ///
    /// **Errors:** each reply has its own.
    ///
    /// **Cancel safety:** dropping the future before its first poll sends nothing. Later, the commands may run, and nobody
    /// else is harmed.
    pub async fn send<H: Handles>(self, handles: H) -> H::Replies {
        let mut replies = self.run(&handles).await;
        handles.collect(&mut replies)
    }

    /// Sends the commands, and gives all replies as they came, for commands whose types are not known beforehand.
    ///
    /// **Errors** and **cancel safety:** as [`send`](Self::send).
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
        let answers = link
            .call("PIPELINE", batch.requests.build(), batch.marks, batch.retry)
            .await;
        link.replies(batch.names, answers.replies)
    }
}

impl Executor for Pipeline {
    /// What gives the reply when the pipeline is sent.
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
