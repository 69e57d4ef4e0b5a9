//! Blocking handle of a dedicated connection, and optimistic transactions.

use std::time::Duration;

use super::runtime::Runtime;
use super::{Client, Pipeline, Transaction};
use crate::client::{self, Attempts};
use crate::command::{Command, Executor};
use crate::commands::{ServerInfo, wait_command};
use crate::error::Result;
use crate::key::ToKeys;

/// Handle of a dedicated connection, for commands that depend on its session: see
/// [`Exclusive`](crate::Exclusive).
///
/// # Examples
///
/// ```
/// # use swarm_keydb::{ErrorKind, blocking::Client};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::blocking::test()?;
/// # let client = Client::connect(gateway.ws_url())?;
/// let mut conn = client.exclusive()?;
/// conn.watch("stock")?;
/// let stock: i64 = conn.get_as("stock")?.unwrap_or(0);
/// client.set("stock", 7)?; // Another client writes first.
///
/// let tx = conn.transaction();
/// let set = tx.set("stock", stock + 1);
/// let error = tx.exec(set).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Conflict);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Exclusive {
    inner: client::Exclusive,
    runtime: Runtime,
}

impl Client {
    /// Leases a dedicated connection.
    ///
    /// # Errors
    ///
    /// The errors of [`Client::exclusive`](crate::Client::exclusive).
    pub fn exclusive(&self) -> Result<Exclusive> {
        Ok(Exclusive {
            inner: self.runtime.wait(self.inner.exclusive())??,
            runtime: self.runtime.clone(),
        })
    }

    /// Runs an optimistic transaction: see [`Client::transact`](crate::Client::transact).
    ///
    /// # Errors
    ///
    /// The errors of [`Client::transact`](crate::Client::transact).
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::blocking::Client;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::blocking::test()?;
    /// # let client = Client::connect(gateway.ws_url())?;
    /// let doubled = client.transact("n", |conn| {
    ///     let n: i64 = conn.get_as("n")?.unwrap_or(1);
    ///     let tx = conn.transaction();
    ///     let set = tx.set("n", n * 2);
    ///     tx.exec(set)??;
    ///     Ok(n * 2)
    /// })?;
    /// assert_eq!(doubled, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn transact<T>(
        &self,
        keys: impl ToKeys,
        mut attempt: impl FnMut(&mut Exclusive) -> Result<T>,
    ) -> Result<T> {
        let mut attempts = Attempts::new(self.inner.clone(), keys);
        loop {
            let mut conn = Exclusive {
                inner: self.runtime.wait(attempts.begin())??,
                runtime: self.runtime.clone(),
            };
            let result = attempt(&mut conn);
            if let Some(result) = self.runtime.wait(attempts.settle(conn.inner, result))? {
                return result;
            }
        }
    }
}

impl Exclusive {
    /// Makes the next transaction on this connection fail if one of the keys changes before it runs
    /// (`WATCH`). See [`Exclusive::watch`](crate::Exclusive::watch) for which changes each server
    /// detects.
    ///
    /// # Errors
    ///
    /// The errors of any command. The keys may be watched afterwards.
    pub fn watch(&mut self, keys: impl ToKeys) -> Result<()> {
        self.runtime.wait(self.inner.watch(keys))?
    }

    /// Stops watching all keys (`UNWATCH`).
    ///
    /// # Errors
    ///
    /// The errors of any command. The keys may still be watched.
    pub fn unwatch(&mut self) -> Result<()> {
        self.runtime.wait(self.inner.unwatch())?
    }

    /// Creates a transaction on this connection that fails if a watched key changed.
    pub fn transaction(&self) -> Transaction {
        Transaction::new(self.inner.transaction(), self.runtime.clone())
    }

    /// Creates a pipeline on this connection: commands that are sent together, each with its own
    /// result.
    pub fn pipeline(&self) -> Pipeline {
        Pipeline::new(self.inner.pipeline(), self.runtime.clone())
    }

    /// Switches this connection to RESP version 2 or 3 (`HELLO`).
    ///
    /// # Errors
    ///
    /// The errors of [`Exclusive::hello_with`](crate::Exclusive::hello_with).
    pub fn hello_with(&mut self, version: u8) -> Result<ServerInfo> {
        self.runtime.wait(self.inner.hello_with(version))?
    }

    /// Waits until replicas have received all writes of this connection: see
    /// [`Exclusive::wait`](crate::Exclusive::wait).
    ///
    /// # Errors
    ///
    /// The errors of [`Exclusive::wait`](crate::Exclusive::wait).
    pub fn wait(&self, replicas: u64, timeout: Duration) -> Result<u64> {
        self.execute(wait_command(replicas, timeout))
    }

    /// Returns whether keys are or may be watched.
    pub fn is_watching(&self) -> bool {
        self.inner.is_watching()
    }
}

impl Executor for Exclusive {
    /// The reply.
    type Output<R> = Result<R>;

    fn execute<R>(&self, command: Command<R>) -> Result<R> {
        self.runtime.wait(self.inner.execute(command))?
    }
}
