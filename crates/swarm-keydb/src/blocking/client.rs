//! Blocking client: a handle that threads share.

use std::fmt;
use std::time::Duration;

use swarm_transport::Connect;

use crate::client::Closed;
use crate::command::{Command, Executor};
use crate::commands::ScanOptions;
use crate::credentials::Credentials;
use crate::error::Result;
use crate::options::ClientOptions;
use crate::pubsub::SubscribeOptions;
use crate::status::{State, Stats};

use super::runtime::Runtime;
use super::{Bulk, Pipeline, Scan, Transaction};

/// Blocking client of one server. Cheap to clone; any number of threads may share it.
///
/// Each command is a method that blocks the calling thread until the reply arrives. Delivery
/// guarantees and errors are those of the async [`Client`](crate::Client).
///
/// # Errors
///
/// In addition to the errors of the async client, every blocking call fails with kind
/// [`Config`](crate::ErrorKind::Config) on the client's own thread, where message handlers run.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: crate::Client,
    pub(super) runtime: Runtime,
    pub(super) call: Call,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Settings of the calls of one handle.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Call {
    pub(super) timeout: Option<Duration>,
    retry: Option<bool>,
    pub(super) subscription: SubscribeOptions,
}

impl Client {
    /// Connects to a server given by a URL or by [`ClientOptions`].
    ///
    /// # Errors
    ///
    /// The errors of [`Client::connect`](crate::Client::connect), and kind
    /// [`Config`](crate::ErrorKind::Config) if the client's thread cannot be started.
    pub fn connect(options: impl Into<ClientOptions>) -> Result<Self> {
        let options = options.into();
        Self::start(|| crate::Client::connect(options))
    }

    /// Connects through a custom transport: see
    /// [`Client::connect_with`](crate::Client::connect_with).
    ///
    /// # Errors
    ///
    /// The errors of [`Client::connect_with`](crate::Client::connect_with), and kind
    /// [`Config`](crate::ErrorKind::Config) if the client's thread cannot be started.
    pub fn connect_with(
        connector: impl Connect,
        options: impl Into<ClientOptions>,
    ) -> Result<Self> {
        let options = options.into();
        Self::start(|| crate::Client::connect_with(connector, options))
    }

    /// Creates a client that connects in the background and retries until it succeeds. Calls wait
    /// for the connection within their timeout.
    ///
    /// # Errors
    ///
    /// Kind [`Config`](crate::ErrorKind::Config) if an option is invalid or the client's thread
    /// cannot be started.
    pub fn connect_lazy(options: impl Into<ClientOptions>) -> Result<Self> {
        let options = options.into();
        Self::start(|| async { crate::Client::connect_lazy(options) })
    }

    fn start<F: Future<Output = Result<crate::Client>>>(
        connect: impl FnOnce() -> F,
    ) -> Result<Self> {
        let runtime = Runtime::start()?;
        let inner = runtime.wait(connect())??;
        runtime.follow(inner.tasks().clone());
        Ok(Self {
            inner,
            runtime,
            call: Call::default(),
        })
    }

