//! The handle of a connection that nobody else uses.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::lease::Lease;
use super::queue::Queue;
use super::{Client, Pipeline, Reply, Transaction};
use crate::command::{Builder, Command, Executor};
use crate::commands::{ServerInfo, Use, hello_command, vet};
use crate::error::{Error, ErrorKind, Result};
use crate::key::ToKeys;
use crate::request_reply::{Mailbox, deadline_in};

/// A connection of one's own, for what acts on the connection: WATCH, and commands that must see each other's session.
///
/// [`Client::exclusive`] leases it from a bounded pool, and dropping it gives it back. It has all command families. Commands that
/// block may be sent over it, and block those behind it. It cannot be cloned.
///
/// [`raw`](crate::RawCommands::raw) also sends commands that change the session, such as SELECT, AUTH and CLIENT SETNAME. The client
/// then closes the connection when the handle is dropped.
///
/// When the connection is lost, it is not made again, for what was watched on it is forgotten: all later commands fail
/// with an error that says that they were not sent, and a new one must be leased.
///
/// ```
/// # use swarm_keydb::{Client, ErrorKind};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let mut own = client.exclusive().await?;
/// own.watch("stock").await?;
/// let stock: i64 = own.get_as("stock").await?.unwrap_or(0);
/// client.set("stock", 7).await?; // Somebody is quicker.
///
/// let tx = own.transaction();
/// let set = tx.set("stock", stock + 1);
/// let error = tx.exec(set).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Conflict);
/// # Ok(())
/// # }
/// ```
///
/// [`Client::transact`] does this, and again after a conflict.
///
/// # When it is dropped
///
/// Its connection serves the next lease if it is certain that it is as new: no reply is owed, no key watched, nothing of the
/// session changed. Otherwise it is closed. Replies and transactions that were begun and not yet awaited keep it until they are
/// done or dropped.
pub struct Exclusive {
    lease: Arc<Lease>,
    timeout: Duration,
}

impl Client {
    /// A connection of one's own: see [`Exclusive`].
    ///
    /// The handle that all share has no such commands:
    ///
    /// ```compile_fail,E0599
    /// # async fn example(client: swarm_keydb::Client) {
    /// client.watch("key").await;
    /// # }
    /// ```
    ///
    /// **Errors:** of kind [`Timeout`](ErrorKind::Timeout) when all leases are in use for as long as the request timeout; it says how
    /// many wait. Of kind `Connection` or `Auth` when the connection cannot be made. Over HTTP it is refused.
    ///
    /// **Cancel safety:** dropping the future gives up its place.
    pub async fn exclusive(&self) -> Result<Exclusive> {
        let timeout = self.shared.factory.options.request_timeout;
        self.shared.mailbox.check_open().map_err(Error::from)?;
        let lease = self.shared.leases.acquire(deadline_in(timeout).into());
        Ok(Exclusive {
            lease: Arc::new(lease.await?),
            timeout,
        })
    }
}

impl Exclusive {
    /// Makes the next transaction on this connection fail if one of the keys changes before it runs (`WATCH`).
    ///
    /// Redis, Valkey and KeyDB detect every change. SwarmKeyDb misses writes that run at the same time as the transaction,
    /// and changes by HTTP, scripts, expiry, `XGROUP` and `XREADGROUP`. See
    /// [what each server guarantees](crate::guide::guarantees).
    ///
    /// **Errors:** as of any command. The keys may be watched then.
    ///
    /// **Cancel safety:** when the future is dropped, the keys may be watched.
    pub async fn watch(&mut self, keys: impl ToKeys) -> Result<()> {
        let command = Builder::new("WATCH").keys(keys).build();
        self.lease.session.watch();
        self.hand_over(command).await
    }

    /// Forgets all watched keys (`UNWATCH`).
    ///
    /// **Errors:** as of any command. The keys may be watched still.
    ///
    /// **Cancel safety:** when the future is dropped, the keys may be watched still.
    pub async fn unwatch(&mut self) -> Result<()> {
        let watches = self.lease.session.watches();
        self.hand_over(Builder::new("UNWATCH").build::<()>())
            .await?;
        self.lease.session.unwatched(watches);
        Ok(())
    }

    /// Creates a transaction on this connection that fails with [`Conflict`](ErrorKind::Conflict) if a watched key changed.
    ///
    /// Nothing is sent before [`exec`](Transaction::exec), which sends MULTI, the commands and EXEC as one batch. Dropping the
    /// transaction discards it.
    pub fn transaction(&self) -> Transaction {
        Transaction::new(self.queue())
    }

    /// Many commands in the time of one reply, each with a result of its own: see [`Pipeline`].
    pub fn pipeline(&self) -> Pipeline {
        Pipeline::new(self.queue())
    }

    /// Switches this connection to a version of the protocol, 2 or 3 (`HELLO`).
    ///
    /// **Reply:** what the server tells of itself.
    ///
    /// **Errors:** a server that does not know the version refuses it (`NOPROTO`). When there is no answer, or one that makes no
    /// sense, as that of some gateways to version 3, the connection is closed.
    ///
    /// **Cancel safety:** when the future is dropped after its first poll, the connection is closed.
    pub async fn hello_with(&mut self, version: u8) -> Result<ServerInfo> {
        // Behind an answer that makes no sense, more of the kind would be taken for replies.
        let mut doubt = Doubt(Some(self.lease.mailbox.clone()));
        let info = self.execute(hello_command(version)).await;
        let answered = |error: &Error| error.kind() == ErrorKind::Server;
        if info.is_ok() || info.as_ref().is_err_and(answered) {
            doubt.0 = None;
        }
        info
    }

    /// Whether keys are watched, or may be.
    pub fn is_watching(&self) -> bool {
        self.lease.session.is_watching()
    }

    fn queue(&self) -> Queue {
        Queue::new(self.lease.mailbox.clone(), self.timeout).on(Arc::clone(&self.lease))
    }

    fn hand_over<R>(&self, command: Command<R>) -> Reply<R> {
        let mailbox = self.lease.mailbox.clone();
        Reply::new(mailbox, command, self.timeout).on(Arc::clone(&self.lease))
    }
}

/// Closes a connection when dropped, unless it is put aside.
struct Doubt(Option<Mailbox>);

impl Drop for Doubt {
    fn drop(&mut self) {
        if let Some(mailbox) = &self.0 {
            mailbox.abort();
        }
    }
}

impl Executor for Exclusive {
    /// A future of the reply. The command is sent when it is first polled.
    type Output<R> = Reply<R>;

    fn execute<R>(&self, mut command: Command<R>) -> Reply<R> {
        vet(&mut command, Use::Exclusive);
        if !command.is_refused() {
            self.lease.session.note(&command.draft.request.written());
        }
        self.hand_over(command)
    }
}

impl fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exclusive")
            .field("is_watching", &self.is_watching())
            .finish_non_exhaustive()
    }
}
