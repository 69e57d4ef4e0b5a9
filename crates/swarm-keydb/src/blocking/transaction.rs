//! Blocking transactions.

use std::time::Duration;

use crate::client;
use crate::command::{Command, Executor};
use crate::error::Result;
use crate::{Handles, Queued};

use super::runtime::Runtime;

/// A transaction: see [`Transaction`](crate::Transaction) for what each server guarantees.
///
/// # Examples
///
/// ```
/// # use swarm_keydb::blocking::Client;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::blocking::test()?;
/// # let client = Client::connect(gateway.ws_url())?;
/// let tx = client.transaction();
/// let handles = (tx.decrby("ann", 5), tx.incrby("bob", 5));
/// let (ann, bob) = tx.exec(handles)?;
/// assert_eq!((ann?, bob?), (-5, 5));
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until `exec` is called"]
#[derive(Debug)]
pub struct Transaction {
    inner: client::Transaction,
    runtime: Runtime,
}

impl Transaction {
    pub(super) const fn new(inner: client::Transaction, runtime: Runtime) -> Self {
        Self { inner, runtime }
    }

    /// Sets the maximum time for the whole transaction, instead of the client's `request_timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.inner = self.inner.timeout(timeout);
        self
    }

    /// Returns the number of queued commands.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Returns whether no command is queued.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Runs the commands and returns their replies in the shape of `handles`.
    ///
    /// # Errors
    ///
    /// The errors of [`Transaction`](crate::Transaction).
    pub fn exec<H: Handles>(self, handles: H) -> Result<H::Replies> {
        self.runtime.wait(self.inner.exec(handles))?
    }
}

impl Executor for Transaction {
    /// A handle that gives the reply once the transaction has run.
    type Output<R> = Queued<R>;

    fn execute<R>(&self, command: Command<R>) -> Queued<R> {
        self.inner.execute(command)
    }
}