    /// Returns a handle of the same client whose calls and subscriptions have this timeout instead
    /// of the client's `request_timeout`. For a subscription, the time ends when the server has
    /// acknowledged every name.
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::blocking::Client;
    /// # use std::time::Duration;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::blocking::test()?;
    /// # let client = Client::connect(gateway.ws_url())?;
    /// let value = client.timeout(Duration::from_secs(1)).get("k")?;
    /// # assert_eq!(value, None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn timeout(&self, timeout: Duration) -> Self {
        let mut handle = self.clone();
        handle.call.timeout = Some(timeout);
        handle
    }

    /// Returns a handle of the same client whose commands are marked as safe to retry: the client
    /// may resend them even if they may have run. See
    /// [`Reply::retry_safe`](crate::Reply::retry_safe).
    #[must_use]
    pub fn retry_safe(&self) -> Self {
        let mut handle = self.clone();
        handle.call.retry = Some(true);
        handle
    }

    /// Returns a handle of the same client whose commands are never resent, even if they are
    /// read-only.
    #[must_use]
    pub fn no_retry(&self) -> Self {
        let mut handle = self.clone();
        handle.call.retry = Some(false);
        handle
    }

    /// Returns a handle of the same client whose subscriptions have these options.
    ///
    /// # Examples
    ///
    /// ```
    /// # use swarm_keydb::{blocking::Client, SubscribeOptions};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let gateway = swarm_gateway::blocking::test()?;
    /// # let client = Client::connect(gateway.ws_url())?;
    /// let small = SubscribeOptions::new().buffer(100);
    /// let subscription = client.subscribe_options(small).subscribe("news")?;
    /// # drop(subscription);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe_options(&self, options: SubscribeOptions) -> Self {
        let mut handle = self.clone();
        handle.call.subscription = options;
        handle
    }

    /// Creates a pipeline: commands that are sent together, each with its own result. See
    /// [`Pipeline`](crate::Pipeline).
    pub fn pipeline(&self) -> Pipeline {
        let pipeline = self.inner.pipeline();
        Pipeline::new(
            match self.call.timeout {
                Some(timeout) => pipeline.timeout(timeout),
                None => pipeline,
            },
            self.runtime.clone(),
        )
    }

    /// Creates a bulk: independent commands, each with its own result. See [`Bulk`](crate::Bulk).
    pub fn bulk(&self) -> Bulk {
        let bulk = self.inner.bulk();
        Bulk::new(
            match self.call.timeout {
                Some(timeout) => bulk.timeout(timeout),
                None => bulk,
            },
            self.runtime.clone(),
        )
    }

    /// Creates a transaction: see [`Client::transaction`](crate::Client::transaction).
    pub fn transaction(&self) -> Transaction {
        let transaction = self.inner.transaction();
        Transaction::new(
            match self.call.timeout {
                Some(timeout) => transaction.timeout(timeout),
                None => transaction,
            },
            self.runtime.clone(),
        )
    }

    /// Returns the thread that runs the client's work.
    pub(super) fn runtime(&self) -> Runtime {
        self.runtime.clone()
    }

    /// Returns an iterator over all keys that match: see
    /// [`Client::scan_stream`](crate::Client::scan_stream).
    pub fn scan_iter(&self, options: ScanOptions) -> Scan {
        self.scan_iter_from(0, options)
    }

    /// Like [`scan_iter`](Self::scan_iter), but resumes at the [`cursor`](Scan::cursor) of an
    /// earlier iterator.
    pub fn scan_iter_from(&self, cursor: u64, options: ScanOptions) -> Scan {
        let stream = self.inner.scan_stream_from(cursor, options);
        Scan::new(stream, self.runtime.clone())
    }

    /// Returns the state of the shared connection.
    pub fn state(&self) -> State {
        self.inner.state()
    }

    /// Returns current statistics of the client, summed over all clones.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// Returns the underlying async client, for programs with both kinds of code. It works until
    /// the last clone of this blocking client is dropped.
    pub fn as_async(&self) -> crate::Client {
        self.inner.clone()
    }

    /// # Errors
    ///
    /// Only if called on the client's own thread.
    pub fn close(&self) -> Result<()> {
        self.runtime.wait(self.inner.close())
    }

    /// Like [`close`](Self::close), with a time limit: see
    /// [`Client::close_within`](crate::Client::close_within).
    ///
    /// # Errors
    ///
    /// Only if called on the client's own thread.
    pub fn close_within(&self, limit: Duration) -> Result<Closed> {
        self.runtime.wait(self.inner.close_within(limit))
    }

    /// Authenticates with new credentials: see [`Client::auth`](crate::Client::auth).
    ///
    /// # Errors
    ///
    /// Kind [`Auth`](crate::ErrorKind::Auth) if the server rejects the credentials; the client
    /// keeps the old ones.
    pub fn auth(&self, credentials: impl Into<Credentials>) -> Result<()> {
        self.runtime.wait(self.inner.auth(credentials))?
    }
}

impl Executor for Client {
    /// The reply.
    type Output<R> = Result<R>;

    fn execute<R>(&self, command: Command<R>) -> Result<R> {
        let mut reply = self.inner.execute(command);
        if let Some(timeout) = self.call.timeout {
            reply = reply.timeout(timeout);
        }
        reply = match self.call.retry {
            None => reply,
            Some(true) => reply.retry_safe(),
            Some(false) => reply.no_retry(),
        };
        self.runtime.wait(reply)?
    }
}
