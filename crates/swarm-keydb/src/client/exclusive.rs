//! Handle of a dedicated connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use swarm_resp::Request;

use super::lease::Lease;
use super::queue::Queue;
use super::{Client, Pipeline, Reply, Transaction};
use crate::command::{Builder, Command, Executor};
use crate::commands::{ServerInfo, Use, hello_command, vet, wait_command};
use crate::error::{Error, ErrorKind, Result};
use crate::failure::{Late, Wait};
use crate::key::ToKeys;
use crate::request_reply::{ConnectionHandle, deadline_in};
use crate::runtime::timeout;

/// Handle of a dedicated connection, for commands that depend on its session, such as WATCH.
///
/// [`Client::exclusive`] leases the connection from a bounded pool; dropping the handle returns it.
/// The handle has all command methods and cannot be cloned. A blocking command delays all later
/// commands on the same handle.
///
/// [`raw`](crate::RawCommands::raw) also sends commands that change the session, such as SELECT,
/// AUTH, and CLIENT SETNAME. After such a command, the client closes the connection when the handle
/// is dropped.
///
/// Commands on the handle have no order with those of the client that are not awaited, even if they
/// name a common key. On SwarmKeyDb, WATCH therefore misses writes of the same client, too; use
/// [`Client::transact`], which keeps them waiting.
///
/// If the connection is lost, the client does not reconnect, because the server has forgotten the
/// watched keys. All later commands on the handle fail with outcome
/// [`NotSent`](crate::Outcome::NotSent); lease a new connection.
///
/// # Dropping
///
/// The connection returns to the pool only if it is provably clean: no reply is pending, no key is
/// watched, and the session is unchanged. Otherwise, the client closes it. Futures and transactions
/// created from the handle keep the connection leased until they complete or are dropped.
///
/// # Examples
///
/// ```
/// # use swarm_keydb::{Client, ErrorKind};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let gateway = swarm_gateway::test().await?;
/// # let client = Client::connect(gateway.ws_url()).await?;
/// let mut conn = client.exclusive().await?;
/// conn.watch("stock").await?;
/// let stock: i64 = conn.get_as("stock").await?.unwrap_or(0);
/// client.set("stock", 7).await?; // Another client writes first.
///
/// let tx = conn.transaction();
/// let set = tx.set("stock", stock + 1);
/// let error = tx.exec(set).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Conflict);
/// # Ok(())
/// # }
/// ```
///
/// [`Client::transact`] does the same and retries after a conflict.
pub struct Exclusive {
    lease: Arc<Lease>,
    timeout: Duration,
}

impl Client {
    /// Leases a dedicated connection: see [`Exclusive`].
    ///
    /// The shared client has no commands that change the session:
    ///
    /// # Errors
    ///
    /// - Kind [`Timeout`](ErrorKind::Timeout) if all [dedicated
    ///   connections](crate::ClientOptions::max_dedicated_connections) are in use for the whole
    ///   request timeout. The message says how many callers wait.
    /// - Kind [`Connection`](ErrorKind::Connection) or [`Auth`](ErrorKind::Auth) if the connection
    ///   cannot be opened.
    /// - Kind [`Argument`](ErrorKind::Argument) over HTTP, which has no sessions.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the caller leaves the waiting line.
    ///
    /// # Examples
    ///
    /// ```compile_fail,E0599
    /// # async fn example(client: swarm_keydb::Client) {
    /// client.watch("key").await;
    /// # }
    /// ```
    pub async fn exclusive(&self) -> Result<Exclusive> {
        let timeout = self.shared.factory.options.request_timeout;
        self.shared
            .connection
            .check_open()
            .map_err(Error::from_failure)?;
        let lease = self.shared.leases.acquire(deadline_in(timeout));
        Ok(Exclusive {
            lease: Arc::new(lease.await?),
            timeout,
        })
    }
}

impl Exclusive {
    /// Makes the next transaction on this connection fail if one of the keys changes before it runs
    /// (`WATCH`).
    ///
    /// Redis, Valkey and KeyDB detect every change. SwarmKeyDb misses writes that run at the same
    /// time as the transaction, and changes by HTTP, scripts, expiry, `XGROUP` and `XREADGROUP`.
    /// See [what each server guarantees](crate::guide::guarantees).
    ///
    /// # Errors
    ///
    /// The errors of any command. The keys may be watched afterwards.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the keys may be watched.
    pub async fn watch(&mut self, keys: impl ToKeys) -> Result<()> {
        let command = Builder::new("WATCH").keys(keys).build();
        self.lease.session.watch();
        self.call(command).await
    }

