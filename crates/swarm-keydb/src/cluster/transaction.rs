//! Transactions: commands between `MULTI` and `EXEC`, on the node of their slot.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use swarm_resp::{Request, RequestBatch, RequestBatchBuilder};

use super::handle::Handle;
use super::routed::Routed;
use super::router::Submitted;
use super::target::{Target, target};
use crate::client::{
    Handles, Queued, Replies, decode_transaction, next_id, refusal, transaction_marks,
};
use crate::command::{Command, Executor};
use crate::commands::{Use, vet};
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::request_reply::{Marks, Requests, reply_channel};

/// Transaction: `MULTI`, its commands, and `EXEC`, sent to one node. All keys must have one slot: a
/// common hash tag, as in `{order7}:items` and `{order7}:total`, makes sure of that.
///
/// The command methods queue commands and return handles; [`exec`](Self::exec) runs the commands
/// and turns the handles into replies. The client sends nothing before `exec`. A transaction that a
/// node refuses because the slot has moved did not run, and is sent again as a whole.
///
/// For transactions that depend on what they read, use [`transact`](crate::Client::transact) of
/// [`node_of`](super::Client::node_of).
///
/// # Errors
///
/// Those of [`crate::Transaction`], and kind [`Argument`](crate::ErrorKind::Argument) if the keys
/// belong to different slots, or a command has no keys and concerns the whole cluster.
///
/// # Examples
///
/// ```
/// # async fn example(client: swarm_keydb::cluster::Client) -> swarm_keydb::Result<()> {
/// let tx = client.transaction();
/// let handles = (tx.decrby("{bank}:ann", 5), tx.incrby("{bank}:bob", 5));
/// let (ann, bob) = tx.exec(handles).await?;
/// assert_eq!((ann?, bob?), (-5, 5));
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until `exec` is awaited"]
pub struct Transaction {
    client: Arc<Handle>,
    /// Distinguishes handles of this transaction from those of others.
    id: u64,
    timeout: Option<Duration>,
    commands: RefCell<Commands>,
}

struct Commands {
    names: Vec<Cow<'static, str>>,
    requests: RequestBatchBuilder,
    marks: Vec<(usize, Marks)>,
    slot: Option<u16>,
    /// Errors of rejected commands, by position.
    rejected: BTreeMap<usize, Error>,
}

impl Transaction {
    pub(super) fn new(client: &Arc<Handle>) -> Self {
        Self {
            client: Arc::clone(client),
            id: next_id(),
            timeout: None,
            commands: RefCell::new(Commands {
                names: Vec::new(),
                requests: RequestBatch::builder(),
                marks: Vec::new(),
                slot: None,
                rejected: BTreeMap::new(),
            }),
        }
    }

    /// Sets the maximum time for the whole transaction, instead of the client's `request_timeout`.
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
    /// transaction may run; either all of its commands run or none.
    pub async fn exec<H: Handles>(self, handles: H) -> Result<H::Replies> {
        let Self {
            client,
            id,
            timeout,
            commands,
        } = self;
        let Commands {
            names,
            mut requests,
            marks,
            slot,
            rejected,
        } = commands.into_inner();
        if !handles.are_of(id) || !rejected.is_empty() {
            return Err(Replies::withheld(id, names, rejected).into_rejection());
        }
        requests.push_front(Request::new("MULTI", ()));
        requests.push(&mut Request::builder("EXEC"));
        let requests = Requests::batch(requests.build(), transaction_marks(&marks, names.len()));
        let router = &client.router;
        let mut running = router.start_batch("MULTI", &names);
        let (sender, answers) = reply_channel(None);
        let routed = Routed::transaction(router, requests, sender);
        let timeout = timeout.unwrap_or(router.options().client().request_timeout);
        // Any node can run a transaction without keys.
        let slot = slot.unwrap_or_else(|| fastrand::u16(..super::slot::SLOTS));
        let failed = |failure| Error::from_failure(failure).for_command("EXEC".into());
        let outcome = match router.submit(slot, routed, timeout) {
            Ok(Submitted::Waiting) => Ok(()),
            Ok(Submitted::Enqueueing(enqueueing)) => enqueueing.await,
            Err(failure) => Err(failure),
        };
        let results = match outcome {
            Ok(()) => match answers.await {
                Some(answers) => decode_transaction(&names, answers),
                None => Err(failed(Failure::runtime_gone(true))),
            },
            Err(failure) => Err(failed(failure)),
        };
        let results = results.inspect_err(|error| running.finish(Some(error)))?;
        running.finish_batch(&names, &results);
        let mut replies = Replies::new(id, names, results, BTreeMap::new());
        Ok(handles.collect(&mut replies))
    }
}

impl Commands {
    /// Checks that a command belongs to the slot of the others.
    fn check(&mut self, args: &swarm_resp::RequestArgs<'_>) -> Result<()> {
        let slot = match target(args)? {
            Target::Slot(slot) => slot,
            Target::Any => return Ok(()),
            Target::Split(split) => {
                return Err(Error::argument(format!(
                    "the keys belong to {} different slots of the cluster, and a transaction runs \
                     on one node; give them a common hash tag, such as {{user1}}",
                    split.slots.len()
                )));
            }
            Target::Every(..) => {
                return Err(Error::argument(
                    "this command runs on all nodes, and a transaction on one; send it on its own",
                ));
            }
        };
        match *self.slot.get_or_insert(slot) {
            known if known == slot => Ok(()),
            known => Err(Error::argument(format!(
                "the key belongs to slot {slot} of the cluster, and those of earlier commands to \
                 {known}; give the keys of a transaction a common hash tag, such as {{user1}}"
            ))),
        }
    }
}

impl Executor for Transaction {
    /// A handle that gives the reply once the transaction has run.
    type Output<R> = Queued<R>;

    fn execute<R>(&self, mut command: Command<R>) -> Queued<R> {
        vet(&mut command, Use::Transaction);
        let refusal = refusal(&mut command);
        let builder = &mut command.builder;
        let mut commands = self.commands.borrow_mut();
        let position = commands.names.len();
        let checked = match refusal {
            Some(error) => Err(error),
            None => commands.check(&builder.request.written()),
        };
        match checked {
            Ok(()) => {
                commands.requests.push(&mut builder.request);
                if !builder.marks.is_empty() {
                    commands.marks.push((position, builder.marks));
                }
            }
            Err(error) => {
                let error = error.for_command(builder.name.clone());
                commands.rejected.insert(position, error);
            }
        }
        commands.names.push(std::mem::take(&mut builder.name));
        Queued::new(self.id, position, command.decode)
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transaction({} commands)", self.len())
    }
}
