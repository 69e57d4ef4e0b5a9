//! Transactions: commands between `MULTI` and `EXEC`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use swarm_resp::{ConvertError, Frame, FrameRef, Request, ServerError};

use super::queue::{Handles, Queue, Queued};
use crate::command::{Command, Executor};
use crate::commands::{Use, vet};
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::{Answers, Marks, Retry};
use crate::server::{Meaning, ServerProfile};

/// Transaction: `MULTI`, its commands, and `EXEC`, sent as one batch.
///
/// Redis, Valkey and KeyDB run a transaction as a whole, with no command of another client in
/// between. SwarmKeyDb does not: commands of other clients run in between and see partial results,
/// and a transaction remains partial if its connection ends while it runs. See [what each server
/// guarantees](crate::guide::guarantees).
///
/// The command methods queue commands and return handles; [`exec`](Self::exec) runs the commands
/// and turns the handles into replies. The client sends nothing before `exec`, so dropping a
/// transaction discards it, and tasks that share the connection never mix their transactions.
///
/// # Errors
///
/// The outer result of [`exec`](Self::exec) is that of the whole transaction:
///
/// | | [`kind`](Error::kind) | [`outcome`](Error::outcome) |
/// |---|---|---|
/// | a watched key changed | [`Conflict`](crate::ErrorKind::Conflict) | `Rejected`: nothing ran |
/// | the server rejected a command | [`Server`](crate::ErrorKind::Server) | `Rejected`: nothing ran |
/// | the client rejected an argument | [`Argument`](crate::ErrorKind::Argument) | `NotSent` |
/// | the connection was lost | `Connection` | `MayHaveRun` if EXEC was sent, otherwise `NotSent` |
/// | the timeout expired | `Timeout` | `MayHaveRun` if EXEC was sent, otherwise `NotSent` |
///
/// [`Error::position`] and [`Error::command`] tell which command was rejected.
///
/// The inner results are those of the commands. If a command fails while the transaction runs, such
/// as `INCR` of text, the others still take effect: the server does not roll back.
///
/// # Examples
///
/// ```
/// # use swarm_keydb::Client;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let tx = client.transaction();
/// let handles = (tx.decrby("ann", 5), tx.incrby("bob", 5));
/// let (ann, bob) = tx.exec(handles).await?;
/// assert_eq!((ann?, bob?), (-5, 5));
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until `exec` is awaited"]
pub struct Transaction(Queue);

impl Transaction {
    pub(super) const fn new(queue: Queue) -> Self {
        Self(queue)
    }

    /// Sets the maximum time for the whole transaction, instead of the client's `request_timeout`.
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

    /// Runs the commands and returns their replies in the shape of `handles`: one handle, a tuple,
    /// an array, or a `Vec`.
    ///
    /// # Errors
    ///
    /// See [`Transaction`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before its first poll, nothing is sent. If it is dropped later, the
    /// transaction may run; either all of its commands are sent or none.
    pub async fn exec<H: Handles>(self, handles: H) -> Result<H::Replies> {
        let (batch, link) = match self.0.into_batch(&handles) {
            Ok(ready) => ready,
            Err(withheld) => return Err(withheld.into_rejection()),
        };
        let mut requests = batch.requests;
        requests.push_front(Request::new("MULTI", ()));
        requests.push(&mut Request::builder("EXEC"));
        let watches = link.watches();
        let marks = transaction_marks(&batch.marks, batch.names.len());
        let mut running = link.start("MULTI", &batch.names);
        let answers = link.call(requests.build(), marks, Retry::Never).await;
        if is_over(&answers) {
            link.unwatched(watches);
        }
        let results =
            decode(&batch.names, answers).inspect_err(|error| running.finish(Some(error)))?;
        running.finish_batch(&batch.names, &results);
        Ok(handles.collect(&mut link.replies(batch.names, results)))
    }
}

impl Executor for Transaction {
    /// A handle that gives the reply once the transaction has run.
    type Output<R> = Queued<R>;

    fn execute<R>(&self, mut command: Command<R>) -> Queued<R> {
        vet(&mut command, Use::Transaction);
        self.0.push(command)
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transaction({} commands)", self.len())
    }
}