    /// Waits until no other command of the client that writes one of the watched keys is in flight,
    /// and keeps later ones waiting until the lease ends, if the server does not isolate
    /// transactions.
    pub(super) async fn hold_keys(&self, client: &Client, watch: &Request) -> Result<()> {
        let shared = &client.shared;
        let learned = &shared.factory.target.settings.learned;
        if learned.profile().is_some_and(|server| !server.torn_writes) {
            return Ok(());
        }
        let keys = watch.view().args().skip(1).map(Bytes::copy_from_slice);
        let hold = {
            let _context = client.tasks().timers();
            timeout(self.timeout, shared.connection.hold(keys.collect()))
        };
        let failed = |_| {
            let late = Late {
                address: shared.factory.target.settings.address.clone(),
                waited: Some(self.timeout),
                wait: Wait::Keys,
                ..Late::default()
            };
            Error::late(&late).for_command("WATCH".into())
        };
        self.lease.keep_keys(hold.await.map_err(failed)?);
        Ok(())
    }

    /// Lets other commands of the client write the keys again.
    pub(super) fn release_keys(&self) {
        self.lease.release_keys();
    }

    /// Stops watching all keys (`UNWATCH`).
    ///
    /// # Errors
    ///
    /// The errors of any command. The keys may still be watched.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the keys may still be watched.
    pub async fn unwatch(&mut self) -> Result<()> {
        let watches = self.lease.session.watches();
        self.call(Builder::new("UNWATCH").build::<()>()).await?;
        self.lease.session.unwatched(watches);
        Ok(())
    }

    /// Creates a transaction on this connection that fails with [`Conflict`](ErrorKind::Conflict)
    /// if a watched key changed.
    ///
    /// Nothing is sent before [`exec`](Transaction::exec), which sends MULTI, the commands and EXEC
    /// as one batch. Dropping the transaction discards it.
    pub fn transaction(&self) -> Transaction {
        Transaction::new(self.queue())
    }

    /// Creates a pipeline on this connection: commands that are sent together, each with its own
    /// result. See [`Pipeline`].
    pub fn pipeline(&self) -> Pipeline {
        Pipeline::new(self.queue())
    }

    /// Switches this connection to RESP version 2 or 3 (`HELLO`), and returns the server's
    /// description of itself.
    ///
    /// # Errors
    ///
    /// Kind [`Server`](ErrorKind::Server) (`NOPROTO`) if the server does not support the version.
    /// If there is no reply or an unexpected one, as from some gateways for version 3, the client
    /// closes the connection.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped after its first poll, the client closes the connection.
    pub async fn hello_with(&mut self, version: u8) -> Result<ServerInfo> {
        // After an unexpected reply, later data could be taken for replies to other commands.
        let mut guard = CloseOnDrop(Some(self.lease.connection.clone()));
        let info = self.execute(hello_command(version)).await;
        let answered = |error: &Error| error.kind() == ErrorKind::Server;
        if info.is_ok() || info.as_ref().is_err_and(answered) {
            guard.0 = None;
        }
        info
    }

    /// Waits until replicas have received all writes of this connection (`WAIT`), for at most
    /// `timeout`, in milliseconds, rounded up.
    ///
    /// Returns how many replicas have received them, which may be fewer than `replicas` if the time
    /// is over. Writes of other handles do not count, so the client itself has no such method.
    ///
    /// # Errors
    ///
    /// Kind [`Argument`](ErrorKind::Argument) if the timeout is zero, which servers take for forever.
    /// Kind [`Server`](ErrorKind::Server) on SwarmKeyDb, which does not have the command.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the connection closes together with its handle. The writes remain.
    pub fn wait(&self, replicas: u64, timeout: Duration) -> Reply<u64> {
        self.execute(wait_command(replicas, timeout))
    }

    /// Returns whether keys are or may be watched.
    pub fn is_watching(&self) -> bool {
        self.lease.session.is_watching()
    }

    fn queue(&self) -> Queue {
        Queue::new(self.lease.connection.clone(), self.timeout).on(Arc::clone(&self.lease))
    }

    fn call<R>(&self, command: Command<R>) -> Reply<R> {
        let connection = self.lease.connection.clone();
        Reply::new(connection, command, self.timeout).on(Arc::clone(&self.lease))
    }
}

/// Closes a connection when dropped, unless disarmed.
struct CloseOnDrop(Option<ConnectionHandle>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.abort();
        }
    }
}

impl Executor for Exclusive {
    /// A future that resolves to the reply. The command is sent when the future is first polled.
    type Output<R> = Reply<R>;

    fn execute<R>(&self, mut command: Command<R>) -> Reply<R> {
        vet(&mut command, Use::Exclusive);
        if !command.is_rejected() {
            self.lease.session.note(&command.builder.request.written());
        }
        self.call(command)
    }
}

impl fmt::Debug for Exclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exclusive")
            .field("is_watching", &self.is_watching())
            .finish_non_exhaustive()
    }
}
