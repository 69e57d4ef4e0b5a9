//! The handle that threads share.

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
use super::{Pipeline, Scan, Transaction};

/// A client of one server whose calls block: cheap to clone, shared by any number of threads.
///
/// Each command is a method that blocks until the reply arrives. Delivery and errors are those of the async
/// [`Client`](crate::Client).
#[derive(Debug, Clone)]
pub struct Client {
    pub(super) inner: crate::Client,
    pub(super) runtime: Runtime,
    pub(super) call: Call,
}

/// How calls are made.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Call {
    timeout: Option<Duration>,
    retry: Option<bool>,
    pub(super) subscription: SubscribeOptions,
}

impl Client {
    /// Connects to a server: to a URL, or with [`ClientOptions`].
    ///
    /// **Errors:** as [`Client::connect`](crate::Client::connect), and when no thread can be started.
    pub fn connect(options: impl Into<ClientOptions>) -> Result<Self> {
        let options = options.into();
        Self::start(|| crate::Client::connect(options))
    }

    /// Connects through a transport of the caller's own.
    ///
    /// **Errors:** as [`Client::connect_with`](crate::Client::connect_with), and when no thread can be started.
    pub fn connect_with(
        connector: impl Connect,
        options: impl Into<ClientOptions>,
    ) -> Result<Self> {
        let options = options.into();
        Self::start(|| crate::Client::connect_with(connector, options))
    }

    /// A client that connects in the background, and again until it succeeds. Calls wait for the connection until
    /// their timeout.
    ///
    /// **Errors:** when an option makes no sense, or no thread can be started.
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

    /// A handle of the same client whose calls have a timeout of their own, instead of the `request_timeout`.
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

    /// A handle of the same client whose calls are sent again when they may have run already:
    /// see [`Reply::retry_safe`](crate::Reply::retry_safe).
    #[must_use]
    pub fn retry_safe(&self) -> Self {
        let mut handle = self.clone();
        handle.call.retry = Some(true);
        handle
    }

    /// A handle of the same client whose calls are never sent twice, even if they only read.
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

    /// Many commands in the time of one reply, each with a result of its own.
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

    /// Begins a transaction: see [`Client::transaction`](crate::Client::transaction).
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

    /// All keys that match, page after page: see [`Client::scan_stream`](crate::Client::scan_stream).
    pub fn scan_iter(&self, options: ScanOptions) -> Scan {
        self.scan_iter_from(0, options)
    }

    /// As [`scan_iter`](Self::scan_iter), from where an earlier iterator stopped: its [`cursor`](Scan::cursor).
    pub fn scan_iter_from(&self, cursor: u64, options: ScanOptions) -> Scan {
        let stream = self.inner.scan_stream_from(cursor, options);
        Scan::new(stream, self.runtime.clone())
    }

    /// The state of the connection.
    pub fn state(&self) -> State {
        self.inner.state()
    }

    /// Figures of this moment, for all clones together.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }

    /// The async client behind it, for a program that has both kinds of code. It works as long as a clone of this one lives.
    pub fn as_async(&self) -> crate::Client {
        self.inner.clone()
    }

    /// Closes the connection once the calls before it are answered or have timed out, for this handle and all its clones. Later
    /// calls fail with an error of kind [`Closed`](crate::ErrorKind::Closed).
    ///
    /// **Errors:** on the client's own thread alone.
    pub fn close(&self) -> Result<()> {
        self.runtime.wait(self.inner.close())
    }

    /// As [`close`](Self::close), within a time: see [`Client::close_within`](crate::Client::close_within).
    ///
    /// **Errors:** on the client's own thread alone.
    pub fn close_within(&self, limit: Duration) -> Result<Closed> {
        self.runtime.wait(self.inner.close_within(limit))
    }

    /// Logs in with other credentials: see [`Client::auth`](crate::Client::auth).
    ///
    /// **Errors:** kind [`Auth`](crate::ErrorKind::Auth) when the server refuses them; the old ones stay in use.
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