/// Derives the marks of a transaction's requests from those of its commands, which follow MULTI. A
/// fence follows only EXEC, whose reply contains those of all commands; the earlier replies are
/// `QUEUED` or errors.
pub(crate) fn transaction_marks(marks: &[(usize, Marks)], commands: usize) -> Vec<(usize, Marks)> {
    let exec = commands.saturating_add(1);
    let fenced = marks.iter().any(|(_, marks)| marks.contains(Marks::FENCE));
    let commands = marks
        .iter()
        .map(|(position, marks)| (position.saturating_add(1), marks.unfenced()))
        .filter(|(_, marks)| !marks.is_empty());
    commands
        .chain(fenced.then_some((exec, Marks::FENCE)))
        .collect()
}

/// Whether the server has certainly ended the transaction, and with it all watches.
fn is_over(answers: &Answers) -> bool {
    match answers.replies.last() {
        Some(Ok(_)) => true,
        Some(Err(Failure::Server(error))) => error.code() == "EXECABORT",
        _ => false,
    }
}

/// Derives the result of a transaction from the replies to MULTI, each command, and EXEC.
pub(crate) fn decode(
    names: &[Cow<'static, str>],
    answers: Answers,
) -> Result<Vec<Result<Frame, Failure>>> {
    let Answers {
        mut replies,
        server,
    } = answers;
    match replies.pop() {
        Some(Ok(exec)) => decode_exec(names, &exec, server),
        Some(Err(failure)) => Err(failure_of(names, replies, failure)),
        None => Err(Error::closed().for_command("EXEC".into())),
    }
}

/// Splits the reply to EXEC into those of the commands.
pub(super) fn decode_exec(
    names: &[Cow<'static, str>],
    exec: &Frame,
    server: ServerProfile,
) -> Result<Vec<Result<Frame, Failure>>> {
    if exec.is_null() {
        return Err(Error::conflict());
    }
    let items = exec.items().filter(|items| items.len() == names.len());
    let Some(items) = items else {
        let error = ConvertError::new("a list with a reply to each command", exec.view());
        return Err(Error::convert(error).for_command("EXEC".into()));
    };
    let read = |(item, name): (FrameRef<'_>, &Cow<'_, str>)| {
        let meaning = || Meaning::for_command(name.split_ascii_whitespace().map(str::as_bytes));
        match server.failure_of(item, meaning) {
            Some(error) => Err(error.into()),
            None => Ok(item.to_frame()),
        }
    };
    Ok(items.zip(names).map(read).collect())
}

/// Returns why a transaction did not run, or may not have run. `earlier` holds the replies to MULTI
/// and the commands, `exec` the failure of EXEC.
fn failure_of(
    names: &[Cow<'static, str>],
    earlier: Vec<Result<Frame, Failure>>,
    exec: Failure,
) -> Error {
    let mut failed = earlier
        .into_iter()
        .enumerate()
        .filter_map(|(at, reply)| Some((at, reply.err()?)));
    let nothing_ran = matches!(&exec, Failure::Server(error) if error.code() == "EXECABORT");
    let first = match exec {
        // The transport or the server cannot take one of the requests, and nothing was sent.
        Failure::Withheld | Failure::Refused(_) | Failure::Unsupported(_) => {
            failed.find(|(_, failure)| !matches!(failure, Failure::Withheld))
        }
        // The server rejected a command when it was queued.
        Failure::Server(_) => failed.find(|(_, failure)| matches!(failure, Failure::Server(_))),
        _ => None,
    };
    match first {
        None => Error::from_failure(exec).for_command("EXEC".into()),
        Some((0, Failure::Server(error))) => multi_rejected(error),
        Some((at, failure)) => {
            let position = at.saturating_sub(1);
            let name = match names.get(position) {
                Some(name) if at > 0 => name.clone(),
                _ => "MULTI".into(),
            };
            let error = Error::from_failure(failure).for_command(name).at(position);
            if nothing_ran { error.rejected() } else { error }
        }
    }
}

/// The server rejected MULTI, but ran the commands that followed it.
fn multi_rejected(error: ServerError) -> Error {
    Error::from_failure(Failure::Server(error))
        .for_command("MULTI".into())
        .may_have_run("transactions rejected by the server, so the commands ran one by one")
}
